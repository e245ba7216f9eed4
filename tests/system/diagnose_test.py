"""Probes and diagnoses: each fault is made, and must be named as the first cause."""

import json
import re
import unittest

from cases import ServerTest
from harness import free_port, text_message, wait_until
from odd_hosts_test import OddHost
from peers import Nsd
from smtp_sink import Policy, Sink

PTR = "\n1.0.0 IN PTR mx.example.test.\n"
ZONES = {
    "example.test": "@ IN MX 10 mx\nmx IN A 127.0.0.1\n",
    "moved.test": "@ IN MX 10 mail.elsewhere.example.\n",
    "127.in-addr.arpa": PTR,
    "good.example": "@ IN MX 10 mx\nmx IN A 127.0.0.1\n",
    "null.example": "@ IN MX 0 .\n",
    "lost.example": "@ IN MX 10 mx\n",
    "circle.example": "@ IN MX 10 mx.example.test.\n",
    "gone.example": "",
}


class Picky(Policy):
    def on_rcpt(self, address):
        return "550 5.1.1 nobody of that name" if "nobody" in address else "250 2.1.5 welcome"


def connector(name, to, port, *more):
    return [f"connector {name} {{", f"    to {to}", f"    smart-host [127.0.0.1]:{port}",
            *(f"    {line}" for line in more), "}"]


