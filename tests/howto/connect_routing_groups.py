"""Connect routing groups

Two places of one organisation that each have their own ways out. Their servers tell each other of
these, and mail takes the cheapest; a message for the partner of the south goes there over the line
between them. On the server in the north, and in the south the other way round:

    domain servers.example {
        user link                   # the account of our servers, with the same password everywhere
    }
    server internet {
        peer link@servers.example   # who logs in so is one of us
    }
    routing-group north {
        member mx.example.test      # and the other servers of this place, if there are any
    }
    connector south {
        to-group south cost 10
        smart-host south.example.test login link@servers.example secret link
    }

`mailroot routing` shows what each server knows, `mailroot route ADDRESS` the way of a message.
"""

import json

from harness import wait_until
from howto import HowTo, Site

PASSWORD = "the-line-between-us"


class RoutingGroups(HowTo):
    def make_server(self, site, own, other, peer):
        """One end of the line."""
        site.write("domain servers.example", "user link")
        site.add("server internet", "peer link@servers.example")
        site.write(f"routing-group {own}", f"member {own}.example.test",
                   f"server {own}.example.test", "link-state retry 1s")
        site.write(f"connector {other}", f"to-group {other} cost 10",
                   f"smart-host [127.0.0.1]:{peer.ports['smtp']} "
                   "login link@servers.example secret link")
        secrets = site.directory / "secrets"
        secrets.mkdir(exist_ok=True)
        (secrets / "link").write_text(PASSWORD)
        site.take_up()
        site.cli("user", "passwd", "link@servers.example", "--password-stdin",
                 given=PASSWORD + "\n")

    # shows: C25 S35
    def test_connect_two_routing_groups(self):
        south = Site(listens=self.services, domain="south.test")
        self.addCleanup(south.close)
        south.start()
        partner = self.other_host()
        south.write("connector partner", "to partner.example", f"smart-host {partner.at}")
        self.make_server(self.site, "north", "south", south)
        self.make_server(south, "south", "north", self.site)

        def way():
            line = self.mailroot("route", "user@partner.example", "--json").splitlines()[0]
            return json.loads(line)["way"]
        wait_until(lambda: way() == "north > south", "the north knows of the south's partner")
        self.assertIn("to group south cost 10", self.mailroot("routing"))
        self.send("alice", "user@partner.example")
        self.assertEqual(partner.wait_for(1)[0].recipients, ["user@partner.example"])
