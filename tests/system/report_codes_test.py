"""Every status code of a report that administrators of Exchange know, provoked on the running server:
as the next host says it, and as we come to it ourselves. Each report is read with Python's email
package and held against RFC 3461, 3462, 3464 and 6522."""

import email
import email.policy
import email.utils
import re
import unittest

from cases import ServerTest
from harness import free_port, text_message, wait_until
from peers import Nsd
from smtp_sink import HANG_UP, Policy, Sink

# What the next host says, for good and for now.
REFUSED = ["5.0.0", "5.1.0", "5.1.1", "5.1.2", "5.1.3", "5.1.4", "5.1.6", "5.1.7", "5.1.8", "5.2.1",
           "5.2.2", "5.2.3", "5.2.4", "5.3.0", "5.3.3", "5.3.4", "5.3.5", "5.4.0", "5.4.4", "5.4.6",
           "5.4.8", "5.5.0", "5.5.2", "5.5.3", "5.5.4", "5.5.5", "5.5.6", "5.6.0", "5.6.1", "5.6.3",
           "5.7.1", "5.7.2", "5.7.3", "5.7.4", "5.7.5", "5.7.6", "5.7.7"]
PUT_OFF = ["4.2.2", "4.3.1", "4.3.2", "4.4.1", "4.4.2", "4.4.6", "4.4.7", "4.4.9"]
ZONES = {"null.example": "@ IN MX 0 .\n", "self.example": "@ IN MX 10 mx.example.test.\n"}
ACTIONS = ("failed", "delayed", "delivered", "relayed", "expanded")


def address_of(code):
    return f"c{code.replace('.', '-')}@peer.example"


class Says(Policy):
    """The code that the recipient's name has."""

    def on_rcpt(self, address):
        found = re.fullmatch(r"c(\d)-(\d+)-(\d+)@.*", address)
        if found is None:
            return super().on_rcpt(address)
        code = ".".join(found.groups())
        return f"{'550' if code[0] == '5' else '451'} {code} said by the host"

    def on_data(self, sender, recipients):
        return HANG_UP if recipients[0].startswith("hangs") else super().on_data(sender, recipients)


class Report:
    """A report, checked: header, three parts, and the fields of the second."""

    def __init__(self, test, raw):
        self.raw = raw
        self.message = email.message_from_bytes(raw, policy=email.policy.default)
        self.check_header(test)
        parts = list(self.message.iter_parts())
        test.assertEqual(len(parts), 3)
        test.assertEqual(parts[0].get_content_type(), "text/plain")
        test.assertEqual(parts[1].get_content_type(), "message/delivery-status")
        test.assertIn(parts[2].get_content_type(), ("message/rfc822", "text/rfc822-headers"))
        self.text = parts[0].get_content()
        self.about, *self.recipients = parts[1].get_payload()
        self.check_fields(test)
        # text/rfc822-headers is text to the package, message/rfc822 a message.
        original = parts[2].get_payload()
        self.original = original[0].as_string() if isinstance(original, list) else original

    def check_header(self, test):
        message = self.message
        test.assertEqual(message.get_content_type(), "multipart/report")
        test.assertEqual(message.get_param("report-type"), "delivery-status")
        test.assertEqual(message["return-path"], "<>")
        test.assertIn("postmaster@mx.example.test", message["from"])
        test.assertRegex(message["auto-submitted"], "^auto-")
        test.assertRegex(message["subject"], r"Delivery Status Notification \(\w+\)")
        test.assertEqual(message.defects, [])
        test.assertNotRegex(self.raw, rb"[^\r]\n|\r[^\n]")
        test.assertLessEqual(max(map(len, self.raw.split(b"\r\n"))), 998)

    def check_fields(self, test):
        test.assertEqual(self.about["reporting-mta"], "dns; mx.example.test")
        test.assertIsNotNone(email.utils.parsedate_to_datetime(self.about["arrival-date"]))
        for fields in self.recipients:
            test.assertRegex(fields["final-recipient"], r"^rfc822; \S+@\S+$")
            test.assertIn(fields["action"], ACTIONS)
            test.assertRegex(fields["status"], r"^[245]\.\d{1,3}\.\d{1,3}$")
            if fields["diagnostic-code"]:
                test.assertRegex(fields["diagnostic-code"], r"^(smtp|X-mailroot); \S")
            if fields["remote-mta"]:
                test.assertRegex(fields["remote-mta"], r"^dns; \S")
            if fields["last-attempt-date"]:
                email.utils.parsedate_to_datetime(fields["last-attempt-date"])

    def statuses(self, action):
        """{address: status} of the recipients with this action."""
        return {fields["final-recipient"].partition("; ")[2]: fields["status"]
                for fields in self.recipients if fields["action"] == action}


