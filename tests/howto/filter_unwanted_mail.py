"""Filter unwanted mail

What is not wanted is said once (global settings, Message Delivery), and each server says which of it
it applies, and at which of its addresses (General tab, Advanced, Apply filter):

    filter {
        accept 192.0.2.0/28                     # global accept list: no filter is for them
        deny 192.0.2.0/24                       # global deny list
        block-lists except postmaster@example.test
        sender *@junk.example blank             # sender filtering, and blank senders
        sender then refuse                      # or: drop, discard; and: archive
        recipient interns@example.test          # recipient filtering
    }
    block-list spamhaus {                       # connection filtering
        zone zen.spamhaus.org
        reply "%0 has been blocked by %1, see www.spamhaus.org"
    }
    server internet {
        filter connection sender recipient      # at one address: ... at 192.0.2.1:25
    }

Who is logged in is never filtered; unknown recipients are refused without any filter. What would
become of a host's mail, and by which line of the settings, is told by

    mailroot filter check 192.0.2.77 --from offers@junk.example --to alice@example.test

and what did, by `mailroot trace` with the id at the end of each refusal. `mailroot metrics` counts how
often each filter acted.
"""

import smtplib
import unittest

from harness import wait_until
from howto import HowTo
from peers import Nsd

ZONE = {"bl.example": "4.0.0.127 IN A 127.0.0.2\n"}


@unittest.skipIf(Nsd.missing(), Nsd.missing())
class Filters(HowTo):
    def setUp(self):
        super().setUp()
        self.nsd = Nsd(ZONE)
        self.addCleanup(self.nsd.close)
        self.nsd.start()

    def comes_from(self, host, sender="stranger@elsewhere.example", to="alice@example.test"):
        """"" or what a client at that address is told first."""
        try:
            with smtplib.SMTP("127.0.0.1", self.site.ports["smtp"], timeout=20,
                              source_address=(host, 0)) as client:
                client.ehlo("client.test")
                code, words = client.mail(sender)
                if code == 250:
                    code, words = client.rcpt(to)
                return "" if code == 250 else f"{code} {words.decode()}"
        except smtplib.SMTPConnectError as error:
            return f"{error.smtp_code} {error.smtp_error.decode()}"

    # shows: S45 S72 S73 S74 S75 S76
    def test_filter_senders_recipients_and_connections(self):
        self.site.write(f"dns server 127.0.0.1:{self.nsd.port}")
        self.site.write("filter", "accept 127.0.0.2", "deny 127.0.0.2/31",
                        "block-lists except postmaster@example.test",
                        "sender *@junk.example blank then refuse", "recipient bob@example.test")
        self.site.write("block-list example", "zone bl.example")
        # As long as no server applies it nothing is filtered, and the check says so.
        self.assertIn("'sender' has no effect", self.site.take_up())
        self.assertEqual(self.comes_from("127.0.0.4", "offers@junk.example", "bob@example.test"), "")

        self.site.add("server internet", "filter connection sender recipient")
        self.assertEqual(self.site.take_up(), "")
        self.assertEqual(self.comes_from("127.0.0.9"), "")
        self.assertRegex(self.comes_from("127.0.0.9", "offers@junk.example"), "^554 5.1.0 ")
        self.assertRegex(self.comes_from("127.0.0.9", ""), "^554 5.1.0 ")
        self.assertRegex(self.comes_from("127.0.0.9", to="bob@example.test"), "^550 5.7.1 ")
        self.assertRegex(self.comes_from("127.0.0.9", to="nobody@example.test"), "^550 5.1.1 ")
        self.assertRegex(self.comes_from("127.0.0.3"), "^554 5.7.1 ")
        self.assertRegex(self.comes_from("127.0.0.4"),
                         "^550 5.7.1 127.0.0.4 has been blocked by example ")
        self.assertEqual(self.comes_from("127.0.0.4", to="postmaster@example.test"), "")
        self.assertEqual(self.comes_from("127.0.0.2", "offers@junk.example", "bob@example.test"), "")

        # Users write to whom they like.
        self.send("alice", "bob@example.test")

        told = self.mailroot("filter", "check", "127.0.0.4", "--from", "offers@junk.example",
                             expect=1)
        self.assertRegex(told, "FAIL +sender +offers@junk.example is filtered")
        self.assertRegex(told, "FAIL +block-list +127.0.0.4 is 127.0.0.2 in example")
        wait_until(lambda: 'mailroot_filtered_total{filter="deny"} 1' in self.mailroot("metrics"),
                   "who was denied is counted")
