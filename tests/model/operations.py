"""What single steps do: each asks a session for something, applies it to the model, and compares.

Each takes a session and random numbers of its own, so that a step does the same whenever it is
run on the same state, and something sensible on any other."""

from wire import fetched, read_set, require, tokens, write_set
from world import line_count, message_bytes

KEYWORDS = ["$a", "$b", "$c"]
SYSTEM = ["\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft"]
SPECIAL = {"Archive", "Drafts", "Junk", "Sent", "Trash"}  # made at the first login
NAMES = ["a", "b", "a/x", "c", "b/y/z"]
DATES = ["01-Feb-2020 10:00:00 +0000", "29-Feb-2024 23:59:59 +0000"]
AT_ONCE = 60  # messages that a command names
FULL = 1000  # messages of a mailbox into which nothing is copied: what copies to itself would only grow


def random_flags(random):
    return {flag for flag in SYSTEM + KEYWORDS if random.random() < 0.25}


def written(flags):
    return "(" + " ".join(sorted(flags)) + ")"


def some(random, things):
    """A part of them, not empty unless there are none: of at most AT_ONCE, so that copies of copies
    stay few, and no command longer than a line may be."""
    things = list(things)
    return sorted(random.sample(things, random.randint(1, min(len(things), AT_ONCE)))) if things else []


class Named:
    """Messages as a command names them: by numbers or by UIDs."""

    def __init__(self, session, random, may_be_gone=True):
        self.by_uid = session.has_uids_only() or random.random() < 0.5
        self.prefix = "UID " if self.by_uid else ""
        view, box = session.view, session.box
        if self.by_uid:
            named = some(random, [uid for uid in view if may_be_gone or uid in box.messages])
            self.named = set(named)
            self.set = write_set(named, random)
            if random.random() < 0.15:
                self.named, self.set = set(view), "1:*"
        else:
            numbers = some(random, range(1, len(view) + 1))
            if not may_be_gone:
                numbers = [n for n in numbers if view[n - 1] in box.messages]
            self.named = {view[n - 1] for n in numbers}
            self.set = write_set(numbers, random)
            if random.random() < 0.15 and view and (may_be_gone or view[-1] in box.messages):
                self.named, self.set = {view[-1]}, "*"
        self.there = sorted(uid for uid in self.named if uid in box.messages)
        self.any_gone = len(self.there) < len(self.named)

    def written(self, session, uids):
        """As the answer must name them."""
        return sorted(uids) if self.by_uid else [session.view.index(uid) + 1 for uid in uids]


# ---- messages of the selected mailbox ----

def fetch(checker, session, random):
    named = Named(session, random)
    items = ["UID", "FLAGS", *random.sample(["RFC822.SIZE", "INTERNALDATE", "MODSEQ", "ENVELOPE",
                                             "BODYSTRUCTURE"], random.randint(0, 3))]
    sees = random.random() < 0.2
    if sees or random.random() < 0.2:
        items.append("BODY[]" if sees else "BODY.PEEK[]")
    if not named.set:
        return
    modifier, expected = "", named.there
    if random.random() < 0.2:
        since = random.randint(0, session.box.highest)
        modifier = f" (CHANGEDSINCE {since})"
        expected = [uid for uid in named.there if session.box.messages[uid].modseq > since]
        if named.by_uid and "QRESYNC" in session.enabled and random.random() < 0.5:
            modifier = f" (CHANGEDSINCE {since} VANISHED)"
    answer = session.ask(f"{named.prefix}FETCH {named.set} ({' '.join(items)}){modifier}")
    refused = named.any_gone and not named.by_uid
    require(answer.condition == ("NO" if refused else "OK"), "FETCH:", answer.text)
    check_fetched(session, answer, expected)
    if sees and not session.read_only:
        for uid in expected:
            session.box.set_flags(uid, session.box.messages[uid].flags | {"\\Seen"})
    session.earlier = set()
    session.hear(answer, not named.by_uid)
    require(not any(uid in session.box.messages for uid in session.earlier),
            "VANISHED names what is there:", session.earlier)
    session.compare(not named.by_uid)


