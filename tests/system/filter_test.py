"""Sieve scripts at delivery: over real SMTP and LMTP, seen by IMAP and POP3, with a next hop."""

import datetime
import imaplib
import os
import smtplib
import subprocess
import unittest

from cases import ServerTest
from harness import RawClient, client_tls, text_message, wait_until
from smtp_sink import Policy, Sink

BILLS = """\
require ["fileinto", "mailbox", "imap4flags"];
if header :contains "subject" "invoice" {
    fileinto :create :flags "\\\\Flagged" "Bills";
}
"""
AWAY = 'require "vacation";\nvacation :days 2 :subject "Away" "Back in M\u00e4rz.";\n'


class NextHop(Policy):
    def on_message(self, message):
        if message.recipients[0].startswith("gone"):
            return "550 5.1.1 no such user here"
        return "250 2.0.0 kept"


class FilterTest(ServerTest):
    @classmethod
    def before_server(cls):
        cls.sink = Sink(NextHop())
        cls.addClassCleanup(cls.sink.close)
        cls.settings = {"lines": ["connector out {", "    to *",
                                  f"    smart-host 127.0.0.1:{cls.sink.port}", "}"]}

    def setUp(self):
        self.empty_mailbox("alice")
        self.empty_mailbox("bob")
        self.sink.take()

    def script(self, source, user="alice"):
        file = self.server.directory / "test.sieve"
        file.write_text(source)
        address = self.server.address(user)
        self.server.cli("sieve", "put", address, "test", file)
        self.server.cli("sieve", "activate", address, "test")
        self.addCleanup(self.server.cli, "sieve", "activate", address)

    def imap(self, user="alice"):
        client = imaplib.IMAP4_SSL("127.0.0.1", self.server.ports["imaps"],
                                   ssl_context=client_tls(), timeout=60)
        client.login(self.server.address(user), self.server.passwords[user])
        self.addCleanup(client.shutdown)
        return client


