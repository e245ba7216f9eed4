"""Mail that is not wanted: the filters of connections, senders and recipients, at the listeners that
apply them and nowhere else. Block lists are zones of a real nsd; clients come by the PROXY protocol.
"""

import os
import re
import signal
import unittest

from cases import ServerTest
from harness import RawClient, free_port, text_message, wait_until
from peers import Nsd

SIX = ".".join(reversed("20010db8000000000000000000000001"))
ZONES = {
    # 10 is listed; 11 for what the settings do not ask about; 12 by a bit; 13 in the second list;
    # 14 and 15 get answers that are none.
    "bl.example": f"10.2.0.192 IN A 127.0.0.2\n10.2.0.192 IN A 127.0.0.9\n"
                  f"11.2.0.192 IN A 127.0.0.9\n12.2.0.192 IN A 127.0.0.28\n{SIX} IN A 127.0.0.2\n",
    "second.example": "10.2.0.192 IN A 127.0.0.5\n13.2.0.192 IN A 127.0.0.5\n"
                      "14.2.0.192 IN A 127.255.255.254\n15.2.0.192 IN A 203.0.113.1\n",
}
LISTS = [
    "block-list first {", "    zone bl.example", "    codes 127.0.0.2 mask 0.0.0.4",
    '    reply "%0 is in %1 (%2): 100%"', "}",
    "block-list second {", "    zone second.example", "}",
    "block-list unserved {", "    zone nobody.example", "}",
]
CLEAN = "192.0.2.99"


