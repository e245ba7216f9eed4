"""IMAP with real clients: imaplib, curl, mbsync; large and hostile messages; state after a kill."""

import imaplib
import os
import re
import shutil
import subprocess
import unittest
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cases import ServerTest
from harness import RawClient, client_tls, text_message, wait_until

imaplib._MAXLINE = 64 << 20


def needs(program):
    return unittest.skipUnless(shutil.which(program), f"{program} is not installed")


def connect(server, user="alice"):
    client = imaplib.IMAP4_SSL("127.0.0.1", server.ports["imaps"], ssl_context=client_tls(),
                               timeout=120)
    client.login(server.address(user), server.passwords[user])
    return client


def memory_peak(server, role="store"):
    """Of all processes of the role, in KiB; of the whole server where it is one process."""
    pids = server.role_pids(role) or [server.process.pid]
    return sum(int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1])
               for pid in pids)


class ImapTest(ServerTest):
    def setUp(self):
        self.client = connect(self.server)
        self.addCleanup(self.client.shutdown)

    def ok(self, answer):
        self.assertEqual(answer[0], "OK", answer)
        return answer[1]

    def fresh(self, name):
        """A new mailbox, selected."""
        self.client.delete(name)
        self.ok(self.client.create(name))
        self.ok(self.client.select(name))

    def append(self, name, message, flags="()"):
        """Not imaplib's: that makes every LF a CRLF."""
        self.client.send(b"x APPEND %s %s {%d+}\r\n%s\r\n" % (name.encode(), flags.encode(),
                                                           len(message), message))
        self.until(b"x OK")

    def until(self, start):
        """Read lines until one begins so. Untagged ones may come before, nothing else."""
        while not (line := self.client.readline()).startswith(start):
            self.assertRegex(line, rb"^[*+] ")

    def subjects(self, client):
        data = client.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1]
        return [part[1].split(b":", 1)[1].strip().decode() for part in data
                if isinstance(part, tuple)]


