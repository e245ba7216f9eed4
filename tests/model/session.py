"""An IMAP client that believes what it is told, and holds it against the model."""

import re

from wire import Connection, Mismatch, fetched, flag_set, read_set, require

NUMBERED = re.compile(rb"\* (\d+) (EXISTS|EXPUNGE|RECENT)\r\n")
VANISHED = re.compile(rb"\* VANISHED (\(EARLIER\) )?([\d:,]+)\r\n")
STATUS_CODE = re.compile(rb"\* OK \[(UIDVALIDITY|UIDNEXT|HIGHESTMODSEQ) (\d+)\]")


class Session:
    """view: the UIDs by message number, None where the client was told only that there is one.
    known: flags by UID, as the client was told or did itself."""

    def __init__(self, checker, name, user):
        self.checker, self.name, self.user = checker, name, user
        self.connection = None
        self.enabled = set()
        self.is_idle = False
        self.idle_tag = None
        self.memory = {}  # of mailboxes left: what a client with QRESYNC remembers
        self.forget()

    def forget(self):
        """Nothing is selected."""
        self.box, self.read_only = None, False
        self.view, self.known = [], {}
        self.next_uid = 1     # messages from here on were not told of
        self.numbers_kept = False
        self.earlier = set()  # what VANISHED (EARLIER) told in this command
        self.saved = set()    # "$"
        self.is_whole = False  # by its last command it was told everything
        self.whole_until = 0   # the mod-sequence up to which it was

    # ---- commands ----

    def connect(self):
        self.forget()
        self.is_idle, self.enabled = False, set()
        server = self.checker.server
        self.connection = Connection(server.ports["imaps"], self.name, self.checker.journal)
        self.connection.response()
        self.ok(f"LOGIN {server.address(self.user)} {server.passwords[self.user]}")

    def disconnect(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def ask(self, text):
        return self.connection.answer(self.connection.command(text))

    def ok(self, text):
        """The answer of a command that must succeed and where no rule of numbers is at stake."""
        answer = self.ask(text)
        require(answer.condition == "OK", self.name, "asked", text, "and heard", answer.text)
        return answer

    # ---- what the server tells ----

    def hear(self, answer, numbers_kept=False):
        """Take in what came before the tagged answer."""
        self.numbers_kept = numbers_kept
        for raw in answer.untagged:
            self.hear_one(raw)
        self.numbers_kept = False

    def hear_one(self, raw):
        numbered, vanished, fetch = NUMBERED.match(raw), VANISHED.match(raw), fetched(raw)
        if numbered and self.box:
            self._numbered(int(numbered[1]), numbered[2])
        elif vanished:
            self._vanished(bool(vanished[1]), read_set(vanished[2].decode()))
        elif fetch:
            self._fetched(*fetch)
        elif raw.startswith(b"* BYE"):
            raise Mismatch(f"{self.name} heard {raw}")

    def _numbered(self, number, what):
        if what == b"EXISTS":
            require(number >= len(self.view), self.name, "had", len(self.view),
                    "messages and heard", number, "EXISTS")
            self.view += [None] * (number - len(self.view))
            self.fill()
        elif what == b"EXPUNGE":
            require(not self.numbers_kept, self.name, "heard EXPUNGE while numbers are in use")
            require(not self.hears_vanished(), self.name, "heard EXPUNGE and not VANISHED")
            require(1 <= number <= len(self.view), self.name, "heard", number,
                    "EXPUNGE and knows", len(self.view), "messages")
            self.known.pop(self.view.pop(number - 1), None)

    def _vanished(self, is_earlier, uids):
        require(self.hears_vanished(), self.name, "heard VANISHED without having asked")
        if is_earlier:
            self.earlier |= set(uids)
            return
        require(not self.numbers_kept, self.name, "heard VANISHED while numbers are in use")
        for uid in uids:
            require(uid in self.view, self.name, "heard VANISHED of UID", uid, "not in its view")
            self.view.remove(uid)
            self.known.pop(uid, None)

    def has_uids_only(self):
        return "UIDONLY" in self.enabled

    def hears_vanished(self):
        return bool(self.enabled & {"QRESYNC", "UIDONLY"})

    def uid_of(self, number, items):
        return int(items[b"UID"]) if number is None else self.view[number - 1]

    def _fetched(self, number, items):
        require((number is None) == self.has_uids_only(), self.name, "heard of number", number)
        if number is None:
            uid = int(items[b"UID"])
            require(uid in self.view or None in self.view, self.name, "heard of UID", uid)
            self._learn(uid, items)
            return
        require(1 <= number <= len(self.view), self.name, "heard FETCH of number", number, "of",
                len(self.view))
        uid = self.view[number - 1]
        if b"UID" in items:
            require(uid in (None, int(items[b"UID"])), self.name, "number", number, "was UID",
                    uid, "and is", items[b"UID"])
            uid = self.view[number - 1] = int(items[b"UID"])
        if uid is not None:
            self._learn(uid, items)

    def _learn(self, uid, items):
        if b"FLAGS" in items:
            self.known[uid] = flag_set(items[b"FLAGS"])
        if b"MODSEQ" in items:
            self.checker.told_modseq(self.box, uid, int(items[b"MODSEQ"][0]))

    # ---- against the model ----

    def fill(self):
        """Put UIDs where only the number of new messages was told. While one step runs at a time
        the model knows them."""
        unknown = self.view.count(None)
        if self.checker.is_concurrent or not unknown:
            return
        new = [uid for uid in self.box.uids() if uid >= self.next_uid]
        require(unknown <= len(new), self.name, "was told of", unknown, "new messages of", new)
        known = [uid for uid in self.view if uid is not None]
        self.view = known + new[:unknown]
        self.next_uid = self.view[-1] + 1

    def compare(self, gone_may_stay=False):
        """All changes were to be told: the view must be the mailbox."""
        if self.box is None:
            return
        uids = self.box.uids()
        gone = [uid for uid in self.view if uid not in self.box.messages]
        require(gone_may_stay or not gone, self.name, "was not told that", gone, "are gone")
        there = [uid for uid in self.view if uid in self.box.messages]
        require(there == uids, self.name, "sees", there, "and the mailbox holds", uids)
        for uid in there:
            if uid in self.known:
                message = self.box.messages[uid]
                require(self.known[uid] == message.flags, self.name, "knows UID", uid, "with",
                        sorted(self.known[uid]), "and it has", sorted(message.flags))
        self.next_uid = max(self.next_uid, self.box.uid_next)
        self.is_whole = not gone

    def settle(self):
        """After a time in which the model did not know what happens in which order."""
        uids = self.box.uids()
        require(len(self.view) == len(uids) and
                all(uid in (None, known) for uid, known in zip(self.view, uids)),
                self.name, "sees", self.view, "and the mailbox holds", uids)
        self.view = uids
        self.compare()

    def is_in_step(self):
        """For an idle session, that hears of things a moment later: also of what changed nothing in
        the end."""
        try:
            self.compare()
        except Mismatch:
            return False
        return self.checker.has_told_last_of(self.box)

    def wait_in_step(self):
        """IDLE: what happened is told without being asked for."""
        while not self.is_in_step():
            if not self.connection.has_input(5):
                self.compare()
                raise Mismatch(f"{self.name} idles and did not hear of the last changes")
            self.hear_one(self.connection.response())

    # ---- selecting ----

    def remember(self):
        """What a client with QRESYNC keeps of a mailbox."""
        if self.box and not self.box.is_deleted and self.box.uid_validity:
            self.memory[self.box] = (self.whole_until, dict(self.known), list(self.view))

    def leave(self):
        self.remember()
        self.forget()

    def opened(self, box, answer, read_only):
        """After SELECT. Does not compare with what was remembered: select_again does."""
        self.forget()
        self.box, self.read_only = box, read_only
        start = 0
        for at, raw in enumerate(answer.untagged):
            code = STATUS_CODE.match(raw)
            if code:
                self._selected_code(code[1], int(code[2]))
            if raw.endswith(b"[CLOSED] The one before is closed\r\n"):
                start = at
        for raw in answer.untagged[start:]:
            self.hear_one(raw)

    def _selected_code(self, name, value):
        box = self.box
        if name == b"UIDVALIDITY":
            self.checker.world.learn_validity(box, value)
        elif name == b"UIDNEXT":
            require(value >= box.uid_next, "UIDNEXT went from", box.uid_next, "to", value)
        elif name == b"HIGHESTMODSEQ":
            require(value == box.highest or box.is_changed and value > box.highest,
                    "HIGHESTMODSEQ is", value, "and was", box.highest)
