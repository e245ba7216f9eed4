"""Configure authentication for incoming messages

The three boxes of a server: anonymous access, basic authentication with its "requires TLS
encryption", and integrated Windows authentication.

    server internet {
        anonymous no            # MAIL only after a login
        login tls plain login   # passwords, under TLS alone
        login tls ntlm          # or the integrated kind; also gssapi
    }
"""

import smtplib

from howto import HowTo


class IncomingAuthentication(HowTo):
    # shows: S40 S06 S07 S08
    def test_configure_authentication_for_incoming_messages(self):
        # At first anybody may send to our users, and logins are offered under TLS alone.
        self.assertEqual(self.arrives("alice@example.test"), "")
        self.assertFalse([line for line in self.offers() if line.startswith("AUTH")])
        self.assertTrue([line for line in self.offers(tls=True) if line.startswith("AUTH")])

        # Anonymous access off: strangers are told to log in, users still send.
        self.site.add("server internet", "anonymous no")
        self.site.take_up()
        self.assertRegex(self.arrives("alice@example.test"), "^530 ")
        self.send("alice", "bob@example.test")
        self.site.fetch_when("bob", 1)

        # Basic authentication, which requires TLS; other mechanisms are no longer there.
        self.site.add("server internet", "login tls plain login")
        self.site.take_up()
        self.assertIn("AUTH PLAIN LOGIN", self.offers(tls=True))
        with self.site.smtp() as client, self.assertRaises(smtplib.SMTPException):
            client.login("alice@example.test", self.site.passwords["alice"])

        # And without TLS, for a network where that is fit: the audit tells.
        self.site.change("login tls plain login", "login cleartext plain login")
        self.site.take_up()
        self.assertIn("takes passwords that anybody on the way can read",
                      self.mailroot("audit", "security"))
        self.assertIn("AUTH PLAIN LOGIN", self.offers())

        # Nobody logs in at this server.
        self.site.change("login cleartext plain login", "login none")
        self.site.change("anonymous no", "anonymous yes")
        self.site.take_up()
        self.assertFalse([line for line in self.offers(tls=True) if line.startswith("AUTH")])


class IntegratedAuthentication(HowTo):
    # shows: S09
    def test_configure_integrated_windows_authentication(self):
        self.site.add("server internet", "login tls ntlm")
        self.site.write("ntlm name EXAMPLE domain example.test")
        self.site.take_up()
        self.assertIn("AUTH NTLM", self.offers(tls=True))
