"""Logging in at the server: every mechanism with the clients that have it, and guessing."""

import base64
import contextlib
import http.server
import json
import smtplib
import socket
import ssl
import subprocess
import tempfile
import threading
import urllib.parse
from pathlib import Path

from authority import Authority
from cases import ServerTest
from harness import client_tls, wait_until
from tls_client_test import Proxy, Threaded
from tokens import Issuer, openssl

MESSAGE = b"From: <alice@example.test>\r\nTo: <bob@example.test>\r\nSubject: x\r\n\r\nHello.\r\n"
SENDS = ["--from=alice@example.test", "bob@example.test"]


def b64(text):
    return base64.b64encode(text.encode()).decode()


def run(*words, given=b"", fails=False):
    """Run a client; its output."""
    result = subprocess.run([str(word) for word in words], input=given, capture_output=True,
                            timeout=60, check=False)
    output = (result.stdout + result.stderr).decode("utf-8", "replace")
    if (result.returncode != 0) != fails:
        raise AssertionError(f"{words[0]} ended with {result.returncode}:\n{output}")
    return output


class Mechanisms(ServerTest):
    """alice has a key for CRAM-MD5, bob has none. An authority vouches for alice's certificate, and
    another certificate is recorded as bob's."""

    @classmethod
    def before_server(cls):
        folder = tempfile.TemporaryDirectory(prefix="mailroot-login-")
        cls.addClassCleanup(folder.cleanup)
        other = Path(folder.name) / "other"
        other.mkdir()
        cls.issuer = Issuer()
        authority = Authority(folder.name)
        cls.alice = authority.make("alice", "email:alice@example.test")
        cls.bob = Authority(other, "Another authority").make("bob", "email:a@b.test")
        cls.settings = {
            "server_lines": ["login scram plain login cram-md5 external oauth",
                             "tls client-certificate ask",
                             f"tls authorities {authority.certificate}"],
            "lines": [f"oauth jwks {cls.issuer.key_set} issuer {cls.issuer.name} audience mail"]}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.password = cls.server.passwords["alice"]
        cls.server.cli("user", "passwd", "alice@example.test", "--allow-cram", "--password-stdin",
                       given=cls.password + "\n")
        digest = openssl("x509", "-in", cls.bob[0], "-noout", "-fingerprint", "-sha256")
        cls.server.cli("user", "certificate", "add", "bob@example.test",
                       digest.decode().strip().partition("=")[2])

    def setUp(self):
        self.start = len(self.server.log)

    def expect_login(self, mechanism, user="alice", result="ok"):
        """auth has decided so since the test began."""
        self.server.wait_log(f'event=auth.login session=\\S+ user="{user}@example.test" '
                             f'peer="[^"]+" mechanism={mechanism} result="{result}"',
                             start=self.start)

    # ---- swaks ----

    def swaks(self, mechanism, **options):
        return run("swaks", "--server", "127.0.0.1", "--port", self.server.ports["submission"],
                   "-tls", "--auth", mechanism, "--auth-user", "alice@example.test",
                   "--auth-password", self.password, "--from", "alice@example.test", "--to",
                   "bob@example.test", **options)

    # shows: V33 R05 R10
    def test_swaks_logs_in_by_plain_login_and_cram_md5(self):
        for mechanism in ("PLAIN", "LOGIN", "CRAM-MD5"):
            with self.subTest(mechanism):
                self.swaks(mechanism)
                self.expect_login(mechanism)

    def test_swaks_finds_no_digest_md5(self):
        self.assertIn("requested type not available", self.swaks("DIGEST-MD5", fails=True))

    # ---- curl ----

    def curl(self, *options, fails=False):
        return run("curl", "-skS", "--ssl-reqd",
                   f"smtp://127.0.0.1:{self.server.ports['submission']}", "--mail-from",
                   "alice@example.test", "--mail-rcpt", "bob@example.test", "-T", "-", *options,
                   given=MESSAGE, fails=fails)

    def test_curl_logs_in_by_plain_login_and_cram_md5(self):
        for mechanism in ("PLAIN", "LOGIN", "CRAM-MD5"):
            with self.subTest(mechanism):
                self.curl("--user", f"alice@example.test:{self.password}", "--login-options",
                          f"AUTH={mechanism}")
                self.expect_login(mechanism)

    def test_curl_shows_a_bearer_token(self):
        for algorithm in ("RS256", "EdDSA"):
            with self.subTest(algorithm):
                self.start = len(self.server.log)
                self.curl("--user", "alice@example.test", "--oauth2-bearer",
                          self.issuer.token("alice@example.test", algorithm))
                self.expect_login("OAUTHBEARER")

    def test_curl_is_refused_with_a_token_that_is_not_for_us_or_of_another_user(self):
        for token in (self.issuer.token("bob@example.test"),
                      self.issuer.token("alice@example.test", aud="web"),
                      self.issuer.token("alice@example.test", exp=1000000000)):
            self.start = len(self.server.log)
            self.curl("--user", "alice@example.test", "--oauth2-bearer", token, fails=True)
            self.expect_login("OAUTHBEARER", result="refused")

    def test_curl_logs_in_by_its_certificate(self):
        self.curl("--user", "alice@example.test:", "--login-options", "AUTH=EXTERNAL", "--cert",
                  self.alice[0], "--key", self.alice[1])
        self.expect_login("EXTERNAL")

    # ---- msmtp and mpop: GNU SASL ----

    def msmtp(self, mechanism, secret, *options, fails=False):
        return run("msmtp", "--host=127.0.0.1", f"--port={self.server.ports['submission']}",
                   "--tls=on", "--tls-certcheck=off", f"--auth={mechanism}",
                   "--user=alice@example.test", f"--passwordeval=echo {secret}", *options, *SENDS,
                   given=MESSAGE, fails=fails)

    def test_msmtp_logs_in_by_every_mechanism_with_a_password(self):
        for mechanism in ("scram-sha-1", "scram-sha-256", "plain", "login", "cram-md5"):
            with self.subTest(mechanism):
                self.msmtp(mechanism, self.password)
                self.expect_login(mechanism.upper())

    # shows: R26
    def test_msmtp_is_refused_with_a_wrong_password(self):
        for mechanism in ("scram-sha-256", "cram-md5"):
            with self.subTest(mechanism):
                self.msmtp(mechanism, "wrong", fails=True)
                self.expect_login(mechanism.upper(), result="refused")

    def test_msmtp_shows_a_bearer_token(self):
        for mechanism in ("oauthbearer", "xoauth2"):
            with self.subTest(mechanism):
                self.msmtp(mechanism, self.issuer.token("alice@example.test"))
                self.expect_login(mechanism.upper())

    def test_msmtp_logs_in_by_its_certificate(self):
        self.msmtp("external", "", f"--tls-cert-file={self.alice[0]}",
                   f"--tls-key-file={self.alice[1]}")
        self.expect_login("EXTERNAL")

    def test_mpop_opens_a_mailbox_after_every_mechanism(self):
        folder = self.server.directory
        for mechanism in ("scram-sha-1", "scram-sha-256", "plain", "login", "cram-md5"):
            with self.subTest(mechanism):
                run("mpop", "--host=127.0.0.1", f"--port={self.server.ports['pop3s']}", "--tls=on",
                    "--tls-starttls=off", "--tls-certcheck=off", f"--auth={mechanism}",
                    "--user=alice@example.test", f"--passwordeval=echo {self.password}",
                    f"--delivery=mbox,{folder}/mbox", f"--uidls-file={folder}/uidls", "--keep=on")
                self.expect_login(mechanism.upper())

    # ---- gsasl: channel binding ----

    def gsasl(self, mechanism, *options, fails=False):
        return run("gsasl", "--smtp", f"--connect=localhost:{self.server.ports['submission']}",
                   "--starttls", "-m", mechanism, "-a", "alice@example.test", "-p", self.password,
                   f"--x509-ca-file={self.server.directory}/cert.pem", "--verbose", *options,
                   fails=fails)

    def test_gsasl_binds_its_login_to_the_tls_channel(self):
        for mechanism in ("SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"):
            for version in ("NORMAL", "NORMAL:-VERS-TLS1.3"):
                with self.subTest(mechanism, version=version):
                    self.start = len(self.server.log)
                    output = self.gsasl(mechanism, f"--priority={version}")
                    self.assertIn("server trusted", output)
                    self.expect_login(mechanism)

    # ---- who it is ----

    def test_a_recorded_certificate_is_its_owners_whoever_signed_it(self):
        context = client_tls()
        context.load_cert_chain(*self.bob)
        with smtplib.SMTP_SSL("127.0.0.1", self.server.ports["smtps"], context=context) as client:
            client.ehlo()
            self.assertIn("EXTERNAL", client.esmtp_features["auth"])
            self.assertEqual(client.docmd("AUTH EXTERNAL", b64("alice@example.test"))[0], 535)
            self.assertEqual(client.docmd("AUTH EXTERNAL", "=")[0], 235)
        self.expect_login("EXTERNAL", "bob")

    def test_without_a_certificate_external_is_not_offered(self):
        with self.server.smtp("smtps") as client:
            self.assertNotIn("EXTERNAL", client.esmtp_features["auth"])
            self.assertEqual(client.docmd("AUTH EXTERNAL", "=")[0], 504)

    def test_an_imported_hash_gets_keys_for_scram_at_the_first_plain_login(self):
        # "secret", as crypt(3) has it.
        self.server.cli("user", "add", "carol@example.test", "--hash",
                        "$1$saltsalt$9xy1btjgzLYfb7hivXtC//")
        arguments = ("scram-sha-256", "secret", "--user=carol@example.test")
        self.msmtp(*arguments, fails=True)
        self.msmtp("plain", *arguments[1:])
        self.msmtp(*arguments)
        self.server.cli("user", "passwd", "carol@example.test", "--password-stdin",
                        given="another\n")
        self.msmtp(*arguments, fails=True)
        self.msmtp("scram-sha-256", "another", "--user=carol@example.test")

    def test_no_secret_is_in_the_log(self):
        self.swaks("PLAIN")
        log = self.server.log_text()
        for secret in (self.password, b64(self.password),
                       b64(f"\0alice@example.test\0{self.password}")):
            self.assertNotIn(secret, log)
        self.assertNotIn("eyJ", log)  # the beginning of every token


