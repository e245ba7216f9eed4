"""Create a second SMTP virtual server

Two servers on one machine, each with its own sockets, names, limits and folders:

    server office {
        listen 10.1.0.5:25 smtp
        fully-qualified office.example.test
        limit message 64KB
        folders office-mail
    }
"""

import socket

from harness import free_port
from howto import HowTo


class SecondServer(HowTo):
    # shows: S01 S02
    def test_create_a_second_virtual_server(self):
        port = free_port()
        self.site.write("server office", f"listen 127.0.0.1:{port} smtp",
                        "fully-qualified office.example.test", "limit message 64KB",
                        "folders office")
        self.site.take_up()
        # Its folders are made at the next start.
        self.site.stop()
        self.site.start()
        for folder in ("Pickup", "Drop", "BadMail"):
            self.assertTrue((self.site.directory / "office" / folder).is_dir(), folder)

        # Both serve, each as itself and at its own address alone.
        with socket.socket() as elsewhere:
            self.assertNotEqual(elsewhere.connect_ex(("127.0.0.2", port)), 0)
        self.assertIn("SIZE 36700160", self.offers())
        first = self.site.ports["smtp"]
        self.site.ports["smtp"] = port
        self.assertIn("SIZE 65536", self.offers())
        with self.site.smtp() as client:
            self.assertIn(b"office.example.test", client.ehlo_resp)
        self.assertEqual(self.arrives("alice@example.test"), "")
        self.assertRegex(self.mailroot("ports"), rf"in +{port} +smtp +open +127\.0\.0\.1:{port} "
                                                 r"\(server office\)")
        # It goes with its block, and the first stays.
        self.site.ports["smtp"] = first
        text = self.site.config.read_text()
        self.site.config.write_text(text[:text.index("server office")])
        self.site.take_up()
        self.assertNotIn(f"{port}", self.mailroot("ports"))
        self.assertEqual(self.arrives("alice@example.test"), "")
