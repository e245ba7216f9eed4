"""A role has no file descriptor left: those who are served stay so, the others wait or are asked to
come later, what was acknowledged is there, and when there are descriptors again all is served."""

import os
import resource
import select
import signal
import smtplib
import unittest

from cases import ServerTest
from harness import RawClient, text_message, wait_until
from smtp_sink import Sink
from worker import server_with_hop

MORE_THAN_FIT = 40


class Descriptors:
    """The limit of some processes while the block lasts: what they have open, and so many more."""

    def __init__(self, pids, more=0):
        self.before = {}
        for pid in pids:
            count = max(map(int, os.listdir(f"/proc/{pid}/fd"))) + 1
            limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
            self.before[pid] = limits
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (count + more, limits[1]))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for pid, limits in self.before.items():
            try:
                resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
            except ProcessLookupError:
                pass  # it ended by itself, and another has begun with a limit as it should be


class NoDescriptorLeft(ServerTest):
    @classmethod
    def setUpClass(cls):
        cls.sink = Sink()
        cls.addClassCleanup(cls.sink.close)
        cls.server = server_with_hop(cls.sink.port)
        cls.addClassCleanup(cls.server.close)
        cls.server.start()
        cls.kept = set()

    def setUp(self):
        if self.server.one_process:
            self.skipTest("roles have limits of their own")

    def send(self, name, recipient="alice@example.test", body="x\r\n"):
        """The first code that is no success, or 250."""
        try:
            self.server.send(text_message(name, body=body), recipient)
        except smtplib.SMTPRecipientsRefused as error:
            return next(iter(error.recipients.values()))[0]
        except smtplib.SMTPResponseException as error:
            return error.smtp_code
        except (OSError, smtplib.SMTPServerDisconnected):
            return 421  # as good as
        self.kept.add(name.encode())
        return 250

    def expect_served(self, name):
        """Mail is taken, and all that ever was is there, once."""
        wait_until(lambda: self.send(name) == 250, "mail is taken again", step=0.1)
        wait_until(lambda: not self.server.queue(), "the queue drains", step=0.1)
        there = [line.partition(b": ")[2] for message in
                 self.server.fetch("alice") + [sent.data for sent in self.sink.messages]
                 for line in message.split(b"\r\n") if line.startswith(b"Subject: ")]
        self.assertEqual(self.kept - set(there), set())
        self.assertEqual(len(there), len(set(there)))

    def test_clients_wait_while_the_front_has_no_descriptor_and_are_served_when_others_leave(self):
        start = len(self.server.log)
        fronts = self.server.role_pids("front")
        with Descriptors(fronts, more=4):
            clients = [RawClient(self.server.ports["smtp"]) for _ in range(MORE_THAN_FIT)]
            self.server.wait_log(r'event=net.accept reason="Too many open files" remedy=".*limit of '
                                 "open files", start=start)
            served = wait_until(lambda: self.greeted(clients), "somebody is served")
            self.assertLess(len(served), len(clients))
            for client in served:
                self.assertTrue(client.reply().startswith("220"))
                self.assertTrue(client.ask("NOOP").startswith("250"))
            waiting = [client for client in clients if client not in served]
            for client in served:
                client.close()
            for client in waiting:  # each in its turn
                self.assertTrue(client.reply().startswith("220"))
                client.close()
        self.assertLessEqual(self.server.log.count(b"event=net.accept", start), len(fronts))
        self.expect_served("front")

    @staticmethod
    def greeted(clients):
        """Those for whom there is something to read."""
        there = select.select([client.socket for client in clients], [], [], 0)[0]
        return [client for client in clients if client.socket in there]

    def expect_put_off(self, role, recipient="alice@example.test"):
        with Descriptors(self.server.role_pids(role)):
            codes = {self.send(f"{role} {size}", recipient, ("y" * 70 + "\r\n") * size)
                     for size in (1, 100, 30_000)}
            self.assertFalse([code for code in codes if code >= 500], codes)
        self.expect_served(f"{role} again")

    def test_mail_is_put_off_while_the_store_has_no_descriptor(self):
        self.expect_put_off("store")

    def test_a_file_waits_in_the_pickup_folder_while_the_store_has_no_descriptor(self):
        start = len(self.server.log)
        file = self.server.directory / "file"
        file.write_bytes(text_message("picked up"))
        with Descriptors(self.server.role_pids("store")):
            file.rename(self.server.directory / "data" / "pickup" / "file")
            self.server.wait_log("event=pickup.put_off .*Too many open files", start=start)
        wait_until(lambda: any(b"Subject: picked up" in message
                               for message in self.server.fetch("alice")), "it is taken", step=0.2)
        self.kept.add(b"picked up")
        self.expect_served("picked up again")

    def test_mail_is_put_off_while_auth_has_no_descriptor(self):
        self.expect_put_off("auth")

    def test_mail_waits_while_send_has_no_descriptor(self):
        start = len(self.server.log)
        with Descriptors(self.server.role_pids("send")):
            self.assertEqual(self.send("send", "user@relay.test"), 250)
            self.server.wait_log("to=<user@relay.test>.* dsn=4.*Too many open files", start=start)
        self.expect_served("send again")

    def test_a_role_that_dies_while_the_parent_has_no_descriptor_is_started_when_it_has(self):
        start = len(self.server.log)
        with Descriptors([self.server.process.pid]):
            os.kill(self.server.role_pids("auth")[0], signal.SIGKILL)
            self.server.wait_log("event=role.start name=auth .*Too many open files", start=start)
        self.expect_served("parent")


if __name__ == "__main__":
    unittest.main()
