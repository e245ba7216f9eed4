"""Next hops that are old, limited, broken or hostile, each behind a connector of its own: mail gets
through, waits or is returned, and is never lost or taken for delivered when it was not."""

import socket
import threading
import unittest

from cases import ServerTest
from harness import text_message, wait_until

HELLO = ["S:220 odd.test", "C:EHLO"]
ENVELOPE = ["C:MAIL", "S:250 ok", "C:RCPT", "S:250 ok"]
TAKES = [*ENVELOPE, "C:DATA", "S:354 go", "message", "S:250 kept"]
PLAIN = [*HELLO, "S:250 hi", *TAKES]


class OddHost:
    """Plays a script for each connection in turn, and the last one for all that follow. Steps are
    "S:text" to say with CRLF, "R:text" to say as it is, "C:VERB" to hear, "message" and "bytes" to
    take DATA and a BDAT chunk, "stall" to be silent until the client says more or gives up, "silence"
    until it gives up."""

    def __init__(self, *scripts):
        self.scripts, self.messages, self.heard, self.connections = scripts, [], [], 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            script = self.scripts[min(self.connections, len(self.scripts) - 1)]
            self.connections += 1
            threading.Thread(target=self._play, args=(connection, script), daemon=True).start()

    def _play(self, connection, script):
        connection.settimeout(60)
        with connection, connection.makefile("rwb", buffering=0) as stream:
            try:
                for step in script:
                    if not self._step(stream, step):
                        return
                while (line := stream.readline()) and script[-1] != "hang up":
                    stream.write(b"221 bye\r\n" if line.startswith(b"QUIT") else b"502 no\r\n")
            except OSError:
                pass

    def _step(self, stream, step):
        kind, text = step[:2], step[2:]
        if kind == "S:":
            stream.write(text.encode() + b"\r\n")
        elif kind == "R:":
            stream.write(text.encode())
        elif kind == "C:":
            line = stream.readline().decode("utf-8", "replace")
            self.heard.append(line.rstrip())
            return line.startswith(text)
        elif step == "message":
            lines = []
            while (line := stream.readline()) != b".\r\n":
                if not line:
                    return False
                lines.append(line)
            self.messages.append(b"".join(lines))
        elif step == "bytes":
            left = int(self.heard[-1].split()[1])
            while left > 0 and (got := stream.read(left)):
                left -= len(got)
        elif step in ("stall", "silence"):
            while stream.readline() and step == "silence":
                pass
            return False
        return step != "hang up"

    def close(self):
        self.listener.close()


SCRIPTS = {
    # A firewall of old: banner and verbs masked, CHUNKING let through that it does not know.
    "pix": [["S:220 *****************0*2", "C:EHLO", "S:500 XXXX", "C:HELO", "S:250 hi",
             *TAKES]],
    "raptor": [[*HELLO, "S:250-hi\r\n250 CHUNKING", *ENVELOPE, "C:BDAT", "bytes",
                "S:500 XXXX"], [*HELLO, "S:250-hi\r\n250 CHUNKING", *TAKES]],
    "hangs-up": [[*HELLO, "hang up"], ["S:220 hi", "C:HELO", "S:250 hi", *TAKES]],
    "helo": [["S:220 hi", "C:HELO", "S:250 hi", *TAKES]],
    "lines": [["S:220-a\r\n220-\r\n220", "C:EHLO", "R:250-hi\n250\n", *ENVELOPE, "C:DATA",
               "S:354-a\r\n354-b\r\n354 c", "message", "S:250-kept\r\n250"]],
    # Trouble the first time, none the second.
    "late": [["S:220-wait", "stall"], PLAIN],
    "half": [[*HELLO, "S:250 hi", *ENVELOPE, "C:DATA", "R:35", "hang up"], PLAIN],
    "busy": [[*HELLO, "S:250 hi", "C:MAIL", "S:421 4.3.2 busy", "hang up"], PLAIN],
    "early": [[*HELLO, "S:250 hi", *ENVELOPE, "C:DATA", "S:354 go\r\n250 kept", "stall"],
              PLAIN],
    "no-354": [[*HELLO, "S:250 hi", *ENVELOPE, "C:DATA", "S:250 kept", "stall"], PLAIN],
    "endless": [[*HELLO, *["R:250-" + "x" * 990 + "\r\n"] * 100, "stall"], PLAIN],
    "speechless": [[*HELLO, "S:250 hi", *ENVELOPE, "C:DATA", "S:354 go", "silence"], PLAIN],
    # Limits.
    "leaves": [[*PLAIN, "hang up"]],
    "small": [[*HELLO, "S:250-hi\r\n250 SIZE 100", "stall"]],
    "few": [[*HELLO, "S:250 hi", "C:MAIL", "S:250 ok", "C:RCPT", "S:250 ok", "C:RCPT",
             "S:452 4.5.3 too many", "C:DATA", "S:354 go", "message", "S:250 kept", *TAKES]],
    "two": [[*HELLO, "S:250 hi", *TAKES, *TAKES]],
    "seven": [[*HELLO, "S:250 hi", *TAKES]],
}
LINES = {"helo": ["hello helo"], "two": ["limit messages 2", "limit connections 1"],
         "late": ["timeout greeting 2s"], "speechless": ["timeout end 2s"]}


