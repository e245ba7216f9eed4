#!/usr/bin/env python3
"""Runs session transcripts: dialogues a mail administrator can read, checked line by line.

    tests/run_sessions.py [NAME-PART ...]

A transcript is tests/session/<folder>/<what_it_shows>.session:

    # service: submission                  (first lines; default smtp)
    # server: limit message 64KB           (a line for this session's server block; repeatable)
    # config: retry { ... }                (a line outside of it; repeatable)
    # admin: user quota alice@example.test 4KB   (a verb that is run before; repeatable)
    # mail: alice 2                        (alice's mailbox holds exactly two messages before)
    # shows: V05 R06                       (what of doc/coverage/checklist it shows)
    S: 220 *                               the server's next line; * matches anything
    S(until): 250 *                        read lines until one matches
    C: EHLO client.test                    sent with CRLF; C lines in a row go out in one write
    C(raw): body<LF>.<CRLF>                sent as it is; <CR> <LF> <CRLF> <NUL> <hex 0a ff>
    REPEAT 200 C: NOOP                     the same many times; S works too
    C2: NOOP    S2: * EXISTS               the same on a second connection to the service (to 9),
                                           opened at its first line
    TLS                                    TLS handshake as client
    CLOSED                                 the server has closed the connection

Substituted in S and C lines: {plain:alice} {plain:alice:WRONG} {b64:any text} {password:alice}
{password64:alice} {host}. After the last line the server must have nothing more to say.
"""

import base64
import contextlib
import poplib
import re
import select
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "system"))
from harness import Mailroot, ROOT, RawClient, client_tls, text_message, wait_until  # noqa: E402

ESCAPE = re.compile(rb"<(CRLF|CR|LF|NUL|hex [0-9a-fA-F ]+)>")
NAMED_BYTES = {b"CR": b"\r", b"LF": b"\n", b"CRLF": b"\r\n", b"NUL": b"\0"}
SUBSTITUTION = re.compile(r"\{(plain|b64|password64|password):([^}]*)\}")


class Failed(Exception):
    """A transcript did not go as written."""


class Transcript:
    """A parsed .session file."""

    def __init__(self, path):
        self.path = path
        self.headers = {"service": ["smtp"], "server": [], "config": [], "admin": [], "mail": []}
        self.steps = []
        for number, line in enumerate(path.read_text().splitlines(), 1):
            self._parse(number, line)

    def _parse(self, number, line):
        header = re.match(r"#\s*(service|server|config|admin|mail):\s*(.*)", line)
        if header and not self.steps:
            name, value = header.groups()
            self.headers[name] = [value] if name == "service" else self.headers[name] + [value]
            return
        if not line.strip() or line.startswith("#"):
            return
        step = re.match(r"(?:REPEAT (\d+) )?([SC])([2-9]?)((?:\((?:until|raw)\))?):(?: (.*))?$",
                        line)
        if step:
            times, side, connection, manner, text = step.groups()
            self.steps.append((number, int(connection or 1), side + manner, int(times or 1),
                               text or ""))
        elif line.strip() in ("TLS", "CLOSED"):
            self.steps.append((number, 1, line.strip(), 1, ""))
        else:
            raise Failed(f"line {number}: not a transcript line: {line}")

    @property
    def service(self):
        return self.headers["service"][0].strip()

    @property
    def settings(self):
        """Transcripts with the same settings share a server."""
        return (tuple(self.headers["server"]), tuple(self.headers["config"]),
                tuple(self.headers["admin"]))

    @property
    def sentence(self):
        return self.path.stem.replace("_", " ")


def unescape(text):
    """The bytes of a raw line."""
    def one(match):
        word = match.group(1)
        return NAMED_BYTES[word] if word in NAMED_BYTES else bytes.fromhex(word[4:].decode())
    return ESCAPE.sub(one, text.encode())


def substitute(text, server):
    def b64(value):
        return base64.b64encode(value.encode()).decode()

    def one(match):
        kind, value = match.groups()
        user, _, other = value.partition(":")
        if kind == "b64":
            return b64(value)
        password = other or server.passwords[user]
        if kind == "plain":
            return b64(f"\0{server.address(user)}\0{password}")
        return b64(password) if kind == "password64" else password
    return SUBSTITUTION.sub(one, text).replace("{host}", "mx.example.test")


def matches(pattern, line):
    """Glob with * only: [ and ? are ordinary in protocol lines."""
    expression = ".*".join(re.escape(part) for part in pattern.split("*"))
    return re.fullmatch(expression, line, re.DOTALL) is not None


