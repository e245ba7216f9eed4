"""Who gets a message, who may send it, and what becomes of what nobody may: groups, limits, lists,
forwarding, and a directory that is away."""

import email
import os
import signal
import smtplib
import unittest

from cases import ServerTest
from harness import Mailroot, free_port, text_message, wait_until
from smtp_sink import Policy, Sink


def refusal(call, *arguments, **options):
    """Code and text of the refusal that a call of smtplib ends in."""
    try:
        call(*arguments, **options)
    except smtplib.SMTPRecipientsRefused as error:
        (code, text), *_ = error.recipients.values()
    except smtplib.SMTPResponseException as error:
        code, text = error.smtp_code, error.smtp_error
    else:
        raise AssertionError("it was not refused")
    return code, text.decode()


class NamesWhomItRefuses(Policy):
    def on_rcpt(self, address):
        if address.startswith("gone"):
            return f"550 5.1.1 <{address}> is unknown"
        return super().on_rcpt(address)


class Categorizer(ServerTest):
    @classmethod
    def before_server(cls):
        cls.remote = Sink(NamesWhomItRefuses())
        cls.addClassCleanup(cls.remote.close)
        cls.branch = Sink()
        cls.addClassCleanup(cls.branch.close)
        cls.settings = {
            "users": ("alice", "bob", "carol", "boss", "intern"),
            "server_lines": ["submit from everyone except @interns",
                             "relay-users from @staff boss@example.test", "expand on"],
            "lines": ["connector branch {", "    to branch.example.test",
                      f"    smart-host 127.0.0.1:{cls.branch.port}", "}",
                      "connector all {", "    to *",
                      f"    smart-host 127.0.0.1:{cls.remote.port}", "}",
                      "connector seven {", "    to seven.example",
                      f"    smart-host 127.0.0.1:{cls.remote.port}", "    without 8BITMIME", "}",
                      "recipients all {", "    for \"(surname=*)\"",
                      "    address %1g%s@example.test %m@sales.example.test", "}",
                      "domain sales.example.test {", "}",
                      "limit receive-size 200KB", "limit addressed 100",
                      "retry {", "    glitch 1s x2", "    after 2s", "    expire 1m", "}"]}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.set = lambda self, address, *words: self.server.cli("directory", "set", address, *words)
        cls.server.cli("group", "add", "interns", "intern@example.test")
        cls.server.cli("group", "add", "staff", "alice@example.test", "bob@example.test")

    def submit(self, sender, recipients, data=None):
        return self.server.send(data or text_message("hello", sender=f"{sender}@example.test"),
                                recipients, sender=f"{sender}@example.test", service="submission",
                                login=sender)

    def fetch_one(self, user):
        """The one message that comes; the mailbox is empty before and after."""
        (message,) = self.server.fetch_when(user, 1)
        self.empty_mailbox(user)
        return message

    def sent_to(self, sink, count=1):
        before = len(sink.messages)
        return lambda: sink.wait_for(before + count)[before:]

    # shows: C06 C04 C03
    def test_a_group_by_a_filter_reaches_whom_it_means_now_and_members_elsewhere(self):
        self.set("carol", "department", "sales")
        self.server.cli("group", "add", "all-sales", "--filter", "(department=sales)",
                        "far@remote.example", "sub-sales@example.test")
        self.server.cli("group", "add", "sub-sales", "carol@example.test", "bob@example.test")
        arrived = self.sent_to(self.remote)
        self.server.send(text_message("offer"), "all-sales@example.test")
        self.assertEqual(arrived()[0].recipients, ["far@remote.example"])
        self.fetch_one("carol")
        self.fetch_one("bob")
        self.set("carol", "department", "none")
        self.set("alice", "department", "Sales")
        arrived = self.sent_to(self.remote)
        self.server.cli("group", "remove", "all-sales", "sub-sales@example.test")
        self.server.send(text_message("offer"), "all-sales@example.test")
        arrived()
        self.fetch_one("alice")
        self.assertEqual(self.server.fetch("carol") + self.server.fetch("bob"), [])
        self.server.cli("group", "remove", "all-sales")

    # shows: C05
    def test_a_hidden_group_tells_neither_expn_nor_the_report_to_its_owner_who_is_in_it(self):
        self.server.cli("group", "add", "secret", "gone@example.test", "alice@example.test",
                        "gone@remote.example")
        self.set("secret", "hide-members", "on")
        self.set("secret", "owner", "boss@example.test")
        self.set("secret", "reports-to", "owner")
        with self.server.smtp() as client:
            self.assertEqual(client.expn("secret@example.test")[0], 550)
            self.assertEqual(client.expn("staff@example.test")[0], 250)
        self.server.send(text_message("psst"), "secret@example.test", sender="carol@example.test")
        self.fetch_one("alice")
        for report in self.server.fetch_when("boss", 2):
            self.assertIn(b"Final-Recipient: rfc822; secret@example.test", report)
            self.assertIn(b"Status: 5.1.1", report)
            self.assertNotIn(b"gone@", report)
        self.empty_mailbox("boss")
        self.assertEqual(self.server.fetch("carol"), [])
        self.server.cli("group", "remove", "secret")

    # shows: C05
    def test_reports_about_members_go_to_the_sender_the_owner_or_nobody(self):
        self.server.cli("group", "add", "list", "gone@example.test", "x@remote.example")
        self.set("list", "owner", "boss@example.test")
        for whom, hearer, sender in (("sender", "carol", "carol@example.test"),
                                     ("owner", "boss", "boss@example.test"),
                                     ("nobody", None, "")):
            self.set("list", "reports-to", whom)
            arrived = self.sent_to(self.remote)
            self.server.send(text_message("list"), "list@example.test",
                             sender="carol@example.test")
            self.assertEqual(arrived()[0].sender, sender)
            if hearer:
                self.assertIn(b"gone@example.test", self.fetch_one(hearer))
        wait_until(lambda: not self.server.queue(), "the queue is empty")
        self.assertEqual(self.server.fetch("carol") + self.server.fetch("boss"), [])
        self.server.cli("group", "remove", "list")

    def test_what_has_no_sender_is_told_to_no_owner_so_reports_do_not_go_round(self):
        self.server.cli("group", "add", "ring", "gone@example.test", "x@remote.example")
        self.set("ring", "owner", "ring@example.test")
        self.set("ring", "reports-to", "owner")
        arrived = self.sent_to(self.remote)
        self.server.send(text_message("a report"), "ring@example.test", sender="")
        self.assertEqual(arrived()[0].sender, "")
        wait_until(lambda: not self.server.queue(), "nothing goes round")
        self.server.cli("group", "remove", "ring")

    # shows: C05
    def test_a_group_that_another_host_expands_goes_there_as_it_is(self):
        self.server.cli("group", "add", "remote-team", "bob@example.test")
        self.set("remote-team", "expand-at", "branch.example.test")
        arrived = self.sent_to(self.branch)
        self.server.send(text_message("team"), "remote-team@example.test")
        self.assertEqual(arrived()[0].recipients, ["remote-team@example.test"])
        self.server.cli("group", "remove", "remote-team")

    # shows: C08
    def test_recipients_refuse_senders_at_once_and_take_mail_from_the_listed(self):
        self.set("boss", "accept-from", "@staff")
        self.assertEqual(refusal(self.server.send, text_message("x"), "boss@example.test")[0], 550)
        code, text = refusal(self.submit, "carol", "boss@example.test")
        self.assertEqual(code, 550)
        self.assertRegex(text, r"^5\.7\.1 .*takes mail from some senders alone.*\(mailroot ")
        self.assertEqual(self.submit("alice", "boss@example.test"), {})
        self.fetch_one("boss")
        self.set("boss", "accept-from", "none")
        self.set("staff", "require-login", "on")
        self.assertRegex(refusal(self.server.send, text_message("x"), "staff@example.test")[1],
                         r"^5\.7\.1 ")
        self.set("staff", "require-login", "none")

    # shows: C07 S78
    def test_limits_of_all_and_of_one_user_hold_for_size_and_recipients(self):
        large = text_message("large", body="x" * 70 + "\r\n" * 1) + b"0123456789abcdef\r\n" * 14000
        self.assertRegex(refusal(self.server.send, large, "alice@example.test")[1],
                         r"^5\.2\.3 .*larger than the recipient takes")
        self.set("alice", "receive-limit", "1MB")
        self.assertEqual(self.server.send(large, "alice@example.test"), {})
        self.fetch_one("alice")
        self.set("alice", "receive-limit", "none")
        self.set("bob", "send-limit", "10KB")
        self.set("carol", "receive-limit", "0")
        code, text = refusal(self.submit, "bob", "carol@example.test", large)
        self.assertEqual(code, 552)
        self.assertRegex(text, r"^5\.2\.3 ")
        self.assertEqual(self.submit("boss", "carol@example.test", large), {})
        self.fetch_one("carol")
        self.set("bob", "recipient-limit", "1")
        self.server.cli("group", "add", "pair", "carol@example.test", "boss@example.test")
        self.assertRegex(refusal(self.submit, "bob", "pair@example.test")[1], r"^5\.5\.3 ")
        with self.server.smtp("submission", login="bob") as client:
            client.mail("bob@example.test")
            self.assertEqual(client.rcpt("carol@example.test")[0], 250)
            self.assertEqual(client.rcpt("boss@example.test")[0], 550)
        for name in ("send-limit", "recipient-limit"):
            self.set("bob", name, "none")
        self.set("carol", "receive-limit", "none")
        self.assertEqual(self.submit("bob", "pair@example.test"), {})
        self.fetch_one("carol")
        self.fetch_one("boss")
        self.server.cli("group", "remove", "pair")

    # shows: S10
    def test_users_who_may_not_submit_or_relay_are_refused(self):
        with self.server.smtp("submission", login="intern") as client:
            code, text = client.mail("intern@example.test")
            self.assertEqual(code, 550)
            self.assertRegex(text.decode(), r"^5\.7\.1 You may not send mail here")
            case = text.decode().split("(mailroot ")[1].rstrip(")")
        wait_until(lambda: "reason=submit" in self.server.cli("trace", case, expect=None),
                   "the story of the refusal")
        self.assertEqual(self.submit("carol", "alice@example.test"), {})
        self.fetch_one("alice")
        code, text = refusal(self.submit, "carol", "x@remote.example")
        self.assertEqual((code, text[:5]), (550, "5.7.1"))
        arrived = self.sent_to(self.remote, 2)
        self.assertEqual(self.submit("alice", "x@remote.example"), {})
        self.assertEqual(self.submit("boss", "x@remote.example"), {})
        arrived()

    # shows: T34
    def test_what_is_too_large_and_what_may_not_be_relayed_are_told_apart(self):
        large = text_message("large") + b"0123456789abcdef\r\n" * 14000
        self.assertEqual(refusal(self.server.send, large, "alice@example.test")[1][:5], "5.2.3")
        self.assertEqual(refusal(self.server.send, large, "x@remote.example")[1][:5], "5.7.1")

    # shows: C10
    def test_mail_is_forwarded_kept_and_reported_when_it_goes_in_a_circle(self):
        self.set("carol", "forward-to", "box@remote.example")
        self.set("carol", "forward-keep", "on")
        arrived = self.sent_to(self.remote)
        self.server.send(text_message("on"), "carol@example.test")
        self.assertEqual(arrived()[0].recipients, ["box@remote.example"])
        self.fetch_one("carol")
        self.set("carol", "forward-keep", "none")
        self.set("carol", "forward-to", "boss@example.test")
        self.set("boss", "forward-to", "carol@example.test")
        code, text = refusal(self.server.send, text_message("round"), "carol@example.test")
        self.assertEqual((code, text[:6]), (554, "5.4.6 "))
        self.server.send(text_message("round"), ["carol@example.test", "alice@example.test"],
                         sender="bob@example.test")
        self.assertIn(b"5.4.6", self.fetch_one("bob"))
        self.fetch_one("alice")
        for user in ("carol", "boss"):
            self.set(user, "forward-to", "none")

    # shows: C09
    def test_recipients_of_two_policies_get_one_message_in_two_encodings(self):
        arrived = self.sent_to(self.remote, 2)
        body = b"Subject: gr\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n" \
               b"Content-Transfer-Encoding: 8bit\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n"
        with self.server.smtp("submission", login="alice") as client:
            client.sendmail("alice@example.test", ["a@seven.example", "b@eight.example"], body,
                            mail_options=["BODY=8BITMIME"])
        by_recipient = {message.recipients[0]: message.data for message in arrived()}
        self.assertIn(b"Gr\xc3\xbc\xc3\x9fe", by_recipient["b@eight.example"])
        seven = by_recipient["a@seven.example"]
        self.assertTrue(seven.isascii())
        self.assertEqual(email.message_from_bytes(seven).get_payload(decode=True),
                         "Grüße\r\n".encode())

    # shows: C12 C11
    def test_users_get_addresses_by_policy_and_nobody_the_same_twice(self):
        for user in ("alice", "carol"):
            self.set(user, "given-name", "Jo")
            self.set(user, "surname", "Berg")
        given = {}
        for user in ("alice", "carol"):
            shown = wait_until(
                lambda who=user: [line for line in self.server.cli("directory", "set", who)
                                  .splitlines() if line.startswith("primary-address ")
                                  and "@" in line], "an address by policy")
            given[user] = shown[0].split()[1]
        self.assertEqual(sorted(given.values()), ["JBerg2@example.test", "JBerg@example.test"])
        self.server.send(text_message("to him"), given["carol"])
        self.fetch_one("carol")
        self.server.send(text_message("to her"), "alice@sales.example.test")
        self.fetch_one("alice")
        refused = self.server.cli_result("user", "add", "jberg2@example.test", "--password-stdin",
                                         given="secret-enough-1\n")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("another's address already", refused.stderr)
        checked = self.server.cli_result("directory", "check")
        self.assertIn("JBerg2@example.test: has a number", checked.stdout)

    def test_resolve_shows_each_step_and_why_somebody_gets_nothing(self):
        self.server.cli("group", "add", "board", "boss@example.test", "staff@example.test")
        self.set("boss", "reject-from", "*@elsewhere.test")
        shown = self.server.cli("resolve", "board", "--from", "x@elsewhere.test")
        self.assertEqual(shown.splitlines(), [
            "board@example.test: group of 2",
            "  boss@example.test: refused (5.7.1): the recipient takes no mail from this sender",
            "  staff@example.test: group of 2",
            "    alice@example.test: mailbox", "    bob@example.test: mailbox", "recipients: 3"])
        routed = self.server.cli("route", "board@example.test", "--from", "x@elsewhere.test")
        self.assertIn("boss@example.test: refused: the recipient takes no mail", routed)
        self.set("boss", "reject-from", "none")
        self.server.send(text_message("told"), "board@example.test")
        accepted = self.server.wait_log(r"event=smtp\.accepted id=(\S+)[^\n]*", start=0)
        self.assertTrue(accepted)
        for user in ("boss", "alice", "bob"):
            self.fetch_one(user)
        self.server.cli("group", "remove", "board")


