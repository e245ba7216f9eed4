"""IMAP and POP3 as bytes: connections that keep a journal, and answers taken apart."""

import re
import select
import socket
import time

from harness import client_tls

ANSWER_SECONDS = 30
LITERAL = re.compile(rb"\{(\d+)\}\r\n$")
CODE = re.compile(rb"^\[([^\]]*)\]")


class Mismatch(Exception):
    """The server did what the model does not allow."""


class Gone(Exception):
    """The connection ended."""


def require(condition, *what):
    if not condition:
        raise Mismatch(" ".join(str(part) for part in what))


class Answer:
    """Of one command: untagged responses as bytes, then the tagged one."""

    def __init__(self, untagged, tagged):
        self.untagged = untagged
        condition, _, text = tagged.partition(b" ")
        self.condition = condition.decode()
        code = CODE.match(text)
        self.code = code[1].decode() if code else ""
        self.text = tagged.decode("utf-8", "replace")

    def code_words(self, name):
        """The words behind a response code's name, or None. Also of an untagged OK (MOVE)."""
        for code in [self.code, *map(untagged_code, self.untagged)]:
            words = code.split(" ")
            if words[0] == name:
                return words[1:]
        return None


def untagged_code(raw):
    match = re.match(rb"\* OK \[([^\]]*)\]", raw)
    return match[1].decode() if match else ""


class Connection:
    """A TLS connection to one service. Everything goes into the journal, shortened."""

    def __init__(self, port, name, journal):
        self.name, self.journal = name, journal
        plain = socket.create_connection(("127.0.0.1", port), timeout=ANSWER_SECONDS)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = client_tls().wrap_socket(plain)
        self.buffer = bytearray()
        self.tags = 0

    def note(self, direction, data):
        shown = data[:200].decode("utf-8", "backslashreplace").rstrip("\r\n")
        self.journal.append(f"{direction} {self.name}: {shown}")

    def close(self):
        self.socket.close()

    def send(self, data):
        self.note("C", data)
        try:
            self.socket.sendall(data)
        except OSError as error:
            raise Gone(str(error)) from None

    def _fill(self):
        try:
            data = self.socket.recv(65536)
        except TimeoutError:
            raise Mismatch(f"{self.name}: no answer in {ANSWER_SECONDS} s") from None
        except OSError as error:
            raise Gone(str(error)) from None
        if not data:
            raise Gone("closed")
        self.buffer += data

    def _line(self, start):
        while (end := self.buffer.find(b"\n", start)) < 0:
            self._fill()
        return end + 1

    def response(self):
        """One response, with the literals in it."""
        end = self._line(0)
        while match := LITERAL.search(self.buffer[:end]):
            wanted = end + int(match[1])
            while len(self.buffer) < wanted:
                self._fill()
            end = self._line(wanted)
        raw = bytes(self.buffer[:end])
        del self.buffer[:end]
        self.note("S", raw)
        return raw

    def has_input(self, seconds=0):
        """Something was sent to us that was not read."""
        if self.buffer or self.socket.pending():
            return True
        poll = select.poll()
        poll.register(self.socket, select.POLLIN)
        return bool(poll.poll(seconds * 1000))

    def command(self, text):
        """Send it under a new tag, which is returned."""
        self.tags += 1
        tag = b"t%d" % self.tags
        self.send(tag + b" " + (text if isinstance(text, bytes) else text.encode()) + b"\r\n")
        return tag

    def answer(self, tag):
        untagged = []
        while True:
            raw = self.response()
            if raw.startswith(tag + b" "):
                return Answer(untagged, raw[len(tag) + 1:].rstrip(b"\r\n"))
            require(raw.startswith((b"* ", b"+ ")), self.name, "heard", raw)
            untagged.append(raw)


def wait_connected(connect, seconds=20):
    """What connect() returns, once the server takes connections."""
    end = time.monotonic() + seconds
    while True:
        try:
            return connect()
        except (Gone, Mismatch, OSError):
            if time.monotonic() > end:
                raise Mismatch(f"no connection in {seconds} s") from None
            time.sleep(0.01)


# ---- responses taken apart ----

TOKEN = re.compile(rb'\(|\)|"((?:[^"\\]|\\.)*)"|\{(\d+)\}\r\n|((?:\[[^\]]*\]|[^\s()"{\[])+)')


def tokens(raw):
    """Nested lists of bytes: atoms, strings and literals are all the same."""
    stack, at = [[]], 0
    while match := TOKEN.search(raw, at):
        at = match.end()
        if match[0] == b"(":
            stack.append([])
        elif match[0] == b")":
            require(len(stack) > 1, "unbalanced parentheses in", raw)
            inner = stack.pop()
            stack[-1].append(inner)
        elif match[2] is not None:
            stack[-1].append(raw[at:at + int(match[2])])
            at += int(match[2])
        else:
            stack[-1].append(match[3] if match[1] is None else match[1])
    require(len(stack) == 1, "unbalanced parentheses in", raw)
    return stack[0]


def fetched(raw):
    """(number, {item: value}) of a FETCH response, or None. Of a UIDFETCH (RFC 9586) the number is
    None and UID is among the items."""
    match = re.match(rb"\* (\d+) (UID)?FETCH ", raw)
    if not match:
        return None
    words = tokens(raw[match.end():])[0]
    items = {words[i].upper(): words[i + 1] for i in range(0, len(words), 2)}
    if match[2]:
        return None, items | {b"UID": match[1]}
    return int(match[1]), items


def flag_set(words):
    return {word.decode() for word in words}


def read_set(text):
    """The numbers of "1:3,7", ascending."""
    found = []
    for part in text.split(",") if text else []:
        first, _, last = part.partition(":")
        found.extend(range(int(first), int(last or first) + 1))
    return found


def write_set(numbers, random=None):
    """Numbers as a set, runs put together (now and then not, and out of order)."""
    numbers = sorted(numbers)
    if random and random.random() < 0.3:
        random.shuffle(numbers)
        return ",".join(map(str, numbers))
    parts, i = [], 0
    while i < len(numbers):
        last = i
        while last + 1 < len(numbers) and numbers[last + 1] == numbers[last] + 1:
            last += 1
        parts.append(str(numbers[i]) if last == i else f"{numbers[i]}:{numbers[last]}")
        i = last + 1
    return ",".join(parts)
