#!/usr/bin/env python3
"""The same bytes behind DATA to a running server and to Postfix: both must read the same from them.

    tests/data_differential.py [--seed N] [--streams M]

After one DATA that is answered by 354 a stream of bytes goes to each in pieces: message data, ends
of it and what nearly is one, further commands and messages, without waiting for any reply. A reply
of ours that takes a message must stand where Postfix takes one with the same bytes; what we refuse,
Postfix may take. A stream that shows a difference is printed.

Postfix gives what it reads to a sink as it comes, before its queue (smtpd_proxy_filter). It is told
to end data by CRLF.CRLF alone, which 3.7 by itself does not do; other lone LFs it makes line ends.
"""

import argparse
import contextlib
import random
import re
import socket
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "system"))
from harness import Mailroot, RawClient  # noqa: E402
from peers import Postfix  # noqa: E402
from smtp_sink import Sink  # noqa: E402

END = b"\r\n.\r\n"
HEAD = b"Subject: s\r\n\r\n"
ENVELOPE = b"MAIL FROM:<x@elsewhere.test>\r\nRCPT TO:<alice@example.test>\r\n"
NEXT = END + ENVELOPE + b"DATA\r\n" + HEAD
CHUNK = HEAD + b"in a chunk\r\n.\r\n..\r\nMAIL FROM:<>\r\n"
LAST_CHUNK = END + ENVELOPE + b"BDAT %d LAST\r\n" % len(CHUNK) + CHUNK
TAKEN = "250 2.0.0 kept"  # in the words of the sink, which Postfix passes on
SMUGGLED = ENVELOPE + b"DATA\r\nSubject: smuggled\r\n\r\n"

# What a message may hold anywhere.
SOUND = [b".", b"..", b"\r\n", b"\r\n.", b"\r\n..", b"\r\n..\r\n", b"\r\n...\r\n", b"\r\n. \r\n",
         b"\r\n.\t\r\n", b"\r\n.x", b"\r\n.\0\r\n", b"\0", b"\r\n\0.\r\n", b" ", b"\t", b"word",
         b"From someone\r\n", b"\xc3\xa9", b"\x80\xff\xfe", b"\x85", b"\xe2\x80\xa8", b"\x0b\x0c",
         b"\x1a", b"\x1b", b"\x7f", b"QUIT", b"\r\nRSET\r\n", b"\r\nDATA\r\n", b"\r\n" + ENVELOPE]
LONG = [byte * count for byte in (b"a", b".", b"\0", b" ")
        for count in (997, 998, 999, 1000, 2046, 2047, 2048, 2049, 4095, 4096, 4097, 8192, 70_000)]
ENDS = [END, NEXT, NEXT, LAST_CHUNK, END + b"RSET\r\n", END + b"NOOP\r\n", END + b"WHAT\r\n",
        END + b"QUIT\r\n", END + b"\r\n", END + END]
# What stands for a line end somewhere, and ends that are none.
BARE = [b"\r", b"\n", b"\n.\n", b"\r.\r", b"\n.\r\n", b"\r\n.\n", b"\r\n.\r", b"\r.\r\n", b"\n\r",
        b"\r\r\n", b"\r\n.\r\r\n", b"\n\r.\n\r", b"\n.\n" + SMUGGLED, b"\r\n.\n" + SMUGGLED,
        b"\n.\r\n" + SMUGGLED, b"\r.\r" + SMUGGLED, b"\r\n.\r" + SMUGGLED]

