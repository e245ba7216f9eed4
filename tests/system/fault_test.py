"""The n-th call to the kernel fails in the real program, for a sample of n: whatever it answers, what
it acknowledged is there once, and what it refused is not. tests/unit/fault_*_test.c do it for all n,
and cut the power; here nothing is left out of the way from the socket to the disk."""

import errno
import imaplib
import mmap
import re
import smtplib
import struct
import unittest

from harness import Mailroot, build_directory, client_tls, text_message, wait_until

# enum fault_kind and struct faults_plan of tests/faults/faults.h
OPEN, WRITE, SYNC, RENAME, ALLOCATE, MAKE, REMOVE = 1, 2, 4, 8, 16, 32, 64
ALL = 127
SHORT = 10000
PLAN = struct.Struct("<IIQQII")

FAILURES = [(ALL, errno.EIO), (OPEN | WRITE | SYNC | RENAME | ALLOCATE | MAKE, errno.ENOSPC),
            (OPEN, errno.EMFILE), (WRITE, SHORT), (WRITE, errno.EINTR), (SYNC, errno.EIO)]
SAMPLE = (1, 2, 3, 4, 5, 7)
# One strikes some 15 times; with much going on in the background it was 5.
ROUNDS_MOST = 5


class NthCallFails(unittest.TestCase):
    def setUp(self):
        self.server = Mailroot(one_process=True)
        self.addCleanup(self.server.close)
        self.server.start()  # what is made once is made without a failure
        self.server.stop()
        path = self.server.directory / "plan"
        path.write_bytes(bytes(PLAN.size))
        with open(path, "r+b") as file:
            self.plan = mmap.mmap(file.fileno(), PLAN.size)
        self.preload = {"LD_PRELOAD": str(build_directory() / "libfaults.so"),
                        "MAILROOT_FAULTS_UNDER": str(self.server.directory / "data"),
                        "MAILROOT_FAULTS_PLAN": str(path)}
        self.kept, self.refused, self.asked = set(), set(), 0
        self.struck = 0

    def arm(self, kinds=0, error=0, nth=0):
        self.plan[:] = PLAN.pack(kinds, error, nth, 0, 0, 0)

    def has_struck(self):
        return PLAN.unpack(self.plan[:])[4] != 0

    def start_when_it_ended(self):
        """It ends by itself when its index failed; then its service manager starts it."""
        if self.server.process is not None and self.server.process.poll() is None:
            return
        self.arm()
        if self.server.process is not None:
            self.server.kill()
        self.server.start(self.preload)

    def note(self, acknowledged):
        """None: it ended before it answered."""
        if acknowledged is not None:
            (self.kept if acknowledged else self.refused).add(self.asked)

    def deliver(self):
        self.asked += 1
        message = text_message(f"fault {self.asked}", "body\r\n" * 100)
        try:
            self.server.send(message, "alice@example.test")
            self.note(True)
        except (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused) as error:
            codes = ([error.smtp_code] if isinstance(error, smtplib.SMTPResponseException)
                     else [code for code, _ in error.recipients.values()])
            self.note(False if codes[0] > 0 else None)
            self.assertFalse([code for code in codes if code >= 500], "it is for later")
        except OSError:
            self.note(None)

    def append(self):
        self.asked += 1
        message = text_message(f"fault {self.asked}", "body\r\n" * 100)
        try:
            client = imaplib.IMAP4_SSL("127.0.0.1", self.server.ports["imaps"],
                                       ssl_context=client_tls(), timeout=30)
            client.login(self.server.address("alice"), self.server.passwords["alice"])
            self.note(client.append("INBOX", None, None, message)[0] == "OK")
            client.logout()
        except (imaplib.IMAP4.error, OSError):
            pass

    def fail_in_turn(self):
        for kinds, error in FAILURES:
            for nth in SAMPLE:
                for step in (self.deliver, self.append):
                    self.start_when_it_ended()
                    self.arm(kinds, error, nth)
                    step()
                    self.struck += self.has_struck()

    def test_nothing_acknowledged_is_lost_and_nothing_refused_is_there(self):
        self.server.start(self.preload)
        for _ in range(ROUNDS_MOST):
            self.fail_in_turn()
            if self.struck > len(FAILURES):
                break
        self.start_when_it_ended()
        self.arm()
        before = len(self.kept)

        def is_taken():
            self.start_when_it_ended()  # what failed in the background ends it a little later
            self.deliver()
            return len(self.kept) > before
        wait_until(is_taken, "mail is taken again", step=0.2)
        self.server.kill()
        self.assertGreater(self.struck, len(FAILURES))
        self.server.start()
        self.server.cli("store", "verify")
        there = [int(re.search(rb"Subject: fault (\d+)", message).group(1))
                 for message in self.server.fetch("alice")]
        self.assertEqual(len(there), len(set(there)))
        self.assertEqual(self.kept - set(there), set())
        self.assertEqual(self.refused & set(there), set())


if __name__ == "__main__":
    unittest.main()