class Filters(FilterTest):
    def test_a_message_is_filed_where_imap_sees_it_and_trace_tells_why(self):
        self.script(BILLS)
        start = len(self.server.log)
        self.server.send(text_message("Your invoice"), "alice@example.test")
        client = self.imap()
        self.assertEqual(client.select("Bills")[1], [b"1"])
        self.assertIn(rb"\Flagged", client.fetch("1", "(FLAGS)")[1][0])
        self.assertEqual(self.server.fetch("alice"), [])
        accepted = self.server.wait_log(r"event=smtp\.accepted id=(\w+)", start=start)
        self.assertRegex(self.server.story(accepted[1].decode(), "filtered"),
                         r'filtered.*script="test" line=3 action=fileinto mailbox="Bills" uid=1')

    def test_a_sender_is_answered_once_as_a_machine_does(self):
        self.script(AWAY)
        for _ in range(3):
            self.server.send(text_message("hello"), "alice@example.test", sender="carol@far.test")
        message = self.sink.wait_for(1)[0]
        self.assertEqual((message.sender, message.recipients), ("", ["carol@far.test"]))
        self.assertIn(b"\r\nAuto-Submitted: auto-replied\r\n", message.data)
        self.assertIn(b"\r\nIn-Reply-To: <", message.data)
        self.assertIn("Back in M=C3=A4rz.".encode(), message.data)
        self.assertEqual(len(self.server.fetch("alice")), 3)
        self.assertEqual(len(self.sink.messages), 1)

    def test_who_is_out_of_office_is_answered_for_beside_his_own_script(self):
        address, cli = self.server.address("alice"), self.server.cli
        inside, outside = self.server.directory / "inside", self.server.directory / "outside"
        inside.write_text("Ask Bob.\n")
        outside.write_text("Back in M\u00e4rz.\n")
        self.script(BILLS)
        cli("user", "oof", address, "on", expect=1)
        cli("user", "oof", "message", address, outside)
        cli("user", "oof", "message", address, "--internal", inside)
        soon = (datetime.date.today() + datetime.timedelta(days=3)).isoformat()
        cli("user", "oof", address, "on", "--until", soon, "--subject", "Away")
        self.addCleanup(cli, "user", "oof", address, "off")
        self.assertIn("state:    answering", cli("user", "oof", address))
        def send(sender, *fields, subject="hello"):
            data = text_message(subject)
            if fields:
                data = ("\r\n".join(fields) + "\r\n").encode() + (
                    data if isinstance(data, bytes) else data.encode())
            self.server.send(data, "alice@example.test", sender=sender)
        send("erin@far.test", "List-Id: <x.far.test>")
        send("erin@far.test", "Auto-Submitted: auto-generated")
        send("")
        send("erin@far.test", subject="Your invoice")
        send("erin@far.test")
        message = self.sink.wait_for(1)[0]
        self.assertEqual((message.sender, message.recipients), ("", ["erin@far.test"]))
        self.assertIn(b"\r\nAuto-Submitted: auto-replied\r\n", message.data)
        self.assertIn(b"\r\nSubject: Away\r\n", message.data)
        self.assertIn("Back in M=C3=A4rz.".encode(), message.data)
        self.server.send(text_message("hello"), "alice@example.test", sender="bob@example.test",
                         service="submission", login="bob")
        self.assertIn(b"Ask Bob.", self.server.fetch_when("bob", 1)[0])
        self.assertEqual(len(self.sink.messages), 1)
        client = self.imap()
        self.assertNotEqual(client.select("Bills")[1], [b"0"])
        self.assertIn("active", cli("sieve", "list", address))
        cli("user", "oof", address, "on", "--external", "none")
        send("frank@far.test")
        cli("user", "oof", address, "off")
        cli("user", "oof", address, "on", "--external", "all")
        send("erin@far.test")
        self.assertEqual(self.sink.wait_for(2)[1].recipients, ["erin@far.test"])
        yesterday = (datetime.date.today() - datetime.timedelta(days=2)).isoformat()
        cli("user", "oof", address, "on", "--until", yesterday)
        self.assertIn("state:    on", cli("user", "oof", address))
        send("grace@far.test")
        cli("user", "oof", address, "on", "--until", "open")
        send("heidi@far.test")
        self.assertEqual(self.sink.wait_for(3)[2].recipients, ["heidi@far.test"])

    def test_a_rejection_is_a_550_in_the_recipients_words(self):
        self.script('require "reject";\nreject "No offers, please.";\n')
        with self.assertRaises(smtplib.SMTPDataError) as caught:
            self.server.send(text_message("offer"), "alice@example.test")
        self.assertEqual(caught.exception.smtp_code, 550)
        self.assertRegex(caught.exception.smtp_error, rb"^5\.7\.1 .*No offers, please\. \(mailroot")

    def test_lmtp_answers_for_each_recipient(self):
        self.script('require "ereject";\nereject "Not me.";\n')
        with RawClient(self.server.ports["lmtp"]) as client:
            client.reply()
            client.ask("LHLO client.test")
            client.ask("MAIL FROM:<carol@far.test>")
            client.ask("RCPT TO:<alice@example.test>")
            client.ask("RCPT TO:<bob@example.test>")
            client.ask("DATA")
            client.send(text_message("for two") + b".\r\n")
            self.assertRegex(client.reply(), r"^550 5\.7\.1 .*Not me\.")
            self.assertRegex(client.reply(), r"^250")
        self.assertEqual(len(self.server.fetch("bob")), 1)
        self.assertEqual(self.server.fetch("alice"), [])

    def test_a_bounce_of_what_was_forwarded_goes_back_to_the_sender(self):
        self.script('redirect "friend@far.test";\n')
        data = text_message("forwarded")
        self.server.send(data, "alice@example.test", sender="Carol@Third.test")
        message = self.sink.wait_for(1)[0]
        self.assertEqual(message.recipients, ["friend@far.test"])
        self.assertTrue(message.data.startswith(b"Delivered-To: alice@example.test\r\n"))
        self.assertTrue(message.data.endswith(data))
        self.assertRegex(message.sender, r"^SRS0=\w{6}=\w\w=third\.test=Carol@example\.test$")
        self.server.send(text_message("bounce"), message.sender, sender="")
        bounce = self.sink.wait_for(2)[1]
        self.assertEqual((bounce.sender, bounce.recipients), ("", ["Carol@third.test"]))
        forged = message.sender.replace("third.test", "other.test")
        with self.assertRaises(smtplib.SMTPRecipientsRefused) as caught:
            self.server.send(text_message("spam"), forged, sender="")
        code, text = next(iter(caught.exception.recipients.values()))
        self.assertEqual(code, 550)
        self.assertIn(b"5.1.1", text)

    def test_what_the_next_hop_refuses_is_reported_to_the_sender_himself(self):
        self.script('redirect "gone@far.test";\n')
        self.server.send(text_message("to nobody"), "alice@example.test", sender="carol@third.test")
        report = self.sink.wait_for(1)[0]
        self.assertEqual((report.sender, report.recipients), ("", ["carol@third.test"]))

    def test_a_header_is_edited_for_its_owner_alone(self):
        self.script('require "editheader";\naddheader "X-Kept" "yes";\ndeleteheader "Subject";\n')
        data = text_message("secret", "x" * 70 + "\r\n")
        self.server.send(data, ["alice@example.test", "bob@example.test"])
        self.assertTrue(self.server.fetch("bob")[0].endswith(data))
        edited = self.server.fetch("alice")[0]
        self.assertIn(b"X-Kept: yes\r\n", edited)
        self.assertNotIn(b"Subject:", edited)
        self.assertTrue(edited.endswith(data[data.index(b"\r\n\r\n"):]))

    def test_a_script_that_fails_keeps_the_message_and_tells_its_owner_once(self):
        self.script('require "ihave";\nerror "broken";\n')
        for number in range(2):
            self.server.send(text_message(f"kept {number}"), "alice@example.test")
        messages = self.server.fetch_when("alice", 3)
        self.assertEqual(sum(b"Your mail filter went wrong" in message for message in messages), 1)


