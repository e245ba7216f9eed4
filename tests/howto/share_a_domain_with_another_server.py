"""Forward mail for unresolved recipients, and stop loops

A domain whose users are partly at another system; and the hop count that ends a circle:

    domain example.test {
        unresolved forward [192.0.2.25]
    }
    server internet {
        limit hops 15
    }
"""

from harness import text_message
from howto import HowTo


class SharedDomain(HowTo):
    # shows: S22
    def test_forward_mail_for_unresolved_recipients(self):
        old_system = self.other_host()
        self.assertRegex(self.arrives("dave@example.test"), "^550 5.1.1 ")
        self.site.add("domain example.test", f"unresolved forward {old_system.at}")
        self.site.take_up()
        self.site.send(text_message(), ["dave@example.test", "alice@example.test"])
        self.assertEqual(old_system.wait_for(1)[0].recipients, ["dave@example.test"])
        self.site.fetch_when("alice", 1)

    # shows: S25
    def test_set_the_maximum_hop_count(self):
        self.site.add("server internet", "limit hops 5")
        self.site.take_up()
        hops = b"".join(b"Received: from a by b; Mon, 23 Nov 2026 20:00:00 +0000\r\n"
                        for _ in range(6))
        with self.site.smtp() as client:
            client.mail("a@elsewhere.example")
            client.rcpt("alice@example.test")
            code, words = client.data(hops + text_message())
            self.assertEqual((code, words[:5]), (554, b"5.4.6"))
