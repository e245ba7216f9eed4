"""MTA-STS as a server without a proxy and with the system's authorities has it, which needs port 443
and this machine's list of authorities: the tests run in a network and with mounts of their own, where
both are free to take. What RFC 8461 says of policies that change, fail, and end."""

import http.server
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

from authority import Authority
from harness import Mailroot, text_message, wait_until
from peers import Nsd, Postfix

INSIDE = "MAILROOT_TESTS_OWN_NETWORK"
BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
RETRY = ["retry {", "    glitch 1s x2", "    after 1s", "    expire 1h", "}"]
DOMAINS = ("plain", "stranger", "moved", "html", "long", "words", "kept", "short", "ended")
ZONE = "@ IN MX 10 mx\nmx IN A 127.0.0.1\nmta-sts 1 IN AAAA ::1\n"
ANNOUNCED = "_mta-sts 1 IN TXT \"v=STSv1; id={};\"\n"


def policy(domain, mode="enforce", max_age=86400):
    return f"version: STSv1\r\nmode: {mode}\r\nmx: mx.{domain}.test\r\nmax_age: {max_age}\r\n"


class PolicyServer(http.server.BaseHTTPRequestHandler):
    """The web servers of all domains at once."""

    answers = {}  # domain: (code, {field: value}, body)
    asked = []

    def do_GET(self):
        host = self.headers["Host"]
        self.asked.append((host, self.path))
        code, fields, body = self.answers.get(host, (404, {}, ""))
        self.send_response(code)
        for name, value in ({"Content-Type": "text/plain"} | fields).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass


