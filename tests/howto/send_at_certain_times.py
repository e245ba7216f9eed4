"""Send at certain times

When a connector sends, when it sends what is large, and how often failures are tried again:

    connector night {
        to files.example
        smart-host [192.0.2.25]
        schedule mon-fri 22:00-06:00
        oversize > 10MB send sat at 03:00
    }
    retry {
        glitch 1m x3
        after 10m 10m 10m then 15m
        delay-notice 12h
        expire 2d
    }

The mail of one virtual server at intervals of its own, the rest as above:

    server office {
        listen 192.0.2.1:587
        retry glitch 30s x5 after 5m 10m then 30m
        retry delay-notice 4h expire 1d local-delay-notice 2h local-expire 12h
    }
"""

from harness import wait_until
from howto import HowTo


class Times(HowTo):
    # shows: S33 S71
    def test_send_at_certain_times(self):
        host = self.other_host()
        self.site.write("connector night", "to files.example", f"smart-host {host.at}",
                        "schedule never")
        self.site.take_up()
        self.send("alice", "user@files.example")
        wait_until(lambda: [entry["state"] for entry in self.site.queue()] == ["scheduled"],
                   "it waits for its time")
        self.assertRegex(self.mailroot("queue", "explain", self.site.queue()[0]["id"]),
                         r"sends mail at other times.*\.conf:\d+")
        # The time comes, for all but what is large.
        self.site.change("schedule never", "schedule always\n    oversize > 10KB send never")
        self.site.take_up()
        host.wait_for(1)
        self.send("alice", "user@files.example", body=("x" * 70 + "\r\n") * 400)
        wait_until(lambda: [entry["state"] for entry in self.site.queue()] == ["scheduled"],
                   "the large one waits")
        # Force the connection: now.
        self.mailroot("queue", "retry", self.site.queue()[0]["id"])
        host.wait_for(2)

    def test_set_how_often_it_is_tried_and_when_it_is_given_up(self):
        host, asked = self.other_host(), []

        def greylist(address):
            asked.append(address)
            return "450 4.2.0 come again"

        host.policy.on_rcpt = greylist
        self.site.write("connector all-mail", "to *", f"smart-host {host.at}")
        self.site.write("retry", "after 1s", "expire 8s", "delay-notice 0")
        self.site.take_up()
        self.send("alice", "user@elsewhere.example")
        report = self.site.fetch_when("alice", 1)[0]
        self.assertRegex(report, rb"Status: (4\.4\.7|4\.2\.0|5\.4\.7)")
        self.assertIn(b"come again", report)
        self.assertGreater(len(asked), 1, "it was tried again before")
