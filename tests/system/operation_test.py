"""Running it: reload, killed roles, the queue's verbs, restarts, errors of the settings."""

import json
import os
import re
import signal
import socket
import subprocess
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cases import ServerTest
from harness import Mailroot, RawClient, children_of, client_tls, free_port, text_message, wait_until
from smtp_sink import Policy, Sink

ROOT = Path(__file__).resolve().parents[2]


class Reload(ServerTest):
    def set_lines(self, *server_lines):
        self.server.server_lines = list(server_lines)
        self.server.write_config()

    def size_limit(self, client=None):
        """The announced SIZE of a session."""
        own = client or RawClient(self.server.ports["smtp"])
        try:
            if client is None:
                own.reply()
            line = next(line for line in own.ask("EHLO client.test").splitlines() if "SIZE" in line)
            return int(line.split()[-1])
        finally:
            if client is None:
                own.close()

    def test_a_changed_limit_applies_to_new_sessions_and_old_ones_keep_theirs(self):
        self.set_lines("limit message 1MB")
        self.server.cli("reload")  # SIGHUP reaches one front after the other
        self.assertIn(self.size_limit(), (1 << 20, 10 ** 6))
        with RawClient(self.server.ports["smtp"]) as old:
            old.reply()
            before = self.size_limit(old)
            self.set_lines("limit message 2MB")
            self.server.reload()
            wait_until(lambda: self.size_limit() == 2 * before, "the newer limit")
            self.assertEqual(self.size_limit(old), before)
            old.ask("MAIL FROM:<x@elsewhere.test>")
            self.assertRegex(old.ask("RCPT TO:<alice@example.test>"), "^250")
            self.assertRegex(old.ask("DATA"), "^354")
            old.send(text_message("over a reload") + b".\r\n")
            self.assertRegex(old.reply(), "^250")

    def test_a_broken_file_changes_nothing_and_names_its_place(self):
        before = self.size_limit()
        good = self.server.config.read_text()
        line = good.splitlines().index("server test {") + 2
        self.server.config.write_text(good.replace("server test {\n",
                                                   "server test {\n    lisen 127.0.0.1:1 smtp\n"))
        offset = self.server.reload()
        self.server.wait_log(rf"mailroot\.conf:{line}:5", start=offset)
        self.assertEqual(self.size_limit(), before)
        result = self.server.cli_result("config", "check")
        self.assertNotEqual(result.returncode, 0)
        self.assertIn(f"mailroot.conf:{line}:5", result.stdout + result.stderr)
        self.assertIn("did you mean 'listen'", result.stdout + result.stderr)
        self.assertNotEqual(self.server.cli_result("reload").returncode, 0)
        self.server.config.write_text(good)
        self.server.cli("reload")

    def test_reloads_at_the_same_time_wait_for_each_other(self):
        with ThreadPoolExecutor(8) as pool:
            self.server.reload()
            asked = [pool.submit(self.server.cli, "reload") for _ in range(8)]
            for one in asked:
                one.result()

    def test_a_listener_can_be_added_by_reload(self):
        port = free_port()
        self.set_lines(f"listen 127.0.0.1:{port} smtp")
        self.server.cli("reload")

        def greeted():
            try:
                with RawClient(port) as client:
                    return client.reply().startswith("220")
            except OSError:
                return False
        wait_until(greeted, "a greeting on the new port")

    def test_a_renewed_certificate_is_used_after_reload(self):
        def certificate():
            raw = socket.create_connection(("127.0.0.1", self.server.ports["smtps"]), timeout=60)
            with client_tls().wrap_socket(raw) as wrapped:
                return wrapped.getpeercert(binary_form=True)
        before = certificate()
        self.server.cli("cert", "self-sign", "--name", "mx.example.test", "--certificate",
                        self.server.directory / "cert2.pem", "--key",
                        self.server.directory / "key2.pem")
        for name in ("cert", "key"):
            os.replace(self.server.directory / f"{name}2.pem",
                       self.server.directory / f"{name}.pem")
        self.server.cli("reload")
        wait_until(lambda: certificate() != before, "the new certificate")


class Debugger(ServerTest):
    """What a developer sees of a server that runs."""

    def test_gdb_shows_the_session_that_waits_for_its_client(self):
        with RawClient(self.server.ports["smtp"]) as client:
            client.reply()
            pids = self.server.role_pids("front") or [self.server.process.pid]
            shown = ""
            for pid in pids:  # the session is in one of the fronts
                shown += subprocess.run(
                    ["gdb", "-q", "-batch", "-p", str(pid), "-x",
                     ROOT / "tools/gdb/mailroot_tasks.py", "-ex", "tasks full"],
                    capture_output=True, text=True, timeout=300, check=False).stdout
            self.assertIn("'session' parked", shown)
            self.assertRegex(shown, r"at src/proto/line/line\.c:\d+")
            self.assertTrue(client.ask("NOOP").startswith("250"))

    def test_no_process_leaves_its_secrets_in_a_core_file(self):
        pids = [self.server.process.pid, *children_of(self.server.process.pid)]
        for pid in pids:
            limits = Path(f"/proc/{pid}/limits").read_text()
            self.assertRegex(limits, r"Max core file size +1 +1 ")


