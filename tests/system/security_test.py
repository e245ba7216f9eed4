"""What must not work: relaying for strangers, smuggling, guessing, leaking."""

import base64
import json
import os
import signal
import smtplib
import socket
import struct
import unittest
from pathlib import Path

from cases import ServerTest
from harness import RawClient, client_tls, free_port, text_message, wait_until
from smtp_sink import Sink

# Line ends around the dot by which a second message was smuggled past other servers.
SMUGGLING = [b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r.\r\n", b"\r\n.\n", b"\r\n.\r", b"\n.\r",
             b"\r\n.\r\r\n"]
# Any byte may stand in a message, so these are content: of one message, and when it is sent on, no
# line of it begins with a dot that was not doubled.
NEARLY_DOTS = [b"\r\n\0.\r\n", b"\r\n.\0\r\n"]


class Relaying(ServerTest):
    @classmethod
    def before_server(cls):
        cls.sink = Sink()
        cls.addClassCleanup(cls.sink.close)
        cls.settings = {"lines": ["connector all {", "    to *",
                                  f"    smart-host 127.0.0.1:{cls.sink.port}", "}"]}

    def tries(self, *words, expect=0):
        """What `audit relay` tried, {"result", "step", "text"} each."""
        lines = self.server.cli("audit", "relay", *words, "--all", "--json", expect=expect)
        return [entry for entry in map(json.loads, lines.splitlines()) if entry["step"] == "try"]

    # shows: S18 K20
    def test_no_address_trick_makes_it_an_open_relay(self):
        before = len(self.sink.messages)
        tries = self.tries()
        self.assertEqual(len(tries), 2 * 3 * 35, "two servers, three senders, 35 tricks")
        for entry in tries:
            self.assertRegex(entry["text"], r"^from <.*> to .*: [45]\d\d ")
            self.assertEqual(entry["result"], "ok")
        for trick in ("<user%victim.invalid@example.test>", '<"user@victim.invalid"@example.test>',
                      "<@mx.example.test,@example.test:user@victim.invalid>"):
            self.assertTrue(any(trick in entry["text"] for entry in tries), trick)
        self.assertEqual(len(self.sink.messages), before)

    # shows: K20
    def test_the_audit_knows_an_open_relay_when_it_sees_one(self):
        before = len(self.sink.messages)
        tries = self.tries(f"127.0.0.1:{self.sink.port}", expect=1)
        self.assertIn(("FAIL", "from <spammer@elsewhere.invalid> to <user@victim.invalid>: "
                               "250 2.1.5 recipient ok"),
                      {(entry["result"], entry["text"]) for entry in tries})
        result = self.server.cli_result("audit", "relay", f"127.0.0.1:{self.sink.port}")
        self.assertRegex(result.stdout, r"would relay in \d{2,3} of 105 ways")
        self.assertEqual(result.returncode, 1)
        self.assertEqual(len(self.sink.messages), before, "no message is sent")

    def test_an_audit_of_a_server_that_is_not_there_says_so(self):
        result = self.server.cli_result("audit", "relay", "127.0.0.1:1")
        self.assertRegex(result.stderr, "asked: 127.0.0.1:1: after 0 tries: .*refused")

    def test_a_refused_relay_names_a_case_that_trace_explains(self):
        with RawClient(self.server.ports["smtp"]) as client:
            client.greet()
            client.ask("MAIL FROM:<x@elsewhere.test>")
            reply = client.ask("RCPT TO:<user@victim.test>")
        case = reply.split("(mailroot ")[-1].split(")")[0]
        self.assertNotEqual(case, reply, "the refusal carries no case id")
        # front tells the store one way: the story may come a moment after the reply.
        wait_until(lambda: "user@victim.test" in self.server.cli_result("trace", case).stdout,
                   "the case is explained")

    def test_a_wrong_password_is_refused_and_the_right_one_relays(self):
        with self.server.smtp("submission") as client:
            client.starttls(context=client_tls())
            client.ehlo()
            with self.assertRaises(smtplib.SMTPAuthenticationError) as caught:
                client.login("alice@example.test", "not it")
            self.assertEqual(caught.exception.smtp_code, 535)
            client.login("alice@example.test", self.server.passwords["alice"])
            before = len(self.sink.messages)
            client.sendmail("alice@example.test", ["user@victim.test"], text_message("relayed"))
        self.sink.wait_for(before + 1)

    # shows: S08
    def test_passwords_are_not_offered_or_taken_before_tls(self):
        with RawClient(self.server.ports["submission"]) as client:
            client.reply()
            self.assertNotIn("AUTH", client.ask("EHLO client.test"))
            plain = base64.b64encode(
                f"\0alice@example.test\0{self.server.passwords['alice']}".encode()).decode()
            self.assertRegex(client.ask(f"AUTH PLAIN {plain}"), "^5")

    def test_submission_without_login_is_refused_at_mail(self):
        with self.server.smtp("submission") as client:
            client.starttls(context=client_tls())
            client.ehlo()
            code, _text = client.mail("alice@example.test")
            self.assertEqual(code, 530)

    def test_smtps_takes_login_and_mail(self):
        before = len(self.sink.messages)
        self.server.send(text_message("by 465"), "user@victim.test", sender="alice@example.test",
                         service="smtps", login="alice")
        self.sink.wait_for(before + 1)

    def test_lmtp_does_not_relay(self):
        with RawClient(self.server.ports["lmtp"]) as client:
            client.reply()
            client.ask("LHLO client.test")
            client.ask("MAIL FROM:<x@elsewhere.test>")
            self.assertRegex(client.ask("RCPT TO:<user@victim.test>"), "^5")