class Player:
    """Plays one transcript, mostly on one connection."""

    def __init__(self, transcript, server):
        self.transcript, self.server = transcript, server
        self.clients = {}
        self.client = self._connection(1)
        self.pending = b""
        self.number = 0

    def play(self):
        with contextlib.ExitStack() as clients:
            clients.callback(lambda: [client.close() for client in self.clients.values()])
            for self.number, connection, kind, times, text in self.transcript.steps:
                try:
                    self._turn_to(connection)
                    self._step(kind, times, substitute(text, self.server))
                except (TimeoutError, ConnectionError) as error:
                    raise self._failed(str(error) or type(error).__name__) from None
            self._flush()
            self._expect_silence()

    def _connection(self, number):
        if number not in self.clients:
            service = self.transcript.service
            self.clients[number] = RawClient(self.server.ports[service],
                                             tls=service in ("smtps", "pop3s", "imaps"))
        return self.clients[number]

    def _turn_to(self, number):
        """What follows is said and heard on this connection."""
        client = self._connection(number)
        if client is not self.client:
            self._flush()
            self.client = client

    def _failed(self, what):
        return Failed(f"line {self.number}: {what}")

    def _step(self, kind, times, text):
        if kind == "C":
            self.pending += (text.encode() + b"\r\n") * times
        elif kind == "C(raw)":
            self.pending += unescape(text) * times
        else:
            self._flush()
            for _ in range(times):
                self._receive(kind, text)

    def _flush(self):
        if self.pending:
            self.client.send(self.pending)
            self.pending = b""

    def _receive(self, kind, text):
        if kind == "TLS":
            self.client.socket = client_tls().wrap_socket(self.client.socket)
            self.client.file = self.client.socket.makefile("rb")
        elif kind == "CLOSED":
            if not self.client.closed():
                raise self._failed("the server did not close the connection")
        elif kind == "S":
            line = self._line()
            if not matches(text, line):
                raise self._failed(f"expected {text!r}, got {line!r}")
        else:
            while not matches(text, self._line()):
                pass

    def _line(self):
        line = self.client.line()
        if not line:
            raise self._failed("the server closed the connection")
        if not line.endswith(b"\r\n"):
            raise self._failed(f"a reply line without CRLF: {line!r}")
        return line[:-2].decode("utf-8", "replace")

    def _expect_silence(self):
        if any(step[2] == "CLOSED" for step in self.transcript.steps):
            return
        readable = select.select([each.socket for each in self.clients.values()], [], [], 0.02)[0]
        for client in self.clients.values():
            more = client.file.read1(4096) if client.socket in readable else b""
            if more:
                raise self._failed(f"the server said more: {more!r}")


def prepare_mailbox(server, words):
    """`alice 2`: exactly two known messages."""
    user, count = words.split()

    def opened():
        try:
            return server.pop(user)
        except poplib.error_proto:  # the end of the session before is not seen yet
            return None
    client = wait_until(opened, f"the mailbox of {user} is free")
    for number in range(client.stat()[0]):
        client.dele(number + 1)
    client.quit()
    for number in range(int(count)):
        server.send(text_message(f"message {number + 1}", f"Body {number + 1}.\r\n"),
                    server.address(user), service="lmtp")


def play_all(transcripts):
    """Returns how many failed."""
    failures = 0
    groups = {}
    for transcript in transcripts:
        groups.setdefault(transcript.settings, []).append(transcript)
    for (server_lines, lines, verbs), members in groups.items():
        server = Mailroot(server_lines=server_lines, lines=lines)
        try:
            server.start()
            for verb in verbs:
                server.cli(*verb.split())
            for transcript in members:
                failures += not play_one(transcript, server)
            server.close()
        except AssertionError as error:
            failures += 1
            print(f"not ok - the server of {len(members)} transcripts runs and ends clean")
            print("".join(f"    {line}\n" for line in str(error).splitlines()), end="")
        finally:
            server.kill()  # nothing is left to do after a clean end
    return failures


def play_one(transcript, server):
    name = f"{transcript.sentence} ({transcript.path.parent.name} session)"
    try:
        for words in transcript.headers["mail"]:
            prepare_mailbox(server, words)
        Player(transcript, server).play()
    except (Failed, OSError) as error:
        print(f"not ok - {name}")
        print(f"    {transcript.path.relative_to(ROOT)}: {error}", flush=True)
        return False
    print(f"ok - {name}", flush=True)
    return True


def main():
    parts = sys.argv[1:]
    failures = 0
    transcripts = []
    for path in sorted((ROOT / "tests" / "session").rglob("*.session")):
        if parts and not any(part in str(path) for part in parts):
            continue
        try:
            transcripts.append(Transcript(path))
        except Failed as error:
            print(f"not ok - {path.relative_to(ROOT)} can be read\n    {error}")
            failures += 1
    failures += play_all(transcripts)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