def check_fetched(session, answer, expected):
    """All that were asked for are told, and what they hold is what came in."""
    heard = {}
    for raw in answer.untagged:
        _, items = fetched(raw) or (0, {})
        if b"BODY[]" in items:
            token = session.box.messages[int(items[b"UID"])].token
            if session.checker.is_appended(token):
                require(items[b"BODY[]"] == message_bytes(token), "the body of", token, "is",
                        items[b"BODY[]"])
        if items:
            heard[int(items[b"UID"])] = items
    missing = set(expected) - set(heard)
    require(not missing, "FETCH told nothing of", sorted(missing))


def store(checker, session, random):
    named = Named(session, random)
    sign, flags = random.choice(["", "+", "-"]), random_flags(random)
    silent = random.choice(["", ".SILENT"])
    condition, since = "", None
    if random.random() < 0.25:
        since = random.randint(0, session.box.highest + 1)
        condition = f"(UNCHANGEDSINCE {since}) "
    if not named.set:
        return
    answer = session.ask(f"{named.prefix}STORE {named.set} {condition}{sign}FLAGS{silent} "
                         f"{written(flags)}")
    require(answer.condition == "OK", "STORE:", answer.text)
    messages = session.box.messages
    left = [uid for uid in named.there if since is not None and messages[uid].modseq > since]
    modified = answer.code_words("MODIFIED")
    require(sorted(read_set(modified[0] if modified else "")) == named.written(session, left),
            "MODIFIED names", modified, "and not", left)
    for uid in set(named.there) - set(left):
        change = {"": lambda old: flags, "+": lambda old: old | flags,
                  "-": lambda old: old - flags}[sign]
        session.box.set_flags(uid, change(messages[uid].flags))
        if silent and uid in session.known:
            session.known[uid] = change(session.known[uid])
    if not silent:
        told = {session.uid_of(*fetched(raw)) for raw in answer.untagged if fetched(raw)}
        require(set(named.there) - set(left) <= told, "STORE told of", told)
    session.hear(answer, not named.by_uid)
    session.compare(not named.by_uid)


def is_full(box):
    return box is not None and len(box.messages) > FULL


def put(checker, session, random, verb):
    """COPY and MOVE."""
    named = Named(session, random)
    owner, name = checker.random_mailbox(session, random)
    to = checker.world.find(owner, name)
    if not named.set or is_full(to):
        return
    answer = session.ask(f"{named.prefix}{verb} {named.set} {checker.path(session, owner, name)}")
    if to is None:
        require(answer.condition == "NO" and answer.code == "TRYCREATE", verb, answer.text)
    else:
        require(answer.condition == "OK", verb, answer.text)
        copied(checker, session, named.there, to, answer, verb == "MOVE")
    session.hear(answer)
    session.compare()


def copied(checker, session, uids, to, answer, is_move):
    words = answer.code_words("COPYUID")
    require(bool(words) == bool(uids), "COPYUID:", answer.text, "for", uids)
    if not words:
        return
    source, target = read_set(words[1]), read_set(words[2])
    require(source == uids and len(target) == len(uids), "COPYUID", words, "for", uids)
    checker.world.learn_validity(to, int(words[0]))
    messages = [session.box.messages[uid] for uid in uids]
    for uid, message in zip(target, messages):
        to.add(uid, message.token, message.flags, size=message.size, date=message.date)
    for uid in uids if is_move else []:
        session.box.expunge(uid)


def copy(checker, session, random):
    put(checker, session, random, "COPY")


def move(checker, session, random):
    put(checker, session, random, "MOVE")


def expunge(checker, session, random):
    named = {uid for uid in session.box.messages if random.random() < 0.7}
    by_uid = random.random() < 0.5 and named
    answer = session.ask(f"UID EXPUNGE {write_set(named, random)}" if by_uid else "EXPUNGE")
    require(answer.condition == "OK", "EXPUNGE:", answer.text)
    for uid, message in list(session.box.messages.items()):
        if "\\Deleted" in message.flags and (not by_uid or uid in named):
            session.box.expunge(uid)
    session.hear(answer)
    session.compare()


