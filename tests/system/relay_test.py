"""Relaying to hosts that behave well, badly, and not at all; reports to the sender."""

import email
import email.policy
import re
import smtplib
import unittest

from cases import ServerTest
from harness import free_port, text_message, wait_until
from peers import Postfix
from smtp_sink import HANG_UP, Policy, Sink

QUICK_RETRY = ["retry {", "    glitch 1s x2", "    after 1s", "    expire 1m", "}"]


class Scripted(Policy):
    """Answers by the local part of recipients."""

    def __init__(self):
        self.tries = {}

    def on_rcpt(self, address):
        user = address.split("@")[0]
        self.tries[user] = self.tries.get(user, 0) + 1
        if user.startswith("grey") and self.tries[user] <= 2:
            return "451 4.7.1 greylisted, try again"
        if user.startswith("gone"):
            return "550 5.1.1 no such user here"
        if user.startswith("never"):
            return "450 4.2.1 not now"
        return "250 2.1.5 ok"

    def on_data(self, sender, recipients):
        return HANG_UP if recipients[0].startswith("hangdata") else "354 go ahead"

    def on_message(self, message):
        user = message.recipients[0].split("@")[0]
        self.tries[user + "/data"] = self.tries.get(user + "/data", 0) + 1
        if user.startswith("full"):
            return "552 5.2.2 mailbox full"
        if user.startswith("busy") and self.tries[user + "/data"] == 1:
            return "452 4.3.1 later"
        if user.startswith("cut") and self.tries[user + "/data"] == 1:
            return HANG_UP
        return "250 2.0.0 kept"


class WithoutDsn(Policy):
    extensions = ["PIPELINING", "8BITMIME"]


