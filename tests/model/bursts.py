"""Several sessions at the same moment, and what may come of it; the same with a kill in between.

Each session sends a script of commands at once. The messages named are those that were there
before. Keywords are one's own, so that what a keyword is at the end follows from one script alone.
What was answered OK must be there; what was not answered (the server was killed) may be."""

import collections
import os
import shutil
import signal
import time

from operations import append_arguments, is_full, some
from wire import Gone, flag_set, read_set, require, write_set
from world import Message

# What one command may change. answer: None until it came. keeps: numbers must hold.
Effect = collections.namedtuple("Effect", "kind uids to token keyword is_on")
NOTHING = Effect("look", (), None, None, None, False)


class Command:
    def __init__(self, text, effect=NOTHING, keeps=False):
        self.text = text if isinstance(text, bytes) else text.encode()
        self.effect, self.keeps = effect, keeps
        self.tag = self.answer = None

    @property
    def is_done(self):
        return self.answer is not None and self.answer.condition == "OK"

    @property
    def may_be_done(self):
        return self.answer is None or self.answer.condition == "OK"

    def pairs(self):
        """(UID here, UID there) of a COPY or MOVE that was answered."""
        words = self.answer.code_words("COPYUID")
        return list(zip(read_set(words[1]), read_set(words[2]))) if words else []


# ---- scripts ----

class Writer:
    """Writes the script of one session."""

    def __init__(self, checker, session, random, targets):
        self.checker, self.session, self.random = checker, session, random
        self.targets = targets  # [(owner, name)] that messages may go to
        self.keyword = f"$own{session.name}"

    def script(self):
        commands = [command for _ in range(self.random.randint(0, 2))
                    for command in self.numbered()]
        for _ in range(self.random.randint(1, 4)):
            commands += self.random.choice([self.flag, self.append, self.copy, self.move,
                                            self.erase, self.look])()
        return commands

    def uids(self):
        return some(self.random, self.session.view)

    def target(self):
        owner, name = self.random.choice(self.targets)
        return self.checker.world.find(owner, name), self.checker.path(self.session, owner, name)

    def change(self, uids):
        is_on = self.random.random() < 0.6
        silent = self.random.choice(["", ".SILENT"])
        text = f"{'+' if is_on else '-'}FLAGS{silent} ({self.keyword})"
        return text, Effect("flag", tuple(uids), None, None, self.keyword, is_on)

    def numbered(self):
        """Commands under which numbers stay as they are: they come first."""
        view = self.session.view
        numbers = some(self.random, range(1, len(view) + 1))
        if not numbers or self.session.has_uids_only():
            return []
        if self.random.random() < 0.3:
            return [Command(f"FETCH {write_set(numbers)} (UID FLAGS)", keeps=True)]
        text, effect = self.change([view[number - 1] for number in numbers])
        return [Command(f"STORE {write_set(numbers)} {text}", effect, keeps=True)]

    def flag(self):
        uids = self.uids()
        text, effect = self.change(uids)
        return [Command(f"UID STORE {write_set(uids)} {text}", effect)] if uids else []

    def append(self):
        box, path = self.target()
        token = self.checker.new_token()
        arguments, _, _ = append_arguments(self.checker, self.random, token)
        return [Command(f"APPEND {path} ".encode() + arguments,
                        Effect("append", (), box, token, None, False))]

    def put(self, verb):
        uids = self.uids()
        box, path = self.target()
        if not uids or is_full(box):
            return []
        effect = Effect(verb.lower(), tuple(uids), box, None, None, False)
        return [Command(f"UID {verb} {write_set(uids)} {path}", effect)]

    def copy(self):
        return self.put("COPY")

    def move(self):
        return self.put("MOVE")

    def erase(self):
        uids = self.uids()
        if not uids:
            return []
        effect = Effect("mark", tuple(uids), None, None, None, True)
        return [Command(f"UID STORE {write_set(uids)} +FLAGS.SILENT (\\Deleted)", effect),
                Command(f"UID EXPUNGE {write_set(uids)}", effect._replace(kind="erase"))]

    def look(self):
        return [Command(self.random.choice(["NOOP", "UID SEARCH ALL", "UID FETCH 1:* (FLAGS)"]))]

    def doom(self, owner, name):
        effect = Effect("delete", (), self.checker.world.find(owner, name), None, None, False)
        return Command(f"DELETE {self.checker.path(self.session, owner, name)}", effect)


