"""`memory` is a promise: clients that together ask for more are asked to come later, nobody's
process dies, and what was acknowledged is there.

Each load was seen to take more than this without the setting."""

import contextlib
import os
import threading
import time
from pathlib import Path

from cases import ServerTest
from harness import RawClient, children_of, text_message, wait_until

MEMORY = 128 << 20
PAGE = os.sysconf("SC_PAGESIZE")
IS_SANITIZED = "asan" in os.environ.get("MAILROOT_BUILD", "")


def own_bytes(pid):
    """What a process holds alone: its pages without those of files."""
    try:
        _, resident, shared = Path(f"/proc/{pid}/statm").read_text().split()[:3]
    except (OSError, ValueError):
        return 0
    return (int(resident) - int(shared)) * PAGE


class Watch:
    """The most that all processes of a server held together, looked at all the time."""

    def __init__(self, pid):
        self.pid, self.most, self.pids = pid, 0, set(children_of(pid))
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.ended.wait(0.01):
            self.most = max(self.most, sum(map(own_bytes, [self.pid, *self.pids])))

    def end(self):
        self.ended.set()
        self.thread.join()
        return self.most


class Cage:
    """A control group that kills who takes more, where we may make one: the kernel as a second
    witness. It counts pages of programs and files and the kernel's own, so it has some more."""

    MORE = 32 << 20

    def __init__(self, pids):
        self.folder = None
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _number, controllers, path = line.split(":", 2)
            for top, limit in (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
                               ("/sys/fs/cgroup", "memory.max")):
                if self.folder is None and controllers in ("memory", ""):
                    self.make(Path(top + path) / f"mailroot-test-{os.getpid()}", limit, pids)

    def make(self, folder, limit, pids):
        with contextlib.suppress(OSError):
            folder.mkdir()
            try:
                (folder / limit).write_text(str(MEMORY + self.MORE))
                for pid in pids:
                    (folder / "cgroup.procs").write_text(str(pid))
            except OSError:
                folder.rmdir()
                raise
            self.folder = folder

    def close(self):
        """After the processes have ended."""
        if self.folder is not None:
            self.folder.rmdir()


class Mailer:
    """Sends numbered messages until it is told to end; knows which were acknowledged."""

    def __init__(self, server, name):
        self.server, self.name, self.taken, self.answers = server, name, [], []
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        number = 0
        while not self.ended.is_set():
            number += 1
            with contextlib.suppress(OSError), \
                 RawClient(self.server.ports["smtp"]) as client:
                subject = f"{self.name}-{number}-"
                answer = self.send(client, subject)
                self.answers.append(answer)
                if answer.startswith("250"):
                    self.taken.append(subject)
            time.sleep(0.05)

    @staticmethod
    def send(client, subject):
        """The last answer: of the message, or what refused it."""
        answer = client.reply()
        for line in ("EHLO client.test", "MAIL FROM:<outside@elsewhere.test>",
                     "RCPT TO:<bob@example.test>", "DATA"):
            if answer[:1] not in "23":
                return answer
            answer = client.ask(line)
        if answer.startswith("354"):
            answer = client.ask(text_message(subject, "x" * 20000 + "\r\n") + b".\r\n")
        return answer

    def end(self):
        self.ended.set()
        self.thread.join()


