"""What earlier versions wrote is read: every user, message, flag, date and id, and every item of the
queue; and it goes on from there. The same from the log alone, when there is no index."""

import shutil
import tempfile
import time
import unittest
from pathlib import Path

from clock_test import Clock
from harness import text_message, wait_until
from upgrade import FIXTURES, look, server_in, unpack


class Upgrade(unittest.TestCase):
    maxDiff = 4000

    def open(self, fixture):
        """A server on what the earlier one left, and what was seen of it then."""
        directory = Path(tempfile.mkdtemp(prefix="mailroot-upgrade-"))
        self.addCleanup(shutil.rmtree, directory, ignore_errors=True)
        seen = unpack(fixture, directory)
        server = server_in(directory)
        self.addCleanup(server.kill)
        clock = Clock(directory / "clock")  # soon after: nothing has run out of time
        clock.set(seen.pop("time") + 60 - int(time.time()))
        server.environment.update(clock.preload)
        return server, seen

    def expect_as_before(self, server, seen):
        server.cli("store", "verify")
        now = look(server)
        for what in seen:
            self.assertEqual(now[what], seen[what], what)

    def each_fixture(self, look_at):
        fixtures = sorted(FIXTURES.glob("*.tar.xz"))
        self.assertTrue(fixtures)
        for fixture in fixtures:
            with self.subTest(fixture.name):
                look_at(*self.open(fixture))

    def test_data_of_earlier_versions_are_read_and_go_on(self):
        def look_at(server, seen):
            server.start()
            self.expect_as_before(server, seen)
            server.send(text_message("anew"), "info@example.test")
            count = len(seen["mail"]["bob"]["INBOX"]["messages"])
            wait_until(lambda: len(server.fetch("bob")) == count + 1, "mail goes on")
            server.cli("queue", "thaw", "--to", "two@away.example", "--yes")
            server.stop()

        self.each_fixture(look_at)

    def test_data_of_earlier_versions_are_read_without_their_index(self):
        def look_at(server, seen):
            for index in (server.directory / "data").glob("**/index"):
                shutil.rmtree(index)
            server.start()
            self.expect_as_before(server, seen)
            server.stop()

        self.each_fixture(look_at)


if __name__ == "__main__":
    unittest.main()