def same_place(checker, session, owner, name):
    """The session has the mailbox open for writing, and is told everything."""
    box = checker.world.find(owner, name)
    if session.box is not box or session.read_only:
        session.leave()
        answer = session.ok(f"SELECT {checker.path(session, owner, name)}")
        session.opened(box, answer, False)
    else:
        session.hear(session.ok("NOOP"))
    session.compare()


class Burst:
    def __init__(self, checker, random):
        self.checker, self.random = checker, random
        self.scripts = {}

    def prepare(self):
        checker, random = self.checker, self.random
        shared = (checker.server.address("alice"), "shared")
        users = [s.user for s in checker.sessions if not s.is_idle]
        if not users:
            return False
        owner = checker.server.address(random.choice(users))
        own = sorted(key for key in checker.world.mailboxes if key[0] == owner)
        place = random.choice([*own, shared])
        self.box = checker.world.find(*place)
        sessions = [s for s in checker.sessions if not s.is_idle and
                    (place == shared or checker.server.address(s.user) == place[0])]
        sessions = some(random, range(len(sessions))) and sessions
        for session in sessions:
            same_place(checker, session, *place)
            targets = [place, shared, random.choice(sorted(
                key for key in checker.world.mailboxes
                if key[0] == checker.server.address(session.user)))]
            self.scripts[session] = Writer(checker, session, random, targets).script()
        if random.random() < 0.2 and own and sessions:
            self.doom_one(own, place, sessions)
        return bool(self.scripts)

    def doom_one(self, own, place, sessions):
        """Somebody deletes one of the mailboxes meanwhile."""
        owner, name = self.random.choice(own)
        session = self.random.choice(sessions)
        is_own = self.checker.server.address(session.user) == owner
        if is_own and name not in ("INBOX", "shared") and (owner, name) != place:
            script = self.scripts[session]
            command = Writer(self.checker, session, self.random, []).doom(owner, name)
            at = max(len([c for c in script if c.keeps]), self.random.randint(0, len(script)))
            script.insert(at, command)

    def commands(self):
        return [command for script in self.scripts.values() for command in script]

    def send(self):
        for session, script in self.scripts.items():
            connection, data = session.connection, b""
            for command in script:
                connection.tags += 1
                command.tag = b"t%d" % connection.tags
                data += command.tag + b" " + command.text + b"\r\n"
            for line in data.splitlines():
                if line[:1] == b"t" and b" " in line[:6]:
                    connection.note("C", line)
            try:
                connection.socket.sendall(data)
            except OSError:
                pass  # it is killed already

    def hear(self):
        for session, script in self.scripts.items():
            try:
                for command in script:
                    command.answer = session.connection.answer(command.tag)
                    self.note_silent(session, command)
                    session.hear(command.answer, command.keeps)
            except Gone:
                continue

    @staticmethod
    def note_silent(session, command):
        """What a client knows of a STORE whose result is not told."""
        if b"SILENT" not in command.text or not command.is_done:
            return
        flag = "\\Deleted" if command.effect.kind == "mark" else command.effect.keyword
        for uid in command.effect.uids:
            if uid in session.known and command.effect.is_on:
                session.known[uid] = session.known[uid] | {flag}
            elif uid in session.known:
                session.known[uid] = session.known[uid] - {flag}


# ---- the reckoning ----

