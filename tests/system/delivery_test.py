"""What goes in comes out: mail for local mailboxes, byte for byte."""

import hashlib
import poplib
import re
import unittest

from cases import ServerTest
from harness import RawClient, body_of, text_message, wait_until


class LocalDelivery(ServerTest):
    settings = {"server_lines": ["limit message 64MB"]}

    def setUp(self):
        self.empty_mailbox("alice")
        self.empty_mailbox("bob")

    def only_message(self, user="alice"):
        messages = self.server.fetch(user)
        self.assertEqual(len(messages), 1)
        return messages[0]

    # shows: C01
    def test_a_message_is_in_the_mailbox_when_its_sender_hears_250(self):
        for number in range(20):
            self.server.send(text_message(f"number {number}"), "alice@example.test")
            self.assertEqual(len(self.server.fetch("alice")), number + 1)

    # shows: V51
    def test_trace_headers_are_added_in_front_and_the_rest_is_untouched(self):
        data = text_message("untouched", "one\r\n\r\ntwo\t \r\n")
        self.server.send(data, "alice@example.test", sender="carol@elsewhere.test")
        got = self.only_message()
        self.assertTrue(got.endswith(data), got)
        added = got[:-len(data)].decode()
        self.assertRegex(added, r"(?m)^Return-Path: <carol@elsewhere\.test>\r$")
        self.assertRegex(added, r"(?m)^Received: from client\.test \(")
        self.assertRegex(added, r"by mx\.example\.test")

    # shows: V07
    def test_lines_with_dots_survive(self):
        body = "".join("." * n + "\r\n" for n in range(1, 80)) + ".x\r\n..\r\n"
        self.server.send(text_message("dots", body), "alice@example.test")
        self.assertEqual(body_of(self.only_message()), body.encode())

    def bdat(self, data, chunk, recipient="alice@example.test"):
        with RawClient(self.server.ports["smtp"]) as client:
            client.greet()
            client.ask("MAIL FROM:<x@elsewhere.test> BODY=8BITMIME")
            self.assertRegex(client.ask(f"RCPT TO:<{recipient}>"), "^250")
            for start in range(0, len(data), chunk):
                piece = data[start:start + chunk]
                last = b" LAST" if start + chunk >= len(data) else b""
                client.send(b"BDAT %d%s\r\n" % (len(piece), last) + piece)
                reply = client.reply()
                self.assertRegex(reply, "^250")
            client.ask("QUIT")

    def test_bytes_of_every_value_but_nul_cr_and_lf_survive_bdat(self):
        every = bytes(value for value in range(1, 256) if value not in (10, 13))
        data = text_message("bytes", "") + (every + b"\r\n") * 50
        self.bdat(data, 1000)
        self.assertTrue(self.only_message().endswith(data))

    def test_a_nul_sent_by_bdat_is_never_silently_lost(self):
        data = text_message("nul", "") + b"a\0b\0\0c\r\n"
        try:
            self.bdat(data, 1 << 20)
        except AssertionError:
            self.assertEqual(self.server.fetch("alice"), [])
            return
        self.assertTrue(self.only_message().endswith(data))

    # shows: V24
    def test_chunks_of_one_byte_make_the_same_message(self):
        data = text_message("tiny chunks", "short\r\n")
        self.bdat(data, 1)
        self.assertTrue(self.only_message().endswith(data))

    def test_a_line_of_a_megabyte_survives(self):
        data = text_message("long", "") + b"x" * (1 << 20) + b"\r\n"
        self.bdat(data, 1 << 16)
        self.assertTrue(self.only_message().endswith(data))

    def test_a_message_of_30_megabytes_survives(self):
        line = b"0123456789abcdef" * 4 + b"\r\n"
        data = text_message("big", "") + line * (30_000_000 // len(line))
        self.server.send(data, "alice@example.test", timeout=120)
        got = self.only_message()
        self.assertEqual(hashlib.sha256(got[-len(data):]).digest(),
                         hashlib.sha256(data).digest())

    # shows: V17 V18
    def test_a_message_over_the_announced_limit_is_refused_at_mail(self):
        with self.server.smtp() as client:
            code, _text = client.mail("x@elsewhere.test", [f"SIZE={65 << 20}"])
            self.assertEqual(code, 552)

    # shows: T38
    def test_one_body_for_two_recipients_reaches_both_once(self):
        self.server.send(text_message("both"), ["alice@example.test", "bob@example.test",
                                                "ALICE@EXAMPLE.TEST"])
        self.assertEqual(len(self.server.fetch("alice")), 1)
        self.assertEqual(len(self.server.fetch("bob")), 1)

    # shows: V22
    def test_a_pipelined_transaction_in_one_packet_is_answered_in_order(self):
        with RawClient(self.server.ports["smtp"]) as client:
            client.greet()
            client.send(b"MAIL FROM:<x@elsewhere.test>\r\nRCPT TO:<alice@example.test>\r\n"
                        b"RCPT TO:<nobody@example.test>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\n")
            codes = [client.reply()[:3] for _ in range(5)]
            self.assertEqual(codes, ["250", "250", "550", "250", "354"])
            client.send(text_message("pipelined") + b".\r\nQUIT\r\n")
            self.assertEqual([client.reply()[:3] for _ in range(2)], ["250", "221"])
        self.assertEqual(len(self.server.fetch("bob")), 1)

    def test_a_thousand_messages_down_one_pipeline_all_arrive(self):
        count = 1000
        one = (b"MAIL FROM:<x@elsewhere.test>\r\nRCPT TO:<alice@example.test>\r\n"
               b"BDAT %d LAST\r\n%s")
        with RawClient(self.server.ports["smtp"]) as client:
            client.greet()
            for start in range(0, count, 100):
                for number in range(start, start + 100):
                    data = text_message(f"n{number}")
                    client.send(one % (len(data), data))
                for _ in range(300):
                    self.assertRegex(client.reply(), "^250")
        subjects = {re.search(rb"Subject: n(\d+)", message).group(1)
                    for message in self.server.fetch("alice")}
        self.assertEqual(len(subjects), count)

    def test_a_connection_lost_inside_data_leaves_nothing(self):
        with RawClient(self.server.ports["smtp"]) as client:
            client.greet()
            client.ask("MAIL FROM:<x@elsewhere.test>")
            client.ask("RCPT TO:<alice@example.test>")
            client.ask("DATA")
            client.send(text_message("lost", "never ended\r\n"))
        self.assertEqual(self.server.fetch("alice"), [])

    def test_lmtp_answers_for_each_recipient(self):
        with RawClient(self.server.ports["lmtp"]) as client:
            client.reply()
            client.ask("LHLO client.test")
            client.ask("MAIL FROM:<x@elsewhere.test>")
            self.assertRegex(client.ask("RCPT TO:<alice@example.test>"), "^250")
            self.assertRegex(client.ask("RCPT TO:<nobody@example.test>"), "^550")
            self.assertRegex(client.ask("RCPT TO:<bob@example.test>"), "^250")
            self.assertRegex(client.ask("DATA"), "^354")
            client.send(text_message("lmtp") + b".\r\n")
            self.assertRegex(client.reply(), "^250")
            self.assertRegex(client.reply(), "^250")
            self.assertRegex(client.ask("NOOP"), "^250")
        self.assertEqual(len(self.server.fetch("alice")), 1)
        self.assertEqual(len(self.server.fetch("bob")), 1)

    def test_a_deleted_message_stays_deleted_after_a_restart_and_others_stay(self):
        for number in range(3):
            self.server.send(text_message(f"keep {number}"), "alice@example.test")
        client = self.server.pop("alice")
        before = client.uidl()[1]
        client.dele(2)
        client.quit()
        self.server.stop()
        self.server.start()
        client = self.server.pop("alice")
        after = client.uidl()[1]
        client.quit()
        self.assertEqual([line.split()[1] for line in after],
                         [line.split()[1] for line in (before[0], before[2])])

    def test_a_session_that_is_cut_before_quit_deletes_nothing(self):
        self.server.send(text_message("stays"), "alice@example.test")
        client = self.server.pop("alice")
        client.dele(1)
        client.close()

        def once_more():
            try:
                return self.server.fetch("alice")
            except poplib.error_proto:  # the cut is not seen yet, and the mailbox in use
                return None
        self.assertEqual(len(wait_until(once_more, "the mailbox is free")), 1)


class Aliases(ServerTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.cli("alias", "add", "info@example.test", "alice@example.test")

    def setUp(self):
        self.empty_mailbox("alice")
        self.empty_mailbox("bob")

    # shows: C10
    def test_mail_to_an_alias_reaches_its_user(self):
        self.server.send(text_message("alias"), "info@example.test")
        self.assertEqual(len(self.server.fetch("alice")), 1)

    # shows: C03
    def test_nested_groups_reach_each_member_once(self):
        self.server.cli("group", "add", "inner@example.test", "alice@example.test",
                        "bob@example.test")
        self.server.cli("group", "add", "outer@example.test", "inner@example.test",
                        "alice@example.test", "info@example.test")
        self.server.send(text_message("group"), "outer@example.test")
        self.assertEqual(len(self.server.fetch("alice")), 1)
        self.assertEqual(len(self.server.fetch("bob")), 1)

    def test_a_user_added_while_the_server_runs_gets_mail_at_once(self):
        self.server.passwords["carol"] = "carol's long password"
        self.server.set_password("carol")
        self.server.send(text_message("hello"), "carol@example.test")
        self.assertEqual(len(self.server.fetch("carol")), 1)
        self.assertIn("carol@example.test", self.server.cli("user", "list"))

    def test_an_unknown_local_recipient_is_refused_at_rcpt(self):
        with self.server.smtp() as client:
            client.mail("x@elsewhere.test")
            code, text = client.rcpt("nobody@example.test")
            self.assertEqual(code, 550)
            self.assertRegex(text.decode(), r"^5\.1\.1")


if __name__ == "__main__":
    unittest.main()
