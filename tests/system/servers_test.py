"""Virtual servers side by side: what each is called, whom each talks to and relays for, what a peer
is called in what it sends, and how mail leaves them. DNS is a real nsd."""

import json
import email
import email.policy
import re
import socket
import threading
import time
import unittest

from cases import ServerTest
from harness import Mailroot, RawClient, free_port, text_message, wait_until
from peers import Nsd
from smtp_sink import Policy, Sink

ZONES = {
    "2.0.192.in-addr.arpa": "10 IN PTR mx.partner.example.\n11 IN PTR liar.partner.example.\n"
                            "12 IN PTR home.dyn.example.\n13 IN TXT \"nameless\"\n",
    "8.b.d.0.1.0.0.2.ip6.arpa": "1" + ".0" * 23 + " IN PTR six.partner.example.\n",
    "partner.example": "mx IN A 192.0.2.10\nliar IN A 192.0.2.99\nsix IN AAAA 2001:db8::1\n",
    "dyn.example": "home IN A 192.0.2.12\n",
}
# A zone that the nsd does not have, so that it refuses to answer.
UNANSWERED = "198.51.100.7"


@unittest.skipIf(Nsd.missing(), Nsd.missing())
class Servers(ServerTest):
    """Peers are named by the PROXY protocol."""

    @classmethod
    def before_server(cls):
        cls.nsd = Nsd(ZONES)
        cls.addClassCleanup(cls.nsd.close)
        cls.nsd.start()
        cls.ports = {name: free_port() for name in ("second", "named", "closed", "shy", "excepted",
                                                    "resolving", "trusting")}

        def block(name, *lines):
            return [f"server {name} {{", f"    listen 127.0.0.1:{cls.ports[name]} smtp",
                    *(f"    {line}" for line in lines), "}"]
        cls.settings = {"lines": [
            f"dns server 127.0.0.1:{cls.nsd.port}",
            *block("second", "fully-qualified second.example.test", "folders second"),
            *block("named", "proxy 127.0.0.1", "reverse-lookup on",
                   "refuse *.dyn.example 203.0.113.0/24"),
            *block("closed", "proxy 127.0.0.1", "admit *.partner.example 203.0.113.0/24"),
            *block("shy", "proxy 127.0.0.1", "limit unknown-recipients 2"),
            *block("resolving", "login cleartext", "resolve-senders logged-in"),
            *block("trusting", "resolve-senders everyone"),
            *block("excepted", "proxy 127.0.0.1", "relay all-except 192.0.2.0/24"),
        ]}

    def connect(self, server, peer):
        client = RawClient(self.ports[server])
        self.addCleanup(client.close)
        family, ours = ("TCP6", "2001:db8::9") if ":" in peer else ("TCP4", "192.0.2.9")
        client.send(f"PROXY {family} {peer} {ours} 4711 25\r\n".encode())
        return client

    def deliver(self, client, subject):
        for command in ("EHLO client.test", "MAIL FROM:<a@else.test>",
                        "RCPT TO:<alice@example.test>"):
            self.assertRegex(client.ask(command), "^250")
        self.assertRegex(client.ask("DATA"), "^354")
        self.assertRegex(client.ask(text_message(subject) + b".\r\n"), "^250")

    def received(self, subject):
        """The first Received field of alice's message of that subject, in one line."""
        for message in self.server.fetch("alice"):
            if f"Subject: {subject}\r\n".encode() in message:
                field = re.search(rb"^Received: (?:\r\n[ \t]|.)*", message, re.M).group(0)
                return re.sub(r"\s+", " ", field.decode())
        return self.fail(f"no message {subject}")

    # shows: S66
    def test_a_peer_is_written_down_by_the_name_that_dns_has_for_it_and_none_is_refused(self):
        for peer, words in (
                ("192.0.2.10", "(mx.partner.example [192.0.2.10])"),
                ("2001:db8::1", "(six.partner.example [IPv6:2001:db8::1])"),
                ("192.0.2.11", "([192.0.2.11] (unverified liar.partner.example))"),
                ("192.0.2.13", "([192.0.2.13] (RDNS failed))"),
                (UNANSWERED, f"([{UNANSWERED}] (RDNS failed))")):
            client = self.connect("named", peer)
            self.assertRegex(client.reply(), "^220")
            self.deliver(client, f"from {peer}")
            self.assertIn(words, self.received(f"from {peer}"))

    def test_a_server_that_does_not_ask_dns_writes_down_the_address_alone(self):
        client = self.connect("excepted", "192.0.2.10")
        self.assertRegex(client.reply(), "^220")
        self.deliver(client, "unasked")
        self.assertIn("([192.0.2.10])", self.received("unasked"))

    # shows: S14
    def test_all_except_the_refused_networks_and_names_are_talked_to(self):
        self.assertRegex(self.connect("named", "203.0.113.5").reply(), r"^554 5\.7\.1")
        self.assertRegex(self.connect("named", "192.0.2.12").reply(), r"^554 5\.7\.1")
        self.assertRegex(self.connect("named", "192.0.2.10").reply(), "^220")

    # shows: S14
    def test_only_the_admitted_networks_and_names_that_lead_back_are_talked_to(self):
        self.assertRegex(self.connect("closed", "203.0.113.5").reply(), "^220")
        self.assertRegex(self.connect("closed", "192.0.2.10").reply(), "^220")
        self.assertRegex(self.connect("closed", "192.0.2.11").reply(), r"^554 5\.7\.1")
        self.assertRegex(self.connect("closed", "192.0.2.12").reply(), r"^554 5\.7\.1")
        self.assertRegex(self.connect("closed", UNANSWERED).reply(), r"^421 4\.7\.1")

    # shows: S16
    def test_all_except_the_listed_networks_may_relay(self):
        for peer, answer in (("198.51.100.7", "^250"), ("192.0.2.10", r"^550 5\.7\.1")):
            client = self.connect("excepted", peer)
            self.assertRegex(client.reply(), "^220")
            client.ask("EHLO client.test")
            client.ask("MAIL FROM:<a@else.test>")
            self.assertRegex(client.ask("RCPT TO:<b@elsewhere.test>"), answer)

    def test_who_guesses_addresses_is_slowed_down_and_whom_he_names_at_last_still_gets_mail(self):
        client = self.connect("shy", "192.0.2.13")
        client.reply()
        client.ask("EHLO client.test")
        client.ask("MAIL FROM:<a@else.test>")
        for number in range(4):
            self.assertRegex(client.ask(f"RCPT TO:<nobody{number}@example.test>"), "^550 5.1.1")
        self.server.wait_log(r"smtp.slowed peer=\"192.0.2.13:4711\" unknown-recipients=4 "
                             r"delay-ms=2000")
        self.assertRegex(client.ask("RCPT TO:<alice@example.test>"), "^250")

    def author(self, server, subject, login=None, written="Somebody <bob@example.test>"):
        """How From of a message to alice reads when it has come in by that server."""
        client = RawClient(self.ports[server])
        self.addCleanup(client.close)
        client.greet()
        if login:
            self.assertRegex(client.ask(f"AUTH PLAIN {self.server.plain(login)}"), "^235 ")
        for command in ("MAIL FROM:<a@else.test>", "RCPT TO:<alice@example.test>"):
            self.assertRegex(client.ask(command), "^250")
        self.assertRegex(client.ask("DATA"), "^354")
        self.assertRegex(client.ask(f"From: {written}\r\nSubject: {subject}\r\n\r\nhello\r\n.\r\n"
                                    .encode()), "^250")
        message, = [one for one in self.server.fetch("alice")
                    if f"Subject: {subject}\r\n".encode() in one]
        self.assertTrue(message.endswith(b"\r\n\r\nhello\r\n"))
        return email.message_from_bytes(message, policy=email.policy.default)["From"]

    # shows: C27
    def test_from_has_the_directorys_name_for_whom_the_server_resolves(self):
        self.server.cli("directory", "set", "bob@example.test", "display-name", "Bøb, the \"Builder\"")
        name = "Bøb, the \"Builder\""
        for server, login, expected in (("second", None, "Somebody"), ("resolving", None, "Somebody"),
                                        ("resolving", "alice", name), ("trusting", None, name)):
            author = self.author(server, f"by {server} {login}", login).addresses[0]
            self.assertEqual((author.display_name, author.addr_spec), (expected, "bob@example.test"))
        stranger = self.author("trusting", "stranger", written="Eve <eve@else.test>")
        self.assertEqual(str(stranger), "Eve <eve@else.test>")
        both = self.author("trusting", "two of them", written="a@example.test, bob@example.test")
        self.assertEqual(str(both), "a@example.test, bob@example.test")

    # shows: C26
    def test_from_of_another_organisation_has_its_contacts_name_when_that_one_logs_in(self):
        """Two servers with domains of their own: a connector that logs in, and one that does not."""
        self.server.cli("directory", "set", "jane@other.test", "display-name", "Jane of Other")
        self.addCleanup(self.server.cli, "directory", "set", "jane@other.test", "display-name", "none")
        self.assertIn("jane@other.test  Jane of Other", self.server.cli("directory", "contacts"))
        for login, expected in (([], "Jane"),
                                (["    login alice@example.test secret partner"], "Jane of Other")):
            subject = f"across with{'' if login else 'out'} a login"
            other = Mailroot(users=("jane",), domain="other.test", server_lines=["relay 127.0.0.0/8"],
                             lines=["connector partner {", "    to example.test",
                                    f"    smart-host [127.0.0.1]:{self.ports['resolving']}",
                                    "    tls none", *login, "}"])
            secrets = other.directory / "secrets"
            secrets.mkdir(exist_ok=True)
            (secrets / "partner").write_text(self.server.passwords["alice"])
            (secrets / "partner").chmod(0o600)
            with other:
                other.send(f"From: Jane <jane@other.test>\r\nSubject: {subject}\r\n\r\nhello\r\n"
                           .encode(), "alice@example.test", sender="jane@other.test")
                message = wait_until(lambda subject=subject: next(
                    (one for one in self.server.fetch("alice")
                     if f"Subject: {subject}\r\n".encode() in one), None), "mail has come across")
            author = email.message_from_bytes(message, policy=email.policy.default)["From"]
            self.assertEqual(author.addresses[0].display_name, expected)

    # shows: S01 S02 S62
    def test_a_second_server_has_its_own_socket_name_and_folders(self):
        with RawClient(self.ports["second"]) as client:
            self.assertRegex(client.reply(), "^220 second.example.test ")
            self.assertRegex(client.ask("EHLO client.test"), "^250-second.example.test ")
            self.deliver(client, "by the second")
        self.assertIn(" by second.example.test ", self.received("by the second"))
        with RawClient(self.server.ports["smtp"]) as client:
            self.assertRegex(client.reply(), "^220 mx.example.test ")
        folders = self.server.directory / "second"
        self.assertEqual(sorted(entry.name for entry in folders.iterdir()),
                         ["BadMail", "Drop", "Filter", "Pickup"])


