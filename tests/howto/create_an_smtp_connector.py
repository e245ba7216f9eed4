"""Create an SMTP connector

All mail to other domains goes through one host. A connector has a name, an address space, the host
and, where a site has several servers, those whose mail may use it:

    connector internet {
        from internet               # the server, its bridgehead
        to *                        # the address space: all domains
        smart-host [192.0.2.25]     # or: by mx
        note "ask the postmaster"
    }
"""

from howto import HowTo


class AnSmtpConnector(HowTo):
    # shows: S26 S27
    def test_create_an_smtp_connector(self):
        provider = self.other_host()

        # Write it, check it, take it up.
        self.site.write("connector all-mail", "from internet", "to *",
                        f"smart-host {provider.at}", 'note "ask the postmaster"')
        self.site.take_up()

        # Read back: the settings, the route that mail would take, and the mail itself.
        self.assertIn("connector all-mail {", self.mailroot("config", "show"))
        route = self.mailroot("route", "friend@elsewhere.example", "--server", "internet")
        self.assertRegex(route, r"next-hop by connector all-mail \(\* cost 1\).*ask the postmaster")
        self.send("alice", "friend@elsewhere.example")
        self.assertEqual(provider.wait_for(1)[0].recipients, ["friend@elsewhere.example"])

        # By MX instead: take the host away.
        self.site.change(f"    smart-host {provider.at}\n", "    by mx\n")
        self.site.take_up()
        self.assertRegex(self.mailroot("route", "friend@elsewhere.example", "--server",
                                       "internet"), "connector all-mail .* to mx")
