"""What administrators do with queues: freeze, thaw, retry, delete, find, explain, disable and enable
outbound mail; with a next hop that is there and one that is not."""

import json
import unittest

from cases import ServerTest
from harness import free_port, text_message, wait_until
from smtp_sink import Sink


class QueueOrders(ServerTest):
    @classmethod
    def before_server(cls):
        cls.sink = Sink(port=free_port())
        cls.addClassCleanup(cls.sink.close)
        cls.settings = {"lines": [
            "connector here {", "    to here.example", f"    smart-host [127.0.0.1]:{cls.sink.port}",
            "}", "connector down {", "    to down.example",
            f"    smart-host [127.0.0.1]:{free_port()}", "}", "sent keep 1h"]}

    def send(self, recipient, subject="orders", login="alice"):
        self.server.send(text_message(subject), recipient, sender=f"{login}@example.test",
                         service="submission", login=login)

    def listed(self, recipient):
        return [item for item in self.server.queue()
                if any(to["address"] == recipient for to in item["recipients"])]

    def hop(self, name):
        lines = self.server.cli("queue", "hops", "--json").splitlines()
        found = [hop for hop in map(json.loads, lines) if hop["hop"] == name]
        return found[0] if found else None

    def wait_hop(self, name, state):
        """The hop, once it has mail and is in this state."""
        def found():
            hop = self.hop(name)
            return hop if hop and hop["messages"] > 0 and hop["state"] == state else None
        return wait_until(found, f"the hop {name} is in the state {state}")

    def expect_sent(self, before):
        return self.sink.wait_for(before + 1)[-1]

    def queued_down(self, recipient, subject="orders"):
        """A message whose hop has been tried and does not answer."""
        self.send(recipient, subject)
        self.wait_hop("down", "retry")
        return self.listed(recipient)[0]["id"]

    # shows: T29
    def test_outbound_mail_is_disabled_and_enabled_and_local_mail_goes_on(self):
        before = len(self.sink.messages)
        self.server.cli("queue", "hold-all")
        self.send("user@here.example")
        local = len(self.server.fetch("bob"))
        self.send("bob@example.test")
        self.server.fetch_when("bob", local + 1)
        self.wait_hop("here", "disabled")
        self.assertEqual(len(self.sink.messages), before)
        self.assertIn("outbound mail is disabled", self.server.cli("queue", "hops"))
        self.server.cli("queue", "resume")
        self.expect_sent(before)

    # shows: T27 T05
    def test_a_frozen_hop_takes_mail_in_and_sends_none_until_it_is_thawed(self):
        before = len(self.sink.messages)
        self.server.cli("queue", "freeze", "--hop", "here")
        self.send("user@here.example")
        hop = self.wait_hop("here", "frozen")
        self.assertEqual(hop["messages"], 1)
        self.assertGreater(hop["bytes"], 0)
        self.assertEqual(len(self.sink.messages), before)
        self.server.cli("queue", "thaw", "--hop", "here")
        self.expect_sent(before)

    # shows: T30
    def test_messages_are_found_frozen_and_deleted_with_a_report_of_4_3_2(self):
        self.queued_down("found@down.example", "Invoice 17")
        self.assertIn("found@down.example",
                      self.server.cli("queue", "find", "--subject", "invoice"))
        asked = self.server.cli_result("queue", "freeze", "--subject", "invoice")
        self.assertNotEqual(asked.returncode, 0)
        self.assertIn("1 match", asked.stderr)
        self.server.cli("queue", "freeze", "--subject", "invoice", "--yes")
        wait_until(lambda: self.listed("found@down.example")[0]["state"] == "frozen", "it is frozen")
        before = len(self.server.fetch("alice"))
        self.server.cli("queue", "delete", "--to", "found@down.example", "--yes")
        self.assertIn(b"4.3.2", self.server.fetch_when("alice", before + 1)[-1])
        wait_until(lambda: not self.listed("found@down.example"), "it is gone")

    # shows: T25
    def test_explain_tells_the_last_error_the_next_try_and_the_setting(self):
        message = self.queued_down("why@down.example")
        wait_until(lambda: self.listed("why@down.example")[0]["recipients"][0]["last_error"],
                   "the error is on record")
        told = self.server.cli("queue", "explain", message)
        self.assertIn("the next hop could not be reached", told)
        self.assertRegex(told, r"last error, for why@down\.example: 4\.4\.1 .*refused")
        self.assertRegex(told, r"next: \d{4}-")
        self.assertIn("refused", self.hop("down")["last_error"])
        self.assertRegex(self.server.cli("queue", "ages"), r"down +\d")

    def test_what_was_sent_is_listed_and_sent_again(self):
        before = len(self.sink.messages)
        self.send("first@here.example", "to be repeated")
        first = self.expect_sent(before)
        sent = wait_until(lambda: self.server.cli_result(
            "queue", "history", "--to", "first@here.example", "--json").stdout, "it is listed")
        message = json.loads(sent)["id"]
        wait_until(lambda: not self.listed("first@here.example"), "it waits no more")
        self.server.cli("queue", "resend", message, "--to", "first@here.example")
        second = self.expect_sent(before + 1)
        self.assertEqual(first.data.partition(b"\r\n\r\n"), second.data.partition(b"\r\n\r\n"))
        self.server.story(message, "resent")

    # shows: T28
    def test_retry_makes_a_hop_in_retry_try_at_once(self):
        self.queued_down("again@down.example")
        failures = self.hop("down")["failures"]
        self.server.cli("queue", "retry", "--hop", "down")
        wait_until(lambda: self.hop("down")["failures"] > failures, "the hop was tried again")


if __name__ == "__main__":
    unittest.main()
