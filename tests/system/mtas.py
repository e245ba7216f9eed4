"""Exim and OpenSMTPD as peers. Their packages compile users and paths in, so each runs below a
directory of its own (chroot), which is given the program, its libraries and the users it asks for."""

import os
import re
import shutil
import smtplib
import stat
import subprocess
import tempfile
from pathlib import Path

from harness import STOP_SECONDS, free_port, wait_until
from peers import accepts_connections, find_program

USER_ID = 900
DEVICES = {"null": 3, "urandom": 9}


class Jail:
    """A directory as the root of a program's world; files are seen from outside below `directory`."""

    def __init__(self, name, users, folders):
        self.directory = Path(tempfile.mkdtemp(prefix=f"{name}-peer-"))
        self.directory.chmod(0o755)
        for folder in ("etc", "dev", "tmp", *folders):
            (self.directory / folder).mkdir(parents=True)
        (self.directory / "tmp").chmod(0o1777)
        ids = {"root": 0, **{user: USER_ID + number for number, user in enumerate(users)}}
        self.write("etc/passwd", "".join(f"{user}:x:{number}:{number}::/:/bin/sh\n"
                                         for user, number in ids.items()))
        self.write("etc/group", "".join(f"{user}:x:{number}:\n" for user, number in ids.items()))
        self.write("etc/hosts", "127.0.0.1 localhost\n")
        for device, minor in DEVICES.items():
            os.mknod(self.directory / "dev" / device, stat.S_IFCHR, os.makedev(1, minor))
            (self.directory / "dev" / device).chmod(0o666)

    def write(self, path, text):
        (self.directory / path).write_text(text)

    def give(self, user, *folders):
        """Folders to the user of that number in the list."""
        for folder in folders:
            os.chown(self.directory / folder, USER_ID + user, USER_ID + user)

    def add(self, program, path):
        """A program with its libraries; each file is copied once."""
        libraries = subprocess.run(["ldd", program], capture_output=True, text=True,
                                   check=True).stdout
        for source, target in [(program, path), *((library, library) for library in
                                                  re.findall(r"(/\S+) \(0x", libraries))]:
            place = self.directory / str(target).lstrip("/")
            if not place.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, place)

    def close(self):
        shutil.rmtree(self.directory, ignore_errors=True)


class JailedServer:
    """What both have in common: `domain` is theirs and goes to a maildir, `next_port` gets the
    rest. Subclasses say in _install what to run."""

    program_name = host = None
    launcher = ()  # a command that starts the server as its child

    def __init__(self, domain, next_port=None, connections=100, certificate=None):
        """connections: of clients at a time. certificate: (file, key file) for STARTTLS, which it
        does not have otherwise. Exim heeds both; OpenSMTPD has no limit of its own, and its TLS
        does not work with the OpenSSL of Debian 12 (the key is in another process)."""
        self.domain, self.next_port, self.port = domain, next_port, free_port()
        self.connections, self.certificate = connections, certificate
        self.program = find_program(self.program_name)
        self.jail = None
        self.process = None

    @classmethod
    def missing(cls):
        if find_program(cls.program_name) is None:
            return f"{cls.program_name} is not there (tools/install-dependencies test)"
        return "" if os.geteuid() == 0 else f"{cls.program_name} can only be started by root"

    def _install(self):
        raise NotImplementedError

    def start(self):
        command = self._install()
        with (self.jail.directory / "output").open("wb") as output:
            self.process = subprocess.Popen(
                [*self.launcher, "chroot", self.jail.directory, *command], stdout=output,
                stderr=output, start_new_session=True)
        wait_until(lambda: accepts_connections(self.port),
                   f"{self.program_name} listens; it said: {self.output()}")
        return self

    def output(self):
        path = self.jail.directory / "output"
        return path.read_text(errors="replace") if path.exists() else ""

    def messages(self):
        """What was delivered, as bytes, oldest first, with the line ends of Unix."""
        files = sorted(self.jail.directory.glob("mail/**/new/*"),
                       key=lambda path: path.stat().st_mtime_ns)
        return [path.read_bytes() for path in files]

    def wait_for(self, count):
        wait_until(lambda: len(self.messages()) >= count, f"{self.program_name} delivered {count}")
        return self.messages()

    def send(self, data, recipient, sender="someone@elsewhere.example", options=()):
        """Submit a message to be sent on to next_port."""
        with smtplib.SMTP("127.0.0.1", self.port, timeout=60) as client:
            client.sendmail(sender, [recipient], data, mail_options=list(options))

    def close(self):
        if self.process:
            self.process.terminate()
            self.process.wait(STOP_SECONDS)
        if self.jail:
            self.jail.close()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()


