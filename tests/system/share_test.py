"""Shared mailboxes, limits and settings of users, with Python's imaplib and poplib."""

import email.message
import email.policy
import imaplib
import poplib
import smtplib
import unittest

from cases import ServerTest
from harness import client_tls, pop_retrieve, text_message, wait_until


class Sharing(ServerTest):
    """Two users and the administrator, one server."""

    settings = {"users": ("alice", "bob", "carol", "dave", "erin", "frank", "grace")}

    def imap(self, user):
        server = self.server
        client = imaplib.IMAP4_SSL("127.0.0.1", server.ports["imaps"], ssl_context=client_tls())
        client.login(server.address(user), server.passwords[user])
        self.addCleanup(client.shutdown)
        return client

    def ask(self, client, *words):
        kind, answer = getattr(client, words[0])(*words[1:])
        self.assertEqual(kind, "OK", (words, answer))
        return answer

    def listed(self, client, pattern):
        answer = self.ask(client, "list", '""', pattern)
        return [line.decode().rsplit(' "/" ', 1)[1].strip('"') for line in answer if line]

    # shows: I07 I02
    def test_a_public_folder_is_read_by_all_and_listed_to_those_who_want_it(self):
        self.server.cli("mailbox", "create", "Public/Announcements")
        self.server.cli("mailbox", "share", "Public/Announcements", "alice@example.test",
                        "lrswite")
        alice, bob = self.imap("alice"), self.imap("bob")
        message = b"Subject: to all\r\n\r\nHello.\r\n"
        self.ask(alice, "append", "Public/Announcements", None, None, message)
        self.assertIn("Public/Announcements", self.listed(bob, "*"))
        self.ask(bob, "select", "Public/Announcements", True)
        self.assertEqual(self.ask(bob, "fetch", "1", "(RFC822)")[0][1], message)
        self.assertEqual(bob.append("Public/Announcements", None, None, message)[0], "NO")
        self.server.cli("user", "set", "bob@example.test", "public-folders", "hidden")
        self.assertNotIn("Public/Announcements", self.listed(bob, "*"))
        self.ask(bob, "subscribe", "Public/Announcements")
        self.assertIn("Public/Announcements", self.listed(bob, "*"))
        self.server.cli("user", "set", "bob@example.test", "public-folders", "default")
        self.ask(bob, "unsubscribe", "Public/Announcements")
        self.set_lines("domain example.test {", "    public-folders hidden", "}")
        self.addCleanup(self.set_lines)
        self.assertNotIn("Public/Announcements", self.listed(bob, "*"))
        self.server.cli("user", "set", "bob@example.test", "public-folders", "listed")
        self.assertIn("Public/Announcements", self.listed(bob, "*"))
        self.server.cli("user", "set", "bob@example.test", "public-folders", "default")

    def test_who_may_not_send_is_refused_with_his_login_and_still_gets_mail(self):
        arguments = {"sender": "bob@example.test", "service": "submission", "login": "bob"}
        self.server.cli("user", "set", "bob@example.test", "submission", "off")
        with self.assertRaises(smtplib.SMTPDataError) as refused:
            self.server.send(text_message("not sent"), "alice@example.test", **arguments)
        self.assertEqual(refused.exception.smtp_code // 100, 5)
        self.assertEqual(self.server.send(text_message("in"), "bob@example.test"), {})
        self.server.cli("user", "set", "bob@example.test", "submission", "default")
        self.assertEqual(self.server.send(text_message("sent"), "alice@example.test", **arguments),
                         {})

    def test_who_shares_a_mailbox_sees_what_the_other_does_and_takes_it_back(self):
        alice, bob = self.imap("alice"), self.imap("bob")
        self.ask(alice, "create", "Work")
        self.ask(alice, "append", "Work", None, None, b"Subject: w\r\n\r\nx\r\n")
        self.assertEqual(self.listed(bob, '"Other Users/*/Work"'), [])
        self.ask(alice, "setacl", "Work", "bob", "lrswite")
        shared = '"Other Users/alice@example.test/Work"'
        self.assertIn(shared.strip('"'), self.listed(bob, '"Other Users/*"'))
        self.ask(alice, "select", "Work")
        self.ask(bob, "select", shared)
        self.ask(bob, "store", "1", "+FLAGS", r"(\Flagged \Deleted)")
        self.ask(alice, "noop")
        self.assertIn(rb"\Flagged", self.ask(alice, "fetch", "1", "(FLAGS)")[0])
        self.ask(bob, "expunge")
        self.ask(alice, "noop")
        self.assertEqual(self.ask(alice, "search", None, "ALL"), [b""])
        self.ask(alice, "deleteacl", "Work", "bob")
        self.assertEqual(self.listed(bob, '"Other Users/*/Work"'), [])
        self.assertEqual(bob.select(shared)[0], "NO")

    def test_who_watches_a_shared_mailbox_is_told_what_his_rights_let_him_know(self):
        team, crew = "Other Users/grace@example.test/Team", "Other Users/grace@example.test/Crew"
        grace, by_name, by_tree = self.imap("grace"), self.imap("erin"), self.imap("erin")
        self.ask(grace, "create", "Team")
        for client, which in ((by_name, f'mailboxes "{team}"'), (by_tree, 'subtree "Other Users"')):
            client.send(f"n NOTIFY SET ({which} (MailboxName MessageNew MessageExpunge FlagChange))"
                        "\r\n".encode())
            self.assertTrue(client.readline().startswith(b"n OK"))

        def told(words, *clients):
            """The next that each of them hears: what is not told does not come between."""
            for client in clients or (by_name, by_tree):
                line = client.readline().decode().strip()
                self.assertTrue(line.startswith(f"* {words}"), (line, words))

        def append(name="Team"):
            self.ask(grace, "append", name, None, None, text_message("for all"))

        self.ask(grace, "setacl", "Team", "erin@example.test", "lr")
        told(f'LIST () "/" "{team}"')
        append()
        told(f'STATUS "{team}" (MESSAGES 1 ')
        self.ask(grace, "setacl", "Team", "erin@example.test", "l")
        append()
        self.ask(grace, "setacl", "Team", "erin@example.test", "lr")
        append()
        told(f'STATUS "{team}" (MESSAGES 3 ')
        self.ask(grace, "rename", "Team", "Crew")
        told(f'LIST (\\NonExistent) "/" "{team}"', by_name)
        told(f'LIST () "/" "{crew}" ("OLDNAME" ("{team}"))', by_tree)
        append("Crew")
        told(f'STATUS "{crew}" (MESSAGES 4 ', by_tree)
        self.ask(grace, "rename", "Crew", "Team")
        told(f'LIST () "/" "{team}"')
        told(f'STATUS "{team}" (MESSAGES 4 ', by_name)
        self.ask(grace, "select", "Team")
        self.ask(grace, "store", "1", "+FLAGS", "\\Deleted")
        told(f'STATUS "{team}" (MESSAGES 4 ')
        self.ask(grace, "expunge")
        told(f'STATUS "{team}" (MESSAGES 3 ')
        self.ask(grace, "close")
        self.ask(grace, "deleteacl", "Team", "erin@example.test")
        told(f'LIST (\\NonExistent) "/" "{team}"')
        self.ask(grace, "setacl", "Team", "erin@example.test", "lr")
        told(f'LIST () "/" "{team}"')
        told(f'STATUS "{team}" (MESSAGES 3 ')
        self.ask(grace, "delete", "Team")
        told(f'LIST (\\NonExistent) "/" "{team}"')

    def test_rights_and_notes_are_there_after_a_crash_and_a_rebuild(self):
        alice = self.imap("alice")
        self.ask(alice, "create", "Kept")
        self.ask(alice, "setacl", "Kept", "bob", "lr")
        alice.xatom("SETMETADATA", "Kept", '(/shared/comment "noted")')
        self.server.kill()
        self.server.start()
        self.assertIn("Other Users/alice@example.test/Kept", self.listed(self.imap("bob"), "*"))
        self.server.stop()
        self.server.cli("store", "rebuild")
        self.server.start()
        self.assertIn("Other Users/alice@example.test/Kept", self.listed(self.imap("bob"), "*"))
        self.assertIn("Kept", self.server.cli("mailbox", "list", "alice@example.test"))
        self.assertIn("findings: 0", self.server.cli("mailbox", "verify"))

    def test_a_new_user_finds_the_usual_folders_and_is_subscribed_to_them(self):
        client = self.imap("erin")
        usual = {"INBOX", "Drafts", "Sent", "Trash", "Junk", "Archive"}
        self.assertEqual(set(self.listed(client, "*")), usual)
        subscribed = {line.decode().rsplit(" ", 1)[1].strip('"')
                      for line in self.ask(client, "lsub", '""', "*")}
        self.assertEqual(subscribed, usual)
        kind, _ = client.xatom("LIST", '(SPECIAL-USE)', '""', '"*"')
        self.assertEqual(kind, "OK")
        uses = b" ".join(client.response("LIST")[1])
        for use in (rb"\Drafts", rb"\Sent", rb"\Trash", rb"\Junk", rb"\Archive"):
            self.assertIn(use, uses)
        self.ask(client, "unsubscribe", "Junk")
        self.ask(client, "delete", "Archive")
        again = self.imap("erin")
        self.assertEqual(set(self.listed(again, "*")), usual - {"Archive"})
        self.assertNotIn(b"Junk", b"".join(self.ask(again, "lsub", '""', "*")))

    def set_lines(self, *lines):
        self.server.lines[:] = lines
        self.server.write_config()
        self.server.cli("reload")

    def pop3_facts(self, user):
        """What a session gives: sizes of LIST, of STAT, and the messages."""
        client = self.server.pop(user)
        sizes = [int(line.split()[1]) for line in client.list()[1]]
        stat = client.stat()
        messages = [pop_retrieve(client, number + 1) for number in range(stat[0])]
        client.quit()
        return sizes, stat[1], messages

    # shows: O02 O16
    def test_pop3_gives_one_kind_of_a_text_to_who_wants_that_by_default_or_by_himself(self):
        server, carol = self.server, "frank@example.test"
        both = email.message.EmailMessage()
        both["From"], both["To"], both["Subject"] = "a@far.test", carol, "both"
        both.set_content("plain words\n")
        both.add_alternative("<p>marked words</p>\n", subtype="html")
        both.add_attachment(b"attached", maintype="application", subtype="x-any", filename="x")
        plain = text_message("plain alone")
        for message in (both.as_bytes(policy=email.policy.SMTP), plain):
            server.send(message, carol, service="lmtp")
        whole = self.pop3_facts("frank")
        self.assertEqual(whole[0], [len(message) for message in whole[2]])

        def expect(wanted, missing, is_exact=True):
            sizes, stat, messages = self.pop3_facts("frank")
            self.assertIn(wanted, messages[0])
            self.assertNotIn(missing, messages[0])
            read = email.message_from_bytes(messages[0], policy=email.policy.default)
            self.assertEqual([part.get_content_type() for part in read.walk()],
                             ["multipart/mixed", "text/plain" if wanted == b"plain words"
                              else "text/html", "application/x-any"])
            self.assertEqual(messages[1], whole[2][1])
            given = [len(message) for message in messages]
            self.assertEqual(sizes, given if is_exact else whole[0])
            self.assertEqual(stat, sum(sizes))

        server.cli("user", "set", carol, "pop3-body", "plain")
        expect(b"plain words", b"marked words")
        server.cli("user", "set", carol, "pop3-body", "html")
        expect(b"marked words", b"plain words")
        server.cli("user", "set", carol, "pop3-sizes", "fast")
        expect(b"marked words", b"plain words", is_exact=False)
        server.cli("user", "set", carol, "pop3-sizes", "default")
        server.cli("user", "set", carol, "pop3-body", "default")
        self.assertEqual(self.pop3_facts("frank"), whole)
        self.set_lines("domain example.test {", "    pop3 body plain", "}")
        self.addCleanup(self.set_lines)
        expect(b"plain words", b"marked words")
        server.cli("user", "set", carol, "pop3-body", "both")
        self.assertEqual(self.pop3_facts("frank"), whole)
        client = self.imap("frank")
        client.select(readonly=True)
        self.assertIn(b"marked words", client.fetch("1", "(BODY[])")[1][0][1])

    def test_a_second_pop3_session_waits_until_the_first_has_ended(self):
        first = self.server.pop("frank")
        with self.assertRaisesRegex(poplib.error_proto, "IN-USE"):
            self.server.pop("frank")
        imap = self.imap("frank")
        self.ask(imap, "select", "INBOX")
        # RFC 1939 6: the answer to QUIT means that it is free, whenever the client hangs up.
        self.assertRegex(first._shortcmd("QUIT"), rb"^\+OK")
        self.server.pop("frank").quit()
        first.close()

    def test_pop3_ids_are_the_same_after_the_index_was_made_anew(self):
        for number in range(3):
            self.server.send(text_message(f"id {number}"), "carol@example.test", service="lmtp")

        def ids():
            client = self.server.pop("carol")
            listed = client.uidl()[1]
            client.quit()
            return listed
        before = ids()
        self.assertEqual(len(before), 3)
        self.server.stop()
        self.server.cli("store", "rebuild")
        self.server.start()
        self.assertEqual(ids(), before)

    def test_a_full_mailbox_refuses_lmtp_until_there_is_room(self):
        server = self.server
        server.cli("user", "quota", "dave@example.test", "1MB", "messages", "2")
        for number in range(2):
            self.assertEqual(server.send(text_message(f"{number}"), "dave@example.test",
                                         service="lmtp"), {})
        with self.assertRaises(smtplib.SMTPRecipientsRefused) as refused:
            server.send(text_message("too much"), "dave@example.test", service="lmtp")
        code, words = refused.exception.recipients["dave@example.test"]
        self.assertEqual((code, words[:5]), (452, b"4.2.2"))
        self.assertRegex(server.cli("mailbox", "quota"), r"dave@example.test .* 2 messages of 2")
        wait_until(lambda: "quota.near" in server.log_text(), "a warning")
        self.empty_mailbox("dave")
        server.send(text_message("fits"), "dave@example.test", service="lmtp")
        self.assertEqual(len(server.fetch("dave")), 1)


if __name__ == "__main__":
    unittest.main()
