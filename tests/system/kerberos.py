"""A Kerberos realm of its own: a KDC on a high port with its own krb5.conf, principals and keytabs.
krb5kdc and its tools come from Debian, only unpacked; nothing is started as a system service."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from harness import free_port, wait_until
from peers import UNPACKED, accepts_connections, find_program

KRB5_CONF = """\
[libdefaults]
    default_realm = {realm}
    dns_lookup_kdc = false
    dns_lookup_realm = false
    dns_canonicalize_hostname = false
    rdns = false
    udp_preference_limit = 1
[realms]
    {realm} = {{
        kdc = 127.0.0.1:{port}
    }}
[domain_realm]
    localhost = {realm}
    .{domain} = {realm}
    {domain} = {realm}
[dbmodules]
    db_module_dir = {modules}
"""

KDC_CONF = """\
[kdcdefaults]
    kdc_listen = 127.0.0.1:{port}
    kdc_tcp_listen = 127.0.0.1:{port}
[realms]
    {realm} = {{
        database_name = {directory}/principal
        key_stash_file = {directory}/stash
        max_life = 1h
    }}
"""


class Realm:
    """Principals are made by add(); keytab() gives one the keys of some."""

    def __init__(self, realm="EXAMPLE.TEST"):
        self.realm = realm
        self.directory = Path(tempfile.mkdtemp(prefix="kdc-peer-"))
        self.directory.chmod(0o755)
        self.port = free_port()
        self.krb5_conf = self.directory / "krb5.conf"
        self.process = None
        values = {"realm": realm, "domain": realm.lower(), "port": self.port,
                  "directory": self.directory, "modules": self._modules()}
        self.krb5_conf.write_text(KRB5_CONF.format(**values))
        (self.directory / "kdc.conf").write_text(KDC_CONF.format(**values))

    @staticmethod
    def missing():
        for name in ("krb5kdc", "kdb5_util", "kadmin.local"):
            if find_program(name) is None:
                return f"{name} is not there (tools/install-dependencies test)"
        return ""

    @staticmethod
    def _modules():
        for root in (Path("/"), *sorted(UNPACKED.glob("*"))):
            for module in root.glob("usr/lib/*/krb5/plugins/kdb/db2.so"):
                return module.parent
        return "/nonexistent"

    def environment(self, **more):
        """For whoever is to use this realm and no other."""
        return {"KRB5_CONFIG": str(self.krb5_conf), **more}

    def _run(self, program, *words):
        result = subprocess.run(
            [find_program(program), "-r", self.realm, *map(str, words)], check=False,
            env=dict(os.environ, KRB5_KDC_PROFILE=str(self.directory / "kdc.conf"),
                     **self.environment()), capture_output=True, text=True, timeout=60)
        if result.returncode != 0:
            raise AssertionError(f"{program} {words}: {result.stdout}{result.stderr}")

    def start(self):
        self._run("kdb5_util", "create", "-s", "-W", "-P", "master")
        self.process = subprocess.Popen(
            [find_program("krb5kdc"), "-n", "-r", self.realm], stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True,
            env=dict(os.environ, KRB5_KDC_PROFILE=str(self.directory / "kdc.conf"),
                     **self.environment()))
        wait_until(lambda: accepts_connections(self.port), "the KDC answers")
        return self

    def add(self, *principals):
        for principal in principals:
            self._run("kadmin.local", "-q", f"addprinc -randkey {principal}")

    def keytab(self, name, *principals):
        """A file with the keys of these principals, readable by all."""
        path = self.directory / f"{name}.keytab"
        for principal in principals:
            self._run("kadmin.local", "-q", f"ktadd -norandkey -k {path} {principal}")
        path.chmod(0o644)
        return path

    def close(self):
        if self.process:
            self.process.terminate()
            self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)
