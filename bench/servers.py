"""The servers that bench/run measures, behind one shape: start, count, stop."""

import os
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from harness import Mailroot, children_of, free_port, wait_until
from mtas import Exim, OpenSmtpd
from peers import Postfix, accepts_connections

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ROOT / "build/bench"
TICKS = os.sysconf("SC_CLK_TCK")
WAIT_SECONDS = 300


def tools_built():
    """Compile what is older than its source."""
    TOOLS.mkdir(parents=True, exist_ok=True)
    shared = (ROOT / "bench/measure.h").stat().st_mtime
    for name in ("load", "light", "server", "idle"):
        source, program = ROOT / f"bench/{name}.c", TOOLS / name
        newest = max(source.stat().st_mtime, shared)
        if not program.exists() or program.stat().st_mtime < newest:
            subprocess.run(["cc", "-std=gnu11", "-O2", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-o",
                            program, source, "-lssl", "-lcrypto"], check=True)


def tree_of(pid):
    """A process and all below it."""
    found = [pid]
    for child in children_of(pid):
        found += tree_of(child)
    return found


def cpu_seconds_of(pids):
    """User and system time of the processes and of their ended children."""
    ticks = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        ticks += sum(int(field) for field in fields[11:15])
    return ticks / TICKS


def memory_kib_of(pids):
    """What the processes hold, what they share counted once over all."""
    total = 0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total


def bytes_written(path):
    """By the disk that path is on, as it counts itself, when all that waits has been written."""
    os.sync()
    device = os.stat(path).st_dev
    fields = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/stat").read_text().split()
    return int(fields[6]) * 512


class Hop:
    """The next hop of relay runs: bench/server, which says when the awaited messages have come. It
    stays, for a host that goes away is avoided for a time."""

    def __init__(self):
        self.port = free_port()
        self.process = subprocess.Popen([TOOLS / "server", str(self.port)], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        wait_until(lambda: accepts_connections(self.port), "the next hop listens")

    def expect(self, messages):
        self.process.stdin.write(f"{messages}\n")
        self.process.stdin.flush()

    def wait(self, seconds=WAIT_SECONDS):
        if not select.select([self.process.stdout], [], [], seconds)[0]:
            raise SystemExit("bench: not all messages came to the next hop")
        self.process.stdout.readline()

    def close(self):
        self.process.communicate()


class MeasuredServer:
    """What is common; a subclass has name, port and root_pid. Mail for example.test is delivered
    to mailboxes, of the users load, u0, u1 ...; all else goes to the next hop."""

    name = ""
    kinds = ("local", "relay")
    has_tls = True

    def recipient(self, kind):
        return "u%@example.test" if kind == "local" else "u%@relay.test"

    def pids(self):
        return tree_of(self.root_pid())

    def cpu_seconds(self):
        return cpu_seconds_of(self.pids())

    def expect(self, kind, messages):
        if kind == "relay":
            self.hop.expect(messages)

    def wait_delivered(self, kind, copies):
        """Until so many are in mailboxes, or have been taken by the next hop."""
        if kind == "relay":
            self.hop.wait()


class MaildirServer(MeasuredServer):
    """Those whose 250 comes before the mailbox has it: the files of one maildir are counted.
    _maildir is a subclass's."""

    def expect(self, kind, messages):
        inbox = self._maildir() / "new"
        for file in os.scandir(inbox) if inbox.exists() else ():
            os.unlink(file)
        super().expect(kind, messages)

    def wait_delivered(self, kind, copies):
        super().wait_delivered(kind, copies)
        inbox = self._maildir() / "new"
        end = time.monotonic() + WAIT_SECONDS
        while kind == "local" and (not inbox.exists() or
                                   sum(1 for _ in os.scandir(inbox)) < copies):
            if time.monotonic() > end:
                raise SystemExit(f"bench: {self.name} did not deliver in time")
            time.sleep(0.02)


class MailrootServer(MeasuredServer):
    """A 250 means that it is in the mailbox, so nothing is left to wait for when local."""

    name = "mailroot"

    def __init__(self, users):
        self.users = users

    def __enter__(self):
        self.hop = Hop()
        self.server = Mailroot(
            users=tuple(f"u{number}" for number in range(self.users)),
            server_lines=["relay 127.0.0.0/8", "limit connections-per-address 10000"],
            lines=["connector hop {", "    to relay.test",
                   f"    smart-host 127.0.0.1:{self.hop.port}", "}",
                   "retry {", "    glitch 1s x100", "    after 1s", "}"])
        self.port = self.server.ports["smtp"]
        log = self.server.directory / "log"
        with open(log, "wb") as file:
            self.process = subprocess.Popen(
                [self.server.program, "serve", "--config", self.server.config],
                stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True)
        wait_until(lambda: b"event=server.ready" in log.read_bytes(), "mailroot is ready")
        return self

    def root_pid(self):
        return self.process.pid

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)
        self.hop.close()
        shutil.rmtree(self.server.directory, ignore_errors=True)


