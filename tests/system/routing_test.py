"""Where mail for other domains goes: MX, addresses, connectors; answers from a real nsd. The names
end in .example, because a resolver answers .test itself (RFC 6761 6.2)."""

import unittest

from cases import ServerTest
from harness import free_port, text_message, wait_until
from peers import Nsd
from smtp_sink import Sink

ZONES = {
    "prefer.example": "@ IN MX 20 second\n@ IN MX 10 first\nfirst IN A 127.0.0.1\n"
                   "second IN A 127.0.0.2\n",
    "equal.example": "@ IN MX 10 one\n@ IN MX 10 two\none IN A 127.0.0.1\ntwo IN A 127.0.0.2\n",
    "null.example": "@ IN MX 0 .\n@ IN A 127.0.0.1\n",
    "implicit.example": "@ IN A 127.0.0.1\n",
    "alias.example": "@ IN MX 10 mx\nmx IN A 127.0.0.1\nwww IN CNAME alias.example.\n",
    "dead.example": "@ IN MX 10 gone\n@ IN MX 20 here\ngone IN A 127.0.0.3\nhere IN A 127.0.0.1\n",
    "noaddress.example": "@ IN MX 10 nothing\n@ IN MX 20 here\nhere IN A 127.0.0.1\n",
    "self.example": "@ IN MX 10 mx.example.test.\n@ IN MX 20 behind\nbehind IN A 127.0.0.1\n",
    "loop.example": "a IN CNAME b\nb IN CNAME a\n",
    "empty.example": "@ IN TXT \"no address here\"\n",
    "smart.example": "host IN A 127.0.0.2\n",
}


@unittest.skipIf(Nsd.missing(), Nsd.missing())
class Routing(ServerTest):
    @classmethod
    def before_server(cls):
        cls.port = free_port()
        cls.near = Sink(address="127.0.0.1", port=cls.port)
        cls.addClassCleanup(cls.near.close)
        cls.far = Sink(address="127.0.0.2", port=cls.port)
        cls.addClassCleanup(cls.far.close)
        cls.nsd = Nsd(ZONES)
        cls.addClassCleanup(cls.nsd.close)
        cls.nsd.start()
        cls.settings = {"lines": [
            f"dns server 127.0.0.1:{cls.nsd.port}",
            "connector all {", "    to *", f"    by mx port {cls.port}", "}",
            # A connection for each message: one that is kept would have its host taken again.
            "connector equal {", "    to equal.example", f"    by mx port {cls.port}",
            "    limit messages 1", "}",
            "connector named {", "    to *.named.example",
            f"    smart-host host.smart.example:{cls.port}", "}",
            "retry {", "    glitch 1s x2", "    after 2s", "    expire 1m", "}"]}

    def send_to(self, *recipients):
        self.server.send(text_message("routed"), list(recipients), sender="alice@example.test",
                         service="submission", login="alice")

    def expect_at(self, sink, *recipients):
        before = len(sink.messages)
        self.send_to(*recipients)
        return sink.wait_for(before + 1)[-1]

    def expect_report(self, recipient, pattern):
        """A failure for the recipient comes back to alice."""
        before = len(self.server.fetch("alice"))
        self.send_to(recipient)
        report = self.server.fetch_when("alice", before + 1)[-1]
        self.assertIn(recipient.encode(), report)
        self.assertRegex(report, pattern)

    def test_the_lowest_preference_is_tried_first(self):
        for _ in range(5):
            self.expect_at(self.near, "user@prefer.example")

    def test_hosts_of_equal_preference_share_the_mail(self):
        before = len(self.near.messages), len(self.far.messages)
        for _ in range(24):
            self.send_to("user@equal.example")
        wait_until(lambda: len(self.near.messages) + len(self.far.messages) == sum(before) + 24,
                   "24 messages at the two hosts")
        self.assertGreater(len(self.near.messages), before[0])
        self.assertGreater(len(self.far.messages), before[1])

    def test_a_domain_without_mx_is_reached_by_its_address(self):
        self.expect_at(self.near, "user@implicit.example")

    # shows: T36
    def test_an_alias_name_leads_to_the_mx_of_its_target(self):
        self.expect_at(self.near, "user@www.alias.example")

    # shows: T36
    def test_an_unreachable_first_host_gives_way_to_the_second(self):
        self.expect_at(self.near, "user@dead.example")

    def test_an_mx_without_address_gives_way_to_the_next(self):
        self.expect_at(self.near, "user@noaddress.example")

    # shows: S64
    def test_an_address_literal_is_connected_to(self):
        self.expect_at(self.far, "user@[127.0.0.2]")

    # shows: C18
    def test_a_connector_for_a_part_of_the_names_wins_over_the_one_for_all(self):
        self.expect_at(self.far, "user@x.named.example")

    def test_recipients_of_one_domain_share_one_transaction(self):
        message = self.expect_at(self.near, "a@prefer.example", "b@prefer.example", "c@prefer.example")
        self.assertEqual(sorted(message.recipients),
                         ["a@prefer.example", "b@prefer.example", "c@prefer.example"])

    def test_a_domain_with_a_null_mx_is_refused_with_5_1_10(self):
        self.expect_report("user@null.example", rb"5\.1\.10")

    def test_a_domain_that_does_not_exist_is_reported_at_once(self):
        self.expect_report("user@nowhere.implicit.example", rb"5\.[14]\.[24]")

    def test_a_domain_without_any_address_is_reported(self):
        self.expect_report("user@empty.example", rb"5\.[14]\.[2-4]")

    def test_a_domain_whose_best_mx_is_ourselves_is_a_loop_and_reported(self):
        self.expect_report("user@self.example", rb"5\.(4\.6|3\.5|4\.4)")


@unittest.skipIf(Nsd.missing(), Nsd.missing())
class DeadResolver(ServerTest):
    settings = {"lines": ["connector all {", "    to *", "    by mx", "}",
                          f"dns server 127.0.0.1:{free_port()}"]}

    # shows: T36
    def test_mail_waits_when_no_resolver_answers(self):
        self.server.send(text_message("waits"), "user@implicit.example",
                         sender="alice@example.test", service="submission", login="alice")
        wait_until(lambda: "user@implicit.example" in self.server.cli("queue", "list"),
                   "the message is listed in the queue")
        self.assertEqual(self.server.fetch("alice"), [])


if __name__ == "__main__":
    unittest.main()
