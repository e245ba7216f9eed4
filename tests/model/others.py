"""Steps of other protocols on INBOX: LMTP deliveries, and POP3 sessions that last several steps."""

import smtplib

from harness import wait_until
from wire import Connection, require
from world import message_bytes


def deliver(checker, session, random):
    """By LMTP or SMTP. Once it is taken, it comes."""
    token = f"delivered{checker.new_token()}"
    owner = checker.server.address(session.user)
    checker.server.send(message_bytes(token), owner, sender="all@model.test",
                        service=random.choice(["lmtp", "smtp"]))
    inbox = checker.world.find(owner, "INBOX")

    def arrived():
        _, seen = checker.look(owner, "INBOX")
        return sorted(set(seen) - set(inbox.messages))

    uids = wait_until(arrived, f"{token} is in INBOX")
    require(len(uids) == 1, token, "came as", uids)
    inbox.add(uids[0], token, set())


class Pop:
    """A POP3 session of a user, or none. listed: UIDs by number as at the login."""

    def __init__(self, checker, user):
        self.checker, self.user = checker, user
        self.connection, self.listed, self.deleted = None, [], set()
        self.subjects = {}

    def disconnect(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def line(self):
        return self.connection.response().rstrip(b"\r\n")

    def ask(self, text):
        self.connection.send(text.encode() + b"\r\n")
        return self.line()

    def ok(self, text):
        reply = self.ask(text)
        require(reply.startswith(b"+OK"), "POP3", text, ":", reply)
        return reply

    def lines(self, text):
        self.ok(text)
        return self.rest()

    def rest(self):
        """The lines up to the dot."""
        found = []
        while (line := self.line()) != b".":
            found.append(line[1:] if line.startswith(b".") else line)
        return found

    # ---- what a step does ----

    def begin(self):
        server, world = self.checker.server, self.checker.world
        inbox = world.find(server.address(self.user), "INBOX")
        self.connection = Connection(server.ports["pop3s"], f"pop of {self.user}",
                                     self.checker.journal)
        self.line()
        self.ok(f"USER {server.address(self.user)}")
        self.ok(f"PASS {server.passwords[self.user]}")
        self.listed, self.deleted = inbox.uids(), set()
        self.subjects = {uid: b"Subject: " + message.token.encode()
                         for uid, message in inbox.messages.items()}
        told = [line.split()[1] for line in self.lines("UIDL")]
        require(len(told) == len(self.listed), "UIDL tells", told)
        for uid, uidl in zip(self.listed, told):
            known = world.uidls.setdefault((inbox, uid), uidl)
            require(known == uidl, "the UIDL of UID", uid, "was", known, "and is", uidl)
        require(len(set(told)) == len(told), "UIDL tells one twice:", told)
        sizes = [int(line.split()[1]) for line in self.lines("LIST")]
        expected = [int(inbox.messages[uid].size) for uid in self.listed]
        require(sizes == expected, "LIST tells", sizes, "and not", expected)

    def retrieve(self, inbox, random):
        number = random.randint(1, len(self.listed))
        uid = self.listed[number - 1]
        reply = self.ask(f"RETR {number}")
        if uid in self.deleted:
            require(reply.startswith(b"-ERR"), "RETR of one marked as deleted:", reply)
        elif uid in inbox.messages or reply.startswith(b"+OK"):  # what others removed may be kept
            require(reply.startswith(b"+OK"), "RETR of one that is there:", reply)
            require(self.subjects[uid] in self.rest(), "RETR gave another than",
                    self.subjects[uid])

    def delete(self, random):
        number = random.randint(1, len(self.listed))
        if self.listed[number - 1] not in self.deleted:
            self.ask(f"DELE {number}")  # refused when others removed it
            self.deleted.add(self.listed[number - 1])

    def reset(self):
        self.ok("RSET")
        self.deleted.clear()

    def quit(self, inbox):
        self.ok("QUIT")
        self.disconnect()
        for uid in self.deleted & set(inbox.messages):
            inbox.expunge(uid)
        if self.deleted:  # what others removed before counts as a change too
            inbox.is_changed = True


def pop(checker, session, random):
    client = checker.pops[session.user]
    inbox = checker.world.find(checker.server.address(session.user), "INBOX")
    if client.connection is None:
        client.begin()
        return
    kind = random.randrange(8)
    if kind < 3 and client.listed:
        client.retrieve(inbox, random)
    elif kind < 5 and client.listed:
        client.delete(random)
    elif kind == 5:
        client.reset()
    else:
        client.quit(inbox)
