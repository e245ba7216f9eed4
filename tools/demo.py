"""The demo behind `make run`: a mail server of your own in run/, on loopback ports, without root.

    --once           show everything, then stop
    --directory DIR  where it lives; default run/
    --any-ports      free ports instead of 2525 and so on

It sends a message from alice to bob by submission (STARTTLS, login), reads it by POP3S and IMAPS, relays
one to a small sink, and prints what happened with `mailroot trace`. A second run keeps the data."""

import argparse
import imaplib
import os
import poplib
import re
import secrets
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import threading
import time
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path

from smtp_sink import Sink

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = ROOT / "build/release/bin/mailroot"
PORTS = {"smtp": 2525, "submission": 2587, "smtps": 2465, "lmtp": 2424, "pop3": 2110,
         "pop3s": 2995, "imap": 2143, "imaps": 2993, "managesieve": 24190,
         "sink": 2526}
SETTINGS = """\
# mailroot's settings: a line is words, {{ opens a block, # begins a comment.
# Check it with `mailroot config check`; `mailroot config show --all` tells every default.

host mx.example.test                # the name by which we greet others
data data                           # queue and mailboxes, relative to this file
run .                               # control sockets
certificate cert.pem key key.pem    # made by `mailroot cert self-sign`

domain example.test {{               # mail for this domain is ours
    user alice bob                  # passwords: mailroot user passwd alice@example.test
}}

server demo {{
    listen 127.0.0.1:{smtp} smtp          # from other servers: local recipients only
    listen 127.0.0.1:{submission} submission    # from users: STARTTLS, then login
    listen 127.0.0.1:{smtps} smtps         # from users: TLS at once, then login
    listen 127.0.0.1:{lmtp} lmtp          # from other mail systems of ours
    listen 127.0.0.1:{pop3} pop3          # users fetch their mail
    listen 127.0.0.1:{pop3s} pop3s         # the same, TLS at once
    listen 127.0.0.1:{imap} imap          # users keep their mail here
    listen 127.0.0.1:{imaps} imaps         # the same, TLS at once
    listen 127.0.0.1:{managesieve} managesieve # filters are uploaded
}}

connector sink {{                    # mail for relay.test goes to the demo's sink
    to relay.test
    smart-host 127.0.0.1:{sink}
}}
"""


class Trouble(Exception):
    """Something the reader can do something about."""