class Sessions(ImapTest):
    settings = {"server_lines": ["limit connections-per-address 1000"]}

    # shows: I01 O10 O11
    def test_what_came_by_smtp_is_read_by_imap_and_pop3(self):
        self.server.send(text_message("both ways", "Read me.\r\n"), "alice@example.test")
        self.ok(self.client.select())
        self.assertIn("both ways", self.subjects(self.client))
        number = self.client.search(None, "SUBJECT", '"both ways"')[1][0].split()[0]
        whole = self.ok(self.client.fetch(number, "(RFC822)"))[0][1]
        self.assertIn(whole, self.server.fetch("alice"))

    def test_a_session_hears_what_another_does(self):
        self.fresh("shared")
        for number in range(3):
            self.append("shared", text_message(f"m{number}"))
        self.ok(self.client.noop())
        other = connect(self.server)
        self.addCleanup(other.shutdown)
        other.select("shared")
        other.store("2", "+FLAGS", "(\\Flagged later)")
        other.store("1", "+FLAGS", "\\Deleted")
        other.expunge()
        other.append("shared", None, None, text_message("m3"))
        # While numbers are in use nothing may go away.
        self.assertEqual(self.client.fetch("1", "(UID)")[0], "NO")
        self.assertIn(b"3 (UID 3)", self.ok(self.client.fetch("3", "(UID)")))
        self.assertEqual(self.client.response("EXPUNGE")[1], [None])
        self.ok(self.client.noop())
        self.assertEqual(self.client.response("EXPUNGE")[1], [b"1"])
        self.assertEqual(self.subjects(self.client), ["m1", "m2", "m3"])
        flags = self.ok(self.client.fetch("1", "(FLAGS)"))[0]
        self.assertIn(b"\\Flagged later", flags)

    def ask(self, command):
        """The lines of the answer, the tagged one last."""
        self.client.send(b"q " + command.encode() + b"\r\n")
        lines = []
        while not lines or not lines[-1].startswith("q "):
            lines.append(self.client.readline().decode().rstrip("\r\n"))
            self.assertTrue(lines[-1], "the server is gone")
        return lines

    def test_a_client_that_was_away_is_told_what_it_missed(self):
        self.fresh("away")
        for number in range(6):
            self.append("away", text_message(f"a{number}"))
        answer = "\n".join(self.ask("SELECT away"))
        validity = re.search(r"UIDVALIDITY (\d+)", answer)[1]
        modseq = re.search(r"HIGHESTMODSEQ (\d+)", answer)[1]
        self.ok(self.client.store("2", "+FLAGS", "\\Seen"))
        self.ok(self.client.store("4,6", "+FLAGS", "\\Deleted"))
        self.ok(self.client.expunge())
        self.server.stop()
        self.server.start()
        self.client = connect(self.server)
        self.addCleanup(self.client.shutdown)
        self.ask("ENABLE QRESYNC")
        lines = self.ask(f"SELECT away (QRESYNC ({validity} {modseq}))")
        self.assertIn("* VANISHED (EARLIER) 4,6", lines)
        fetched = [line for line in lines if " FETCH " in line]
        self.assertEqual(len(fetched), 1, lines)
        self.assertRegex(fetched[0], r"\* 2 FETCH \(UID 2 FLAGS \(\\Seen\) MODSEQ \(\d+\)\)")
        lines = self.ask(f"SELECT away (QRESYNC ({validity} {modseq} 1:3 (1:2 1:2)))")
        self.assertEqual([line for line in lines if "VANISHED" in line], [])

    def test_what_two_clients_take_at_once_goes_to_one_of_them(self):
        others = [connect(self.server) for _ in "12"]
        for other in others:
            self.addCleanup(other.shutdown)
        for _ in range(10):
            for name in ("left", "right"):
                self.client.delete(name)
                self.ok(self.client.create(name))
            self.fresh("taken")
            for number in range(20):
                self.append("taken", text_message(f"t{number}"))
            for other in others:
                self.ok(other.select("taken"))
            for other, name in zip(others, ("left", "right")):
                other.send(b"m UID MOVE 1:* %s\r\n" % name.encode())
            for other in others:
                while not (line := other.readline()).startswith(b"m OK"):
                    self.assertTrue(line.startswith(b"* "), line)
            counts = [int(self.ok(self.client.status(name, "(MESSAGES)"))[0].split()[-1][:-1])
                      for name in ("taken", "left", "right")]
            self.assertEqual(counts[0], 0)
            self.assertEqual(sum(counts), 20, counts)

    def test_what_is_moved_while_inbox_is_renamed_is_there_once(self):
        other = connect(self.server)
        self.addCleanup(other.shutdown)
        for _ in range(10):
            for name in ("left", "right"):
                self.client.delete(name)
            self.ok(self.client.create("left"))
            for number in range(20):
                self.append("INBOX", text_message(f"r{number}"))
            before = int(self.ok(other.select())[0])
            other.send(b"m UID MOVE 1:* left\r\n")
            self.client.send(b"r RENAME INBOX right\r\n")
            while not (line := other.readline()).startswith(b"m OK"):
                self.assertTrue(line.startswith(b"* "), line)
            self.until(b"r OK")
            counts = [int(self.ok(self.client.status(name, "(MESSAGES)"))[0].split()[-1][:-1])
                      for name in ("INBOX", "left", "right")]
            self.assertEqual(counts[0], 0)
            self.assertEqual(sum(counts), before, counts)

    def test_a_copy_that_is_answered_is_there_whoever_expunges(self):
        other = connect(self.server)
        self.addCleanup(other.shutdown)
        self.client.delete("copies")
        self.ok(self.client.create("copies"))
        copied = 0
        for _ in range(20):
            self.fresh("copied")
            self.append("copied", text_message("c"), "(\\Deleted)")
            self.ok(other.select("copied"))
            self.client.send(b"x EXPUNGE\r\n")
            other.send(b"c UID COPY 1 copies\r\n")
            while not (line := other.readline()).startswith(b"c OK"):
                self.assertTrue(line.startswith(b"* "), line)
            copied += b"[COPYUID " in line
            self.until(b"x OK")
        self.assertIn(b"MESSAGES %d)" % copied,
                      self.ok(self.client.status("copies", "(MESSAGES)"))[0])

    def test_idle_tells_of_a_delivery_at_once(self):
        self.ok(self.client.select())
        self.client.send(b"i IDLE\r\n")
        self.assertTrue(self.client.readline().startswith(b"+"))
        self.server.send(text_message("wake up"), "alice@example.test")
        self.assertRegex(self.client.readline(), rb"\* \d+ EXISTS")
        self.client.send(b"DONE\r\n")
        self.assertTrue(self.client.readline().startswith(b"i OK"))

    def idler(self, user):
        client = connect(self.server, user)
        self.addCleanup(client.shutdown)
        self.ok(client.select())
        client.send(b"i IDLE\r\n")
        self.assertTrue(client.readline().startswith(b"+"))
        return client

    def test_hundreds_that_idle_hear_of_one_broadcast(self):
        self.server.cli("group", "add", "all@example.test", "alice@example.test",
                        "bob@example.test")
        with ThreadPoolExecutor(4) as pool:
            idlers = list(pool.map(self.idler, ("alice", "bob") * 200))
        self.server.send(text_message("hear, all"), "all@example.test")
        for client in idlers:
            self.assertRegex(client.readline(), rb"\* \d+ EXISTS")

    def test_flags_moves_and_appends_survive_a_kill(self):
        self.fresh("kept")
        for number in range(20):
            self.append("kept", text_message(f"k{number}"), "($mine)")
        self.client.delete("kept-too")
        self.ok(self.client.create("kept-too"))
        self.ok(self.client.store("1:10", "+FLAGS", "\\Answered"))
        self.client._simple_command("MOVE", "1:5", "kept-too")
        self.ok(self.client.store("1", "+FLAGS", "\\Deleted"))
        self.ok(self.client.expunge())
        before = self.ok(self.client.uid("fetch", "1:*", "(FLAGS INTERNALDATE)"))
        self.server.kill()
        self.server.start()
        client = connect(self.server)
        client.select("kept")
        self.assertEqual(client.uid("fetch", "1:*", "(FLAGS INTERNALDATE)")[1], before)
        client.select("kept-too")
        self.assertEqual(self.subjects(client), [f"k{number}" for number in range(5)])
        self.assertEqual(self.server.cli_result("store", "verify").returncode, 0)
        client.logout()

    def test_a_large_message_goes_through_in_bounded_memory(self):
        self.fresh("large")
        line = b"x" * 998 + b"\r\n"
        message = text_message("large") + line * 48000
        before = memory_peak(self.server)
        self.append("large", message)
        self.ok(self.client.noop())
        self.assertEqual(self.ok(self.client.fetch("1", "(BODY.PEEK[])"))[0][1], message)
        self.assertIn(b'"text" "plain"', self.ok(self.client.fetch("1", "(BODYSTRUCTURE)"))[0])
        self.assertEqual(self.ok(self.client.search(None, "BODY", "nothing-of-it")), [b""])
        grown = memory_peak(self.server) - before
        if "asan" not in str(self.server.program):
            self.assertLess(grown, 40 << 10, "KiB for a message of 48 MB")
        self.ok(self.client.store("1", "+FLAGS", "\\Deleted"))
        self.ok(self.client.expunge())

    def test_thousands_at_once(self):
        self.fresh("many")
        message = b"A: b\r\n\r\nc\r\n"
        one = b" {%d+}\r\n" % len(message) + message
        for batch in range(10):
            self.client.send(b"m%d APPEND many" % batch + one * 1000 + b"\r\n")
            self.until(b"m%d OK" % batch)
        self.ok(self.client.select("many"))
        self.ok(self.client.store("1:*", "+FLAGS.SILENT", "(\\Seen $all)"))
        self.assertEqual(len(self.ok(self.client.search(None, "KEYWORD", "$all"))[0].split()),
                         10000)
        self.ok(self.client.store("1:9000", "+FLAGS.SILENT", "\\Deleted"))
        self.ok(self.client.expunge())
        status = self.ok(self.client.status("many", "(MESSAGES UIDNEXT UNSEEN)"))[0]
        self.assertIn(b"MESSAGES 1000 UIDNEXT 10001 UNSEEN 0", status)


