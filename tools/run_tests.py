"""Runs the parts of the proof, prints one `ok` or `not ok` line per test, and counts them.

The last line is `N passed, N failed`; the exit status is 1 when something failed. What a failed
test said follows its line, indented; all of it is told once more at the end, because who reads a
long log has often only that. Started by tools/run-tests."""

import os
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CORES = os.cpu_count() or 2
JOBS = f"-j{CORES}"
FUZZ_SECONDS = int(os.environ.get("FUZZ_SECONDS", "5"))
LYING_SEEDS = 80
KILL_STRIDE = 61  # of some 2500 points
SIM_SECONDS = int(os.environ.get("SIM_SECONDS", "30"))
RESULT = re.compile(r"^(ok|not ok) - ")
CMOCKA = re.compile(r"^\[ +(OK|FAILED) +\] (.*)$")
HONEST_END_SECONDS = 1200
RELEASE, ASAN = "build/release", "build/asan"


class Report:
    """Counts and prints; a quiet one keeps its lines for another."""

    def __init__(self, quiet=False):
        self.passed = self.failed = 0
        self.kept = [] if quiet else None
        self.failures = []
        self.in_failure = False

    def print(self, line):
        if self.kept is None:
            self.in_failure = line.startswith("not ok") or (self.in_failure and
                                                            line.startswith("    "))
            if self.in_failure:
                self.failures.append(line)
            print(line, flush=True)
        else:
            self.kept.append(line)

    def take(self, other):
        """What a quiet report has gathered."""
        for line in other.kept:
            self.print(line)
        self.passed += other.passed
        self.failed += other.failed

    def result(self, is_ok, sentence, details=""):
        self.print(f"{'ok' if is_ok else 'not ok'} - {sentence}")
        if not is_ok:
            for line in details.rstrip().splitlines()[-60:]:
                self.print(f"    {line}")
        self.passed += is_ok
        self.failed += not is_ok

    def line(self, line):
        """A line of a runner that prints ok lines itself."""
        match = RESULT.match(line)
        if match:
            self.passed += match.group(1) == "ok"
            self.failed += match.group(1) == "not ok"
        self.print(line)


def run(*command, environment=None, seconds=600):
    """(exit status, what it printed)."""
    try:
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=seconds, check=False,
                              env=dict(os.environ, **(environment or {})))
    except subprocess.TimeoutExpired as error:
        return 1, (error.stdout or b"").decode(errors="replace") + f"\nno end in {seconds} s"
    return done.returncode, done.stdout.decode(errors="replace")


def check(report, sentence, *command, **options):
    """One test that is one command. Returns whether it passed."""
    status, output = run(*command, **options)
    report.result(status == 0, sentence, output)
    return status == 0


def stream(report, name, *command, environment=None, seconds=2 * HONEST_END_SECONDS):
    """Run a runner that prints ok lines; one more failure when it dies without saying why."""
    failed_before = report.failed
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, errors="replace",
                               env=dict(os.environ, **(environment or {})))
    end = time.monotonic() + seconds
    for line in process.stdout:
        report.line(line.rstrip("\n"))
        if time.monotonic() > end:
            process.kill()
            report.result(False, f"{name} end in {seconds} s")
    if process.wait() != 0 and report.failed == failed_before:
        report.result(False, f"{name} end with status 0", f"status {process.returncode}")


# ---- the parts ----

def c_files():
    return sorted(str(path.relative_to(ROOT)) for folder in ("src", "tests", "bench")
                  for path in (ROOT / folder).rglob("*.[ch]"))


def wrong_decisions():
    """Decisions that share a number, or whose title has another one than their name."""
    seen, wrong = {}, []
    for path in sorted((ROOT / "doc/decisions").glob("*.md")):
        number = path.name.partition("-")[0]
        if number in seen:
            wrong.append(f"{path.name} has the number of {seen[number]}")
        seen[number] = path.name
        if not path.read_text().startswith(f"# {int(number)}. "):
            wrong.append(f"{path.name} does not begin with '# {int(number)}. '")
    return wrong


