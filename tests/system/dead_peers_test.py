"""What the server asks for answers dies and comes back: mail waits meanwhile, and goes soon after."""

import socket
import threading
import unittest

from cases import ServerTest
from harness import free_port, text_message, wait_until
from peers import Nsd
from smtp_sink import Sink

BACK_SECONDS = 60


class SilentNameServer:
    """Takes every question and answers none: what a host that hangs looks like."""

    def __init__(self, port):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", port))
        self.asked = 0
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        while self.socket.recv(512):  # b"" ends it
            self.asked += 1

    def close(self):
        """Also once more."""
        if self.socket.fileno() < 0:
            return
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
            own.sendto(b"", self.socket.getsockname())
        self.reader.join()
        self.socket.close()


@unittest.skipIf(Nsd.missing(), Nsd.missing())
class DeadNameServer(ServerTest):
    @classmethod
    def before_server(cls):
        cls.sink = Sink()
        cls.addClassCleanup(cls.sink.close)
        cls.nsd = Nsd({"far.example": "@ IN MX 10 mx\nmx IN A 127.0.0.1\n"})
        cls.addClassCleanup(cls.nsd.close)
        cls.settings = {"lines": [
            "connector all {", "    to *", "    by mx", f"    by port {cls.sink.port}", "}",
            f"dns server 127.0.0.1:{cls.nsd.port}",
            "retry {", "    glitch 1s x100", "    after 1s", "}"]}

    def await_tries(self, count):
        """So many more that found no name server."""
        start = len(self.server.log)
        wait_until(lambda: self.server.log.count(b"to=<user@far.example>", start) >= count,
                   f"{count} tries", 120)
        self.assertNotIn(b"status=bounced", self.server.log)
        self.assertRegex(self.server.log[start:], rb"dsn=4\.4\.\d")

    def test_mail_waits_while_the_name_server_hangs_or_is_gone_and_goes_when_it_is_back(self):
        silent = SilentNameServer(self.nsd.port)
        self.addCleanup(silent.close)
        self.server.send(text_message("waits"), "user@far.example", sender="alice@example.test",
                         service="submission", login="alice")
        self.await_tries(1)
        silent.close()
        self.await_tries(2)
        self.assertEqual(self.sink.messages, [])
        self.nsd.start()
        wait_until(lambda: self.sink.messages, "it goes when the name server is back", BACK_SECONDS)
        self.assertEqual(self.sink.messages[0].recipients, ["user@far.example"])
        self.assertEqual(self.server.fetch("alice"), [])


if __name__ == "__main__":
    unittest.main()
