"""Other people's servers that tests and benchmarks talk to: Postfix and nsd, each an instance of
its own with its own directory and port. They come from Debian, installed or only unpacked under
build/peers (tools/install-dependencies does that); nothing is started as a system service."""

import contextlib
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness import ROOT, STOP_SECONDS, free_port, wait_until

UNPACKED = ROOT / "build" / "peers"

MASTER = """\
127.0.0.1:{port} inet n - n - {processes} smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - {processes} smtp
relay unix - - n - {processes} smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - {processes} virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


def find_program(name):
    """An installed program, or one from an unpacked package; None when there is neither."""
    for root in (Path("/"), *sorted(UNPACKED.glob("*"))):
        path = root / "usr/sbin" / name
        if path.is_file():
            return path
    return None


def accepts_connections(port):
    import socket
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Postfix:
    """Postfix with its default durability: local mail for `domain` goes to maildirs below
    mail/<local part>/, the rest to `relayhost` when given."""

    def __init__(self, domain, relayhost=None, processes=100, extra=()):
        self.program = find_program("postfix")
        self.directory = Path(tempfile.mkdtemp(prefix="postfix-peer-"))
        self.directory.chmod(0o755)
        self.port = free_port()
        self.conf = self.directory / "conf"
        self.mail = self.directory / "mail"
        self._make_directories()
        self._write_conf(domain, relayhost, processes, extra)

    @staticmethod
    def missing():
        """Why it cannot run here, or "" when it can."""
        if find_program("postfix") is None:
            return "postfix is not there (tools/install-dependencies test)"
        return "" if os.geteuid() == 0 else "Postfix can only be started by root"

    def _make_directories(self):
        for name in ("conf", "queue", "data", "mail"):
            (self.directory / name).mkdir()
        shutil.chown(self.mail, "nobody")
        self.owner = "postfix" if self._has_user("postfix") else "mail"
        shutil.chown(self.directory / "data", self.owner)

    @staticmethod
    def _has_user(name):
        with contextlib.suppress(KeyError):
            return bool(pwd.getpwnam(name))
        return False

    def _write_conf(self, domain, relayhost, processes, extra):
        root = self.program.parents[2]
        setgid = "postdrop" if self.owner == "postfix" else "uucp"
        lines = [
            "compatibility_level = 3.6",
            f"queue_directory = {self.directory}/queue",
            f"data_directory = {self.directory}/data",
            f"command_directory = {self.program.parent}",
            f"daemon_directory = {root}/usr/lib/postfix/sbin",
            f"shlib_directory = {root}/usr/lib/postfix",
            f"meta_directory = {root}/etc/postfix",
            f"maillog_file = {self.directory}/log",
            f"maillog_file_prefixes = {self.directory}",
            f"mail_owner = {self.owner}", f"setgid_group = {setgid}", "default_privs = daemon",
            "inet_interfaces = 127.0.0.1", "inet_protocols = ipv4", "myhostname = postfix.test",
            "mydestination =", "alias_maps =", "mynetworks = 127.0.0.0/8",
            f"virtual_mailbox_domains = {domain}", f"virtual_mailbox_base = {self.mail}",
            "virtual_mailbox_maps = static:box/", "virtual_uid_maps = static:65534",
            "virtual_gid_maps = static:65534", "virtual_mailbox_limit = 0",
            "message_size_limit = 200000000", f"default_process_limit = {processes}",
            "smtpd_client_connection_count_limit = 0", "smtpd_peername_lookup = no",
            "import_environment = MAIL_CONFIG MAIL_LOGTAG TZ LANG=C LD_LIBRARY_PATH",
            "export_environment = TZ LANG=C LD_LIBRARY_PATH",
        ]
        if relayhost:
            lines.append(f"relayhost = {relayhost}")
        # A line that is there twice is warned of by every process, more than postlogd stands.
        given = {line.partition(" =")[0] for line in extra}
        lines = [line for line in lines if line.partition(" =")[0] not in given]
        (self.conf / "main.cf").write_text("\n".join([*lines, *extra, ""]))
        (self.conf / "master.cf").write_text(
            MASTER.format(port=self.port, processes=processes))

    def _run(self, word):
        root = self.program.parents[2]
        environment = dict(os.environ, MAIL_CONFIG=str(self.conf))
        if root != Path("/"):
            environment["LD_LIBRARY_PATH"] = f"{root}/usr/lib/postfix"
        return subprocess.run([self.program, "-c", self.conf, word], env=environment,
                              capture_output=True, text=True, timeout=60, check=False)

    def start(self):
        self._run("start")
        log = self.directory / "log"
        wait_until(lambda: accepts_connections(self.port),
                   f"Postfix listens; its log: {log.read_text() if log.exists() else 'none'}")
        return self

    def master_pid(self):
        return int((self.directory / "queue/pid/master.pid").read_text())

    def messages(self):
        """What was delivered, as bytes, oldest first (virtual(8) ends lines with LF)."""
        files = sorted(self.mail.glob("**/new/*"), key=lambda path: path.stat().st_mtime_ns)
        return [path.read_bytes() for path in files]

    def wait_for(self, count):
        wait_until(lambda: len(self.messages()) >= count, f"Postfix delivered {count}")
        return self.messages()

    def close(self):
        self._run("stop")
        time.sleep(0.1)
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()


class Pyspf:
    """pyspf, another evaluation of SPF, asking the DNS server on a port. One process answers all."""

    PROGRAM = """
