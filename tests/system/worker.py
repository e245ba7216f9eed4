"""Clients that work while something happens to the server: what crash_test.py, role_kills.py and
power_cuts.py share."""

import random
import smtplib
import threading
import time

from harness import Mailroot, RawClient

USERS = ("alice", "bob")


def server_with_hop(port, **arguments):
    """A server not started yet, that relays for anybody here; mail for relay.test goes to a next hop
    on this port, and is tried again each second."""
    return Mailroot(server_lines=["relay 127.0.0.0/8", "limit errors 1000"],
                    lines=["connector sink {", "    to relay.test",
                           f"    smart-host 127.0.0.1:{port}", "}",
                           "retry {", "    glitch 1s x100", "    after 1s", "}"], **arguments)


class Worker(threading.Thread):
    """One session after another until told to stop. What is said in one, mail and imap_life do:
    False: the session is over."""

    services = ["smtp", "smtp", "lmtp", "imaps"]

    def __init__(self, server, ledger, seed, stop):
        super().__init__(daemon=True)
        self.server, self.ledger, self.stop = server, ledger, stop
        self.random = random.Random(seed)

    def run(self):
        while not self.stop.is_set():
            try:
                service = self.random.choice(self.services)
                (self.imap_session if service == "imaps" else self.mail_session)(service)
            except (OSError, smtplib.SMTPException):
                time.sleep(0.01)  # it is being killed or started

    def up_to_20_times(self, what):
        for _ in range(self.random.randint(1, 20)):
            if self.stop.is_set() or not what():
                return

    def mail_session(self, service):
        with RawClient(self.server.ports[service], timeout=10) as client:
            if not client.reply().startswith("220"):
                return
            client.ask(("LHLO" if service == "lmtp" else "EHLO") + " worker.test")
            self.up_to_20_times(lambda: self.mail(client, service))

    def imap_session(self, service):
        user = self.random.choice(USERS)
        with RawClient(self.server.ports[service], tls=True, timeout=10) as client:
            client.line()
            if not self.imap(client, b"LOGIN %s@example.test %s" % (
                    user.encode(), self.server.passwords[user].encode())):
                return
            self.imap(client, b"SELECT Drafts")
            self.up_to_20_times(lambda: self.imap_life(client, user))

    @staticmethod
    def imap(client, command):
        """All lines of the answer when it is OK, or b""."""
        client.send(b"t " + command + b"\r\n")
        said = b""
        while line := client.line():
            said += line
            if line.startswith(b"t "):
                return said if line.startswith(b"t OK") and line.endswith(b"\n") else b""
        return b""

    def mail(self, client, service):
        raise NotImplementedError

    def imap_life(self, client, user):
        raise NotImplementedError