@unittest.skipIf(Nsd.missing(), Nsd.missing())
class ReportCodes(ServerTest):
    @classmethod
    def before_server(cls):
        cls.sink = Sink(Says())
        cls.addClassCleanup(cls.sink.close)
        cls.nsd = Nsd(ZONES)
        cls.addClassCleanup(cls.nsd.close)
        cls.nsd.start()
        cls.settings = {"users": ["alice", "bob", "carol", "full"], "lines": [
            f"dns server 127.0.0.1:{cls.nsd.port}", "copy of reports to carol@example.test",
            "connector peer {", "    to peer.example", f"    smart-host 127.0.0.1:{cls.sink.port}",
            "}", "connector dead {", "    to dead.example",
            f"    smart-host 127.0.0.1:{free_port()}", "}",
            "connector closed {", "    to closed.example", "    by mx",
            "    accept from bob@example.test", "}",
            "retry {", "    glitch 1s x2", "    after 1s", "    delay-notice 2s", "    expire 15s",
            "}"]}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.cli("alias", "add", "ghost@example.test", "nobody@example.test")
        cls.server.cli("group", "add", "crowd@example.test", "full@example.test",
                       "bob@example.test")
        cls.server.cli("alias", "add", "one@example.test", "two@example.test")
        cls.server.cli("alias", "add", "two@example.test", "one@example.test")
        cls.server.send(text_message("fills"), "full@example.test")
        cls.server.cli("user", "quota", "full@example.test", "1MB", "messages", "1")

    def send(self, recipients, subject, options=(), recipient_options=()):
        with self.server.smtp("submission", login="alice") as client:
            client.sendmail("alice@example.test", recipients, text_message(subject),
                            mail_options=list(options), rcpt_options=list(recipient_options))

    def reports(self, user="alice"):
        return [Report(self, raw) for raw in self.server.fetch(user)
                if b"report-type=delivery-status" in raw]

    def wait_report(self, recipient, action, user="alice"):
        """The report that says so of the recipient."""
        def found():
            return next((report for report in self.reports(user)
                         if recipient in report.statuses(action)), None)
        return wait_until(found, f"{recipient} is reported as {action}", step=0.1)

    # shows: T23
    def test_every_code_a_host_refuses_with_is_in_the_report(self):
        recipients = [address_of(code) for code in REFUSED]
        self.send(recipients, "refused")
        report = self.wait_report(recipients[0], "failed")
        self.assertEqual(report.statuses("failed"), dict(zip(recipients, REFUSED)))
        for fields in report.recipients:
            self.assertEqual(fields["diagnostic-code"],
                             f"smtp; 550 {fields['status']} said by the host "
                             "(in reply to RCPT TO)")
            self.assertIn("127.0.0.1", fields["remote-mta"])
        self.assertIn("Subject: refused", report.original)

    # shows: T23
    def test_every_code_a_host_puts_off_with_is_in_the_notice_of_delay(self):
        recipients = [address_of(code) for code in PUT_OFF]
        self.send(recipients, "put off")
        report = self.wait_report(recipients[0], "delayed")
        self.assertEqual(report.statuses("delayed"), dict(zip(recipients, PUT_OFF)))
        for fields in report.recipients:
            email.utils.parsedate_to_datetime(fields["will-retry-until"])
        expired = self.wait_report(recipients[0], "failed")
        self.assertEqual(set(expired.statuses("failed").values()), {"5.4.7"})
        self.assertIn("said by the host", expired.recipients[0]["diagnostic-code"])

    # shows: T23
    def test_every_code_we_come_to_ourselves_is_in_a_report(self):
        for recipient, reported, action, status in (
                ("ghost@example.test", "nobody@example.test", "failed", "5.1.1"),
                ("crowd@example.test", "full@example.test", "failed", "5.2.2"),
                ("one@example.test", "one@example.test", "failed", "5.4.6"),
                ("x@missing.invalid", None, "failed", "5.1.2"),
                ("x@null.example", None, "failed", "5.1.10"),
                ("x@self.example", None, "failed", "5.4.6"),
                ("x@closed.example", None, "failed", "5.7.1"),
                ("x@dead.example", None, "delayed", "4.4.1"),
                ("hangs@peer.example", None, "delayed", "4.4.2")):
            with self.subTest(recipient=recipient):
                reported = reported or recipient
                self.send([recipient, "fine@peer.example"], f"for {recipient}")
                report = self.wait_report(reported, action)
                self.assertEqual(report.statuses(action)[reported], status)
                self.assertIn(f"Subject: for {recipient}", report.original)

    # shows: T23
    def test_what_an_administrator_deletes_is_reported_with_4_3_2(self):
        self.server.cli("queue", "freeze", "--hop", "peer")
        self.addCleanup(self.server.cli, "queue", "thaw", "--hop", "peer")
        self.send(["kept@peer.example"], "deleted")
        self.server.cli("queue", "delete", "--to", "kept@peer.example", "--yes")
        report = self.wait_report("kept@peer.example", "failed")
        self.assertEqual(report.statuses("failed")["kept@peer.example"], "4.3.2")

    # shows: T23
    def test_a_report_has_what_the_sender_said_of_the_message_and_its_recipient(self):
        self.send([address_of("5.1.6")], "asked", ["RET=HDRS", "ENVID=case+2B7"],
                  ["NOTIFY=FAILURE", "ORCPT=rfc822;before+2Bmoved@old.example"])
        def found():
            return next((report for report in self.reports()
                         if report.about["original-envelope-id"] == "case+7"), None)
        report = wait_until(found, "the report", step=0.1)
        self.assertEqual(report.recipients[0]["original-recipient"],
                         "rfc822; before+moved@old.example")
        self.assertNotIn("Hello.", report.original)

    # shows: T23
    def test_the_postmaster_gets_copies_of_failures_alone(self):
        self.send([address_of("5.7.1"), "fine@peer.example"], "copied", (), ["NOTIFY=SUCCESS,FAILURE"])
        report = self.wait_report(address_of("5.7.1"), "failed", "carol")
        self.assertEqual(report.message["to"], "alice@example.test")
        self.assertFalse(any(report.statuses("delayed") for report in self.reports("carol")))


if __name__ == "__main__":
    unittest.main()
