"""TLS as a client: DANE over signed zones, MTA-STS over HTTPS, REQUIRETLS, and what the settings ask
for; the next hops are Postfix and a second mailroot."""

import http.server
import json
import shutil
import socket
import socketserver
import ssl
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

from authority import Authority, openssl
from harness import Mailroot, client_tls, free_port, text_message, wait_until
from peers import Nsd, Postfix

POLICIES = {  # what mta-sts.<domain> serves
    "sts.test": "version: STSv1\r\nmode: enforce\r\nmx: mx.sts.test\r\nmax_age: 86400\r\n",
    "stswrong.test": "version: STSv1\r\nmode: enforce\r\nmx: other.stswrong.test\r\n"
                     "max_age: 86400\r\n",
    "ststest.test": "version: STSv1\r\nmode: testing\r\nmx: *.ststest.test\r\nmax_age: 86400\r\n",
}
SIGNED = ("dane.test", "wrong.test", "unusable.test", "bogus.test", "half.test", "require.test")
RETRY = ["retry {", "    glitch 1s x2", "    after 1s", "    expire 1h", "}"]


class PolicyServer(http.server.BaseHTTPRequestHandler):
    """The web servers of all domains at once: policies by the Host they are asked for."""

    def do_GET(self):
        domain = self.headers["Host"].removeprefix("mta-sts.")
        body = POLICIES.get(domain, "").encode()
        known = body and self.path == "/.well-known/mta-sts.txt"
        self.send_response(200 if known else 404)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Proxy(socketserver.StreamRequestHandler):
    """An HTTP proxy that finds every host at the policy server."""

    def handle(self):
        request = self.rfile.readline().decode().split()
        while self.rfile.readline().strip():
            pass
        self.server.asked.append(request[1])
        with socket.create_connection(("127.0.0.1", self.server.policy_port)) as onward:
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=self.copy, args=(onward, self.connection), daemon=True)
            back.start()
            self.copy(self.connection, onward)
            back.join(10)

    @staticmethod
    def copy(source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass


class Threaded(socketserver.ThreadingMixIn, socketserver.TCPServer):
    allow_reuse_address = True
    daemon_threads = True
    asked = ()
    policy_port = 0


def tlsa_of(certificate):
    """The data of a TLSA 3 1 1 record for a certificate file."""
    key = openssl("x509", "-in", certificate, "-pubkey", "-noout").encode()
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=key,
                         capture_output=True, check=True).stdout
    return openssl("dgst", "-sha256", given=der).split()[-1]


