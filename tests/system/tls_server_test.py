"""TLS as a server: certificates that come and go while it runs, sessions that are resumed, and what
OpenSSL's own client sees."""

import json
import os
import signal
import socket
import ssl
import tempfile
import unittest
from pathlib import Path

from authority import Authority, openssl
from harness import WAIT_SECONDS, Mailroot, body_of, client_tls, text_message, wait_until


class SlowHandshake:
    """One that waits: in the middle of its first flight, or with the last one."""

    def __init__(self, port, service, version, in_first_flight):
        context = client_tls()
        context.minimum_version = context.maximum_version = version
        self.command, self.answer = ((b"NOOP\r\n", b"250 ") if service == "smtp" else
                                     (b"t NOOP\r\n", b"t OK "))
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=WAIT_SECONDS)
        if service == "smtp":
            for line in (None, b"EHLO client.test\r\n", b"STARTTLS\r\n"):
                self.socket.sendall(line or b"")
                self.socket.recv(4096)
        self.coming, self.going = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.coming, self.going, server_hostname="second.test")
        self.step(self.tls.do_handshake)
        self.kept = self.going.read()
        if in_first_flight:
            self.socket.sendall(self.kept[:50])
            self.kept = self.kept[50:]
        else:
            self.socket.sendall(self.kept)
            while not self.going.pending:
                self.coming.write(self.socket.recv(65536))
                self.step(self.tls.do_handshake)
            self.kept = self.going.read()

    @staticmethod
    def step(what):
        """False: there is more to come from the server first."""
        try:
            what()
            return True
        except ssl.SSLWantReadError:
            return False

    def insist(self, what):
        while not self.step(what):
            self.socket.sendall(self.going.read())
            self.coming.write(self.socket.recv(65536))
        self.socket.sendall(self.going.read())

    def finish(self):
        """The certificate it ends with, when the session then serves."""
        self.socket.sendall(self.kept)
        self.insist(self.tls.do_handshake)
        certificate = self.tls.getpeercert(binary_form=True)
        self.tls.write(self.command)
        said = b""

        def hear():
            nonlocal said
            said += self.tls.read(4096)
        while self.answer not in said:
            self.insist(hear)
        self.socket.close()
        return certificate