class PostfixServer(MaildirServer):
    """Debian's Postfix with its default durability; local mail by virtual(8) to a maildir."""

    name = "Postfix"

    def __init__(self, certificate):
        self.certificate = certificate

    def __enter__(self):
        if Postfix.missing():
            raise SystemExit(f"bench: {Postfix.missing()}")
        self.hop = Hop()
        self.peer = Postfix("example.test", relayhost=f"[127.0.0.1]:{self.hop.port}", extra=[
            "minimal_backoff_time = 1s", "maximal_backoff_time = 1s", "queue_run_delay = 1s",
            "smtpd_tls_security_level = may", f"smtpd_tls_cert_file = {self.certificate[0]}",
            f"smtpd_tls_key_file = {self.certificate[1]}"], processes=1100)
        self.peer.start()
        self.port = self.peer.port
        return self

    def root_pid(self):
        return self.peer.master_pid()

    def _maildir(self):
        return self.peer.mail / "box"

    def __exit__(self, *_):
        self.peer.close()
        self.hop.close()


class JailedMeasured(MaildirServer):
    """Debian's Exim and OpenSMTPD, below directories of their own."""

    maildir = None

    def __init__(self, certificate):
        self.certificate = certificate

    def __enter__(self):
        if self.peer_class.missing():
            raise SystemExit(f"bench: {self.peer_class.missing()}")
        self.hop = Hop()
        self.peer = self.peer_class("example.test", next_port=self.hop.port, connections=1100,
                                    certificate=self.certificate)
        # Deliveries that outlive their parent are to be counted as well.
        self.peer.launcher = ("python3", str(ROOT / "bench/reaper.py"))
        self.peer.start()
        self.port = self.peer.port
        return self

    def root_pid(self):
        return self.peer.process.pid

    def _maildir(self):
        return self.peer.jail.directory / self.maildir

    def __exit__(self, *_):
        self.peer.close()
        self.hop.close()


class EximServer(JailedMeasured):
    name, peer_class, maildir = "Exim", Exim, "mail/box"


class OpenSmtpdServer(JailedMeasured):
    name, peer_class, maildir = "OpenSMTPD", OpenSmtpd, "mail"
    has_tls = False  # see there


class Limit(MeasuredServer):
    """bench/server with a log: the least that a durable server can do."""

    name = "limit"
    kinds = ("local",)
    has_tls = False

    def __enter__(self):
        self.directory = Path(tempfile.mkdtemp(prefix="limit-"))
        self.port = free_port()
        self.process = subprocess.Popen([TOOLS / "server", str(self.port), self.directory / "log"],
                                        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        wait_until(lambda: accepts_connections(self.port), "the limit listens")
        return self

    def root_pid(self):
        return self.process.pid

    def __exit__(self, *_):
        self.process.communicate()
        shutil.rmtree(self.directory, ignore_errors=True)