FIXED = {
    "nothing at all": b"",
    "a dot is all": b"x.x",
    "dots that are stuffed": b"..\r\n...\r\n....\r\n..x\r\nx.\r\n..",
    "dots that are not stuffed": b".x\r\n. \r\n.\t\r\n.\0\r\n.. \r\n.x",
    "empty lines": b"\r\n\r\n\r\n\r\n",
    "an end in a stuffed line": b"x\r\n..\r\n.\r\n",
    "three messages": b"one" + NEXT + b"two" + NEXT + b"..three",
    "an empty message between two": b"one" + NEXT + NEXT + b"three",
    "a chunk between two": b"one" + LAST_CHUNK + NEXT.removeprefix(END) + b"three",
    "a dot alone behind the end": b"x" + END + b".\r\n",
    "the end twice": b"x" + END + END,
    "QUIT in front of more": b"x" + END + b"QUIT\r\n" + ENVELOPE + b"DATA\r\n" + HEAD + b"y",
    "a DATA that has no recipient": b"x" + END + b"DATA\r\n" + HEAD + b"y" + NEXT + b"z",
    "a field of ours that goes on": b"x" + END + ENVELOPE + b"DATA\r\n for <x@y>\r\nA: b\r\n\r\nz"
                                    + END + ENVELOPE + b"DATA\r\n\tfor <x@y>",
    "NUL everywhere": b"\0\r\n\0.\r\n.\0\r\n\0\r\n..\0",
    "lines of every length about a buffer": b"\r\n".join(LONG[:12]),
    "a line of 70,000 dots": b"." * 70_000 + NEXT + b"." * 70_001,
    "bytes beyond ASCII": bytes(range(128, 256)) * 20 + b"\r\n" + bytes(range(128, 256)),
    "controls": bytes(byte for byte in range(1, 32) if byte not in b"\r\n"),
    **{f"a second message behind {end!r}": b"x" + end + SMUGGLED + b"y" + NEXT + b"z"
       for end in (b"\n.\n", b"\r.\r", b"\n.\r\n", b"\r\n.\n", b"\r\n.\r", b"\r.\r\n", b"\r\n.\r\r\n",
                   b"\n\r.\n\r", b"\r\n\0.\r\n", b"\r\n.\0\r\n", b"\x85.\x85", b"\xe2\x80\xa8.\r\n",
                   b"\r\n..\r\n", b"\r\n. \r\n")},
}


def random_stream(source):
    """Every third has line ends that are none; we refuse most messages of those."""
    pieces = SOUND * 3 + LONG + ENDS * 3 + BARE * 3 * (source.randrange(3) == 0)
    return b"".join(source.choice(pieces) for _ in range(source.randint(1, 30)))


def random_cuts(source, stream):
    """The stream in up to nine pieces; one of them may be cut into single bytes."""
    places = sorted(source.randrange(len(stream)) for _ in range(source.randrange(9)))
    pieces = [stream[start:end] for start, end in zip([0, *places], [*places, len(stream)])]
    short = [number for number, piece in enumerate(pieces) if 0 < len(piece) < 100]
    if short:
        at = source.choice(short)
        pieces[at:at + 1] = [pieces[at][place:place + 1] for place in range(len(pieces[at]))]
    return pieces


def replies_to(port, pieces):
    """All that a server says to a message and what follows, until it closes."""
    with RawClient(port) as client:
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.greet()
        for line in ENVELOPE.split(b"\r\n")[:2]:
            client.ask(line + b"\r\n")
        answer = client.ask("DATA")
        if not answer.startswith("354"):
            raise AssertionError(f"port {port}: DATA was answered {answer}")
        replies = []
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                client.send(piece)
        with contextlib.suppress(OSError):  # it has hung up
            client.socket.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionResetError):
            while reply := client.reply():
                replies.append(reply)
        return replies


def without_trace(message):
    """Without the fields that each server puts before what it takes; Received ends with a date."""
    return re.sub(rb"\A(?:Return-Path:[^\n]*\r\n)?Received:.*? [+-]\d{4}(?: \(\w+\))?\r\n", b"",
                  message, flags=re.S)


def as_postfix_passes_on(message):
    """A line of mboxes at the front becomes a field."""
    return b"X-Mailbox-Line: " + message if re.match(rb">*From ", message) else message


def shown(data):
    """For people: runs of one byte by their length."""
    return re.sub(r"(\\x..|.)\1{40,}",
                  lambda run: f"{run[1]}{{{len(run[0]) // len(run[1])}}}", repr(data))


