"""Logging in with Kerberos as curl does it, and as a client at our own server, whose log tells by
which mechanism it was."""

import os
import re
import subprocess
import unittest

from cases import ServerTest
from harness import Mailroot, text_message, wait_until
from kerberos import Realm

QUICK_RETRY = ["retry {", "    glitch 1s x2", "    after 1s", "    expire 1m", "}"]


class Logins(ServerTest):
    """The server that is logged in at, `far` that logs in at it, and a realm for both."""

    @classmethod
    def before_server(cls):
        cls.realm = Realm()
        cls.addClassCleanup(cls.realm.close)
        cls.realm.start()
        cls.realm.add("alice", "stranger", "bob", "smtp/localhost", "imap/localhost",
                      "pop/localhost", "SMTPSVC/localhost")
        cls.keytab = cls.realm.keytab("server", "smtp/localhost", "imap/localhost",
                                      "pop/localhost", "SMTPSVC/localhost")
        cls.settings = {"environment": cls.realm.environment(),
                        "server_lines": ["login scram plain login cram-md5 gssapi"],
                        "lines": [f"kerberos keytab {cls.keytab}"]}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.far = Mailroot(users=["carol"], domain="far.test", lines=cls.connectors(),
                           environment=cls.realm.environment())
        cls.addClassCleanup(cls.far.close)
        secrets = cls.far.directory / "secrets"
        secrets.mkdir(mode=0o755)
        (secrets / "alice").write_text(cls.server.passwords["alice"] + "\n")
        (secrets / "wrong").write_text("not it\n")
        cls.far.start()

    @classmethod
    def connectors(cls):
        """One for each way to log in; mail for NAME.test takes connector NAME."""
        port = cls.server.ports["submission"]
        keytab = cls.realm.keytab("alice", "alice")
        ways = {
            "plus": "login alice@example.test secret alice mechanism scram-sha-256-plus",
            "scram": "login alice@example.test secret alice mechanism scram-sha-1",
            "best": "login alice@example.test secret alice over tls",
            "plain": "login alice@example.test secret alice mechanism plain over tls",
            "login": "login alice@example.test secret alice mechanism login over tls",
            "kerberos": f"login alice@EXAMPLE.TEST keytab {keytab}",
            "wrong": "login alice@example.test secret wrong",
        }
        lines = []
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
        keytab = self.realm.keytab(f"curl-{principal}", principal)
        environment = dict(os.environ, **self.realm.environment(
            KRB5_CLIENT_KTNAME=str(keytab),
            KRB5CCNAME=str(self.realm.directory / f"tickets-{principal}")))
        return subprocess.run(
            ["curl", "-sS", "-k", "--ssl-reqd", "--user", ":", "--login-options", "AUTH=GSSAPI",
             f"{protocol}://localhost:{self.server.ports[service]}", *words], env=environment,
            capture_output=True, timeout=60, check=False)

    def curl_send(self, principal):
        message = self.server.directory / "message"
        message.write_bytes(text_message("by a ticket"))
        return self.curl("--mail-from", "alice@example.test", "--mail-rcpt", "bob@example.test",
                         "--upload-file", message, principal=principal)

    # ---- Kerberos ----

    # shows: V35 S09
    def test_curl_sends_with_a_kerberos_ticket(self):
        result = self.curl_send("alice")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.server.wait_log(r'event=smtp\.login .*user="alice@example.test" mechanism=GSSAPI')
        self.assertEqual(len(self.server.fetch_when("bob", 1)), 1)

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

    # ---- Passwords ----

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
                            "the queue tells of the login", 30)
        self.assertIn("login by SCRAM-SHA-256-PLUS: 535 5.7.8", listed.group(0))
        self.assertEqual(self.far.fetch("carol"), [])
        for row in self.far.queue():  # its guesses would slow the other tests down
            self.far.cli("queue", "delete", row["id"], "--no-report")


if __name__ == "__main__":
    unittest.main()
