"""Queue mail for remote triggered delivery

A branch that is on the line now and then: its mail waits until it asks, by ETRN or, logged in as
the account named, by ATRN.

    connector branch {
        to branch.example
        smart-host [192.0.2.25]
        hold for alice@example.test
    }
"""

from harness import wait_until
from howto import HowTo


class Held(HowTo):
    # shows: S34
    def test_queue_mail_for_remote_triggered_delivery(self):
        branch = self.other_host()
        self.site.write("connector branch", "to branch.example", f"smart-host {branch.at}",
                        "hold for alice@example.test")
        self.site.take_up()
        self.send("bob", "user@branch.example")
        wait_until(lambda: [entry["state"] for entry in self.site.queue()] == ["remote"],
                   "it waits to be asked for")
        self.assertIn("the other side must ask for it", self.mailroot(
            "diagnose", "outbound", "user@branch.example"))

        # The branch asks.
        with self.site.smtp() as client:
            self.assertIn(client.docmd("ETRN", "branch.example")[0], (250, 252, 253))
        self.assertEqual(branch.wait_for(1)[0].recipients, ["user@branch.example"])
        wait_until(lambda: not self.site.queue(), "nothing waits any more")
