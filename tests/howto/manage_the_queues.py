"""Manage queues and messages

See what waits and why; freeze, thaw, try now, delete with or without a report; stop all mail to
other hosts:

    mailroot queue hops            mailroot queue list --to @slow.example
    mailroot queue explain ID      mailroot queue retry --hop HOP
    mailroot queue freeze ID       mailroot queue thaw ID
    mailroot queue delete ID       mailroot queue delete ID --no-report
    mailroot queue hold-all        mailroot queue resume
"""

import re

from harness import wait_until
from howto import HowTo


class Queues(HowTo):
    def setUp(self):
        super().setUp()
        self.host = self.other_host()
        self.site.write("connector slow", "to slow.example", f"smart-host {self.host.at}")
        self.site.take_up()

    def wait_for_state(self, state):
        """The id of the one message, once it is in this state."""
        wait_until(lambda: [entry["state"] for entry in self.site.queue()] == [state], state)
        return self.site.queue()[0]["id"]

    # shows: T25 T28
    def test_find_out_why_a_message_waits_and_try_it_now(self):
        self.host.policy.on_rcpt = lambda address: "450 4.2.0 come again"
        self.send("alice", "user@slow.example")
        wait_until(lambda: any("come again" in recipient["last_error"] for entry in
                               self.site.queue() for recipient in entry["recipients"]), "tried")
        message = self.site.queue()[0]["id"]
        self.assertRegex(self.mailroot("queue", "explain", message), "asked to try later")
        self.assertIn("450 4.2.0 come again", self.mailroot("queue", "list", "--to",
                                                            "@slow.example"))
        self.host.policy.on_rcpt = lambda address: "250 2.1.5 ok"
        self.mailroot("queue", "retry", message)
        self.host.wait_for(1)
        wait_until(lambda: re.search("come again(.|\n)* sent ",
                                     self.mailroot("trace", message)), "the whole story is told")

    # shows: T27 T29
    def test_freeze_and_thaw_a_queue_and_stop_all_mail_to_other_hosts(self):
        self.mailroot("queue", "freeze", "--hop", "slow")
        self.send("alice", "user@slow.example")
        self.wait_for_state("waiting")
        self.assertRegex(self.mailroot("queue", "hops"), "slow +frozen")
        self.assertEqual(self.host.messages, [])
        self.mailroot("queue", "thaw", "--hop", "slow")
        self.host.wait_for(1)

        self.mailroot("queue", "hold-all")
        self.send("alice", "user@slow.example")
        self.send("alice", "bob@example.test")
        self.site.fetch_when("bob", 1)
        self.assertRegex(self.mailroot("queue", "hops"), "slow +disabled")
        self.mailroot("queue", "resume")
        self.host.wait_for(2)

    # shows: T30
    def test_delete_a_message_with_and_without_a_report(self):
        self.mailroot("queue", "freeze", "--hop", "slow")
        self.send("alice", "first@slow.example")
        self.mailroot("queue", "delete", self.wait_for_state("waiting"), "--no-report")
        wait_until(lambda: not self.site.queue(), "it is gone")
        self.send("alice", "second@slow.example")
        self.mailroot("queue", "delete", self.wait_for_state("waiting"))
        report = self.site.fetch_when("alice", 1)
        self.assertEqual(len(report), 1, "of the second alone")
        self.assertIn(b"second@slow.example", report[0])
        self.assertEqual(self.host.messages, [])