class Memory(ServerTest):
    # Each role has its part, so that is how it is tested.
    settings = {"one_process": False,
                "lines": [f"memory {MEMORY >> 20}MB", "processes front 2", "log warning"],
                "server_lines": ["limit connections 5000", "limit connections-per-address 5000",
                                 "limit recipients 64000"]}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        pid = cls.server.process.pid
        cls.cage = Cage([] if IS_SANITIZED else [pid, *children_of(pid)])

    @classmethod
    def doClassCleanups(cls):
        super().doClassCleanups()
        cls.cage.close()

    def setUp(self):
        pid = self.server.process.pid
        self.pids = children_of(pid)
        self.watch, self.mailer = Watch(pid), Mailer(self.server, self._testMethodName)
        self.clients = []

    def tearDown(self):
        self.mailer.end()
        self.watch.end()
        for client in self.clients:
            client.close()

    def expect_kept(self):
        """The promise, after a load."""
        self.mailer.end()
        most = self.watch.end()
        for answer in self.mailer.answers:
            self.assertRegex(answer, r"^(250|4\d\d) ")
        self.assertEqual(children_of(self.server.process.pid), self.pids, "no process has died")
        if not IS_SANITIZED:
            self.assertLessEqual(most, MEMORY)
        for client in self.clients:
            client.close()
        wait_until(self.is_served, "mail is taken again")
        wait_until(lambda: self.login("bob"), "a login is taken again")
        there = b"".join(self.server.fetch("bob"))
        for subject in self.mailer.taken:
            self.assertEqual(there.count(subject.encode()), 1, subject)
        self.empty_mailbox("bob")

    def is_served(self):
        with contextlib.suppress(OSError), \
             RawClient(self.server.ports["smtp"]) as client:
            return Mailer.send(client, "afterwards").startswith("250")

    def login(self, user):
        """A session, or None when the server has no memory for it yet."""
        try:
            client = RawClient(self.server.ports["imaps"], tls=True, timeout=60)
        except OSError:  # it has none for the handshake
            return None
        client.line()
        client.send(f"l LOGIN {self.server.address(user)} {self.server.passwords[user]}\r\n"
                    .encode())
        if b" OK" in client.line():
            self.clients.append(client)
            return client
        client.close()
        return None

    def imap(self, count, user="alice"):
        return [wait_until(lambda: self.login(user), "a session") for _ in range(count)]

    def counted(self, clients):
        """Of some clients that were sent all they wait for: how many got OK, and how many NO."""
        answers = [client.line() for client in clients]
        for answer in answers:
            self.assertRegex(answer, rb"^s (OK|NO \[UNAVAILABLE\]) ")
        return sum(b"s OK" in answer for answer in answers), sum(b"s NO" in a for a in answers)

    def test_literals_that_do_not_end(self):
        clients = self.imap(200)
        for client in clients:
            client.send(b"s CREATE {900000+}\r\n" + b"x" * 899_999)
        for client in clients:
            client.send(b"x\r\n")
        # 180 MB were wanted of the store's 56. The name is too long, where it was taken.
        answers = [client.line() for client in clients]
        self.assertGreater(sum(b"[UNAVAILABLE] No memory" in answer for answer in answers), 5)
        self.assertGreater(sum(b"[UNAVAILABLE]" not in answer for answer in answers), 5)
        self.expect_kept()

    def test_messages_that_do_not_end(self):
        clients = self.imap(120)
        for client in clients:
            client.send(b"s APPEND INBOX {510000+}\r\n" + b"y" * 509_999)
        for client in clients:
            client.send(b"y\r\n")
        taken, refused = self.counted(clients)
        self.assertGreater(taken, 5)
        self.assertGreater(refused, 5)
        self.expect_kept()
        self.assertEqual(len(self.server.fetch("alice")), taken)
        self.empty_mailbox("alice")

    def test_threads_that_do_not_end(self):
        # Each message refers to 60 others that nobody has, so each THREAD takes some 20 MB.
        clients = self.imap(40)
        clients[0].send(b"s CREATE knotted\r\n")
        self.assertIn(b"s OK", clients[0].line())
        for first in range(0, 2500, 100):
            clients[0].send(b"".join(self.appended(first + i) for i in range(100)))
            for _ in range(100):
                self.assertIn(b"s OK", clients[0].line())
        for client in clients:
            client.send(b"e EXAMINE knotted\r\n")
            self.answer(client, b"e ")
        clients[0].send(b"s THREAD REFERENCES UTF-8 ALL\r\n")  # what is known is derived once
        self.assertIn(b"s OK", self.answer(clients[0], b"s "))
        for client in clients:
            client.send(b"s THREAD REFERENCES UTF-8 ALL\r\n")
        answers = [self.answer(client, b"s ") for client in clients]
        for answer in answers:
            self.assertRegex(answer, rb"^s (OK|NO \[UNAVAILABLE\]) ")
        self.assertTrue(any(b"s OK" in answer for answer in answers))
        self.assertGreater(sum(b"s NO" in answer for answer in answers), 5)
        self.expect_kept()

    @staticmethod
    def appended(number):
        references = "\r\n ".join(f"<{number}.{i}@client.test>" for i in range(60))
        text = f"Subject: {number}\r\nReferences: {references}\r\n\r\nx\r\n".encode()
        return b"s APPEND knotted {%d+}\r\n%s\r\n" % (len(text), text)

    @staticmethod
    def answer(client, tag):
        while not (line := client.line()).startswith(tag):
            pass
        return line

    def test_mail_that_does_not_end(self):
        clients = []
        for _ in range(200):
            client = RawClient(self.server.ports["smtp"], timeout=60)
            answer = client.reply()
            for line in ("EHLO client.test", "MAIL FROM:<a@client.test>",
                         "RCPT TO:<alice@example.test>", "DATA"):
                self.assertRegex(answer, "^(2[0-9][0-9]|421|452)")
                if answer.startswith("2"):
                    answer = client.ask(line)
            if answer.startswith("354"):
                client.send((b"z" * 998 + b"\r\n") * 250)
                clients.append(client)
            else:
                client.close()
        self.clients += clients
        for client in clients:
            client.send(b".\r\n")
        answers = [client.reply() for client in clients]
        for answer in answers:
            self.assertRegex(answer, "^(250|4[0-9][0-9]) ")
        taken = sum(answer.startswith("250") for answer in answers)
        self.assertGreater(taken, 5)
        # 50 MB were wanted of the fronts' 32.
        self.assertLess(taken, 150)
        self.expect_kept()
        self.assertEqual(len(self.server.fetch("alice")), taken)
        self.empty_mailbox("alice")

    def test_recipients_without_end(self):
        rcpt = b"RCPT TO:<alice@example.test> ORCPT=rfc822;" + b"o" * 400 + b"@client.test\r\n"
        clients, heads = [], b"EHLO client.test\r\nMAIL FROM:<a@client.test>\r\n"
        for _ in range(20):
            clients.append(RawClient(self.server.ports["smtp"], timeout=60))
            clients[-1].greet()
            clients[-1].send(heads)
        self.clients += clients
        later, refusals = threading.Lock(), []

        def crowd(client):
            client.reply()
            client.reply()
            for _ in range(40):
                client.send(rcpt * 100)
                for _ in range(100):
                    answer = client.reply()
                    if answer[:3] != "250":
                        with later:
                            refusals.append(answer)

        threads = [threading.Thread(target=crowd, args=(client,)) for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertTrue(refusals)
        for answer in refusals:
            self.assertRegex(answer, r"^(452 4\.3\.1|452 4\.5\.3)")
        self.expect_kept()

    def test_sessions_without_end(self):
        greetings = []
        for _ in range(3000):
            client = RawClient(self.server.ports["smtp"], timeout=60)
            greetings.append(client.reply())
            if greetings[-1].startswith("220"):
                self.clients.append(client)
            else:
                client.close()
        self.assertGreater(sum(greeting.startswith("421 4.3.1") for greeting in greetings), 0)
        self.assertGreater(sum(greeting.startswith("220") for greeting in greetings), 500)
        self.expect_kept()
