"""Prevent users from sending Internet mail

The connector that Internet mail goes by says whose mail it takes. Messages from everyone are
accepted but for the listed, or rejected but for the listed:

    connector internet {
        to *
        smart-host [192.0.2.25]
        reject from bob@example.test @interns    # users, and a group
    }
    connector internet {
        ...
        accept from alice@example.test           # and from nobody else
    }

Mail inside the site is not touched by it.
"""

from howto import HowTo


class Prevent(HowTo):
    def expect_returned(self, user):
        """He gets a report with 5.7.1 instead."""
        before = len(self.site.fetch(user))
        self.send(user, "friend@elsewhere.example")
        self.assertIn(b"Status: 5.7.1", self.site.fetch_when(user, before + 1)[-1])

    # shows: S31
    def test_prevent_listed_users_from_sending_internet_mail(self):
        provider = self.other_host()
        self.site.write("connector all-mail", "to *", f"smart-host {provider.at}")
        self.site.take_up()
        self.send("bob", "friend@elsewhere.example")
        provider.wait_for(1)

        # Accepted by default, rejected from the list.
        self.site.add("connector all-mail", "reject from bob@example.test")
        self.site.take_up()
        self.expect_returned("bob")
        self.send("alice", "friend@elsewhere.example")
        provider.wait_for(2)
        self.send("bob", "alice@example.test")
        self.site.fetch_when("alice", 1)
        self.assertRegex(self.mailroot("diagnose", "outbound", "friend@elsewhere.example",
                                       "--from", "bob@example.test", expect=1),
                         r"not by all-mail: it rejects .*\.conf:\d+")

    # shows: S31
    def test_prevent_all_but_listed_users_from_sending_internet_mail(self):
        provider = self.other_host()
        # Rejected by default, accepted from the list.
        self.site.write("connector all-mail", "to *", f"smart-host {provider.at}",
                        "accept from alice@example.test")
        self.site.take_up()
        self.expect_returned("bob")
        self.send("alice", "friend@elsewhere.example")
        provider.wait_for(1)

    # shows: S31
    def test_prevent_a_group_from_sending_internet_mail(self):
        provider = self.other_host()
        self.mailroot("group", "add", "interns@example.test", "bob@example.test")
        self.site.write("connector all-mail", "to *", f"smart-host {provider.at}",
                        "reject from @interns")
        self.site.take_up()
        self.expect_returned("bob")
        # He leaves the group, and may.
        self.mailroot("group", "remove", "interns@example.test", "bob@example.test")
        self.send("bob", "friend@elsewhere.example")
        provider.wait_for(1)
