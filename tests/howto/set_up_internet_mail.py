"""Configure Internet connectivity

From nothing to a site that sends and receives, by the command that asks (the Internet Mail Wizard):

    mailroot setup internet-mail
    mailroot user passwd alice@example.test
    mailroot serve
    mailroot audit relay; mailroot audit security; mailroot ports

Every how-to here begins with a site made so.
"""

from harness import text_message
from howto import HowTo


class InternetMail(HowTo):
    # shows: S39 K13 P18
    def test_configure_internet_connectivity(self):
        # Inbound: strangers reach the users, and nobody else by us.
        self.site.send(text_message("from outside"), "alice@example.test")
        self.site.fetch_when("alice", 1)
        self.assertRegex(self.mailroot("audit", "relay"), "refuses all of 105 ways to relay")
        self.assertNotIn("FAIL", self.mailroot("audit", "security"))

        # Outbound: by MX, until a provider is named.
        self.assertRegex(self.mailroot("route", "friend@elsewhere.example"),
                         "next-hop to mx: no connector has this domain")
        provider = self.other_host()
        self.site.write("connector provider", "to *", f"smart-host {provider.at}")
        self.site.take_up()
        self.send("alice", "friend@elsewhere.example")
        provider.wait_for(1)

        # The ports that a firewall must let through.
        ports = self.mailroot("ports")
        for service in self.services:
            self.assertRegex(ports, rf"in +{self.site.ports[service]} +{service} +open")
