"""The server, its sessions and the model; runs steps and compares."""

import collections
import random
import re

import bursts
import operations
import others
from harness import Mailroot, wait_until
from session import Session
from wire import Connection, Gone, Mismatch, fetched, flag_set, require, tokens, wait_connected
from world import World

USERS = ["alice", "alice", "alice", "bob", "bob"]  # of the sessions
JOURNAL_LINES = 400
FETCH_ALL = "UID FETCH 1:* (FLAGS MODSEQ RFC822.SIZE INTERNALDATE EMAILID ENVELOPE)"

# name: (how often, what it needs of the session, what it does)
STEPS = {
    "fetch": (8, "selected", operations.fetch),
    "store": (12, "writable", operations.store),
    "search": (6, "selected", operations.search),
    "append": (10, "awake", operations.append),
    "copy": (5, "selected", operations.copy),
    "move": (5, "writable", operations.move),
    "expunge": (5, "writable", operations.expunge),
    "replace": (3, "writable", operations.replace),
    "noop": (5, "awake", operations.noop),
    "select": (10, "awake", operations.select),
    "close": (3, "selected", operations.close),
    "idle": (4, "selected", operations.idle),
    "done": (12, "idle", operations.done),
    "enable": (2, "awake", operations.enable),
    "logout": (1, "awake", operations.logout),
    "create": (3, "awake", operations.create),
    "delete": (1, "awake", operations.delete),
    "rename": (1, "awake", operations.rename),
    "rename-inbox": (0.3, "awake", operations.rename_inbox),
    "list": (1, "awake", operations.list_names),
    "status": (3, "awake", operations.status),
    "deliver": (3, "awake", others.deliver),
    "pop": (3, "awake", others.pop),
    "burst": (3, "awake", bursts.burst),
    "crash": (0.3, "awake", bursts.crash),
    "restart": (0.1, "awake", bursts.restart),
}

Step = collections.namedtuple("Step", "session name number")


def random_step(source):
    names = list(STEPS)
    name = source.choices(names, [STEPS[name][0] for name in names])[0]
    return Step(source.randrange(len(USERS)), name, source.getrandbits(32))


