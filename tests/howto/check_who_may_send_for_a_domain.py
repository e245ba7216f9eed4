"""Check who may send for a domain (SPF, Sender ID)

Domains say in DNS which hosts send their mail. SPF compares that with the sender of the envelope and
with the name of HELO, Sender ID with the sender that readers see. Say where it is checked, and what
becomes of mail from other hosts: `refuse` it, `discard` it, or `accept` it with the outcome in its
header, where mailbox scripts and readers find it (Authentication-Results).

    server internet {
        filter spf sender-id
    }
    filter {
        accept 192.0.2.0/24             # partners: taken, whatever their domains say
        relays 10.0.0.0/8               # our own hosts in front of this one
        spf fail refuse softfail accept
        sender-id fail discard missing refuse
    }

`mailroot spf check 203.0.113.9 joe@example.org` shows an evaluation, term by term.
"""

import sys
import unittest
from pathlib import Path

from howto import HowTo

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))
from harness import text_message  # noqa: E402
from peers import Nsd  # noqa: E402

ZONES = {"closed.example": '@ IN TXT "v=spf1 -all"\n',
         "open.example": '@ IN TXT "v=spf1 ip4:127.0.0.1 -all"\n'}


@unittest.skipIf(Nsd.missing(), Nsd.missing())
class WhoMaySend(HowTo):
    def hand_in(self, envelope, header):
        """What a stranger hears of a message."""
        with self.site.smtp() as client:
            client.ehlo("client")
            code, words = client.mail(envelope)
            if code == 250:
                code, words = client.rcpt("alice@example.test")
            if code == 250:
                code, words = client.data(text_message("from outside", sender=header))
            return f"{code} {words.decode()}"

    # shows: S46
    def test_check_who_may_send_for_a_domain(self):
        nsd = Nsd(ZONES).start()
        self.addCleanup(nsd.close)
        self.site.write(f"dns server 127.0.0.1:{nsd.port}")
        self.site.add("server internet", "filter spf sender-id")
        self.site.write("filter", "spf fail refuse softfail accept",
                        "sender-id fail discard missing refuse")
        self.site.take_up()

        # By the envelope: its domain sends no mail at all.
        self.assertRegex(self.hand_in("joe@closed.example", "joe@closed.example"),
                         r"^550 5\.7\.23 ")
        self.assertIn("result: fail by -all of closed.example",
                      self.mailroot("spf", "check", "127.0.0.1", "joe@closed.example"))

        # By the header: taken as it seems, and thrown away; and nobody at all.
        self.assertRegex(self.hand_in("joe@open.example", "joe@closed.example"), "^250 ")
        self.assertRegex(self.hand_in("joe@open.example", ""), r"^550 5\.7\.1 Missing ")

        # The domain's own host: the reader finds that it passed.
        self.assertRegex(self.hand_in("joe@open.example", "joe@open.example"), "^250 ")
        messages = self.site.fetch_when("alice", 1)
        self.assertEqual(len(messages), 1)
        self.assertIn(b"spf=pass smtp.mailfrom=joe@open.example", messages[0])
        self.assertIn(b"sender-id=pass header.from=joe@open.example", messages[0])