class Compressed:
    """RFC 4978: what is sent and read by zlib from here on."""

    def __init__(self, client):
        self.client = client
        self.encoder = zlib.compressobj(9, zlib.DEFLATED, -15)
        self.decoder = zlib.decompressobj(-15)
        self.heard, self.received = b"", 0

    def send(self, data):
        self.client.send(self.encoder.compress(data) + self.encoder.flush(zlib.Z_SYNC_FLUSH))

    def until(self, end):
        while end not in self.heard:
            data = self.client.socket.recv(65536)
            if not data:
                raise AssertionError(f"the server is gone; said: {self.heard[-200:]!r}")
            self.received += len(data)
            self.heard += self.decoder.decompress(data)
        answer, self.heard = self.heard, b""
        return answer


class Compression(ImapTest):
    def test_compressed_sessions_append_fetch_and_idle(self):
        with RawClient(self.server.ports["imaps"], tls=True) as raw:
            raw.line()
            password = self.server.passwords["alice"]
            for command in (f"a LOGIN alice@example.test {password}", "b COMPRESS DEFLATE"):
                raw.send(command.encode() + b"\r\n")
                self.assertIn(b" OK ", raw.line())
            client = Compressed(raw)
            message = text_message("squeezed", "the same line again\r\n" * 20000)
            client.send(b"c CREATE squeezed\r\nd SELECT squeezed\r\n")
            client.until(b"d OK")
            client.send(b"e APPEND squeezed {%d+}\r\n%s\r\n" % (len(message), message))
            client.until(b"e OK")
            client.received = 0
            client.send(b"f FETCH 1 BODY.PEEK[]\r\n")
            self.assertIn(message, client.until(b"f OK"))
            self.assertLess(client.received, len(message) // 20)
            client.send(b"g COMPRESS DEFLATE\r\n")
            self.assertIn(b"[COMPRESSIONACTIVE]", client.until(b"\r\n"))
            client.send(b"h IDLE\r\n")
            client.until(b"+ Idling\r\n")
            self.append("squeezed", text_message("wake"))
            client.until(b"2 EXISTS\r\n")
            client.send(b"DONE\r\n")
            client.until(b"h OK")
            raw.send(b"this is not compressed")
            self.assertTrue(raw.closed())


    def test_compression_ends_when_a_session_changes_its_user(self):
        with RawClient(self.server.ports["imaps"], tls=True) as raw:
            raw.line()
            passwords = self.server.passwords
            for command in (f"a LOGIN alice@example.test {passwords['alice']}",
                            "b COMPRESS DEFLATE"):
                raw.send(command.encode() + b"\r\n")
                self.assertIn(b" OK ", raw.line())
            client = Compressed(raw)
            client.send(b"c UNAUTHENTICATE\r\n")
            client.until(b"c OK Nobody is logged in\r\n")
            raw.send(f"d LOGIN bob@example.test {passwords['bob']}\r\ne NAMESPACE\r\n".encode())
            self.assertIn(b"d OK [CAPABILITY", raw.line())
            self.assertIn(b"* NAMESPACE", raw.line())
            self.assertIn(b"e OK", raw.line())


class Searching(ImapTest):
    def indexed(self):
        wait_until(lambda: "waiting: 0" in self.server.cli("search", "status"), "all is indexed")

    def found(self, client):
        client.select("words")
        return [client.uid("search", None, *keys)[1]
                for keys in (("BODY", '"needle 7"'), ("TEXT", '"report-7.pdf"'), ("BODY", '"pdf"'),
                             ("NOT", "BODY", '"eedle 1"'), ("SUBJECT", '"w1"'))]

    def test_searches_find_the_same_before_and_after_indexing_and_a_kill(self):
        self.fresh("words")
        self.server.cli("user", "set", "alice@example.test", "search-index", "off")
        for number in range(20):
            self.append("words", text_message(f"w{number}", f"some needle {number} here\r\n"))
        self.append("words", b"Subject: attached\r\nMIME-Version: 1.0\r\n"
                    b"Content-Type: application/pdf\r\nContent-Disposition: attachment;"
                    b" filename*=us-ascii''report%2D7.pdf\r\n\r\nneedle 7\r\n")
        before = self.found(self.client)
        self.assertEqual(before[:3], [[b"8"], [b"21"], [b""]])
        self.assertIn("waiting: 21", self.server.cli("search", "status", "alice@example.test"))
        self.server.cli("user", "set", "alice@example.test", "search-index", "default")
        self.server.cli("search", "rebuild", "alice@example.test")
        self.indexed()
        self.assertEqual(self.found(self.client), before)
        self.append("words", text_message("last", "the last needle\r\n"))
        self.server.kill()
        self.server.start()
        self.indexed()
        client = connect(self.server)
        self.assertEqual(self.found(client)[:3], before[:3])
        self.assertEqual(client.uid("search", None, "BODY", '"last needle"')[1], [b"22"])
        self.server.cli("search", "rebuild", "--all")
        self.indexed()
        self.assertEqual(self.found(client)[:3], before[:3])
        self.assertEqual(self.server.cli_result("store", "verify").returncode, 0)
        client.logout()

    def test_blocks_of_many_messages_survive_a_kill_and_go_with_the_mailbox(self):
        self.fresh("words")
        self.server.cli("user", "set", "alice@example.test", "search-index", "off")
        for start in range(0, 1100, 100):
            texts = [text_message(f"w{number % 7}", f"some needle {number} here\r\n")
                     for number in range(start, start + 100)]
            self.client.send(b"m APPEND words" + b"".join(b" {%d+}\r\n%s" % (len(text), text)
                                                          for text in texts) + b"\r\n")
            while not (line := self.client.readline()).startswith(b"m "):
                pass
            self.assertIn(b"m OK", line)
        before = self.found(self.client)
        self.assertGreater(len(before[0][0].split()), 100)
        self.server.cli("user", "set", "alice@example.test", "search-index", "default")
        self.server.cli("search", "rebuild", "alice@example.test")
        self.indexed()
        self.assertEqual(self.found(self.client), before)
        self.server.kill()
        self.server.start()
        self.indexed()
        client = connect(self.server)
        self.assertEqual(self.found(client), before)
        client.uid("store", "1:900", "+FLAGS.SILENT", "(\\Deleted)")
        client.expunge()
        left = [b" ".join(uid for uid in one[0].split() if int(uid) > 900) for one in before]
        self.assertEqual(self.found(client), [[uids] for uids in left])
        self.assertEqual(self.server.cli_result("store", "verify").returncode, 0)
        client.unselect()
        self.ok(client.delete("words"))
        self.assertEqual(self.server.cli_result("store", "verify").returncode, 0)
        client.logout()


class Hostile(ImapTest):
    def structure(self, message):
        """BODYSTRUCTURE of a message."""
        self.fresh("hostile")
        self.append("hostile", message)
        self.ok(self.client.noop())
        return str(self.ok(self.client.fetch("1", "(BODYSTRUCTURE ENVELOPE)")))

    def test_a_hundred_thousand_parts_are_bounded(self):
        message = (b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" *
                   100000 + b"--b--\r\n")
        self.assertLess(len(self.structure(message)), 4 << 20)

    def test_deep_nesting_is_bounded(self):
        message = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (i, i)
                           for i in range(5000)) + b"\r\nthe bottom\r\n"
        self.assertIn("mixed", self.structure(message))
        inner = b"Subject: s\r\nContent-Type: message/rfc822\r\n\r\n" * 5000
        self.assertIn("rfc822", self.structure(inner))

    def test_a_huge_header_is_bounded_and_the_body_behind_it_is_found(self):
        header = b"".join(b"X-Line-%d: %s\r\n" % (i, b"y" * 900) for i in range(3000))
        message = b"Subject: huge\r\n" + header + b"To: late@example.test\r\n\r\nthe body\r\n"
        self.assertIn("huge", self.structure(message))
        self.assertEqual(self.ok(self.client.fetch("1", "(BODY.PEEK[TEXT])"))[0][1],
                         b"the body\r\n")

    def test_malformed_messages_are_given_as_they_are(self):
        for message in (b"", b"\r\n", b"\n\n", b"no header at all", b"A\x00B: c\r\n\r\n\xff\xfe",
                        b"Content-Type: multipart/mixed\r\n\r\n--\r\n",
                        b"Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n--\r\n\r\n",
                        b"Content-Type: text/plain; charset=\"\xff\"; name*0*=x''%zz\r\n\r\nx",
                        b"From: <<<>>>,,;;((\r\nTo: \"\r\nDate: never\r\n\r\n",
                        b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n"
                        b"\r\nQQ==\r\n"):
            with self.subTest(message=message):
                self.structure(message)
                data = self.ok(self.client.fetch("1", "(BODY.PEEK[] RFC822.SIZE)"))
                text = b"".join(b"".join(part) if isinstance(part, tuple) else part
                                for part in data)
                self.assertIn(b"RFC822.SIZE %d" % len(message), text)
                self.assertIn(message, text)

    def test_an_endless_literal_costs_no_memory(self):
        with RawClient(self.server.ports["imaps"], tls=True) as raw:
            raw.line()
            raw.send(b"a LOGIN {99999999999}\r\n")
            self.assertTrue(raw.line().startswith(b"a BAD"))
            raw.send(b"b LOGIN {99999999999+}\r\n")
            self.assertTrue(raw.line().startswith(b"b BAD"))
            self.assertTrue(raw.closed())


