"""Protocol logs: what clients said and what we said to other hosts, in files as documented; and mail
that goes on whatever becomes of them."""

import base64
import os
import re
import subprocess
import unittest

from cases import ServerTest
from disk_test import SmallDisk
from harness import RawClient, text_message, wait_until
from smtp_sink import Sink

PIECE = 64 << 10


def rows_of(path):
    """The rows of a W3C file as dictionaries; lines that are none are an error."""
    fields, rows = [], []
    for line in path.read_text("ascii").splitlines():
        if line.startswith("#Fields: "):
            fields = line.split()[1:]
        elif not line.startswith("#"):
            values = line.split(" ")
            assert len(values) == len(fields), line
            rows.append(dict(zip(fields, values)))
    return rows


class Logged(ServerTest):
    @classmethod
    def before_server(cls):
        cls.sink = Sink()
        cls.addClassCleanup(cls.sink.close)
        cls.settings = {
            "server_lines": ["log w3c daily fields all"],
            "lines": ["connector out {", "    to *", f"    smart-host 127.0.0.1:{cls.sink.port}",
                      "}"]}

    def directory(self, site="SMTPSVCtest"):
        return self.server.directory / "data" / "log" / site

    def rows(self, site="SMTPSVCtest"):
        files = sorted(self.directory(site).glob("ex*.log")) \
            if self.directory(site).is_dir() else []
        return [row for path in files for row in rows_of(path)]

    def await_row(self, what, site="SMTPSVCtest", **values):
        def found():
            return [row for row in self.rows(site)
                    if all(re.fullmatch(pattern, row[name.replace("_", "-")])
                           for name, pattern in values.items())]
        return wait_until(found, what)

    def swaks(self, *words):
        result = subprocess.run(
            ["swaks", "--server", "127.0.0.1", "--helo", "client.test", *map(str, words)],
            capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    # shows: S05 L01
    def test_each_command_of_a_client_is_a_row(self):
        self.swaks("--port", self.server.ports["smtp"], "--from", "first@elsewhere.test", "--to",
                   "alice@example.test")
        quit_row = self.await_row("QUIT", cs_username="client.test", cs_method="QUIT")[0]
        rows = [row for row in self.rows() if row["cs-username"] in ("client.test", "-")]
        session = [(row["cs-method"], row["sc-status"]) for row in rows]
        self.assertEqual(session[:5], [("EHLO", "250"), ("MAIL", "250"), ("RCPT", "250"),
                                       ("DATA", "250"), ("QUIT", "221")])
        mail, data = rows[1], rows[3]
        self.assertEqual(mail["cs-uri-query"], "+FROM:<first@elsewhere.test>")
        self.assertEqual(mail["cs-bytes"], str(len("MAIL FROM:<first@elsewhere.test>\r\n")))
        self.assertEqual(mail["c-ip"], "127.0.0.1")
        self.assertEqual(mail["s-port"], str(self.server.ports["smtp"]))
        self.assertEqual(mail["s-sitename"], "SMTPSVCtest")
        self.assertEqual(mail["s-computername"], "mx")
        self.assertGreater(int(data["cs-bytes"]), 100)
        self.assertRegex(data["cs-uri-query"], r"^\+<[^@+]+@[^@+]+>$")  # its Message-ID
        self.assertGreater(int(quit_row["sc-bytes"]), 5)

    # shows: L23
    def test_sessions_to_other_hosts_are_in_the_same_file(self):
        self.server.send(text_message("out"), "you@elsewhere.test", sender="alice@example.test",
                         service="submission", login="alice")
        self.await_row("the end of data", cs_username="OutboundConnectionResponse",
                       cs_uri_query="250.*", s_port=str(self.sink.port))
        said = self.await_row("RCPT", cs_username="OutboundConnectionCommand", cs_method="RCPT")
        self.assertEqual(said[0]["cs-uri-query"].split("+")[0], "TO:<you@elsewhere.test>")
        heard = self.await_row("the greeting", cs_username="OutboundConnectionResponse",
                               sc_status="220")
        self.assertTrue(heard[0]["cs-uri-query"].startswith("220+"))
        self.assertEqual(heard[0]["cs-method"], "-")
        self.assertEqual(heard[0]["s-ip"], "-")

    def test_passwords_are_in_no_file(self):
        secret = self.server.passwords["alice"]
        plain = base64.b64encode(f"\0alice@example.test\0{secret}".encode()).decode()
        with self.server.smtp("submission", login="alice") as client:
            client.noop()
        with RawClient(self.server.ports["smtp"]) as client:
            client.greet()
            client.ask(f"AUTH PLAIN {plain}")
            client.ask(plain)
            client.ask(f"ATUH PLAIN {plain}")
            client.ask("QUIT")
        self.server.fetch("alice")
        self.await_row("AUTH", cs_method="AUTH", cs_uri_query="-", sc_status="235")
        self.await_row("QUIT after it", cs_method="QUIT", cs_username="client.test")
        self.await_row("PASS", "POP3SVCtest", cs_method="PASS", sc_status=r"\+OK",
                       cs_username="alice@example.test")
        for path in (self.server.directory / "data" / "log").rglob("*.log"):
            text = path.read_text()
            for hidden in (secret, plain, plain[4:-4]):
                self.assertNotIn(hidden, text)

    def test_no_client_can_forge_a_line(self):
        with RawClient(self.server.ports["smtp"]) as client:
            client.greet()
            client.ask("#Fields: forged")
            client.ask("MAIL FROM:<a@b.test> FORGED\t250 \x85 1.2.3.4".encode("latin-1") + b"\r\n")
            client.ask("HELP " + "x" * 3000)
            client.ask("NOOP done")
        self.await_row("the last", cs_method="NOOP", cs_uri_query=r"\+done")
        lines = [row for row in self.rows() if "FORGED" in row["cs-uri-query"]]
        self.assertEqual(lines[0]["cs-uri-query"],
                         "+FROM:<a@b.test>+FORGED%09250+%85+1.2.3.4")
        long = [row for row in self.rows() if row["cs-method"] == "HELP"]
        self.assertEqual(len(long[0]["cs-uri-query"]), 513)
        self.assertNotIn("#Fields: forged", self.directory().glob("ex*").__next__().read_text())

    def test_pop3_and_imap_are_logged_until_the_login(self):
        self.server.fetch("bob")
        self.await_row("CAPA or USER", "POP3SVCtest", cs_method="USER", sc_status=r"\+OK",
                       cs_version="POP3")
        with RawClient(self.server.ports["imap"]) as client:
            client.line()
            client.send(b"a CAPABILITY\r\nb LOGIN bob wrong\r\nc LOGOUT\r\n")
            client.file.read()
        self.await_row("CAPABILITY", "IMAP4SVCtest", cs_method="CAPABILITY", sc_status="OK")
        self.await_row("LOGIN", "IMAP4SVCtest", cs_method="LOGIN", cs_uri_query="-")


class Rolled(ServerTest):
    settings = {"server_lines": ["log iis 64KB keep 1d zone utc"]}

    def test_what_was_said_before_the_end_is_in_the_file_and_the_next_start_goes_on_with_it(self):
        senders = ("one@elsewhere.test", "two@elsewhere.test")
        for sender in senders:
            self.server.send(text_message("last"), "alice@example.test", sender=sender)
            self.server.stop()
            self.assertTrue(f", MAIL FROM, -, FROM:<{sender}>" in self.text(), sender)
            self.server.start()
        self.assertTrue(all(sender in self.text() for sender in senders))

    # shows: L03
    def test_a_new_file_begins_when_one_is_full_and_old_ones_go(self):
        directory = self.directory()
        directory.mkdir(exist_ok=True)
        old, foreign = directory / "extend7.log", directory / "notes.txt"
        for path in (old, foreign):
            path.write_text("long ago\n")
            os.utime(path, (1, 1))
        with self.server.smtp() as client:
            for number in range(1500):
                client.docmd("NOOP", f"row-{number:04}-" + "x" * 100)
        wait_until(lambda: (directory / "inetsv4.log").is_file(), "the fourth file")
        text = wait_until(self.whole, "all rows")
        self.assertEqual(re.findall(r"row-(\d+)-", text),
                         [f"{number:04}" for number in range(1500)])
        self.assertLess((directory / "inetsv2.log").stat().st_size, PIECE + 2048)
        self.assertFalse("long ago" in text)
        self.assertTrue(foreign.is_file())
        wait_until(lambda: not old.exists(), "the old file is gone")

    def directory(self):
        return self.server.directory / "data" / "log" / "SMTPSVCtest"

    def text(self):
        files = sorted(self.directory().glob("inetsv*.log"), key=lambda path: int(path.stem[6:]))
        return "".join(path.read_text() for path in files)

    def whole(self):
        text = self.text()
        return text if "row-1499-" in text else None


@unittest.skipUnless(os.geteuid() == 0, "only root may mount a small file system")
class FullLogDisk(ServerTest):
    @classmethod
    def before_server(cls):
        cls.disk = SmallDisk(1)
        cls.addClassCleanup(cls.disk.close)
        cls.settings = {"server_lines": [f"log w3c directory {cls.disk.path}/log fields all"]}

    @staticmethod
    def text(log):
        return "".join(path.read_text() for path in log.glob("ex*.log"))

    def test_mail_goes_on_while_the_log_can_not_be_written(self):
        path = self.disk.path / "filler"
        self.server.send(text_message("before"), "alice@example.test")
        log = self.disk.path / "log" / "SMTPSVCtest"
        wait_until(lambda: any(rows_of(path) for path in log.glob("ex*.log")), "the first rows")
        with open(path, "wb", buffering=0) as filler:
            try:
                while filler.write(b"\0" * 4096) > 0:
                    pass
            except OSError:
                pass
        with self.server.smtp() as client:
            for number in range(200):
                client.sendmail("x@elsewhere.test", ["alice@example.test"],
                                text_message(f"during {number}"))
        self.server.wait_log("event=protocol-log.lost rows=[1-9]")
        self.assertEqual(len(self.server.fetch("alice")), 201)
        path.unlink()

        def taken_up():
            self.server.send(text_message("after"), "bob@example.test",
                             sender="after@elsewhere.test")
            return "after@elsewhere.test" in self.text(log)
        wait_until(taken_up, "rows after the disk had room", step=0.3)
        for path in log.glob("ex*.log"):  # two at midnight
            rows_of(path)  # whole lines
        self.assertRegex(self.text(log),
                         r"(?m)^#Remark: \d+ rows before this line could not be written$")


if __name__ == "__main__":
    unittest.main()
