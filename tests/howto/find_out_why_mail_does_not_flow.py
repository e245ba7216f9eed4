"""Find out why mail does not go out, or come in

    mailroot diagnose outbound friend@elsewhere.example --from alice@example.test
    mailroot diagnose inbound alice@example.test
    mailroot probe mx.elsewhere.example --rcpt friend@elsewhere.example
    mailroot trace ID           # of the message, or of the refusal that somebody was told
"""

import re

from harness import free_port, wait_until
from howto import HowTo


class Flow(HowTo):
    # shows: T33 V48
    def test_find_out_why_mail_is_not_sent(self):
        port = free_port()
        self.site.write("connector all-mail", "to *", f"smart-host [127.0.0.1]:{port}",
                        "timeout connect 2s")
        self.site.take_up()
        words = ("diagnose", "outbound", "friend@elsewhere.example", "--from",
                 "alice@example.test")
        self.assertRegex(self.site.cli_result(*words).stderr, "first cause: connect: .*refused")

        # The host comes up: the telnet test of old, and the diagnosis, say that all is well.
        host = self.other_host()
        self.site.change(f"[127.0.0.1]:{port}", host.at)
        self.site.take_up()
        self.assertIn("nothing is wrong", self.mailroot(*words))
        shown = self.mailroot("probe", host.at, "--from", "alice@example.test", "--rcpt",
                              "friend@elsewhere.example")
        for step in ("connect", "greeting", "ehlo", "mail", "rcpt"):
            self.assertRegex(shown, rf"(?m)^ok +{step} ")
        self.assertEqual(host.messages, [])

    # shows: T35
    def test_find_out_why_mail_is_not_received(self):
        self.site.add("server internet", "anonymous no")
        self.site.take_up()
        found = self.site.cli_result("diagnose", "inbound", "alice@example.test")
        self.assertRegex(found.stderr, "first cause: anonymous: .* `anonymous no`")
        self.site.change("anonymous no", "anonymous yes")
        self.site.take_up()
        found = self.site.cli_result("diagnose", "inbound", "alice@example.test")
        self.assertRegex(found.stdout, "ok +anonymous ")
        self.assertRegex(found.stdout, "ok +rcpt +250 ")

    # shows: T37
    def test_follow_a_message_from_its_sender_to_the_mailbox(self):
        self.send("alice", "bob@example.test")
        received = self.site.fetch_when("bob", 1)[0].decode()
        message_id = re.search(r"(?m)^Message-ID: (<.*>)", received).group(1)
        wait_until(lambda: "bob@example.test" in self.site.cli_result("trace", message_id).stdout,
                   "the story is told")

        # And a refusal, by the id that the other side was told.
        refusal = self.arrives("nobody@example.test")
        case = re.search(r"\(mailroot (\w+)\)", refusal).group(1)
        wait_until(lambda: "nobody@example.test" in self.site.cli_result("trace", case).stdout,
                   "the refusal is explained")
