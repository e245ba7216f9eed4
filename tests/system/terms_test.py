"""The terms a message travels under: delivery reports end to end with Postfix as the next hop,
holds, times, priorities, and as many recipients as one transaction can have."""

import email
import email.policy
import re
import unittest

from cases import ServerTest
from clock_test import HOUR, Clock
from harness import RawClient, free_port, text_message, wait_until
from peers import Postfix
from smtp_sink import Policy, Sink


def report_blocks(raw):
    """The fields of a delivery report: those of the message, then those of each recipient."""
    report = email.message_from_bytes(raw, policy=email.policy.default)
    return list(report.iter_parts())[1].get_payload()


@unittest.skipIf(Postfix.missing(), Postfix.missing())
class ReportsEndToEnd(ServerTest):
    """alice sends through mailroot to Postfix, which sends its reports back to mailroot."""

    @classmethod
    def before_server(cls):
        cls.postfix = Postfix("relay.test")
        cls.dead = free_port()
        cls.settings = {"lines": [
            "connector postfix {", "    to relay.test",
            f"    smart-host 127.0.0.1:{cls.postfix.port}", "}",
            "connector dead {", "    to dead.test", f"    smart-host 127.0.0.1:{cls.dead}", "}"]}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with (cls.postfix.conf / "main.cf").open("a") as conf:
            conf.write(f"relayhost = [127.0.0.1]:{cls.server.ports['smtp']}\n")
        cls.addClassCleanup(cls.postfix.close)
        cls.postfix.start()

    def setUp(self):
        self.empty_mailbox("alice")
        self.empty_mailbox("bob")

    def send(self, recipient, mail_words=(), rcpt_words=(), data=None):
        with self.server.smtp("submission", login="alice") as client:
            return client.sendmail("alice@example.test", [recipient],
                                   data or text_message("with terms"), mail_words, rcpt_words)

    # shows: V27
    def test_a_report_of_success_comes_from_the_next_hop_with_what_the_sender_gave(self):
        self.send("x@relay.test", ["RET=HDRS", "ENVID=QQ+2B314"],
                  ["NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;first+2Bone@else.test"])
        raw = self.server.fetch_when("alice", 1)[0]
        message, recipient = report_blocks(raw)[:2]
        self.assertIn("postfix.test", message["Reporting-MTA"])
        self.assertEqual(message["Original-Envelope-Id"], "QQ+314")
        self.assertEqual(recipient["Original-Recipient"], "rfc822;first+one@else.test")
        self.assertEqual(recipient["Action"], "delivered")
        self.assertNotIn(b"Hello.", raw)
        self.assertTrue(any(b"for <x@relay.test>" in mail for mail in self.postfix.wait_for(1)))

    # shows: V27
    def test_an_international_original_recipient_reaches_the_next_hop_in_ascii(self):
        self.send("y@relay.test", [], ["NOTIFY=SUCCESS", r"ORCPT=utf-8;j\x{FC}rg@else.test"])
        raw = self.server.fetch_when("alice", 1)[0]
        # Postfix has understood it: it writes what was meant.
        self.assertIn("Original-Recipient: utf-8;j\u00fcrg@else.test".encode(), raw)

    # shows: V27
    def test_what_is_not_delivered_in_time_is_returned_whole(self):
        self.send("x@dead.test", ["ENVID=E1", "BY=1;R"], ["NOTIFY=FAILURE"],
                  text_message("late", "z" * 100 + "\r\n"))
        raw = self.server.fetch_when("alice", 1)[0]
        message, recipient = report_blocks(raw)[:2]
        self.assertEqual(message["Original-Envelope-Id"], "E1")
        self.assertEqual(message["Received-From-MTA"], "dns; client.test")
        self.assertIsNotNone(message["Deliver-By-Date"])
        self.assertEqual(recipient["Status"], "5.4.7")
        self.assertIn(b"z" * 100, raw)

    # shows: V27
    def test_a_group_that_is_asked_for_success_is_told_as_expanded(self):
        self.server.cli("group", "add", "all@example.test", "bob@example.test", "z@relay.test")
        self.send("all@example.test", [], ["NOTIFY=SUCCESS"])
        raw = self.server.fetch_when("alice", 1)[0]
        recipient = report_blocks(raw)[1]
        self.assertEqual(recipient["Action"], "expanded")
        self.assertEqual(recipient["Final-Recipient"], "rfc822; all@example.test")
        self.assertEqual(len(self.server.fetch_when("bob", 1)), 1)

    # shows: V26
    def test_a_binary_message_is_read_as_it_was_sent(self):
        body = bytes(range(256)) * 40 + b"\r"
        message = b"Subject: binary\r\nContent-Transfer-Encoding: binary\r\n\r\n" + body
        with RawClient(self.server.ports["smtp"]).greet() as client:
            client.ask("MAIL FROM:<a@else.test> BODY=BINARYMIME")
            client.ask("RCPT TO:<bob@example.test>")
            half = len(message) // 2
            client.ask(b"BDAT %d\r\n" % half + message[:half])
            reply = client.ask(b"BDAT %d LAST\r\n" % (len(message) - half) + message[half:])
        self.assertRegex(reply, "^250 2.0.0 Accepted as")
        case = reply.split()[4]
        self.server.story(case, "body=binary")


