"""Mail that comes and goes as files: sendmail(8) for the programs of this machine, and the folders
around the queue."""

import os
import re
import stat
import subprocess
import time
import unittest

from cases import ServerTest
from disk_test import SmallDisk
from harness import Mailroot, body_of, build_directory, text_message, wait_until

NAMES = build_directory() / "names"
EX_USAGE, EX_DATAERR, EX_TEMPFAIL, EX_NOPERM = 64, 65, 75, 77


def run_as(server, name, *words, given=b"", user=None):
    """The command under one of its other names."""
    return subprocess.run([NAMES / name, *words], input=given, capture_output=True, user=user,
                          env=dict(server.environment, MAILROOT_CONFIG=str(server.config)),
                          timeout=60, check=False, cwd="/")


def files_in(folder):
    """Those that are whole."""
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def field(message, name):
    return re.search(rf"(?mi)^{name}: (.*)$", message.decode().replace("\r\n", "\n"))[1]


class Sendmail(ServerTest):
    def setUp(self):
        self.empty_mailbox("alice")
        self.empty_mailbox("bob")
        self.pickup = self.server.directory / "data" / "pickup"

    def sendmail(self, *words, given=b"Subject: x\n\nx\n", expect=0, **options):
        result = run_as(self.server, "sendmail", *words, given=given, **options)
        self.assertEqual(result.returncode, expect, result.stderr)
        return result

    def test_the_header_names_the_recipients_and_bcc_is_not_shown(self):
        self.sendmail("-t", "-i", given=b"From: shop@example.test\nTo: alice@example.test\n"
                      b"Bcc: bob@example.test\nSubject: order\n\none\n.\ntwo\n")
        for user in ("alice", "bob"):
            message, = self.server.fetch_when(user, 1)
            self.assertNotIn(b"Bcc", message)
            self.assertEqual(body_of(message), b"one\r\n.\r\ntwo\r\n")
        wait_until(lambda: files_in(self.pickup) == [], "the file is gone")

    def test_a_lone_dot_ends_the_message_unless_it_is_told_not_to(self):
        self.sendmail("alice@example.test", given=b"Subject: x\n\none\n.\ntwo\n")
        self.assertEqual(body_of(self.server.fetch_when("alice", 1)[0]), b"one\r\n")
        self.sendmail("-oi", "alice@example.test", given=b"Subject: x\n\none\n.\ntwo\n")
        self.assertEqual(body_of(self.server.fetch_when("alice", 2)[1]), b"one\r\n.\r\ntwo\r\n")

    def test_mail_as_php_sends_it_has_lines_that_end_in_two_ways(self):
        self.sendmail("-t", "-i", given=b"To: alice@example.test\r\nSubject: form\r\n"
                      b"X-PHP-Originating-Script: 33:form.php\r\nBcc: bob@example.test\r\n\r\n"
                      b"name=value\nnext=line\n")
        message, = self.server.fetch_when("alice", 1)
        self.assertEqual(body_of(message), b"name=value\r\nnext=line\r\n")
        self.assertEqual(len(self.server.fetch_when("bob", 1)), 1)

    def test_mail_as_cron_sends_it_arrives_whole(self):
        self.sendmail("-FCronDaemon", "-i", "-B8BITMIME", "-oem", "alice",
                      given="From: root (Cron Daemon)\nTo: alice\nSubject: Cron <root@mx> true\n"
                            "Content-Type: text/plain; charset=UTF-8\n\ngrün\n".encode())
        message, = self.server.fetch_when("alice", 1)
        self.assertEqual(field(message, "From"), "Cron Daemon <root@example.test>")
        self.assertEqual(field(message, "To"), "<alice@example.test>")
        self.assertRegex(field(message, "Message-ID"), "^<.*@mx.example.test>$")
        self.assertTrue(field(message, "Date"))
        self.assertEqual(body_of(message), "grün\r\n".encode())

    @unittest.skipUnless(os.geteuid() == 0, "only root may run it as somebody else")
    def test_any_user_may_send_and_what_he_sends_is_hidden_from_others(self):
        self.sendmail("-f", "www@example.test", "-F", "The \"Shop\"", "alice", user="nobody")
        message, = self.server.fetch_when("alice", 1)
        self.assertEqual(field(message, "Return-Path"), "<www@example.test>")
        self.assertEqual(field(message, "From"), '"The \\"Shop\\"" <www@example.test>')
        self.assertIn("from uid 65534)", field(message, "Received"))
        self.assertEqual(stat.S_IMODE(self.pickup.stat().st_mode), 0o3777)

    def test_the_story_tells_which_file_of_whom_it_was(self):
        self.sendmail("alice")
        message, = self.server.fetch_when("alice", 1)
        story = self.server.story(field(message, "Message-ID"), "picked-up")
        self.assertRegex(story, rf'picked-up file="[0-9a-f]{{32}}" folder=.*/pickup '
                         rf'uid={os.getuid()}\b')

    def test_the_options_of_a_delivery_report_are_kept(self):
        self.sendmail("-f", "bob@example.test", "-N", "success", "-R", "hdrs", "-V", "job 7",
                      "alice@example.test")
        report, = self.server.fetch_when("bob", 1)
        self.assertIn(b"Original-Envelope-Id: job 7", report)
        self.assertIn(b"Action: delivered", report)

    def test_smtp_is_spoken_on_standard_input_and_output(self):
        result = self.sendmail("-bs", given=b"EHLO x\r\nRCPT TO:<alice>\r\n"
                               b"MAIL FROM:<bob@example.test> BODY=8BITMIME SIZE=10\r\n"
                               b"RCPT TO:<alice@example.test>\r\nRCPT TO:nobody here\r\nDATA\r\n"
                               b"Subject: x\r\n\r\n..\r\n.\r\nWISH\r\nQUIT\r\n")
        codes = [line[:3] for line in result.stdout.decode().splitlines() if line[3] == " "]
        self.assertEqual(codes, ["220", "250", "503", "250", "250", "501", "354", "250", "500",
                                 "221"])
        self.assertEqual(body_of(self.server.fetch_when("alice", 1)[0]), b".\r\n")

    def test_what_can_not_be_sent_ends_with_the_usual_exit_status(self):
        self.sendmail("-t", given=b"Subject: x\n\nx\n", expect=EX_USAGE)
        self.sendmail("-Z", "alice", expect=EX_USAGE)
        self.sendmail("-bd", expect=EX_USAGE)
        self.sendmail("a b@@example.test", expect=EX_DATAERR)
        self.sendmail("alice", given=b"Subject: x\n\n\0\n", expect=EX_DATAERR)
        self.sendmail("-bv", "a@@b", expect=EX_DATAERR)
        self.sendmail("-bv", "alice@example.test")
        self.sendmail("-bi")

    @unittest.skipUnless(os.geteuid() == 0, "only root may run it as somebody else")
    def test_the_queue_is_shown_to_the_administrator_alone(self):
        self.assertEqual(run_as(self.server, "mailq").stdout, b"Mail queue is empty\n")
        self.assertEqual(run_as(self.server, "newaliases").returncode, 0)
        self.sendmail("-bp", user="nobody", expect=EX_NOPERM)

    def test_real_mail_readers_send_by_it(self):
        sendmail = NAMES / "sendmail"
        environment = dict(self.server.environment, MAILROOT_CONFIG=str(self.server.config),
                           HOME=str(self.server.directory))
        for command in (
                ["s-nail", "-n", "-S", f"mta={sendmail}", "-S", "from=bob@example.test", "-s",
                 "from s-nail", "alice@example.test"],
                ["mutt", "-n", "-F", "/dev/null", "-e", f"set sendmail='{sendmail} -oem -oi'",
                 "-e", "set from=bob@example.test", "-e", "set copy=no", "-s", "from mutt",
                 "alice@example.test"]):
            with self.subTest(program=command[0]):
                result = subprocess.run(command, input=b"hello\n", capture_output=True,
                                        env=environment, timeout=60, check=False)
                self.assertEqual(result.returncode, 0, result.stderr)
        subjects = {field(message, "Subject") for message in self.server.fetch_when("alice", 2)}
        self.assertEqual(subjects, {"from s-nail", "from mutt"})