class Guessing(ServerTest):
    """Clients come from several addresses of the loopback network; alice is at home at the first."""

    settings = {"server_lines": ["login cleartext"], "lines": ["login lockout 3 in 5m for 5m"]}

    def pop(self, user, password, source):
        """The first word of the answer to a login from this address."""
        with socket.create_connection(("127.0.0.1", self.server.ports["pop3"]), 60,
                                      (source, 0)) as raw, raw.makefile("rwb") as file:
            file.readline()
            file.write(f"USER {user}@example.test\r\nPASS {password}\r\n".encode())
            file.flush()
            file.readline()
            return file.readline().decode()

    def smtp_login(self, user, password, source):
        with smtplib.SMTP("127.0.0.1", self.server.ports["submission"], timeout=60,
                          source_address=(source, 0)) as client:
            client.ehlo()
            return client.docmd("AUTH PLAIN", b64(f"\0{user}@example.test\0{password}"))

    def guess(self, user, source, times=3):
        for _ in range(times):
            self.pop(user, "guess", source)

    # shows: R17
    def test_guessing_locks_strangers_out_and_not_the_owner_over_a_restart_too(self):
        password = self.server.passwords["alice"]
        self.assertIn("+OK", self.pop("alice", password, "127.0.0.1"))
        self.server.stop()
        self.server.start()
        self.guess("alice", "127.0.0.2")
        self.server.wait_log("event=auth.locked what=account account=\"alice@example.test\"")
        self.assertIn("[SYS/TEMP]", self.pop("alice", password, "127.0.0.3"))
        code, text = self.smtp_login("alice", password, "127.0.0.3")
        self.assertEqual(code, 454)
        case = text.decode().split("(mailroot ")[1].split(")")[0]
        self.server.story(case, "too many failed logins")
        self.assertIn("+OK", self.pop("alice", password, "127.0.0.1"))
        listed = self.server.cli("login", "list")
        self.assertRegex(listed, r"alice@example.test +any +locked +3 2")
        self.assertIn("127.0.0.1", self.server.cli("login", "networks", "alice"))
        self.server.cli("user", "unlock", "alice")
        self.assertIn("+OK", self.pop("alice", password, "127.0.0.3"))

    def test_spraying_over_accounts_locks_the_network(self):
        for user in ("bob", "carol", "dora"):
            self.guess(user, "127.0.0.9", 1)
        password = self.server.passwords["bob"]
        self.server.wait_log("event=auth.locked what=network")
        self.assertEqual(self.smtp_login("bob", password, "127.0.0.9")[0], 454)
        self.assertEqual(self.smtp_login("bob", password, "127.0.0.8")[0], 235)
        self.server.cli("login", "unlock", "127.0.0.9")
        self.assertEqual(self.smtp_login("bob", password, "127.0.0.9")[0], 235)


