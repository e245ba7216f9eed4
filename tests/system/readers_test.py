"""Other people's programs that read mail: offlineimap, mutt, fetchmail, ImapFlow, node-pop3."""

import os
import pty
import shutil
import subprocess
import threading
from pathlib import Path

from cases import ServerTest
from harness import ROOT, text_message, wait_until
from imap_test import connect

NODE_CLIENTS = ROOT / "build/node/node_modules"
INSTALL = "tools/install-dependencies test"


class Readers(ServerTest):
    def setUp(self):
        self.home = Path(self.server.directory)
        self.environment = dict(os.environ, HOME=str(self.home), LC_ALL="C", TERM="vt100",
                                CLIENTS=str(NODE_CLIENTS))
        self.client = connect(self.server)
        self.addCleanup(self.client.shutdown)

    def need(self, program):
        self.assertTrue(shutil.which(program), f"{program} is missing: {INSTALL}")

    def run_client(self, *command, expect=0):
        result = subprocess.run([str(word) for word in command], env=self.environment,
                                capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(result.returncode, expect, result.stdout + result.stderr)
        return result.stdout

    def write_private(self, name, text):
        path = self.home / name
        path.write_text(text)
        path.chmod(0o600)
        return path

    def fresh(self, name, *subjects):
        self.client.delete(name)
        self.client.create(name)
        for subject in subjects:
            self.client.append(name, None, None, text_message(subject))
        self.client.select(name)

    def subjects(self, name):
        self.client.select(name, readonly=True)
        data = self.client.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1]
        return sorted(part[1].split(b":", 1)[1].strip().decode() for part in data
                      if isinstance(part, tuple))

    # ---- two ways ----

    def test_offlineimap_keeps_both_sides_the_same(self):
        self.need("offlineimap")
        self.fresh("offline", "far 0", "far 1", "far 2")
        local = self.home / "offline-maildir"
        config = self.write_private("offlineimaprc", f"""
[general]
accounts = us
ui = quiet
metadata = {self.home}/offline-state
[Account us]
localrepository = near
remoterepository = far
[Repository near]
type = Maildir
localfolders = {local}
[Repository far]
type = IMAP
remotehost = localhost
remoteport = {self.server.ports['imaps']}
remoteuser = alice@example.test
remotepass = {self.server.passwords['alice']}
ssl = yes
sslcacertfile = {self.home}/cert.pem
folderfilter = lambda name: name == "offline"
""")
        def sync():
            self.run_client("offlineimap", "-c", config, "-o")

        def near():
            return {path: path.read_bytes() for part in ("cur", "new")
                    for path in (local / "offline" / part).glob("*")}

        sync()
        self.assertEqual(len(near()), 3)
        # Both sides change before they meet again.
        self.client.store("1", "+FLAGS", "\\Deleted")
        self.client.expunge()
        self.client.append("offline", None, None, text_message("far new"))
        gone = next(path for path, data in near().items() if b"Subject: far 2" in data)
        gone.unlink()
        (local / "offline" / "new" / "1.near.host").write_bytes(
            text_message("near new").replace(b"\r\n", b"\n"))
        sync()
        expected = ["far 1", "far new", "near new"]
        self.assertEqual(self.subjects("offline"), expected)
        self.assertEqual(len(near()), 3)
        sync()
        self.assertEqual(self.subjects("offline"), expected)

    # ---- a person at a terminal ----

    def test_mutt_reads_flags_deletes_and_saves(self):
        self.need("mutt")
        self.fresh("mutt", "first", "second", "third")
        self.client.delete("mutt-saved")
        self.client.create("mutt-saved")
        url = f"imaps://127.0.0.1:{self.server.ports['imaps']}"
        config = self.write_private("muttrc", f"""
set imap_user=alice@example.test imap_pass="{self.server.passwords['alice']}"
set folder={url}/ spoolfile={url}/mutt ssl_verify_host=no ssl_verify_dates=no
set certificate_file={self.home}/cert.pem
set confirmappend=no delete=yes resolve=no move=no quit=yes sort=mailbox-order wait_key=no pager_stop=yes
set header_cache="" timeout=1 mail_check=1 ssl_force_tls=yes
push "<first-entry><flag-message><next-entry><delete-message>\\
<last-entry><save-message>=mutt-saved<enter><quit>"
""")
        self.run_at_terminal("mutt", "-n", "-F", config)
        self.assertEqual(self.subjects("mutt"), ["first"])
        self.assertEqual(self.subjects("mutt-saved"), ["third"])
        self.client.select("mutt")
        self.assertIn(b"\\Flagged", self.client.fetch("1", "(FLAGS)")[1][0])

    def run_at_terminal(self, *command):
        """With a terminal that nobody looks at."""
        outside, inside = pty.openpty()
        shown = []

        def read():
            try:
                while data := os.read(outside, 65536):
                    shown.append(data)
            except OSError:
                pass  # the other end is closed
        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        process = subprocess.Popen([str(word) for word in command], stdin=inside, stdout=inside,
                                   stderr=inside, env=self.environment, start_new_session=True)
        os.close(inside)
        try:
            status = process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            status = "none in 60 s"
        reader.join(5)
        os.close(outside)
        self.assertEqual(status, 0, b"".join(shown)[-3000:])

    # ---- one way ----

    def test_fetchmail_takes_all_by_imap_and_leaves_the_rest(self):
        self.need("fetchmail")
        self.fresh("fetch", "taken 0", "taken 1")
        self.fresh("left", "stays")
        taken = self.home / "fetched"
        config = self.write_private("fetchmail-imap", f"""
poll localhost protocol IMAP service {self.server.ports['imaps']}
    user "alice@example.test" password "{self.server.passwords['alice']}"
    ssl sslcertfile "{self.home}/cert.pem" folder "fetch" mda "cat >> {taken}" fetchall
""")
        self.run_client("fetchmail", "-f", config, "--nodetach", "--nosyslog",
                        "--pidfile", self.home / "fetchmail.pid")
        for subject in (b"taken 0", b"taken 1"):
            self.assertIn(b"Subject: " + subject, taken.read_bytes())
        self.client.select("fetch")
        self.assertEqual(self.client.search(None, "ALL")[1], [b""])
        self.assertEqual(self.subjects("left"), ["stays"])

    # ---- JavaScript ----

    def run_node(self, script, *arguments):
        self.need("node")
        self.assertTrue(NODE_CLIENTS.is_dir(), f"the npm clients are missing: {INSTALL}")
        self.assertEqual(self.run_client("node", ROOT / "tests/node" / script, *arguments),
                         "ok\n")

    def test_imapflow_reads_flags_moves_and_hears_of_news(self):
        self.client.delete("flow/deep")
        self.run_node("imapflow.js", self.server.ports["imaps"], "alice@example.test",
                      self.server.passwords["alice"])
        self.assertEqual(self.subjects("flow/deep"), ["four", "three"])

    def test_node_pop3_lists_reads_and_deletes(self):
        self.server.send(text_message("by node"), "bob@example.test")
        wait_until(lambda: self.server.fetch("bob"), "the message is there")
        self.run_node("pop3.js", self.server.ports["pop3s"], "bob@example.test",
                      self.server.passwords["bob"], "by node")
        self.assertEqual(self.server.fetch("bob"), [])