class Smuggling(ServerTest):
    def test_no_line_end_but_crlf_ends_a_message(self):
        second = (b"MAIL FROM:<smuggled@elsewhere.test>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\n"
                  b"Subject: smuggled\r\n\r\nx\r\n.\r\n")
        for end in SMUGGLING:
            with self.subTest(end=end):
                self.assertRegex(self.try_to_smuggle(end + second), "^5",
                                 "a message with a stray CR or LF must be refused")
        for end in NEARLY_DOTS:
            with self.subTest(end=end):
                self.assertRegex(self.try_to_smuggle(end + second), "^[25]")
        for user in ("alice", "bob"):
            for message in self.server.fetch(user):
                self.assertNotIn(b"Return-Path: <smuggled@", message)

    def try_to_smuggle(self, tail):
        with RawClient(self.server.ports["smtp"]) as client:
            client.greet()
            client.ask("MAIL FROM:<x@elsewhere.test>")
            client.ask("RCPT TO:<alice@example.test>")
            self.assertRegex(client.ask("DATA"), "^354")
            client.send(text_message("first", "") + b"body" + tail + b"\r\n.\r\n")
            return client.reply()

    def test_bytes_sent_before_the_tls_handshake_are_not_obeyed_after_it(self):
        with RawClient(self.server.ports["submission"]) as client:
            client.greet()
            client.send(b"STARTTLS\r\nNOOP injected\r\n")
            reply = client.reply()
            if reply.startswith("220"):
                try:
                    client.socket = client_tls().wrap_socket(client.socket)
                except OSError:
                    return
                client.file = client.socket.makefile("rb")
                self.assertTrue(client.ask("EHLO client.test").startswith("250-"))
                self.assertRegex(client.ask("NOOP"), "^250")
                client.send(b"QUIT\r\n")
                self.assertRegex(client.reply(), "^221")
            else:
                self.assertRegex(reply, "^5")


class Abuse(ServerTest):
    @classmethod
    def before_server(cls):
        cls.hasty = free_port()
        cls.settings = {"server_lines": ["limit errors 5", "limit connections-per-address 20"],
                        "lines": ["server hasty {", f"    listen 127.0.0.1:{cls.hasty} smtp",
                                  "    limit idle 2s", "}"]}

    # shows: V52
    def test_a_client_that_only_errs_is_hung_up_on(self):
        with RawClient(self.server.ports["smtp"]) as client:
            client.reply()
            client.send(b"NONSENSE\r\n" * 50)
            replies = []
            while reply := client.reply():
                replies.append(reply[:3])
            self.assertLess(len(replies), 12)
            self.assertEqual(replies[-1], "421")

    # shows: V52 S04
    def test_a_silent_client_is_hung_up_on(self):
        with RawClient(self.hasty) as client:
            client.reply()
            self.assertIn(client.reply()[:3], ("421", ""))

    # shows: S03
    def test_one_address_cannot_take_all_connections(self):
        sockets = [socket.create_connection(("127.0.0.1", self.server.ports["smtp"]))
                   for _ in range(40)]
        greeted = 0
        for one in sockets:
            one.settimeout(5)
            try:
                greeted += one.recv(100).startswith(b"220")
            except OSError:
                pass
        for one in sockets:  # not before: each that closes makes room for another
            one.close()
        self.assertGreater(greeted, 0)
        self.assertLessEqual(greeted, 20)

    def test_garbage_of_every_kind_leaves_the_server_serving(self):
        garbage = [b"\0" * 5000 + b"\r\n", b"A" * 1_000_000, b"\xff\xfe" * 1000 + b"\r\n",
                   b"\x16\x03\x01\x02\x00\x01\x00" * 100, b"EHLO " + b"x" * 100_000 + b"\r\n",
                   b"MAIL FROM:<" + b"(" * 50_000 + b">\r\n", b"BDAT 18446744073709551616\r\n",
                   b"AUTH PLAIN " + b"=" * 20_000 + b"\r\n", b"\r\n" * 10_000]
        for service in ("smtp", "submission", "lmtp", "pop3", "smtps", "pop3s"):
            for data in garbage:
                with RawClient(self.server.ports[service]) as client:
                    try:
                        client.send(data)
                        client.socket.shutdown(socket.SHUT_WR)
                        while client.file.read(65536):
                            pass
                    except OSError:
                        pass
        self.server.send(text_message("still here"), "alice@example.test")

    def test_clients_that_leave_in_the_middle_of_a_login_hurt_nobody(self):
        """At each step, and once with the right password and no ear for the answer."""
        plain = base64.b64encode(
            f"\0alice@example.test\0{self.server.passwords['alice']}".encode())
        steps = {"smtps": [b"EHLO client.test\r\n", b"AUTH PLAIN", b"\r\n", plain, b"\r\n"],
                 "pop3s": [b"AUTH PLAIN\r\n", plain[:9], plain[9:], b"\r\n"],
                 "imaps": [b"a AUTHENTICATE PLAIN\r\n", plain[:9], plain[9:], b"\r\n"],
                 "managesieve": [b"AUTHENTICATE \"SCRAM-SHA-256\" {18+}\r\n", b"biwsbj1",
                                 b"hbGljZQ==xx\r\n"]}
        roles = ("front", "auth", "store")
        before = [self.server.role_pids(role) for role in roles]
        for service, pieces in steps.items():
            for count in range(1, len(pieces) + 1):
                with RawClient(self.server.ports[service], tls=service.endswith("s")) as client:
                    client.line()
                    for piece in pieces[:count]:
                        client.send(piece)
                    # A reset: what it is told goes nowhere.
                    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                             struct.pack("ii", 1, 0))
        self.server.smtp("smtps", login="alice").quit()
        self.assertEqual(before, [self.server.role_pids(role) for role in roles])