import json, sys
import dns.resolver
resolver = dns.resolver.Resolver(configure=False)
resolver.nameservers, resolver.port, resolver.timeout = ["127.0.0.1"], int(sys.argv[1]), 2
dns.resolver.default_resolver = resolver
import spf
for line in sys.stdin:
    ip, sender, helo = json.loads(line)
    result, explanation = spf.check2(i=ip, s=sender, h=helo, timeout=10)
    print(json.dumps([result, explanation]), flush=True)
"""

    def __init__(self, port):
        paths = ":".join(str(UNPACKED / package / "usr/lib/python3/dist-packages")
                         for package in ("python3-spf", "python3-dnspython"))
        self.process = subprocess.Popen(
            [sys.executable, "-c", self.PROGRAM, str(port)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": paths})

    @staticmethod
    def missing():
        there = all((UNPACKED / package).is_dir() for package in ("python3-spf", "python3-dnspython"))
        return "" if there else "pyspf is not there (tools/install-dependencies test)"

    def check(self, ip, sender, helo):
        """Its result and explanation."""
        self.process.stdin.write(json.dumps([ip, sender, helo]) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(STOP_SECONDS)


class Nsd:
    """An authoritative DNS server for the given zones, {name: zone text after the SOA}. Those named
    in `signed` are signed, with keys that `anchors` has as a file of trust anchors; `forged` ones
    are then signed anew with another key. altered: {name: (old, new)}, what is put in place of what
    was signed."""

    HEAD = "$TTL 60\n@ IN SOA ns.{zone}. root.{zone}. 1 3600 600 86400 60\n@ IN NS ns.{zone}.\n" \
           "ns IN A 127.0.0.1\n"

    def __init__(self, zones, signed=(), forged=(), altered=None):
        self.program = find_program("nsd")
        self.directory = Path(tempfile.mkdtemp(prefix="nsd-peer-"))
        self.port = free_port()
        lines = ["server:", f"  ip-address: 127.0.0.1@{self.port}", '  username: ""',
                 '  chroot: ""', '  pidfile: ""', '  database: ""', "  server-count: 1",
                 f"  zonesdir: {self.directory}", f"  zonelistfile: {self.directory}/zone.list",
                 f"  xfrdfile: {self.directory}/xfrd.state", "  rrl-ratelimit: 0",
                 "remote-control:", "  control-enable: no"]
        anchors = []
        for zone, text in zones.items():
            file = self._write(zone, text)
            if zone in signed:
                signed_file = self._sign(zone, file)
                anchors.append(next(self.directory.glob(f"K{zone}.*.key")).read_text())
                if zone in forged:
                    for key in self.directory.glob(f"K{zone}.*"):
                        key.unlink()
                    signed_file = self._sign(zone, file)
                if zone in (altered or {}):
                    signed_file.write_text(signed_file.read_text().replace(*altered[zone]))
                file = signed_file
            lines += ["zone:", f"  name: {zone}", f"  zonefile: {file}"]
        self.anchors = self.directory / "anchors"
        self.anchors.write_text("".join(anchors))
        self.conf = self.directory / "nsd.conf"
        self.conf.write_text("\n".join(lines) + "\n")
        self.process = None

    def _write(self, zone, text):
        file = self.directory / f"{zone or 'root'}.zone"
        file.write_text(f"$ORIGIN {zone}.\n" + self.HEAD.format(zone=zone) + text)
        return file

    def change(self, zone, text):
        """Of one that is not signed, while it runs: read anew a moment later."""
        self._write(zone, text)
        self.process.send_signal(signal.SIGHUP)

    def _sign(self, zone, file):
        key = subprocess.run(["ldns-keygen", "-a", "ECDSAP256SHA256", "-k", zone],
                             cwd=self.directory, capture_output=True, text=True,
                             check=True).stdout.strip()
        subprocess.run(["ldns-signzone", "-o", zone, file, key], cwd=self.directory,
                       capture_output=True, check=True)
        return file.with_name(file.name + ".signed")

    @staticmethod
    def missing():
        return "" if find_program("nsd") else "nsd is not there (tools/install-dependencies test)"

    def start(self):
        self.process = subprocess.Popen([self.program, "-d", "-c", self.conf],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        start_new_session=True)
        wait_until(lambda: accepts_connections(self.port), "nsd answers")
        return self

    def stop(self):
        """It may be started again."""
        if self.process:
            self.process.terminate()
            self.process.wait(STOP_SECONDS)
            self.process = None

    def close(self):
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()
