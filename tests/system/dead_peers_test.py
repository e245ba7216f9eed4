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
        # Each test has a name of its own: answers are kept for a while.
        cls.nsd = Nsd(dict.fromkeys(("refused.example", "silent.example"),
                                    "@ IN MX 10 mx\nmx IN A 127.0.0.1\n"))
        cls.addClassCleanup(cls.nsd.close)
        cls.settings = {"lines": [
            "connector all {", "    to *", "    by mx", f"    by port {cls.sink.port}", "}",
            f"dns server 127.0.0.1:{cls.nsd.port}",
            "retry {", "    glitch 1s x100", "    after 1s", "}"]}

    def send(self, name):
        self.server.send(text_message(name), f"user@{name}.example", sender="alice@example.test",
                         service="submission", login="alice")

    def await_tries(self, name, count):
        """So many tries that found no name server."""
        start = len(self.server.log)
        said = f"to=<user@{name}.example>".encode()
        wait_until(lambda: self.server.log.count(said, start) >= count, f"{count} tries", 120)
        self.assertNotIn(b"status=bounced", self.server.log)
        self.assertRegex(self.server.log[start:], rb"dsn=4\.4\.\d")

    def goes_now(self, name):
        self.nsd.start()
        wait_until(lambda: any(f"user@{name}.example" in message.recipients
                               for message in self.sink.messages),
                   "it goes when the name server is back", BACK_SECONDS)
        self.nsd.stop()
        self.assertEqual(self.server.fetch("alice"), [])

    def test_mail_waits_while_there_is_no_name_server_and_goes_when_it_is_back(self):
        self.send("refused")
        self.await_tries("refused", 5)
        self.goes_now("refused")

    def test_mail_waits_while_the_name_server_hangs_and_goes_when_it_answers(self):
        silent = SilentNameServer(self.nsd.port)
        self.addCleanup(silent.close)
        self.send("silent")
        self.await_tries("silent", 1)
        silent.close()
        self.goes_now("silent")


if __name__ == "__main__":
    unittest.main()