class Pickup(ServerTest):
    settings = {"server_lines": ["folders srv", "limit message 1MB"]}

    def setUp(self):
        self.empty_mailbox("alice")
        self.folder = self.server.directory / "srv" / "Pickup"
        self.bad = self.server.directory / "srv" / "BadMail"

    def put(self, name, data):
        (self.folder / name).write_bytes(data)

    def wait_bad(self, log_start):
        found = self.server.wait_log(r"event=pickup\.bad id=(\w+) .*", start=log_start)
        return found[1].decode()

    # shows: T11
    def test_the_folders_of_a_server_are_made(self):
        self.assertEqual(files_in(self.server.directory / "srv"), ["BadMail", "Drop", "Filter", "Pickup"])

    # shows: T12
    def test_a_file_is_delivered_without_bcc_and_is_gone(self):
        self.put("order.eml", b"From: shop@elsewhere.test\nTo: alice@example.test\n"
                 b"Bcc: bob@example.test\nSubject: order\n\nhello\n")
        message, = self.server.fetch_when("alice", 1)
        self.assertNotIn(b"Bcc", message)
        self.assertEqual(field(message, "Return-Path"), "<shop@elsewhere.test>")
        wait_until(lambda: files_in(self.folder) == [], "the file is gone")
        self.assertEqual(len(self.server.fetch_when("bob", 1)), 1)

    def test_lines_of_an_envelope_count_more_than_the_header(self):
        self.put("a", b"x-sender: real@elsewhere.test\r\nx-receiver: alice@example.test\r\n"
                 b"From: shown@elsewhere.test\r\nTo: shown@elsewhere.test\r\n\r\nhello\r\n")
        message, = self.server.fetch_when("alice", 1)
        self.assertEqual(field(message, "Return-Path"), "<real@elsewhere.test>")
        self.assertNotIn(b"x-receiver", message)

    def test_a_file_that_is_still_written_is_waited_for(self):
        with open(self.folder / "slow", "wb", buffering=0) as slow:
            slow.write(b"To: alice@example.test\nSubject: slow\n\n")
            longest, begun = 0, time.monotonic()
            for _ in range(30):
                before, begun = begun, time.monotonic()  # of the last write, and of this one
                slow.write(b"line\n")
                longest = max(longest, time.monotonic() - before)
                time.sleep(0.1)
        if longest > 0.9:
            self.skipTest("this machine writes as slowly as who has ended")
        message, = self.server.fetch_when("alice", 1)
        self.assertEqual(body_of(message), b"line\r\n" * 30)

    def test_a_large_file_is_read_in_parts(self):
        body = b"y" * 70 + b"\n"
        self.put("large", b"To: alice@example.test\n\n" + body * 13000)
        message, = self.server.fetch_when("alice", 1)
        self.assertEqual(body_of(message), body.replace(b"\n", b"\r\n") * 13000)

    # shows: S53
    def test_what_is_no_message_goes_to_the_bad_mail_with_the_reason(self):
        for name, data, reason in (("none", b"Subject: to nobody\n\nx\n", "names no recipient"),
                                   ("huge", b"To: alice@example.test\n\n" + b"x\n" * 600000,
                                    "larger than"),
                                   ("nul", b"To: alice@example.test\n\n\0\n", "NUL byte")):
            with self.subTest(name=name):
                start = len(self.server.log)
                self.put(name, data)
                identity = self.wait_bad(start)
                self.assertEqual((self.bad / f"{identity}.BAD").read_bytes(), data)
                self.assertIn(reason, (self.bad / f"{identity}.BDR").read_text())
                self.server.story(identity, reason)
        wait_until(lambda: files_in(self.folder) == [], "they are gone")

    @unittest.skipUnless(os.geteuid() == 0, "only root may make somebody else's file")
    def test_what_the_server_may_not_read_is_put_away(self):
        if self.server.one_process:
            self.skipTest("one process keeps root's capabilities")
        start = len(self.server.log)
        self.put(".closed", b"To: alice@example.test\n\nx\n")  # not whole yet by its name
        (self.folder / ".closed").chmod(0)
        os.chown(self.folder / ".closed", 65534, 65534)
        (self.folder / ".closed").rename(self.folder / "closed")
        self.assertIn(f"{self.wait_bad(start)}.BAD", files_in(self.bad))

    def test_links_and_pipes_and_second_names_are_not_followed(self):
        secret = self.server.directory / "secret"
        secret.write_bytes(b"To: alice@example.test\nSubject: secret\n\nx\n")
        (self.folder / "link").symlink_to(secret)
        os.mkfifo(self.folder / "pipe")
        os.link(secret, self.folder / "second")
        (self.folder / "directory").mkdir()
        wait_until(lambda: files_in(self.folder) == ["directory"], "they are gone")
        self.assertTrue(secret.exists())
        (self.folder / "directory").rmdir()
        self.put("after", b"To: alice@example.test\nSubject: after\n\nx\n")
        self.assertEqual([field(message, "Subject") for message in
                          self.server.fetch_when("alice", 1)], ["after"])

    # shows: T14
    def test_without_a_size_bad_mail_stays_in_the_queue_alone(self):
        before = files_in(self.bad)
        self.put("lost", bad_file(b"nobody-here@example.test"))
        wait_until(lambda: "nobody-here@example.test" in
                   self.server.cli_result("badmail", "list").stdout, "it is listed")
        self.assertEqual(files_in(self.bad), before)

    def test_a_report_comes_back_for_who_does_not_exist(self):
        self.put("unknown", b"From: alice@example.test\nTo: nobody-here@example.test\n\nx\n")
        self.assertIn(b"5.1.1", self.server.fetch_when("alice", 1)[0])


