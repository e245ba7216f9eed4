"""Mail that is held until it is asked for: ETRN, TURN, ATRN, and the ODMR port."""

import re
import smtplib
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

from cases import ServerTest
from harness import SERVICES, Mailroot, RawClient, client_tls, text_message, wait_until
from smtp_sink import Sink


class Fetcher(RawClient):
    """A customer's host: it logs in, asks for its mail, and then is the server."""

    def __init__(self, server, service="smtp", login="branch", tls=False):
        super().__init__(server.ports[service])
        self.server, self.messages = server, []
        self.greet()
        if tls:
            assert self.ask("STARTTLS").startswith("220")
            self.socket = client_tls().wrap_socket(self.socket)
            self.file = self.socket.makefile("rb")
            self.ask("EHLO branch.test")
        if login:
            reply = self.ask("AUTH PLAIN " + server.plain(login))
            assert reply.startswith("235"), reply

    def turn(self, command="TURN"):
        """Ask, and be sent the mail; returns the messages as (recipients, data)."""
        reply = self.ask(command)
        if not reply.startswith("250"):
            raise AssertionError(reply)
        self.send(b"220 branch.test ready\r\n")
        while self.serve_command():
            pass
        return self.messages

    def serve_command(self, answer_mail=b"250 ok\r\n", answer_end=b"250 kept\r\n"):
        """One command of the reversed session. False: it is over."""
        line = self.line().decode()
        verb = line[:4].upper()
        if verb == "EHLO":
            self.send(b"250-branch.test\r\n250-8BITMIME\r\n250 SIZE 1000000\r\n")
        elif verb == "MAIL":
            self.recipients = []
            self.send(answer_mail)
        elif verb == "RCPT":
            self.recipients.append(re.search("<(.*?)>", line).group(1))
            self.send(b"250 ok\r\n")
        elif verb == "DATA":
            self.send(b"354 go\r\n")
            data = b""
            while not data.endswith(b"\r\n.\r\n"):
                data += self.line()
            self.messages.append((self.recipients, data[:-3]))
            self.send(answer_end)
        elif verb == "QUIT":
            self.send(b"221 bye\r\n")
            return False
        elif verb == "RSET":
            self.send(b"250 ok\r\n")
        else:
            raise AssertionError(f"unexpected: {line!r}")
        return True


HELD = ["connector branch {", "    to branch.test *.branch.test second.test",
        "    hold for branch@example.test", "}",
        "connector other {", "    to other.test", "    hold for other@example.test", "}"]


class Turned(ServerTest):
    settings = {"users": ["alice", "branch", "other", "nobody"], "lines": HELD,
                "listens": [*SERVICES, "odmr"], "server_lines": ["login cleartext"]}

    def hold(self, *recipients, subject="held", data=None):
        self.server.send(data or text_message(subject), list(recipients),
                         sender="alice@example.test", service="submission", login="alice")

    def test_turn(self):
        self.hold("a@branch.test")
        fetcher = Fetcher(self.server)
        messages = fetcher.turn()
        self.assertEqual([recipients for recipients, _ in messages], [["a@branch.test"]])
        self.assertTrue(fetcher.closed())
        wait_until(lambda: self.server.queue() == [], "x")


if __name__ == "__main__":
    unittest.main()