class Terms(ServerTest):
    @classmethod
    def before_server(cls):
        cls.sink = Sink(Policy())
        cls.addClassCleanup(cls.sink.close)
        cls.settings = {"lines": ["connector sink {", "    to relay.test",
                                  f"    smart-host 127.0.0.1:{cls.sink.port}", "}"]}

    def hold(self, seconds, recipients, subject):
        with self.server.smtp("submission", login="alice") as client:
            self.assertIn("futurerelease", client.esmtp_features)
            client.sendmail("alice@example.test", recipients, text_message(subject),
                            [f"HOLDFOR={seconds}"])

    # shows: V27 T09
    def test_a_held_message_waits_survives_a_restart_and_then_goes(self):
        self.hold(HOUR, ["bob@example.test", "x@relay.test"], "later")
        listed = self.server.cli("queue", "list")
        self.assertRegex(listed, r"held until \d{4}-")
        self.assertEqual(self.server.fetch("bob"), [])
        self.server.stop()
        clock = Clock(self.server.directory / "clock")
        clock.set(HOUR - 2)
        self.server.start(clock.preload)
        wait_until(lambda: len(self.sink.messages) == 1, "the sink has it")
        self.assertIn(b"later", self.server.fetch_when("bob", 1)[0])
        wait_until(lambda: not self.server.queue(), "nothing waits any more")

    # shows: V27
    def test_a_held_message_is_cancelled_by_deleting_it(self):
        self.hold(86400, ["bob@example.test"], "never")
        waiting = [item for item in self.server.queue() if item["state"] == "held"]
        self.assertEqual(len(waiting), 1)
        self.server.cli("queue", "delete", waiting[0]["id"], "--no-report")
        wait_until(lambda: not self.server.queue(), "it is gone")
        self.server.story(waiting[0]["id"], "held until=")

    # shows: V27
    def test_the_story_tells_the_terms_and_the_priority_that_was_given(self):
        with self.server.smtp() as client:
            code, words = client.mail("a@else.test", ["MT-PRIORITY=5", "BY=86400;NT"])
            self.assertEqual((code, words[:5]), (250, b"2.3.6"))
            client.rcpt("bob@example.test")
            case = client.data(text_message("terms"))[1].split()[3].decode()
        story = self.server.story(case, "by=20")
        self.assertRegex(story, r"by=20\d\d-\S+;NT")
        self.assertNotIn("priority=", story)


class ManyRecipients(ServerTest):
    """One transaction with as many recipients as can be allowed."""

    MOST = 10_000

    @classmethod
    def before_server(cls):
        cls.sink = Sink(Policy())
        cls.addClassCleanup(cls.sink.close)
        cls.settings = {
            "server_lines": [f"limit recipients {cls.MOST}", "relay 127.0.0.0/8"],
            "lines": ["connector sink {", "    to relay.test",
                      f"    smart-host 127.0.0.1:{cls.sink.port}", "}"]}

    def peak_kilobytes(self, role):
        peaks = []
        for pid in self.server.role_pids(role):
            with open(f"/proc/{pid}/status") as status:
                peaks.append(int(re.search(r"VmHWM:\s+(\d+)", status.read()).group(1)))
        return max(peaks)

    # shows: R15 V06
    def test_ten_thousand_recipients_get_it_once_and_one_more_is_asked_to_come_apart(self):
        # All in one process, sanitized, says little: what was freed is kept there for a while.
        roles = () if self.server.one_process else ("front", "store")
        before = {role: self.peak_kilobytes(role) for role in roles}
        names = [f"recipient-number-{i}@relay.test" for i in range(self.MOST - 1)]
        with RawClient(self.server.ports["smtp"], timeout=120).greet() as client:
            client.ask("MAIL FROM:<carol@else.test>")
            for start in range(0, len(names), 500):
                group = names[start:start + 500]
                client.send(b"".join(b"RCPT TO:<%s> ORCPT=rfc822;%s\r\n" % (n.encode(), n.encode())
                                     for n in group))
                for _ in group:
                    self.assertRegex(client.reply(), "^250 2.1.5")
            self.assertRegex(client.ask("RCPT TO:<bob@example.test>"), "^250 2.1.5")
            self.assertRegex(client.ask("RCPT TO:<alice@example.test>"), "^452 4.5.3")
            self.assertRegex(client.ask("DATA"), "^354")
            client.send(text_message("to everybody") + b".\r\n")
            self.assertRegex(client.reply(), "^250 2.0.0")
        self.assertIn(b"to everybody", self.server.fetch_when("bob", 1)[0])
        wait_until(lambda: sum(len(m.recipients) for m in self.sink.messages) >= len(names),
                   "everybody has it", 180)
        got = sorted(name for m in self.sink.messages for name in m.recipients)
        self.assertEqual(got, sorted(names))
        self.assertTrue(all(len(m.recipients) <= 1000 for m in self.sink.messages))
        for role, kilobytes in before.items():
            self.assertLess(self.peak_kilobytes(role) - kilobytes, 64 << 10, role)


if __name__ == "__main__":
    unittest.main()