class Gate(Policy):
    """Takes no message before it is opened, and counts the connections to all its sinks."""

    def __init__(self):
        self.opened = threading.Event()
        self.sinks, self.most_together = [], 0

    def on_connect(self, number):
        self.most_together = max(self.most_together, sum(sink.open for sink in self.sinks))
        return super().on_connect(number)

    def on_message(self, message):
        self.opened.wait(60)
        return "250 2.0.0 kept"


class Greylisting(Policy):
    """Knows a sender only `seconds` after he came first, to the connection or to a recipient."""

    def __init__(self, seconds, at_connection=False):
        self.seconds, self.at_connection = seconds, at_connection
        self.tries = []

    def _is_early(self):
        self.tries.append(time.monotonic())
        return self.tries[-1] - self.tries[0] < self.seconds

    def on_connect(self, number):
        return "421 4.7.0 come back later" if self.at_connection and self._is_early() else \
            "220 sink.test ready"

    def on_rcpt(self, address):
        return "451 4.7.1 greylisted" if not self.at_connection and self._is_early() else \
            "250 2.1.5 recipient ok"


@unittest.skipIf(Nsd.missing(), Nsd.missing())
class Outbound(ServerTest):
    @classmethod
    def before_server(cls):
        cls.gate = Gate()
        cls.one, cls.two = cls.gate.sinks = Sink(cls.gate), Sink(cls.gate)
        cls.near = Sink(address="127.0.0.1", port=free_port())
        cls.far = Sink(address="127.0.0.2", port=cls.near.port)
        cls.grey, cls.grey_door = Sink(Greylisting(1)), Sink(Greylisting(1, at_connection=True))
        cls.smart = Sink()
        for sink in (cls.one, cls.two, cls.near, cls.far, cls.grey, cls.grey_door, cls.smart):
            cls.addClassCleanup(sink.close)
        cls.inside = Nsd({"split.example": "@ IN MX 10 mx\nmx IN A 127.0.0.2\n"})
        cls.outside = Nsd({"split.example": "@ IN MX 10 mx\nmx IN A 127.0.0.1\n",
                           "only.example": "@ IN MX 10 mx\nmx IN A 127.0.0.1\n"})
        for nsd in (cls.inside, cls.outside):
            cls.addClassCleanup(nsd.close)
            nsd.start()
        cls.second, cls.dead = free_port(), free_port()

        def connector(name, *lines):
            return [f"connector {name} {{", *(f"    {line}" for line in lines), "}"]
        cls.settings = {"lines": [
            f"dns server 127.0.0.1:{cls.inside.port}",
            "limit outbound-connections 3",
            "server second {", f"    listen 127.0.0.1:{cls.second} smtp",
            "    relay logged-in 127.0.0.1", "    retry glitch 1h x1 expire 5h", "}",
            *connector("one", "to one.example", "limit connections 2",
                       f"smart-host [127.0.0.1]:{cls.one.port}"),
            *connector("two", "to two.example", "limit connections 2",
                       f"smart-host [127.0.0.1]:{cls.two.port}"),
            *connector("inside", "to split.example cost 2", f"by mx port {cls.near.port}"),
            *connector("outside", "to split.example only.example", "from second",
                       f"by mx port {cls.near.port}",
                       f"dns 127.0.0.1:{cls.outside.port}", "hello as second.example.test"),
            *connector("grey", "to grey.example", f"smart-host [127.0.0.1]:{cls.grey.port}"),
            *connector("patient", "to patient.grey.example",
                       f"smart-host [127.0.0.1]:{cls.smart.port}"),
            *connector("dead", "to dead.example", f"smart-host [127.0.0.1]:{cls.dead}"),
            *connector("door", "to door.example", f"smart-host [127.0.0.1]:{cls.grey_door.port}"),
            "retry {", "    glitch 2s x2", "    after 1s", "    expire 1m", "}"]}

    def send_to(self, recipient):
        self.server.send(text_message("out"), [recipient], sender="alice@example.test",
                         service="submission", login="alice")

    def send_by_second(self, recipient, sender="alice@example.test"):
        with RawClient(self.second) as client:
            client.greet()
            client.ask(f"MAIL FROM:<{sender}>")
            self.assertRegex(client.ask(f"RCPT TO:<{recipient}>"), "^250")
            client.ask("DATA")
            self.assertRegex(client.ask(text_message("out") + b".\r\n"), "^250")

    # shows: S23 S56
    def test_connections_are_never_more_than_for_one_hop_nor_for_all_together(self):
        for _ in range(8):
            self.send_to("user@one.example")
            self.send_to("user@two.example")
        wait_until(lambda: self.one.open + self.two.open == 3, "three connections are open")
        self.gate.opened.set()
        for sink in self.gate.sinks:
            sink.wait_for(8)
            self.assertLessEqual(sink.most_open, 2)
        self.assertEqual(self.gate.most_together, 3)

    # shows: S67 S57 S62
    def test_a_connector_asks_its_own_dns_servers_and_greets_by_its_own_name(self):
        self.send_to("user@split.example")
        self.assertEqual(self.far.wait_for(1)[0].helo, "mx.example.test")
        self.send_by_second("user@split.example")
        self.assertEqual(self.near.wait_for(1)[0].helo, "second.example.test")
        self.send_by_second("user@only.example")
        self.near.wait_for(2)
        self.assertEqual(len(self.far.messages), 1)

    # shows: T22
    def test_a_greylisted_recipient_is_tried_at_the_intervals_for_messages(self):
        self.send_to("user@grey.example")
        self.grey.wait_for(1)
        tries = self.grey.policy.tries
        self.assertEqual(len(tries), 2)

    # shows: T22
    def test_mail_for_a_domain_that_greylists_can_be_left_to_a_smart_host(self):
        self.send_to("user@patient.grey.example")
        self.smart.wait_for(1)
        self.assertEqual(self.smart.connections, 1)

    # shows: T20 T22
    def test_a_peer_that_sends_away_all_who_are_new_is_tried_at_the_glitch_interval(self):
        self.send_to("user@door.example")
        self.grey_door.wait_for(1)
        tries = self.grey_door.policy.tries
        self.assertEqual(len(tries), 2)
        self.assertGreater(tries[1] - tries[0], 1.5)  # "after" is one second


    def waiting(self, sender):
        """What waits for dead.example in the name of this sender."""
        lines = self.server.cli("queue", "list", "--hop", "dead", "--json").splitlines()
        return next((row for row in map(json.loads, lines) if row["sender"] == sender),
                    {"attempts": 0})

    # shows: T17
    def test_mail_of_a_server_with_retry_intervals_of_its_own_waits_by_them(self):
        self.send_by_second("user@dead.example", "bob@example.test")
        wait_until(lambda: self.waiting("bob@example.test")["attempts"] == 1, "second's is tried")
        self.send_to("user@dead.example")
        wait_until(lambda: self.waiting("alice@example.test")["attempts"] >= 2,
                   "the first server's is tried twice")
        row = self.waiting("bob@example.test")
        self.assertEqual(row["attempts"], 1)
        lines = self.server.config.read_text().splitlines()
        place = next(i for i, line in enumerate(lines, 1) if "retry glitch 1h" in line)
        self.assertRegex(self.server.cli("queue", "explain", row["id"]),
                         rf"could not be reached.*\.conf:{place}\b")
        sink = Sink(port=self.dead)
        self.addCleanup(sink.close)
        sink.wait_for(2)
        senders = [message.sender for message in sink.messages]
        self.assertEqual(sorted(senders), ["alice@example.test", "bob@example.test"])


