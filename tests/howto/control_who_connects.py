"""Control connections

Who may connect, how many at a time and how long they may be silent (General and Access tabs); and
how many connections we make (Delivery tab).

    server internet {
        refuse 192.0.2.0/24 2001:db8::/32
        limit connections 500
        limit connections-per-address 20
        limit idle 10m
    }
    connector provider {
        ...
        limit connections 2
        limit messages 20           # over one connection
    }
    limit outbound-connections 1000
"""

import socket

from harness import RawClient
from howto import HowTo


class Connections(HowTo):
    # shows: S03 S04
    def test_limit_incoming_connections_and_their_silence(self):
        self.site.add("server internet", "limit connections-per-address 2")
        self.site.take_up()
        with RawClient(self.site.ports["smtp"]) as one, RawClient(self.site.ports["smtp"]) as two:
            self.assertRegex(one.reply(), "^220 ")
            self.assertRegex(two.reply(), "^220 ")
            with RawClient(self.site.ports["smtp"]) as three:
                self.assertRegex(three.reply(), "^421 ")

        self.site.add("server internet", "limit idle 1s")
        self.site.take_up()
        with RawClient(self.site.ports["smtp"]) as silent:
            silent.reply()
            self.assertRegex(silent.reply(), "^421 ")

    def test_refuse_a_network(self):
        self.site.add("server internet", "refuse 127.0.0.2")
        self.site.take_up()
        self.assertEqual(self.arrives("alice@example.test"), "", "others are served")
        with socket.create_connection(("127.0.0.1", self.site.ports["smtp"]), timeout=20,
                                      source_address=("127.0.0.2", 0)) as client:
            self.assertRegex(client.makefile("rb").readline(), rb"^(554 |421 |$)")

    # shows: S51
    def test_limit_messages_over_one_outgoing_connection(self):
        provider = self.other_host()
        self.site.write("connector provider", "to *", f"smart-host {provider.at}",
                        "limit connections 1", "limit messages 1")
        self.site.take_up()
        for number in range(3):
            self.send("alice", f"friend{number}@elsewhere.example")
        provider.wait_for(3)
        self.assertEqual(provider.connections, 3)