class Relay(ServerTest):
    @classmethod
    def before_server(cls):
        cls.sink = Sink(Scripted())
        cls.addClassCleanup(cls.sink.close)
        cls.bare = Sink(WithoutDsn())
        cls.addClassCleanup(cls.bare.close)
        cls.dead = free_port()
        cls.settings = {"lines": [
            "connector good {", "    to relay.test",
            f"    smart-host 127.0.0.1:{cls.sink.port}", "}",
            "connector dead {", "    to dead.test", f"    smart-host 127.0.0.1:{cls.dead}", "}",
            "connector bare {", "    to bare.test",
            f"    smart-host 127.0.0.1:{cls.bare.port}", "}",
            *QUICK_RETRY]}

    def setUp(self):
        self.empty_mailbox("alice")

    def relay(self, *recipients, data=None, sender="alice@example.test"):
        self.server.send(data or text_message("relayed"), list(recipients), sender=sender,
                         service="submission", login="alice")

    def arrived(self, recipient):
        return [message for message in self.sink.messages if recipient in message.recipients]

    def expect_arrival(self, recipient):
        wait_until(lambda: self.arrived(recipient), f"mail for {recipient}")
        return self.arrived(recipient)

    def expect_report(self):
        """The one report in alice's mailbox, parsed by Python's email package."""
        raw = self.server.fetch_when("alice", 1)[0]
        report = email.message_from_bytes(raw, policy=email.policy.default)
        self.assertEqual(report.get_content_type(), "multipart/report")
        self.assertEqual(report.get_param("report-type"), "delivery-status")
        self.assertRegex(raw, rb"(?m)^Return-Path: <>\r$")
        parts = list(report.iter_parts())
        self.assertEqual(parts[1].get_content_type(), "message/delivery-status")
        self.assertIn(parts[2].get_content_type(), ("message/rfc822", "text/rfc822-headers"))
        return report, [block for block in parts[1].get_payload()]

    def test_a_relayed_message_arrives_byte_exact_below_one_received_line(self):
        data = text_message("exact", "one\r\n.two\r\n..\r\n\r\n" + "x" * 900 + "\r\n")
        self.relay("exact@relay.test", data=data)
        got = self.expect_arrival("exact@relay.test")[0]
        self.assertTrue(got.data.endswith(data))
        self.assertEqual(got.sender, "alice@example.test")
        self.assertEqual(got.data[:-len(data)].lower().count(b"received:"), 1)
        self.assertNotIn(b"return-path:", got.data.lower())

    def test_a_message_of_20_megabytes_is_relayed(self):
        data = text_message("big", "") + (b"z" * 70 + b"\r\n") * 280_000
        self.relay("big@relay.test", data=data)
        self.assertTrue(self.expect_arrival("big@relay.test")[0].data.endswith(data))

    # shows: T21
    def test_a_greylisted_recipient_gets_the_message_once_after_retries(self):
        self.relay("grey1@relay.test")
        self.expect_arrival("grey1@relay.test")
        wait_until(lambda: not self.queued("grey1@relay.test"), "the queue is rid of it")
        self.assertEqual(len(self.arrived("grey1@relay.test")), 1)

    def test_recipients_refused_for_now_do_not_repeat_those_delivered(self):
        self.relay("fine2@relay.test", "grey2@relay.test")
        self.expect_arrival("grey2@relay.test")
        self.assertEqual(len(self.arrived("fine2@relay.test")), 1)

    # shows: T23
    def test_a_refused_recipient_is_reported_and_the_others_are_delivered(self):
        self.relay("fine3@relay.test", "gone3@relay.test")
        self.expect_arrival("fine3@relay.test")
        report, blocks = self.expect_report()
        self.assertEqual(report["to"], "alice@example.test")
        self.assertEqual(len(blocks), 2)
        self.assertIn("mx.example.test", blocks[0]["Reporting-MTA"])
        self.assertIn("gone3@relay.test", blocks[1]["Final-Recipient"])
        self.assertEqual(blocks[1]["Action"], "failed")
        self.assertEqual(blocks[1]["Status"], "5.1.1")
        self.assertIn("no such user here", blocks[1]["Diagnostic-Code"])

    def test_a_message_refused_after_its_data_is_reported_with_the_words_of_the_host(self):
        self.relay("full4@relay.test")
        _report, blocks = self.expect_report()
        self.assertEqual(blocks[1]["Status"], "5.2.2")
        self.assertIn("mailbox full", blocks[1]["Diagnostic-Code"])

    def test_a_message_put_off_after_its_data_is_tried_again(self):
        self.relay("busy5@relay.test")
        self.expect_arrival("busy5@relay.test")

    def test_a_connection_cut_instead_of_the_final_reply_is_tried_again(self):
        self.relay("cut6@relay.test")
        self.expect_arrival("cut6@relay.test")

    def forget_the_dead(self):
        """Their reports would come into the tests after this one."""
        def forgotten():
            self.server.cli("queue", "delete", "--hop", "dead", "--no-report", "--yes", expect=None)
            return not self.queued("@dead.test")
        wait_until(forgotten, "nothing waits for the dead", step=0.2)

    def test_a_dead_next_hop_delays_no_other(self):
        self.addCleanup(self.forget_the_dead)
        for number in range(20):
            self.relay(f"user{number}@dead.test")
        self.relay("alive@relay.test")
        self.expect_arrival("alive@relay.test")

    # shows: C01
    def test_mail_for_local_and_remote_recipients_splits(self):
        self.relay("split@relay.test", "bob@example.test")
        self.expect_arrival("split@relay.test")
        self.assertGreaterEqual(len(self.server.fetch("bob")), 1)

    def test_eight_bit_and_international_addresses_are_relayed_where_offered(self):
        with self.server.smtp("submission", login="alice") as client:
            client.sendmail("alice@example.test", ["grüße@relay.test"],
                            text_message("utf8", "Grüße\r\n"),
                            mail_options=["SMTPUTF8", "BODY=8BITMIME"])
        got = self.expect_arrival("grüße@relay.test")[0]
        self.assertIn("SMTPUTF8", got.mail_words)

    # shows: V27
    def test_a_success_report_is_sent_when_asked_and_the_host_has_no_dsn(self):
        with self.server.smtp("submission", login="alice") as client:
            client.sendmail("alice@example.test", ["asked@bare.test"], text_message("asked"),
                            mail_options=["RET=HDRS", "ENVID=case7"],
                            rcpt_options=["NOTIFY=SUCCESS,FAILURE"])
        _report, blocks = self.expect_report()
        self.assertEqual(blocks[1]["Action"], "relayed")
        self.assertEqual(blocks[0]["Original-Envelope-Id"], "case7")

    # shows: V27
    def test_notify_never_sends_no_report(self):
        with self.server.smtp("submission", login="alice") as client:
            client.sendmail("alice@example.test", ["gone8@relay.test"], text_message("quiet"),
                            rcpt_options=["NOTIFY=NEVER"])
        wait_until(lambda: self.sink.policy.tries.get("gone8"), "the try")
        wait_until(lambda: not self.queued("gone8@relay.test"), "the queue is rid of it")
        self.assertEqual(self.server.fetch("alice"), [])

    def queued(self, recipient):
        return recipient in self.server.cli_result("queue", "list").stdout

    # shows: T37
    def test_trace_tells_the_story_of_a_relayed_message(self):
        self.relay("story@relay.test", data=text_message("the story"))
        got = self.expect_arrival("story@relay.test")[0]
        message_id = email.message_from_bytes(got.data)["message-id"]
        story = wait_until(lambda: "kept" in (text := self.server.cli_result(
            "trace", message_id).stdout) and text, "the story with the host's reply")
        self.assertIn("story@relay.test", story)
        self.assertIn("250", story)


