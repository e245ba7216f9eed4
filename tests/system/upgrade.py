"""Mail, users and a queue of which an earlier version of the server kept a bit of everything, and what
is seen of it: written by tests/make_upgrade_fixture.py, held against upgrade_test.py."""

import hashlib
import imaplib
import json
import re
import subprocess
import time
from pathlib import Path

from harness import Mailroot, client_tls, text_message, wait_until

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
PASSWORD = "the same in every version"
SCRIPT = 'require "fileinto";\nif header :contains "subject" "sifted" { fileinto "Projects"; }\n'
LINES = ["connector away {", "    to away.example", "    smart-host [127.0.0.1]:1", "}",
         "retry {", "    glitch 1h x100", "    after 1h", "}"]
PEOPLE = ("alice", "bob", "carol")


def server_in(directory):
    server = Mailroot(users=("alice", "bob"), lines=LINES, directory=directory, user_passwords=False)
    server.passwords = dict.fromkeys(PEOPLE, PASSWORD)
    return server


def imap(server, user):
    client = imaplib.IMAP4_SSL("127.0.0.1", server.ports["imaps"], ssl_context=client_tls())
    client.login(server.address(user), PASSWORD)
    return client


def expect_ok(answer):
    if answer[0] != "OK":
        raise AssertionError(answer)
    return answer[1]


# ---- writing ----

def write(server):
    """A bit of everything. The server has just been started on nothing."""
    for user in ("alice", "bob"):
        server.set_password(user)
    server.cli("user", "add", "carol@example.test", "--password-stdin", given=PASSWORD + "\n")
    server.cli("alias", "add", "info@example.test", "bob@example.test", "carol@example.test")
    server.cli("group", "add", "all@example.test", "alice@example.test", "carol@example.test")
    script = server.directory / "script"
    script.write_text(SCRIPT)
    server.cli("sieve", "put", "alice@example.test", "sift", script)
    server.cli("sieve", "activate", "alice@example.test", "sift")
    with imap(server, "alice") as client:
        expect_ok(client.create("Projects"))
        expect_ok(client.create('"Projects/A&APw-ger"'))
        expect_ok(client.subscribe('"Projects/A&APw-ger"'))
    for number in range(12):
        server.send(text_message(f"{'sifted' if number % 3 == 0 else 'plain'} {number}",
                                 "line\r\n" * number), ["alice@example.test", "info@example.test"])
    server.send(text_message("large", ("z" * 70 + "\r\n") * 40_000), "all@example.test")
    server.fetch_when("alice", 9)
    with imap(server, "alice") as client:
        expect_ok(client.select("INBOX"))
        expect_ok(client.uid("STORE", "1:2", "+FLAGS", r"(\Seen \Answered $label)"))
        expect_ok(client.uid("MOVE", "3", '"Projects/A&APw-ger"'))
        expect_ok(client.uid("STORE", "4", "+FLAGS", r"(\Deleted)"))
        expect_ok(client.expunge())
        expect_ok(client.append("Drafts", r"(\Draft \Flagged)", '"01-Jan-2020 10:00:00 +0100"',
                                text_message("a draft")))
    for name in ("one", "two"):
        server.send(text_message(f"waits {name}"), f"{name}@away.example",
                    sender="alice@example.test", service="submission", login="alice")
    server.cli("queue", "freeze", "--to", "two@away.example", "--yes")


# ---- looking ----

def messages_of(client, name):
    """{UID: what is seen of the message}."""
    expect_ok(client.select(f'"{name}"', readonly=True))
    found = {}
    parts = expect_ok(client.uid("FETCH", "1:*", "(UID FLAGS INTERNALDATE MODSEQ EMAILID BODY.PEEK[])"))
    for facts, body in (part for part in parts if isinstance(part, tuple)):
        uid = re.search(rb"UID (\d+)", facts)[1].decode()
        found[uid] = {
            "flags": sorted(re.search(rb"FLAGS \(([^)]*)\)", facts)[1].decode().split()),
            "date": re.search(rb'INTERNALDATE "([^"]+)"', facts)[1].decode(),
            "changed": re.search(rb"MODSEQ \((\d+)\)", facts)[1].decode(),
            "id": re.search(rb"EMAILID \(([^)]+)\)", facts)[1].decode(),
            "body": hashlib.sha256(body).hexdigest()}
    return found


def mailboxes_of(server, user):
    seen = {}
    with imap(server, user) as client:
        subscribed = expect_ok(client.lsub())
        for line in expect_ok(client.list()):
            flags, name = re.fullmatch(rb'\(([^)]*)\) "." "?([^"]*)"?', line).groups()
            name = name.decode()
            status = expect_ok(client.status(f'"{name}"', "(UIDVALIDITY UIDNEXT HIGHESTMODSEQ)"))
            seen[name] = {"flags": sorted(flags.decode().split()),
                          "subscribed": any(name.encode() in other for other in subscribed if other),
                          "status": re.search(rb"\(.*\)", status[0])[0].decode(),
                          "messages": messages_of(client, name)}
    return seen


def queue_of(server):
    """What waits, seen at a moment when no attempt is under way: a server that has just been started
    makes one."""
    def at_rest():
        items = server.queue()
        return items and all(item["state"] != "sending" for item in items) and items
    return [{word: item[word] for word in ("id", "from", "to", "state") if word in item}
            for item in wait_until(at_rest, "something waits, and no attempt is under way")]


def look(server):
    """All that is seen, as JSON has it."""
    queue = queue_of(server)
    seen = {"time": int(time.time()), "users": server.cli("user", "list"), "aliases": server.cli("alias", "list"),
            "group": server.cli("group", "list"),
            "script": server.cli("sieve", "show", "alice@example.test", "sift"),
            "scripts": server.cli("sieve", "list", "alice@example.test"),
            "kept": server.cli("mailbox", "undelete", "alice@example.test", "--list"),
            "queue": queue,
            "mail": {user: mailboxes_of(server, user) for user in PEOPLE}}
    return json.loads(json.dumps(seen))


# ---- the file ----

def pack(server, seen, name):
    (server.directory / "seen.json").write_text(json.dumps(seen, indent=1))
    FIXTURES.mkdir(exist_ok=True)
    subprocess.run(["tar", "--sparse", "--owner=0", "--group=0", "-cJf", FIXTURES / f"{name}.tar.xz",
                    "-C", server.directory, "data", "seen.json"], check=True)


def unpack(path, directory):
    """What was seen then; the data are in the directory."""
    subprocess.run(["tar", "--sparse", "--no-same-owner", "-xJf", path, "-C", directory], check=True)
    return json.loads((Path(directory) / "seen.json").read_text())