class OverSix(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6


def own_network_missing():
    if os.geteuid() != 0:
        return "it needs root"
    done = subprocess.run(["unshare", "--net", "--mount", "ip", "link", "set", "lo", "up"],
                          capture_output=True, text=True, check=False)
    return f"no network of its own: {done.stderr.strip()}" if done.returncode else ""


class OwnNetwork(unittest.TestCase):
    def test_policies_of_mta_sts_count_as_rfc_8461_has_it_without_a_proxy(self):
        missing = Nsd.missing() or Postfix.missing() or own_network_missing()
        if missing:
            self.skipTest(missing)
        with tempfile.TemporaryDirectory(prefix="mailroot-authorities-") as folder:
            Path(folder).chmod(0o755)
            authority = Authority(folder)
            bundle = Path(folder) / "bundle"
            bundle.write_bytes(BUNDLE.read_bytes() + authority.certificate.read_bytes())
            runner = Path(__file__).resolve().parents[1] / "run_system.py"
            inside = f"ip link set lo up && mount --bind {bundle} {BUNDLE} && " \
                     f"exec {sys.executable} {runner} sts_test.Policies."
            done = subprocess.run(["unshare", "--net", "--mount", "sh", "-c", inside], timeout=300,
                                  env=os.environ | {INSIDE: folder}, capture_output=True,
                                  text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout, "(?m)^ok - ")


class Policies(unittest.TestCase):
    """All domains lead to one Postfix, whose certificate is for the host of none."""

    @classmethod
    def setUpClass(cls):
        cls.authority = Authority(os.environ[INSIDE], make=False)
        names = [f"{domain}.test" for domain in DOMAINS]
        certificate, key = cls.authority.make("hop", "DNS:other.test")
        cls.postfix = Postfix(" ".join(names), extra=[
            f"smtpd_tls_cert_file = {certificate}", f"smtpd_tls_key_file = {key}",
            "smtpd_tls_security_level = may"]).start()
        cls.addClassCleanup(cls.postfix.close)
        cls.start_web(names)
        cls.dns = Nsd({name: ZONE + ANNOUNCED.format(1) for name in names}).start()
        cls.addClassCleanup(cls.dns.close)
        cls.server = Mailroot(lines=[
            f"dns server 127.0.0.1:{cls.dns.port}", "connector all {", "    to *",
            f"    by mx port {cls.postfix.port}", "}", *RETRY])
        cls.addClassCleanup(cls.server.close)
        cls.server.start()

    @classmethod
    def start_web(cls, names):
        """stranger.test has a certificate of an authority that nobody knows."""
        folder = tempfile.mkdtemp(prefix="mailroot-stranger-")
        cls.addClassCleanup(shutil.rmtree, folder, ignore_errors=True)
        context, other = (ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) for _ in range(2))
        hosts = ",".join(f"DNS:mta-sts.{name}" for name in names)
        context.load_cert_chain(*cls.authority.make("web", hosts))
        other.load_cert_chain(*Authority(folder).make("web", hosts))

        def choose(connection, name, _):
            if name == "mta-sts.stranger.test":
                connection.context = other
        context.sni_callback = choose
        cls.web = OverSix(("::", 443), PolicyServer)
        cls.web.socket = context.wrap_socket(cls.web.socket, server_side=True)
        threading.Thread(target=cls.web.serve_forever, daemon=True).start()
        cls.addClassCleanup(cls.web.server_close)
        cls.addClassCleanup(cls.web.shutdown)

    @staticmethod
    def answer(domain, body, code=200, **fields):
        PolicyServer.answers[f"mta-sts.{domain}.test"] = (
            code, {name.replace("_", "-"): value for name, value in fields.items()}, body)

    def announce(self, domain, identity):
        self.dns.change(f"{domain}.test", ZONE + (ANNOUNCED.format(identity) if identity else ""))

    @staticmethod
    def times_asked(domain):
        return PolicyServer.asked.count((f"mta-sts.{domain}.test", "/.well-known/mta-sts.txt"))

    def is_enforced(self, domain):
        """The certificate is for no host of theirs: with a policy in force the mail waits."""
        recipient = f"bob@{domain}.test"
        with self.server.smtp("submission", login="alice") as client:
            client.mail("alice@example.test")
            client.rcpt(recipient)
            code, words = client.data(text_message(f"to {recipient}", to=recipient))
        self.assertEqual(code, 250, words)
        message = words.split()[-1].decode()
        story = self.server.story(message, " status=")
        if " status=2." in story:
            self.assertIn(' unverified" status=2.', story)
            return False
        self.assertIn("ostname mismatch", story)
        self.server.cli("queue", "delete", message, "--no-report")
        return True

    def ends(self, domain):
        wait_until(lambda: not self.is_enforced(domain), f"{domain} has none", step=0.5)

    def test_a_policy_is_found_at_the_hosts_own_address_and_enforced(self):
        self.answer("plain", policy("plain"))
        self.assertTrue(self.is_enforced("plain"))
        self.server.wait_log('event=mta-sts.policy domain="?plain.test')
        self.assertTrue(self.is_enforced("plain"))
        self.assertEqual(self.times_asked("plain"), 1)

    def test_what_is_not_answered_as_it_must_be_is_no_policy_and_not_asked_for_again_soon(self):
        for domain, reason, answer in (
                ("stranger", "certificate", {"body": policy("stranger")}),
                ("moved", "301, not 200", {"body": "", "code": 301,
                                           "Location": "https://mta-sts.plain.test/other"}),
                ("html", "not text/plain", {"body": policy("html"), "Content_Type": "text/html"}),
                ("long", "longer than", {"body": policy("long") + "x: y\r\n" * 20000}),
                ("words", "is no policy", {"body": "version: STSv2\r\n"})):
            with self.subTest(domain):
                self.answer(domain, **answer)
                for _ in range(2):
                    self.assertFalse(self.is_enforced(domain))
                self.server.wait_log(
                    f'event=mta-sts.fetch domain="?{domain}.test"? reason=.*{reason}.* kept=no')
                self.assertEqual(self.times_asked(domain), 0 if domain == "stranger" else 1)

    def test_a_policy_that_is_known_stays_when_it_cannot_be_had_or_is_announced_no_more(self):
        self.answer("kept", policy("kept"))
        self.assertTrue(self.is_enforced("kept"))
        self.answer("kept", "", code=503)
        self.announce("kept", 2)
        wait_until(lambda: self.is_enforced("kept") and self.times_asked("kept") == 2,
                   "the new id is seen", step=0.5)
        self.server.wait_log('event=mta-sts.fetch domain="?kept.test.*503.* kept=yes')
        self.announce("kept", None)
        self.assertTrue(self.is_enforced("kept"))

    def test_a_policy_ends_when_it_says_so(self):
        self.answer("short", policy("short", max_age=4))
        self.assertTrue(self.is_enforced("short"))
        self.answer("short", "", code=404)
        self.ends("short")

    def test_a_policy_of_no_demands_that_is_announced_ends_the_one_before(self):
        self.answer("ended", policy("ended"))
        self.assertTrue(self.is_enforced("ended"))
        self.answer("ended", policy("ended", mode="none"))
        self.announce("ended", 2)
        self.ends("ended")


if INSIDE in os.environ:
    del OwnNetwork
else:
    del Policies

if __name__ == "__main__":
    unittest.main()
