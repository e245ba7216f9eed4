"""The queue is moved to another directory by writing that and starting anew, and a move may end at
any point."""

import os
import shutil
import signal
import subprocess
import tempfile
import unittest
from pathlib import Path

from harness import Mailroot, text_message, wait_until

STEPS = ["queue-copying", "queue-copied", "queue-noted", "queue-renamed", "queue-removed"]


class Moved(unittest.TestCase):
    """Two messages wait, and one is in a mailbox."""

    @classmethod
    def setUpClass(cls):
        cls.server = Mailroot(lines=["connector away {", "    to elsewhere.test", "    hold",
                                     "    smart-host 127.0.0.1:9", "}"])
        cls.addClassCleanup(cls.server.close)
        cls.server.start()
        for number in range(2):
            cls.send("alice@elsewhere.test", f"waits {number}")
        cls.send("alice@example.test", "is there")
        cls.kept = sorted(row["id"] for row in wait_until(
            lambda: len(cls.server.queue()) == 2 and cls.server.queue(), "two wait"))
        cls.server.stop()
        cls.data = cls.server.directory / "data"
        cls.lines = list(cls.server.lines)

    def setUp(self):
        self.assertTrue((self.data / "store").is_dir())

    def tearDown(self):
        """It goes back to where it was."""
        self.server.stop()
        self.place(None)
        self.expect_all_in(self.data)
        self.assertFalse((self.data / "queue-place").exists())

    @classmethod
    def send(cls, recipient, subject):
        cls.server.send(text_message(subject), recipient, sender="bob@example.test",
                        service="submission", login="bob")

    def directory(self, parent=None):
        path = Path(tempfile.mkdtemp(prefix="mailroot-queue-", dir=parent))
        path.chmod(0o755)
        self.addCleanup(shutil.rmtree, path)
        return path

    def other_file_system(self):
        """A directory that nothing is renamed into from where the data are."""
        here = os.stat(self.data).st_dev
        found = [path for path in ("/dev/shm", "/tmp", "/var/tmp") if os.stat(path).st_dev != here]
        if not found:
            self.skipTest("there is one file system only")
        return found[0]

    def place(self, directory):
        self.server.lines = self.lines + ([f"queue {directory}"] if directory else [])
        self.server.write_config()

    def expect_all_in(self, directory):
        """Nothing is lost, or left elsewhere; asked without a server."""
        self.assertEqual(sorted(row["id"] for row in self.server.queue()), self.kept)
        self.assertIn("1", self.server.cli("mailbox", "list", "alice@example.test"))
        self.assertTrue((directory / "store" / "log").is_dir())
        self.assertFalse((directory / "store.arriving").exists())

    def cut_short(self, step):
        """A command without a server moves it as a start does; it is killed."""
        result = subprocess.run(
            [self.server.program, "--config", self.server.config, "queue", "list"],
            env=dict(self.server.environment, MAILROOT_CRASH_AT=step), input=b"",
            capture_output=True, timeout=60, check=False)
        self.assertEqual(result.returncode, -signal.SIGKILL, result.stderr)

    # shows: T16 S54
    def test_stopping_writing_the_directory_and_starting_moves_all_and_takes_new_mail_there(self):
        directory = self.directory(self.other_file_system())
        self.place(directory)
        self.server.start()
        self.assertRegex(self.server.log_text(), rf"event=queue.moved .*to=\"?{directory}")
        self.assertEqual(sorted(row["id"] for row in self.server.queue()), self.kept)
        self.assertFalse((self.data / "store").exists())
        self.send("alice@elsewhere.test", "new")
        rows = wait_until(lambda: len(self.server.queue()) == 3 and self.server.queue(), "it waits")
        new, = (row["id"] for row in rows if row["id"] not in self.kept)
        segments = b"".join(path.read_bytes() for path in (directory / "store").rglob("*")
                            if "segments" in path.parts and path.is_file())
        self.assertIn(b"Subject: new", segments)
        self.server.cli("queue", "delete", new, "--no-report")
        self.assertIn(b"Subject: is there", b"".join(self.server.fetch("alice")))

    def test_a_move_that_is_killed_at_any_step_is_finished_by_the_next_start(self):
        for step in STEPS:
            with self.subTest(step=step):
                directory = self.directory(self.other_file_system())
                self.place(directory)
                self.cut_short(step)
                self.expect_all_in(directory)
                self.assertFalse((self.data / "store").exists())
                self.place(None)
                self.cut_short(step)
                self.expect_all_in(self.data)
                self.assertFalse((directory / "store").exists())

    def test_a_move_that_is_killed_and_taken_back_leaves_the_queue_where_the_settings_want_it(self):
        for step in STEPS:
            with self.subTest(step=step):
                directory = self.directory()
                self.place(directory)
                self.cut_short(step)
                self.place(None)
                self.expect_all_in(self.data)
                self.assertEqual(list(directory.iterdir()), [])

    def test_killed_over_and_over_it_arrives_at_last(self):
        directory = self.directory()
        self.place(directory)
        for step in ["queue-copied", "queue-copying", *STEPS[1:], "queue-renamed"]:
            self.cut_short(step)
        self.expect_all_in(directory)

    def test_a_store_that_is_there_already_is_not_touched(self):
        directory = self.directory()
        (directory / "store").mkdir()
        (directory / "store" / "other").touch()
        self.place(directory)
        with self.assertRaisesRegex(AssertionError, "there is a store already"):
            self.server.start()
        self.assertTrue((directory / "store" / "other").exists())
        self.assertTrue((self.data / "store" / "log").is_dir())

    def test_it_is_not_moved_into_itself_nor_away_from_itself(self):
        self.place(self.data / "store" / "below")
        with self.assertRaisesRegex(AssertionError, "in its own directory"):
            self.server.start()
        same = self.server.directory / "same"
        same.symlink_to(self.data)
        self.addCleanup(same.unlink)
        self.place(same)
        self.expect_all_in(self.data)

    def test_a_link_in_the_store_is_not_followed(self):
        link = self.data / "store" / "log" / "link"
        link.symlink_to("/etc/passwd")
        self.addCleanup(link.unlink)
        self.place(self.directory(self.other_file_system()))
        with self.assertRaisesRegex(AssertionError, "neither a file nor a directory"):
            self.server.start()

    def test_a_running_server_does_not_move_it(self):
        self.server.start()
        self.place(self.directory())
        self.assertIn("stopping and starting", self.server.cli("reload", expect=1))
        self.assertEqual(sorted(row["id"] for row in self.server.queue()), self.kept)
        self.assertTrue((self.data / "store" / "log").is_dir())