class Clients(ImapTest):
    def run_client(self, *command, given=b""):
        environment = dict(os.environ, HOME=str(self.server.directory), LC_ALL="C")
        result = subprocess.run([str(word) for word in command], input=given, timeout=120,
                                capture_output=True, env=environment, check=False)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        return result.stdout

    @needs("curl")
    def test_curl_lists_appends_fetches_and_searches(self):
        url = f"imaps://127.0.0.1:{self.server.ports['imaps']}"
        login = ["curl", "-sk", "--user", f"alice@example.test:{self.server.passwords['alice']}"]
        self.fresh("curl")
        message = text_message("by curl", "Taken up.\r\n")
        path = Path(self.server.directory) / "message"
        path.write_bytes(message)
        self.run_client(*login, f"{url}/curl", "-T", path)
        self.assertEqual(self.run_client(*login, f"{url}/curl;UID=1"), message)
        self.assertIn(b"SEARCH 1", self.run_client(*login, f"{url}/curl?SUBJECT%20curl"))
        self.assertIn(b"INBOX", self.run_client(*login, url))

    def maildir_subjects(self, folder):
        found = []
        for part in ("cur", "new"):
            for path in (folder / part).glob("*"):
                found.append(re.search(rb"(?m)^Subject: (.*?)\r?$", path.read_bytes())[1].decode())
        return sorted(found)

    @needs("mbsync")
    def test_mbsync_keeps_both_sides_the_same(self):
        self.fresh("sync")
        home = Path(self.server.directory)
        local = home / "maildir"
        shutil.rmtree(local, ignore_errors=True)
        local.mkdir()
        config = home / "mbsyncrc"
        config.write_text(f"""
IMAPAccount us
Host 127.0.0.1
Port {self.server.ports['imaps']}
User alice@example.test
Pass {self.server.passwords['alice']}
SSLType IMAPS
CertificateFile {home}/cert.pem
AuthMechs LOGIN

IMAPStore far
Account us

MaildirStore near
Path {local}/
Inbox {local}/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns sync*
Create Both
Remove Both
Expunge Both
SyncState *
""")
        def sync():
            self.run_client("mbsync", "-c", config, "-a", "-q")

        for number in range(5):
            self.append("sync", text_message(f"far {number}"))
        sync()
        self.assertEqual(self.maildir_subjects(local / "sync"), [f"far {i}" for i in range(5)])
        # Both sides change before they meet again.
        self.ok(self.client.noop())
        self.ok(self.client.store("1", "+FLAGS", "\\Flagged"))
        self.ok(self.client.store("2", "+FLAGS", "\\Deleted"))
        self.ok(self.client.expunge())
        self.append("sync", text_message("far new"))
        (local / "sync" / "new" / "1.made.here").write_bytes(
            text_message("near new").replace(b"\r\n", b"\n"))
        gone = next(path for part in ("cur", "new") for path in (local / "sync" / part).glob("*")
                    if b"Subject: far 4" in path.read_bytes())
        gone.unlink()
        (local / "sync-made-near" / "cur").mkdir(parents=True)
        (local / "sync-made-near" / "new").mkdir()
        (local / "sync-made-near" / "tmp").mkdir()
        sync()
        expected = ["far 0", "far 2", "far 3", "far new", "near new"]
        self.assertEqual(self.maildir_subjects(local / "sync"), expected)
        self.ok(self.client.noop())
        self.assertEqual(sorted(self.subjects(self.client)), expected)
        flagged = [path.name for path in (local / "sync" / "cur").glob("*")
                   if b"Subject: far 0" in path.read_bytes()]
        self.assertIn("F", flagged[0].rpartition(",")[2])
        self.assertIn(b"sync-made-near", str(self.ok(self.client.list())).encode())
        before = sorted(str(path) for path in local.rglob("*"))
        sync()
        self.assertEqual(sorted(str(path) for path in local.rglob("*")), before)

    def test_imaplib_sorts_and_threads(self):
        self.fresh("ordered")
        for number, (day, subject, answers) in enumerate(
                ((3, "Re: plans", "<0@x>"), (1, "zebra", ""), (2, "apples", "<0@x>"))):
            self.append("ordered", (f"From: u{number}@example.test\r\nSubject: {subject}\r\n"
                                    f"Date: Mon, {day} Feb 2020 10:00:00 +0000\r\n"
                                    f"Message-ID: <m{number}@x>\r\nReferences: {answers}\r\n\r\n"
                                    ).encode())
        self.assertEqual(self.ok(self.client.sort("DATE", "UTF-8", "ALL")), [b"2 3 1"])
        self.assertEqual(self.ok(self.client.sort("REVERSE SUBJECT", "UTF-8", "NOT", "FROM",
                                                  "u1")), [b"1 3"])
        self.assertEqual(self.ok(self.client.thread("REFERENCES", "UTF-8", "ALL")),
                         [b"(2)((3)(1))"])
        self.assertEqual(self.ok(self.client.uid("THREAD", "ORDEREDSUBJECT", "UTF-8", "1:2")),
                         [b"(2)(1)"])

    def read_until(self, client, wanted):
        lines = []
        while not lines or wanted not in lines[-1]:
            lines.append(client.readline())
            self.assertTrue(lines[-1], lines)
        return lines

    def test_news_comes_between_commands_to_who_asked_for_it(self):
        self.fresh("news")
        self.client.delete("other")
        self.ok(self.client.create("other"))
        watcher = connect(self.server)
        self.addCleanup(watcher.shutdown)
        self.ok(watcher.select("news"))
        watcher.send(b"w NOTIFY SET (selected (MessageNew (ENVELOPE) MessageExpunge)) "
                     b"(personal (MessageNew MessageExpunge MailboxName))\r\n")
        self.read_until(watcher, b"w OK")
        self.append("other", b"Subject: a\r\n\r\n")
        self.read_until(watcher, b"* STATUS other (MESSAGES 1 ")
        self.append("news", b"Subject: b\r\n\r\n")
        self.read_until(watcher, b"* 1 EXISTS")
        self.read_until(watcher, b'* 1 FETCH (ENVELOPE (NIL "b"')
        self.client.store("1", "+FLAGS", "\\Deleted")
        self.client.expunge()
        self.read_until(watcher, b"* 1 EXPUNGE")
        self.ok(self.client.delete("other"))
        self.read_until(watcher, b'* LIST (\\NonExistent) "/" other')
        self.ok(watcher.noop())


if __name__ == "__main__":
    unittest.main()