class Outcome:
    """What both said to one stream, and what Postfix took of it."""

    def __init__(self, name, stream, ours, theirs, taken):
        self.name, self.stream = name, stream
        self.ours, self.theirs, self.taken = ours, theirs, taken

    def hung_up(self):
        """Whether Postfix closed by itself, as it does at commands that look like a header field.
        What it had said then may be lost on its way. Else its last word was for the last byte."""
        told = sum(reply.startswith(TAKEN) for reply in self.theirs)
        return not self.theirs or told < len(self.taken) or self.theirs[-1][:3] not in ("354", "221")

    def difference(self, kept):
        """Why the servers differ, or ""; kept: {id: bytes} of what we took."""
        taken = iter(self.taken)
        for number, ours in enumerate(self.ours):
            if number >= len(self.theirs) and self.hung_up():
                return ""
            theirs = self.theirs[number] if number < len(self.theirs) else "nothing"
            message = next(taken) if theirs.startswith(TAKEN) else None
            accepted = re.match(r"250 2\.0\.0 Accepted as (\S+)", ours)
            if accepted and message is None:
                return f"reply {number}: we took a message, Postfix said {theirs!r}"
            if accepted and as_postfix_passes_on(kept[accepted[1]]) != message:
                return f"reply {number}: other bytes: {shown(kept[accepted[1]])}, {shown(message)}"
            if not accepted and message is None and ours[0] in "45" and theirs[0] in "23":
                return ""  # a command that we refuse: from here on the streams mean other things
        return ""

    def account(self):
        return "\n".join([f"stream {self.name}: {shown(self.stream)}",
                          *(f"we: {reply.rstrip()}" for reply in self.ours),
                          *(f"Postfix: {reply.rstrip()}" for reply in self.theirs)])


class Differential:
    """Both servers, and what they said to each stream so far."""

    def __init__(self):
        self.outcomes = []
        self.sink = Sink()
        self.postfix = Postfix("example.test", extra=[
            f"smtpd_proxy_filter = 127.0.0.1:{self.sink.port}",
            "smtpd_forbid_bare_newline = normalize", "smtpd_forbid_bare_newline_exclusions =",
            "smtpd_error_sleep_time = 0", "smtpd_soft_error_limit = 10000",
            "smtpd_hard_error_limit = 10000", "smtpd_junk_command_limit = 10000", "smtpd_forbidden_commands ="])
        self.server = Mailroot(users=("alice",), listens=["smtp", "pop3s"],
                               server_lines=["limit errors 1000"])

    def __enter__(self):
        self.server.start()
        self.postfix.start()
        return self

    def __exit__(self, *_):
        self.postfix.close()
        self.sink.close()
        self.server.close()

    def try_stream(self, name, stream, pieces):
        ours = replies_to(self.server.ports["smtp"], pieces)
        theirs = replies_to(self.postfix.port, pieces)
        taken = [without_trace(message.data) for message in self.sink.take()]
        self.outcomes.append(Outcome(name, stream, ours, theirs, taken))

    def try_fixed(self, source):
        for name, stream in FIXED.items():
            whole = HEAD + stream + END + b"QUIT\r\n"
            self.try_stream(f"{name}, whole", whole, [whole])
            self.try_stream(f"{name}, cut", whole, random_cuts(source, whole))

    def try_random(self, source, count):
        for number in range(count):
            stream = HEAD + random_stream(source) + END + b"QUIT\r\n"
            self.try_stream(str(number), stream, random_cuts(source, stream))

    def differences(self):
        """[(why, account)] of all streams so far."""
        kept = {}
        for message in self.server.fetch("alice"):
            identity = re.search(rb"\bid (\S+)", message)[1].decode().rstrip(";")
            kept[identity] = without_trace(message)
        found = ((outcome.difference(kept), outcome) for outcome in self.outcomes)
        return [(why, outcome.account()) for why, outcome in found if why]

    def summary(self):
        both = sum(reply.startswith("250 2.0.0 Accepted") for outcome in self.outcomes
                   for reply in outcome.ours)
        theirs = sum(len(outcome.taken) for outcome in self.outcomes)
        return f"{len(self.outcomes)} streams, {both} messages taken by both, {theirs} by Postfix"


def main():
    parser = argparse.ArgumentParser(description="DATA read by us and by Postfix")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    parser.add_argument("--streams", type=int, default=2000)
    options = parser.parse_args()
    if Postfix.missing():
        sys.exit(Postfix.missing())
    with Differential() as differential:
        differential.try_fixed(random.Random(options.seed))
        differential.try_random(random.Random(options.seed), options.streams)
        differences = differential.differences()
        print(f"{'not ok' if differences else 'ok'} - both read the same "
              f"({differential.summary()}, seed {options.seed})")
    for why, account in differences:
        print(f"# {why}", *(f"#   {line}" for line in account.splitlines()), sep="\n")
    sys.exit(1 if differences else 0)


if __name__ == "__main__":
    main()
