"""Allow messages to be relayed to these domains

A connector may override the server's relay list for its own domains: for these everybody may relay.
It is warned of, for it opens a way:

    connector partner {
        to partner.example relay
        smart-host [192.0.2.25]
    }

The other of the two methods to allow relaying is the server's list:

    server internet {
        relay logged-in 192.0.2.0/24
    }
"""

from howto import HowTo


class RelayOverride(HowTo):
    # shows: S30 S38
    def test_allow_messages_to_be_relayed_to_the_domains_of_a_connector(self):
        partner = self.other_host()
        self.site.write("connector partner", "to partner.example", f"smart-host {partner.at}")
        self.site.take_up()
        self.assertRegex(self.arrives("user@partner.example"), "^550 5.7.1 ")

        # Tick the box; the warning names what is overridden.
        self.site.change("to partner.example", "to partner.example relay")
        self.assertRegex(self.site.take_up(),
                         "warning: .*connector 'partner' relays mail for 'partner.example'")
        self.assertEqual(self.arrives("user@partner.example"), "")
        self.assertRegex(self.arrives("user@elsewhere.example"), "^550 5.7.1 ")
        self.assertRegex(self.mailroot("audit", "relay"),
                         "warn +connector +everybody may relay to partner.example by connector "
                         "partner")

    # shows: S38 S15
    def test_allow_a_computer_to_relay_by_the_list_of_a_server(self):
        provider = self.other_host()
        self.site.write("connector all-mail", "to *", f"smart-host {provider.at}")
        self.site.change("relay logged-in", "relay logged-in 127.0.0.1")
        self.site.take_up()
        self.assertEqual(self.arrives("friend@elsewhere.example"), "")
        self.site.change("relay logged-in 127.0.0.1", "relay logged-in 192.0.2.7")
        self.site.take_up()
        self.assertRegex(self.arrives("friend@elsewhere.example"), "^550 5.7.1 ")
