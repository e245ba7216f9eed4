"""Create mailbox-enabled users, and read mail

In the settings, or in the directory while the server runs; then by POP3 or IMAP4:

    mailroot user add carol@example.test --name "Carol Example"
    mailroot alias add info@example.test carol@example.test
    mailroot group add team@example.test alice@example.test carol@example.test
"""

import poplib
import secrets

from howto import HowTo


class Users(HowTo):
    def test_create_a_mailbox_enabled_user(self):
        self.site.passwords["carol"] = secrets.token_urlsafe(12)
        self.assertRegex(self.arrives("carol@example.test"), "^550 5.1.1 ")
        self.site.set_password("carol")  # mailroot user add carol@example.test
        self.assertIn("carol@example.test", self.mailroot("user", "list"))
        self.mailroot("alias", "add", "info@example.test", "carol@example.test")
        self.mailroot("group", "add", "team@example.test", "alice@example.test",
                      "carol@example.test")

        # Mail for her, by whichever address; she logs on and reads it.
        for address in ("carol", "info", "team"):
            self.send("bob", f"{address}@example.test", subject=address)
        self.assertEqual(len(self.site.fetch_when("carol", 3)), 3)
        self.assertEqual(len(self.site.fetch_when("alice", 1)), 1)

    # shows: O07 O10 O11
    def test_what_smtp_brings_pop3_fetches_and_imap4_keeps(self):
        self.send("bob", "alice@example.test", subject="for both")
        by_pop = self.site.fetch_when("alice", 1)[0]

        # IMAP4 shows the same message, and keeps folders and flags at the server.
        imap = self.imap("alice")
        imap.select("INBOX")
        self.assertEqual(imap.fetch("1", "(BODY.PEEK[])")[1][0][1], by_pop)
        imap.store("1", "+FLAGS", "(\\Flagged)")
        imap.create("Kept")
        imap.copy("1", "Kept")
        again = self.imap("alice")
        again.select("INBOX")
        self.assertIn(b"\\Flagged", again.fetch("1", "(FLAGS)")[1][0])

        # POP3 knows the inbox alone; what it deletes there stays in the folder.
        pop = self.site.pop("alice")
        pop.dele(1)
        pop.quit()
        self.assertEqual(self.site.fetch("alice"), [])
        self.assertEqual(again.select("Kept")[1], [b"1"])

    def test_disable_a_user_and_let_him_in_again(self):
        self.mailroot("user", "disable", "alice@example.test")
        self.assertEqual(self.arrives("alice@example.test"), "", "mail still comes in")
        with self.assertRaises(poplib.error_proto):
            self.site.pop("alice")
        self.mailroot("user", "enable", "alice@example.test")
        self.site.pop("alice").quit()