class Demo:
    """The directory, the server, and what is shown."""

    def __init__(self, directory, ports):
        self.directory = directory
        self.config = directory / "mailroot.conf"
        self.ports = ports
        self.server = None
        self.passwords = {}

    # ---- preparation ----

    def prepare(self):
        """Make what is missing; keep what is there."""
        self.directory.mkdir(parents=True, exist_ok=True)
        if not self.config.exists():
            self.config.write_text(SETTINGS.format(**self.ports))
        if not (self.directory / "cert.pem").exists():
            self.mailroot("cert", "self-sign", "--name", "mx.example.test", "--name", "localhost",
                          "--certificate", self.directory / "cert.pem",
                          "--key", self.directory / "key.pem")
        self.load_passwords()
        self.mailroot("config", "check")

    def load_passwords(self):
        path = self.directory / "passwords"
        if path.exists():
            self.passwords = dict(line.split() for line in path.read_text().splitlines())
            return
        for name in ("alice", "bob"):
            self.passwords[f"{name}@example.test"] = secrets.token_urlsafe(12)
        for address, password in self.passwords.items():
            self.mailroot("user", "passwd", address, "--password-stdin", given=password + "\n")
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w") as file:
            file.writelines(f"{address} {word}\n" for address, word in self.passwords.items())

    def check_ports(self):
        taken = []
        for service, port in self.ports.items():
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    taken.append(f"{port} ({service})")
        if taken:
            raise Trouble("something listens already on 127.0.0.1, port " + ", ".join(taken) +
                          "; perhaps another demo runs? End it, or use --any-ports.")

    def mailroot(self, *words, given=""):
        """A verb of the command line; its output."""
        result = subprocess.run([PROGRAM, "--config", self.config, *map(str, words)], input=given,
                                capture_output=True, text=True, check=False)
        if result.returncode != 0:
            shown = " ".join(map(str, words))
            raise Trouble(f"mailroot {shown}: {result.stderr or result.stdout}")
        return result.stdout

    # ---- the server ----

    def start(self):
        began = time.monotonic()
        log_path = self.directory / "log"
        self.log = open(log_path, "wb")
        self.server = subprocess.Popen([PROGRAM, "serve", "--config", self.config],
                                       stdin=subprocess.DEVNULL, stdout=self.log,
                                       stderr=subprocess.PIPE, start_new_session=True)
        ready = threading.Event()
        threading.Thread(target=self._copy_log, args=(ready,), daemon=True).start()
        while not ready.wait(0.01):
            if self.server.poll() is not None or time.monotonic() > began + 20:
                time.sleep(0.1)
                raise Trouble(f"the server did not start; {log_path} says:\n" +
                              log_path.read_text(errors="replace")[-3000:])
        return time.monotonic() - began

    def _copy_log(self, ready):
        for line in self.server.stderr:
            self.log.write(line)
            self.log.flush()
            if b"event=server.ready" in line:
                ready.set()

    def stop(self):
        """End in order. Returns the exit status."""
        if self.server is None or self.server.poll() is not None:
            return self.server.returncode if self.server else 0
        self.server.send_signal(signal.SIGTERM)
        try:
            return self.server.wait(20)
        except subprocess.TimeoutExpired:
            self.server.kill()
            raise Trouble("the server did not stop within 20 s and was killed") from None

    # ---- mail ----

    def tls(self):
        """Trusts exactly our certificate."""
        context = ssl.create_default_context(cafile=self.directory / "cert.pem")
        context.check_hostname = False  # we connect to 127.0.0.1, it is for mx.example.test
        return context

    def send(self, recipient, subject, text):
        """alice sends by submission. Returns the Message-ID."""
        message = EmailMessage()
        message["From"], message["To"] = "alice@example.test", recipient
        message["Subject"] = subject
        message["Date"], message["Message-ID"] = formatdate(), make_msgid(domain="example.test")
        message.set_content(text)
        with smtplib.SMTP("127.0.0.1", self.ports["submission"], "laptop.example.test") as client:
            client.starttls(context=self.tls())
            client.login("alice@example.test", self.passwords["alice@example.test"])
            client.send_message(message)
        return message["Message-ID"]

    def read_last(self, user):
        """The newest message of a mailbox, as lines."""
        client = poplib.POP3_SSL("127.0.0.1", self.ports["pop3s"], context=self.tls())
        client.user(user)
        client.pass_(self.passwords[user])
        count = client.stat()[0]
        lines = client.retr(count)[1] if count else []
        client.quit()
        return count, [line.decode("utf-8", "replace") for line in lines]

    def imap(self, user):
        """A logged-in IMAPS client."""
        client = imaplib.IMAP4_SSL("127.0.0.1", self.ports["imaps"], ssl_context=self.tls())
        client.login(user, self.passwords[user])
        return client

    def show_mailboxes(self, user, message_id):
        say(f"{user} keeps it: IMAPS, port {self.ports['imaps']}")
        client = self.imap(user)
        show_lines(line.decode() for line in client.list()[1])
        client.select("INBOX")
        found = client.search(None, "HEADER", "Message-ID", message_id)[1][0].split()
        if not found:
            raise Trouble(f"IMAP does not find {message_id}")
        client.store(found[-1], "+FLAGS", "(\\Seen $demo)")
        show_lines(line.decode() for line in client.fetch(found[-1], "(FLAGS ENVELOPE)")[1])
        client.logout()

    def show_local(self):
        say("alice sends a message to bob: port", self.ports["submission"], "STARTTLS, login")
        message_id = self.send("bob@example.test", "Hello from mailroot",
                               "It was in your mailbox before alice's client heard 250.\n")
        count, lines = self.read_last("bob@example.test")
        if not any(message_id in line for line in lines):
            raise Trouble("bob's mailbox does not have the message")
        say(f"bob reads it by POP3S, port {self.ports['pop3s']}; message {count} of his mailbox:")
        show_lines(lines)
        if " imaps" in self.config.read_text():  # settings of an older demo are kept
            self.show_mailboxes("bob@example.test", message_id)
        self.show_trace(message_id)

    def show_relay(self, sink):
        say("alice sends one to someone elsewhere; the connector takes it to the sink")
        message_id = self.send("carol@relay.test", "Out into the world", "Through the queue.\n")
        sink.wait_for(1, 15)
        end = time.monotonic() + 5  # the record of the delivery is a moment behind it
        while " sent " not in self.mailroot("trace", message_id) and time.monotonic() < end:
            time.sleep(0.02)
        self.show_trace(message_id)

    def show_trace(self, message_id):
        say(f"what happened: mailroot trace '{message_id}'")
        show_lines(self.mailroot("trace", message_id).splitlines())