def part_lint(report):
    check(report, "includes point downward only", "tools/check-layers")
    check(report, "functions, files and nesting stay below the hard limits", "tools/check-size")
    check(report, "each function of a header is used by another file", "tools/check-unused")
    check(report, "C files are formatted", "clang-format", "--dry-run", "-Werror", *c_files())
    pages = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "doc").rglob("*.[1578]"))
    if pages:
        check(report, "manual pages are clean", "mandoc", "-T", "lint", "-W", "warning", *pages)
    check(report, "cppcheck has nothing to report but what is known to be wrong", "tools/analyse",
          "cppcheck", seconds=HONEST_END_SECONDS)
    check(report, "the page of coverage is what the tests say", "tools/coverage", "--check")
    check(report, "the page of how-to's is what the scripts say", "tools/howto-page", "--check")
    wrong = wrong_decisions()
    report.result(not wrong, "each decision has a number of its own", "\n".join(wrong))
    scripts = ["tools/run-tests", "tools/run-demo", "tools/install-dependencies", ".ci/run"]
    for script in scripts:
        check(report, f"{script} can be parsed by the shell", "sh", "-n", script)


def part_build(report):
    """Everything is built once, without warnings; other parts rely on it."""
    built = check(report, "it builds with gcc without a warning", "make", JOBS, "-s", "WERROR=1",
                  "all", "unit-tests", seconds=HONEST_END_SECONDS)
    built &= check(report, "it builds with clang, ASan and UBSan without a warning", "make", JOBS,
                   "-s", "SAN=1", "WERROR=1", "all", "unit-tests", seconds=HONEST_END_SECONDS)
    if built and (ROOT / RELEASE / "bin/mailroot").exists():
        check(report, "each role needs no library that it may not map", "tools/check-links",
              RELEASE)
        check(report, "what lacks a protection against attacks is found out",
              "tools/check-hardening", "--self-test")
        check(report, "each program has every protection against attacks",
              "tools/check-hardening", RELEASE)
        if check(report, "mailroot.conf(5) is made from the settings", "make", "-s", "man"):
            check(report, "mailroot.conf(5) is clean", "mandoc", "-T", "lint", "-W", "warning",
                  f"{RELEASE}/man/mailroot.conf.5")
    return built


def run_unit_program(report, program, build):
    """The sentences of one cmocka program."""
    status, output = run(program, seconds=HONEST_END_SECONDS, environment={"CMOCKA_MESSAGE_OUTPUT": "stdout"})
    results = [match for match in map(CMOCKA.match, output.splitlines()) if match]
    seen = set()
    for match in results:
        verdict, sentence = match.groups()
        if sentence not in seen and not sentence.startswith("mailroot: "):
            seen.add(sentence)
            report.result(verdict == "OK", f"{sentence} ({build})",
                          output if verdict != "OK" else "")
    if status != 0 and all(match.group(1) == "OK" for match in results) or not results:
        report.result(False, f"{Path(program).name} ends with status 0 ({build})",
                      f"status {status}\n{output}")


def part_unit(report):
    """As many programs at a time as there are cores; told in the order of their names."""
    def one(where):
        quiet = Report(quiet=True)
        run_unit_program(quiet, str(ROOT / where[0] / "unit" / where[1]), Path(where[0]).name)
        return quiet

    sources = sorted((ROOT / "tests/unit").glob("*_test.c"))
    with ThreadPoolExecutor(CORES) as pool:
        for done in pool.map(one, [(build, source.stem) for build in (RELEASE, ASAN)
                                   for source in sources]):
            report.take(done)
    check_portable_switch(report)
    check_threads(report)
    check(report, "valgrind has nothing to report of parsers, log, index and store",
          "tools/valgrind", seconds=HONEST_END_SECONDS)
    check(report, "parsers take no more than the length of what strangers send",
          "tools/linear", seconds=HONEST_END_SECONDS)


def check_threads(report):
    """What gives work to other threads."""
    if check(report, "it builds with ThreadSanitizer", "make", JOBS, "-s", "TSAN=1", "threads",
             seconds=HONEST_END_SECONDS):
        for program in sorted((ROOT / "build/tsan/unit").glob("*_test")):
            run_unit_program(report, str(program), "tsan")


def check_portable_switch(report):
    """What machines other than x86-64 and aarch64 run, on this one."""
    program = str(ROOT / "build/portable_task_test")
    sources = sorted(str(path) for folder in ("src/base", "src/task")
                     for path in (ROOT / folder).glob("*.c"))
    built = check(report, "the portable switch between tasks compiles", "cc", "-std=gnu11", "-O1",
                  "-D_GNU_SOURCE", "-DMAILROOT_UCONTEXT", "-Isrc", "-Itests/unit", "-o", program,
                  *sources, "tests/unit/task_test.c", "tests/unit/test.c", "-lcmocka", "-lpthread")
    if built:
        run_unit_program(report, program, "portable switch")