class Expiry(ServerTest):
    """One wait for everything that needs expired messages."""

    @classmethod
    def before_server(cls):
        cls.sink = Sink(Scripted())
        cls.addClassCleanup(cls.sink.close)
        cls.settings = {"lines": [
            "connector good {", "    to relay.test",
            f"    smart-host 127.0.0.1:{cls.sink.port}", "}",
            "connector dead {", "    to dead.test", f"    smart-host 127.0.0.1:{free_port()}", "}",
            "retry {", "    glitch 1s x2", "    after 2s", "    expire 20s",
            "    delay-notice 2s", "}"]}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.send(text_message("expires"), ["never@relay.test"], service="submission",
                        sender="alice@example.test", login="alice")
        cls.server.send(text_message("expires too"), ["x@dead.test"], service="submission",
                        sender="bob@example.test", login="bob")

    def report_with(self, user, action):
        pattern = re.compile(rb"(?m)^Action: " + action.encode(), re.IGNORECASE)
        return wait_until(lambda: next((message for message in self.server.fetch(user)
                                        if pattern.search(message)), None),
                          f"a report with {action} for {user}", 120, 0.5)

    # shows: T18
    def test_1_a_late_message_is_reported_as_delayed_and_kept(self):
        report = self.report_with("alice", "delayed")
        self.assertIn(b"never@relay.test", report)
        if "never@relay.test" not in self.server.cli("queue", "list"):
            self.report_with("alice", "failed")  # it was, until now

    # shows: T19
    def test_2_a_message_that_expires_is_reported_with_the_last_answer(self):
        report = self.report_with("alice", "failed")
        self.assertIn(b"not now", report)

    def test_3_a_message_for_a_host_that_never_answers_is_reported(self):
        report = self.report_with("bob", "failed")
        self.assertRegex(report, rb"(?m)^Status: [45]\.4\.[0-9]")

    def test_4_the_queue_is_empty_then(self):
        wait_until(lambda: "@" not in self.server.cli_result("queue", "list").stdout,
                   "an empty queue")


class DoubleBounce(ServerTest):
    @classmethod
    def before_server(cls):
        cls.sink = Sink(Scripted())
        cls.addClassCleanup(cls.sink.close)
        cls.settings = {
            "server_lines": ["relay 127.0.0.0/8"],
            "lines": ["connector all {", "    to *",
                      f"    smart-host 127.0.0.1:{cls.sink.port}", "}", *QUICK_RETRY]}

    def test_a_report_that_cannot_be_delivered_ends_as_bad_mail_and_makes_no_other(self):
        self.server.send(text_message("bounces twice"), "gone1@relay.test",
                         sender="gone2@elsewhere.test")
        wait_until(lambda: "gone2@elsewhere.test" in
                   self.server.cli_result("badmail", "list").stdout, "the bad mail is listed")
        self.assertEqual(self.sink.messages, [])
        self.assertEqual([row for row in self.server.queue() if row["state"] != "bad"], [])