class OddHosts(ServerTest):
    @classmethod
    def before_server(cls):
        cls.hosts = {name: OddHost(*scripts) for name, scripts in SCRIPTS.items()}
        connectors = []
        for name, host in cls.hosts.items():
            cls.addClassCleanup(host.close)
            connectors += [f"connector {name} {{", f"    to {name}.example",
                           f"    smart-host 127.0.0.1:{host.port}",
                           *("    " + line for line in LINES.get(name, [])), "}"]
        cls.settings = {"lines": [*connectors, "retry {", "    glitch 1s x2", "    after 1s",
                                  "    expire 1m", "}"]}

    def setUp(self):
        self.empty_mailbox("alice")

    def relay(self, name, users=("box",), data=None, options=()):
        with self.server.smtp("submission", login="alice") as client:
            client.sendmail("alice@example.test", [f"{user}@{name}.example" for user in users],
                            data or text_message("odd"), mail_options=list(options))
        return self.hosts[name]

    def expect_kept(self, host, count=1):
        wait_until(lambda: len(host.messages) >= count, f"{count} messages; heard {host.heard}")
        return host.messages

    def expect_empty_queue(self, name):
        wait_until(lambda: f"@{name}.example" not in self.server.cli("queue", "list"),
                   f"nothing waits for {name}")

    def expect_delivery(self, name, connections=1, **options):
        """Delivered once, over so many connections."""
        host = self.relay(name, **options)
        self.expect_kept(host)
        self.expect_empty_queue(name)
        self.assertEqual(len(host.messages), 1)
        self.assertEqual(host.connections, connections)
        return host

    # shows: V49 V04
    def test_a_firewall_that_masks_banner_and_ehlo_lets_the_mail_through(self):
        self.expect_delivery("pix")

    # shows: V49
    def test_a_firewall_that_does_not_know_bdat_gets_the_mail_by_data(self):
        self.expect_delivery("raptor", connections=2)

    # shows: V04
    def test_a_host_that_hangs_up_on_ehlo_is_greeted_with_helo_at_once(self):
        self.expect_delivery("hangs-up", connections=2)

    # shows: S36
    def test_helo_is_said_where_the_connector_says_so(self):
        self.assertTrue(self.expect_delivery("helo").heard[0].startswith("HELO"))

    # shows: V50
    def test_replies_of_many_lines_and_none_are_understood(self):
        self.expect_delivery("lines")

    # shows: S55
    def test_a_host_that_never_greets_is_left_in_time_and_tried_again(self):
        host = self.relay("late")
        self.expect_kept(host)
        self.assertGreaterEqual(host.connections, 2)

    def test_half_a_reply_is_none(self):
        self.expect_delivery("half", connections=2)

    def test_421_in_the_middle_puts_the_mail_off(self):
        self.expect_delivery("busy", connections=2)

    def test_an_answer_before_the_message_ends_is_no_delivery(self):
        self.expect_delivery("early", connections=2)

    def test_250_instead_of_354_is_no_delivery(self):
        self.expect_delivery("no-354", connections=2)

    def test_a_reply_without_end_is_cut_off(self):
        self.expect_delivery("endless", connections=2)

    def test_silence_after_the_message_is_no_delivery(self):
        host = self.relay("speechless")
        self.expect_kept(host)
        self.assertGreaterEqual(host.connections, 2)

    def test_250_and_the_end_of_the_connection_is_a_delivery(self):
        self.expect_delivery("leaves")

    # shows: V19
    def test_a_message_beyond_the_hosts_size_is_returned_unsent(self):
        host = self.relay("small")
        self.assertRegex(self.server.fetch_when("alice", 1)[0], rb"(?m)^Status: 5\.3\.4\r$")
        self.assertFalse([line for line in host.heard if line.startswith("MAIL")])

    # shows: S52
    def test_what_is_too_many_for_one_transaction_goes_in_the_next(self):
        host = self.relay("few", users=("a", "b"))
        self.expect_kept(host, 2)
        self.expect_empty_queue("few")
        self.assertEqual([line.split("<")[1] for line in host.heard if line.startswith("RCPT")],
                         ["a@few.example>", "b@few.example>", "b@few.example>"])
        self.assertEqual(host.connections, 1)

    # shows: S51
    def test_no_connection_carries_more_messages_than_allowed(self):
        for _ in range(5):
            self.relay("two")
        host = self.hosts["two"]
        self.expect_kept(host, 5)
        self.expect_empty_queue("two")
        self.assertGreaterEqual(host.connections, 3)
        self.assertEqual(len(host.messages), 5)

    # shows: V26
    def test_eight_bit_text_is_encoded_for_a_host_of_seven_bits(self):
        data = (b"Subject: eight\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; "
                b"charset=utf-8\r\n\r\n" + "viele Grüße aus Köln\r\n".encode())
        message = self.expect_delivery("seven", data=data, options=["BODY=8BITMIME"]).messages[0]
        self.assertTrue(message.isascii())
        self.assertTrue(message.endswith(b"\r\n\r\nviele Gr=C3=BC=C3=9Fe aus K=C3=B6ln\r\n"))


if __name__ == "__main__":
    unittest.main()
