"""Virtual servers side by side: what each is called, whom each talks to and relays for, and what a
peer is called in what it sends. Peers are named by the PROXY protocol, DNS is a real nsd."""

import re
import unittest

from cases import ServerTest
from harness import RawClient, free_port, text_message
from peers import Nsd

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
    @classmethod
    def before_server(cls):
        cls.nsd = Nsd(ZONES)
        cls.addClassCleanup(cls.nsd.close)
        cls.nsd.start()
        cls.ports = {name: free_port() for name in ("second", "named", "closed", "excepted")}

        def block(name, *lines):
            return [f"server {name} {{", f"    listen 127.0.0.1:{cls.ports[name]} smtp",
                    *(f"    {line}" for line in lines), "}"]
        cls.settings = {"lines": [
            f"dns server 127.0.0.1:{cls.nsd.port}",
            *block("second", "fully-qualified second.example.test", "folders second"),
            *block("named", "proxy 127.0.0.1", "reverse-lookup on",
                   "refuse *.dyn.example 203.0.113.0/24"),
            *block("closed", "proxy 127.0.0.1", "admit *.partner.example 203.0.113.0/24"),
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
    def test_all_except_the_refused_networks_and_names_are_talked_to(self):
        self.assertRegex(self.connect("named", "203.0.113.5").reply(), r"^554 5\.7\.1")
        self.assertRegex(self.connect("named", "192.0.2.12").reply(), r"^554 5\.7\.1")
        self.assertRegex(self.connect("named", "192.0.2.10").reply(), "^220")
    def test_only_the_admitted_networks_and_names_that_lead_back_are_talked_to(self):
        self.assertRegex(self.connect("closed", "203.0.113.5").reply(), "^220")
        self.assertRegex(self.connect("closed", "192.0.2.10").reply(), "^220")
        self.assertRegex(self.connect("closed", "192.0.2.11").reply(), r"^554 5\.7\.1")
        self.assertRegex(self.connect("closed", "192.0.2.12").reply(), r"^554 5\.7\.1")
        self.assertRegex(self.connect("closed", UNANSWERED).reply(), r"^421 4\.7\.1")
    def test_all_except_the_listed_networks_may_relay(self):
        for peer, answer in (("198.51.100.7", "^250"), ("192.0.2.10", r"^550 5\.7\.1")):
            client = self.connect("excepted", peer)
            self.assertRegex(client.reply(), "^220")
            client.ask("EHLO client.test")
            client.ask("MAIL FROM:<a@else.test>")
            self.assertRegex(client.ask("RCPT TO:<b@elsewhere.test>"), answer)
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
                         ["BadMail", "Drop", "Pickup"])


if __name__ == "__main__":
    unittest.main()