@unittest.skipIf(Postfix.missing(), Postfix.missing())
class ThroughPostfix(ServerTest):
    @classmethod
    def before_server(cls):
        cls.postfix = Postfix("relay.test", extra=[
            "smtpd_recipient_restrictions = check_recipient_access "
            "inline:{{refused.test = 550 5.7.1 closed for tests}}, permit_mynetworks, reject"])
        cls.addClassCleanup(cls.postfix.close)
        cls.postfix.start()
        cls.settings = {"lines": ["connector all {", "    to *",
                                  f"    smart-host 127.0.0.1:{cls.postfix.port}", "}",
                                  *QUICK_RETRY]}

    def test_messages_relayed_through_postfix_arrive_whole(self):
        bodies = [f"number {number}\r\n.\r\n..dots\r\n" + "x" * 500 + "\r\n" for number in
                  range(20)]
        for number, body in enumerate(bodies):
            self.server.send(text_message(f"n{number}", body), f"user{number}@relay.test",
                             sender="alice@example.test", service="submission", login="alice")
        got = b"".join(self.postfix.wait_for(20))
        for body in bodies:
            self.assertIn(body.replace("\r\n", "\n").encode(), got)

    def test_a_refusal_of_postfix_is_reported_to_the_sender(self):
        self.server.send(text_message("refused"), "closed@refused.test",
                         sender="alice@example.test", service="submission", login="alice")
        report = self.server.fetch_when("alice", 1)[0]
        self.assertRegex(report, rb"(?m)^Status: 5\.")
        self.assertIn(b"closed for tests", report)


@unittest.skipIf(Postfix.missing(), Postfix.missing())
class OverOneConnection(ServerTest):
    """Postfix as a host that is given the next envelope with the end of each message."""

    @classmethod
    def before_server(cls):
        cls.postfix = Postfix("relay.test", extra=[
            "smtpd_recipient_restrictions = check_recipient_access "
            "inline:{{refused.test = 550 5.7.1 closed for tests}}, permit_mynetworks, reject",
            "smtpd_end_of_data_restrictions = check_sender_access "
            "inline:{{carol@example.test = 554 5.6.0 not that}}"])
        cls.addClassCleanup(cls.postfix.close)
        cls.postfix.start()
        cls.settings = {"users": ("alice", "carol"),
                        "lines": ["connector all {", "    to *", "    limit connections 1",
                                  "    without CHUNKING",
                                  f"    smart-host 127.0.0.1:{cls.postfix.port}", "}"]}

    def test_one_refused_among_many_takes_no_other_with_it_and_none_comes_twice(self):
        self.server.cli("queue", "hold-all")
        for number in range(12):
            user = "carol" if number % 4 == 2 else "alice"
            domain = "refused.test" if number % 4 == 1 else "relay.test"
            self.server.send(text_message(f"n{number}", f"number-{number}-\r\n"),
                             f"user{number}@{domain}", sender=f"{user}@example.test",
                             service="submission", login=user)
        self.server.cli("queue", "resume")
        wait_until(lambda: not self.server.queue(), "all has been sent or refused")
        got = b"".join(self.postfix.wait_for(6))
        for number in range(12):
            times = 1 if number % 4 in (0, 3) else 0
            self.assertEqual(got.count(b"number-%d-\n" % number), times, number)
        for user, words in (("alice", b"closed for tests"), ("carol", b"not that")):
            for report in self.server.fetch_when(user, 3):
                self.assertIn(words, report)


@unittest.skipIf(Postfix.missing(), Postfix.missing())
class FromPostfix(ServerTest):
    """Postfix as the client: everything that is not its own goes to us."""

    @classmethod
    def before_server(cls):
        inbound = free_port()
        cls.postfix = Postfix("relay.test", relayhost=f"[127.0.0.1]:{inbound}")
        cls.addClassCleanup(cls.postfix.close)
        cls.postfix.start()
        cls.settings = {"server_lines": [f"listen 127.0.0.1:{inbound} smtp"]}

    def submit(self, data, recipient, options=()):
        with smtplib.SMTP("127.0.0.1", self.postfix.port, timeout=60) as client:
            client.sendmail("someone@relay.test", [recipient], data, mail_options=list(options))

    # shows: V55
    def test_what_postfix_sends_is_delivered_whole(self):
        body = "one\r\n.two\r\n..\r\n" + "y" * 900 + "\r\nGr\u00fc\u00dfe\r\n"
        data = text_message("from Postfix", "MARK").replace(b"MARK", body.encode())
        self.submit(data, "alice@example.test", ["BODY=8BITMIME"])
        got = self.server.fetch_when("alice", 1)[0]
        self.assertIn(body.encode(), got)
        self.assertIn(b"(Postfix", got)

    def test_our_refusal_comes_back_to_the_sender_at_postfix(self):
        self.submit(text_message("to nobody"), "nobody@example.test")
        wait_until(lambda: any(b"nobody@example.test" in message and b"No such user" in message
                               for message in self.postfix.messages()), "Postfix's report")


if __name__ == "__main__":
    unittest.main()