def append_arguments(checker, random, token):
    """(bytes of flags, date and literal; flags; date)"""
    flags = random_flags(random) if random.random() < 0.5 else set()
    date = random.choice(DATES) if random.random() < 0.5 else None
    data = message_bytes(token)
    head = f"{written(flags)} " + (f'"{date}" ' if date else "")
    return head.encode() + b"{%d+}\r\n" % len(data) + data, flags, date


def replace(checker, session, random):
    named = Named(session, random, may_be_gone=False)
    uids = named.there[:1]
    if not uids:
        return
    owner, name = checker.random_mailbox(session, random)
    to = checker.world.find(owner, name)
    token = checker.new_token()
    arguments, flags, date = append_arguments(checker, random, token)
    answer = session.ask(f"{named.prefix}REPLACE {named.written(session, uids)[0]} "
                         f"{checker.path(session, owner, name)} ".encode() + arguments)
    if to is None:
        require(answer.condition == "NO", "REPLACE:", answer.text)
    else:
        require(answer.condition == "OK", "REPLACE:", answer.text)
        appended(checker, to, answer, [(token, flags, date)])
        session.box.expunge(uids[0])
    session.hear(answer)
    session.compare()


def search(checker, session, random):
    by_uid = session.has_uids_only() or random.random() < 0.5
    key, found = search_key(session, random, 2)
    returns = random.choice(["", "", " RETURN (ALL)", " RETURN (COUNT MIN MAX)", " RETURN (SAVE)"])
    answer = session.ask(f"{'UID ' if by_uid else ''}SEARCH{returns} {key}")
    require(answer.condition == "OK", "SEARCH:", answer.text)
    expected = [uid for uid in session.view if uid in session.box.messages and found(uid)]
    if returns == " RETURN (SAVE)":
        session.saved = set(expected)
    numbers = expected if by_uid else [session.view.index(uid) + 1 for uid in expected]
    check_found(answer, numbers, returns, key)
    session.hear(answer, not by_uid)
    session.compare(not by_uid)


def check_found(answer, expected, returns, key):
    told = {}
    for raw in answer.untagged:
        words = tokens(raw[2:])
        if words[0] == b"SEARCH":
            told["ALL"] = [int(word) for word in words[1:] if not isinstance(word, list)]
        elif words[0] == b"ESEARCH":
            rest = [word for word in words[1:] if not isinstance(word, list) and word != b"UID"]
            told = {rest[i].decode(): read_set(rest[i + 1].decode())
                    for i in range(0, len(rest), 2)}
    if "COUNT" in returns:
        require(told.get("COUNT") == [len(expected)], key, "found", told, "and not", expected)
        wanted = {"MIN": expected[:1], "MAX": expected[-1:]}
    else:
        wanted = {"ALL": expected if "SAVE" not in returns else []}
    for name, numbers in wanted.items():
        require(told.get(name, []) == numbers, key, "found", told, "and not", expected)


def search_key(session, random, depth):
    """(a key as written, whether it holds of a UID)"""
    messages, view = session.box.messages, session.view
    kind = random.randrange(9 if depth else 7)
    if kind == 0:
        flag = random.choice(SYSTEM)
        return flag[1:].upper(), lambda uid: flag in messages[uid].flags
    if kind == 1:
        keyword = random.choice(KEYWORDS)
        return f"KEYWORD {keyword}", lambda uid: keyword in messages[uid].flags
    if kind == 2 and view:
        uids = some(random, view)
        return f"UID {write_set(uids, random)}", lambda uid: uid in uids
    if kind == 3 and view and not session.has_uids_only():
        numbers = some(random, range(1, len(view) + 1))
        uids = {view[n - 1] for n in numbers}
        return write_set(numbers, random), lambda uid: uid in uids
    if kind == 4:
        since = random.randint(1, session.box.highest + 1)
        return f"MODSEQ {since}", lambda uid: messages[uid].modseq >= since
    if kind == 5 and messages:
        return text_key(messages, random)
    if kind == 6 and session.saved:
        saved = set(session.saved)
        return "$", lambda uid: uid in saved
    if kind == 7:
        key, found = search_key(session, random, depth - 1)
        return f"NOT {key}", lambda uid: not found(uid)
    if kind == 8:
        (one, left), (two, right) = (search_key(session, random, depth - 1) for _ in "12")
        return f"OR {one} {two}", lambda uid: left(uid) or right(uid)
    return "ALL", lambda uid: True


