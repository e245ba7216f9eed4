"""Clients that mean harm, or just do not know better, while others are served."""

import os
import selectors
import socket
import time
import unittest

from cases import ServerTest
from harness import RawClient, text_message

CROWD = 2000
ENVELOPE = (b"EHLO client.test\r\nMAIL FROM:<outside@elsewhere.test>\r\n"
            b"RCPT TO:<alice@example.test>\r\nDATA\r\n")


class Hostile(ServerTest):
    settings = {"server_lines": ["limit errors 20"]}

    def expect_served(self):
        self.server.send(text_message("served"), "bob@example.test")

    # shows: V47
    def test_a_session_typed_byte_by_byte_is_served(self):
        with RawClient(self.server.ports["smtp"]) as client:
            client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.assertRegex(client.reply(), "^220")
            for line, code in ((b"HELO client.test\r\n", "250"),
                               (b"MAIL FROM: <outside@elsewhere.test>\r\n", "250"),
                               (b"RCPT TO:<alice@example.test>\r\n", "250"), (b"DATA\r\n", "354"),
                               (b"Subject: by hand\r\n\r\nx\r\n.\r\n", "250"),
                               (b"QUIT\r\n", "221")):
                for byte in line:
                    client.send(bytes([byte]))
                self.assertRegex(client.reply(), f"^{code}")
        self.assertIn(b"by hand", self.server.fetch_when("alice", 1)[-1])
        self.empty_mailbox("alice")

    def test_half_a_line_is_never_run(self):
        for half in (b"QUIT", b"QUIT\r", b"EHLO client.test\r\nMAIL FROM:<a@client.test>\r\nRSE",
                     ENVELOPE + b"Subject: half\r\n\r\nhalf of a message\r\n.\r",
                     ENVELOPE[:-6] + b"BDAT 100 LAST\r\nhalf of a chunk"):
            with RawClient(self.server.ports["smtp"]) as client, self.subTest(half=half):
                client.send(half)
                client.socket.shutdown(socket.SHUT_WR)
                heard = client.file.read()
                self.assertNotIn(b"\r\n221", heard)
                self.assertNotIn(b"250 2.0.0", heard)
        self.assertEqual(self.server.fetch("alice"), [])

    def test_a_line_of_ten_megabytes_is_one_error(self):
        with RawClient(self.server.ports["smtp"]) as client:
            client.reply()
            for _ in range(160):
                client.send(b"x" * 65536)
            client.send(b"\r\nNOOP\r\n")
            self.assertRegex(client.reply(), "^500")
            self.assertRegex(client.reply(), "^250")
        self.expect_served()

    # shows: R20 R23
    def test_pipelined_garbage_is_answered_line_by_line_up_to_the_limit(self):
        with RawClient(self.server.ports["smtp"]) as client:
            client.reply()
            client.send(b"\0\r\n\xff\xff\r\nRCPT TO:<x>\r\nDATA\r\nMAIL\r\n" * 10 + b"QUIT\r\n")
            codes = [line[:3].decode() for line in client.file.read().splitlines()]
        self.assertEqual(codes, ["500", "500", "503", "503", "503"] * 4 + ["421"])
        self.expect_served()

    def test_random_bytes_after_each_step_leave_the_server_serving(self):
        steps = [b"", b"EHLO client.test\r\n", ENVELOPE[:-6], ENVELOPE,
                 ENVELOPE[:-6] + b"BDAT 100000\r\n", b"AUTH PLAIN\r\n"]
        for number, step in enumerate(steps * 4):
            with RawClient(self.server.ports["smtp"]) as client, self.subTest(number=number):
                try:
                    client.send(step + os.urandom(50_000))
                    client.socket.shutdown(socket.SHUT_WR)
                    while client.file.read(65536):
                        pass
                except ConnectionError:
                    pass
        self.expect_served()

    def test_a_client_that_never_reads_holds_no_more_than_its_buffers(self):
        with RawClient(self.server.ports["smtp"]) as client:
            client.reply()
            client.socket.setblocking(False)
            sent, full_since = 0, None
            while full_since is None or time.monotonic() < full_since + 1:
                try:
                    sent += client.socket.send(b"NOOP\r\n" * 10_000)
                    full_since = None
                except BlockingIOError:
                    full_since = full_since or time.monotonic()
                    time.sleep(0.05)
            # What the kernel holds for both sides, and a few buffers of ours.
            self.assertLess(sent, 64 << 20)
        self.expect_served()


class Crowd(ServerTest):
    """Two thousand at a time from one address, most of them up to no good."""

    settings = {"server_lines": [f"limit connections-per-address {3 * CROWD}", "limit idle 5m",
                                 "tarpit 30s"]}

    def connect(self, count):
        """Connect without waiting for a word; closed after the test."""
        clients = []
        for _ in range(count):
            client = socket.create_connection(("127.0.0.1", self.server.ports["smtp"]), timeout=30)
            self.addCleanup(client.close)
            clients.append(client)
        return clients

    def read_until(self, clients, end, seconds=120):
        """Until each has heard what ends so; returns how many have."""
        heard, waiting = {client: b"" for client in clients}, selectors.DefaultSelector()
        self.addCleanup(waiting.close)
        for client in clients:
            client.setblocking(False)
            waiting.register(client, selectors.EVENT_READ)
        served, stop = 0, time.monotonic() + seconds
        while served < len(clients) and time.monotonic() < stop:
            for key, _events in waiting.select(1):
                data = key.fileobj.recv(65536)
                heard[key.fileobj] += data
                if not data or heard[key.fileobj].endswith(end):
                    waiting.unregister(key.fileobj)
                    served += heard[key.fileobj].endswith(end)
        return served

    # shows: S03
    def test_two_thousand_connections_at_a_time_are_all_served(self):
        clients = self.connect(CROWD)
        for client in clients:
            client.sendall(b"EHLO client.test\r\nMAIL FROM:<outside@elsewhere.test>\r\n"
                           b"RCPT TO:<alice@example.test>\r\n")
        self.assertEqual(self.read_until(clients, b"250 2.1.5 Recipient OK\r\n"), CROWD)

    # shows: V52
    def test_silent_and_dripping_clients_keep_nobody_from_being_served(self):
        clients = self.connect(1000)
        for number, client in enumerate(clients):
            client.sendall([b"", b"E", b"EHLO client.test\r\nMAIL FROM:<", ENVELOPE + b"Subj"]
                           [number % 4])
        for round_number in range(5):
            for client in clients:
                client.sendall(b"x")
            self.server.send(text_message(f"between drops {round_number}"), "bob@example.test")
        self.assertEqual(len(self.server.fetch_when("bob", 5)), 5)
        self.empty_mailbox("bob")

    # shows: S49
    def test_a_tarpit_holds_who_errs_and_nobody_else(self):
        clients = self.connect(200)
        before = time.monotonic()
        for client in clients:
            client.sendall(b"EHLO client.test\r\nRCPT TO:<x@elsewhere.test>\r\n")
        self.server.send(text_message("past the tarpit"), "bob@example.test")
        self.assertIn(b"past the tarpit", self.server.fetch_when("bob", 1)[-1])
        heard = b"".join(map(self.heard_so_far, clients))
        if time.monotonic() < before + 25:  # or this machine is slower than the tarpit
            self.assertNotIn(b"503", heard)
        self.empty_mailbox("bob")

    def heard_so_far(self, client):
        client.setblocking(False)
        heard = b""
        try:
            while data := client.recv(65536):
                heard += data
        except BlockingIOError:
            return heard
        self.fail("the server has hung up")


if __name__ == "__main__":
    unittest.main()
