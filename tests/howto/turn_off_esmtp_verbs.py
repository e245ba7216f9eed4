"""Turn off ESMTP verbs

Towards us, where a client stumbles over what is offered; and from us, where a host or a firewall
offers what it cannot do:

    server internet {
        without CHUNKING BINARYMIME ETRN
    }
    connector old {
        ...
        without CHUNKING
    }
"""

from howto import HowTo


class Verbs(HowTo):
    def test_turn_off_esmtp_verbs(self):
        self.assertIn("CHUNKING", self.offers())
        self.site.add("server internet", "without CHUNKING BINARYMIME ETRN")
        self.site.take_up()
        offers = [line.split()[0] for line in self.offers()]
        for verb in ("CHUNKING", "BINARYMIME", "ETRN"):
            self.assertNotIn(verb, offers)
        with self.site.smtp() as client:
            self.assertEqual(client.docmd("ETRN", "example.test")[0], 500)
            self.assertEqual(client.docmd("BDAT", "0 LAST")[0], 500)
        self.assertEqual(self.arrives("alice@example.test"), "", "mail still comes in")
