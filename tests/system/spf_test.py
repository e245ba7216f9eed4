"""SPF and Sender ID: which hosts may send for which domains, by the zones of a real nsd, and what
becomes of mail from others. Clients come by the PROXY protocol. The evaluation is compared with that
of pyspf."""

import email
import json
import re
import unittest

from cases import ServerTest
from harness import RawClient, free_port, text_message, wait_until
from peers import Nsd, Pyspf

HERE, THERE = "192.0.2.1", "203.0.113.9"
ZONES = {
    "strict.example": '@ IN TXT "v=spf1 ip4:192.0.2.1 mx -all exp=why.%{d}"\n'
                      '@ IN MX 10 mx\nmx IN A 192.0.2.2\nmx IN AAAA 2001:db8::2\n'
                      'why IN TXT "%{i} is no host of %{o}"\n',
    "soft.example": '@ IN TXT "v=spf1 ip4:192.0.2.0/24 ~all"\n',
    "neutral.example": '@ IN TXT "v=spf1 ?all"\n',
    "broken.example": '@ IN TXT "v=spf1 include:strict.example oops"\n',
    "silent.example": "@ IN A 192.0.2.1\n",
    "below.example": '@ IN TXT "v=spf1 include:unserved.example -all"\n',
    "both.example": '@ IN TXT "v=spf1 -all"\n@ IN TXT "spf2.0/pra ip4:192.0.2.1 ~all"\n',
    "bothways.example": '@ IN TXT "v=spf1 +all"\n@ IN TXT "spf2.0/mfrom,pra -all"\n',
}


