"""A running mailroot for tests: own directory, own ports, checked end.

Which build and which process model is tested comes from the environment, so that the same tests
run over all of them:

    MAILROOT_BUILD=build/release|build/asan     default build/release
    MAILROOT_ONE_PROCESS=1                      all roles in one process
    MAILROOT_UNDER=valgrind                     under memcheck, every role; see tools/valgrind
"""

import base64
import contextlib
import json
import os
import poplib
import re
import secrets
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

SERVICES = ["smtp", "submission", "smtps", "lmtp", "pop3", "pop3s", "imap", "imaps", "odmr",
            "managesieve"]
ROLES = ["front", "store", "auth", "send"]
# The words before the server's command, and how many times slower it is with them.
UNDER, SLOWER = {
    "": ([], 1),
    "valgrind": (["valgrind", "--quiet", "--trace-children=yes", "--vgdb=no", "--num-callers=30",
                  "--error-markers=memcheck-report,memcheck-end",
                  f"--suppressions={ROOT / 'tools/valgrind.supp'}"], 10),
}[os.environ.get("MAILROOT_UNDER", "")]
# Ends for what is certain to come, on a machine that has no time for us too. What takes LONG_SECONDS
# is printed: a wait of that length may be a fault that a generous end hides.
WAIT_SECONDS = READY_SECONDS = STOP_SECONDS = 60 * SLOWER
LONG_SECONDS = 10 * SLOWER
SANITIZER = re.compile(
    rb"AddressSanitizer|LeakSanitizer|runtime error:|UndefinedBehaviorSanitizer")
FAILED_CHECK = re.compile(rb"check failed|Assertion .* failed")
MEMCHECK = re.compile(rb"memcheck-report")

os.umask(0o022)  # whoever runs the tests: other people's servers have users of their own

_ports_claimed = []
_servers_seen = []


def begin_test():
    """What servers log from here on belongs to the next test."""
    _servers_seen[:] = [server for server in _servers_seen if server.process]
    for server in _servers_seen:
        server.test_offset = len(server.log)


def servers_of_test():
    """Each server that ran since begin_test(), ended or not."""
    return list(_servers_seen)


def claim_port(port):
    """Whether the port is ours: tests run at the same time, and a name that the kernel keeps for
    this process tells the others. It goes with the process."""
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind(f"\0mailroot-test-port-{port}")
    except OSError:
        claim.close()
        return False
    _ports_claimed.append(claim)
    return True


def free_port():
    """A port nobody listens on, below the range the kernel takes outgoing ports from."""
    while True:
        port = 20000 + secrets.randbelow(12000)
        if not claim_port(port):
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def release_ports():
    """For programs that start one server after another: others may have all that were claimed."""
    while _ports_claimed:
        _ports_claimed.pop().close()


def wait_until(condition, what, seconds=WAIT_SECONDS, step=0.02):
    """Ask until condition() is true and return its value; a failed wait names what."""
    began = time.monotonic()
    while True:
        value = condition()
        waited = time.monotonic() - began
        if value:
            if waited > LONG_SECONDS:
                print(f"# waited {waited:.0f} s: {what}", flush=True)
            return value
        if waited > seconds:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(step)


def build_directory():
    return ROOT / os.environ.get("MAILROOT_BUILD", "build/release")


def children_of(pid):
    """Direct children of a process, {pid: name}."""
    found = {}
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                with contextlib.suppress(OSError):
                    words = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
                    if UNDER and b"valgrind" in words[0]:
                        words = words[len(UNDER):]
                    found[int(child)] = Path(os.fsdecode(words[0])).name
    return found