class KilledRoles(ServerTest):
    @classmethod
    def before_server(cls):
        if os.environ.get("MAILROOT_ONE_PROCESS") == "1":
            raise unittest.SkipTest("there is one process only")
        cls.sink = Sink()
        cls.addClassCleanup(cls.sink.close)
        cls.settings = {"lines": ["connector all {", "    to *",
                                  f"    smart-host 127.0.0.1:{cls.sink.port}", "}",
                                  "processes front 2",
                                  "retry {", "    glitch 1s x3", "    after 1s", "}"]}

    def kill_role(self, role):
        """SIGKILL one process of the role and wait until another took its place."""
        before = wait_until(lambda: self.server.role_pids(role), f"a {role}")
        os.kill(before[0], signal.SIGKILL)
        wait_until(lambda: len(self.server.role_pids(role)) >= len(before) and
                   before[0] not in self.server.role_pids(role), f"a new {role}")

    def works(self):
        """One local message, one relayed message, one mailbox read, each by way of a login."""
        def try_all():
            try:
                count = len(self.sink.messages)
                self.server.send(text_message("after"), ["bob@example.test", "x@relay.test"],
                                 sender="alice@example.test", service="submission", login="alice")
                self.sink.wait_for(count + 1, 15)
                return self.server.fetch("bob")
            except Exception:  # noqa: BLE001 (whatever a client may see while a role is away)
                return False
        wait_until(try_all, "mail works again", 120, 0.1)  # a try takes up to 15 s

    def test_a_killed_front_is_replaced_and_sessions_of_the_other_go_on(self):
        doomed = wait_until(lambda: self.server.role_pids("front"), "a front")[0]
        os.kill(doomed, signal.SIGSTOP)  # so that the other takes all clients
        clients = [RawClient(self.server.ports["smtp"]).greet() for _ in range(16)]
        os.kill(doomed, signal.SIGCONT)
        self.kill_role("front")
        for client in clients:
            self.assertRegex(client.ask("NOOP"), "^250")
            client.close()
        self.works()

    def test_a_killed_store_is_replaced_and_a_session_survives_with_451_or_250(self):
        self.server.send(text_message("before"), "alice@example.test")
        with RawClient(self.server.ports["smtp"]) as client:
            client.greet()
            client.ask("MAIL FROM:<x@elsewhere.test>")
            self.kill_role("store")
            self.assertRegex(client.ask("RCPT TO:<alice@example.test>"), "^(250|451)")
            self.assertRegex(client.ask("NOOP"), "^250")
        self.works()
        self.assertGreaterEqual(len(self.server.fetch("alice")), 1)

    def test_a_killed_auth_is_replaced_and_a_session_survives(self):
        with RawClient(self.server.ports["smtp"]) as client:
            client.greet()
            self.kill_role("auth")
            self.assertRegex(client.ask("NOOP"), "^250")
        self.works()

    def test_a_killed_send_is_replaced_and_delivers_what_it_had_leased(self):
        with RawClient(self.server.ports["smtp"]) as client:
            client.greet()
            self.kill_role("send")
            self.assertRegex(client.ask("NOOP"), "^250")
        self.works()


class HoldAll(Policy):
    """Refuses everything for now, until told otherwise."""

    hold = True

    def on_rcpt(self, address):
        return "451 4.3.0 held by the test" if self.hold else "250 ok"