class Orders(ServerTest):
    """What an administrator orders of one server leaves the other alone."""

    @classmethod
    def before_server(cls):
        cls.port = free_port()
        cls.settings = {"lines": ["server second {", f"    listen 127.0.0.1:{cls.port} smtp", "}"]}

    def listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def order(self, word, state):
        self.server.cli("server", word, "second")
        listed = dict(line.split()[:2] for line in
                      self.server.cli("server", "list").splitlines())
        self.assertEqual(listed, {"test": "running", "second": state})
        wait_until(lambda: self.listens() == (state == "running"), f"the server is {state}")

    def connected(self):
        client = RawClient(self.port)
        self.addCleanup(client.close)
        return client.greet()

    def test_a_paused_server_serves_whom_it_has_and_nobody_new_until_it_continues(self):
        client = self.connected()
        self.order("pause", "paused")
        self.assertRegex(client.ask("NOOP"), "^250")
        self.server.cli("reload")
        self.assertFalse(self.listens())
        self.assertRegex(self.server.cli_result("server", "pause", "second").stderr, "is paused")
        self.order("continue", "running")
        self.assertRegex(client.ask("NOOP"), "^250")
        self.connected()

    def test_a_stopped_server_ends_its_sessions_and_no_others_until_it_starts(self):
        client = self.connected()
        with RawClient(self.server.ports["smtp"]) as other:
            other.greet()
            self.order("stop", "stopped")
            self.assertRegex(client.reply(), "^421 ")
            self.assertTrue(client.closed())
            self.assertRegex(other.ask("NOOP"), "^250")
        self.assertEqual(self.server.cli_result("server", "continue", "second").returncode, 1)
        self.order("start", "running")
        self.connected()

    def test_a_server_that_there_is_not_can_be_ordered_nothing(self):
        result = self.server.cli_result("server", "stop", "third")
        self.assertEqual(result.returncode, 1)
        self.assertIn("there is no server 'third'", result.stderr)


class RelayOnly(Mailroot):
    """It has no domain and no user."""

    def config_text(self):
        return re.sub(r"domain .*?^}\n", "", super().config_text(), flags=re.S | re.M)


class Relaying(unittest.TestCase):
    # shows: S48
    def test_a_server_without_domains_and_users_takes_mail_from_its_network_and_hands_it_on(self):
        sink = Sink()
        self.addCleanup(sink.close)
        server = RelayOnly(users=(), listens=("smtp",),
                           server_lines=["relay only 127.0.0.1", "login none"],
                           lines=["connector out {", "    to *",
                                  f"    smart-host [127.0.0.1]:{sink.port}", "}"])
        self.addCleanup(server.close)
        server.start()
        server.send(text_message("through"), ["user@partner.example"])
        message = sink.wait_for(1)[0]
        self.assertEqual(message.recipients, ["user@partner.example"])
        self.assertIn(b"\r\nSubject: through\r\n", message.data)


if __name__ == "__main__":
    unittest.main()
