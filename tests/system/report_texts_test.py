"""Delivery reports in the words and the language of their readers, as Python's email package reads
them; and to whom they go."""

import email
import email.policy
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

from cases import ServerTest
from harness import build_directory, text_message, wait_until
from smtp_sink import Policy, Sink

# Words of the subject, of the text about 5.1.1, and the encoding that suits the language.
LANGUAGES = {
    "en": ("Delivery Status Notification (Failure)", "No further attempt is made.",
           "Check the address for a mistake", "7bit"),
    "de": ("Zustellbericht: Nachricht nicht zugestellt", "Es wird kein weiterer Versuch unternommen.",
           "Bitte prüfen Sie, ob die Adresse richtig geschrieben ist", "quoted-printable"),
    "fr": ("Rapport de remise : message non remis", "Aucune nouvelle tentative n'aura lieu.",
           "Vérifiez que l'adresse est bien écrite", "quoted-printable"),
    "es": ("Informe de entrega: mensaje no entregado", "No se hará ningún otro intento.",
           "Compruebe que la dirección esté bien escrita", "quoted-printable"),
    "ja": ("配送通知：メールを配送できませんでした", "再送は行われません。",
           "宛先に誤りがないかご確認いただくか", "base64"),
}

DUTCH = """\
# Eigen woorden.
[subject failed]
Niet bezorgd: {subject}
[failed]
Uw bericht is niet bezorgd.
[code 5.1.1]
{recipient} bestaat niet ({status}).
"""


class Refuses(Policy):
    """Recipients whose name begins with a code, and in plain ASCII alone."""

    extensions = ["PIPELINING", "8BITMIME", "DSN", "SIZE 100000000"]

    def on_rcpt(self, address):
        found = re.match(r"c(\d)-(\d+)-(\d+)@", address)
        if found is None:
            return super().on_rcpt(address)
        code = ".".join(found.groups())
        return f"{'550' if code[0] == '5' else '451'} {code} said by the host"


class Report:
    """A report of failures: header, three parts, and the fields of the second."""

    def __init__(self, test, raw):
        self.raw = raw
        self.message = email.message_from_bytes(raw, policy=email.policy.default)
        test.assertEqual(self.message.get_content_type(), "multipart/report")
        self.text, self.status, self.original = self.message.iter_parts()
        for part in (self.message, self.text, self.status):
            test.assertEqual(part.defects, [])
        test.assertEqual(self.status.get_content_type(), "message/delivery-status")
        about, self.recipient = self.status.get_payload()
        test.assertEqual(about["reporting-mta"], "dns; mx.example.test")
        test.assertEqual(self.recipient["action"], "failed")
        test.assertNotRegex(raw, rb"[^\r]\n|\r[^\n]|[\x80-\xff]")
        test.assertLessEqual(max(map(len, raw.split(b"\r\n"))), 998)
        self.subject = self.message["subject"]
        self.words = self.text.get_content().replace("\r\n", "\n")
        self.languages = self.text["content-language"]