class Mailroot:
    """One server. The directory holds mailroot.conf, cert, data, and the log of each start."""

    def __init__(self, users=("alice", "bob"), server_lines=(), lines=(), one_process=None,
                 environment=None, domain="example.test", directory=None, listens=SERVICES,
                 data=None, user_passwords=True):
        self.directory = Path(directory or tempfile.mkdtemp(prefix="mailroot-test-"))
        self.directory.chmod(0o755)
        self.domain, self.users = domain, list(users)
        self.server_lines, self.lines = list(server_lines), list(lines)
        self.data = data or "data"
        if one_process is None:
            one_process = os.environ.get("MAILROOT_ONE_PROCESS") == "1"
        self.one_process = one_process
        self.environment = dict(os.environ, **(environment or {}))
        self.environment.setdefault("ASAN_OPTIONS", "detect_leaks=1")
        self.ports = {service: free_port() for service in listens}
        self.passwords = {user: secrets.token_urlsafe(12) for user in self.users}
        self.process = None
        self.log = b""
        self.test_offset = 0
        self.queue_then = None
        self.program = build_directory() / "bin" / "mailroot"
        self.config = self.directory / "mailroot.conf"
        self.write_config()
        self.make_certificate()
        if user_passwords:
            for user in self.users:
                self.set_password(user)

    # ---- settings ----

    def config_text(self):
        listens = [f"    listen 127.0.0.1:{port} {service}" for service, port in
                   self.ports.items()]
        return "\n".join([
            "host mx.example.test", f"data {self.data}", "run .",
            "certificate cert.pem key key.pem",
            f"domain {self.domain} {{", f"    user {' '.join(self.users)}", "}",
            "server test {", *listens, *(f"    {line}" for line in self.server_lines), "}",
            *self.lines, ""])

    def write_config(self):
        self.config.write_text(self.config_text())

    def make_certificate(self):
        self.cli("cert", "self-sign", "--name", "mx.example.test", "--name", "localhost",
                 "--certificate", self.directory / "cert.pem", "--key", self.directory / "key.pem")

    def set_password(self, user):
        """Of a user named in the settings; any other is made."""
        verb = "passwd" if user in self.users else "add"
        self.cli("user", verb, self.address(user), "--password-stdin",
                 given=self.passwords[user] + "\n")

    def address(self, user):
        return f"{user}@{self.domain}"

    def plain(self, user):
        """The response of SASL PLAIN, in base64."""
        text = f"\0{self.address(user)}\0{self.passwords[user]}"
        return base64.b64encode(text.encode()).decode()

    # ---- the command line ----

    def cli(self, *words, given="", expect=0):
        """Run a verb; returns its standard output. expect None: any exit status."""
        result = self.cli_result(*words, given=given)
        if expect is not None and result.returncode != expect:
            raise AssertionError(f"mailroot {' '.join(map(str, words))}: exit "
                                 f"{result.returncode}, expected {expect}: "
                                 f"{result.stdout}{result.stderr}")
        return result.stdout

    def cli_result(self, *words, given=""):
        return subprocess.run(
            [self.program, "--config", self.config, *map(str, words)], input=given, text=True,
            capture_output=True, timeout=60, env=self.environment, errors="replace", check=False)

    # ---- life ----

    def start(self, extra_environment=None):
        """Start and wait for the ready line."""
        command = [*UNDER, self.program, "serve", "--config", self.config]
        if self.one_process:
            command.append("--one-process")
        self.ready = threading.Event()
        self.log = b""
        self.test_offset = 0
        if self not in _servers_seen:
            _servers_seen.append(self)
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
            env=dict(self.environment, **(extra_environment or {})), start_new_session=True)
        self._reader = threading.Thread(target=self._read_log, args=(self.process,), daemon=True)
        self._reader.start()
        end = time.monotonic() + READY_SECONDS
        while not self.ready.wait(0.01):
            if self.process.poll() is not None:
                self._finish()
                raise AssertionError("mailroot ended before it was ready:\n" + self.log_text())
            if time.monotonic() > end:
                self.kill()
                raise AssertionError("mailroot was not ready in time:\n" + self.log_text())
        return self

    def _read_log(self, process):
        for line in process.stderr:
            self.log += line
            if b"event=server.ready" in line:
                self.ready.set()

    def log_text(self):
        return self.log.decode("utf-8", "replace")

    def queue_text(self):
        """What waits, for people; also why that can't be told."""
        try:
            result = self.cli_result("queue", "list")
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
        return result.stdout + result.stderr

    def account(self):
        """For who reads of a failed test: the log since it began, and what waited at its end."""
        queue = self.queue_then if self.process is None else self.queue_text()
        return "\n".join([f"--- the log of {self.directory.name} since the test began:",
                          self.log[self.test_offset:].decode("utf-8", "replace").rstrip(),
                          "--- its queue:", (queue or "not known: it had ended").rstrip()])

    def wait_log(self, pattern, seconds=WAIT_SECONDS, start=0):
        """The match of pattern in what was logged from offset start on."""
        expression = re.compile(pattern.encode())
        return wait_until(lambda: expression.search(self.log, start),
                          f"log line matching {pattern}", seconds)

    def reload(self):
        """SIGHUP; returns the log offset before it."""
        offset = len(self.log)
        self.process.send_signal(signal.SIGHUP)
        return offset

    def stop(self):
        """SIGTERM; the server must end in order, clean for the sanitizers."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("mailroot did not stop:\n" + self.log_text()[-1500:]) from None
        self._finish()
        if status != 0:
            raise AssertionError(f"mailroot ended with {status}:\n" + self.log_text()[-1500:])

    def kill(self):
        """SIGKILL to every process of the server at once."""
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGSTOP)
        pids = [self.process.pid, *children_of(self.process.pid)]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        self._finish()

    def kill_parent(self):
        """SIGKILL to the parent alone. Its children end with it, a moment later: what a service
        manager starts at once may meet them."""
        self.process.kill()
        self.process.wait()
        self.process = None
        self.check_log()

    def _finish(self):
        self._reader.join(5)
        self.process.stderr.close()
        self.process = None
        self.check_log()

    def check_log(self):
        """No report of a sanitizer or memcheck and no failed check may be in the log."""
        for pattern in (SANITIZER, FAILED_CHECK, MEMCHECK):
            found = pattern.search(self.log)
            if found:
                text = self.log[max(0, found.start() - 500):found.start() + 4000]
                raise AssertionError("the log has a report:\n" + text.decode("utf-8", "replace"))

    def close(self):
        """Stop and remove everything."""
        try:
            self.stop()
        finally:
            shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, error, trace):
        if kind is None:
            self.close()
            return
        self.queue_then = self.queue_text()
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def processor_seconds(self):
        """What its processes have taken of the processor's time: however many share it."""
        ticks = 0
        for pid in (self.process.pid, *children_of(self.process.pid)):
            with contextlib.suppress(OSError):
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                ticks += int(fields[11]) + int(fields[12])  # utime and stime of proc(5)
        return ticks / os.sysconf("SC_CLK_TCK")

    def role_pids(self, role):
        """Process ids of one role; the parent's children are named by their program."""
        return [pid for pid, name in children_of(self.process.pid).items() if role in name]

    # ---- mail ----

    def smtp(self, service="smtp", login=None, tls=True, timeout=WAIT_SECONDS):
        """A connected smtplib client; with login also STARTTLS and AUTH."""
        kind = {"smtps": smtplib.SMTP_SSL, "lmtp": smtplib.LMTP}.get(service, smtplib.SMTP)
        options = {"context": client_tls()} if service == "smtps" else {}
        if service != "lmtp":
            options["timeout"] = timeout
        client = kind("127.0.0.1", self.ports[service], local_hostname="client.test", **options)
        client.ehlo()  # LHLO for LMTP
        if login:
            if service == "submission" and tls:
                client.starttls(context=client_tls())
                client.ehlo()
            client.login(self.address(login), self.passwords[login])
        return client

    def send(self, data, recipients, sender="outside@elsewhere.test", **options):
        """Send bytes; returns the refusals as smtplib does."""
        if isinstance(recipients, str):
            recipients = [recipients]
        with self.smtp(**options) as client:
            return client.sendmail(sender, recipients, data)

    def pop(self, user):
        """A logged-in POP3S client."""
        poplib._MAXLINE = 64 << 20  # a test sends lines of a megabyte
        client = poplib.POP3_SSL("127.0.0.1", self.ports["pop3s"], context=client_tls(),
                                 timeout=60)
        client.user(self.address(user))
        client.pass_(self.passwords[user])
        return client

    def fetch(self, user):
        """Every message of the mailbox, byte-exact (dots removed), oldest first."""
        client = self.pop(user)
        try:
            return [pop_retrieve(client, number + 1) for number in range(client.stat()[0])]
        finally:
            client.quit()

    def fetch_when(self, user, count, seconds=WAIT_SECONDS):
        """The mailbox once it has at least count messages."""
        def enough():
            messages = self.fetch(user)
            return messages if len(messages) >= count else None
        return wait_until(enough, f"{count} messages for {user}", seconds, 0.1)

    def story(self, identity, tells=""):
        """What `trace` says, once that is in it: a front tells the store one way, so the story may
        come a moment after the reply."""
        def told():
            result = self.cli_result("trace", identity)
            return result.stdout if result.returncode == 0 and tells in result.stdout else None
        return wait_until(told, f"'{tells}' in the story of {identity}", step=0.1)

    def queue(self):
        """The queue as `queue list --json` tells it."""
        output = self.cli_result("queue", "list", "--json").stdout
        return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