class Crowd(ServerTest):
    settings = {"server_lines": ["limit connections-per-address 20"],
                "lines": ["processes front 2"]}

    def connect(self, count):
        """Connect so many times, one after the other; returns those greeted, and the rest's words."""
        greeted, refused = [], []
        for _ in range(count):
            client = RawClient(self.server.ports["smtp"])
            reply = client.reply()
            if reply.startswith("220"):
                greeted.append(client)
            else:
                refused.append(reply)
                client.close()
        return greeted, refused

    def replace_a_front_by_one_that_sleeps(self):
        """So that only the one left alone admits."""
        before = self.server.role_pids("front")
        os.kill(before[0], signal.SIGKILL)
        new = wait_until(lambda: set(self.server.role_pids("front")) - set(before), "a new front")
        for pid in new:
            os.kill(pid, signal.SIGSTOP)
            self.addCleanup(os.kill, pid, signal.SIGCONT)

    def test_the_limit_of_an_address_is_exact_over_all_fronts_even_after_one_died(self):
        clients, refused = self.connect(30)
        self.assertEqual(len(clients), 20)
        for reply in refused:
            self.assertRegex(reply, "^421 .*too many connections from your address")
        if not self.server.one_process:
            self.replace_a_front_by_one_that_sleeps()
        alive = []
        for client in clients:
            try:
                (alive if client.ask("NOOP").startswith("250") else refused).append(client)
            except OSError:
                client.close()
        more, _ = self.connect(30)
        self.assertEqual(len(alive) + len(more), 20)
        for client in alive + more:
            client.close()


class Secrets(ServerTest):
    def test_passwords_are_in_no_log_listing_trace_or_file(self):
        self.server.send(text_message("x"), "bob@example.test", sender="alice@example.test",
                         service="submission", login="alice")
        self.server.fetch("bob")
        wrong = "wrong-Password-4711"
        for service in ("smtps", "submission"):
            with self.server.smtp(service) as client:
                if service == "submission":
                    client.starttls(context=client_tls())
                    client.ehlo()
                with self.assertRaises(smtplib.SMTPException):
                    client.login("alice@example.test", wrong)
        said = self.server.log_text()
        for words in (("user", "list"), ("queue", "list"), ("config", "show"),
                      ("trace", "alice@example.test")):
            result = self.server.cli_result(*words)
            said += result.stdout + result.stderr
        self.server.stop()
        files = b"".join(path.read_bytes() for path in Path(self.server.directory).rglob("*")
                         if path.is_file())
        self.server.start()
        for password in (*self.server.passwords.values(), wrong):
            coded = base64.b64encode(password.encode())
            self.assertNotIn(password, said)
            self.assertNotIn(coded.decode(), said)
            self.assertNotIn(password.encode(), files)
            self.assertNotIn(coded, files)


if __name__ == "__main__":
    unittest.main()
