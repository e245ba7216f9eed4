"""The model: what mailboxes must hold. Simple on purpose; no protocol."""

from wire import require


class Message:
    """modseq None: it changed and the new value was not seen yet; it must be above floor."""

    def __init__(self, token, flags, floor, size=None, date=None):
        self.token, self.flags = token, set(flags)
        self.modseq, self.floor = None, floor
        self.size, self.date = size, date


class Mailbox:
    def __init__(self, owner):
        self.owner = owner
        self.messages = {}  # by UID, ascending
        self.uid_validity = None
        self.uid_next = 1
        self.highest = 0  # HIGHESTMODSEQ as seen last
        self.is_deleted = False
        self.is_changed = True  # since it was seen last

    def uids(self):
        return list(self.messages)

    def modseq_of(self, uid):
        """None: the message is gone."""
        return self.messages[uid].modseq if uid in self.messages else None

    def change(self, uid):
        message = self.messages[uid]
        message.modseq, message.floor = None, self.highest
        self.is_changed = True

    def set_flags(self, uid, flags):
        message = self.messages[uid]
        if set(flags) != message.flags:
            message.flags = set(flags)
            self.change(uid)

    def add(self, uid, token, flags, **known):
        require(uid >= self.uid_next, "UID", uid, "was given out before; UIDNEXT was",
                self.uid_next)
        self.uid_next = uid + 1
        self.messages[uid] = Message(token, flags, self.highest, **known)
        self.is_changed = True

    def expunge(self, uid):
        del self.messages[uid]
        self.is_changed = True

    def delete(self):
        self.messages.clear()
        self.is_deleted = True


class World:
    """All mailboxes that the steps use, by owner and name."""

    def __init__(self):
        self.mailboxes = {}
        self.validities = set()
        self.ids = {}     # EMAILID by token
        self.tokens = {}  # and the other way round
        self.uidls = {}   # POP3's, by mailbox and UID

    def find(self, owner, name):
        return self.mailboxes.get((owner, name))

    def make_above(self, owner, name):
        levels = name.split("/")
        for depth in range(1, len(levels)):
            self.mailboxes.setdefault((owner, "/".join(levels[:depth])), Mailbox(owner))

    def make(self, owner, name):
        self.make_above(owner, name)
        return self.mailboxes.setdefault((owner, name), Mailbox(owner))

    def remove(self, owner, name):
        self.mailboxes.pop((owner, name)).delete()

    def rename(self, owner, old, new):
        """With all below. False: there is none, or a new name is taken."""
        moved = {key: box for key, box in self.mailboxes.items()
                 if key[0] == owner and (key[1] == old or key[1].startswith(old + "/"))}
        targets = {(owner, new), *((owner, new + name[len(old):]) for _, name in moved)}
        if not moved or targets & set(self.mailboxes):
            return False
        for (_, name), box in moved.items():
            del self.mailboxes[(owner, name)]
            self.mailboxes[(owner, new + name[len(old):])] = box
        self.make_above(owner, new)
        return True

    def learn_validity(self, box, value):
        if box.uid_validity is None:
            require(value not in self.validities, "UIDVALIDITY", value, "was used before")
            self.validities.add(value)
            box.uid_validity = value
        require(box.uid_validity == value, "UIDVALIDITY is", value, "and was", box.uid_validity)

    def learn_id(self, token, value):
        self.ids.setdefault(token, value)
        self.tokens.setdefault(value, token)
        require(self.ids[token] == value and self.tokens[value] == token,
                "EMAILID", value, "is of", self.tokens[value], "and", token, "has",
                self.ids[token])


def line_count(token):
    """Of the body. Some are large, so that segments of the log become full and are given back."""
    number = sum(token.encode())
    return 50_000 if number % 29 == 0 else number % 40


def message_bytes(token):
    """The message of a token."""
    return (f"From: <{token}@model.test>\r\nTo: <all@model.test>\r\nSubject: {token}\r\n\r\n" +
            "A line of the body.\r\n" * line_count(token)).encode()