class QueueVerbs(ServerTest):
    @classmethod
    def before_server(cls):
        cls.sink = Sink(HoldAll())
        cls.addClassCleanup(cls.sink.close)
        cls.settings = {"lines": ["connector all {", "    to *",
                                  f"    smart-host 127.0.0.1:{cls.sink.port}", "}",
                                  "retry {", "    glitch 1h x1", "    after 1h", "}"]}

    def setUp(self):
        self.sink.policy.hold = True

    def enqueue(self, recipient):
        """A message that has been tried once and waits; returns its id."""
        self.server.send(text_message(f"for {recipient}"), recipient, service="submission",
                         sender="alice@example.test", login="alice")

        def waiting():
            row = next((row for row in self.server.queue() if recipient in json.dumps(row)), None)
            return row if row and "held by the test" in json.dumps(row) else None
        return wait_until(waiting, f"{recipient} waits with the host's answer")["id"]

    def listed(self, identity):
        return identity in self.server.cli_result("queue", "list").stdout

    # shows: T25
    def test_show_tells_recipients_and_the_last_answer(self):
        identity = self.enqueue("show@relay.test")
        text = self.server.cli("queue", "show", identity)
        self.assertIn("show@relay.test", text)
        self.assertIn("held by the test", text)

    # shows: T28
    def test_retry_delivers_now(self):
        identity = self.enqueue("retry@relay.test")
        self.sink.policy.hold = False
        self.server.cli("queue", "retry", identity)
        self.sink.wait_for(1)
        wait_until(lambda: not self.listed(identity), "the queue is rid of it")

    # shows: T30
    def test_delete_removes_for_good(self):
        identity = self.enqueue("delete@relay.test")
        self.server.cli("queue", "delete", identity)
        # What is left for a moment is the report to the sender.
        states = [row["state"] for row in self.server.queue() if row["id"] == identity]
        self.assertIn(states, ([], ["report"]))
        wait_until(lambda: not self.listed(identity), "the sender was told")
        self.server.stop()
        self.server.start()
        self.assertFalse(self.listed(identity))

    # shows: T13
    def test_the_queue_survives_a_restart(self):
        identity = self.enqueue("restart@relay.test")
        self.server.stop()
        self.server.start()
        self.assertTrue(self.listed(identity))
        wait_until(lambda: re.search(r"(?m)^all +retry +[1-9]", self.server.cli("queue", "hops")),
                   "its hop is in retry")

    def test_an_unknown_id_is_told_and_exits_with_1(self):
        self.assertEqual(self.server.cli_result("queue", "show", "zzzzzz").returncode, 1)


class Offline(unittest.TestCase):
    """What works without a running server, and what goes wrong at a start."""

    @staticmethod
    def answer(server, words):
        result = server.cli_result(*words)
        return result.returncode, result.stdout

    def test_verbs_give_the_same_with_and_without_a_running_server(self):
        with Mailroot() as server:
            server.cli("user", "add", "carol@example.test", "--password-stdin", given="secret1\n")
            server.send(text_message("x"), "carol@example.test")
            verbs = [("user", "list"), ("mailbox", "messages", "carol@example.test"),
                     ("queue", "list")]
            online = [self.answer(server, verb) for verb in verbs]
            server.stop()
            self.assertEqual([self.answer(server, verb) for verb in verbs], online)
            server.cli("user", "add", "dave@example.test", "--password-stdin", given="secret2\n")
            server.start()
            server.send(text_message("x"), "dave@example.test")

    def test_the_index_can_be_deleted_and_is_rebuilt_from_the_log(self):
        with Mailroot() as server:
            for number in range(20):
                server.send(text_message(f"n{number}"), "alice@example.test")
            before = server.fetch("alice")
            server.stop()
            server.cli("store", "verify")
            server.cli("store", "rebuild")
            server.start()
            self.assertEqual(server.fetch("alice"), before)

    def test_config_check_tells_the_place_of_a_mistake_and_the_remedy(self):
        server = Mailroot()
        self.addCleanup(server.close)
        good = server.config.read_text()
        tried = server.directory / "tried.conf"
        for wrong, right, said in (
                (r"listen (\S+) smtp\n", r"listen \1 stmp\n", "'stmp' is no value of 'listen'"),
                (r"user alice ", "user alice, ", "with spaces between them"),
                (r"server test {\n", "server test {\n relay yes\n", "or logged-in, only"),
                (r"certificate \S+", "certificate none.pem",
                 "none.pem: No such file or directory (mailroot cert self-sign"),
                (r"\Z", "connector x {\n to *\n smart-host x.test login us secret none\n}\n",
                 "put it into the file secrets/none")):
            with self.subTest(said=said):
                text, changes = re.subn(wrong, right, good, count=1)
                self.assertEqual(changes, 1)
                tried.write_text(text)
                result = server.cli_result("config", "check", tried)
                self.assertEqual(result.returncode, 1)
                self.assertRegex(result.stderr, r"^\S*tried.conf:\d+(:\d+)?: ")
                self.assertIn(said, result.stderr)

    def test_a_taken_port_is_a_clear_error(self):
        with Mailroot() as server:
            second = Mailroot()
            try:
                second.ports = server.ports
                second.write_config()
                with self.assertRaises(AssertionError) as caught:
                    second.start()
                self.assertIn(str(server.ports["smtp"]), str(caught.exception))
                self.assertRegex(str(caught.exception), "(?i)in use")
            finally:
                second.close()

    def test_a_second_server_on_the_same_data_is_refused(self):
        with Mailroot() as server:
            second = Mailroot(data=server.directory / "data", user_passwords=False)
            try:
                with self.assertRaises(AssertionError):
                    second.start()
            finally:
                second.close()
            server.send(text_message("the first is unharmed"), "alice@example.test")

    def test_a_stale_run_directory_after_a_kill_hinders_no_start(self):
        with Mailroot() as server:
            for _ in range(3):
                server.kill()
                server.start()
            server.send(text_message("x"), "alice@example.test")


if __name__ == "__main__":
    unittest.main()
