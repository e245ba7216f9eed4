#!/usr/bin/env python3
"""Kills a server with many messages in its queue, and says how long the next start takes.

    tests/queued_start.py [--messages 10000] [--starts 3]

The queue is held, so that the messages stay. Every one must be there again, and go once it may.
"""

import argparse
import shutil
import statistics
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "system"))
from harness import RawClient, text_message, wait_until  # noqa: E402
from smtp_sink import Sink  # noqa: E402
from worker import server_with_hop  # noqa: E402

CONNECTIONS = 8
DRAINED_SECONDS = 300


class Sender(threading.Thread):
    """Sends its part over one connection; counts what was answered 250."""

    def __init__(self, port, numbers):
        super().__init__()
        self.port, self.numbers = port, numbers
        self.accepted = 0

    def run(self):
        with RawClient(self.port, timeout=60) as client:
            client.greet()
            for number in self.numbers:
                client.send(b"MAIL FROM:<sender@elsewhere.test>\r\nRCPT TO:<user@relay.test>\r\n"
                            b"DATA\r\n")
                if all(client.reply()[:1] in ("2", "3") for _ in range(3)):
                    client.send(text_message(f"queued {number}") + b".\r\n")
                    self.accepted += client.reply().startswith("250")


def send_all(server, count):
    senders = [Sender(server.ports["smtp"], range(start, count, CONNECTIONS))
               for start in range(CONNECTIONS)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    return sum(sender.accepted for sender in senders)


def start_until_greeted(server):
    """Seconds from the start to a greeting, 220."""
    began = time.monotonic()
    server.start()
    with RawClient(server.ports["smtp"]) as client:
        if not client.reply().startswith("220"):
            raise AssertionError("no greeting")
    return time.monotonic() - began


def measure(server, sink, options):
    server.start()
    server.cli("queue", "hold-all")
    accepted = send_all(server, options.messages)
    seconds = []
    for _ in range(options.starts):
        server.kill()
        seconds.append(start_until_greeted(server))
    queued = sum(len(item.get("recipients", [None])) for item in server.queue())
    print(f"# {accepted} messages queued; from SIGKILL to 220: median "
          f"{statistics.median(seconds):.2f} s, at most {max(seconds):.2f} s")
    server.cli("queue", "resume")
    wait_until(lambda: len(sink.messages) >= accepted, "all are relayed", DRAINED_SECONDS, 0.2)
    wait_until(lambda: not server.queue(), "the queue is empty", DRAINED_SECONDS, 0.2)
    server.stop()
    is_ok = accepted == options.messages == queued == len(sink.messages)
    print(f"{'ok' if is_ok else 'not ok'} - {accepted} queued messages are there after SIGKILL, and "
          f"each goes once ({queued} there, {len(sink.messages)} relayed)", flush=True)
    return is_ok


def main():
    parser = argparse.ArgumentParser(description="a start with a long queue")
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--starts", type=int, default=3)
    options = parser.parse_args()
    sink = Sink()
    server = server_with_hop(sink.port)
    try:
        is_ok = measure(server, sink, options)
    except AssertionError as error:
        print("not ok - a server with a long queue starts", *str(error).splitlines(), sep="\n    ")
        is_ok = False
    finally:
        sink.close()
        server.kill()
        shutil.rmtree(server.directory, ignore_errors=True)
    sys.exit(0 if is_ok else 1)


if __name__ == "__main__":
    main()