class FilterCommands(FilterTest):
    def test_scripts_are_kept_listed_and_removed_with_and_without_a_server(self):
        address = "bob@example.test"
        good, bad = self.server.directory / "good.sieve", self.server.directory / "bad.sieve"
        good.write_text("keep;\n")
        bad.write_text("keep;\nnonsense;\n")
        result = self.server.cli_result("sieve", "put", address, "mine", bad)
        self.assertEqual(result.returncode, 1)
        self.assertIn("line 2", result.stderr)
        self.server.cli("sieve", "put", address, "mine", good)
        self.server.cli("sieve", "activate", address, "mine")
        self.server.stop()
        self.assertRegex(self.server.cli("sieve", "list", address), r"mine +6 active")
        self.assertEqual(self.server.cli("sieve", "show", address, "mine"), "keep;\n")
        self.server.cli("sieve", "put", address, "other", good)
        self.server.start()
        self.assertEqual(self.server.cli_result("sieve", "remove", address, "mine").returncode, 1)
        self.server.cli("sieve", "activate", address)
        self.server.cli("sieve", "remove", address, "mine")
        self.assertRegex(self.server.cli("sieve", "list", address), r"^other +6\n$")

    def test_a_script_that_sieve_connect_activates_runs_over_the_next_message(self):
        script = self.server.directory / "connect.sieve"
        script.write_text(BILLS)
        for words in (["--localsieve", script, "--remotesieve", "bills", "--upload"],
                      ["--remotesieve", "bills", "--activate"]):
            read, write = os.pipe()
            os.write(write, self.server.passwords["alice"].encode() + b"\n")
            os.close(write)
            subprocess.run(
                ["sieve-connect", "--server", "localhost", "--port",
                 str(self.server.ports["managesieve"]), "--4", "--tlscafile",
                 self.server.directory / "cert.pem", "--user", "alice@example.test",
                 "--passwordfd", str(read), *words],
                pass_fds=[read], cwd=self.server.directory, capture_output=True, timeout=60,
                check=True)
            os.close(read)
        self.server.send(text_message("another invoice"), "alice@example.test")
        self.assertEqual(self.imap().select("Bills")[1], [b"1"])


class FilterCrash(FilterTest):
    """The answer is owed from the moment that the message was taken, and no more than once."""

    def test_an_answer_survives_a_kill_between_acceptance_and_writing(self):
        self.script(AWAY)
        for number in range(5):
            self.server.send(text_message("hello"),
                             "alice@example.test", sender=f"carol{number}@far.test")
            self.server.kill()
            self.server.start()
        wait_until(lambda: len(self.sink.messages) >= 5, "five answers")
        self.server.send(text_message("hello"),
                         "alice@example.test", sender="carol0@far.test")
        wait_until(lambda: not self.server.queue(), "an empty queue")
        answered = sorted(recipient for message in self.sink.messages
                          for recipient in message.recipients)
        self.assertEqual(sorted(set(answered)), [f"carol{number}@far.test" for number in range(5)])
        self.assertEqual(len(self.server.fetch("alice")), 6)


if __name__ == "__main__":
    unittest.main()