def text_key(messages, random):
    """Keys that an index of words may answer."""
    token = random.choice(list(messages.values())).token
    kind = random.randrange(4)
    if kind == 0:
        return 'BODY "of the body"', lambda uid: line_count(messages[uid].token) > 0
    if kind == 1:
        return f"NOT TEXT {token}", lambda uid: messages[uid].token != token
    name = random.choice(["SUBJECT", "TEXT", "FROM", "HEADER SUBJECT"])
    part = token[random.choice([0, 0, 1]):]  # also from within a word
    return f"{name} {part}", lambda uid: part in messages[uid].token


# ---- the session itself ----

def noop(checker, session, random):
    session.hear(session.ok(random.choice(["NOOP", "CHECK"] if session.box else ["NOOP"])))
    session.compare()


def close(checker, session, random):
    expunges = random.random() < 0.5
    box, read_only = session.box, session.read_only
    answer = session.ok("CLOSE" if expunges else "UNSELECT")
    if expunges and not read_only:
        for uid, message in list(box.messages.items()):
            if "\\Deleted" in message.flags:
                box.expunge(uid)
    session.leave()
    session.hear(answer)


def select(checker, session, random):
    owner, name = checker.random_mailbox(session, random)
    box = checker.world.find(owner, name)
    read_only = random.random() < 0.2
    memory = session.memory.get(box) if "QRESYNC" in session.enabled else None
    parameter = " (CONDSTORE)" if random.random() < 0.3 else ""
    if memory and random.random() < 0.8:
        known = f" {write_set(memory[2])}" if memory[2] and random.random() < 0.5 else ""
        parameter = f" (QRESYNC ({box.uid_validity} {memory[0]}{known}))"
    session.leave()
    answer = session.ask(f"{'EXAMINE' if read_only else 'SELECT'} "
                         f"{checker.path(session, owner, name)}{parameter}")
    if box is None:
        require(answer.condition == "NO", "SELECT:", answer.text)
        return
    require(answer.condition == "OK", "SELECT:", answer.text)
    session.opened(box, answer, read_only)
    if parameter.startswith(" (QRESYNC"):
        select_again(session, memory)
    session.compare()


def select_again(session, memory):
    """What the client remembers, with what it was told, must be what there is."""
    _, known, uids = memory
    there = session.box.messages
    missing = [uid for uid in uids if uid not in there and uid not in session.earlier]
    require(not missing, "QRESYNC did not tell that", missing, "vanished")
    wrong = [uid for uid in session.earlier if uid in there]
    require(not wrong, "VANISHED (EARLIER) names what is there:", wrong)
    for uid, flags in known.items():
        if uid in there:
            session.known.setdefault(uid, flags)


def enable(checker, session, random):
    if session.box is not None:
        return
    what = random.choice(["CONDSTORE", "QRESYNC", "IMAP4rev2", "UTF8=ACCEPT",
                          "UIDONLY"])
    session.ok(f"ENABLE {what}")
    session.enabled.add(what)


def idle(checker, session, random):
    session.idle_tag = session.connection.command("IDLE")
    session.is_idle = True
    while not (raw := session.connection.response()).startswith(b"+"):
        session.hear_one(raw)
    session.wait_in_step()


def done(checker, session, random):
    session.connection.send(b"DONE\r\n")
    answer = session.connection.answer(session.idle_tag)
    session.is_idle = False
    session.hear(answer)
    session.compare()


def logout(checker, session, random):
    session.leave()
    session.ok("LOGOUT")
    session.disconnect()
    session.connect()


# ---- mailboxes ----

