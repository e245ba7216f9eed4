"""Disable open relaying

Only the computers listed may relay, the list is empty, and the box for those who log in is clear:

    server internet {
        relay nobody
    }

Then ask the server itself; the audit tries what spammers try, and lists every way that the settings
open:

    mailroot audit relay
"""

from howto import HowTo


class OpenRelaying(HowTo):
    def relays_for_alice(self):
        """What a user who is logged in is told at RCPT."""
        with self.site.smtp("submission", login="alice") as client:
            client.mail("alice@example.test")
            return client.rcpt("friend@elsewhere.example")[0]

    # shows: S18 S17 S19
    def test_disable_open_relaying(self):
        # As set up: nobody but who is logged in.
        self.assertRegex(self.arrives("friend@elsewhere.example"), "^550 5.7.1 ")
        self.assertEqual(self.relays_for_alice(), 250)

        # A hole: all of the Internet is on the list. The audit finds it.
        self.site.change("relay logged-in", "relay logged-in 0.0.0.0/0")
        self.site.take_up()
        self.assertEqual(self.arrives("friend@elsewhere.example"), "")
        self.assertRegex(self.mailroot("audit", "relay", expect=1),
                         r"FAIL +network +0\.0\.0\.0/0 may relay.*: that is everybody")

        # Only the list, and the list blank; no box for logins.
        self.site.change("relay logged-in 0.0.0.0/0", "relay nobody")
        self.site.take_up()
        self.assertRegex(self.arrives("friend@elsewhere.example"), "^550 5.7.1 ")
        self.assertEqual(self.relays_for_alice(), 550)
        self.assertEqual(self.arrives("alice@example.test"), "", "our own users still get mail")
        out = self.mailroot("audit", "relay")
        self.assertRegex(out, r"ok +asked +127\.0\.0\.1:\d+ refuses all of 105 ways to relay")
