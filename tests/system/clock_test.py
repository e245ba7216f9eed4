"""The wall clock is set while the server runs, forward by days and back by hours (tests/faults):
what waits waits on as long as it had to, nothing is given up before its time, and sessions, TLS and
ids take no harm."""

import mmap
import re
import struct
import unittest

from harness import Mailroot, build_directory, free_port, text_message, wait_until
from smtp_sink import Greylisting, Sink

HOUR = 3600
DAY = 24 * HOUR


class Clock:
    """What a server takes for the time: so many seconds ahead of the true one."""

    def __init__(self, path):
        path.write_bytes(bytes(8))
        path.chmod(0o644)
        with open(path, "r+b") as file:
            self.number = mmap.mmap(file.fileno(), 8)
        self.preload = {"LD_PRELOAD": str(build_directory() / "libfaults.so"),
                        "MAILROOT_FAULTS_CLOCK": str(path)}

    def set(self, ahead):
        self.number[:] = struct.pack("<q", ahead)


class ClockIsSet(unittest.TestCase):
    def setUp(self):
        self.port = free_port()
        self.grey = Sink(Greylisting())
        self.addCleanup(self.grey.close)
        self.server = Mailroot(lines=[
            "connector far {", "    to far.example", f"    smart-host [127.0.0.1]:{self.port}", "}",
            "connector grey {", "    to grey.example",
            f"    smart-host [127.0.0.1]:{self.grey.port}", "}",
            "retry {", "    glitch 1s x100", "    after 2s", "}"])
        self.addCleanup(self.server.close)
        self.clock = Clock(self.server.directory / "clock")
        self.server.start(self.clock.preload)
        self.ids = []

    def send(self, recipient):
        with self.server.smtp("submission", login="alice") as client:
            client.mail("alice@example.test")
            client.rcpt(recipient)
            code, answer = client.data(text_message("set", ""))
        self.assertEqual(code, 250)
        self.ids.append(re.search(rb"\b[0-9A-Z]{13}\b", answer)[0])

    def await_tries(self, count):
        """So many further tries of what waits for the host that is away."""
        offset = len(self.server.log)
        wait_until(lambda: self.server.log.count(b"to=<user@far.example>", offset) >= count,
                   f"{count} tries")

    def expect_waiting(self):
        """It waits, and nobody was told that it were late."""
        self.assertIn("user@far.example", self.server.cli("queue", "list"))
        self.assertEqual(self.server.fetch("alice"), [])

    def deliver(self):
        """The host that was away is back."""
        sink = Sink(port=self.port)
        self.addCleanup(sink.close)
        self.assertEqual(sink.wait_for(1)[0].recipients, ["user@far.example"])
        wait_until(lambda: "far.example" not in self.server.cli("queue", "list"), "it is gone")
        self.assertEqual(self.server.fetch("alice"), [])

    def test_what_waits_is_neither_given_up_nor_forgotten(self):
        self.send("user@far.example")
        with self.server.smtp("smtps") as kept:
            for ahead in (10 * DAY, 10 * DAY - 5 * HOUR, -7 * HOUR, 0):
                self.clock.set(ahead)
                self.send(f"{len(self.ids)}@grey.example")
                self.await_tries(2)
                self.expect_waiting()
                self.assertEqual(kept.noop()[0], 250)
                self.grey.wait_for(len(self.ids) - 1)  # by its own intervals
        self.assertEqual(len(set(self.ids)), len(self.ids))
        wait_until(lambda: self.server.log.count(b"event=clock.set") >= 4, "each was noticed")
        self.assertEqual(self.server.log.count(b"event=clock.set"), 4)
        self.assertNotRegex(self.server.log_text(), r"delay=-|age=-")
        self.deliver()

    def test_a_start_days_later_tries_before_it_gives_up(self):
        self.send("user@far.example")
        self.await_tries(1)
        self.server.kill()
        self.clock.set(10 * DAY)
        sink = Sink(port=self.port)
        self.addCleanup(sink.close)
        self.server.start(self.clock.preload)
        self.assertEqual(sink.wait_for(1)[0].recipients, ["user@far.example"])
        self.assertEqual(self.server.fetch("alice"), [])

    def test_a_start_with_the_clock_set_back_does_not_wait_for_it(self):
        self.clock.set(10 * DAY)
        self.send("user@grey.example")
        wait_until(lambda: b"451 4.7.1 greylisted, try again in some minutes" in self.server.log,
                   "it is put off")
        self.server.kill()
        self.clock.set(0)
        self.server.start(self.clock.preload)
        self.grey.wait_for(1)


if __name__ == "__main__":
    unittest.main()