@unittest.skipIf(Nsd.missing(), Nsd.missing())
class SenderChecks(ServerTest):
    """One server that takes mail from strangers, and checks who they say they are."""

    @classmethod
    def before_server(cls):
        cls.nsd = Nsd(ZONES)
        cls.addClassCleanup(cls.nsd.close)
        cls.nsd.start()
        cls.port = free_port()
        cls.settings = {"lines": cls.lines()}

    @classmethod
    def lines(cls, *filters):
        return [f"dns server 127.0.0.1:{cls.nsd.port}", "server guarded {",
                f"    listen 127.0.0.1:{cls.port} smtp", "    fully-qualified mx.example.test",
                "    proxy 127.0.0.1", "    login plain login cleartext",
                "    relay 198.51.100.0/24", "    filter spf sender-id", "}",
                "filter {", "    accept 203.0.113.128/25", "    relays 10.0.0.0/8",
                *(f"    {line}" for line in filters), "}"]

    def say(self, *filters):
        """The settings say this of SPF and Sender ID from now on."""
        self.server.lines = self.lines(*filters)
        self.server.write_config()
        self.server.cli("reload")

    def setUp(self):
        self.say()
        self.empty_mailbox("alice")

    def connect(self, peer=THERE, helo="client"):
        client = RawClient(self.port)
        self.addCleanup(client.close)
        family, ours = ("TCP6", "2001:db8::9") if ":" in peer else ("TCP4", "192.0.2.9")
        client.send(f"PROXY {family} {peer} {ours} 4711 25\r\n".encode())
        client.reply()
        self.assertRegex(client.ask(f"EHLO {helo}"), "^250-")
        return client

    def rcpt(self, client, sender):
        self.assertRegex(client.ask(f"MAIL FROM:<{sender}>"), "^250 ")
        return client.ask("RCPT TO:<alice@example.test>")

    def message(self, client, sender, data=None, subject="hello"):
        """The answer to a whole message."""
        self.assertRegex(self.rcpt(client, sender), "^250 ")
        self.assertRegex(client.ask("DATA"), "^354 ")
        return client.ask((data or text_message(subject)) + b".\r\n")

    def only(self):
        """The one message that alice got."""
        messages = self.server.fetch("alice")
        self.assertEqual(len(messages), 1)
        return email.message_from_bytes(messages[0])

    def counted(self, name, label):
        return int(re.search(rf'^mailroot_{name}_total\{{\w+="{label}"\}} (\d+)$',
                             self.server.cli("metrics"), re.M)[1])

    # ---- SPF ----

    def test_a_host_that_may_not_send_for_the_domain_is_refused_in_the_domains_words(self):
        before = self.counted("spf", "fail")
        reply = self.rcpt(self.connect(), "joe@strict.example")
        told = re.search(r"^550 5\.7\.23 SPF: your host may not send for that domain: strict.example, "
                         r"which explains: 203.0.113.9 is no host of strict.example "
                         r"\(mailroot (\w+)\)", reply)
        self.assertIsNotNone(told, reply)
        self.server.story(told[1], "mail-from fail: -all of strict.example")
        wait_until(lambda: self.counted("spf", "fail") > before, "it is counted")
        wait_until(lambda: self.counted("filtered", "spf"), "that it was filtered, too")

    def test_what_the_domain_says_stands_above_all_other_fields(self):
        forged = (b"Authentication-Results: mx.example.test; spf=pass smtp.mailfrom=joe@bank.example\r\n"
                  b"Authentication-Results: elsewhere.example; spf=pass\r\n")
        client = self.connect(HERE, "host.silent.example")
        self.assertRegex(self.message(client, "joe@strict.example", forged + text_message("hello")),
                         "^250 ")
        message = self.only()
        self.assertEqual(message.keys()[1:4],  # behind Return-Path, of the delivery
                         ["Authentication-Results", "Received-SPF", "Received"])
        results = message.get_all("Authentication-Results")
        self.assertEqual([one.split(";")[0] for one in results],
                         ["mx.example.test", "elsewhere.example"])
        self.assertIn("spf=pass smtp.mailfrom=joe@strict.example", results[0])
        self.assertIn("spf=none smtp.helo=host.silent.example", results[0])
        self.assertRegex(message["Received-SPF"],
                         r'(?s)^pass \(mx.example.test: ip4:192.0.2.1 of strict.example\)\s+'
                         r'client-ip="192.0.2.1";\s+envelope-from="joe@strict.example";\s+'
                         r'helo="host.silent.example"; identity=mailfrom; '
                         r'receiver=mx.example.test$')
        self.server.story(message["Message-ID"], "spf=pass spf-helo=none sender-id=")

    def test_softfail_neutral_and_none_are_taken_and_told(self):
        for sender, result in (("joe@soft.example", "softfail"), ("joe@neutral.example", "neutral"),
                               ("joe@silent.example", "none"), ("joe@broken.example", "permerror"),
                               ("joe@unserved.example", "temperror"),
                               ("joe@below.example", "temperror")):
            with self.subTest(sender):
                self.empty_mailbox("alice")
                self.assertRegex(self.message(self.connect(), sender), "^250 ")
                self.assertRegex(self.only()["Received-SPF"], f"^{result} ")

    def test_the_settings_say_what_becomes_of_each(self):
        self.say("spf softfail refuse permerror refuse temperror later")
        client = self.connect()
        self.assertRegex(self.rcpt(client, "joe@soft.example"), r"^550 5\.7\.23 ")
        self.assertRegex(client.ask("RSET"), "^250 ")
        self.assertRegex(self.rcpt(client, "joe@broken.example"),
                         r"^550 5\.7\.24 .*'oops' is no mechanism")
        self.assertRegex(client.ask("RSET"), "^250 ")
        self.assertRegex(self.rcpt(client, "joe@unserved.example"), r"^451 4\.7\.24 ")

    def test_what_is_discarded_is_answered_as_if_it_were_taken_and_the_story_has_the_truth(self):
        self.say("spf fail discard")
        client = self.connect()
        reply = self.message(client, "joe@strict.example", subject="never seen")
        taken = re.search(r"^250 2\.0\.0 Accepted as (\w+)", reply)
        self.assertIsNotNone(taken, reply)
        self.assertRegex(self.message(client, "joe@soft.example"), "^250 ")
        self.assertEqual(self.only()["Subject"], "hello")
        story = self.server.story(taken[1], "fate=discarded")
        self.assertIn("mail-from fail: -all of strict.example", story)

    def test_accepted_by_the_settings_a_failure_stands_in_the_header_alone(self):
        self.say("spf fail accept")
        self.assertRegex(self.message(self.connect(), "joe@strict.example"), "^250 ")
        self.assertIn("spf=fail smtp.mailfrom=joe@strict.example",
                      self.only()["Authentication-Results"])

    def test_a_script_of_the_recipient_decides_by_the_outcome(self):
        script = self.server.directory / "spf.sieve"
        script.write_text('if header :contains "authentication-results" "spf=softfail" '
                          '{ discard; }\n')
        self.server.cli("sieve", "put", "alice@example.test", "spf", script)
        self.server.cli("sieve", "activate", "alice@example.test", "spf")
        self.addCleanup(self.server.cli, "sieve", "activate", "alice@example.test")
        forged = b"Authentication-Results: mx.example.test; spf=softfail\r\n"
        for peer, subject in ((THERE, "softfail"), (HERE, "pass")):
            self.assertRegex(self.message(self.connect(peer), "joe@soft.example",
                                          forged + text_message(subject)), "^250 ")
        self.assertEqual(self.only()["Subject"], "pass")

    def test_the_name_of_hello_is_checked_too_and_is_the_sender_of_reports(self):
        self.assertRegex(self.rcpt(self.connect(THERE, "strict.example"), "joe@silent.example"),
                         r"^550 5\.7\.23 .*strict.example")
        self.assertRegex(self.message(self.connect("2001:db8::2", "strict.example"), ""), "^250 ")
        message = self.only()
        self.assertRegex(message["Received-SPF"], r'(?s)^pass .*client-ip="2001:db8::2".*'
                                                  r'identity=helo')
        self.assertIn("spf=pass smtp.helo=strict.example", message["Authentication-Results"])

    def test_friends_and_own_relays_are_not_checked(self):
        for peer in ("203.0.113.200", "10.0.0.1", "198.51.100.1"):
            with self.subTest(peer):
                self.empty_mailbox("alice")
                self.assertRegex(self.message(self.connect(peer), "joe@strict.example"), "^250 ")
                self.assertNotIn("Received-SPF", self.only())
        client = self.connect()
        self.assertRegex(client.ask("AUTH PLAIN " + self.server.plain("alice")), "^235 ")
        self.assertRegex(self.rcpt(client, "joe@strict.example"), "^250 ")

    # ---- Sender ID ----

    # shows: S46
    def test_sender_id_goes_by_who_sent_it_by_the_header(self):
        """pass, fail and softfail; accepted, discarded and refused."""
        def hand_in(domain, peer=THERE):
            self.empty_mailbox("alice")
            return self.message(self.connect(peer), "x@silent.example",
                                text_message("by header", sender=f"joe@{domain}"))

        for peer, domain, result in ((HERE, "strict.example", "pass"),
                                     (THERE, "strict.example", "fail"),
                                     (THERE, "soft.example", "softfail"),
                                     (HERE, "both.example", "pass"),
                                     (THERE, "both.example", "softfail"),
                                     (THERE, "bothways.example", "fail"),
                                     (THERE, "silent.example", "none"),
                                     (THERE, "broken.example", "permerror")):
            with self.subTest(f"{domain} from {peer}"):
                self.assertRegex(hand_in(domain, peer), "^250 ")
                self.assertIn(f"sender-id={result} header.from=joe@{domain}",
                              self.only()["Authentication-Results"])
        self.say("sender-id fail refuse softfail discard")
        self.assertRegex(hand_in("strict.example"),
                         r"^550 5\.7\.1 Sender ID \(PRA\) Not Permitted: 203.0.113.9 is no host of ")
        self.assertEqual(self.server.fetch("alice"), [])
        discarded = re.search(r"^250 2\.0\.0 Accepted as (\w+)", hand_in("soft.example"))
        self.assertEqual(self.server.fetch("alice"), [])
        self.server.story(discarded[1], "pra softfail: ~all of soft.example")
        self.assertRegex(hand_in("soft.example", HERE), "^250 ")
        self.assertEqual(len(self.server.fetch("alice")), 1)
        wait_until(lambda: self.counted("filtered", "sender-id"), "it is counted")

    # shows: S46
    def test_who_sent_it_anew_answers_for_it_and_somebody_must(self):
        resent = b"Resent-From: list@soft.example\r\n" + \
            text_message("resent", sender="joe@strict.example")
        self.say("sender-id fail refuse missing refuse")
        self.assertRegex(self.message(self.connect(HERE), "x@silent.example", resent), "^250 ")
        self.assertIn("sender-id=pass header.resent-from=list@soft.example",
                      self.only()["Authentication-Results"])
        for nobody in (b"Subject: from nobody\r\n\r\n.\r\n",
                       b"From: a@silent.example, b@silent.example\r\n\r\ntwo\r\n"):
            self.assertRegex(self.message(self.connect(), "x@silent.example", nobody),
                             r"^550 5\.7\.1 Missing purported responsible address")

    def test_what_a_relay_of_ours_passes_on_is_checked_by_who_gave_it_to_the_relay(self):
        self.say("sender-id fail refuse")
        def pass_on(address):
            path = (f"Received: from inner ([10.0.0.2]) by mx.example.test; Mon, 1 Jan 2026\r\n"
                    f"Received: from x (x [{address}]) by inner; Mon, 1 Jan 2026\r\n").encode()
            return self.message(self.connect("10.0.0.1"), "x@silent.example",
                                path + text_message("by a relay", sender="joe@strict.example"))
        self.assertRegex(pass_on(THERE), r"^550 5\.7\.1 Sender ID .*203\.0\.113\.9")
        self.assertRegex(pass_on("203.0.113.200"), "^250 ", "whom we accept")
        self.assertRegex(pass_on("10.0.0.3"), "^250 ", "one of ours")
        self.empty_mailbox("alice")
        self.assertRegex(pass_on(HERE), "^250 ")
        self.assertIn("sender-id=pass", self.only()["Authentication-Results"])

    def test_a_message_by_bdat_is_checked_with_the_chunk_that_ends_its_header(self):
        self.say("sender-id fail refuse")
        header = b"From: joe@strict.example\r\nSubject: in pieces\r\n\r\n"
        client = self.connect()
        self.assertRegex(self.rcpt(client, "x@silent.example"), "^250 ")
        self.assertRegex(client.ask(b"BDAT 9\r\n" + header[:9]), "^250 ")
        self.assertRegex(client.ask(b"BDAT %d\r\n" % (len(header) - 9) + header[9:]),
                         r"^550 5\.7\.1 Sender ID")
        self.assertRegex(client.ask(b"BDAT 4 LAST\r\nend\n"), "^503 ")

    def test_a_header_that_is_too_long_to_be_checked_is_refused(self):
        long = b"".join(b"X-Filler: %070d\r\n" % number for number in range(1000))
        self.assertRegex(self.message(self.connect(), "x@silent.example",
                                      long + text_message("long")), r"^552 5\.3\.4 Header")
        large = text_message("large body") + b"x" * 70 + b"\r\n" + (b"y" * 998 + b"\r\n") * 300
        self.assertRegex(self.message(self.connect(), "x@silent.example", large), "^250 ")
        self.assertEqual(self.only()["Subject"], "large body")

    # ---- the verb ----

    def test_an_evaluation_is_shown_term_by_term(self):
        shown = self.server.cli("spf", "check", THERE, "joe@strict.example", "helo.example")
        self.assertEqual(shown.splitlines(), [
            "strict.example: v=spf1 ip4:192.0.2.1 mx -all exp=why.%{d}",
            "  ip4:192.0.2.1  ->  no match", "  mx  ->  no match", "  -all  ->  match",
            "result: fail by -all of strict.example", "look-ups: 1 of 10",
            "explanation: 203.0.113.9 is no host of strict.example"])
        shown = self.server.cli("spf", "check", THERE, "broken.example")
        self.assertIn("result: permerror of broken.example (broken.example: 'oops' is no mechanism)",
                      shown)
        shown = self.server.cli("spf", "check", HERE, "a@both.example", "--scope", "pra")
        self.assertIn("result: pass by ip4:192.0.2.1 of both.example", shown)
        for wrong in (("192.0.2", "a@b.example"), (HERE, "a@@b"), (HERE,),
                      (HERE, "a@b.example", "--scope", "x")):
            self.server.cli("spf", "check", *wrong, expect=1)


