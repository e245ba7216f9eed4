"""What the verbs do that no transcript can show: lists, properties on disk, whole processes."""

import re
import unittest

from cases import ServerTest
from harness import RawClient, text_message

PROPERTIES = bytes.fromhex("0200000003007640050000001e0008000d00000045784a6f75726e616c44617461000000"
                           "010000001e00013005000000416c696365000000")


class Verbs(ServerTest):
    settings = {"server_lines": ["verify on", "expand logged-in", "login cleartext",
                                 "peer bob@example.test", "limit session 1h"]}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for words in (("alias", "add", "moved@example.test", "gone@elsewhere.test"),
                      ("alias", "add", "info@example.test", "alice@example.test"),
                      ("group", "add", "staff@example.test", "alice@example.test"),
                      ("group", "add", "staff@example.test", "bob@example.test"),
                      ("group", "add", "staff@example.test", "far@elsewhere.test")):
            cls.server.cli(*words)

    def session(self, login=None):
        client = RawClient(self.server.ports["smtp"])
        self.addCleanup(client.close)
        client.greet()
        if login:
            self.assertRegex(client.ask(f"AUTH PLAIN {self.server.plain(login)}"), "^235")
        return client

    # shows: V10 R07
    def test_vrfy_tells_where_an_alias_leads(self):
        client = self.session()
        self.assertEqual(client.ask("VRFY moved"), "251 2.1.5 <gone@elsewhere.test>\r\n")
        self.assertEqual(client.ask("VRFY info@example.test"),
                         "250 2.1.5 <info@example.test>\r\n")
        self.assertEqual(client.ask("VRFY staff"), "250 2.1.5 <staff@example.test>\r\n")

    def test_expn_lists_the_members_to_who_is_logged_in(self):
        self.assertRegex(self.session().ask("EXPN staff"), "^550 5.7.1")
        listed = self.session("alice").ask("EXPN staff").splitlines()
        self.assertEqual(sorted(re.findall("<.*>", line)[0] for line in listed),
                         ["<alice@example.test>", "<bob@example.test>", "<far@elsewhere.test>"])
        self.assertEqual([line[:4] for line in listed], ["250-", "250-", "250 "])

    # shows: V53 V54 V55 R03 R06 R11 R04
    def test_the_steps_of_a_session_are_answered_in_their_order(self):
        for hello, port, login in (("HELO", "smtp", None), ("EHLO", "smtp", None),
                                   ("EHLO", "submission", "alice")):
            with self.subTest(hello=hello, port=port):
                with RawClient(self.server.ports[port]) as client:
                    codes = [client.reply()[:3], client.ask(f"{hello} client.test")[:3]]
                    if login:
                        client.ask(f"AUTH PLAIN {self.server.plain(login)}")
                    for line in ("MAIL FROM:<alice@example.test>", "RCPT TO:<bob@example.test>",
                                 "DATA", "Subject: step by step\r\n\r\nx\r\n.", "QUIT"):
                        codes.append(client.ask(line)[:3])
                    self.assertTrue(client.closed())
                self.assertEqual(codes, ["220", "250", "250", "250", "354", "250", "221"])

    # shows: V38
    def test_properties_are_on_stable_storage_with_the_message(self):
        client = self.session("bob")
        client.ask("MAIL FROM:<a@corp.test>")
        client.ask("RCPT TO:<alice@example.test>")
        self.assertRegex(client.ask(f"XEXCH50 {len(PROPERTIES)} 2"), "^354")
        client.send(PROPERTIES)
        self.assertRegex(client.reply(), "^250")
        client.ask("DATA")
        accepted = client.ask("Subject: with properties\r\n\r\nx\r\n.")
        message = accepted.split()[-1]
        self.server.story(message, f"properties={len(PROPERTIES)}")
        self.server.kill()
        self.server.start()
        self.server.story(message, f"properties={len(PROPERTIES)}")

    # shows: V40
    def test_properties_cut_short_take_the_session_with_them_and_nothing_else(self):
        client = self.session("bob")
        client.ask("MAIL FROM:<a@corp.test>")
        client.ask("RCPT TO:<bob@example.test>")
        self.assertRegex(client.ask("XEXCH50 60000 2"), "^354")
        client.send(PROPERTIES + b"DATA\r\nSubject: not a command\r\n.\r\n")
        client.socket.shutdown(1)
        self.assertEqual(client.file.read(), b"")
        self.server.send(text_message("still served"), "bob@example.test")
        self.assertNotIn(b"not a command", b"".join(self.server.fetch("bob")))

    def test_mail_is_found_by_who_sent_it_and_who_was_to_get_it(self):
        """Nobody needs an id to ask where a mail is."""
        accepted = self.server.send(text_message("where is it?"), "bob@example.test",
                                    sender="lost@elsewhere.test")
        client = self.session()
        client.ask("MAIL FROM:<other@elsewhere.test>")
        refused = client.ask("RCPT TO:<lost@nowhere.test>")
        case = re.search(r"mailroot (\w{13})", refused)[1]
        by_sender = self.server.story("Lost@elsewhere.test", " delivered ")
        self.assertRegex(by_sender, r"^id \w{13}\n.* accepted from=<lost@elsewhere.test> .*\n"
                                    r".* delivered recipient=bob@example.test ")
        self.assertNotIn(case, by_sender)
        self.assertIn("delivered", self.server.cli("trace", "bob@example.test", "--since", "1h"))
        self.assertRegex(self.server.story("@nowhere.test"), rf"^id {case}\n.* smtp.refused ")
        self.server.cli("trace", "nobody@nowhere.test", expect=1)

    def test_help_tells_the_arguments_of_verbs_and_what_may_be_meant(self):
        listed = self.server.cli("help")
        self.assertIn("\n  queue freeze ", listed)
        freeze = self.server.cli("help", "queue", "freeze")
        self.assertRegex(freeze, r"^  mailroot queue freeze ID\|--hop HOP")
        self.assertEqual(self.server.cli("queue", "freeze", "--help"), freeze)
        self.assertIn(freeze, self.server.cli("help", "queue"))
        server = self.server.cli("help", "server")  # verbs, and a block of the configuration
        self.assertIn("mailroot server pause NAME", server)
        self.assertIn("listen ADDRESS:PORT", server)
        for words in (("queue",), ("queue", "lsit")):
            result = self.server.cli_result(*words)
            self.assertEqual(result.returncode, 2)
            self.assertIn("mailroot queue list [", result.stderr)
        self.server.cli("help", "nonsense", expect=2)
        self.server.cli("que", expect=2)


if __name__ == "__main__":
    unittest.main()
