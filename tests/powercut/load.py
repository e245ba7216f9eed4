"""Clients that work until the power goes: mail by SMTP and LMTP to mailboxes and to a next hop, and
IMAP sessions that append, move, flag and remove. Each notes what it asks for, and what it heard."""

import ctypes
import os
import random
import re
import threading
import time

from ledger import ABSENT, SINK, Stands, message_of
from worker import USERS, Worker

LARGE_LINES = 12_000  # goes in chunks, not inside the commit
FLAGS = frozenset({"\\Flagged", "$Kept"})
SYNC_FILE_RANGE_WRITE = 2


class Client(Worker):
    def lines(self):
        return LARGE_LINES if self.random.random() < 0.02 else self.random.randint(1, 100)

    def mail(self, client, service):
        """One message; False when the session is over."""
        owners = [self.random.choice(USERS)] if service == "lmtp" else self.random.choice(
            [["alice"], ["bob"], [SINK], ["alice", "bob"], ["alice", SINK]])
        token, lines = self.ledger.new_token(), self.lines()
        client.send(b"MAIL FROM:<sender@elsewhere.test>\r\n" + b"".join(
            b"RCPT TO:<%s>\r\n" % (b"carol@relay.test" if owner == SINK else
                                   f"{owner}@example.test".encode()) for owner in owners) +
            b"DATA\r\n")
        replies = [client.reply() for _ in range(len(owners) + 2)]
        if not replies[-1].startswith("354"):
            return client.ask("RSET").startswith("250")
        steps = [self.ledger.ask(self.ledger.mail, (token, owner),
                                 Stands(SINK if owner == SINK else "INBOX", None, None))
                 for owner in owners]
        client.send(message_of(token, lines) + b".\r\n")
        answer = client.reply()
        if answer.startswith("250"):
            self.ledger.heard(*steps)
        return bool(answer)

    def imap_life(self, client, user):
        """One message, or a mailbox, from its beginning to where chance leaves it."""
        if self.random.random() < 0.1:
            return self.make_mailbox(client, user)
        token = self.ledger.new_token()
        data = message_of(token, self.lines())
        uid = self.change(client, (token, user), Stands("Drafts", FLAGS, None),
                          b"APPEND Drafts (%s) {%d+}\r\n%s" % (" ".join(FLAGS).encode(), len(data),
                                                               data))
        flags = FLAGS
        while uid and self.random.random() < 0.6:
            number = uid.split()[1].encode()
            what = self.random.choice(["flag", "move", "remove"])
            if what == "flag":
                flags = flags ^ {self.random.choice(["\\Seen", "\\Answered", "$Odd"])}
                uid = self.change(client, (token, user), Stands("Drafts", flags, uid),
                                  b"UID STORE %s FLAGS.SILENT (%s)" % (number,
                                                                " ".join(flags).encode()))
            elif what == "move":
                return bool(self.change(client, (token, user), Stands("INBOX", flags, None),
                                        b"UID MOVE %s INBOX" % number))
            else:
                flags = flags | {"\\Deleted"}
                return bool(self.change(client, (token, user), Stands("Drafts", flags, uid),
                                        b"UID STORE %s +FLAGS.SILENT (\\Deleted)" % number) and
                            self.change(client, (token, user), ABSENT, b"UID EXPUNGE %s" % number))
        return bool(uid)

    def change(self, client, key, state, command):
        """Its "UIDVALIDITY UID" afterwards, or the one it has; None when it was not done."""
        step = self.ledger.ask(self.ledger.mail, key, state)
        answer = self.imap(client, command)
        if not answer:
            return None
        told = re.search(rb"(?:APPENDUID|COPYUID) (\d+) (?:\d+ )?(\d+)\]", answer)
        if told:
            step.state = state._replace(uid=b" ".join(told.groups()).decode())
            self.ledger.told_uid(key[1], state.mailbox, step.state.uid)
        self.ledger.heard(step)
        return step.state.uid if step.state else "gone"

    def make_mailbox(self, client, user):
        name = f"Box {self.ledger.new_token()}"
        made = Stands(name, None, None)
        for state, command in ((made, "CREATE"), (ABSENT, "DELETE"))[:self.random.randint(1, 2)]:
            step = self.ledger.ask(self.ledger.boxes, (name, user), state)
            if not self.imap(client, f'{command} "{name}"'.encode()):
                return False
            self.ledger.heard(step)
        return True


class Writeback(threading.Thread):
    """A kernel that is in a hurry: pages go to the disk at any time, and no flush follows. It does
    so by itself after some seconds, which is longer than the load lasts."""

    def __init__(self, folder, seed, stop):
        super().__init__(daemon=True)
        self.folder, self.stop = folder, stop
        self.random = random.Random(seed)
        self.libc = ctypes.CDLL(None, use_errno=True)

    def run(self):
        while not self.stop.wait(0.03):
            files = [path for path in self.folder.rglob("*") if path.is_file()]
            for path in self.random.sample(files, min(3, len(files))):
                try:
                    fd = os.open(path, os.O_RDONLY)
                except OSError:
                    continue  # it is gone
                self.libc.sync_file_range(fd, ctypes.c_int64(0), ctypes.c_int64(0),
                                          SYNC_FILE_RANGE_WRITE)
                os.close(fd)


def work(server, ledger, seed, clients, seconds):
    """Let clients work for that long. They stop by themselves: the power goes while they work, in
    the journal, wherever a cut is made."""
    stop = threading.Event()
    threads = [Client(server, ledger, f"{seed} {number}", stop) for number in range(clients)]
    threads.append(Writeback(server.data, f"{seed} writeback", stop))
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    stop.set()
    for thread in threads:
        thread.join(20)
