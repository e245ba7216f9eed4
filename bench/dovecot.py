"""Debian's Dovecot for bench/mailbox: an instance of its own, unpacked below build/peers."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from harness import ROOT, free_port, wait_until
from peers import accepts_connections

PACKAGES = ("dovecot-core", "dovecot-imapd", "dovecot-lmtpd", "dovecot-pop3d")
UNPACKED = ROOT / "build/peers"
PASSWORD = "secret"

CONFIG = """\
base_dir = {directory}/run
state_dir = {directory}/state
log_path = {directory}/log
protocols = imap lmtp pop3
listen = 127.0.0.1
default_internal_user = daemon
default_internal_group = daemon
default_login_user = nobody
default_client_limit = 20000
default_process_limit = 3000
auth_mechanisms = plain
mail_max_userip_connections = 20000
disable_plaintext_auth = no
ssl = yes
ssl_cert = <{directory}/cert.pem
ssl_key = <{directory}/key.pem
mail_location = {location}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid=65534 gid=65534 home={directory}/mail/%n
}}
service imap-login {{
  service_count = 0
  process_min_avail = 2
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    port = {lmtp}
  }}
}}
service stats {{
  unix_listener stats-reader {{
    mode = 0666
  }}
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
"""


class Dovecot:
    """Default durability. location: mail_location, "mdbox:~/mail" and the like."""

    def __init__(self, location):
        self.root = self._merge()
        self.directory = Path(tempfile.mkdtemp(prefix="dovecot-peer-", dir=ROOT / "build"))
        self.directory.chmod(0o755)
        for name in ("run", "state", "mail"):
            (self.directory / name).mkdir()
        shutil.chown(self.directory / "mail", 65534, 65534)
        self.ports = {name: free_port() for name in ("imap", "imaps", "pop3", "lmtp")}
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-days", "9", "-subj",
                        "/CN=localhost", "-keyout", self.directory / "key.pem", "-out",
                        self.directory / "cert.pem"], check=True, capture_output=True)
        (self.directory / "dovecot.conf").write_text(CONFIG.format(
            directory=self.directory, location=location, password=PASSWORD,
            **self.ports))
        # It looks for its parts where its packages are installed, so it is shown a /usr of its own.
        overlay = f"mount -t overlay overlay -o lowerdir={self.root}/usr:/usr /usr"
        self.process = subprocess.Popen(
            ["unshare", "-m", "sh", "-c", f"{overlay} && exec /usr/sbin/dovecot -F -c \"$0\"",
             self.directory / "dovecot.conf"], stdin=subprocess.DEVNULL)
        try:
            wait_until(lambda: accepts_connections(self.ports["imaps"]), "dovecot listens")
        except BaseException:
            self.close()
            raise

    @staticmethod
    def _merge():
        """Its packages expect to be in one place."""
        missing = [name for name in PACKAGES if not (UNPACKED / name).is_dir()]
        if missing:
            raise SystemExit(f"bench: {missing[0]} is not there (tools/install-dependencies bench)")
        merged = UNPACKED / "dovecot.merged"
        shutil.rmtree(merged, ignore_errors=True)
        for name in PACKAGES:
            shutil.copytree(UNPACKED / name, merged, dirs_exist_ok=True, symlinks=True)
        return merged

    def close(self):
        self.process.terminate()
        self.process.wait(30)
        shutil.rmtree(self.directory, ignore_errors=True)
