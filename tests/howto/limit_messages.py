"""Limit message size, session size, messages and recipients

The Messages tab of a server: how large, how many, and who gets a copy of non-delivery reports.

    server internet {
        limit message 100KB         # a larger one gets 552, and EHLO says SIZE
        limit session-size 150KB    # the message that passes it gets 552, then the session ends
        limit messages 2            # one more in a session gets 421
        limit recipients 100        # one more gets 452: send it to the rest apart
    }
    copy of reports to postmaster@example.test
"""

import smtplib

from harness import text_message
from howto import HowTo


class Limits(HowTo):
    # shows: S20 S50
    def test_limit_the_size_of_messages_and_sessions(self):
        self.site.add("server internet", "limit message 100KB")
        self.site.take_up()
        self.assertIn("SIZE 102400", self.offers())
        with self.site.smtp() as client:
            code, words = client.docmd("MAIL", "FROM:<a@elsewhere.example> SIZE=200000")
            self.assertEqual((code, words[:5]), (552, b"5.3.4"))

        self.site.add("server internet", "limit session-size 150KB")
        self.site.take_up()
        large = text_message(body=("x" * 70 + "\r\n") * 1200)
        with self.site.smtp() as client:
            client.sendmail("a@elsewhere.example", ["alice@example.test"], large)
            with self.assertRaises(smtplib.SMTPException):
                client.sendmail("a@elsewhere.example", ["alice@example.test"], large)
        self.assertEqual(len(self.site.fetch("alice")), 1)

    def test_limit_recipients_and_messages(self):
        self.site.add("server internet", "limit recipients 100", "limit messages 2")
        self.site.take_up()
        with self.site.smtp() as client:
            client.mail("a@elsewhere.example")
            codes = [client.rcpt("alice@example.test")[0] for _ in range(101)]
            self.assertEqual(codes, [250] * 100 + [452])
        with self.site.smtp() as client:
            for _ in range(2):
                client.sendmail("a@elsewhere.example", ["alice@example.test"], text_message())
            self.assertEqual(client.mail("a@elsewhere.example")[0], 421)


class Reports(HowTo):
    # shows: S21
    def test_send_a_copy_of_non_delivery_reports(self):
        nowhere = self.other_host()
        nowhere.policy.on_rcpt = lambda address: "550 5.1.1 nobody of that name"
        self.site.write("connector all-mail", "to *", f"smart-host {nowhere.at}")
        self.site.write("copy of reports to bob@example.test")
        self.site.take_up()
        self.send("alice", "nobody@elsewhere.example")
        self.assertIn(b"Status: 5.1.1", self.site.fetch_when("alice", 1)[0])
        self.assertIn(b"Status: 5.1.1", self.site.fetch_when("bob", 1)[0])