@unittest.skipIf(Nsd.missing(), Nsd.missing())
class Diagnoses(ServerTest):
    @classmethod
    def before_server(cls):
        cls.sink = Sink(Picky(), port=free_port())
        # What a firewall of old leaves of a server.
        cls.masked = OddHost(["S:220 ****************************", "C:EHLO", "S:500 what",
                              "C:HELO", "S:250 hello"])
        cls.nsd = Nsd(ZONES)
        for peer in (cls.sink, cls.masked, cls.nsd):
            cls.addClassCleanup(peer.close)
        cls.nsd.start()
        cls.dead = free_port()
        cls.settings = {"lines": [
            f"dns server 127.0.0.1:{cls.nsd.port}",
            "domain moved.test {", "    user alice", "}",
            "connector by-mx {", "    to good.example null.example lost.example circle.example",
            f"    by mx port {cls.sink.port}", "}",
            *connector("closed", "closed.example", cls.sink.port, "reject from everyone"),
            *connector("dead", "dead.example", cls.dead),
            *connector("masked", "masked.example", cls.masked.port),
            *connector("strict", "strict.example", cls.sink.port, "tls require"),
            *connector("night", "night.example", cls.sink.port, "schedule never"),
            *connector("held", "held.example", cls.sink.port, "hold"),
            "retry {", "    glitch 5m x2", "}"]}

    def steps(self, *words, expect=0):
        """The findings of a verb, {step: [(result, text)]}."""
        found = {}
        for line in self.server.cli(*words, "--json", expect=expect).splitlines():
            entry = json.loads(line)
            found.setdefault(entry["step"], []).append((entry["result"], entry["text"]))
        return found

    def first_cause(self, *words):
        """Of a diagnosis that must find a fault."""
        result = self.server.cli_result("diagnose", *words)
        self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
        return result.stderr

    # ---- probe ----

    # shows: V48 K12
    def test_a_probe_prints_the_dialogue_and_sends_nothing(self):
        steps = self.steps("probe", f"[127.0.0.1]:{self.sink.port}", "--from",
                           "alice@example.test", "--rcpt", "bob@good.example")
        self.assertRegex(steps["connect"][0][1], r"127\.0\.0\.1:\d+ in \d+ ms")
        self.assertIn("220 sink.test ready", steps["greeting"][0][1])
        self.assertIn("PIPELINING", steps["ehlo"][0][1])
        self.assertEqual(steps["starttls"], [("warn", "no TLS")])
        self.assertIn("250 2.1.0 sender ok", steps["mail"][0][1])
        self.assertIn("250 2.1.5 welcome", steps["rcpt"][0][1])
        self.assertEqual(self.sink.messages, [])

    def test_a_probe_tells_in_the_hosts_words_that_a_recipient_is_refused(self):
        steps = self.steps("probe", f"[127.0.0.1]:{self.sink.port}", "--rcpt",
                           "nobody@good.example", expect=1)
        self.assertEqual(steps["rcpt"][0][0], "FAIL")
        self.assertIn("550 5.1.1 nobody of that name", steps["rcpt"][0][1])

    def test_a_probe_shows_certificate_and_offers_of_our_own_server(self):
        steps = self.steps("probe", f"mx.example.test:{self.server.ports['smtp']}")
        self.assertIn("TLSv1.3", steps["starttls"][0][1])
        self.assertRegex(steps["certificate"][0][1], "for mx.example.test.* good for 36[45]. days")
        self.assertEqual(len(steps["ehlo"]), 2, "what is offered before TLS, and under it")

    def test_a_probe_by_connector_goes_where_its_mail_goes(self):
        steps = self.steps("probe", "good.example", "--connector", "by-mx")
        self.assertIn("mx.good.example, not proven by DNSSEC", steps["mx"][0][1])
        self.assertIn(f":{self.sink.port}", steps["connect"][0][1])

    # shows: V49
    def test_a_probe_names_a_firewall_that_masks_verbs(self):
        steps = self.steps("probe", f"[127.0.0.1]:{self.masked.port}")
        self.assertEqual(steps["greeting"][0][0], "warn")
        self.assertEqual(steps["ehlo"][0][0], "warn")

    def test_a_probe_takes_no_words_for_commands(self):
        for word in ("a b.example", "host:0", "host:99999", "x\r\ny"):
            self.assertEqual(self.server.cli_result("probe", word).returncode, 1, word)
        self.assertEqual(self.server.cli_result(
            "probe", "good.example", "--rcpt", "a@b.example>\r\nDATA").returncode, 1)

    # ---- outbound ----

    # shows: T33
    def test_mail_that_goes_has_no_fault(self):
        out = self.server.cli("diagnose", "outbound", "bob@good.example", "--from",
                              "alice@example.test", "--login", "alice@example.test")
        self.assertIn("nothing is wrong", out)
        for step in ("address", "route", "relay", "mx", "connect", "greeting", "ehlo", "rcpt"):
            self.assertRegex(out, rf"(?m)^ok +{step} ", step)

    # shows: T33
    def test_faults_of_the_dns_are_named(self):
        for address, cause in (("bob@null.example", "accepts no mail"),
                               ("bob@lost.example", "mx.lost.example.*no address"),
                               ("bob@nowhere.gone.example", "does not exist"),
                               ("bob@circle.example", "loops back.*`domain` block")):
            with self.subTest(address=address):
                self.assertRegex(self.first_cause("outbound", address), cause)

    # shows: T33
    def test_faults_of_port_and_recipient_are_named(self):
        self.assertRegex(self.first_cause("outbound", "bob@dead.example"),
                         "connect: .*refused.*blocks the port")
        self.assertRegex(self.first_cause("outbound", "nobody@good.example", "--from",
                                          "alice@example.test"), "rcpt: 550 5.1.1 nobody")

    # shows: T33
    def test_faults_of_connectors_are_named_with_their_place(self):
        cause = self.first_cause("outbound", "bob@closed.example", "--from", "alice@example.test")
        self.assertIn("route:", cause)
        out = self.server.cli("diagnose", "outbound", "bob@closed.example", "--from",
                              "alice@example.test", expect=1)
        self.assertRegex(out, r"not by closed: it rejects .*\(.*mailroot\.conf:\d+\)")
        self.assertRegex(self.first_cause("outbound", "bob@night.example"),
                         r"schedule: .*nor ever by itself .*\.conf:\d+")
        self.assertIn(("warn", ), {step[:1] for step in self.steps(
            "diagnose", "outbound", "bob@held.example")["hold"]})

    # shows: T33
    def test_tls_that_is_required_and_not_there_is_named(self):
        self.assertRegex(self.first_cause("outbound", "bob@strict.example"),
                         "starttls: TLS is required, but the peer does not offer it")

    # shows: T33
    def test_unknown_users_of_ours_and_bad_addresses_are_named(self):
        self.assertRegex(self.first_cause("outbound", "nobody@example.test"),
                         "the domain is ours, and knows nobody")
        self.assertRegex(self.first_cause("outbound", "no address"), "address: ")

    # shows: T25 T33
    def test_what_waits_and_the_last_error_are_told(self):
        self.server.send(text_message(), "bob@dead.example", sender="alice@example.test",
                         service="submission", login="alice")
        wait_until(lambda: any("refused" in recipient["last_error"] for entry in
                               self.server.queue() for recipient in entry["recipients"]),
                   "the attempt failed")
        wait_until(lambda: re.search(r"(?m)^dead +retry ", self.server.cli("queue", "hops")),
                   "the hop is in retry")
        out = self.server.cli("diagnose", "outbound", "bob@dead.example", expect=1)
        self.assertRegex(out, r"warn +queue +1 messages wait for the hop dead, which is tried "
                              r"again at .*; the last error was: .*refused")
        self.assertRegex(out, r"warn +message +\w{13}, waiting for \d+ minutes: .*refused")
        self.assertRegex(out, r"-> mailroot queue explain \w{13}")

    # shows: T33
    def test_orders_of_administrators_are_named(self):
        self.server.cli("queue", "hold-all")
        try:
            self.assertRegex(self.first_cause("outbound", "bob@good.example"),
                             "queue: all mail to other hosts is disabled -> mailroot queue resume")
        finally:
            self.server.cli("queue", "resume")
        self.server.cli("queue", "freeze", "--hop", "night")
        self.assertRegex(self.server.cli("diagnose", "outbound", "bob@night.example", expect=1),
                         r"(?m)^FAIL +queue +an administrator froze the hop night")
        self.server.cli("queue", "thaw", "--hop", "night")

    # ---- inbound ----

    # shows: T35
    def test_a_mailbox_that_others_reach_has_no_fault(self):
        steps = self.steps("diagnose", "inbound", "alice@example.test")
        self.assertIn("leads to the mailbox alice@example.test", steps["recipient"][0][1])
        self.assertEqual(steps["mx"],
                         [("ok", "mail for example.test goes to mx.example.test")])
        self.assertEqual(steps["ptr"], [("ok", "127.0.0.1 resolves back to mx.example.test")])
        for step in ("domain", "anonymous", "reachable", "greeting", "rcpt", "relay"):
            self.assertEqual(steps[step][0][0], "ok", step)

    # shows: T35
    def test_mail_that_goes_elsewhere_by_its_mx_is_named(self):
        self.assertRegex(self.first_cause("inbound", "alice@moved.test"),
                         "mx: .*mail.elsewhere.example, which is not what we are called -> publish "
                         "in the DNS: moved.test. MX 10 mx.example.test.")

    # shows: T35
    def test_unknown_recipients_and_domains_are_named(self):
        self.assertRegex(self.first_cause("inbound", "nobody@example.test"), "recipient: ")
        self.assertRegex(self.first_cause("inbound", "alice@other.example"),
                         "domain: other.example is no domain of ours -> write: domain "
                         "other.example")


@unittest.skipIf(Nsd.missing(), Nsd.missing())
class ClosedDoors(ServerTest):
    settings = {"server_lines": ["anonymous no", "tls require"]}

    # shows: T35
    def test_a_server_that_demands_a_login_of_everybody_is_named(self):
        result = self.server.cli_result("diagnose", "inbound", "alice@example.test")
        self.assertRegex(result.stderr, "anonymous: nobody may send to it without a login")
        self.assertRegex(result.stdout, r"warn +tls +servers without TLS are refused")