class Reckoning:
    """What the burst may have made of the mailboxes."""

    def __init__(self, burst):
        self.burst, self.box = burst, burst.box
        self.commands = burst.commands()
        self.is_killed = any(command.answer is None for command in self.commands)
        self.unsure = collections.Counter()  # (mailbox, token): copies that may be there
        self.certain = collections.defaultdict(dict)  # by mailbox: {UID: token}
        self.gone, self.maybe_gone = set(), set()
        self.old = {uid: message.token for uid, message in self.box.messages.items()}
        for command in self.commands:
            self.take(command)

    def take(self, command):
        effect, kind = command.effect, command.effect.kind
        if not command.may_be_done:
            return
        if kind in ("move", "erase"):
            self.maybe_gone |= set(effect.uids)
        if kind == "erase" and command.is_done:
            self.gone |= set(effect.uids)
        if kind == "append" and command.is_done:
            words = command.answer.code_words("APPENDUID")
            self.certain[effect.to][int(words[1])] = effect.token
        elif kind == "append":
            self.unsure[effect.to, effect.token] += 1
        if kind in ("copy", "move"):
            self.take_put(command)

    def take_put(self, command):
        effect = command.effect
        if not command.is_done:
            for uid in effect.uids:
                self.unsure[effect.to, self.old[uid]] += 1
            return
        for here, there in command.pairs():
            require(here in effect.uids, "COPYUID names UID", here, "not asked for")
            require(effect.kind == "copy" or here not in self.gone_by_move(),
                    "UID", here, "was moved away twice")
            self.certain[effect.to][there] = self.old[here]
            if effect.kind == "move":
                self.moved.add(here)
                self.gone.add(here)

    def gone_by_move(self):
        self.moved = getattr(self, "moved", set())
        return self.moved

    def touched(self):
        boxes = {self.box, *(c.effect.to for c in self.commands if c.effect.to is not None)}
        return boxes

    # ---- one mailbox ----

    def settle(self, box, status, seen, may_lose=False):
        """Hold what is seen against what may be, then take it for the model's."""
        tokens_seen = {uid: items[b"ENVELOPE"][1].decode() for uid, items in seen.items()}
        self.check_new(box, tokens_seen)
        for uid, message in box.messages.items():
            is_source = box is self.box
            if is_source and uid in self.gone:
                require(uid not in seen, "UID", uid, "was to go and is still there")
            elif not (may_lose or is_source and uid in self.maybe_gone):
                require(uid in seen, "UID", uid, "is lost")
            if uid in seen:
                require(tokens_seen[uid] == message.token, "UID", uid, "was", message.token,
                        "and is", tokens_seen[uid])
                if is_source:
                    self.check_flags(uid, message, seen[uid])
        if not may_lose:
            for uid in self.certain[box]:
                require(uid in seen, "UID", uid, "was answered and is not there")
        self.adopt(box, status, seen, tokens_seen)

    def check_new(self, box, tokens_seen):
        extra = collections.Counter()
        for uid, token in tokens_seen.items():
            if uid in box.messages:
                continue
            require(uid >= box.uid_next, "UID", uid, "is new and below UIDNEXT", box.uid_next)
            if uid in self.certain[box]:
                require(token == self.certain[box][uid], "UID", uid, "is", token,
                        "and was answered as", self.certain[box][uid])
            else:
                extra[token] += 1
        for token, count in extra.items():
            require(count <= self.unsure[box, token], token, "is there", count,
                    "times more than was asked for")

    def check_flags(self, uid, message, items):
        now = flag_set(items[b"FLAGS"])
        own = {c.effect.keyword for c in self.commands if c.effect.keyword} | {"\\Deleted"}
        require(now - own == message.flags - own, "UID", uid, "has", now, "and had",
                message.flags)
        touching = [c for c in self.commands if uid in c.effect.uids]
        for keyword in own - {"\\Deleted"}:
            changes = [c for c in touching if c.effect.keyword == keyword]
            states = [keyword in message.flags, *(c.effect.is_on for c in changes)]
            first = max((i + 1 for i, c in enumerate(changes) if c.is_done), default=0)
            require((keyword in now) in states[first:], "UID", uid, keyword, "is",
                    keyword in now, "after", states)
        marks = [c for c in touching if c.effect.kind == "mark"]
        is_marked = "\\Deleted" in message.flags or any(c.is_done for c in marks)
        require("\\Deleted" in now or not is_marked, "UID", uid, "is no longer \\Deleted")
        modseq = int(items[b"MODSEQ"][0])
        require(modseq > self.box.highest if now != message.flags else modseq >= message.modseq,
                "the MODSEQ of UID", uid, "is", modseq)

    def adopt(self, box, status, seen, tokens_seen):
        told = {status[i]: status[i + 1] for i in range(0, len(status), 2)}
        require(int(told[b"HIGHESTMODSEQ"]) >= box.highest, "HIGHESTMODSEQ fell to",
                told[b"HIGHESTMODSEQ"], "from", box.highest)
        require(int(told[b"UIDNEXT"]) >= box.uid_next, "UIDNEXT fell to", told[b"UIDNEXT"])
        box.messages = {}
        for uid, items in seen.items():
            message = Message(tokens_seen[uid], flag_set(items[b"FLAGS"]), 0,
                              items[b"RFC822.SIZE"].decode(), items[b"INTERNALDATE"].decode())
            message.modseq = int(items[b"MODSEQ"][0])
            box.messages[uid] = message
        box.uid_next, box.highest = int(told[b"UIDNEXT"]), int(told[b"HIGHESTMODSEQ"])

    def check_moves(self, arrived):
        """What went away by a MOVE that was not answered must have come where it was to go."""
        erased = {uid for c in self.commands if c.effect.kind == "erase" for uid in c.effect.uids}
        for uid, token in self.old.items():
            if uid in self.box.messages or uid in self.gone or uid in erased:
                continue
            boxes = [c.effect.to for c in self.commands
                     if c.effect.kind == "move" and uid in c.effect.uids]
            require(any(token in arrived[box] or box.is_deleted for box in boxes), "UID", uid,
                    "was moved away and is nowhere")