class ServerTls(unittest.TestCase):
    """One server with two fronts and two certificates; clients are verified by an authority."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="mailroot-ca-")
        cls.authority = Authority(cls.folder.name)
        directory = Path(tempfile.mkdtemp(prefix="mailroot-test-"))
        for source, target in zip(cls.authority.make("second.test", "DNS:second.test"), ("pem", "key")):
            os.replace(source, directory / f"second.{target}")
        cls.server = Mailroot(
            directory=directory,
            lines=["processes front 2", "certificate second.pem key second.key"],
            server_lines=["tls client-certificate ask",
                          f"tls authorities {cls.authority.certificate}"]).start()

    @classmethod
    def tearDownClass(cls):
        try:
            cls.server.close()
        finally:
            cls.folder.cleanup()

    def connect(self, context=None, name=None, session=None):
        raw = socket.create_connection(("127.0.0.1", self.server.ports["smtps"]), timeout=WAIT_SECONDS)
        return (context or client_tls()).wrap_socket(raw, server_hostname=name, session=session)

    def certificate(self, name=None):
        with self.connect(name=name) as wrapped:
            return wrapped.getpeercert(binary_form=True)

    def install_second(self, certificate, key):
        """Put files in the place of the served ones, as tools for certificates do."""
        for source, target in ((certificate, "second.pem"), (key, "second.key")):
            copy = self.server.directory / (target + ".new")
            copy.write_bytes(Path(source).read_bytes())
            os.replace(copy, self.server.directory / target)

    # shows: S11
    def test_the_certificate_of_the_host_that_a_client_names_is_shown(self):
        self.assertEqual(self.certificate(), self.certificate("mx.example.test"))
        self.assertNotEqual(self.certificate("second.test"), self.certificate())

    def test_one_front_resumes_a_session_that_another_began(self):
        fronts = self.server.role_pids("front")
        if len(fronts) < 2:
            self.skipTest("one process has one front")
        context = client_tls()
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context.maximum_version = version
            session = None
            for stopped in (fronts[0], fronts[1]):
                os.kill(stopped, signal.SIGSTOP)  # so that the other one takes the connection
                try:
                    with self.connect(context, session=session) as wrapped:
                        self.assertTrue(wrapped.recv(4).startswith(b"220"))
                        self.assertEqual(wrapped.session_reused, session is not None)
                        session = wrapped.session
                finally:
                    os.kill(stopped, signal.SIGCONT)

    # shows: S11
    def test_a_certificate_swapped_on_disk_is_served_without_a_reload(self):
        before = self.certificate("second.test")
        certificate, key = self.authority.make("second.test", "DNS:second.test")
        with self.server.smtp("smtps") as kept:
            self.install_second(certificate, key)
            wait_until(lambda: self.certificate("second.test") != before, "the new certificate")
            self.assertEqual(kept.noop()[0], 250)
        self.server.wait_log("event=tls.certificate-renewed file=.*second.pem")

    def test_a_certificate_swapped_in_the_middle_of_handshakes_lets_them_end(self):
        before = self.certificate("second.test")
        waiting = [SlowHandshake(self.server.ports[service], service, version, in_first_flight)
                   for service in ("smtp", "imaps")
                   for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
                   for in_first_flight in (True, False)]
        self.install_second(*self.authority.make("second.test", "DNS:second.test"))
        self.server.cli("reload")
        wait_until(lambda: self.certificate("second.test") != before, "the new certificate")
        after = self.certificate("second.test")
        for handshake in waiting:
            self.assertIn(handshake.finish(), (before, after))
        self.assertEqual(self.certificate("second.test"), after)

    def test_a_broken_pair_keeps_the_old_one_and_says_so(self):
        before = self.certificate()
        key = self.server.directory / "key.pem"
        good = key.read_bytes()
        key.write_bytes((self.server.directory / "second.key").read_bytes())
        try:
            self.server.wait_log("event=tls.certificate-broken file=.*cert.pem. reason=.*does not "
                                 "belong.*remedy=")
            self.assertEqual(self.certificate(), before)
            self.assertIn("BROKEN: ", self.server.cli("status"))
            states = [json.loads(line) for line in self.server.cli("status", "--json").splitlines()]
            self.assertIn("broken", [state["state"] for state in states if "certificate" in state])
            refused = self.server.cli_result("reload")
            self.assertNotEqual(refused.returncode, 0)
            self.assertIn("nothing changed", refused.stdout + refused.stderr)
        finally:
            key.write_bytes(good)
        wait_until(lambda: "BROKEN" not in self.server.cli("status"), "the pair is whole again")

    # shows: S11 K11
    def test_the_wizard_requests_imports_and_the_server_serves(self):
        conf = self.server.directory
        self.server.cli("cert", "request", "--new-key", "--rsa")
        answer = self.authority.sign(conf / "cert.pem.csr", conf / "answer.pem", days=10)
        told = self.server.cli("cert", "import", self.authority.certificate, answer)
        self.assertIn("expires in less than 14 days", told)
        shown = json.loads(self.server.cli("cert", "show", "--json").splitlines()[0])
        self.assertEqual(shown["names"], ["mx.example.test"])
        self.assertEqual(shown["key"], "RSA 3072")
        self.assertEqual((conf / "key.pem").stat().st_mode & 0o777, 0o600)
        trusting = ssl.create_default_context(cafile=self.authority.certificate)

        def is_served():
            try:
                with self.connect(trusting, "mx.example.test") as wrapped:
                    return wrapped.getpeercert()["subject"]
            except ssl.SSLCertVerificationError:
                return None
        wait_until(is_served, "the imported certificate", step=0.2)
        self.server.wait_log("event=tls.certificate-expires file=.*cert.pem. days-left=9")
        self.assertIn("EXPIRES SOON", self.server.cli("status"))
        # The record to publish is the one of the key that is served.
        key = openssl("rsa", "-in", conf / "key.pem", "-pubout", "-outform", "DER", "-out",
                      conf / "public.der")
        digest = openssl("dgst", "-sha256", conf / "public.der").split()[-1]
        self.assertEqual(shown["tlsa"], f"3 1 1 {digest}", key)

    def test_a_clients_certificate_is_told_in_the_received_field(self):
        certificate, key = self.authority.make("alice")
        context = client_tls()
        context.load_cert_chain(certificate, key)
        with self.server.smtp("smtp") as client:
            client.starttls(context=context)
            client.sendmail("outside@elsewhere.test", ["alice@example.test"],
                            text_message("with a certificate"))
        message = self.server.fetch_when("alice", 1)[0]
        self.assertIn(b"client CN=alice verified)", message)
        self.assertTrue(body_of(message))

    # shows: S41 S42
    def test_openssl_sees_starttls_with_a_chain_it_can_verify(self):
        certificate, key = self.authority.make("second.test", "DNS:second.test")
        before = self.certificate("second.test")
        self.install_second(certificate, key)
        wait_until(lambda: self.certificate("second.test") != before, "the new certificate")
        seen = openssl("s_client", "-connect", f"127.0.0.1:{self.server.ports['smtp']}",
                       "-starttls", "smtp", "-servername", "second.test", "-verify_hostname",
                       "second.test", "-CAfile", self.authority.certificate, "-alpn", "smtp",
                       given=b"QUIT\r\n")
        self.assertIn("Verify return code: 0 (ok)", seen)
        self.assertIn("ALPN protocol: smtp", seen)
        self.assertIn("New, TLSv1.3", seen)
