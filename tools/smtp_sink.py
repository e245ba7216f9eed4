#!/usr/bin/env python3
"""A small SMTP server to send test mail to: it keeps (and prints) what it got.

As a program it accepts everything; as a module its behaviour is given by functions, so that a
test can say "4xx for the first try" in one line. It is no mail server: no queue, no safety.

    smtp_sink.py [--address 127.0.0.1] [--port 2526]
"""

import argparse
import socketserver
import ssl
import sys
import threading
import time

HANG_UP = object()  # a policy function may answer with it: close without a reply


class Message:
    """One message as the sink received it; data is byte-exact, dots removed."""

    def __init__(self, sender, recipients, data, helo, mail_words, over_tls):
        self.sender = sender
        self.recipients = recipients
        self.data = data
        self.helo = helo
        self.mail_words = mail_words
        self.over_tls = over_tls
        self.at = time.monotonic()


class Policy:
    """What the sink answers; a test overrides what it needs with plain functions."""

    extensions = ["PIPELINING", "8BITMIME", "SMTPUTF8", "DSN", "SIZE 100000000"]
    tls = None  # an ssl.SSLContext to offer STARTTLS

    def on_connect(self, number):
        return "220 sink.test ready"

    def on_close(self):
        """The connection has ended, for whatever reason."""

    def on_mail(self, address):
        return "250 2.1.0 sender ok"

    def on_rcpt(self, address):
        return "250 2.1.5 recipient ok"

    def on_data(self, sender, recipients):
        return "354 go ahead"

    def on_message(self, message):
        return "250 2.0.0 kept"


class Greylisting(Policy):
    """The first try of each recipient is put off."""

    def __init__(self):
        self.seen = set()

    def on_rcpt(self, address):
        if address in self.seen:
            return super().on_rcpt(address)
        self.seen.add(address)
        return "451 4.7.1 greylisted, try again in some minutes"


class Session(socketserver.StreamRequestHandler):
    """One connection."""

    def handle(self):
        sink = self.server.sink
        self.policy = sink.policy
        self.over_tls = False
        self.helo = ""
        self._reset()
        self.is_counted = True
        try:
            self._serve(sink.count_connection())
        finally:
            self._count_end()

    def _serve(self, number):
        try:
            if not self._reply(self.policy.on_connect(number)):
                return
            while self._command():
                pass
        except (OSError, ValueError):
            pass  # the peer went away; what it had not finished does not count
        finally:
            self.policy.on_close()

    def _count_end(self):
        """Once: before the peer may know that the connection is over."""
        if self.is_counted:
            self.is_counted = False
            self.server.sink.count_end()

    def _reset(self):
        self.sender, self.mail_words, self.recipients = None, [], []

    def _reply(self, answer):
        """Send a reply; False when the session ends with it."""
        if answer is HANG_UP:
            return False
        self.wfile.write(answer.encode("utf-8") + b"\r\n")
        self.wfile.flush()
        return not answer.startswith("421")

    def _command(self):
        line = self.rfile.readline(65536)
        if not line:
            return False
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        verb = text.split(" ", 1)[0].upper()
        action = getattr(self, "_do_" + verb.lower(), None) if verb.isalpha() else None
        return action(text) if action else self._reply("500 5.5.2 what?")

    def _do_helo(self, text):
        self.helo = text[5:]
        self._reset()
        return self._reply("250 sink.test")

    def _do_ehlo(self, text):
        self.helo = text[5:]
        self._reset()
        lines = ["sink.test"] + list(self.policy.extensions)
        if self.policy.tls and not self.over_tls:
            lines.append("STARTTLS")
        reply = [f"250-{line}" for line in lines[:-1]] + [f"250 {lines[-1]}"]
        return self._reply("\r\n".join(reply))

    def _do_starttls(self, _text):
        if not self.policy.tls or self.over_tls:
            return self._reply("502 5.5.1 no")
        self._reply("220 2.0.0 ready")
        self.connection = self.policy.tls.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb")
        self.over_tls = True
        return True

    @staticmethod
    def _path(text):
        """The address and the words after it, of MAIL FROM:<...> and RCPT TO:<...>."""
        start, end = text.index("<"), text.rindex(">")
        return text[start + 1:end], text[end + 1:].split()

    def _do_mail(self, text):
        address, self.mail_words = self._path(text)
        answer = self.policy.on_mail(address)
        if answer is not HANG_UP and answer.startswith("2"):
            self.sender = address
        return self._reply(answer)

    def _do_rcpt(self, text):
        if self.sender is None:
            return self._reply("503 5.5.1 MAIL first")
        address, _words = self._path(text)
        answer = self.policy.on_rcpt(address)
        if answer is not HANG_UP and answer.startswith("2"):
            self.recipients.append(address)
        return self._reply(answer)

    def _do_data(self, _text):
        if not self.recipients:
            return self._reply("554 5.5.1 no valid recipients")
        answer = self.policy.on_data(self.sender, self.recipients)
        if not self._reply(answer) or not answer.startswith("354"):
            return answer is not HANG_UP
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            if not line:
                return False
            lines.append(line[1:] if line.startswith(b".") else line)
        message = Message(self.sender, self.recipients, b"".join(lines), self.helo,
                          self.mail_words, self.over_tls)
        answer = self.policy.on_message(message)
        if answer is not HANG_UP and answer.startswith("2"):
            self.server.sink.keep(message)
        self._reset()
        return self._reply(answer)

    def _do_rset(self, _text):
        self._reset()
        return self._reply("250 2.0.0 ok")

    def _do_noop(self, _text):
        return self._reply("250 2.0.0 ok")

    def _do_quit(self, _text):
        self._count_end()
        self._reply("221 2.0.0 bye")
        return False


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        error = sys.exc_info()[1]
        if not isinstance(error, (OSError, ssl.SSLError)):
            super().handle_error(request, client_address)