def reckon(checker, burst):
    reckoning = Reckoning(burst)
    doomed = next((c for c in reckoning.commands if c.effect.kind == "delete"), None)
    if doomed and doomed.may_be_done and not exists(checker, doomed.effect.to):
        forget_mailbox(checker, doomed.effect.to)
    elif doomed:
        require(not doomed.is_done, "a deleted mailbox is there:", doomed.text)
    arrived = {}
    for (owner, name), box in list(checker.world.mailboxes.items()):
        if box in reckoning.touched():
            status, seen = checker.look(owner, name)
            may_lose = doomed is not None and box is doomed.effect.to
            reckoning.settle(box, status, seen, may_lose)
        arrived[box] = {message.token for message in box.messages.values()}
    for box in reckoning.touched():
        arrived.setdefault(box, set())
    reckoning.check_moves(arrived)


def exists(checker, box):
    owner, name = name_of(checker, box)
    answer = checker.observers[owner.split("@")[0]].ask(f"STATUS {name} (MESSAGES)")
    return answer.condition == "OK"


def name_of(checker, box):
    return next(key for key, value in checker.world.mailboxes.items() if value is box)


def forget_mailbox(checker, box):
    checker.world.remove(*name_of(checker, box))


# ---- the steps ----

def burst(checker, session, random):
    now = Burst(checker, random)
    if not now.prepare():
        return
    checker.is_concurrent = True
    now.send()
    now.hear()
    for command in now.commands():
        require(command.answer is not None, "the server went away by itself")
    reckon(checker, now)
    checker.told.clear()
    for session in now.scripts:
        session.hear(session.ok("NOOP"))
    checker.is_concurrent = False
    for session in now.scripts:
        session.settle()


def kill(checker, random):
    """All of it at once, or only the part that holds the mail; then it is there again."""
    stores = checker.server.role_pids("store")
    if stores and random.random() < 0.5:
        for pid in stores:
            os.kill(pid, signal.SIGKILL)
        return False
    checker.server.kill()
    return True


def crash(checker, session, random):
    now = Burst(checker, random)
    for each in checker.sessions:
        each.remember()
    if not now.prepare():
        return
    for each in checker.sessions:
        each.remember()
    checker.is_concurrent = True
    now.send()
    time.sleep(random.random() ** 2 * 0.03)
    is_whole = kill(checker, random)
    now.hear()
    checker.is_concurrent = False
    begin_again(checker, random, is_whole)
    reckon(checker, now)
    checker.observe_changed(everything=True)
    checker.crashes += 1


def delete_index(checker):
    """It is made anew from the log, and nobody may notice."""
    for index in (checker.server.directory / "data").glob("**/index"):
        shutil.rmtree(index)
    checker.journal.append("# the index is deleted")


def begin_again(checker, random, is_whole):
    checker.told.clear()
    checker.disconnect_all()
    for each in checker.sessions:
        each.forget()
    if is_whole:
        if random.random() < 0.3:
            delete_index(checker)
        checker.server.start()
    checker.connect_all()


def restart(checker, session, random):
    """In order: nothing may be different afterwards."""
    for each in checker.sessions:
        each.remember()
    checker.disconnect_all()
    checker.server.stop()
    begin_again(checker, random, True)
    checker.observe_changed(everything=True)
