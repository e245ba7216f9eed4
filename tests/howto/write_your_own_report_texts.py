"""Write your own report texts

What people read in a delivery report, in the words and with the telephone number of your place. The
directory holds a file for each language, with those texts alone that are to be another:

    reports texts /etc/mailroot/reports    # de.txt, fr.txt, ...
    reports language de                    # of senders who say no other
    reports bilingual on                   # and once more in English

    mailroot report texts de                               # a whole file, to copy from
    mailroot config check                                  # what is wrong with yours, and where
    mailroot report show failed --code 5.7.1 --language de # what it looks like
    mailroot user set alice@example.test language fr       # somebody who wants another

Who gets no reports at all is said by policies, by domain: `deny non-delivery-reports` and
`deny delivery-reports`.
"""

import email
import email.policy

from howto import HowTo


class Texts(HowTo):
    # shows: T23
    def test_write_your_own_report_texts(self):
        nowhere = self.other_host()
        nowhere.policy.on_rcpt = lambda address: "550 5.7.1 not from you"
        self.site.write("connector all-mail", "to *", f"smart-host {nowhere.at}")
        texts = self.site.directory / "reports"
        texts.mkdir()
        self.site.write(f"reports texts {texts} language de bilingual on")

        # Copied from what is shipped, and changed; a mistake is told before it is taken up.
        self.assertIn("[code x.7.x]\n", self.mailroot("report", "texts", "de"))
        own = texts / "de.txt"
        own.write_text("[code x.7.x]\nFragen Sie die IT, Telefon 4711 ({recipent}).\n")
        wrong = self.site.cli_result("config", "check")
        self.assertIn("de.txt:2: unknown placeholder {recipent}", wrong.stderr)
        own.write_text("[code x.7.x]\nFragen Sie die IT, Telefon 4711 ({recipient}).\n")
        self.site.take_up()
        sample = self.mailroot("report", "show", "failed", "--code", "5.7.1")
        self.assertIn("Telefon 4711 (recipient@example.net)", sample)

        self.send("alice", "friend@elsewhere.example")
        report = email.message_from_bytes(self.site.fetch_when("alice", 1)[0],
                                          policy=email.policy.default)
        self.assertEqual(report["subject"], "Zustellbericht: Nachricht nicht zugestellt / "
                                            "Delivery Status Notification (Failure)")
        words = next(report.iter_parts()).get_content()
        self.assertIn("Fragen Sie die IT, Telefon 4711 (friend@elsewhere.example).", words)
        self.assertIn("Your message could not be delivered", words)

        # Somebody who reads French.
        self.mailroot("user", "set", "bob@example.test", "language", "fr")
        self.send("bob", "friend@elsewhere.example")
        report = email.message_from_bytes(self.site.fetch_when("bob", 1)[0],
                                          policy=email.policy.default)
        self.assertEqual(next(report.iter_parts())["content-language"], "fr, en")