class DirectoryAway(unittest.TestCase):
    # shows: T03
    def test_mail_waits_while_the_directory_is_away_and_goes_on_when_it_is_back(self):
        sink = Sink()
        self.addCleanup(sink.close)
        server = Mailroot(one_process=False, lines=[
            "connector all {", "    to *", f"    smart-host 127.0.0.1:{sink.port}", "}"])
        with server:
            with server.smtp("submission", login="alice") as client:
                (pid,) = server.role_pids("auth")
                # Who would start it anew is held up, and then goes on.
                server.process.send_signal(signal.SIGSTOP)
                try:
                    os.kill(pid, signal.SIGKILL)
                    client.sendmail("alice@example.test", ["x@remote.example"],
                                    text_message("waits", sender="alice@example.test"))
                    waiting = wait_until(lambda: next((item for item in server.queue() if
                                                       item["state"] == "lookup"), None),
                                         "it waits for the directory")
                    explained = server.cli("queue", "explain", waiting["id"])
                    self.assertIn("the directory did not answer", explained)
                finally:
                    server.process.send_signal(signal.SIGCONT)
            self.assertEqual(sink.wait_for(1)[0].recipients, ["x@remote.example"])
            wait_until(lambda: not server.queue(), "the queue is empty")
            story = server.story(waiting["id"], "awaits-lookup")
            self.assertNotIn("failed", story)


if __name__ == "__main__":
    unittest.main()