# What RFC 7208 leaves no doubt about, and what records in the wild are made of.
A = " ".join(["a:hard.example"] * 10)
MX_HOSTS = range(1, 12)
HARD_ZONES = {
    "hard.example": f"""
@ IN A 192.0.2.10
@ IN MX 10 mx1
@ IN MX 20 mx2
mx1 IN A 192.0.2.21
mx2 IN A 192.0.2.22
mx2 IN AAAA 2001:db8:2::22
long IN TXT "v=spf1 ip4:192.0.2.128/28" " ip6:2001:db8:5::/48 a mx" " -all"
a24 IN TXT "v=spf1 a:hard.example/24 -all"
mx28 IN TXT "v=spf1 mx:hard.example/28//120 -all"
ptr IN TXT "v=spf1 ptr:hard.example -all"
exists IN TXT "v=spf1 exists:%{{ir}}.%{{v}}.%{{l1r-}}.list.%{{d2}} ?all"
1.2.0.192.in-addr.joe.list IN A 127.0.0.1
1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.joe.list IN A 127.0.0.1
helo IN TXT "v=spf1 exists:%{{h}}.names.%{{d2}} -all"
mail.client.test.names IN A 127.0.0.1
redirect IN TXT "v=spf1 redirect=long.hard.example"
noredirect IN TXT "v=spf1 redirect=nothing.hard.example"
circle IN TXT "v=spf1 include:circle.hard.example -all"
include IN TXT "v=spf1 include:long.hard.example include:soft.hard.example ~all"
soft IN TXT "v=spf1 ip4:203.0.113.0/24 ~all"
deep IN TXT "v=spf1 ?include:include.hard.example -all"
nowhere IN TXT "v=spf1 include:nothing.hard.example -all"
twice IN TXT "v=spf1 -all"
twice IN TXT "v=spf1 +all"
typo IN TXT "v=spf1 ip4:192.0.2 -all"
case IN TXT "V=sPf1 A:hARd.eXample -AlL"
prefix IN TXT "v=spf10 -all"
other IN TXT "something else"
ten IN TXT "v=spf1 {A} -all"
eleven IN TXT "v=spf1 {A} a:hard.example -all"
void2 IN TXT "v=spf1 a:no1.hard.example a:no2.hard.example +all"
void3 IN TXT "v=spf1 a:no1.hard.example a:no2.hard.example a:no3.hard.example +all"
unknown IN TXT "v=spf1 moo=cow.%{{d}} ip4:192.0.2.1 -all"
badmod IN TXT "v=spf1 moo=%{{q}} ip4:192.0.2.1 -all"
all IN TXT "v=spf1 -all:what"
cidr IN TXT "v=spf1 a/0 -all"
badcidr IN TXT "v=spf1 a/33 -all"
mapped IN TXT "v=spf1 ip6:::ffff:192.0.2.1 -all"
p IN TXT "v=spf1 exists:%{{p}}.ok.%{{d2}} -all"
mx1.hard.example.ok IN A 127.0.0.1
alias IN CNAME long
why IN TXT "v=spf1 -all exp=because.%{{d2}}"
because IN TXT "%{{s}} from %{{i}} (%{{v}}) is not %{{d}}; 100%%%_%{{L}}"
ten-mx IN TXT "v=spf1 mx -all"
many-mx IN TXT "v=spf1 mx -all"
""" + "".join(f"h{number} IN A 203.0.113.{number}\nmany-mx IN MX {number} h{number}\n"
              for number in MX_HOSTS)
    + "".join(f"ten-mx IN MX {number} h{number}\n" for number in MX_HOSTS if number < 11),
    "2.0.192.in-addr.arpa": "21 IN PTR mx1.hard.example.\n22 IN PTR mx1.hard.example.\n"
                            "1 IN PTR gone.hard.example.\n10 IN PTR other.example.\n",
    "other.example": "@ IN A 192.0.2.10\n",
    "113.0.203.in-addr.arpa": "",
    "8.b.d.0.1.0.0.2.ip6.arpa": "",
}
CLIENTS = ("192.0.2.1", "192.0.2.10", "192.0.2.21", "192.0.2.129", "203.0.113.5", "203.0.113.11",
           "2001:db8::1", "2001:db8:2::22", "2001:db8:5:6::7")