class Checker:
    def __init__(self):
        self.journal = collections.deque(maxlen=JOURNAL_LINES)
        self.server = Mailroot(server_lines=["limit errors 1000"])
        self.world = World()
        self.is_concurrent = False
        self.told = {}  # MODSEQ by mailbox and UID, in this step
        self.tokens = 0
        self.done = self.crashes = 0
        self.sessions = [Session(self, f"{user}{n}", user) for n, user in enumerate(USERS)]
        self.observers = {}
        self.pops = {user: others.Pop(self, user) for user in self.server.users}

    # ---- life ----

    def start(self):
        self.server.start()
        self.connect_all()
        for user in self.server.users:
            self.world.make(self.server.address(user), "INBOX")
        alice = self.sessions[0]
        alice.ok("CREATE shared")
        alice.ok(f"SETACL shared {self.server.address('bob')} lrswipkxtea")
        self.world.make(self.server.address("alice"), "shared")
        self.end_step(None)

    def connect_all(self):
        for session in self.sessions:
            wait_connected(session.connect)
        for user in self.server.users:
            def connect(user=user):
                self.observers[user] = Session(self, f"observer of {user}", user)
                self.observers[user].connect()
            wait_connected(connect)

    def disconnect_all(self):
        for session in [*self.sessions, *self.observers.values(), *self.pops.values()]:
            session.disconnect()

    def finish(self):
        """Everything once more, then the store against itself."""
        self.observe_changed(everything=True)
        self.disconnect_all()
        self.server.stop()
        result = self.server.cli_result("store", "verify")
        require(result.returncode == 0, "store verify:", result.stdout, result.stderr)

    def summary(self):
        return f"{self.done} operations, {self.crashes} crashes"

    def close(self):
        self.disconnect_all()
        self.server.kill()

    # ---- steps ----

    def run(self, step):
        session = self.sessions[step.session]
        _, needs, action = STEPS[step.name]
        is_possible = {"awake": not session.is_idle, "idle": session.is_idle,
                       "selected": session.box is not None and not session.is_idle,
                       "writable": session.box is not None and not session.is_idle and
                       not session.read_only}[needs]
        if not is_possible:
            return
        self.done += 1
        self.journal.append(f"# step {self.done}: {step.session} {step.name} {step.number}")
        session.is_whole = False
        action(self, session, random.Random(step.number))
        self.end_step(session)

    def end_step(self, acting):
        self.observe_changed()
        for session in self.sessions:
            if session.is_idle:
                session.wait_in_step()
            elif session.connection.has_input():
                raise Mismatch(f"{session.name} heard between commands: "
                               f"{session.connection.response()}")
        for (box, uid), value in self.told.items():
            has = box.modseq_of(uid)
            require(has in (None, value), "UID", uid, "was told with MODSEQ", value, "and has", has)
        self.told.clear()
        if acting and acting.box and acting.is_whole:
            acting.whole_until = acting.box.highest

    def told_modseq(self, box, uid, value):
        self.told[box, uid] = value

    def has_told_last_of(self, box):
        """The mod-sequences that were told last in this step are those of the model."""
        return all(other is not box or box.modseq_of(uid) in (None, value)
                   for (other, uid), value in self.told.items())

    # ---- names ----

    def new_token(self):
        self.tokens += 1
        return f"token{self.tokens}."

    def is_appended(self, token):
        """Not delivered: then its bytes are what was sent."""
        return token.startswith("token")

    def random_mailbox(self, session, source):
        """(owner, name) of one that may exist."""
        owner = self.server.address(session.user)
        there = sorted(key for key in self.world.mailboxes if key[0] == owner)
        there.append((self.server.address("alice"), "shared"))
        if source.random() < 0.1:
            return owner, source.choice(operations.NAMES)
        if source.random() < 0.4:  # so that sessions meet
            return source.choice([(owner, "INBOX"), there[-1]])
        return source.choice(there)

    def path(self, session, owner, name):
        own = owner == self.server.address(session.user)
        return name if own else f'"Other Users/{owner}/{name}"'

    # ---- the model against the server ----

    def look(self, owner, name):
        """(items of STATUS, {uid: items of FETCH}) as a session sees them that knew nothing."""
        connection = self.observers[owner.split("@")[0]].connection
        tags = [connection.command(text) for text in (
            f"STATUS {name} (MESSAGES UNSEEN DELETED UIDNEXT UIDVALIDITY HIGHESTMODSEQ SIZE)",
            f"EXAMINE {name}", FETCH_ALL, "UNSELECT")]
        answers = [connection.answer(tag) for tag in tags]
        for answer in answers:
            require(answer.condition == "OK", "looking at", name, ":", answer.text)
        status = next(tokens(raw)[-1] for raw in answers[0].untagged
                      if raw.startswith(b"* STATUS "))
        seen = {}
        for raw in answers[2].untagged:
            number, items = fetched(raw) or (0, {})
            if number:
                seen[int(items[b"UID"])] = items
        return status, seen

    def observe_changed(self, everything=False):
        for (owner, name), box in list(self.world.mailboxes.items()):
            if box.is_changed or everything:
                try:
                    self.verify(box, *self.look(owner, name))
                except Mismatch as error:
                    raise Mismatch(f"{owner}/{name}: {error}") from None

    def verify(self, box, status, seen):
        require(list(seen) == box.uids(), "the mailbox holds", list(seen), "and should",
                box.uids())
        highest = box.highest
        for uid, items in seen.items():
            self.verify_message(box, uid, items)
            highest = max(highest, box.messages[uid].modseq)
        self.check_status(box, status)
        told = {status[i]: status[i + 1] for i in range(0, len(status), 2)}
        now = int(told[b"HIGHESTMODSEQ"])
        require(now >= highest and (box.is_changed or now == box.highest),
                "HIGHESTMODSEQ is", now, "and was", box.highest)
        require(int(told[b"SIZE"]) == sum(int(items[b"RFC822.SIZE"]) for items in seen.values()),
                "STATUS SIZE is", told[b"SIZE"])
        box.highest, box.is_changed = now, False

    def verify_message(self, box, uid, items):
        message = box.messages[uid]
        flags, modseq = flag_set(items[b"FLAGS"]), int(items[b"MODSEQ"][0])
        require(flags == message.flags, "UID", uid, "has flags", flags, "and should have",
                message.flags)
        if message.modseq is None:
            require(modseq > message.floor, "UID", uid, "changed, and its MODSEQ", modseq,
                    "is not above", message.floor)
        else:
            require(modseq == message.modseq, "the MODSEQ of UID", uid, "went from",
                    message.modseq, "to", modseq)
        require(items[b"ENVELOPE"][1].decode() == message.token, "UID", uid, "is",
                items[b"ENVELOPE"][1], "and should be", message.token)
        message.modseq = modseq
        for name, item in (("size", b"RFC822.SIZE"), ("date", b"INTERNALDATE")):
            value = items[item].decode()
            known = getattr(message, name)
            require(known is None or same_date(str(known), value), "UID", uid, "has", item, value,
                    "and had", known)
            setattr(message, name, value)
        self.world.learn_id(message.token, items[b"EMAILID"][0])

    def check_status(self, box, status):
        told = {status[i].decode(): status[i + 1] for i in range(0, len(status), 2)}
        messages = box.messages.values()
        self.world.learn_validity(box, int(told["UIDVALIDITY"]))
        require(int(told["UIDNEXT"]) >= box.uid_next, "UIDNEXT is", told["UIDNEXT"])
        for name, count in (("MESSAGES", len(messages)),
                            ("UNSEEN", sum("\\Seen" not in m.flags for m in messages)),
                            ("DELETED", sum("\\Deleted" in m.flags for m in messages))):
            require(int(told[name]) == count, "STATUS", name, "is", told[name], "and should be",
                    count)
        box.uid_next = int(told["UIDNEXT"])


def same_date(one, other):
    """Also when they are numbers: then character by character."""
    if one == other:
        return True
    pattern = r"[ 0](\d)-(\w+-\d+ [\d:]+ [-+]\d+)"
    left, right = re.fullmatch(pattern, one), re.fullmatch(pattern, other)
    return bool(left and right) and left.groups() == right.groups()
