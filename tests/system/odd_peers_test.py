"""Next hops that are odd but common: one that greylists over a restart of ours, one that comes and
goes, tarpits, one that takes one recipient at a time, one that takes one connection at a time."""

import threading
import unittest

from cases import ServerTest
from harness import free_port, text_message, wait_until
from smtp_sink import HANG_UP, Greylisting, Policy, Sink


class Flapping(Policy):
    """Of four connections one is refused, one is cut before the message and one behind it."""

    def on_connect(self, number):
        self.turn = number % 4
        return "421 4.3.2 going down" if self.turn == 1 else super().on_connect(number)

    def on_data(self, sender, recipients):
        return HANG_UP if self.turn == 2 else super().on_data(sender, recipients)

    def on_message(self, message):
        return HANG_UP if self.turn == 3 else super().on_message(message)


class Tarpit(Policy):
    """Says nothing to RCPT until the test is over."""

    extensions = ["8BITMIME"]

    def __init__(self):
        self.over = threading.Event()

    def on_rcpt(self, address):
        self.over.wait(600)
        return super().on_rcpt(address)


class OneRecipient(Policy):
    """At a time: the others hear 452."""

    def on_mail(self, address):
        self.taken = False
        return super().on_mail(address)

    def on_rcpt(self, address):
        if self.taken:
            return "452 4.5.3 one recipient at a time"
        self.taken = True
        return super().on_rcpt(address)


class OneConnection(Policy):
    """At a time; a message takes until the next connection has come."""

    def __init__(self):
        self.lock, self.open, self.refused = threading.Lock(), 0, threading.Event()

    def on_connect(self, number):
        with self.lock:
            self.open += 1
            if self.open == 1:
                return super().on_connect(number)
        self.refused.set()
        return "421 4.7.0 too many connections of yours"

    def on_close(self):
        with self.lock:
            self.open -= 1

    def on_message(self, message):
        self.refused.wait(60)
        return super().on_message(message)


TARPITS = 8


class OddPeers(ServerTest):
    @classmethod
    def before_server(cls):
        cls.sinks = {}
        lines = []
        cls.tarpit = Tarpit()
        policies = {"grey": Greylisting(), "flapping": Flapping(), "quick": Policy(),
                    "single": OneRecipient(), "narrow": OneConnection(),
                    **{f"tarpit{number}": cls.tarpit for number in range(TARPITS)}}
        for name, policy in policies.items():
            cls.sinks[name] = Sink(policy, port=free_port())
            cls.addClassCleanup(cls.sinks[name].close)
            connections = 1 if name in ("flapping", "single") else 40
            lines += [f"connector {name} {{", f"    to {name}.example",
                      f"    smart-host [127.0.0.1]:{cls.sinks[name].port}",
                      f"    limit connections {connections}", "}"]
        cls.addClassCleanup(cls.tarpit.over.set)
        lines += ["connector around {", "    to around.example",
                  f"    smart-host [127.0.0.1]:{cls.sinks['quick'].port}", "}"]
        cls.settings = {"lines": [*lines, "retry {", "    glitch 1s x100", "    after 1s", "}"]}

    def send(self, *recipients, count=1, subject="odd"):
        with self.server.smtp("submission", login="alice") as client:
            for number in range(count):
                client.sendmail("alice@example.test", recipients, text_message(f"{subject} {number}"))

    def arrived(self, name):
        return sorted(address for message in self.sinks[name].messages
                      for address in message.recipients)

    # shows: T22
    def test_mail_for_a_host_that_greylists_may_go_by_a_smart_host(self):
        self.send("user@around.example")
        wait_until(lambda: "user@around.example" in self.arrived("quick"), "the smart host has it")

    # shows: T21 T22
    def test_a_greylisted_message_is_seen_to_wait_and_goes_after_a_restart(self):
        self.send("user@grey.example")
        def waiting():
            return next((item for item in self.server.queue() if item["hop"] == "grey"
                         and item["recipients"][0]["status"] == "4.7.1"), None)
        item = wait_until(waiting, "it is listed with the answer")
        self.assertIn("greylisted", item["recipients"][0]["last_error"])
        self.server.stop()
        self.server.start()
        self.sinks["grey"].wait_for(1)
        wait_until(lambda: not waiting(), "it is out of the queue")
        self.assertEqual(self.arrived("grey"), ["user@grey.example"])

    def test_a_host_that_comes_and_goes_gets_each_message_once(self):
        recipients = [f"user{number}@flapping.example" for number in range(8)]
        for recipient in recipients:
            self.send(recipient)
        self.sinks["flapping"].wait_for(8)
        wait_until(lambda: all(item["hop"] != "flapping" for item in self.server.queue()),
                   "the queue is rid of them")
        self.assertEqual(self.arrived("flapping"), recipients)

    def test_tarpits_with_long_queues_do_not_hold_up_another_hop(self):
        for number in range(TARPITS):
            self.send(f"user@tarpit{number}.example", count=60)
        self.send("user@quick.example", count=10)
        wait_until(lambda: self.arrived("quick").count("user@quick.example") == 10,
                   "the quick host has its ten")
        self.assertEqual([message for number in range(TARPITS)
                          for message in self.sinks[f"tarpit{number}"].messages], [])
        self.tarpit.over.set()
        wait_until(lambda: all(len(self.sinks[f"tarpit{number}"].messages) == 60
                               for number in range(TARPITS)), "the tarpits have theirs")

    def test_fifty_recipients_reach_a_host_that_takes_one_at_a_time(self):
        recipients = sorted(f"user{number}@single.example" for number in range(50))
        self.send(*recipients)
        self.sinks["single"].wait_for(50)
        self.assertEqual(self.arrived("single"), recipients)
        self.assertTrue(all(len(message.recipients) == 1
                            for message in self.sinks["single"].messages))

    def test_a_host_that_takes_one_connection_gets_all_over_it(self):
        self.send("user@narrow.example", count=20)
        self.sinks["narrow"].wait_for(20)
        self.assertTrue(self.sinks["narrow"].policy.refused.is_set())
        self.assertEqual(self.server.fetch("alice"), [])


if __name__ == "__main__":
    unittest.main()