@unittest.skipIf(Nsd.missing() or Postfix.missing(), Nsd.missing() or Postfix.missing())
class ClientTls(unittest.TestCase):
    """One sender. All domains lead to one Postfix whose certificate is for mx.sts.test, by an
    authority of ours; require.test leads to a second mailroot."""

    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="mailroot-ca-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.folder.chmod(0o755)
        cls.authority = Authority(cls.folder)
        cls.start_hops()
        cls.start_names()
        cls.start_web()
        cls.start_sender()

    @classmethod
    def start_hops(cls):
        certificate, key = cls.authority.make("mx.sts.test", "DNS:mx.sts.test")
        domains = "dane.test wrong.test unusable.test bogus.test half.test unsigned.test sts.test " \
                  "stswrong.test ststest.test plain.test verify.test"
        cls.postfix = Postfix(domains, extra=[
            f"smtpd_tls_cert_file = {certificate}", f"smtpd_tls_key_file = {key}",
            "smtpd_tls_security_level = may", "smtpd_tls_received_header = yes"]).start()
        cls.addClassCleanup(cls.postfix.close)
        cls.hash = tlsa_of(certificate)
        cls.peer = Mailroot(users=("carol",), domain="require.test")
        cls.addClassCleanup(cls.peer.close)
        cls.peer.start()

    @classmethod
    def start_names(cls):
        port, other = cls.postfix.port, "00" * 32
        host = "@ IN MX 10 mx\nmx IN A 127.0.0.1\n"
        tlsa = f"_{port}._tcp.mx IN TLSA "
        sts = "_mta-sts IN TXT \"v=STSv1; id=1;\"\n"
        own = tlsa_of(cls.peer.directory / "cert.pem")
        zones = {
            "dane.test": host + tlsa + f"3 1 1 {cls.hash}\n",
            "wrong.test": host + tlsa + f"3 1 1 {other}\n",
            "unusable.test": host + tlsa + f"1 1 1 {other}\n",
            "bogus.test": host,
            "half.test": host + "mx IN AAAA 2001:db8::1\n" + tlsa + f"3 1 1 {other}\n",
            "unsigned.test": host + tlsa + f"3 1 1 {other}\n",
            "sts.test": host + sts, "stswrong.test": host + sts, "ststest.test": host + sts,
            "plain.test": host, "verify.test": host,
            "require.test": host + f"_{cls.peer.ports['smtp']}._tcp.mx IN TLSA 3 1 1 {own}\n",
        }
        cls.dns = Nsd(zones, signed=SIGNED, forged=("bogus.test",),
                      altered={"half.test": ("2001:db8::1", "2001:db8::2")}).start()
        cls.addClassCleanup(cls.dns.close)

    @classmethod
    def start_web(cls):
        names = ",".join(f"DNS:mta-sts.{domain}" for domain in POLICIES)
        certificate, key = cls.authority.make("web", names)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        cls.web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), PolicyServer)
        cls.web.socket = context.wrap_socket(cls.web.socket, server_side=True)
        cls.proxy = Threaded(("127.0.0.1", 0), Proxy)
        cls.proxy.asked, cls.proxy.policy_port = [], cls.web.server_address[1]
        for server in (cls.web, cls.proxy):
            threading.Thread(target=server.serve_forever, daemon=True).start()
            cls.addClassCleanup(server.server_close)
            cls.addClassCleanup(server.shutdown)

    @classmethod
    def start_sender(cls):
        cls.server = Mailroot(lines=[
            f"dns server 127.0.0.1:{cls.dns.port}", f"dns trust-anchor {cls.dns.anchors}",
            f"tls authorities {cls.authority.certificate}",
            f"http proxy 127.0.0.1:{cls.proxy.server_address[1]}",
            "connector second {", "    to require.test", f"    by mx port {cls.peer.ports['smtp']}",
            "}", "connector all {", "    to *", f"    by mx port {cls.postfix.port}", "}",
            "policy verify.test {", "    tls dane or verify", "}", *RETRY])
        cls.addClassCleanup(cls.server.close)
        cls.server.start()

    def send(self, recipient, header=b"", options=()):
        """Submit a message; returns its id."""
        data = header + text_message(f"to {recipient}", to=recipient)
        with self.server.smtp("submission", login="alice") as client:
            client.mail("alice@example.test", list(options))
            self.assertEqual(client.rcpt(recipient)[0], 250)
            code, words = client.data(data)
            self.assertEqual(code, 250, words)
        return words.split()[-1].decode()

    def expect_sent(self, recipient, tls, **options):
        message = self.send(recipient, **options)
        story = self.server.story(message, "status=2.")
        self.assertRegex(story, f'tls="{tls}')
        return story

    def expect_waits(self, recipient, words, **options):
        message = self.send(recipient, **options)
        self.server.story(message, words)
        waiting = [entry for entry in self.server.queue() if recipient in json.dumps(entry)]
        self.assertEqual(len(waiting), 1, waiting)
        self.server.cli("queue", "delete", message, "--no-report")

    # shows: S42
    def test_keys_published_by_dane_are_demanded_and_fit(self):
        self.expect_sent("bob@dane.test",
                         r"TLSv1\.3 \S+ dane \(there are TLSA records for mx\.dane\.test\)")

    def test_a_probe_tells_what_a_domain_demands_and_whether_its_host_has_it(self):
        out = self.server.cli("probe", "dane.test", "--connector", "all")
        self.assertRegex(out, r"ok +mx +mx\.dane\.test, proven by DNSSEC")
        self.assertRegex(out, "TLS with a key that DNSSEC vouches for is needed: there are TLSA")
        self.assertRegex(out, r"ok +starttls +TLSv1\.3 \S+ dane")
        out = self.server.cli("probe", "sts.test", "--connector", "all")
        self.assertRegex(out, "a certificate for its name is needed: an MTA-STS policy")
        self.assertRegex(out, r"ok +starttls +TLSv1\.3 \S+ name")
        out = self.server.cli("probe", "wrong.test", "--connector", "all", expect=1)
        self.assertRegex(out, r"FAIL +starttls ")
        self.assertRegex(self.server.cli_result("diagnose", "outbound", "x@stswrong.test").stderr,
                         "first cause: tls: .*MTA-STS policy does not name")

    def test_keys_published_by_dane_that_do_not_fit_stop_the_mail(self):
        self.expect_waits("bob@wrong.test", "o matching DANE TLSA records")

    def test_tls_required_no_sends_it_all_the_same(self):
        self.expect_sent("bob@wrong.test", r"TLSv1\.3 \S+ unverified",
                         header=b"TLS-Required: No\r\n")

    def test_keys_that_smtp_cannot_use_ask_for_encryption_alone(self):
        self.expect_sent("bob@unusable.test", r"TLSv1\.3 \S+ unverified")

    def test_an_answer_that_fails_validation_is_not_believed(self):
        self.expect_waits("bob@bogus.test", "fails validation")

    def test_a_forged_address_does_not_take_the_keys_away(self):
        self.expect_waits("bob@half.test", "o matching DANE TLSA records")

    def test_keys_that_nothing_proves_do_not_count(self):
        self.expect_sent("bob@unsigned.test", r"TLSv1\.3 \S+ unverified")

    def test_a_policy_of_mta_sts_is_fetched_once_and_enforced(self):
        self.expect_sent("bob@sts.test", r"TLSv1\.3 \S+ name")
        self.server.wait_log('event=mta-sts.policy domain="?sts.test')
        asked = self.proxy.asked.count("mta-sts.sts.test:443")
        self.expect_sent("carol@sts.test", r"TLSv1\.3 \S+ name")
        self.assertEqual(self.proxy.asked.count("mta-sts.sts.test:443"), asked)

    def test_a_host_that_the_policy_does_not_name_gets_nothing(self):
        self.expect_waits("bob@stswrong.test", "MTA-STS policy does not name mx.stswrong.test")

    def test_a_policy_in_testing_is_no_obstacle_but_told(self):
        self.expect_sent("bob@ststest.test", r"TLSv1\.3 \S+ unverified")
        self.server.wait_log('event=mta-sts.testing domain="?ststest.test.*mismatch')

    # shows: S43 S60
    def test_a_domain_that_the_settings_want_verified_waits_when_it_is_not(self):
        self.expect_waits("bob@verify.test", "ostname mismatch")

    def test_without_any_wish_tls_is_taken_as_it_comes(self):
        self.expect_sent("bob@plain.test", r"TLSv1\.3 \S+ unverified")

    def test_a_message_with_requiretls_is_returned_by_a_hop_that_lacks_it(self):
        message = self.send("bob@dane.test", options=["REQUIRETLS"])
        self.server.story(message, "5.7.30")
        report = self.server.fetch_when("alice", 1)[-1]
        self.assertIn(b"Status: 5.7.30", report)

    def test_a_message_with_requiretls_goes_on_with_it_to_a_proven_hop(self):
        message = self.send("carol@require.test", options=["REQUIRETLS"])
        self.assertIn("dane", self.server.story(message, "status=2."))
        self.assertTrue(self.peer.fetch_when("carol", 1))