EXIM = """\
primary_hostname = exim.test
daemon_smtp_ports = {port}
local_interfaces = 127.0.0.1
disable_ipv6
{tls}
keep_environment =
spool_directory = /spool
log_file_path = /log/%s
pid_file_path = /log/exim.pid
smtp_accept_max = {connections}
smtp_accept_max_per_connection = 0
smtp_accept_queue_per_connection = 0
chunking_advertise_hosts = *
dsn_advertise_hosts = *
smtputf8_advertise_hosts = *
pipelining_connect_advertise_hosts =
acl_smtp_rcpt = rcpt
acl_smtp_data = accept
begin acl
rcpt:
  deny message = closed for tests
       local_parts = closed
  accept
begin routers
local:
  driver = accept
  domains = {domain}
  transport = maildir
onward:
  driver = manualroute
  domains = ! {domain}
  route_list = * 127.0.0.1
  self = send
  transport = onward
begin transports
maildir:
  driver = appendfile
  maildir_format
  directory = /mail/box
  create_directory
  user = Debian-exim
onward:
  driver = smtp
  port = {next_port}
  allow_localhost
"""


EXIM_TLS = """\
tls_advertise_hosts = *
tls_certificate = /etc/cert.pem
tls_privatekey = /etc/key.pem
"""


class Exim(JailedServer):
    program_name, host = "exim4", "exim.test"

    def _install(self):
        self.jail = Jail("exim", ["Debian-exim"], ["spool", "log", "mail", "etc/exim4"])
        self.jail.give(0, "spool", "log", "mail")
        self.jail.add(self.program, "/usr/sbin/exim4")
        for source, name in zip(self.certificate or (), ("etc/cert.pem", "etc/key.pem")):
            shutil.copy(source, self.jail.directory / name)
            self.jail.give(0, name)
        self.jail.write("etc/exim4/exim4.conf", EXIM.format(
            port=self.port, domain=self.domain, next_port=self.next_port or self.port,
            connections=self.connections,
            tls=EXIM_TLS if self.certificate else "tls_advertise_hosts ="))
        return ["/usr/sbin/exim4", "-bdf", "-q1h"]


OPENSMTPD = """\
table users {{ "@" = "vmail" }}
smtp limit max-mails 1000000
listen on 127.0.0.1 port {port} hostname opensmtpd.test
action "in" maildir "/mail" virtual <users>
action "onward" relay host "smtp://127.0.0.1:{next_port}"
match from any for domain "{domain}" rcpt-to "closed@{domain}" reject
match from any for domain "{domain}" action "in"
match from any for any action "onward"
"""
HELPERS = ("mail.maildir", "mail.mda", "lockspool")


class OpenSmtpd(JailedServer):
    program_name, host = "smtpd", "opensmtpd.test"

    def _install(self):
        self.jail = Jail("opensmtpd", ["opensmtpd", "opensmtpq", "vmail"],
                         ["mail", "var/run", "var/spool/smtpd", "var/lib/opensmtpd/empty"])
        self.jail.give(2, "mail")
        (self.jail.directory / "var/spool/smtpd").chmod(0o711)
        self.jail.add(self.program, "/usr/sbin/smtpd")
        self.jail.add("/bin/sh", "/bin/sh")
        for helper in HELPERS:
            self.jail.add(self.program.parents[1] / "libexec/opensmtpd" / helper,
                          f"/usr/libexec/opensmtpd/{helper}")
        self.jail.write("etc/smtpd.conf", OPENSMTPD.format(
            port=self.port, domain=self.domain, next_port=self.next_port or self.port))
        return ["/usr/sbin/smtpd", "-d", "-f", "/etc/smtpd.conf"]
