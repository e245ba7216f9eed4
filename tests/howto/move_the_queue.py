"""Change the directory of the queue

The queue is one with the mailboxes, in `store` of the data directory. To have them elsewhere, on
another disk say, stop the server, write where, and start it:

    queue /srv/mail

What was there is moved before anything is served, and new mail is spooled there. A move that is cut
short, by a power failure too, is finished by the next start. Taking the line out and starting anew
moves it back. While a server runs a reload refuses another directory.
"""

from harness import wait_until
from howto import HowTo


class Place(HowTo):
    # shows: T16 S54
    def test_change_the_directory_of_the_queue(self):
        self.site.write("connector held", "to elsewhere.example", "smart-host [127.0.0.1]:9",
                        "hold")
        self.site.take_up()
        self.send("alice", "user@elsewhere.example", subject="before")
        self.send("alice", "bob@example.test", subject="before")
        before = wait_until(self.site.queue, "it waits")[0]["id"]
        directory, old = self.site.directory / "srv/mail", self.site.directory / "data"

        self.site.write(f"queue {directory}")
        self.assertIn("stopping and starting", self.site.cli("reload", expect=1))
        self.site.stop()
        self.site.start()
        self.assertEqual([entry["id"] for entry in self.site.queue()], [before])
        self.assertIn(b"Subject: before", self.site.fetch_when("bob", 1)[0])
        self.assertFalse((old / "store").exists())
        self.send("alice", "user@elsewhere.example", subject="after the move")
        wait_until(lambda: len(self.site.queue()) == 2, "new mail waits there too")
        spooled = b"".join(path.read_bytes() for path in
                           (directory / "store/log/segments").iterdir())
        self.assertIn(b"Subject: after the move", spooled)

        self.site.stop()
        self.site.change(f"queue {directory}", "")
        self.site.start()
        self.assertEqual(len(self.site.queue()), 2)
        self.assertTrue((old / "store").exists())