def stream_both(report, name, heading, settings, *command):
    """A runner under two environments at a time: it mostly waits. The second one's lines follow
    those of the first."""
    def second():
        later = Report(quiet=True)
        stream(later, name, *command, environment=settings[1])
        return later

    with ThreadPoolExecutor() as pool:
        running = pool.submit(second)
        print(f"# {heading.format(**settings[0])}")
        stream(report, name, *command, environment=settings[0])
        print(f"# {heading.format(**settings[1])}")
        report.take(running.result())


def part_session(report):
    """Transcripts: the sanitized build, every role its own process, and all in one."""
    stream_both(report, "transcripts", "transcripts against {MAILROOT_BUILD}, one process: "
                "{MAILROOT_ONE_PROCESS}",
                [{"MAILROOT_BUILD": ASAN, "MAILROOT_ONE_PROCESS": one} for one in "01"],
                sys.executable, "tests/run_sessions.py")


def part_system(report):
    """System tests: as shipped with roles; the sanitized build in one process."""
    stream_both(report, "system tests", "system tests against {MAILROOT_BUILD}, one process: "
                "{MAILROOT_ONE_PROCESS}",
                [{"MAILROOT_BUILD": build, "MAILROOT_ONE_PROCESS": one}
                 for build, one in ((RELEASE, "0"), (ASAN, "1"))],
                sys.executable, "tests/run_system.py")
    check(report, "valgrind has nothing to report of the roles that take mail and give it out",
          "tools/valgrind", "--system", seconds=HONEST_END_SECONDS)


def part_howto(report):
    """How-to's: what their text says, done and read back."""
    stream(report, "how-to's", sys.executable, "tests/run_howto.py",
           environment={"MAILROOT_BUILD": RELEASE})


def part_crash(report):
    release = {"MAILROOT_BUILD": RELEASE}
    stream(report, "crash tests", sys.executable, "tests/system/crash_test.py", "--seconds", "165",
           environment=release)
    stream(report, "kills of roles", sys.executable, "tests/role_kills.py", "--rounds", "5",
           environment=release)
    stream(report, "full disks", sys.executable, "tests/full_disks.py", "--fillings", "3",
           environment=release)
    # So short a time tells gross growth only.
    stream(report, "a mixed load", sys.executable, "tests/soak.py", "--seconds", "40",
           "--round-seconds", "4", "--growth", "1", environment=release)
    stream(report, "starts with a queue", sys.executable, "tests/queued_start.py", "--messages",
           "1000", "--starts", "1", environment=release)


def part_sim(report):
    """The same seeds each time, then fresh ones, and kills of one role; and a disk that lies, so
    that it is seen to find what it looks for."""
    if not check(report, "the simulation is built", "make", JOBS, "-s", "WERROR=1", "simulation",
                 seconds=HONEST_END_SECONDS):
        return
    program = str(ROOT / RELEASE / "sim")
    check(report, "nothing is lost in simulated time, with the seeds of each day", program,
          "--seed", "1", "--runs", "8", seconds=HONEST_END_SECONDS)
    check(report, "nothing is lost in simulated time, with fresh seeds", program, "--seed",
          str(int(time.time())), "--seconds", str(SIM_SECONDS), seconds=HONEST_END_SECONDS)
    first = str(1 + int(time.time()) % KILL_STRIDE)  # each run has other points
    check(report, f"each role may die by itself wherever it is, from point {first} on", program,
          "--seed", "1", "--calm", "--messages", "8", "--kill-each", "all", "--first", first,
          "--stride", str(KILL_STRIDE), seconds=HONEST_END_SECONDS)
    # Not every cut loses something, and what a seed does changes with the server.
    for seed in range(1, LYING_SEEDS + 1):
        lying = [program, "--seed", str(seed), "--lying-disk", "--calm", "--most-power-cut", "1",
                 "--epochs", "3", "--messages", "12"]
        status, output = run(*lying, "--no-shrink", seconds=HONEST_END_SECONDS)
        if status == 1 and "wrong: lost" in output:
            break
    report.result(status == 1 and "wrong: lost" in output,
                  "a disk that lies about its syncs is found out by the simulation", output)
    _, output = run(*lying, seconds=HONEST_END_SECONDS)
    smallest = re.search(r"smallest of .*: sim (.*)", output)
    again = (1, "") if smallest is None else run(program, "--no-shrink",
                                                 *smallest.group(1).split(),
                                                 seconds=HONEST_END_SECONDS)
    report.result(again[0] == 1 and "wrong: " in again[1],
                  "a failing simulation prints a smaller one that fails", output + again[1])


