"""HAProxy and nginx in front of a server under test: each its own process, directory and port."""

import http.server
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

from harness import STOP_SECONDS, free_port, wait_until
from peers import UNPACKED, accepts_connections, find_program


def find_module(name):
    """A loadable module of nginx, as find_program finds programs."""
    for root in (Path("/"), *sorted(UNPACKED.glob("*"))):
        path = root / "usr/lib/nginx/modules" / name
        if path.is_file():
            return path
    return None


class Foreground:
    """A program that runs in the foreground with a file of settings."""

    def __init__(self, words, ports):
        self.words, self.ports = words, ports
        self.process = None

    def start(self):
        self.process = subprocess.Popen(self.words, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, start_new_session=True)
        for port in self.ports:
            wait_until(lambda port=port: accepts_connections(port), f"{self.words[0]} answers")
        return self

    def close(self):
        if self.process:
            self.process.terminate()
            self.process.wait(STOP_SECONDS)


class HAProxy:
    """Forwards one port of its own to each of `targets`, {name: (port, words of the server line)}."""

    def __init__(self, targets):
        self.directory = Path(tempfile.mkdtemp(prefix="haproxy-peer-"))
        self.ports = {name: free_port() for name in targets}
        lines = ["defaults", "  mode tcp", "  timeout connect 10s", "  timeout client 60s",
                 "  timeout server 60s"]
        for name, (port, words) in targets.items():
            lines += [f"listen {name}", f"  bind 127.0.0.1:{self.ports[name]}",
                      f"  server one 127.0.0.1:{port} {words}"]
        conf = self.directory / "haproxy.cfg"
        conf.write_text("\n".join(lines) + "\n")
        self.program = Foreground([find_program("haproxy"), "-db", "-f", conf],
                                  self.ports.values())

    @staticmethod
    def missing():
        return "" if find_program("haproxy") else "haproxy is not there"

    def start(self):
        self.program.start()
        return self

    def close(self):
        self.program.close()
        shutil.rmtree(self.directory, ignore_errors=True)


class AuthHttp(http.server.BaseHTTPRequestHandler):
    """What nginx asks before it connects: where to, and who logged in (any password is right)."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Auth-Status", "OK")
        self.send_header("Auth-Server", "127.0.0.1")
        self.send_header("Auth-Port", str(self.server.target))
        self.end_headers()

    def log_message(self, *_):
        pass


class NginxMail:
    """nginx as a mail proxy: port `smtp` passes strangers on, `submission` asks for a login."""

    CONF = """\
load_module {module};
daemon off;
master_process off;
pid {directory}/nginx.pid;
error_log {directory}/error.log;
events {{ }}
mail {{
  server_name proxy.test;
  auth_http 127.0.0.1:{auth}/;
  xclient on;
  server {{ listen 127.0.0.1:{smtp}; protocol smtp; smtp_auth none; }}
  server {{ listen 127.0.0.1:{submission}; protocol smtp; smtp_auth login plain; }}
}}
"""

    def __init__(self, target):
        self.directory = Path(tempfile.mkdtemp(prefix="nginx-peer-"))
        self.ports = {"smtp": free_port(), "submission": free_port()}
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), AuthHttp)
        self.http.target = target
        conf = self.directory / "nginx.conf"
        conf.write_text(self.CONF.format(module=find_module("ngx_mail_module.so"),
                                         directory=self.directory, auth=self.http.server_port,
                                         **self.ports))
        self.program = Foreground([find_program("nginx"), "-p", self.directory, "-c", conf,
                                   "-e", self.directory / "error.log"], self.ports.values())

    @staticmethod
    def missing():
        there = find_program("nginx") and find_module("ngx_mail_module.so")
        return "" if there else "nginx and its mail module are not there"

    def start(self):
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        self.program.start()
        return self

    def close(self):
        self.program.close()
        self.http.shutdown()
        self.http.server_close()
        shutil.rmtree(self.directory, ignore_errors=True)
