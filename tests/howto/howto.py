"""What the how-to's share: a site of one's own, edited and asked as its administrator does.

Each script is one how-to: its text says what is to be done, the test does it by settings and
commands, and reads the outcome back with a real client. The site is the one that
`mailroot setup internet-mail` makes, with alice and bob of example.test, on loopback ports.
"""

import imaplib
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))
from harness import Mailroot, client_tls, free_port, text_message  # noqa: E402
from smtp_sink import Sink  # noqa: E402


class Site(Mailroot):
    """As the setup writes it; `add` and `write` are the editor."""

    def write_config(self):
        listens = [word for service, port in self.ports.items()
                   for word in ("--listen", f"127.0.0.1:{port} {service}")]
        users = [word for user in self.users for word in ("--user", user)]
        self.cli("setup", "internet-mail", "--host", "mx.example.test", "--domain", self.domain,
                 "--data", "data", "--run", ".", *users, *listens)

    def make_certificate(self):
        """The setup has made one."""

    def write(self, block, *statements):
        """A new block at the end of the file; or, with no statements, one outside of blocks."""
        lines = [f"{block} {{", *(f"    {line}" for line in statements), "}"] if statements \
            else [block]
        self.config.write_text(self.config.read_text() + "\n".join(["", *lines, ""]))

    def add(self, block, *statements):
        """Statements at the beginning of a block that is there."""
        head, found, rest = self.config.read_text().partition(f"{block} {{\n")
        assert found, f"there is no {block}"
        self.config.write_text(head + found + "".join(f"    {line}\n" for line in statements)
                               + rest)

    def change(self, before, after):
        """What a statement says."""
        text = self.config.read_text()
        assert before in text, f"nowhere: {before}"
        self.config.write_text(text.replace(before, after))

    def take_up(self):
        """Check the file, then let the server have it. Returns the warnings."""
        warnings = self.cli_result("config", "check")
        assert warnings.returncode == 0, warnings.stderr
        self.cli("reload")
        return warnings.stderr


class HowTo(unittest.TestCase):
    """A how-to: self.site runs before its first step."""

    services = ("smtp", "submission", "pop3s", "imaps")

    def setUp(self):
        self.site = Site(listens=self.services)
        self.addCleanup(self.site.close)
        self.site.start()

    def other_host(self, policy=None):
        """A host on the other side, which keeps what it gets; `at` is how settings write it."""
        sink = Sink(policy, port=free_port())
        sink.at = f"[127.0.0.1]:{sink.port}"
        self.addCleanup(sink.close)
        return sink

    def mailroot(self, *words, **options):
        return self.site.cli(*words, **options)

    def send(self, sender, recipient, subject="how-to", **options):
        """As a user's program does: by submission, under TLS, logged in."""
        self.site.send(text_message(subject, sender=self.site.address(sender), to=recipient,
                                    **options), recipient,
                       sender=self.site.address(sender), service="submission", login=sender)

    def arrives(self, recipient, sender="stranger@elsewhere.example"):
        """Whether another server gets mail in: "" or what it is told at RCPT."""
        with self.site.smtp() as client:
            code, words = client.mail(sender)
            if code == 250:
                code, words = client.rcpt(recipient)
            return "" if code == 250 else f"{code} {words.decode()}"

    def offers(self, service="smtp", tls=False):
        """The lines of EHLO."""
        with self.site.smtp(service) as client:
            if tls:
                client.starttls(context=client_tls())
                client.ehlo()
            return client.ehlo_resp.decode().splitlines()

    def imap(self, user):
        client = imaplib.IMAP4_SSL("127.0.0.1", self.site.ports["imaps"],
                                   ssl_context=client_tls())
        client.login(self.site.address(user), self.site.passwords[user])
        self.addCleanup(client.shutdown)
        return client
