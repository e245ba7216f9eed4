"""What was promised, and when: a moment is a place in the journal of the recording disk.

An answer was heard at place P means: whatever the server did before it, the disk had been told
before P. A cut at P or later must keep it. What was asked for before the cut and not answered
before it may be there or not; what was asked for later is not."""

import threading
from collections import namedtuple

SINK = "the next hop"  # an owner besides the users

# Where a message is; flags and uid are None when nobody was told. uid: "UIDVALIDITY UID".
Stands = namedtuple("Stands", "mailbox flags uid")
ABSENT = None


def message_of(token, lines):
    """The message with that token: the same bytes each time."""
    body = "".join(f"{token} {number:06d} {'x' * 56}\r\n" for number in range(lines))
    return (f"From: <sender@elsewhere.test>\r\nTo: <somebody@example.test>\r\n"
            f"Subject: token {token} {lines}\r\nMessage-ID: <{token}@power.test>\r\n"
            f"Date: Mon, 23 Nov 2026 20:00:00 +0000\r\n\r\n{body}").encode()


class Step:
    """Something that was asked for."""

    def __init__(self, fate, state, began):
        self.fate, self.state, self.began = fate, state, began
        self.done = None


class Fate:
    """Of one message for one owner, or of one mailbox."""

    def __init__(self):
        self.settled = {ABSENT}  # one of these, where the journal begins
        self.steps = []

    def certain(self, place):
        """The states one of which was promised, without what was on its way."""
        done = [step for step in self.steps if step.done is not None and step.done <= place]
        return {done[-1].state} if done else self.settled

    def possible(self, place):
        """The states that may be seen after a cut there."""
        return self.certain(place) | {
            step.state for step in self.steps
            if step.began < place and (step.done is None or step.done > place)}

    def settle(self, place):
        """A new journal begins with what a cut there has left."""
        self.settled = self.possible(place)
        self.steps = []


class Ledger:
    """All promises since the file system was made."""

    def __init__(self, users):
        self.lock = threading.Lock()
        self.number = 0
        self.now = lambda: 0
        self.mail, self.boxes = {}, {}  # (token, owner), (name, user): Fate
        self.taken = {}  # token: place before which the next hop had it
        self.passwords = {user: None for user in users}  # place from which on it is set
        self.highest_uids = {}  # (user, mailbox): [(place, UIDVALIDITY, UID)]

    def new_token(self):
        with self.lock:
            self.number += 1
            return f"{self.number:08x}"

    def ask(self, fates, key, state):
        """Something is about to be asked for."""
        with self.lock:
            fate = fates.setdefault(key, Fate())
            step = Step(fate, state, self.now())
            fate.steps.append(step)
            return step

    def heard(self, *steps):
        """It was answered that it is done."""
        place = self.now()
        for step in steps:
            step.done = place

    def told_uid(self, user, mailbox, uid):
        validity, number = map(int, uid.split())
        with self.lock:
            self.highest_uids.setdefault((user, mailbox), []).append((self.now(), validity, number))

    def highest_uid(self, user, mailbox, place):
        """(UIDVALIDITY, UID) that was told before the cut, or None."""
        told = [(validity, uid) for at, validity, uid in self.highest_uids.get((user, mailbox), [])
                if at <= place]
        return max(told, default=None)

    def note_taken(self, token):
        """The next hop has it and will say so now."""
        with self.lock:
            self.taken.setdefault(token, self.now())

    def promises(self, place):
        """How many messages had been answered for at that place."""
        return sum(fate.certain(place) != {ABSENT} for fate in self.mail.values())

    def settle(self, place):
        """A new journal begins where a cut at that place left the medium."""
        for fates in (self.mail, self.boxes):
            for key, fate in list(fates.items()):
                fate.settle(place)
                if fate.settled == {ABSENT}:
                    del fates[key]
        self.taken = {token: 0 for token, at in self.taken.items() if at <= place}
        self.passwords = {user: 0 if at is not None and at <= place else None
                          for user, at in self.passwords.items()}
        self.highest_uids = {key: [(0, validity, uid) for at, validity, uid in told if at <= place]
                             for key, told in self.highest_uids.items()}