def bad_file(recipient, body=b"x\n"):
    """A file for the pickup folder that nobody can be told about when its recipient is unknown."""
    return b"x-sender: <>\nx-receiver: " + recipient + b"\nSubject: lost\n\n" + body


class Drop(ServerTest):
    settings = {"server_lines": ["folders srv"],
                "lines": ["domain drop.test {", "    drop", "}"]}

    def setUp(self):
        self.folder = self.server.directory / "srv" / "Drop"

    def wait_file(self):
        """The one file in the folder; it is taken away."""
        name, = wait_until(lambda: files_in(self.folder), "a file in the drop folder")
        data = (self.folder / name).read_bytes()
        (self.folder / name).unlink()
        return data

    # shows: T15
    def test_mail_for_the_domain_becomes_one_file_with_the_lines_of_its_envelope(self):
        self.server.send(text_message("dropped"), ["anyone@drop.test", "Other@Drop.Test"],
                         sender="from@elsewhere.test")
        lines, _, message = self.wait_file().partition(b"Received:")
        self.assertEqual(lines, b"x-sender: from@elsewhere.test\r\nx-receiver: anyone@drop.test\r\n"
                         b"x-receiver: Other@drop.test\r\n")
        self.assertEqual(body_of(message), b"Hello.\r\n")
        wait_until(lambda: not self.server.queue(), "the queue is empty")

    def test_a_large_message_is_dropped_whole(self):
        body = ("z" * 70 + "\r\n") * 30000
        self.server.send(text_message("large", body), "anyone@drop.test")
        self.assertEqual(body_of(self.wait_file()), body.encode())

    def test_what_is_dropped_can_be_picked_up(self):
        self.server.send(text_message("round"), "alice@drop.test")
        data = self.wait_file().replace(b"alice@drop.test", b"alice@example.test")
        (self.server.directory / "srv" / "Pickup" / "back").write_bytes(data)
        self.assertEqual(field(self.server.fetch_when("alice", 1)[0], "Subject"), "round")

    def test_the_sender_who_asks_hears_that_it_was_written(self):
        self.empty_mailbox("bob")
        with self.server.smtp() as client:
            client.sendmail("bob@example.test", ["anyone@drop.test"], text_message("told"),
                            rcpt_options=["NOTIFY=SUCCESS"])
        self.assertIn(b"Action: delivered", self.server.fetch_when("bob", 1)[0])
        self.wait_file()


