"""The servers that bench/run measures, behind one shape: start, count, stop."""

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from harness import Mailroot, children_of, free_port, wait_until
from peers import Postfix, accepts_connections

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ROOT / "build/bench"
TICKS = os.sysconf("SC_CLK_TCK")
WAIT_SECONDS = 300


def tools_built():
    """Compile load and server when they are older than their sources."""
    TOOLS.mkdir(parents=True, exist_ok=True)
    for name in ("load", "server"):
        source, program = ROOT / f"bench/{name}.c", TOOLS / name
        if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
            subprocess.run(["cc", "-std=gnu11", "-O2", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-o",
                            program, source], check=True)


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


class Hop:
    """The next hop of relay runs: bench/server, ended by itself after the awaited count."""

    def __init__(self):
        self.port = free_port()
        self.process = None

    def expect(self, messages):
        self.close()
        self.process = subprocess.Popen([TOOLS / "server", str(self.port), str(messages)],
                                        stdout=subprocess.DEVNULL)
        wait_until(lambda: accepts_connections(self.port), "the next hop listens")

    def wait(self):
        self.process.wait(WAIT_SECONDS)

    def close(self):
        if self.process:
            self.process.terminate()
            self.process.wait()
            self.process = None


class MeasuredServer:
    """What is common; a subclass has name, kinds, port, root_pid."""

    name = ""
    kinds = ("local", "relay")

    def recipient(self, kind):
        return "alice@example.test" if kind == "local" else "carol@relay.test"

    def pids(self):
        return tree_of(self.root_pid())

    def cpu_seconds(self):
        return cpu_seconds_of(self.pids())

    def expect(self, kind, messages):
        if kind == "relay":
            self.hop.expect(messages)

    def wait_delivered(self, kind, messages):
        if kind == "relay":
            self.hop.wait()


class MailrootServer(MeasuredServer):
    """A 250 means that it is in the mailbox, so nothing is left to wait for when local."""

    name = "mailroot"

    def __enter__(self):
        self.hop = Hop()
        self.server = Mailroot(
            server_lines=["relay 127.0.0.0/8"],
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


class PostfixServer(MeasuredServer):
    """Debian's Postfix with its default durability; local mail by virtual(8) to a maildir."""

    name = "postfix"

    def __enter__(self):
        if Postfix.missing():
            raise SystemExit(f"bench: {Postfix.missing()}")
        self.hop = Hop()
        self.peer = Postfix("example.test", relayhost=f"[127.0.0.1]:{self.hop.port}", extra=[
            "minimal_backoff_time = 1s", "maximal_backoff_time = 1s", "queue_run_delay = 1s"])
        self.peer.start()
        self.port = self.peer.port
        return self

    def root_pid(self):
        return self.peer.master_pid()

    def _inbox(self):
        return self.peer.mail / "box" / "new"

    def expect(self, kind, messages):
        shutil.rmtree(self.peer.mail / "box", ignore_errors=True)
        super().expect(kind, messages)

    def wait_delivered(self, kind, messages):
        if kind == "relay":
            super().wait_delivered(kind, messages)
            return
        end = time.monotonic() + WAIT_SECONDS
        while not self._inbox().exists() or sum(1 for _ in os.scandir(self._inbox())) < messages:
            if time.monotonic() > end:
                raise SystemExit("bench: Postfix did not deliver in time")
            time.sleep(0.02)

    def __exit__(self, *_):
        self.peer.close()
        self.hop.close()


class Limit(MeasuredServer):
    """bench/server with a log: the least that a durable server can do."""

    name = "limit"
    kinds = ("local",)

    def __enter__(self):
        self.directory = Path(tempfile.mkdtemp(prefix="limit-"))
        self.port = free_port()
        self.process = subprocess.Popen([TOOLS / "server", str(self.port), "0",
                                         self.directory / "log"], stdout=subprocess.DEVNULL)
        wait_until(lambda: accepts_connections(self.port), "the limit listens")
        return self

    def root_pid(self):
        return self.process.pid

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)
