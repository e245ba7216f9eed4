"""Send all mail through a smart host

By name, or by its address in brackets; with a login and under TLS where the host wants that; and
only when nobody can be reached directly, if so wished:

    connector provider {
        to *
        smart-host [192.0.2.25]                         # an address stands in brackets
        smart-host smtp.provider.example:587            # a name
        smart-host smtp.provider.example direct-first   # straight to others when that works
        login us@provider.example secret provider       # outbound security: basic authentication
        tls require                                     # and encryption
        masquerade example.com                          # our senders appear as of this domain
        hello helo                                      # HELO instead of EHLO
    }
"""

import ssl

from harness import Mailroot
from howto import HowTo


class SmartHost(HowTo):
    # shows: S36
    def test_forward_all_mail_through_a_smart_host(self):
        provider = self.other_host()
        self.site.write("connector provider", "to *", f"smart-host {provider.at}",
                        "masquerade example.com")
        self.site.take_up()
        self.send("alice", "friend@elsewhere.example")
        message = provider.wait_for(1)[0]
        self.assertEqual(message.sender, "alice@example.com", "as of the other domain")

        # HELO instead of EHLO, for a host that stumbles over it.
        self.site.add("connector provider", "hello helo")
        self.site.take_up()
        self.send("alice", "friend@elsewhere.example")
        self.assertEqual(provider.wait_for(2)[1].mail_words, [], "HELO: no extension is used")

    # shows: S60
    def test_log_in_at_the_smart_host_under_tls(self):
        # The provider is a mailroot of its own, whose user we are.
        provider = Mailroot(users=("us",), domain="provider.example")
        self.addCleanup(provider.close)
        provider.start()
        secrets = self.site.config.parent / "secrets"
        secrets.mkdir(mode=0o700)
        (secrets / "provider").write_text(provider.passwords["us"])
        self.site.write("connector provider", "to *",
                        f"smart-host [127.0.0.1]:{provider.ports['submission']}", "tls require",
                        "login us@provider.example secret provider over tls")
        self.site.take_up()

        # Probe: what it offers. Then the mail, which arrives as sent by who logged in.
        shown = self.mailroot("probe", f"[127.0.0.1]:{provider.ports['submission']}")
        self.assertRegex(shown, "ok +auth +logins are offered")
        self.send("alice", "us@provider.example")
        arrived = provider.fetch_when("us", 1)[0]
        self.assertRegex(arrived, rb"with ESMTPSA")

    # shows: S60
    def test_no_mail_without_tls_when_it_is_required(self):
        provider = self.other_host()
        self.site.write("connector provider", "to *", f"smart-host {provider.at}", "tls require")
        self.site.take_up()
        self.assertIn("TLS is required, but the peer does not offer it", self.site.cli_result(
            "diagnose", "outbound", "friend@elsewhere.example").stderr)
        # The provider gets itself a certificate.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.site.directory / "cert.pem", self.site.directory / "key.pem")
        provider.policy.tls = context
        self.send("alice", "friend@elsewhere.example")
        self.assertTrue(provider.wait_for(1)[0].over_tls)
