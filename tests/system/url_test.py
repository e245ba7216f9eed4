"""URLs that others may follow: made by one session (RFC 4467), followed by others, and by a submission
server that sends what they lead to (RFC 4468)."""

import datetime
import re

from harness import text_message
from imap_test import ImapTest, connect

MESSAGE = (b"From: alice@example.test\r\nSubject: \xe2\x80\x94 a draft\r\nMIME-Version: 1.0\r\n"
           b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
           b"--b\r\nContent-Type: text/plain\r\n\r\nthe text\r\n"
           b"--b\r\nContent-Type: text/html\r\n\r\n<p>the page</p>\r\n--b--\r\n")


class UrlTest(ImapTest):
    def rump(self, uid, rest, name="drafts", user="alice"):
        return f"imap://{user}@example.test/{name}/;UID={uid}{rest}"

    def command(self, client, *words):
        """Its tagged answer and the untagged ones of its name."""
        client.untagged_responses.clear()
        answer = client.xatom(*words)
        return answer, client.untagged_responses.get(words[0], [])

    def generate(self, client, rump):
        answer, said = self.command(client, "GENURLAUTH", f'"{rump}"', "INTERNAL")
        self.ok(answer)
        url = said[0].decode().strip('"')
        self.assertRegex(url, f"^{re.escape(rump)}:internal:01[0-9a-f]{{64}}$")
        return url

    def follow(self, client, url):
        """The bytes; None for NIL."""
        answer, said = self.command(client, "URLFETCH", f'"{url}"')
        self.ok(answer)
        self.assertTrue(said, answer)
        if isinstance(said[0], tuple):
            self.assertTrue(said[0][0].startswith(f'"{url}" {{'.encode()), said)
            return said[0][1]
        found = re.fullmatch(rf'"{re.escape(url)}" (?:"(.*)"|NIL)', said[0].decode())
        return None if found[1] is None else found[1].encode()

    def draft(self, message=MESSAGE, name="drafts"):
        self.client.create(name)
        self.client.send(b"x APPEND %s {%d+}\r\n%s\r\n" % (name.encode(), len(message), message))
        while not (line := self.client.readline()).startswith(b"x OK"):
            self.assertRegex(line, rb"^\* ")
        return int(re.search(rb"APPENDUID \d+ (\d+)", line)[1])

    def other(self, user):
        client = connect(self.server, user)
        self.addCleanup(client.shutdown)
        return client


