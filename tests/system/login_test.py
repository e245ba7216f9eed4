"""Logging in with Kerberos and NTLM as curl and swaks do it; as a client at our own server, whose log
tells by which mechanism it was, and at Postfix."""

import base64
import hashlib
import os
import re
import shutil
import ssl
import subprocess
import unittest

from cases import ServerTest
from harness import Mailroot, RawClient, text_message, wait_until
from kerberos import Realm
from peers import Postfix, find_program
from smtp_sink import Sink
from tokens import Issuer

# Whole stacks, by which the leak checker knows the NTLM plug-in's leaks (src/sasl/gss.c).
WHOLE_STACKS = {"ASAN_OPTIONS": "detect_leaks=1:fast_unwind_on_malloc=0"}
QUICK_RETRY = ["retry {", "    glitch 1s x2", "    after 1s", "    expire 1m", "}"]


class Logins(ServerTest):
    """The server that is logged in at, `far` that logs in at it, and a realm for both."""

    @classmethod
    def before_server(cls):
        cls.realm = Realm()
        cls.addClassCleanup(cls.realm.close)
        cls.realm.start()
        cls.realm.add("alice", "stranger", "bh2", "smtp/localhost", "imap/localhost",
                      "pop/localhost", "SMTPSVC/localhost")
        cls.keytab = cls.realm.keytab("server", "smtp/localhost", "imap/localhost",
                                      "pop/localhost", "SMTPSVC/localhost")
        cls.issuer = Issuer()
        cls.settings = {"environment": cls.realm.environment(**WHOLE_STACKS),
                        "users": ["alice", "bob", "bh2"],
                        "server_lines": ["login scram plain login cram-md5 gssapi ntlm external "
                                         "oauth",
                                         "tls offer client-certificate ask",
                                         "peer bh2@example.test"],
                        "lines": [f"kerberos keytab {cls.keytab}",
                                  f"oauth jwks {cls.issuer.key_set} issuer {cls.issuer.name} "
                                  "audience mail"]}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.allow_ntlm("alice")
        cls.far = Mailroot(users=["carol"], domain="far.test", lines=cls.connectors(),
                           environment=cls.realm.environment(**WHOLE_STACKS))
        cls.addClassCleanup(cls.far.close)
        shown = ssl.PEM_cert_to_DER_cert((cls.far.directory / "cert.pem").read_text())
        cls.server.cli("user", "certificate", "add", "alice@example.test",
                       hashlib.sha256(shown).hexdigest())
        secrets = cls.far.directory / "secrets"
        secrets.mkdir(mode=0o755)
        (secrets / "alice").write_text(cls.server.passwords["alice"] + "\n")
        (secrets / "wrong").write_text("not it\n")
        cls.far.start()

    @classmethod
    def allow_ntlm(cls, user):
        cls.server.cli("user", "passwd", cls.server.address(user), "--ntlm", "--password-stdin",
                       given=cls.server.passwords[user] + "\n")

    @classmethod
    def connectors(cls):
        """One for each way to log in; mail for NAME.test takes connector NAME."""
        port = cls.server.ports["submission"]
        keytab = cls.realm.keytab("alice", "alice")
        peer = cls.realm.keytab("bh2", "bh2")
        cls.token = cls.issuer.directory / "token"
        cls.token.write_text("stale")
        cls.sink = Sink()
        cls.addClassCleanup(cls.sink.close)
        ways = {
            "plus": "login alice@example.test secret alice mechanism scram-sha-256-plus",
            "scram": "login alice@example.test secret alice mechanism scram-sha-1",
            "best": "login alice@example.test secret alice over tls",
            "plain": "login alice@example.test secret alice mechanism plain over tls",
            "login": "login alice@example.test secret alice mechanism login over tls",
            "kerberos": f"login alice@EXAMPLE.TEST keytab {keytab}",
            "ntlm": "login alice secret alice domain EXAMPLE mechanism ntlm",
            "oauthbearer": f"login alice@example.test token {cls.token} mechanism oauthbearer "
                           "over tls",
            "xoauth2": f"login alice@example.test token {cls.token} mechanism xoauth2 over tls",
            "wrong": "login alice@example.test secret wrong",
        }
        lines = [
            "connector exps {", "    to exps.test",
            f"    smart-host localhost:{cls.server.ports['smtp']} tls require",
            f"    login bh2@EXAMPLE.TEST keytab {peer}", "    x-exps require", "}",
            "connector stranger {", "    to stranger.test",
            f"    smart-host 127.0.0.1:{cls.sink.port}",
            f"    login bh2@EXAMPLE.TEST keytab {peer}", "    x-exps try", "}"]
        lines += ["connector external {", "    to external.test",
                  f"    smart-host localhost:{port} tls require",
                  "    login mechanism external", "    certificate cert.pem key key.pem", "}"]
        for name, login in ways.items():
            lines += [f"connector {name} {{", f"    to {name}.test",
                      f"    smart-host localhost:{port} tls require", f"    {login}", "}"]
        return [*lines, *QUICK_RETRY]

    def send_by(self, connector):
        """Mail through the far server's connector; returns what the server logged of the login."""
        start = len(self.server.log)
        self.far.send(text_message(connector), f"x@{connector}.test", sender="carol@far.test",
                      service="submission", login="carol")
        found = self.server.wait_log(r"event=smtp\.login [^\n]*mechanism=([A-Z0-9-]+)", start=start)
        return found.group(1).decode()

    def curl(self, *words, principal="alice", protocol="smtp", service="submission"):
        """curl with a ticket."""
        keytab = self.realm.keytab(f"curl-{principal}", principal)
        environment = dict(os.environ, **self.realm.environment(
            KRB5_CLIENT_KTNAME=str(keytab),
            KRB5CCNAME=str(self.realm.directory / f"tickets-{principal}")))
        return subprocess.run(
            ["curl", "-sS", "-k", "--ssl-reqd", "--user", ":", "--login-options", "AUTH=GSSAPI",
             f"{protocol}://localhost:{self.server.ports[service]}", *words], env=environment,
            capture_output=True, timeout=60, check=False)

    def mail_words(self):
        message = self.server.directory / "message"
        message.write_bytes(text_message("hello"))
        return ["--mail-from", "alice@example.test", "--mail-rcpt", "bob@example.test",
                "--upload-file", message]

    def curl_send(self, principal):
        return self.curl(*self.mail_words(), principal=principal)

    def curl_ntlm(self, user, password):
        return subprocess.run(
            ["curl", "-sS", "-k", "--ssl-reqd", "--user", f"{user}:{password}", "--login-options",
             "AUTH=NTLM", f"smtp://localhost:{self.server.ports['submission']}",
             *self.mail_words()], capture_output=True, timeout=60, check=False).returncode

    def swaks_ntlm(self, user, version):
        """swaks speaks NTLM's first version unless its library is told otherwise."""
        (self.server.directory / "Second.pm").write_text(
            "package Second; require Authen::NTLM; Authen::NTLM::ntlmv2(1); 1;\n")
        options = f"-I{self.server.directory} -MSecond" if version == 2 else ""
        return subprocess.run(
            ["swaks", "--server", "localhost", "--port", str(self.server.ports["submission"]),
             "-tls", "--auth", "NTLM", "--auth-user", user, "--auth-password",
             self.server.passwords["alice"], "--from", "alice@example.test", "--to",
             "bob@example.test"], env=dict(os.environ, PERL5OPT=options), capture_output=True,
            timeout=60, check=False).returncode

    # ---- Kerberos ----

    # shows: V35 S09
    def test_curl_sends_with_a_kerberos_ticket(self):
        result = self.curl_send("alice")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.server.wait_log(r'event=smtp\.login .*user="alice@example.test".* mechanism=GSSAPI')
        self.assertIn(b"hello", self.server.fetch_when("bob", 1)[-1])

    def test_curl_logs_in_to_its_mailbox_with_a_ticket(self):
        for protocol, words in {"pop3": [], "imap": ["--request", "NOOP"]}.items():
            result = self.curl(*words, protocol=protocol, service=protocol)
            self.assertEqual(result.returncode, 0, (protocol, result.stderr))
            self.server.wait_log(protocol + r'\.login .*user="alice@example.test"')

    def test_a_principal_that_is_no_user_is_refused(self):
        result = self.curl_send("stranger")
        self.assertEqual(result.returncode, 67, result.stderr)  # CURLE_LOGIN_DENIED
        self.server.wait_log(r'event=auth\.login .*stranger@EXAMPLE.TEST.*result="refused"')

    # shows: S59
    def test_a_connector_logs_in_with_its_keytab(self):
        self.assertEqual(self.send_by("kerberos"), "GSSAPI")

    # ---- X-EXPS ----

    # shows: V36
    def test_another_server_of_ours_logs_in_by_x_exps_with_its_ticket(self):
        self.assertEqual(self.send_by("exps"), "GSSAPI")
        self.server.wait_log(r'event=smtp\.login .*user="bh2@example.test" verb=X-EXPS mechanism=GSSAPI')

    def test_a_host_without_x_exps_gets_the_mail_anonymously_and_the_log_says_so(self):
        self.far.send(text_message("stranger"), "x@stranger.test", sender="carol@far.test",
                      service="submission", login="carol")
        self.sink.wait_for(1)
        self.far.wait_log(r"event=smtp\.exps-anonymous .*offers no login that we know")

    # ---- NTLM ----

    # shows: V34
    def test_curl_and_swaks_log_in_by_ntlm_under_each_of_a_users_names(self):
        password = self.server.passwords["alice"]
        for user in ("alice@example.test", "alice", "EXAMPLE\\alice", "example.test\\ALICE"):
            self.assertEqual(self.curl_ntlm(user, password), 0, user)
        for user in ("alice", "alice@example.test"):
            self.assertEqual(self.swaks_ntlm(user, version=2), 0, user)

    def test_a_wrong_password_or_domain_and_a_user_without_ntlm_are_refused(self):
        self.assertEqual(self.curl_ntlm("alice", "wrong"), 67)
        self.assertEqual(self.curl_ntlm("OTHER\\alice", self.server.passwords["alice"]), 67)
        self.assertEqual(self.curl_ntlm("bob", self.server.passwords["bob"]), 67)

    def test_the_first_version_of_ntlm_is_refused(self):
        self.assertEqual(self.swaks_ntlm("alice", version=1), 28)  # swaks: AUTH failed

    # shows: V34
    def test_the_challenge_tells_what_we_are_called(self):
        with RawClient(self.server.ports["smtps"], tls=True) as client:
            client.greet()
            client.ask("AUTH NTLM")
            answer = client.ask(base64.b64encode(
                b"NTLMSSP\0\1\0\0\0\7\x82\x08\0" + bytes(16)).decode())
            self.assertTrue(answer.startswith("334 "), answer)
            challenge = base64.b64decode(answer[4:])
            self.assertEqual(challenge[:12], b"NTLMSSP\0\2\0\0\0")
            for name in ("EXAMPLE", "MX"):  # the domain and the computer
                self.assertIn(name.encode("utf-16-le"), challenge)
            self.assertIn("501", client.ask("*"))

    # shows: S59
    def test_a_connector_logs_in_by_ntlm(self):
        self.assertEqual(self.send_by("ntlm"), "NTLM")

    def test_the_file_of_ntlm_users_is_ours_alone_and_follows_changes(self):
        users = self.server.directory / "data" / "directory" / "ntlm-users"
        self.assertEqual(users.stat().st_mode & 0o777, 0o600)
        self.assertNotIn("bob", users.read_text())
        self.allow_ntlm("bob")
        wait_until(lambda: "EXAMPLE:bob:" in users.read_text(), "bob is in the file")
        self.server.set_password("bob")
        wait_until(lambda: "bob" not in users.read_text(), "bob is in it no more")
        self.server.cli("user", "disable", "alice@example.test")
        wait_until(lambda: not users.exists(), "without users there is no file")
        self.server.cli("user", "enable", "alice@example.test")
        wait_until(users.exists, "alice is back")

    # ---- Certificates and passwords ----

    def test_a_connector_logs_in_by_its_certificate(self):
        self.assertEqual(self.send_by("external"), "EXTERNAL")

    def test_a_connector_shows_a_bearer_token_that_its_file_has_now(self):
        for connector, mechanism in {"oauthbearer": "OAUTHBEARER", "xoauth2": "XOAUTH2"}.items():
            self.token.write_text(self.issuer.token("alice@example.test"))
            self.assertEqual(self.send_by(connector), mechanism)

    def test_scram_is_bound_to_the_channel_where_both_sides_can(self):
        self.assertEqual(self.send_by("best"), "SCRAM-SHA-256-PLUS")
        self.assertEqual(self.send_by("plus"), "SCRAM-SHA-256-PLUS")

    def test_the_settings_choose_a_weaker_mechanism(self):
        for connector, mechanism in {"scram": "SCRAM-SHA-1", "plain": "PLAIN"}.items():
            self.assertEqual(self.send_by(connector), mechanism)

    # shows: S58
    def test_basic_authentication_is_auth_login(self):
        self.assertEqual(self.send_by("login"), "LOGIN")

    def test_a_wrong_password_leaves_the_mail_in_the_queue_with_the_words_of_the_host(self):
        self.far.send(text_message("wrong"), "x@wrong.test", sender="carol@far.test",
                      service="submission", login="carol")
        listed = wait_until(lambda: re.search(r"x@wrong.test.*535[^\n]*",
                                              self.far.cli("queue", "list"), re.DOTALL),
                            "the queue tells of the login")
        self.assertIn("login by SCRAM-SHA-256-PLUS: 535 5.7.8", listed.group(0))
        self.assertEqual(self.far.fetch("carol"), [])
        for row in self.far.queue():  # its guesses would slow the other tests down
            self.far.cli("queue", "delete", row["id"], "--no-report")


