"""How long light clients wait while heavy ones take what they can get."""

import re
import subprocess
from typing import NamedTuple

from servers import TOOLS

CLIENTS = 100  # one session a second each
HEAVY = 4      # connections
LINE = re.compile(r"sessions (\d+) refused (\d+) greeting-ms ([\d.]+) ([\d.]+) "
                  r"reply-ms ([\d.]+) ([\d.]+)")
# Who is beside them: options and message size of bench/load.
BESIDE = {"nobody beside them": None,
          f"beside {HEAVY} who send 1 MB": ((), 1_000_000),
          f"beside {HEAVY} with 50 recipients": (("-r", "50"), 10_000)}
MANY = 1_000_000


class Waits(NamedTuple):
    """Of all sessions of the light clients; milliseconds, median and the slowest of a hundred."""

    sessions: int
    refused: int
    greeting: tuple
    reply: tuple


def measure_beside(server, heavy, seconds):
    load = None
    if heavy is not None:
        words, size = heavy
        load = subprocess.Popen(
            [TOOLS / "load", *words, str(server.port), str(HEAVY), str(MANY), str(size), "0",
             server.recipient("local")], stdout=subprocess.DEVNULL)
    try:
        output = subprocess.run(
            [TOOLS / "light", str(server.port), str(CLIENTS), str(seconds),
             server.recipient("local").replace("%", "0")],
            check=True, capture_output=True, text=True).stdout
        if load is not None and load.poll() is not None:
            raise SystemExit(f"bench: {server.name}: the heavy clients gave up")
    finally:
        if load is not None:
            load.kill()
            load.wait()
    figures = LINE.search(output).groups()
    return Waits(int(figures[0]), int(figures[1]), tuple(map(float, figures[2:4])),
                 tuple(map(float, figures[4:6])))


def measure_fairness(make_server, options):
    """{who is beside them: Waits}. Each with a server of its own: what is left of a queue would be
    work beside the next."""
    rows = {}
    for title, heavy in BESIDE.items():
        if options.rows in title:
            with make_server() as server:
                rows[title] = measure_beside(server, heavy, options.light_seconds)
    return rows


def fairness_lines(results, seconds):
    """results: {server: {who is beside them: Waits}}"""
    def row(title, cell):
        cells = [cell(waits[beside]) if beside in waits else "-" for waits in results.values()]
        return f"| {title} | " + " | ".join(cells) + " |"

    lines = ["| | " + " | ".join(results) + " |", "|---|" + "---:|" * len(results)]
    for beside in BESIDE:
        if not any(beside in waits for waits in results.values()):
            continue
        lines += [
            row(f"{beside}: greeting, ms",
                lambda waits: f"{waits.greeting[0]:.1f} / {waits.greeting[1]:.1f}"),
            row("MAIL to the reply, ms",
                lambda waits: f"{waits.reply[0]:.1f} / {waits.reply[1]:.1f}"),
            row("sessions a second, refused",
                lambda waits: f"{waits.sessions / seconds:.0f}, {waits.refused}")]
    return lines
