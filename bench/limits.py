"""What a durable server is made of, each part alone: the log without a network, and an exchange over
loopback without a disk. No server can be faster than the slower of the two for it."""

import re
import statistics
import subprocess
import tempfile
from pathlib import Path

from servers import ROOT, TOOLS, Hop

CONNECTIONS = (1, 20, 100)
RECYCLED = re.compile(r"recycled +(\d+) tasks: +(\d+) commits/s")
LOG = "log alone, records of 10 KB for each sync"
EXCHANGES = {"exchange alone, pipelined, connections": (),
             "exchange alone, each reply awaited, connections": ("-s",)}


def build_log_bench():
    source, library = ROOT / "bench/log_bench.c", ROOT / "build/release/libmailroot.a"
    subprocess.run(["cc", "-std=gnu11", "-O2", "-D_GNU_SOURCE", "-Wall", "-Wextra",
                    "-I", ROOT / "src", "-Wl,--gc-sections", "-o", TOOLS / "log_bench", source,
                    library, "-lssl", "-lcrypto", "-lpthread"], check=True)


def log_alone(seconds):
    """{records for each sync: records a second}, in segments that were written before."""
    with tempfile.TemporaryDirectory() as directory:
        output = subprocess.run([TOOLS / "log_bench", directory, str(int(seconds * 1000))],
                                check=True, capture_output=True, text=True).stdout
    return {int(tasks): float(rate) for tasks, rate in RECYCLED.findall(output)}


def exchange_alone(seconds, hop, connections, words):
    """Messages of 10 KB a second to the next hop of the relay runs."""
    def run(messages):
        output = subprocess.run(
            [TOOLS / "load", *words, str(hop.port), str(connections), str(messages), "10000", "0",
             "u@relay.test"], check=True, capture_output=True, text=True).stdout
        return messages / float(output.split()[1])
    return run(int(run(2000) * seconds))


def measure_limits(options):
    """{title: [rate for each of CONNECTIONS]}: medians of the runs."""
    rows = {}
    if options.rows in LOG:
        build_log_bench()
        runs = [log_alone(options.seconds) for _ in range(options.runs)]
        rows[LOG] = [statistics.median(run[count] for run in runs) for count in CONNECTIONS]
    hop = Hop()
    for title, words in EXCHANGES.items():
        if options.rows in title:
            rows[title] = [statistics.median(
                exchange_alone(options.seconds, hop, count, words) for _ in range(options.runs))
                for count in CONNECTIONS]
    hop.close()
    return rows


def limit_lines(rows):
    lines = ["| | " + " | ".join(map(str, CONNECTIONS)) + " |",
             "|---|" + "---:|" * len(CONNECTIONS)]
    return lines + [f"| {title} | " + " | ".join(f"{rate:.0f}" for rate in rates) + " |"
                    for title, rates in rows.items()]