@unittest.skipIf(Nsd.missing() or Pyspf.missing(), Nsd.missing() or Pyspf.missing())
class Evaluation(ServerTest):
    @classmethod
    def before_server(cls):
        cls.nsd = Nsd(HARD_ZONES)
        cls.addClassCleanup(cls.nsd.close)
        cls.nsd.start()
        cls.settings = {"lines": [f"dns server 127.0.0.1:{cls.nsd.port}"]}

    def test_records_of_all_kinds_come_out_as_with_pyspf(self):
        pyspf = Pyspf(self.nsd.port)
        self.addCleanup(pyspf.close)
        names = {line.split()[0] for line in HARD_ZONES["hard.example"].splitlines()
                 if " TXT " in line} - {"because"}
        for name in sorted(names | {"alias", "nothing"}):
            for ip in CLIENTS:
                sender, helo = f"joe-x@{name}.hard.example", "mail.client.test"
                with self.subTest(f"{name} from {ip}"):
                    ours = json.loads(self.server.cli("spf", "check", ip, sender, helo,
                                                      "--json").splitlines()[-1])
                    theirs, words = pyspf.check(ip, sender, helo)
                    self.assertEqual(ours["result"], theirs, words)
                    if ours["explanation"]:
                        self.assertEqual(ours["explanation"].lower(), words.lower())