class Urls(UrlTest):
    settings = {"server_lines": ["limit message 1MB"]}

    def test_a_url_leads_whoever_it_is_for_to_the_message_or_its_part(self):
        uid, bob = self.draft(), self.other("bob")
        for rest, wanted in {"": MESSAGE, "/;SECTION=1": b"the text",
                             "/;SECTION=2/;PARTIAL=3.4": b"the ",
                             "/;SECTION=HEADER.FIELDS%20(FROM)":
                             b"From: alice@example.test\r\n\r\n",
                             "/;SECTION=7": None}.items():
            for access, alices, bobs in (("user+bob", None, wanted), ("user+alice", wanted, None),
                                         ("authuser", wanted, wanted),
                                         ("anonymous", wanted, wanted),
                                         ("submit+alice", None, None)):
                with self.subTest(rest=rest, access=access):
                    url = self.generate(self.client, self.rump(uid, f"{rest};URLAUTH={access}"))
                    self.assertEqual(self.follow(self.client, url), alices)
                    self.assertEqual(self.follow(bob, url), bobs)
                    self.assertIsNone(self.follow(bob, url[:-1] + "x"))
                    self.assertIsNone(self.follow(bob, url.replace(access, "ANONYMOUS")))

    def test_what_a_url_leads_to_ends_with_its_time_its_message_and_its_mailbox(self):
        uid, bob = self.draft(name="ending"), self.other("bob")
        now = datetime.datetime.now(datetime.timezone.utc)

        def made(rest, wanted=MESSAGE):
            url = self.generate(self.client, self.rump(uid, rest, "ending"))
            self.assertEqual(self.follow(bob, url), wanted)
            return url

        for days, wanted in ((1, MESSAGE), (-1, None)):
            date = (now + datetime.timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")
            made(f";EXPIRE={date};URLAUTH=user+bob", wanted)
        url = made(";URLAUTH=user+bob")
        self.ok(self.client.select("ending"))
        self.ok(self.client.store("1", "+FLAGS.SILENT", "\\Deleted"))
        self.ok(self.client.expunge())
        self.assertIsNone(self.follow(bob, url))
        self.ok(self.client.close())
        uid = self.draft(name="ending")
        url = made(";URLAUTH=user+bob")
        self.ok(self.client.delete("ending"))
        self.assertIsNone(self.follow(bob, url))
        self.assertEqual(self.draft(name="ending"), 1)
        self.assertIsNone(self.follow(bob, url))

    def test_a_url_of_a_shared_mailbox_lasts_as_long_as_its_makers_right_to_read_it(self):
        uid, bob = self.draft(name="lent"), self.other("bob")
        self.ok(self.client.setacl("lent", "bob", "lr"))
        rump = self.rump(uid, ";URLAUTH=anonymous", "Other%20Users/alice%40example.test/lent",
                         "bob")
        url = self.generate(bob, rump)
        self.assertEqual(self.follow(self.client, url), MESSAGE)
        self.ok(self.client.deleteacl("lent", "bob"))
        self.assertIsNone(self.follow(self.client, url))
        with self.assertRaisesRegex(bob.error, "mailbox does not exist"):
            self.command(bob, "GENURLAUTH", f'"{rump}"', "INTERNAL")
        self.ok(self.client.setacl("lent", "bob", "lr"))
        self.assertEqual(self.follow(self.client, url), MESSAGE)

    def test_urls_outlive_a_crash_and_end_with_the_key_they_were_made_by(self):
        one, other = self.draft(name="one"), self.draft(name="other")
        urls = [self.generate(self.client, self.rump(uid, ";URLAUTH=authuser", name))
                for uid, name in ((one, "one"), (other, "other"))]
        self.server.kill()
        self.server.start()
        self.client = self.other("alice")
        self.assertEqual([self.follow(self.client, url) for url in urls], [MESSAGE] * 2)
        self.ok(self.client.xatom("RESETKEY", "one"))
        self.assertEqual([self.follow(self.client, url) for url in urls], [None, MESSAGE])
        again = self.generate(self.client, self.rump(one, ";URLAUTH=authuser", "one"))
        self.assertEqual(self.follow(self.client, again), MESSAGE)
        self.ok(self.client.xatom("RESETKEY"))
        self.server.kill()
        self.server.start()
        self.client = self.other("alice")
        self.assertEqual([self.follow(self.client, url) for url in (*urls, again)], [None] * 3)

    def test_a_large_message_is_followed_as_it_is_and_no_token_is_logged(self):
        large = text_message("large", "0123456789abcdef\r\n" * 60_000)
        uid = self.draft(large)
        url = self.generate(self.client, self.rump(uid, ";URLAUTH=authuser"))
        self.assertEqual(self.follow(self.client, url), large)
        self.assertIsNone(self.follow(self.client, url.replace("authuser", "user+bob")))
        self.server.wait_log("imap.url-refused .*reason=")
        self.assertNotIn(url[-64:], self.server.log_text())

    # ---- BURL ----

    def submit(self, parts, login="alice", options=(), recipient="bob@example.test"):
        """The reply to each part, the last one LAST: a URL, or bytes that go by BDAT."""
        smtp = self.server.smtp("submission", login=login)
        self.addCleanup(smtp.close)
        smtp.mail(self.server.address(login), options)
        smtp.rcpt(recipient)
        replies = []
        for part in parts:
            last = " LAST" if len(replies) == len(parts) - 1 else ""
            if isinstance(part, bytes):
                smtp.send(f"BDAT {len(part)}{last}\r\n".encode() + part)
                replies.append(smtp.getreply())
            else:
                replies.append(smtp.docmd("BURL", part + last))
        return [(code, text.decode().split()[0]) for code, text in replies]

    def received(self, user="bob"):
        """What came for the user, without what was put before it on the way; the mailbox is emptied."""
        client = self.other(user)
        self.ok(client.select())
        whole = [part[1] for part in self.ok(client.fetch("1:*", "(BODY.PEEK[])"))
                 if isinstance(part, tuple)]
        self.ok(client.store("1:*", "+FLAGS.SILENT", "\\Deleted"))
        self.ok(client.expunge())
        return [message[message.index(b"From: alice"):] for message in whole]

    def submittable(self, uid, rest="", user="alice", name="drafts"):
        return self.generate(self.client, self.rump(uid, f"{rest};URLAUTH=submit+{user}", name))

    def test_a_draft_is_sent_by_its_url_and_arrives_as_it_is(self):
        self.empty_mailbox("bob")
        uid = self.draft()
        self.assertEqual(self.submit([self.submittable(uid)]), [(250, "2.0.0")])
        self.assertEqual(self.received(), [MESSAGE])
        identity = self.server.wait_log(r"smtp\.url id=(\S+) .*size=")[1].decode()
        self.server.story(identity, "smtp.url")

    def test_a_message_is_put_together_of_bytes_and_of_parts_that_are_here(self):
        self.empty_mailbox("bob")
        uid = self.draft()
        head = (b"From: alice@example.test\r\nSubject: put together\r\n"
                b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n")
        parts = [head, self.submittable(uid, "/;SECTION=2.MIME"),
                 self.submittable(uid, "/;SECTION=2"), b"\r\n--c\r\nContent-Type: message/rfc822\r\n"
                 b"\r\n", self.submittable(uid), b"\r\n--c--\r\n"]
        self.assertEqual(self.submit(parts), [(250, code) for code in (
            "2.0.0", "2.5.0", "2.5.0", "2.0.0", "2.5.0", "2.0.0")])
        mime = b"Content-Type: text/html\r\n\r\n"
        self.assertEqual(self.received(), [b"".join(
            [head, mime, b"<p>the page</p>", parts[3], MESSAGE, parts[5]])])

    def test_who_sends_is_who_the_url_is_for_while_it_lasts(self):
        uid, other = self.draft(), self.draft(name="gone")
        refused = [(554, "5.6.6")]
        url = self.submittable(uid)
        self.assertEqual(self.submit([url], login="bob"), refused)
        self.assertEqual(self.submit([url[:-1] + ("0" if url[-1] != "0" else "1")]), refused)
        self.assertEqual(self.submit([url.replace("submit+", "user+")]), refused)
        self.assertEqual(self.submit([self.submittable(uid, user="bob")]), refused)
        for access in ("user+alice", "authuser"):
            self.assertEqual(self.submit([self.generate(
                self.client, self.rump(uid, f";URLAUTH={access}"))]), refused)
        for rest in ("/;SECTION=9", ";EXPIRE=2020-01-01T00:00:00Z", "/;PARTIAL=1000000"):
            self.assertEqual(self.submit([self.submittable(uid, rest)]), refused)
        self.assertEqual(self.submit([self.submittable(4000000000)]), refused)
        gone = self.submittable(other, name="gone")
        self.ok(self.client.delete("gone"))
        self.assertEqual(self.submit([gone]), refused)
        self.ok(self.client.xatom("RESETKEY", "drafts"))
        self.assertEqual(self.submit([url]), refused)
        self.assertEqual(self.submit([b"From: alice@example.test\r\n\r\n", url]),
                         [(250, "2.0.0"), *refused])
        self.assertNotIn(url[-64:], self.server.log_text())

    def test_bob_sends_what_alice_lets_him_send(self):
        self.empty_mailbox("bob")
        uid = self.draft()
        self.assertEqual(self.submit([self.submittable(uid, user="bob")], login="bob"),
                         [(250, "2.0.0")])
        anybodys = self.generate(self.client, self.rump(uid, ";URLAUTH=anonymous"))
        self.assertEqual(self.submit([anybodys], login="bob"), [(250, "2.0.0")])
        self.assertEqual(self.received(), [MESSAGE] * 2)

    def test_limits_and_line_ends_are_those_of_any_message(self):
        self.empty_mailbox("bob")
        large = b"From: alice@example.test\r\n\r\n" + b"0123456789abcdef\r\n" * 40_000
        uid = self.draft(large)
        self.assertEqual(self.submit([self.submittable(uid)]), [(250, "2.0.0")])
        self.assertEqual(self.received(), [large])
        self.assertEqual(self.submit([self.submittable(uid)] * 2),
                         [(250, "2.5.0"), (552, "5.3.4")])
        uid = self.draft(b"From: alice@example.test\r\n\r\na bare\nline\r\n")
        self.assertEqual(self.submit([self.submittable(uid)]), [(550, "5.6.11")])
        self.assertEqual(self.submit([self.submittable(uid)], options=["BODY=BINARYMIME"]),
                         [(250, "2.0.0")])

    def test_an_unfinished_message_goes_nowhere(self):
        self.empty_mailbox("bob")
        url = self.submittable(self.draft())
        smtp = self.server.smtp("submission", login="alice")
        self.addCleanup(smtp.close)
        smtp.mail("alice@example.test")
        smtp.rcpt("bob@example.test")
        self.assertEqual(smtp.docmd("BURL", url)[0], 250)
        self.assertEqual(smtp.docmd("DATA")[0], 503)
        self.assertEqual(smtp.docmd("RSET")[0], 250)
        self.assertEqual(smtp.docmd("BURL", url + " LAST")[0], 503)
        self.assertEqual(self.submit([url]), [(250, "2.0.0")])
        self.assertEqual(self.received(), [MESSAGE])