def say(*words):
    print("\n==", *words, flush=True)


def show_lines(lines):
    for line in lines:
        print(f"   {line}")


def shown_path(path):
    """Relative to where the reader is, when below."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def show_next(demo):
    program, config = shown_path(PROGRAM), shown_path(demo.config)
    say("it keeps serving; ^C ends it. Things to try, from another terminal:")
    show_lines([
        f"export MAILROOT='{program} --config {config}'",
        "$MAILROOT queue list              what waits, and why",
        "$MAILROOT trace alice@example.test",
        "$MAILROOT user list               also: user add, alias add, group add",
        "$MAILROOT config show --all       every setting and its default",
        f"swaks --server 127.0.0.1:{demo.ports['smtp']} --to bob@example.test",
        f"swaks --server 127.0.0.1:{demo.ports['smtp']} --to stranger@elsewhere.test    "
        "(refused: trace its case id)",
        f"cat {shown_path(demo.directory / 'passwords')}",
        f"the log is {shown_path(demo.directory / 'log')}; the settings are {config}",
    ])


def free_ports():
    """Ports nobody has, of the same kind as those of the settings already written."""
    sockets = [socket.socket() for _ in PORTS]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = dict(zip(PORTS, (one.getsockname()[1] for one in sockets)))
    for one in sockets:
        one.close()
    return ports


def ports_of(config):
    """The ports of settings written by an earlier run."""
    text = config.read_text()
    ports = {service: int(port) for port, service in
             re.findall(r"^\s*listen 127\.0\.0\.1:(\d+) (\w+)", text, re.MULTILINE)}
    sink = re.search(r"smart-host 127\.0\.0\.1:(\d+)", text)
    ports["sink"] = int(sink.group(1)) if sink else PORTS["sink"]
    if not set(PORTS) <= set(ports):
        raise Trouble(f"{config} was changed so that the demo cannot use it; remove it, or run\n"
                      f"  {PROGRAM} serve --config {config}")
    return ports


def run(options):
    directory = options.directory.resolve()
    config = directory / "mailroot.conf"
    if config.exists():
        ports = ports_of(config)
    else:
        ports = free_ports() if options.any_ports else dict(PORTS)
    demo = Demo(directory, ports)
    demo.check_ports()
    demo.prepare()
    sink = Sink(port=ports["sink"], print_to=sys.stdout)
    try:
        seconds = demo.start()
        say(f"mailroot serves: started in {seconds * 1000:.0f} ms, settings in",
            shown_path(config))
        demo.show_local()
        demo.show_relay(sink)
        if not options.once:
            show_next(demo)
            demo.server.wait()
            raise Trouble(f"the server ended by itself with {demo.server.returncode}")
    except KeyboardInterrupt:
        say("stopping")
    finally:
        status = demo.stop()
        sink.close()
    if status != 0:
        raise Trouble(f"the server ended with status {status}; see {directory / 'log'}")


def main():
    sys.stdout.reconfigure(line_buffering=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as ^C
    parser = argparse.ArgumentParser(description="shows mailroot working")
    parser.add_argument("--once", action="store_true", help="show everything, then stop")
    parser.add_argument("--directory", type=Path, default=ROOT / "run")
    parser.add_argument("--any-ports", action="store_true", help="free ports, not 2525 and so on")
    try:
        run(parser.parse_args())
    except (Trouble, AssertionError, OSError, smtplib.SMTPException, poplib.error_proto) as error:
        sys.exit(f"\ndemo: {error}")


if __name__ == "__main__":
    main()