def part_power(report):
    """Cuts on a real file system; and a server that does not sync, so that it is seen to find what
    it looks for."""
    if not check(report, "the disk whose power is cut is built", "make", JOBS, "-s", "WERROR=1",
                 "power-cuts", seconds=HONEST_END_SECONDS):
        return
    program, release = "tests/power_cuts.py", {"MAILROOT_BUILD": RELEASE}
    stream(report, "power cuts", sys.executable, program, "--cuts", "16", environment=release)
    status, output = run(sys.executable, program, "--no-sync", "--cuts", "2", environment=release)
    skipped = status == 0 and " # skip " in output
    note = " # skip as above" if skipped else ""
    report.result(skipped or (status == 1 and "lost: " in output),
                  f"a server that does not sync is found out by power cuts{note}", output)


def run_fuzzer(source):
    """(exit status, what it printed)."""
    name = source.stem.removesuffix("_fuzz")
    seeds, words = (ROOT / "tests/fuzz" / part for part in (f"corpus/{name}", f"dict/{name}.dict"))
    with tempfile.TemporaryDirectory(prefix="mailroot-fuzz-") as found:
        given = [f"-dict={words}"] * words.exists() + [found] + [str(seeds)] * seeds.is_dir()
        return run(str(ROOT / "build/fuzz" / source.stem), f"-max_total_time={FUZZ_SECONDS}",
                   "-rss_limit_mb=2048", "-timeout=10", f"-artifact_prefix={found}/", *given,
                   seconds=FUZZ_SECONDS + 120)


def part_fuzz(report):
    if not check(report, "the fuzzers build", "make", JOBS, "-s", "FUZZ=1", "fuzzers",
                 seconds=HONEST_END_SECONDS):
        return
    sources = sorted((ROOT / "tests/fuzz").glob("*_fuzz.c"))
    with ThreadPoolExecutor(CORES) as pool:
        for source, (status, output) in zip(sources, pool.map(run_fuzzer, sources)):
            name = source.stem.removesuffix("_fuzz")
            report.result(status == 0, f"the fuzzer of {name} finds nothing in {FUZZ_SECONDS} s",
                          output)


def part_demo(report):
    """In its own run directory, so that a developer's run/ stays as it is."""
    with tempfile.TemporaryDirectory(prefix="mailroot-demo-") as folder:
        check(report, "the demo delivers, relays and explains, once from nothing",
              "tools/run-demo", "--once", "--directory", folder, "--any-ports", seconds=300)
        check(report, "the demo starts again on the data of its first run",
              "tools/run-demo", "--once", "--directory", folder, "--any-ports", seconds=300)


PARTS = {"lint": part_lint, "unit": part_unit, "session": part_session, "system": part_system,
         "howto": part_howto, "crash": part_crash, "sim": part_sim, "power": part_power,
         "fuzz": part_fuzz, "demo": part_demo}


def main():
    chosen = sys.argv[1:] or list(PARTS)
    for name in chosen:
        if name not in PARTS:
            sys.exit(f"run-tests: there is no part {name}; parts: {' '.join(PARTS)}")
    report = Report()
    began = time.monotonic()
    needs_build = set(chosen) & {"unit", "session", "system", "howto", "crash", "power",
                                "demo"}
    if not needs_build or part_build(report):
        for name in chosen:
            part_began = time.monotonic()
            PARTS[name](report)
            print(f"# {name} took {time.monotonic() - part_began:.0f} s", flush=True)
    for line in report.failures:
        print(f"# {line}")
    print(f"# all took {time.monotonic() - began:.0f} s")
    print(f"{report.passed} passed, {report.failed} failed")
    sys.exit(1 if report.failed or not report.passed else 0)


if __name__ == "__main__":
    main()
