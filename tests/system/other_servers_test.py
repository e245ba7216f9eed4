"""Exim and OpenSMTPD as next hops that take less than we do, and as clients that send to us."""

import email
import email.policy
import re
import smtplib
import unittest

from cases import ServerTest
from harness import free_port, text_message, wait_until
from mtas import Exim, OpenSmtpd

GERMAN = "grüße, ein Euro ist 1 €\r\n" * 30
UTF8_TEXT = (b"From: alice@example.test\r\nTo: box@peer.example\r\nSubject: eight\r\n"
             b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
             b"Content-Transfer-Encoding: 8bit\r\n\r\n" + GERMAN.encode())
BINARY = bytes(range(256)) * 40 + b"\r\n.\r\n\n.\n\r"
BINARY_MESSAGE = (b"From: alice@example.test\r\nTo: box@peer.example\r\nSubject: binary\r\n"
                  b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n"
                  b"Content-Transfer-Encoding: binary\r\n\r\n--b\r\n\r\ntext\r\n"
                  b"--b\r\nContent-Type: application/octet-stream\r\n"
                  b"Content-Transfer-Encoding: binary\r\n\r\n" + BINARY + b"\r\n--b--\r\n")


def body_lines(message):
    """The body with the line ends of Unix, without a last one that the peer may have added."""
    return message.replace(b"\r\n", b"\n").split(b"\n\n", 1)[1].rstrip(b"\n")


class OtherServer:
    """The tests of both; `peer_class` and `domain` are the subclass's."""

    @classmethod
    def before_server(cls):
        inbound = free_port()
        cls.peer = cls.peer_class(cls.domain, inbound)
        cls.addClassCleanup(cls.peer.close)
        cls.peer.start()
        cls.settings = {
            "lines": ["connector peer {", f"    to {cls.domain}",
                      f"    smart-host 127.0.0.1:{cls.peer.port}", "}",
                      "retry {", "    glitch 1s x2", "    after 1s", "    expire 1m", "}"],
            "server_lines": [f"listen 127.0.0.1:{inbound} smtp"]}

    def setUp(self):
        self.empty_mailbox("alice")

    def relay(self, data, *recipients, options=()):
        with self.server.smtp("submission", login="alice") as client:
            client.sendmail("alice@example.test", list(recipients), data,
                            mail_options=list(options))

    def arrival(self, subject, count=1):
        """The messages of that subject at the peer, when there are so many."""
        mark = re.compile(rb"(?m)^Subject: " + subject.encode() + rb"$")
        return wait_until(lambda: (found := [message for message in self.peer.messages()
                                             if mark.search(message)])[count - 1:] and found,
                          f"{subject}; {self.peer.program_name} said: {self.peer.output()[-2000:]}")

    # shows: V25 V55
    def test_what_we_send_arrives_whole(self):
        body = "one\r\n.two\r\n..\r\n\r\n" + "x" * 900 + "\r\n"
        self.relay(text_message("whole", body), f"box@{self.domain}")
        got = self.arrival("whole")[0]
        self.assertEqual(body_lines(got), body.replace("\r\n", "\n").rstrip("\n").encode())

    # shows: V26
    def test_eight_bit_text_arrives_with_the_same_characters(self):
        self.relay(UTF8_TEXT, f"box@{self.domain}", options=["BODY=8BITMIME"])
        got = email.message_from_bytes(self.arrival("eight")[0], policy=email.policy.default)
        self.assertEqual(got.get_content(), GERMAN.replace("\r\n", "\n"))

    # shows: V26
    def test_a_binary_part_arrives_byte_for_byte_where_binary_is_not_known(self):
        with self.server.smtp("submission", login="alice") as client:
            client.mail("alice@example.test", ["BODY=BINARYMIME"])
            client.rcpt(f"box@{self.domain}")
            client.send(f"BDAT {len(BINARY_MESSAGE)} LAST\r\n".encode() + BINARY_MESSAGE)
            self.assertEqual(client.getreply()[0], 250)
        got = email.message_from_bytes(self.arrival("binary")[0])
        self.assertEqual([part.get_payload(decode=True) for part in got.get_payload()],
                         [b"text", BINARY])

    def test_a_message_of_5_megabytes_is_taken(self):
        line = b"z" * 70 + b"\r\n"
        self.relay(text_message("big", "") + line * 70_000, f"box@{self.domain}")
        got = self.arrival("big")[0]
        self.assertEqual(got.count(b"z" * 70), 70_000)

    def test_one_of_three_recipients_is_refused_and_reported(self):
        self.relay(text_message("three"),
                   *(f"{user}@{self.domain}" for user in ("a", "closed", "c")))
        report = self.server.fetch_when("alice", 1)[0]
        self.assertRegex(report, rb"(?m)^Status: 5\.")
        self.assertIn(f"closed@{self.domain}".encode(), report)
        self.assertNotIn(f"a@{self.domain}".encode(), report.split(b"message/rfc822")[0])
        self.arrival("three")

    def test_forty_messages_in_a_row_all_arrive_once(self):
        for number in range(40):
            self.relay(text_message(f"row-{number}-"), f"box@{self.domain}")
        for number in range(40):
            self.assertEqual(len(self.arrival(f"row-{number}-")), 1)

    # shows: V55
    def test_what_they_send_to_us_is_delivered_whole(self):
        body = "one\r\n.two\r\n..\r\n" + "y" * 900 + "\r\n" + GERMAN
        data = UTF8_TEXT.replace(GERMAN.encode(), body.encode())
        self.peer.send(data, "alice@example.test", options=["BODY=8BITMIME"])
        got = self.server.fetch_when("alice", 1)[0]
        self.assertTrue(got.endswith(body.encode()), got)
        self.assertIn(b"by " + self.peer.host.encode(), got)

    def test_our_refusal_comes_back_to_their_sender(self):
        self.peer.send(text_message("to nobody"), "nobody@example.test",
                       sender=f"sender@{self.domain}")
        wait_until(lambda: any(b"nobody@example.test" in message and b"No such user" in message
                               for message in self.peer.messages()),
                   f"the report; {self.peer.program_name} said: {self.peer.output()[-2000:]}")


@unittest.skipIf(Exim.missing(), Exim.missing())
class ThroughExim(OtherServer, ServerTest):
    peer_class, domain = Exim, "exim.example"


@unittest.skipIf(OpenSmtpd.missing(), OpenSmtpd.missing())
class ThroughOpenSmtpd(OtherServer, ServerTest):
    peer_class, domain = OpenSmtpd, "opensmtpd.example"

    def test_an_international_sender_is_told_that_opensmtpd_lacks_smtputf8(self):
        with self.server.smtp("submission", login="alice") as client:
            client.sendmail("alice@example.test", ["grüße@opensmtpd.example"],
                            text_message("utf8"), mail_options=["SMTPUTF8"])
        report = self.server.fetch_when("alice", 1)[0]
        self.assertRegex(report, rb"(?m)^Status: 5\.6\.7\r$")


if __name__ == "__main__":
    unittest.main()
