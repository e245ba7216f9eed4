"""Other people's clients: swaks, curl, msmtp, fetchmail, mpop."""

import os
import shutil
import subprocess
import unittest
from pathlib import Path

from cases import ServerTest
from harness import body_of, text_message
from smtp_sink import Sink

NET_SMTP = r"""
my ($port, $authority, $password) = @ARGV;
my $smtp = Net::SMTP->new("localhost", Port => $port, Timeout => 30) or die "no greeting";
$smtp->starttls(SSL_ca_file => $authority) or die $smtp->message;
$smtp->auth("alice\@example.test", $password) or die $smtp->message;
$smtp->mail("alice\@example.test", Bits => 8) or die $smtp->message;
$smtp->to("far\@relay.test", { Notify => ["NEVER"] }) or die $smtp->message;
$smtp->data("Subject: x\n\nby Net::SMTP\n.dot\n") or die $smtp->message;
$smtp->quit or die $smtp->message;
"""


def needs(program):
    return unittest.skipUnless(shutil.which(program), f"{program} is not installed")


class Clients(ServerTest):
    @classmethod
    def before_server(cls):
        cls.sink = Sink()
        cls.addClassCleanup(cls.sink.close)
        cls.settings = {"lines": ["connector all {", "    to *",
                                  f"    smart-host 127.0.0.1:{cls.sink.port}", "}"]}

    def setUp(self):
        self.empty_mailbox("alice")
        self.directory = Path(self.server.directory)

    def run_client(self, *command, given=b"", expect=0, home=None):
        environment = dict(os.environ, HOME=str(home or self.directory), LC_ALL="C")
        result = subprocess.run([str(word) for word in command], input=given,
                                capture_output=True, timeout=60, env=environment, check=False)
        self.assertEqual(result.returncode, expect, result.stdout + result.stderr)
        return result.stdout

    def write_private(self, name, text):
        path = self.directory / name
        path.write_text(text)
        path.chmod(0o600)
        return path

    @needs("swaks")
    # shows: V55
    def test_swaks_delivers_to_a_mailbox(self):
        self.run_client("swaks", "--server", f"127.0.0.1:{self.server.ports['smtp']}", "--to",
                        "alice@example.test", "--from", "x@elsewhere.test", "--body", "by swaks")
        self.assertIn(b"by swaks", self.server.fetch("alice")[0])

    @needs("perl")
    # shows: V55
    def test_perls_net_smtp_sends_with_starttls_and_login(self):
        before = len(self.sink.messages)
        self.run_client("perl", "-MNet::SMTP", "-e", NET_SMTP, self.server.ports["submission"],
                        self.server.directory / "cert.pem", self.server.passwords["alice"])
        self.sink.wait_for(before + 1)
        self.assertIn(b"by Net::SMTP", self.sink.messages[-1].data)

    @needs("swaks")
    # shows: V33 S07
    def test_swaks_logs_in_by_each_mechanism_and_relays(self):
        for mechanism in ("PLAIN", "LOGIN"):
            before = len(self.sink.messages)
            self.run_client("swaks", "--server", "127.0.0.1", "--port",
                            self.server.ports["submission"], "-tls", "--auth", mechanism,
                            "--auth-user", "alice@example.test", "--auth-password",
                            self.server.passwords["alice"], "--from", "alice@example.test",
                            "--to", "far@relay.test", "--body", mechanism)
            self.sink.wait_for(before + 1)

    @needs("swaks")
    def test_swaks_with_a_wrong_password_is_refused(self):
        self.run_client("swaks", "--server", "127.0.0.1", "--port",
                        self.server.ports["smtps"], "--tls-on-connect", "--auth", "PLAIN",
                        "--auth-user", "alice@example.test", "--auth-password", "wrong",
                        "--to", "far@relay.test", expect=28)

    @needs("swaks")
    def test_swaks_delivers_by_lmtp(self):
        self.run_client("swaks", "--protocol", "LMTP", "--server",
                        f"127.0.0.1:{self.server.ports['lmtp']}", "--to",
                        "alice@example.test", "--from", "x@elsewhere.test")
        self.assertEqual(len(self.server.fetch("alice")), 1)

    @needs("curl")
    # shows: V55 O11 O06
    def test_curl_sends_by_submission_and_reads_by_pop3s(self):
        data = text_message("by curl", "from curl\r\n")
        login = f"alice@example.test:{self.server.passwords['alice']}"
        self.run_client("curl", "-sS", "--ssl-reqd", "-k", "--url",
                        f"smtp://127.0.0.1:{self.server.ports['submission']}/client.test",
                        "--user", login, "--mail-from", "alice@example.test", "--mail-rcpt",
                        "alice@example.test", "-T", "-", given=data)
        got = self.run_client("curl", "-sS", "-k", "--user", login,
                              f"pop3s://127.0.0.1:{self.server.ports['pop3s']}/1")
        self.assertEqual(body_of(got), b"from curl\r\n")

    @needs("curl")
    def test_curl_reads_by_pop3_with_stls(self):
        self.server.send(text_message("x"), "alice@example.test")
        listing = self.run_client("curl", "-sS", "--ssl-reqd", "-k", "--user",
                                  f"alice@example.test:{self.server.passwords['alice']}",
                                  f"pop3://127.0.0.1:{self.server.ports['pop3']}/")
        self.assertRegex(listing, rb"^1 \d+")

    @needs("msmtp")
    def test_msmtp_sends_with_login(self):
        conf = self.write_private("msmtprc", "\n".join([
            "account default", "host 127.0.0.1", f"port {self.server.ports['submission']}",
            "auth on", "user alice@example.test", f"password {self.server.passwords['alice']}",
            "tls on", "tls_starttls on", "tls_certcheck off", "from alice@example.test", ""]))
        self.run_client("msmtp", "-C", conf, "alice@example.test",
                        given=text_message("by msmtp").replace(b"\r\n", b"\n"))
        self.assertIn(b"by msmtp", self.server.fetch("alice")[0])

    @needs("fetchmail")
    # shows: O07
    def test_fetchmail_fetches_and_deletes(self):
        self.server.send(text_message("for fetchmail"), "alice@example.test")
        got = self.directory / "fetched"
        conf = self.write_private("fetchmailrc", "\n".join([
            f"poll 127.0.0.1 service {self.server.ports['pop3s']} protocol pop3",
            f"  user 'alice@example.test' password '{self.server.passwords['alice']}'",
            f"  ssl no sslcertck mda 'cat >{got}'", ""]))
        home = self.directory / "fetchmail-home"
        home.mkdir(exist_ok=True)
        self.run_client("fetchmail", "-f", conf, "--pidfile", home / "pid", "-i", home / "ids",
                        home=home)
        self.assertIn(b"for fetchmail", got.read_bytes())
        self.assertEqual(self.server.fetch("alice"), [])

    @needs("mpop")
    def test_mpop_fetches_by_stls_with_pipelining(self):
        for number in range(30):
            self.server.send(text_message(f"n{number}"), "alice@example.test")
        maildir = self.directory / "mpop-mail"
        for name in ("cur", "new", "tmp"):
            (maildir / name).mkdir(parents=True, exist_ok=True)
        conf = self.write_private("mpoprc", "\n".join([
            "account default", "host 127.0.0.1", f"port {self.server.ports['pop3']}",
            "user alice@example.test", f"password {self.server.passwords['alice']}",
            "tls on", "tls_starttls on", "tls_certcheck off", "keep off",
            f"delivery maildir {maildir}", f"uidls_file {self.directory}/mpop-uidls", ""]))
        self.run_client("mpop", "-C", conf)
        self.assertEqual(len(list((maildir / "new").iterdir())), 30)
        self.assertEqual(self.server.fetch("alice"), [])


if __name__ == "__main__":
    unittest.main()