@unittest.skipUnless(os.geteuid() == 0, "only root may mount a small file system")
class FullDropFolder(unittest.TestCase):
    def test_mail_waits_with_the_reason_until_there_is_room(self):
        disk = SmallDisk(1)
        self.addCleanup(disk.close)
        filler = disk.path / "filler"
        with Mailroot(lines=["domain drop.test {", f"    drop {disk.path}", "}"]) as server:
            filler.write_bytes(b"f" * disk.free())
            server.send(text_message("kept"), "anyone@drop.test")
            entry, = wait_until(lambda: [entry for entry in server.queue() if entry["attempts"]],
                                "a first attempt")
            self.assertIn("No space left", entry["recipients"][0]["last_error"])
            self.assertEqual(entry["hop"], "drop:drop.test")
            self.assertEqual(files_in(disk.path), ["filler"])
            filler.unlink()
            server.cli("queue", "retry", entry["id"])
            name, = wait_until(lambda: files_in(disk.path), "the file")
            self.assertIn(b"Subject: kept", (disk.path / name).read_bytes())


class BadMail(ServerTest):
    settings = {"server_lines": ["folders srv"], "lines": ["badmail size 20KB"]}

    def setUp(self):
        self.pickup = self.server.directory / "srv" / "Pickup"
        self.bad = self.server.directory / "srv" / "BadMail"

    def listed(self):
        return self.server.cli_result("badmail", "list").stdout.split()

    # shows: T14 S53
    def test_a_triplet_is_written_as_far_as_there_is_room_and_the_message_can_be_put_back(self):
        (self.pickup / "lost").write_bytes(bad_file(b"late@example.test"))
        wait_until(lambda: len(files_in(self.bad)) == 3, "three files")
        names = files_in(self.bad)
        self.assertEqual([name[-4:] for name in names], [".BAD", ".BDP", ".BDR"])
        message, properties, reason = ((self.bad / name).read_bytes() for name in names)
        self.assertIn(b"Subject: lost", message)
        self.assertTrue(properties.startswith(b"x-sender: <>\r\nx-receiver: late@example.test\r\n"))
        self.assertEqual(reason, b"late@example.test: 5.1.1 no such user here\r\n")
        identity = names[0].partition("-")[0]
        (self.pickup / "more").write_bytes(bad_file(b"nobody-here@example.test",
                                                    b"line\n" * 5000))
        self.server.wait_log("event=badmail.put_off")
        self.assertEqual(files_in(self.bad), names)
        self.assertIn("nobody-here@example.test:", self.listed())
        self.server.passwords["late"] = "secret-secret"
        self.server.set_password("late")
        self.assertEqual(self.server.cli("badmail", "requeue", identity), "requeued: 1\n")
        self.assertEqual(field(self.server.fetch_when("late", 1)[0], "Subject"), "lost")
        self.assertNotIn(identity, self.listed())
        self.server.cli("badmail", "requeue", identity, expect=1)


