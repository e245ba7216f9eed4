"""URLs that others may follow: made by one session (RFC 4467), followed by others."""

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
