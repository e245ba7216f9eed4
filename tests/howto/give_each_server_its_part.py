"""Give each server its part

Of several servers in a routing group each should do what is its own. With one file for all of them
every one takes mail from strangers, has mailboxes and sends to other sites: the worst practice.
Write into each file which part is its own:

    role front-end          # takes mail from the outside and from users
    role bridgehead         # moves mail between groups, and to the outside
    role mailbox            # has the mailboxes; takes mail from users and the other servers

Ports and limits then begin as that part demands (see ROLES in mailroot.conf(5)), and what does not go
with it is warned of:

    mailroot config check; mailroot config show --all
"""

from howto import HowTo


class Parts(HowTo):
    # shows: T39
    def test_give_each_server_its_part(self):
        self.site.write("connector south", "to-group south", "smart-host [192.0.2.1]")
        self.site.write("routing-group north", "member mx.example.test", "member mx2.example.test",
                        "login peer@example.test secret peer")
        secrets = self.site.directory / "secrets"
        secrets.mkdir(exist_ok=True)
        (secrets / "peer").write_text("a password")
        bound = f"listen 127.0.0.1:{self.site.ports['smtp']} smtp"
        self.assertEqual(self.arrives("bob@example.test"), "")

        # On an address that strangers reach.
        self.site.change(bound, bound.replace("127.0.0.1", "*"))
        self.assertIn("has 2 members, and this one does everything",
                      self.mailroot_warns())
        self.site.change(bound.replace("127.0.0.1", "*"), bound)

        self.site.write("role mailbox")
        self.assertIn("leads to other groups from here", self.site.take_up())
        self.assertRegex(self.arrives("bob@example.test"), "^530 5.7.0")
        self.send("alice", "bob@example.test")
        self.site.fetch_when("bob", 1)
        self.assertRegex(self.mailroot("config", "show", "--all"), "anonymous no +# role mailbox")

        self.site.change("role mailbox", "role front-end")
        self.assertIn("serves mailboxes, and the role front-end has none", self.site.take_up())
        self.assertEqual(self.arrives("bob@example.test"), "")
        self.assertRegex(self.mailroot("config", "show", "--all"), "tarpit 5s +# role front-end")

    def mailroot_warns(self):
        return self.site.cli_result("config", "check").stderr