@unittest.skipIf(Postfix.missing() or not find_program("saslpasswd2"),
                 "Postfix or saslpasswd2 is not there (tools/install-dependencies test)")
class AtPostfix(ServerTest):
    """Postfix with Cyrus SASL, which knows its users' passwords, takes mail from who logs in."""

    MECHANISMS = ["SCRAM-SHA-256", "SCRAM-SHA-1", "GSSAPI", "CRAM-MD5", "PLAIN", "LOGIN"]

    @classmethod
    def before_server(cls):
        cls.realm = Realm()
        cls.addClassCleanup(cls.realm.close)
        cls.realm.start()
        cls.realm.add("mailer", "smtp/localhost")
        cls.postfix = Postfix("relay.test", extra=[
            "myhostname = localhost",  # as the ticket's principal says
            "virtual_mailbox_domains = " + " ".join(
                f"by{number}.relay.test" for number in range(len(cls.MECHANISMS))),
            "smtpd_sasl_auth_enable = yes", "smtpd_sasl_local_domain = postfix.test",
            "smtpd_recipient_restrictions = permit_sasl_authenticated, reject",
            "import_environment = MAIL_CONFIG MAIL_LOGTAG TZ LANG=C LD_LIBRARY_PATH "
            f"KRB5_CONFIG={cls.realm.krb5_conf} KRB5_KTNAME={cls.keytab()}"])
        sasl = cls.postfix.conf / "sasl"
        sasl.mkdir()
        (sasl / "smtpd.conf").write_text(
            "pwcheck_method: auxprop\nauxprop_plugin: sasldb\n"
            f"sasldb_path: {sasl}/sasldb2\nmech_list: {' '.join(cls.MECHANISMS)}\n")
        subprocess.run([find_program("saslpasswd2"), "-p", "-c", "-f", sasl / "sasldb2", "-u",
                        "postfix.test", "mailer"], input="s3cret", text=True, check=True)
        shutil.chown(sasl / "sasldb2", cls.postfix.owner)
        cls.addClassCleanup(cls.postfix.close)
        cls.postfix.start()
        cls.settings = {"environment": cls.realm.environment(), "lines": cls.connectors()}

    @classmethod
    def keytab(cls):
        return cls.realm.keytab("postfix", "smtp/localhost")

    @classmethod
    def connectors(cls):
        key = cls.realm.keytab("mailer", "mailer")
        lines = []
        for number, mechanism in enumerate(cls.MECHANISMS):
            proof = f"keytab {key}" if mechanism == "GSSAPI" else "secret mailer"
            user = "mailer@EXAMPLE.TEST" if mechanism == "GSSAPI" else "mailer@postfix.test"
            lines += [f"connector by{number} {{", f"    to by{number}.relay.test",
                      f"    smart-host localhost:{cls.postfix.port}",
                      f"    login {user} {proof} mechanism {mechanism} over anything",
                      "    tls none", "}"]
        return [*lines, *QUICK_RETRY]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        secrets = cls.server.directory / "secrets"
        secrets.mkdir(mode=0o755)
        (secrets / "mailer").write_text("s3cret\n")
        cls.server.cli("reload")

    def test_postfix_takes_mail_by_every_mechanism_of_cyrus(self):
        for number, mechanism in enumerate(self.MECHANISMS):
            start = len(self.server.log)
            self.server.send(text_message(mechanism), f"x@by{number}.relay.test",
                             sender="alice@example.test", service="submission", login="alice")
            self.server.wait_log(f"event=smtp.logged-in .*mechanism={mechanism} ", start=start)
        self.postfix.wait_for(len(self.MECHANISMS))


if __name__ == "__main__":
    unittest.main()