class ReportTexts(ServerTest):
    @classmethod
    def before_server(cls):
        cls.sink = Sink(Refuses())
        cls.addClassCleanup(cls.sink.close)
        directory = Path(tempfile.mkdtemp(prefix="mailroot-test-"))
        cls.texts = directory / "texts"
        cls.texts.mkdir()
        cls.settings = {"directory": directory, "users": ["alice", *LANGUAGES], "lines": [
            "connector peer {", "    to peer.example elsewhere.example *.elsewhere.example",
            f"    smart-host 127.0.0.1:{cls.sink.port}", "}",
            "policy quiet.elsewhere.example {", "    deny non-delivery-reports", "}",
            "reports texts texts limit 2"]}

    def returned(self, user, subject, header=b"", recipient="c5-1-1@peer.example"):
        """The report about a message of the user."""
        with self.server.smtp("submission", login=user) as client:
            client.sendmail(self.server.address(user), [recipient],
                            header + text_message(subject))
        def found():
            return next((raw for raw in self.server.fetch(user) if subject.encode() in raw), None)
        return Report(self, wait_until(found, "the report", step=0.1))

    # shows: T23
    def test_each_language_that_is_shipped_is_read_by_another_program(self):
        for language, (subject, no_more, remedy, encoding) in LANGUAGES.items():
            with self.subTest(language=language):
                self.server.cli("user", "set", self.server.address(language), "language", language)
                report = self.returned(language, f"sent-in-{language}")
                self.assertEqual(report.subject, subject)
                self.assertEqual(report.languages, language)
                self.assertEqual(report.text["content-transfer-encoding"], encoding)
                self.assertIn(no_more, report.words)
                self.assertIn(remedy, " ".join(report.words.split()))
                self.assertIn("550 5.1.1 said by the host", report.words)
                self.assertEqual(report.recipient["status"], "5.1.1")
                self.assertEqual(report.recipient["final-recipient"], "rfc822; c5-1-1@peer.example")
                self.assertIn(f"Subject: sent-in-{language}", report.original.as_string())

    # shows: T23
    def test_a_file_of_the_administrator_adds_a_language_and_another_changes_ours(self):
        dutch, german = self.texts / "nl.txt", self.texts / "de.txt"
        for path in (dutch, german):
            self.addCleanup(path.unlink)
        dutch.write_text(DUTCH.replace("{recipient}", "{recipent}"))
        german.write_text("[closing]\nFragen? 112. {{{id}}}\n[opening]\n")
        refused = self.server.cli_result("config", "check")
        self.assertEqual(refused.returncode, 1)
        self.assertRegex(refused.stderr, r"texts/nl\.txt:7: unknown placeholder \{recipent\} in "
                                         r"\[code\] \(possible are .*\{recipient\}")
        self.assertRegex(refused.stderr, r"mailroot\.conf:\d+:\d+: .*nl\.txt is not as it should be")
        dutch.write_text(DUTCH)
        self.server.cli("reload")
        self.assertRegex(self.server.cli("report", "texts"), r"(?m)^nl +own$")

        report = self.returned("alice", "over iets", b"Content-Language: nl-BE\r\n")
        self.assertEqual((report.languages, report.subject), ("nl", "Niet bezorgd: over iets"))
        self.assertIn("Uw bericht is niet bezorgd.", report.words)
        self.assertIn("    c5-1-1@peer.example bestaat niet (5.1.1).", report.words)
        self.assertIn("The postmaster finds all", report.words)

        report = self.returned("alice", "etwas", b"Accept-Language: x-none, de;q=0.5\r\n"
                                                 b"Content-Language: nl\r\n")
        self.assertEqual(report.languages, "de")
        self.assertTrue(report.words.startswith("Ihre Nachricht konnte"), report.words)
        self.assertRegex(report.words, r"Fragen\? 112\. \{\w{13}\}\n$")
        self.assertIn("Bitte prüfen Sie", report.words)

    # shows: V27
    def test_a_report_of_an_international_address_passes_a_host_without_smtputf8(self):
        with self.server.smtp("submission", login="alice") as client:
            client.sendmail("alice@example.test", ["jürg@elsewhere.example"],
                            "Subject: Grüße\r\n\r\nx\r\n".encode(),
                            mail_options=["SMTPUTF8", "BODY=8BITMIME"])
        def found():
            return next((raw for raw in self.server.fetch("alice") if b"utf-8; " in raw), None)
        report = Report(self, wait_until(found, "the report", step=0.1))
        self.assertEqual(report.recipient["final-recipient"],
                         r"utf-8; j\x{FC}rg@elsewhere.example")
        self.assertEqual(report.recipient["status"], "5.6.7")
        self.assertIn("<jürg@elsewhere.example>", report.words)
        self.assertEqual(report.original.get_content_type(), "message/global")

    # shows: D14
    def test_a_policy_and_the_limit_keep_reports_back_and_the_story_tells(self):
        self.server.cli("alias", "add", "dead@example.test", "c5-1-1@peer.example")
        for number in range(4):
            self.server.send(text_message(f"flood-{number}"), "dead@example.test",
                             sender="forged@elsewhere.example")
        self.server.send(text_message("quiet"), "dead@example.test",
                         sender="someone@quiet.elsewhere.example")
        def kept_back():
            return "mailroot_reports_kept_back_total 3" in self.server.cli("metrics")
        wait_until(kept_back, "three reports are kept back", step=0.1)
        self.sink.wait_for(2)
        self.assertEqual({message.recipients[0] for message in self.sink.messages},
                         {"forged@elsewhere.example"})
        self.assertEqual(len(self.sink.messages), 2)
        wait_until(lambda: self.server.cli("trace", "forged@elsewhere.example").count(
            "sent as many reports as may be") == 2, "the story tells of both")
        self.assertRegex(self.server.story("someone@quiet.elsewhere.example", "a policy denies"),
                         r"a policy denies reports to this domain \(.*mailroot\.conf:\d+\)")


class Samples(unittest.TestCase):
    """What `report show` prints is what the texts say; nothing of it needs a server."""

    def test_a_sample_of_each_kind_in_each_language(self):
        program = build_directory() / "bin" / "mailroot"
        for language in LANGUAGES:
            said = ""
            for kind in ("failed", "delayed", "delivered", "relayed", "expanded"):
                said += subprocess.run([program, "--config", "/nonexistent", "report", "show", kind,
                                        "--language", language], check=True, capture_output=True,
                                       text=True).stdout
            golden = Path(__file__).with_name("report_texts") / f"{language}.txt"
            said = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "2026-11-21 10:02 UTC", said)
            with self.subTest(language=language):
                self.assertEqual(said, golden.read_text())


if __name__ == "__main__":
    unittest.main()
