"""Each queue of `queue status`, made to grow by the fault that doc/queues.md names, and to drain when
that is mended."""

import contextlib
import json
import os
import shutil
import signal
import socket
import tempfile
import threading
import unittest
from pathlib import Path

from cases import ServerTest
from harness import Mailroot, free_port, text_message, wait_until
from smtp_sink import Policy, Sink

RETRY = ["retry {", "    glitch 1s x1", "    after 1h", "}"]


class Refusing(Policy):
    """By the local part of recipients."""

    def on_rcpt(self, address):
        if address.startswith("gone"):
            return "550 5.1.1 no such user here"
        if address.startswith("later"):
            return "450 4.2.1 the mailbox rests, ask again"
        return super().on_rcpt(address)


class QueueNames(ServerTest):
    @classmethod
    def before_server(cls):
        cls.sink = Sink(Refusing(), port=free_port())
        cls.addClassCleanup(cls.sink.close)
        cls.late_port = free_port()
        cls.folder = Path(tempfile.mkdtemp(prefix="mailroot-drop-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.settings = {"users": ["alice", "bob", "carol", "dave", "erin"], "lines": [
            "connector here {", "    to here.example",
            f"    smart-host [127.0.0.1]:{cls.sink.port}", "}",
            "connector late {", "    to late.example",
            f"    smart-host [127.0.0.1]:{cls.late_port}", "}",
            "domain drop.test {", f"    drop {cls.folder}", "}", *RETRY]}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # The store asks about a group each time; of who is one mailbox it remembers that.
        cls.server.cli("group", "add", "team@example.test", "bob@example.test",
                       "carol@example.test")

    def send(self, recipient, subject="names", login="alice", options=()):
        with self.server.smtp("submission", login=login) as client:
            client.sendmail(f"{login}@example.test", [recipient], text_message(subject),
                            mail_options=list(options))

    def row(self, name):
        lines = self.server.cli("queue", "status", "--json").splitlines()
        return next((row for row in map(json.loads, lines) if row["queue"] == name), None)

    def wait_row(self, name, count, state):
        """The queue has count messages and is in this state."""
        def found():
            row = self.row(name)
            return row if row and (row["messages"], row["state"]) == (count, state) else None
        return wait_until(found, f"{name}: {count}, {state}; it is {self.row(name)}")

    def one(self, name):
        """The one message of the queue, by the filter of queue list."""
        lines = self.server.cli("queue", "list", "--queue", name, "--json").splitlines()
        self.assertEqual(len(lines), 1, lines)
        return json.loads(lines[0])

    @contextlib.contextmanager
    def stopped(self, role):
        """Its process answers nobody, as on a machine that has no time for it."""
        if self.server.one_process:
            self.skipTest("the roles are one process")
        for pid in self.server.role_pids(role):
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in self.server.role_pids(role):
                os.kill(pid, signal.SIGCONT)

    # shows: T02 T26
    def test_submission_grows_while_the_directory_is_slow_and_drains_after(self):
        with self.server.smtp("submission", login="alice") as client:
            client.mail("alice@example.test")
            client.rcpt("team@example.test")
            with self.stopped("auth"):
                thread = threading.Thread(target=client.data, args=(text_message("slow"),))
                thread.start()
                row = self.wait_row("submission", 1, "active")
                self.assertGreater(row["bytes"], 100)
            thread.join(60)
        self.assertIn(b"Subject: slow", b"".join(self.server.fetch("bob")))
        self.wait_row("submission", 0, "ready")

    # shows: T26
    def test_lookup_has_what_was_deferred_while_the_directory_does_not_answer(self):
        client = self.server.smtp("submission", login="alice")
        self.addCleanup(client.close)
        client.mail("alice@example.test", ["HOLDFOR=1"])
        client.rcpt("team@example.test")
        with self.stopped("auth"):
            self.assertEqual(client.data(text_message("looked up"))[0], 250)
            self.wait_row("lookup", 1, "active")
            self.assertEqual(self.one("lookup")["recipients"][0]["address"], "team@example.test")
            self.assertRegex(self.server.cli("queue", "list", "--queue", "lookup"),
                             r"\n    held until \d{4}-|\n    lookup, next try \d{4}-")
        wait_until(lambda: b"Subject: looked up" in b"".join(self.server.fetch("carol")),
                   "it is delivered")
        self.wait_row("lookup", 0, "ready")

    # shows: T06 T26
    def test_local_has_what_cannot_be_written_into_the_drop_folder(self):
        # A file where the folder was: that stops a server of root's too.
        aside = self.folder.with_suffix(".aside")
        self.folder.rename(aside)
        self.folder.touch()
        self.send("someone@drop.test")
        row = self.wait_row("local", 1, "retry")
        self.assertIn("ot a directory", row["last_error"])
        self.folder.unlink()
        aside.rename(self.folder)
        self.server.cli("queue", "retry", self.one("local")["id"])
        wait_until(lambda: list(self.folder.iterdir()), "it is dropped")
        self.wait_row("local", 0, "ready")

    # shows: T08 T26
    def test_reports_wait_while_the_directory_does_not_answer(self):
        self.server.cli("queue", "freeze", "--hop", "here")
        self.send("gone@here.example", login="dave")
        with self.stopped("auth"):
            self.server.cli("queue", "thaw", "--hop", "here")
            row = self.wait_row("reports", 1, "active")
            self.assertGreater(row["bytes"], 100)
            self.assertEqual(self.one("reports")["state"], "report")
            self.assertRegex(self.server.cli("queue", "list", "--queue", "reports"),
                             r"\n    report, next try \d{4}-")
        self.assertIn(b"5.1.1", self.server.fetch_when("dave", 1)[0])
        self.wait_row("reports", 0, "ready")

    # shows: T09 T26
    def test_deferred_has_what_its_sender_wants_sent_later(self):
        before = len(self.server.fetch("bob"))
        self.send("bob@example.test", options=["HOLDFOR=3600"])
        row = self.wait_row("deferred", 1, "scheduled")
        self.assertRegex(row["next_try"], r"^\d{4}-")
        self.server.cli("queue", "retry", self.one("deferred")["id"])
        self.server.fetch_when("bob", before + 1)
        self.wait_row("deferred", 0, "ready")

    # shows: T10 T26
    def test_unreachable_has_mail_whose_hosts_are_all_down_until_one_is_up(self):
        self.send("x@late.example")
        row = self.wait_row("unreachable", 1, "retry")
        self.assertIn("refused", row["last_error"])
        self.assertEqual(self.row("late")["messages"], 1)
        sink = Sink(port=self.late_port)
        self.addCleanup(sink.close)
        self.server.cli("queue", "retry", "--hop", "late")
        sink.wait_for(1)
        self.wait_row("unreachable", 0, "ready")

    # shows: T05 T26
    def test_a_link_queue_tells_the_words_of_its_peer(self):
        self.send("later@here.example")
        row = self.wait_row("here", 1, "retry")
        self.assertEqual(row["kind"], "link")
        self.assertIn("450 4.2.1 the mailbox rests, ask again", row["last_error"])
        self.server.cli("queue", "delete", "--hop", "here", "--no-report", "--yes")
        wait_until(lambda: self.row("here") is None, "a queue without mail is not there")

    # shows: T07 T26
    def test_failed_has_a_message_that_cannot_be_read_until_it_can(self):
        self.server.cli("queue", "freeze", "--hop", "here")
        mark = b"a body that is lost on the disk"
        with self.server.smtp("submission", login="alice") as client:
            client.sendmail("alice@example.test", ["lost@here.example"],
                            text_message("lost", mark.decode() + "\r\n"))
        self.begin_another_segment()
        before = len(self.sink.messages)
        self.server.stop()
        segment = self.segment_with(mark)
        away = segment.rename(self.server.directory / "segment")
        self.server.start()
        self.server.cli("queue", "thaw", "--hop", "here")
        row = self.wait_row("failed", 1, "retry")
        self.assertNotEqual(row["last_error"], "")
        self.assertEqual(self.one("failed")["recipients"][0]["address"], "lost@here.example")
        self.assertEqual(len(self.sink.messages), before)
        self.server.stop()
        away.rename(segment)
        self.server.start()
        self.assertIn(mark, self.sink.wait_for(before + 1)[-1].data)
        self.wait_row("failed", 0, "ready")

    def events(self, subject, recipient, last):
        """The numbers that `trace --events` gives of the message, once `last` is among them."""
        self.send(recipient, subject)
        accepted = self.server.wait_log(rf"event=smtp.accepted id=(\w+) .*to-count=1",
                                        start=self.log_start)[1].decode()

        def told():
            lines = self.server.cli("trace", accepted, "--events", "--json").splitlines()
            numbers = [json.loads(line)["number"] for line in lines]
            return numbers if last in numbers else None
        return accepted, wait_until(told, f"{last} is told")

    def setUp(self):
        self.log_start = len(self.server.log)

    # shows: T01 T37
    def test_mail_between_two_mailboxes_leaves_the_events_of_message_tracking(self):
        identity, numbers = self.events("tracked", "bob@example.test", 1028)
        self.assertEqual(numbers, [1019, 1025, 1024, 1033, 1036, 1023, 1028])
        lines = self.server.cli("trace", identity, "--events").splitlines()
        self.assertRegex(lines[0], r"^\d{4}-\S+Z 1019 submitted to the queue$")
        self.assertRegex(lines[-1], r"^\d{4}-\S+Z 1028 in the mailbox: bob@example.test$")
        story = [json.loads(line) for line in
                 self.server.cli("trace", identity, "--json").splitlines()]
        self.assertEqual({row["event"]: row.get("tracking") for row in story},
                         {"accepted": [1019, 1025], "delivered": [1024, 1033, 1036, 1023, 1028]})

    def test_other_ends_of_a_message_have_their_events_too(self):
        _, numbers = self.events("out", "fine@here.example", 1031)
        self.assertEqual(numbers, [1019, 1025, 1024, 1033, 1034, 1020, 1031])
        self.setUp()
        _, numbers = self.events("returned", "gone@here.example", 1030)
        self.assertEqual(numbers, [1019, 1025, 1024, 1033, 1034, 1020, 1030])
        self.setUp()
        _, numbers = self.events("dropped", "other@drop.test", 1023)
        self.assertEqual(numbers, [1019, 1025, 1024, 1033, 1036, 1023])

    def metrics(self):
        """{name with its labels: value}, each with its help and type before it."""
        values, about = {}, {}
        for line in self.server.cli("metrics").splitlines():
            if line.startswith("# "):
                _mark, word, name, rest = line.split(" ", 3)
                about.setdefault(name, {})[word] = rest
                continue
            name, value = line.rsplit(" ", 1)
            self.assertIn(about[name.split("{")[0]]["TYPE"], ("counter", "gauge"))
            values[name.removeprefix("mailroot_")] = int(value)
        return values

    # shows: T32
    def test_metrics_say_what_happened_and_what_waits(self):
        before = self.metrics()
        self.send("bob@example.test")
        with self.server.smtp("submission", login="alice") as client:
            client.sendmail("alice@example.test", ["fine@here.example", "gone@here.example"],
                            text_message("counted"))
        self.send("later@here.example")
        self.send("counted@drop.test")

        def changed():
            now = self.metrics()
            return {name: value - before.get(name, 0) for name, value in now.items()
                    if name.endswith("_total") and value != before.get(name, 0)}
        # Bob, and alice for the report.
        expected = {"accepted_messages_total": 5, "delivered_recipients_total": 2,
                    "sent_recipients_total": 1, "refused_recipients_total": 1,
                    "dropped_recipients_total": 1, "reports_total": 1}
        # What was put off is tried again a second later, and may be put off twice by now.
        others = {"accepted_bytes_total", "sent_bytes_total", "put_off_recipients_total"}

        def all_counted():
            now = changed()
            return now if {**now, **expected} == now and others <= set(now) else None
        counted = wait_until(all_counted, f"{expected}; {changed()}")
        self.assertEqual(set(counted) - set(expected), others)
        self.assertIn(counted["put_off_recipients_total"], (1, 2))
        self.compare_gauges()
        self.server.cli("queue", "delete", "--hop", "here", "--no-report", "--yes")
        wait_until(lambda: changed().get("deleted_recipients_total") == 1, "it is counted")
        self.compare_gauges()

    def compare_gauges(self):
        """With what queue status says of the same queues."""
        def status():
            return self.server.cli("queue", "status", "--json")

        def both():
            """Taken while the queues did not change."""
            before, values = status(), self.metrics()
            return (before, values) if status() == before else None
        lines, values = wait_until(both, "the queues rest")
        rows = [json.loads(line) for line in lines.splitlines()]
        for row in rows:
            if row["kind"] == "own":
                label = f'{{queue="{row["queue"]}"}}'
                self.assertEqual(values[f"queue_messages{label}"], row["messages"], row)
                self.assertEqual(values[f"queue_bytes{label}"], row["bytes"], row)
        links = [row for row in rows if row["kind"] == "link"]
        for state in {row["state"] for row in links}:
            of_state = [row for row in links if row["state"] == state]
            self.assertEqual(values[f'link_queues{{state="{state}"}}'], len(of_state))
            self.assertEqual(values[f'link_messages{{state="{state}"}}'],
                             sum(row["messages"] for row in of_state))

    def begin_another_segment(self):
        """More mail than one holds."""
        large = text_message("large", "") + (b"y" * 990 + b"\r\n") * 20_000
        for _ in range(4):
            self.server.send(large, "erin@example.test")

    def segment_with(self, mark):
        return next(path for path in (self.server.directory / "data").rglob("*")
                    if path.is_file() and mark in path.read_bytes())