def pop_retrieve(client, number):
    """RETR without poplib's way of dropping line ends: what lies between the dots, exactly."""
    client._putcmd(f"RETR {number}")
    client._getresp()
    lines = []
    while (line := client.file.readline()) != b".\r\n":
        if not line:
            raise AssertionError("the connection ended inside a message")
        lines.append(line[1:] if line.startswith(b".") else line)
    return b"".join(lines)


def client_tls():
    """TLS towards a self-signed test server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def body_of(message):
    """What follows the header."""
    return message.partition(b"\r\n\r\n")[2]


def text_message(subject="test", body="Hello.\r\n", sender="outside@elsewhere.test",
                 to="alice@example.test"):
    """A small message as bytes."""
    return (f"From: <{sender}>\r\nTo: <{to}>\r\nSubject: {subject}\r\n"
            f"Message-ID: <{secrets.token_hex(8)}@client.test>\r\n"
            f"Date: Mon, 23 Nov 2026 20:00:00 +0000\r\n\r\n{body}").encode()


class RawClient:
    """A socket that speaks lines: for what well-behaved clients never send."""

    def __init__(self, port, tls=False, timeout=WAIT_SECONDS):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        if tls:
            self.socket = client_tls().wrap_socket(self.socket)
        self.file = self.socket.makefile("rb")

    def send(self, data):
        self.socket.sendall(data)

    def line(self):
        return self.file.readline()

    def reply(self):
        """One reply, all its lines; "" when the peer closed."""
        lines = []
        while True:
            line = self.line()
            lines.append(line)
            if len(line) < 4 or line[3:4] != b"-":
                return b"".join(lines).decode("utf-8", "replace")

    def ask(self, line):
        self.send(line if isinstance(line, bytes) else line.encode() + b"\r\n")
        return self.reply()

    def greet(self):
        """Greeting and EHLO are done."""
        self.reply()
        self.ask("EHLO client.test")
        return self

    def closed(self):
        """The peer has closed: nothing more to read."""
        try:
            return self.file.read(1) == b""
        except (ConnectionError, ssl.SSLError):
            return True

    def close(self):
        with contextlib.suppress(OSError):
            self.file.close()
            self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
