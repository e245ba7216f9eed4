"""Shared mailboxes, limits and settings of users, with Python's imaplib and poplib."""

import imaplib
import unittest

from cases import ServerTest
from harness import client_tls, text_message, wait_until


class Sharing(ServerTest):
    """Two users and the administrator, one server."""

    settings = {"users": ("alice", "bob", "carol", "dave")}

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

    # shows: I07
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
        import smtplib
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