class ExportAndImport(unittest.TestCase):
    def test_a_message_moves_from_one_queue_to_another(self):
        relay = ["connector away {", "    to elsewhere.test", "    smart-host 127.0.0.1:9", "}"]
        with Mailroot(lines=relay) as first, Mailroot(domain="elsewhere.test") as second:
            first.send(text_message("moving"), "alice@elsewhere.test", sender="bob@example.test",
                       service="submission", login="bob")
            entry, = wait_until(first.queue, "it is queued")
            exported = first.cli("queue", "export", entry["id"])
            self.assertTrue(exported.startswith("x-sender: bob@example.test\n"
                                                "x-receiver: alice@elsewhere.test\n"))
            path = first.directory / "exported"
            path.write_text(exported)
            second.cli("queue", "import", path)
            message, = second.fetch_when("alice", 1)
            self.assertEqual(field(message, "Subject"), "moving")
            self.assertEqual(field(message, "Return-Path"), "<bob@example.test>")
            path.write_text("Subject: without an envelope\n\nx\n")
            second.cli("queue", "import", path, expect=1)
            first.cli("queue", "export", "0000000000001", expect=1)


class WithoutServer(unittest.TestCase):
    def setUp(self):
        self.server = Mailroot()
        self.addCleanup(self.server.close)
        self.pickup = self.server.directory / "data" / "pickup"

    def submit(self, subject):
        result = run_as(self.server, "sendmail", "alice",
                        given=f"Subject: {subject}\n\nx\n".encode())
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_mail_is_taken_while_no_server_runs_and_delivered_when_one_does(self):
        self.submit("while down")
        self.assertEqual(len(files_in(self.pickup)), 1)
        self.server.start()
        self.assertEqual(field(self.server.fetch_when("alice", 1)[0], "Subject"), "while down")

    def test_without_the_folder_the_program_is_told_to_try_later(self):
        self.pickup.rmdir()
        result = run_as(self.server, "sendmail", "alice", given=b"x\n")
        self.assertEqual(result.returncode, EX_TEMPFAIL)
        self.assertIn(b"cannot open the folder", result.stderr)

    # shows: T13 S54
    def test_a_queue_that_was_moved_to_another_directory_goes_on(self):
        self.server.lines += ["connector away {", "    to elsewhere.test", "    hold",
                              "    smart-host 127.0.0.1:9", "}"]
        self.server.write_config()
        self.server.start()
        self.server.send(text_message("moved"), "alice@elsewhere.test", sender="bob@example.test",
                         service="submission", login="bob")
        entry, = wait_until(self.server.queue, "it is queued")
        self.server.stop()
        (self.server.directory / "data").rename(self.server.directory / "elsewhere")
        self.server.data = "elsewhere"
        self.server.write_config()
        self.server.start()
        self.assertEqual([held["id"] for held in self.server.queue()], [entry["id"]])

    # shows: T13
    def test_a_kill_before_the_file_is_gone_delivers_it_once(self):
        self.server.one_process = False  # the parent tells when the store was killed
        self.submit("first")
        self.submit("second")
        self.server.start({"MAILROOT_CRASH_AT": "picked-up"})
        self.server.wait_log("event=role.ended name=store")
        self.server.kill()  # or the parent has started it again: it may be further by then
        self.server.start()
        wait_until(lambda: files_in(self.pickup) == [], "both files are gone")
        subjects = sorted(field(message, "Subject") for message in
                          self.server.fetch_when("alice", 2))
        self.assertEqual(subjects, ["first", "second"])


if __name__ == "__main__":
    unittest.main()