@unittest.skipIf(Nsd.missing(), Nsd.missing())
class Unwanted(ServerTest):
    """One server with two listeners; the filters are applied at the first."""

    always = ["accept 198.51.100.0/25", "deny 198.51.100.0/24 2001:db8:dead::/48",
              "relays 10.0.0.0/8", "block-lists except postmaster@example.test wait 5s"]

    @classmethod
    def before_server(cls):
        cls.nsd = Nsd(ZONES)
        cls.addClassCleanup(cls.nsd.close)
        cls.nsd.start()
        cls.guarded, cls.open = free_port(), free_port()
        cls.settings = {"users": ("alice", "bob", "postmaster"), "lines": cls.lines("archive kept",
                        "sender spam@bad.example *@junk.example blank then refuse archive")}

    @classmethod
    def lines(cls, *filters):
        return [f"dns server 127.0.0.1:{cls.nsd.port}", "server guarded {",
                f"    listen 127.0.0.1:{cls.guarded} smtp 127.0.0.1:{cls.open} smtp",
                "    proxy 127.0.0.1", "    login cleartext",
                "    unknown-recipients report",
                f"    filter connection sender recipient at 127.0.0.1:{cls.guarded}", "}",
                "filter {", *(f"    {line}" for line in (*cls.always, *filters)), "}", *LISTS]

    def say(self, *filters):
        """The settings say this of senders and recipients from now on."""
        self.server.lines = self.lines(*filters)
        self.server.write_config()
        self.server.cli("reload")

    def setUp(self):
        self.say()

    def connect(self, peer, port=None, greeted=True):
        client = RawClient(port or self.guarded)
        self.addCleanup(client.close)
        family, ours = ("TCP6", "2001:db8::9") if ":" in peer else ("TCP4", "192.0.2.9")
        client.send(f"PROXY {family} {peer} {ours} 4711 25\r\n".encode())
        return client.greet() if greeted else client

    def begin(self, client, sender="a@else.test"):
        return client.ask(f"MAIL FROM:<{sender}>")

    def rcpt(self, peer, recipient="alice@example.test", **options):
        """What a client is told of the recipient."""
        client = self.connect(peer, **options)
        self.assertRegex(self.begin(client), "^250 ")
        return client.ask(f"RCPT TO:<{recipient}>")

    def message(self, client, subject, sender="a@else.test", recipients=("alice@example.test",),
                data=None):
        """The answer to a whole message."""
        for command in (f"MAIL FROM:<{sender}>", *(f"RCPT TO:<{one}>" for one in recipients)):
            self.assertRegex(client.ask(command), "^250 ")
        self.assertRegex(client.ask("DATA"), "^354 ")
        return client.ask((data or text_message(subject)) + b".\r\n")

    def subjects(self, user="alice"):
        return [re.search(rb"^Subject: (.*)\r$", message, re.M)[1].decode()
                for message in self.server.fetch(user)]

    def counted(self, name):
        return int(re.search(rf'^mailroot_filtered_total\{{filter="{name}"\}} (\d+)$',
                             self.server.cli("metrics"), re.M)[1])

    def wait_counted(self, name, before):
        wait_until(lambda: self.counted(name) > before, f"one more of {name}")

    # ---- connections ----

    # shows: S73
    def test_who_is_in_a_block_list_is_refused_at_each_recipient_in_the_lists_words(self):
        before = self.counted("block-list")
        client = self.connect("192.0.2.10")
        self.assertRegex(self.begin(client), "^250 ")
        told = "^550 5.7.1 192.0.2.10 is in first \\(bl.example\\): 100% \\(mailroot (\\w+)\\)"
        case = re.search(told, client.ask("RCPT TO:<alice@example.test>"))
        self.assertIsNotNone(case)
        self.assertRegex(client.ask("RCPT TO:<bob@example.test>"), told)
        self.wait_counted("block-list", before + 1)
        story = self.server.story(case[1], "reason=block-list")
        self.assertIn("192.0.2.10 is 127.0.0.2 in bl.example", story)
        self.assertIn("is in first", self.rcpt("2001:db8::1"))

    # shows: S73
    def test_the_codes_that_count_are_those_of_the_settings(self):
        self.assertRegex(self.rcpt("192.0.2.11"), "^250 ")
        self.assertRegex(self.rcpt("192.0.2.12"), "^550 5.7.1 192.0.2.12 is in first ")
        self.assertRegex(self.rcpt("192.0.2.13"),
                         "^550 5.7.1 192.0.2.13 has been blocked by second ")

    def test_a_list_that_fails_or_says_what_is_no_answer_refuses_nobody(self):
        self.assertRegex(self.rcpt("192.0.2.14"), "^250 ")
        self.assertRegex(self.rcpt("192.0.2.15"), "^250 ")
        self.server.wait_log(r'block-list.useless list="second" zone="second.example" '
                             r'answer=127.255.255.254')
        self.server.wait_log(r'block-list.away list="unserved"')

    # shows: S73
    def test_an_exception_gets_mail_from_listed_hosts_too(self):
        client = self.connect("192.0.2.10")
        self.begin(client)
        self.assertRegex(client.ask("RCPT TO:<alice@example.test>"), "^550 5.7.1 ")
        self.assertRegex(client.ask("RCPT TO:<postmaster@example.test>"), "^250 ")

    def test_answers_are_kept_and_lists_that_are_silent_delay_nobody_else(self):
        self.assertRegex(self.rcpt("192.0.2.10"), "^550 5.7.1 ")
        os.killpg(self.nsd.process.pid, signal.SIGSTOP)
        try:
            self.assertRegex(self.rcpt("192.0.2.10"), "^550 5.7.1 ", "from what is kept")
            waiting = self.connect("192.0.2.77")
            self.begin(waiting)
            waiting.send(b"RCPT TO:<alice@example.test>\r\n")
            self.assertRegex(self.rcpt(CLEAN, port=self.open), "^250 ")
            self.assertRegex(waiting.reply(), "^250 ")
        finally:
            os.killpg(self.nsd.process.pid, signal.SIGCONT)

    # shows: S74
    def test_who_is_accepted_is_so_whatever_else_is_said(self):
        self.say("sender spam@bad.example", "recipient bob@example.test")
        before = self.counted("accept")
        client = self.connect("198.51.100.7")
        self.assertRegex(self.message(client, "accepted", "spam@bad.example",
                                      ("alice@example.test", "bob@example.test")), "^250 ")
        self.assertIn("accepted", self.subjects())
        self.wait_counted("accept", before)

    # shows: S75
    def test_who_is_denied_is_turned_away_when_he_connects(self):
        before = self.counted("deny")
        client = self.connect("198.51.100.200", greeted=False)
        self.assertRegex(client.reply(), "^554 5.7.1 ")
        self.assertTrue(client.closed())
        self.assertRegex(self.connect("2001:db8:dead::1", greeted=False).reply(), "^554 5.7.1 ")
        self.wait_counted("deny", before + 1)

    # shows: S76
    def test_filters_are_idle_at_a_listener_that_does_not_apply_them(self):
        self.say("sender spam@bad.example blank", "recipient bob@example.test")
        client = self.connect("198.51.100.200", self.open)
        self.assertRegex(self.message(client, "idle", "spam@bad.example",
                                      ("alice@example.test", "bob@example.test")), "^250 ")
        self.assertRegex(self.begin(client, ""), "^250 ")
        self.assertRegex(self.rcpt("192.0.2.10", port=self.open), "^250 ")
        self.assertIn("idle", self.subjects())

    def test_what_relays_of_ours_pass_on_is_refused_by_who_gave_it_to_them(self):
        def passed_on(address, recipient="alice@example.test"):
            path = (f"Received: from inner ([10.0.0.2]) by mx.example.test; Mon, 1 Jan 2026\r\n"
                    f"Received: from [10.9.9.9] (unknown [{address}])\r\n\tby inner; Mon\r\n"
                    "Received: from x ([192.0.2.10]) by whoever; Mon\r\n").encode()
            client = self.connect("10.0.0.1")
            return self.message(client, "", recipients=(recipient,),
                                data=path + text_message(f"passed on from {address}"))
        self.assertRegex(passed_on("192.0.2.10"), "^550 5.7.1 192.0.2.10 is in first ")
        self.assertRegex(passed_on("198.51.100.200"), "^554 5.7.1 ")
        self.assertRegex(passed_on("192.0.2.10", "postmaster@example.test"), "^250 ")
        self.assertRegex(passed_on(CLEAN), "^250 ")
        self.assertRegex(passed_on("198.51.100.7"), "^250 ")
        self.assertIn(f"passed on from {CLEAN}", self.subjects())

    def check(self, *words, expect=1):
        return self.server.cli("filter", "check", *words, expect=expect)

    def test_the_administrator_is_told_which_filter_would_act_and_why(self):
        self.say("sender *@junk.example blank then discard", "recipient bob@example.test")
        self.assertRegex(self.check("198.51.100.7", expect=0), r"ok +accept +198.51.100.7 is in accept "
                         r"\(\S+mailroot.conf:\d+\)")
        self.assertRegex(self.check("2001:db8:dead::7"), r"FAIL +deny +2001:db8:dead::7 is in deny")
        listed = self.check("192.0.2.10", "--from", "a@junk.example", "--to", "bob@example.test")
        for line in (r"FAIL +sender +a@junk.example is filtered by 'sender \*@junk.example': its mail "
                     r"is taken and thrown away",
                     r"FAIL +recipient +bob@example.test is filtered",
                     r"FAIL +block-list +192.0.2.10 is 127.0.0.2 in first \(bl.example\), which "
                     r"counts: refused at RCPT, 550 5.7.1 192.0.2.10 is in first",
                     r"ok +block-list +192.0.2.10 is 127.0.0.9 in first \(bl.example\), which does not "
                     r"count",
                     r"warn +block-list +unserved \(nobody.example\) gave no answer"):
            self.assertRegex(listed, line)
        self.assertRegex(self.check("192.0.2.10", "--from", "a@else.test", "--to",
                                    "postmaster@example.test", expect=0),
                         "counts, but not for this recipient")
        self.assertRegex(self.check("192.0.2.14", "--from", "<>"), "FAIL +sender +<> is filtered")
        self.assertRegex(self.check("10.0.0.1", expect=0), "warn +relays +10.0.0.1 is a relay of ours")
        unguarded = self.check("192.0.2.10", "--server", "test", expect=0)
        self.assertIn("the filter connection is applied by no server of the name test", unguarded)
        self.check("192.0.2.10", "--server", "nobody")

    # ---- senders ----

    # shows: S45
    def test_mail_from_a_filtered_or_a_blank_sender_is_refused(self):
        self.say("sender spam@bad.example *@junk.example *.below.example root@* blank")
        client = self.connect(CLEAN)
        for sender in ("SPAM@bad.example", "any@junk.example", "a@x.below.example", "root@else.test",
                       ""):
            self.assertRegex(self.begin(client, sender), "^554 5.1.0 ", sender)
        for sender in ("ham@bad.example", "any@sub.junk.example", "a@below.example"):
            self.assertRegex(self.begin(client, sender), "^250 ")
            client.ask("RSET")

    # shows: S45
    def test_the_connection_of_a_filtered_sender_is_dropped(self):
        self.say("sender spam@bad.example then drop")
        client = self.connect(CLEAN)
        self.assertRegex(self.begin(client, "spam@bad.example"), "^421 4.7.1 ")
        self.assertTrue(client.closed())

    # shows: S45
    def test_mail_of_a_filtered_sender_is_taken_and_thrown_away(self):
        self.say("sender spam@bad.example then discard")
        before = self.counted("sender")
        client = self.connect(CLEAN)
        answer = self.message(client, "discarded", "spam@bad.example")
        self.assertRegex(answer, r"^250 2.0.0 ")
        self.assertRegex(self.message(client, "behind it"), "^250 ")
        self.assertIn("behind it", self.subjects())
        self.assertNotIn("discarded", self.subjects())
        self.wait_counted("sender", before)
        story = self.server.story(answer.split()[-1], "fate=discarded")
        self.assertIn('fact="spam@bad.example"', story)
        wait_until(lambda: not self.server.queue(), "nothing waits, and no report was made")

    def archived(self, subject):
        def find():
            for file in (self.server.directory / "kept").glob("*.eml"):
                if f"\r\nSubject: {subject}\r\n".encode() in file.read_bytes():
                    return file.read_bytes()
            return None
        return wait_until(find, f"the archive has {subject}")

    # shows: S45
    def test_mail_of_a_filtered_sender_is_archived_whatever_he_is_told(self):
        for action, answer in (("discard", "^250 2.0.0 "), ("refuse", "^554 5.1.0 ")):
            self.say("archive kept", f"sender spam@bad.example then {action} archive")
            client = self.connect(CLEAN)
            self.assertRegex(self.message(client, f"kept and {action}", "spam@bad.example",
                                          ("alice@example.test", "bob@example.test")), answer)
            file = self.archived(f"kept and {action}")
            self.assertTrue(file.startswith(b"x-sender: spam@bad.example\r\n"
                                            b"x-receiver: alice@example.test\r\n"
                                            b"x-receiver: bob@example.test\r\n"), file[:200])
            self.assertNotIn(f"kept and {action}", self.subjects())
        wait_until(lambda: self.server.queue() == [], "nothing waits, and no report was made")

    # ---- recipients ----

    # shows: S72
    def test_filtered_and_unknown_recipients_get_nothing_from_strangers(self):
        self.say("recipient bob@example.test *@closed.example")
        client = self.connect(CLEAN)
        self.begin(client)
        before = self.counted("recipient")
        self.assertRegex(client.ask("RCPT TO:<bob@example.test>"), "^550 5.7.1 ")
        self.assertRegex(client.ask("RCPT TO:<nobody@example.test>"), "^550 5.1.1 ")
        self.assertRegex(client.ask("RCPT TO:<alice@example.test>"), "^250 ")
        self.wait_counted("recipient", before)

    # shows: S72
    def test_who_is_logged_in_is_not_filtered(self):
        self.say("sender alice@example.test blank", "recipient bob@example.test")
        client = self.connect("192.0.2.10")
        self.assertRegex(client.ask(f"AUTH PLAIN {self.server.plain('alice')}"), "^235 ")
        self.assertRegex(self.message(client, "from a user", "alice@example.test",
                                      ("bob@example.test",)), "^250 ")
        self.assertIn("from a user", self.subjects("bob"))

    # shows: S72
    def test_who_is_logged_in_may_hear_of_unknown_recipients_by_a_report(self):
        client = self.connect(CLEAN)
        client.ask(f"AUTH PLAIN {self.server.plain('alice')}")
        self.assertRegex(self.message(client, "to nobody", "alice@example.test",
                                      ("nobody@example.test",)), "^250 ")
        report = wait_until(lambda: next((one for one in self.server.fetch("alice")
                                          if b"nobody@example.test" in one), None), "the report")
        self.assertIn(b"Status: 5.1.1", report)