class Sink:
    """The sink, running in threads of this process from creation to close()."""

    def __init__(self, policy=None, address="127.0.0.1", port=0, print_to=None):
        self.policy = policy or Policy()
        self.messages = []
        self.connections = self.open = self.most_open = 0
        self._print_to = print_to
        self._changed = threading.Condition()
        self._server = _Server((address, port), Session)
        self._server.sink = self
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,),
                                        daemon=True)
        self._thread.start()

    def serve(self, connection):
        """Be the server on a socket that is there already; returns when the session is over."""
        Session(connection, ("", 0), self._server)

    def count_connection(self):
        with self._changed:
            self.connections += 1
            self.open += 1
            self.most_open = max(self.open, self.most_open)
            return self.connections

    def count_end(self):
        with self._changed:
            self.open -= 1

    def keep(self, message):
        with self._changed:
            self.messages.append(message)
            self._changed.notify_all()
        if self._print_to:
            show(message, self._print_to)

    def account(self):
        """How many came, and with what."""
        with self._changed:
            return "\n".join([f"port {self.port}, {self.connections} connections, {self.open} open",
                              *(f"  from <{message.sender}> to {', '.join(message.recipients)}, "
                                f"{len(message.data)} bytes" for message in self.messages)])

    def take(self):
        """The messages so far; it begins anew without them."""
        with self._changed:
            taken, self.messages = self.messages, []
        return taken

    def wait_for(self, count, seconds=60):
        """The messages, once there are at least count of them; fails after seconds."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.messages) >= count, seconds):
                raise AssertionError(
                    f"the sink got {len(self.messages)} of {count} messages in {seconds} s")
            return list(self.messages)

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def show(message, out):
    """Print one message for a human."""
    head, _, body = message.data.partition(b"\r\n\r\n")
    subject = next((line[8:].strip() for line in head.split(b"\r\n")
                    if line.lower().startswith(b"subject:")), b"")
    print(f"sink: from <{message.sender}> to {', '.join(message.recipients)}: "
          f"\"{subject.decode('utf-8', 'replace')}\", {len(message.data)} bytes", file=out,
          flush=True)


def main():
    options = argparse.ArgumentParser(description="an SMTP server that keeps what it gets")
    options.add_argument("--address", default="127.0.0.1")
    options.add_argument("--port", type=int, default=2526)
    chosen = options.parse_args()
    try:
        sink = Sink(address=chosen.address, port=chosen.port, print_to=sys.stdout)
    except OSError as error:
        sys.exit(f"smtp_sink: cannot listen on {chosen.address}:{chosen.port}: {error.strerror}")
    print(f"sink: listening on {chosen.address}:{sink.port}", flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        sink.close()


if __name__ == "__main__":
    main()