if __name__ == "__main__":
    unittest.main()


class Silent:
    """A host that takes connections and says nothing."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", free_port()))
        self.port = self.listener.getsockname()[1]

    def fall(self):
        """Connections that wait are reset with it."""
        self.listener.close()


class Routing(ServerTest):
    """A member of a routing group whose other server is asked for the ways it knows."""

    @classmethod
    def before_server(cls):
        cls.other, cls.sink = Silent(), Sink(port=free_port())
        cls.addClassCleanup(cls.other.fall)
        cls.addClassCleanup(cls.sink.close)
        cls.settings = {"lines": [
            "routing-group north {", "    member mx.example.test",
            f"    member other.example.test at 127.0.0.1:{cls.other.port}",
            "    login lsa@example.test secret lsa", "}",
            "connector far {", "    to far.example",
            f"    smart-host [127.0.0.1]:{cls.sink.port}", "}", *RETRY]}

    @classmethod
    def setUpClass(cls):
        cls.before_server()
        cls.server = Mailroot(**cls.settings)
        cls.addClassCleanup(cls.server.close)
        secrets = cls.server.directory / "secrets"
        secrets.mkdir()
        (secrets / "lsa").write_text("a password")
        cls.server.start()

    row, wait_row, one = QueueNames.row, QueueNames.wait_row, QueueNames.one

    # shows: T04 T26
    def test_routing_has_what_no_way_is_chosen_for_until_the_others_were_asked(self):
        self.server.send(text_message("a way"), "user@far.example", sender="alice@example.test",
                         service="submission", login="alice")
        row = self.wait_row("routing", 1, "active")
        self.assertIn("were not asked yet", row["last_error"])
        self.assertEqual(self.row("unreachable")["messages"], 0)
        waiting = self.one("routing")
        self.assertEqual(waiting["state"], "routing")
        self.assertIn("no way is chosen before the other servers of the routing group were asked",
                      self.server.cli("queue", "explain", waiting["id"]))
        self.other.fall()
        self.sink.wait_for(1)
        self.wait_row("routing", 0, "ready")