def append(checker, session, random):
    owner, name = checker.random_mailbox(session, random)
    to = checker.world.find(owner, name)
    parts, added = [], []
    for _ in range(random.choice([1, 1, 1, 2, 3])):
        token = checker.new_token()
        arguments, flags, date = append_arguments(checker, random, token)
        parts.append(arguments)
        added.append((token, flags, date))
    answer = session.ask(f"APPEND {checker.path(session, owner, name)} ".encode() +
                         b" ".join(parts))
    if to is None:
        require(answer.condition == "NO" and answer.code == "TRYCREATE", "APPEND:", answer.text)
    else:
        require(answer.condition == "OK", "APPEND:", answer.text)
        appended(checker, to, answer, added)
    session.hear(answer)
    session.compare()


def appended(checker, to, answer, added):
    words = answer.code_words("APPENDUID")
    require(words is not None, "no APPENDUID in", answer.text)
    checker.world.learn_validity(to, int(words[0]))
    uids = read_set(words[1])
    require(len(uids) == len(added), "APPENDUID names", uids, "for", len(added), "messages")
    for uid, (token, flags, date) in zip(uids, added):
        to.add(uid, token, flags, size=len(message_bytes(token)), date=date)


def create(checker, session, random):
    owner, name = checker.server.address(session.user), random.choice(NAMES)
    exists = checker.world.find(owner, name) is not None
    answer = session.ask(f"CREATE {name}")
    require(answer.condition == ("NO" if exists else "OK"), "CREATE:", answer.text)
    if not exists:
        checker.world.make(owner, name)
    session.hear(answer)
    session.compare()


def delete(checker, session, random):
    owner, name = checker.server.address(session.user), random.choice(NAMES)
    box = checker.world.find(owner, name)
    answer = session.ask(f"DELETE {name}")
    require(answer.condition == ("OK" if box else "NO"), "DELETE:", answer.text)
    if box:
        checker.world.remove(owner, name)
    session.hear(answer)
    session.compare()


def rename(checker, session, random):
    owner = checker.server.address(session.user)
    old, new = random.choice(NAMES), random.choice(NAMES)
    if new.startswith(old + "/") or old == new:
        return
    answer = session.ask(f"RENAME {old} {new}")
    is_done = checker.world.rename(owner, old, new)
    require(answer.condition == ("OK" if is_done else "NO"), "RENAME:", answer.text)
    session.hear(answer)
    session.compare()


def rename_inbox(checker, session, random):
    """RFC 3501 6.3.5: its messages go to a new mailbox, in their order."""
    owner, new = checker.server.address(session.user), random.choice(NAMES)
    inbox = checker.world.find(owner, "INBOX")
    exists = checker.world.find(owner, new) is not None
    answer = session.ask(f"RENAME INBOX {new}")
    require(answer.condition == ("NO" if exists else "OK"), "RENAME:", answer.text)
    if not exists:
        box = checker.world.make(owner, new)
        for uid, message in list(inbox.messages.items()):
            box.add(box.uid_next, message.token, message.flags, size=message.size,
                    date=message.date)
            inbox.expunge(uid)
    session.hear(answer)
    session.compare()


def list_names(checker, session, random):
    owner = checker.server.address(session.user)
    answer = session.ok('LIST "" "*"')
    told = {tokens(raw[2:])[3].decode() for raw in answer.untagged
            if raw.startswith(b"* LIST") and b"\\NonExistent" not in raw}
    expected = {name for of, name in checker.world.mailboxes if of == owner}
    ours = {name for name in told - SPECIAL if not name.startswith("Other Users")}
    require(ours == expected, "LIST tells", ours, "and not", expected)
    session.hear(answer)
    session.compare()


def status(checker, session, random):
    owner, name = checker.random_mailbox(session, random)
    box = checker.world.find(owner, name)
    answer = session.ask(f"STATUS {checker.path(session, owner, name)} "
                         "(MESSAGES UNSEEN DELETED UIDNEXT UIDVALIDITY)")
    require(answer.condition == ("OK" if box else "NO"), "STATUS:", answer.text)
    for raw in answer.untagged:
        if raw.startswith(b"* STATUS "):
            checker.check_status(box, tokens(raw)[-1])
    session.hear(answer)
    session.compare()