class Introspector(http.server.BaseHTTPRequestHandler):
    """The authority: knows the tokens in server.tokens, and mailroot by its password."""

    def do_POST(self):
        length = int(self.headers["Content-Length"])
        token = urllib.parse.parse_qs(self.rfile.read(length).decode())["token"][0]
        self.server.asked.append((self.path, token))
        if token == "slow":
            self.server.may_answer.wait(60)
        known = self.headers["Authorization"] == "Basic " + b64("mailroot:client secret")
        answer = self.server.tokens.get(token, {"active": False})
        body = json.dumps(answer).encode()
        self.send_response(200 if known else 401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Quiet."""


class Introspection(ServerTest):
    """Tokens that say nothing by themselves: the sender asks the authority, through a proxy."""

    @classmethod
    def before_server(cls):
        folder = tempfile.TemporaryDirectory(prefix="mailroot-login-")
        cls.addClassCleanup(folder.cleanup)
        authority = Authority(folder.name)
        certificate, key = authority.make("id.test", "DNS:id.test")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        cls.web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Introspector)
        cls.web.socket = context.wrap_socket(cls.web.socket, server_side=True)
        cls.web.asked, cls.web.tokens, cls.web.may_answer = [], {}, threading.Event()
        proxy = Threaded(("127.0.0.1", 0), Proxy)
        proxy.asked, proxy.policy_port = [], cls.web.server_address[1]
        for server in (cls.web, proxy):
            threading.Thread(target=server.serve_forever, daemon=True).start()
            cls.addClassCleanup(server.server_close)
            cls.addClassCleanup(server.shutdown)
        cls.settings = {
            "server_lines": ["login oauth plain"],
            "lines": ["oauth introspect https://id.test:8443/introspect client mailroot "
                      "secret authority claim username",
                      f"tls authorities {authority.certificate}",
                      f"http proxy 127.0.0.1:{proxy.server_address[1]}"],
            "directory": tempfile.mkdtemp(prefix="mailroot-test-")}
        secrets = Path(cls.settings["directory"]) / "secrets"
        secrets.mkdir()
        (secrets / "authority").write_text("client secret\n")

    def login(self, token):
        with self.server.smtp("smtps") as client:
            code, _ = client.docmd("AUTH XOAUTH2",
                                   b64(f"user=alice@example.test\1auth=Bearer {token}\1\1"))
            return client.docmd("")[0] if code == 334 else code

    def test_a_token_that_the_authority_knows_logs_in(self):
        self.web.tokens["good+token/=="] = {"active": True, "username": "alice@example.test"}
        self.assertEqual(self.login("good+token/=="), 235)
        self.assertIn(("/introspect", "good+token/=="), self.web.asked)
        self.assertNotIn("good+token", self.server.log_text())
        self.assertNotIn("client secret", self.server.log_text())

    def test_a_token_that_is_unknown_expired_or_of_another_user_does_not(self):
        self.web.tokens["bobs"] = {"active": True, "username": "bob@example.test"}
        self.web.tokens["old"] = {"active": True, "username": "alice@example.test",
                                  "exp": 1000000000}
        for token in ("unknown", "bobs", "old"):
            with self.subTest(token):
                self.assertEqual(self.login(token), 535)

    def test_many_logins_at_once_wait_for_their_turn_to_be_asked_about(self):
        self.web.tokens["slow"] = {"active": True, "username": "alice@example.test"}
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(self.server.smtp("smtps")) for _ in range(20)]
            for client in clients:
                client.putcmd("AUTH XOAUTH2", b64("user=alice@example.test\1auth=Bearer slow\1\1"))
            wait_until(lambda: ("/introspect", "slow") in self.web.asked, "the first question")
            self.web.may_answer.set()
            self.assertEqual({client.getreply()[0] for client in clients}, {235})

    # shows: R17
    def test_without_an_answer_the_client_is_to_try_later(self):
        self.web.tokens["strange"] = "x" * 20000
        self.assertEqual(self.login("strange"), 454)
        self.server.wait_log("event=oauth.not-asked reason=\"the answer is longer")
