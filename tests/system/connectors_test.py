"""How-to's of connectors, each as an administrator does it in the settings, and read back: which
mail goes by which connector, who may use it, when, and where mail for unknown users goes."""

import re
import smtplib
import unittest

from cases import ServerTest
from harness import free_port, text_message, wait_until
from peers import Nsd
from smtp_sink import Sink

ZONES = {
    "direct.example": "@ IN MX 10 mx\nmx IN A 127.0.0.1\n",
    "gone.example": "@ IN MX 10 mx\nmx IN A 127.0.0.3\n",
    "smart.example": "host IN A 127.0.0.2\n",
}


def by_host(name, to, sink, *more):
    return [f"connector {name} {{", f"    to {to}", f"    smart-host [127.0.0.1]:{sink.port}",
            *(f"    {line}" for line in more), "}"]


@unittest.skipIf(Nsd.missing(), Nsd.missing())
class Connectors(ServerTest):
    @classmethod
    def before_server(cls):
        cls.one, cls.two = Sink(port=free_port()), Sink(port=free_port())
        cls.mx = Sink(address="127.0.0.1", port=free_port())
        cls.far = Sink(address="127.0.0.2", port=cls.mx.port)
        for sink in (cls.one, cls.two, cls.mx, cls.far):
            cls.addClassCleanup(sink.close)
        cls.nsd = Nsd(ZONES)
        cls.addClassCleanup(cls.nsd.close)
        cls.nsd.start()
        dead = free_port()
        cls.settings = {"users": ("alice", "bob", "carol", "dave"), "lines": [
            f"dns server 127.0.0.1:{cls.nsd.port}",
            "copy of reports to dave@example.test",
            "domain shared.test {", "    user alice",
            f"    unresolved forward [127.0.0.1]:{cls.two.port}", "}",
            # All Internet mail, but not of bob nor of a group of ours.
            *by_host("internet", "*", cls.one, 'note "ask the postmaster"',
                     "accept from everyone except bob@example.test @interns"),
            # The other way round: nobody but alice.
            *by_host("closed", "closed.example", cls.two, "accept from alice@example.test"),
            *by_host("dear", "costs.example cost 20", cls.one),
            *by_host("cheap", "costs.example cost 10", cls.two),
            *by_host("small", "sizes.example", cls.two, "only size < 10KB"),
            *by_host("large", "sizes.example cost 5", cls.one),
            *by_host("reports", "reports.example", cls.two, "only messages system"),
            *by_host("people", "reports.example", cls.one, "only messages non-system"),
            *by_host("low", "urgent.example", cls.two, "only priority low"),
            *by_host("partner", "partner.example relay", cls.two),
            *by_host("masked", "masked.example", cls.two, "masquerade public.example"),
            *by_host("sleeping", "night.example", cls.two, "schedule never"),
            *by_host("large-at-night", "files.example", cls.two, "oversize > 10KB send never"),
            "connector several {", "    to several.example",
            f"    smart-host [127.0.0.1]:{dead} [127.0.0.1]:{cls.two.port}", "}",
            "connector named {", "    to named.example",
            f"    smart-host host.smart.example:{cls.mx.port}", "}",
            "connector try-first {", "    to direct.example gone.example",
            f"    smart-host [127.0.0.1]:{cls.two.port} direct-first",
            f"    by port {cls.mx.port}", "    timeout connect 2s", "}",
            "retry {", "    glitch 1s x2", "    after 2s", "    expire 1m", "}"]}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.cli("group", "add", "interns@example.test", "carol@example.test")

    def send(self, recipient, login="alice", body="Hello.\r\n", subject="routed"):
        self.server.send(text_message(subject, body=body), recipient,
                         sender=f"{login}@example.test", service="submission", login=login)

    def expect_at(self, sink, recipient, **options):
        before = len(sink.messages)
        self.send(recipient, **options)
        message = sink.wait_for(before + 1)[-1]
        self.assertIn(recipient, message.recipients)
        return message

    def expect_report(self, recipient, login, pattern):
        before = len(self.server.fetch(login))
        self.send(recipient, login=login)
        report = self.server.fetch_when(login, before + 1)[-1]
        self.assertIn(recipient.encode(), report)
        self.assertRegex(report, pattern)
        return report

    # shows: S26
    def test_a_connector_for_all_domains_takes_internet_mail(self):
        self.expect_at(self.one, "user@anywhere.example")
        route = self.server.cli("route", "user@anywhere.example", "--from", "alice@example.test")
        self.assertRegex(route, r"next-hop by connector internet \(\* cost 1\) to "
                                r"\[127\.0\.0\.1\]:\d+: .*\[ask the postmaster\] +# .*\.conf:\d+")

    # shows: S31
    def test_listed_users_are_kept_from_sending_internet_mail(self):
        self.expect_report("user@anywhere.example", "bob", rb"5\.7\.1")
        self.expect_at(self.one, "user@anywhere.example", login="alice")

    # shows: S31
    def test_members_of_a_group_are_kept_from_sending_internet_mail(self):
        self.expect_report("user@anywhere.example", "carol", rb"5\.7\.1")
        route = self.server.cli("route", "user@anywhere.example", "--from", "carol@example.test")
        self.assertIn("refused", route)
        self.assertRegex(route, r"not by connector internet .*does not accept mail from the sender"
                                r".*# .*\.conf:\d+")

    # shows: S31
    def test_a_connector_may_be_closed_but_for_those_listed(self):
        self.expect_at(self.two, "user@closed.example", login="alice")
        # It counts as absent for others, and the one for all domains takes their mail.
        self.expect_at(self.one, "user@closed.example", login="dave")

    # shows: S29 C18
    def test_of_two_connectors_for_a_domain_the_cheaper_one_is_taken(self):
        self.expect_at(self.two, "user@costs.example")
        route = self.server.cli("route", "user@costs.example")
        self.assertRegex(route, r"not by connector dear \(costs.example cost 20\): it costs more")

    # shows: S70
    def test_only_small_messages_go_by_a_connector_for_small_ones(self):
        self.expect_at(self.two, "user@sizes.example")
        self.expect_at(self.one, "user@sizes.example", body="x" * 70 + "\r\n" + "y\r\n" * 5000)

    # shows: S69
    def test_messages_of_people_skip_a_connector_for_those_of_the_system(self):
        self.expect_at(self.one, "user@reports.example")
        route = self.server.cli("route", "user@reports.example", "--from", "")
        self.assertRegex(route, r"next-hop by connector reports")

    # shows: S32
    def test_normal_mail_skips_a_connector_for_low_priority(self):
        self.expect_at(self.one, "user@urgent.example")
        route = self.server.cli("route", "user@urgent.example", "--from", "alice@example.test",
                                "--priority", "low", "--json")
        self.assertIn('"connector":"low"', route.splitlines()[0])

    # shows: S30
    def test_relay_of_a_connector_overrides_the_relay_list_for_its_domains_alone(self):
        self.assertRegex(self.server.cli_result("config", "check").stderr,
                         r"warning: .*connector 'partner' relays mail for 'partner.example'")
        before = len(self.two.messages)
        self.server.send(text_message(), "user@partner.example", sender="stranger@else.example")
        self.two.wait_for(before + 1)
        with self.assertRaises(smtplib.SMTPRecipientsRefused):
            self.server.send(text_message(), "user@else.example", sender="stranger@else.example")

    # shows: S61
    def test_senders_of_our_domains_appear_as_of_the_masquerade_domain(self):
        self.assertEqual(self.expect_at(self.two, "user@masked.example").sender,
                         "alice@public.example")

    # shows: S64 S27
    def test_a_smart_host_given_by_address_is_reached_without_dns(self):
        self.expect_at(self.two, "user@costs.example")

    # shows: S63 S27
    def test_a_smart_host_given_by_name_takes_the_mail(self):
        self.expect_at(self.far, "user@named.example")

    # shows: S28
    def test_of_several_smart_hosts_one_that_is_down_gives_way(self):
        for _ in range(4):
            self.expect_at(self.two, "user@several.example")

    # shows: S65
    def test_direct_first_tries_the_domain_and_then_the_smart_host(self):
        self.expect_at(self.mx, "user@direct.example")
        self.expect_at(self.two, "user@gone.example")

    # shows: S22
    def test_unknown_users_of_a_shared_domain_are_forwarded(self):
        before = len(self.two.messages)
        self.server.send(text_message(), "stranger@shared.test", sender="a@else.example")
        self.assertEqual(self.two.wait_for(before + 1)[-1].recipients, ["stranger@shared.test"])

    # shows: S21
    def test_a_copy_of_each_report_of_a_failure_goes_where_the_settings_say(self):
        before = len(self.server.fetch("dave"))
        self.expect_report("user@anywhere.example", "bob", rb"5\.7\.1")
        copy = self.server.fetch_when("dave", before + 1)[-1]
        self.assertIn(b"Action: failed", copy)

    # shows: S33
    def test_mail_waits_for_its_schedule_and_goes_when_an_administrator_says_so(self):
        before = len(self.two.messages)
        self.send("user@night.example")
        wait_until(lambda: re.search(r"scheduled for sleeping",
                                     self.server.cli("queue", "list", "--to", "user@night.example",
                                                     expect=None)),
                   "the message is in the state scheduled")
        self.assertEqual(len(self.two.messages), before)
        self.server.cli("queue", "retry", "--hop", "sleeping")
        self.two.wait_for(before + 1)

    # shows: S71
    def test_only_large_mail_waits_for_the_schedule_for_large_mail(self):
        self.send("large@files.example", body="x\r\n" * 8000)
        self.expect_at(self.two, "small@files.example")
        wait_until(lambda: "scheduled" in self.server.cli("queue", "list", "--to",
                                                          "large@files.example"), "it waits")


if __name__ == "__main__":
    unittest.main()
