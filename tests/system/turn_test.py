"""Mail that is held until it is asked for: ETRN (RFC 1985), TURN, ATRN and its port (RFC 2645)."""

import email
import os
import shutil
import signal
import socket
import subprocess
import threading
import unittest
from pathlib import Path

from cases import ServerTest
from harness import (Mailroot, RawClient, client_tls, free_port, text_message, wait_until)
from smtp_sink import HANG_UP, Policy, Sink


class Fetcher(RawClient):
    """A customer's host: it logs in, asks for its mail, and is the server from then on."""

    def __init__(self, server, service="smtp", login="branch", tls=False, policy=None):
        super().__init__(server.ports[service])
        self.greet()
        if tls:
            self.expect("STARTTLS", "220")
            self.socket = client_tls().wrap_socket(self.socket)
            self.file = self.socket.makefile("rb")
            self.expect("EHLO branch.test", "250")
        if login:
            self.expect("AUTH PLAIN " + server.plain(login), "235")
        self.sink = Sink(policy)

    def expect(self, command, code):
        reply = self.ask(command)
        if not reply.startswith(code):
            raise AssertionError(f"{command}: {reply}")
        return reply

    def fetch(self, command="ATRN"):
        """Ask, and be sent the mail: (recipients, data) of each message."""
        self.expect(command, "250")
        self.sink.serve(self.socket)
        return [(message.recipients, message.data) for message in self.sink.messages]

    def close(self):
        if hasattr(self, "sink"):
            self.sink.close()
        super().close()


class Picky(Policy):
    """Answers by the local part of recipients."""

    def on_rcpt(self, address):
        if address.startswith("gone"):
            return "550 5.1.1 no such user here"
        if address.startswith("later"):
            return "450 4.2.1 not now"
        return "250 2.1.5 ok"

    def on_data(self, sender, recipients):
        return HANG_UP if recipients[0].startswith("cut") else "354 go ahead"


class Confused(Policy):
    def on_connect(self, number):
        return "EHLO it is you who should greet"


def subjects(messages):
    return sorted(email.message_from_bytes(data)["Subject"] for _, data in messages)


class Held(ServerTest):
    """One server; each test leaves nothing held behind."""

    login = "login cleartext"

    @classmethod
    def before_server(cls):
        # A node for each test: the sender keeps a connection for a while.
        cls.ports = {name: free_port() for name in ("node", "mute", "polled", "asked", "named")}
        nodes = [line for name, port in cls.ports.items() for line in (
            f"connector {name} {{", f"    to {name}.test *.{name}.test", "    hold",
            f"    smart-host 127.0.0.1:{port}", "}")]
        cls.settings = {
            "users": ["alice", "branch", "other", "outsider"],
            "server_lines": [cls.login],
            "lines": ["connector branch {", "    to branch.test *.branch.test second.test",
                      "    hold for branch@example.test", "}",
                      "connector other {", "    to other.test",
                      "    hold for other@example.test", "}", *nodes]}

    def setUp(self):
        self.directory = Path(self.server.directory)
        self.empty_mailbox("alice")

    def tearDown(self):
        for entry in self.server.queue():
            self.server.cli("queue", "delete", entry["id"], "--no-report", expect=None)

    def hold(self, *recipients, subject="held", data=None):
        self.server.send(data or text_message(subject), list(recipients),
                         sender="alice@example.test", service="submission", login="alice")

    def fetcher(self, *arguments, **options):
        fetcher = Fetcher(self.server, *arguments, **options)
        self.addCleanup(fetcher.close)
        return fetcher

    def held(self):
        """Recipients of what is held, in order."""
        return sorted(recipient["address"] for entry in self.server.queue()
                      if entry["state"] == "remote" for recipient in entry["recipients"])

    def expect_held(self, *recipients):
        wait_until(lambda: self.held() == sorted(recipients), f"held: {recipients}")

    def expect_refused_command(self, fetcher, command, code):
        """A refusal that leaves the session and the queue as they were."""
        before = self.held()
        self.assertTrue(before)
        fetcher.expect(command, code)
        fetcher.expect("NOOP", "250")
        self.assertEqual(self.held(), before)


class Turned(Held):
    # shows: V13 S34
    def test_turn_sends_all_mail_of_the_account_over_the_same_connection(self):
        data = text_message("exact", "one\r\n.two\r\n..\r\n\r\n" + "x" * 900 + "\r\n")
        self.hold("a@branch.test", data=data)
        self.hold("b@far.branch.test", "c@second.test", subject="two")
        self.hold("x@other.test", subject="not his")
        self.expect_held("a@branch.test", "b@far.branch.test", "c@second.test", "x@other.test")
        fetcher = self.fetcher()
        messages = fetcher.fetch("TURN")
        self.assertEqual(sorted(recipient for recipients, _ in messages
                                for recipient in recipients),
                         ["a@branch.test", "b@far.branch.test", "c@second.test"])
        self.assertTrue(any(message.endswith(data) for _, message in messages))
        self.assertTrue(fetcher.closed())
        self.expect_held("x@other.test")

    # shows: V15
    def test_atrn_sends_the_domains_that_it_names_and_no_others(self):
        for service, tls in (("smtp", False), ("smtp", True), ("odmr", False), ("odmr", True)):
            with self.subTest(service=service, tls=tls):
                recipients = ["a@branch.test", "b@second.test", "c@x.branch.test", "d@other.test"]
                for recipient in recipients:
                    self.hold(recipient)
                fetcher = self.fetcher(service, tls=tls)
                self.assertEqual([got for got, _ in fetcher.fetch("ATRN second.test")],
                                 [["b@second.test"]])
                self.expect_held("a@branch.test", "c@x.branch.test", "d@other.test")
                fetcher = self.fetcher(service, tls=tls)
                self.assertEqual(
                    sorted(got for got, _ in fetcher.fetch("ATRN X.branch.test,branch.test")),
                    [["a@branch.test"], ["c@x.branch.test"]])
                self.hold("e@branch.test")
                fetcher = self.fetcher(service, tls=tls)
                self.assertEqual([got for got, _ in fetcher.fetch("ATRN")], [["e@branch.test"]])
                self.expect_held("d@other.test")
                self.tearDown()

    # shows: V14 V16
    def test_without_a_login_nothing_is_turned_round(self):
        self.hold("a@branch.test")
        for service, command in (("smtp", "TURN"), ("smtp", "ATRN"), ("smtp", "ATRN branch.test"),
                                 ("odmr", "ATRN")):
            with self.subTest(service=service, command=command):
                self.expect_refused_command(self.fetcher(service, login=None), command, "530")

    # shows: R13
    def test_another_account_gets_nothing(self):
        self.hold("a@branch.test")
        self.hold("x@other.test")
        self.expect_refused_command(self.fetcher(login="outsider"), "TURN", "450 4.7.1")
        for command in ("ATRN branch.test", "ATRN other.test,branch.test", "ATRN example.test"):
            with self.subTest(command=command):
                self.expect_refused_command(self.fetcher(login="other"), command, "450 4.7.1")
        self.assertEqual([got for got, _ in self.fetcher(login="other").fetch()],
                         [["x@other.test"]])
        self.expect_held("a@branch.test")

    # shows: R16
    def test_who_has_no_mail_is_told_so_and_may_ask_again(self):
        fetcher = self.fetcher()
        fetcher.expect("ATRN", "453 4.0.0")
        fetcher.expect("TURN", "453 4.0.0")
        self.hold("a@branch.test")
        fetcher.expect("ATRN second.test", "453 4.0.0")
        self.assertEqual(len(fetcher.fetch()), 1)

    def test_what_is_sent_behind_the_command_keeps_it_from_being_turned_round(self):
        self.hold("a@branch.test")
        fetcher = self.fetcher()
        fetcher.send(b"ATRN\r\n220 mx.evil.test\r\n250 ok\r\n")
        self.assertTrue(fetcher.reply().startswith("503"))
        self.assertTrue(fetcher.reply().startswith("500"))
        self.assertTrue(fetcher.reply().startswith("500"))
        self.expect_held("a@branch.test")
        self.assertEqual(len(fetcher.fetch()), 1)

    def test_a_list_of_domains_without_end_is_refused(self):
        self.hold("a@branch.test")
        fetcher = self.fetcher()
        self.expect_refused_command(
            fetcher, "ATRN " + ",".join(f"d{n}.branch.test" for n in range(500)), "501")
        self.expect_refused_command(
            fetcher, "ATRN " + ",".join(f"d{n}.branch.test" for n in range(10000)), "500")
        self.assertEqual(len(fetcher.fetch("ATRN " + ",".join(["branch.test"] * 500))), 1)

    def test_two_sessions_at_a_time_never_get_the_same_message(self):
        count = 30
        for number in range(count):
            self.hold("a@branch.test", subject=f"n{number:02}")
        fetchers = [self.fetcher() for _ in range(3)]
        results = []

        def run(fetcher):
            try:
                results.extend(fetcher.fetch())
            except AssertionError as error:  # or the others have everything in hand
                self.assertIn("453", str(error))
        threads = [threading.Thread(target=run, args=(fetcher,)) for fetcher in fetchers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(subjects(results), [f"n{number:02}" for number in range(count)])
        self.expect_held()

    def test_what_the_peer_refuses_is_reported_or_held_on(self):
        self.hold("gone@branch.test")
        self.hold("later@branch.test")
        self.hold("fine@branch.test")
        self.assertEqual([got for got, _ in self.fetcher(policy=Picky()).fetch()],
                         [["fine@branch.test"]])
        report = self.server.fetch_when("alice", 1)[0]
        self.assertIn(b"gone@branch.test", report)
        self.assertIn(b"no such user here", report)
        self.expect_held("later@branch.test")
        self.assertEqual([got for got, _ in self.fetcher().fetch()], [["later@branch.test"]])

    def test_a_peer_that_does_not_greet_or_hangs_up_loses_nothing(self):
        self.hold("a@branch.test")
        self.hold("cut@branch.test")
        self.assertEqual(self.fetcher(policy=Confused()).fetch(), [])
        self.expect_held("a@branch.test", "cut@branch.test")
        fetcher = self.fetcher()
        fetcher.expect("ATRN", "250")
        fetcher.close()
        self.expect_held("a@branch.test", "cut@branch.test")
        fetcher = self.fetcher(policy=Picky())
        self.assertEqual([got for got, _ in fetcher.fetch()], [["a@branch.test"]])
        fetcher.close()  # in the middle of the second message
        self.expect_held("cut@branch.test")
        self.assertEqual([got for got, _ in self.fetcher().fetch()], [["cut@branch.test"]])

    def test_limits_of_the_peer_are_obeyed(self):
        policy = Policy()
        policy.extensions = ["SIZE 1000"]
        self.hold("big@branch.test", data=text_message("big", "x" * 70 + "\r\n") * 40)
        self.hold("small@branch.test")
        self.assertEqual([got for got, _ in self.fetcher(policy=policy).fetch()],
                         [["small@branch.test"]])
        self.assertIn(b"big@branch.test", self.server.fetch_when("alice", 1)[0])

    def test_the_administrator_sees_what_waits_for_whom_and_what_became_of_it(self):
        self.hold("a@branch.test")
        self.expect_held("a@branch.test")
        listing = self.server.cli("queue", "list")
        self.assertIn("remote for branch mx:branch.test", listing)
        self.assertIn("waits for ETRN, or ATRN of branch@example.test", listing)
        self.assertRegex(self.server.cli("queue", "hops"), r"branch mx:branch.test +remote +1 ")
        message = self.server.queue()[0]["id"]
        offset = len(self.server.log)
        self.fetcher().fetch()
        session = self.server.wait_log(r"event=queue.turned session=(\w+)", start=offset)[1]
        self.server.wait_log(r"event=queue.turn-ended session=\w+ account=\S+ given=1",
                             start=offset)
        self.assertRegex(self.server.story(message, " sent "),
                         r'turned account="branch@example.test"(?s:.*) sent ')
        self.server.story(session.decode(), "turned account=")

    def test_retry_by_name_lets_held_mail_go_but_retry_of_all_does_not(self):
        with Listener(self.ports["named"]) as sink:
            self.hold("a@named.test")
            self.server.cli("queue", "retry", "--all", expect=None)
            self.expect_held("a@named.test")
            self.server.cli("queue", "retry", self.server.queue()[0]["id"])
            sink.wait_for(1)

    def test_mail_is_not_sent_over_a_plain_port_366(self):
        client = RawClient(self.server.ports["odmr"])
        self.addCleanup(client.close)
        self.assertIn("ODMR", client.reply())
        reply = client.ask("EHLO branch.test")
        self.assertIn("ATRN", reply)
        self.assertNotIn("SIZE", reply)
        for command in ("MAIL FROM:<a@b.test>", "RCPT TO:<alice@example.test>", "DATA", "TURN",
                        "ETRN node.test", "VRFY alice"):
            self.assertTrue(client.ask(command).startswith("502"), command)


class Listener:
    """The node, up for a while: a sink on its port."""

    def __init__(self, port):
        self.sink = Sink(port=port)

    def __enter__(self):
        return self.sink

    def __exit__(self, *_):
        self.sink.close()


class Started(Held):
    def ask(self, command, login=None):
        """One ETRN on a connection of its own."""
        with self.fetcher(login=login) as client:
            return client.ask(command)

    # shows: V20 R07 R08 R09
    def test_etrn_sends_what_waits_for_a_node_that_was_down(self):
        for number in range(3):
            self.hold(f"u{number}@node.test")
        self.hold("x@far.node.test")
        self.expect_held("u0@node.test", "u1@node.test", "u2@node.test", "x@far.node.test")
        self.assertTrue(self.ask("ETRN node.test", "branch").startswith("253 2.0.0 "))
        # The node is down: what was let go has been tried once, and is held again.
        self.expect_held("u0@node.test", "u1@node.test", "u2@node.test", "x@far.node.test")
        with Listener(self.ports["node"]) as sink:
            reply = self.ask("ETRN node.test", "branch")
            self.assertIn("3 pending messages for node node.test", reply)
            sink.wait_for(3)
            wait_until(lambda: len(self.server.queue()) == 1, "the queue knows")
            self.assertTrue(self.ask("ETRN node.test", "branch").startswith("251 2.0.0 "))
            self.assertTrue(self.ask("ETRN @node.test", "branch").startswith("253 2.0.0 "))
            sink.wait_for(4)
            wait_until(lambda: self.server.queue() == [], "the queue knows")
            self.hold("u4@node.test")
            self.assertTrue(self.ask("ETRN #node", "branch").startswith("253 2.0.0 "))
            sink.wait_for(5)

    def test_what_is_on_its_way_already_is_told(self):
        with socket.create_server(("127.0.0.1", self.ports["mute"])):  # nobody greets
            self.hold("u@mute.test")
            self.assertTrue(self.ask("ETRN mute.test", "branch").startswith("253 2.0.0 "))
            wait_until(lambda: self.server.queue()[0]["state"] == "sending", "it is being sent")
            self.assertTrue(self.ask("ETRN mute.test", "branch").startswith("252 2.0.0 "))
        self.expect_held("u@mute.test")

    # shows: R18 R19
    def test_strangers_may_ask_now_and_then_and_learn_nothing(self):
        with Listener(self.ports["asked"]) as sink:
            self.hold("u@asked.test")
            self.assertTrue(self.ask("ETRN asked.test").startswith("250 2.0.0 Queuing started"))
            sink.wait_for(1)
            self.assertTrue(self.ask("ETRN asked.test").startswith("458 4.3.0 "))
            self.assertTrue(self.ask("ETRN @other.test").startswith("250 2.0.0 "))
            self.assertTrue(self.ask("ETRN elsewhere.test").startswith("459 4.7.1 "))
            self.assertTrue(self.ask("ETRN #nobody").startswith("459 4.7.1 "))
            for command in ("ETRN", "ETRN @", "ETRN #", "ETRN a b", "ETRN -x-", "ETRN @@a.test"):
                self.assertTrue(self.ask(command).startswith("501"), command)

    def test_mail_that_is_fetched_is_not_returned_when_etrn_finds_no_way_to_it(self):
        self.hold("a@branch.test")
        self.assertTrue(self.ask("ETRN branch.test", "branch").startswith("253"))
        wait_until(lambda: self.server.queue()[0]["attempts"] == 1, "an attempt was made")
        self.expect_held("a@branch.test")
        self.assertEqual(len(self.fetcher().fetch()), 1)

@unittest.skipUnless(shutil.which("fetchmail"), "fetchmail is not installed")
class Fetchmail(Held):
    login = "login cleartext plain cram-md5"  # the one mechanism it has for ODMR

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for user in ("alice", "branch"):
            cls.server.cli("user", "passwd", cls.server.address(user), "--password-stdin",
                           "--allow-cram", given=cls.server.passwords[user] + "\n")

    def fetchmail(self, service, lines):
        """Run it once; returns what it said."""
        conf = self.directory / "fetchmailrc"
        conf.write_text(f"poll 127.0.0.1 service {self.server.ports[service]} {lines}\n")
        conf.chmod(0o600)
        result = subprocess.run(
            ["fetchmail", "-v", "-v", "-f", conf, "--pidfile", self.directory / "pid"],
            env=dict(os.environ, HOME=str(self.directory), LC_ALL="C"), capture_output=True,
            timeout=60, check=False)
        return (result.stdout + result.stderr).decode()

    # shows: V20
    def test_fetchmail_asks_by_etrn(self):
        self.hold("u@polled.test")
        with Listener(self.ports["polled"]) as sink:
            said = self.fetchmail("smtp", "protocol etrn fetchdomains polled.test")
            self.assertIn("Queuing started", said)
            sink.wait_for(1)

    # shows: V15
    def test_fetchmail_fetches_by_odmr(self):
        self.hold("a@branch.test", subject="one")
        self.hold("b@second.test", subject="two")
        self.hold("c@x.branch.test", subject="three")
        user = f"user 'branch@example.test' password '{self.server.passwords['branch']}'"
        sink = Sink()
        self.addCleanup(sink.close)
        said = self.fetchmail("odmr", f"protocol odmr {user} fetchdomains branch.test second.test"
                              f" smtphost 127.0.0.1/{sink.port}")
        self.assertEqual(sorted(message.recipients[0] for message in sink.messages),
                         ["a@branch.test", "b@second.test"], said)
        self.expect_held("c@x.branch.test")
        said = self.fetchmail("odmr", f"protocol odmr {user} fetchdomains other.test"
                              f" smtphost 127.0.0.1/{sink.port}")
        self.assertIn("450 4.7.1", said)


class Requests(Held):
    """A site with mailroot asks its provider, which is mailroot too."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        provider = cls.server.ports
        login = "    login branch@example.test secret provider"
        cls.site = Mailroot(users=["ann"], domain="branch.test", lines=[
            "domain asked.test {", "    user ann", "}",
            "connector fetching {", "    to fetching.test", login,
            f"    smart-host 127.0.0.1:{provider['submission']}",
            f"    request atrn branch.test at 127.0.0.1:{provider['odmr']} every 1s", "}",
            "connector asking {", "    to asking.test", login,
            f"    smart-host 127.0.0.1:{provider['submission']}",
            "    request etrn @asked.test every 1s", "}",
            "connector sending {", "    to example.test",
            f"    smart-host 127.0.0.1:{provider['smtp']}", "    request etrn polled.test", "}"])
        cls.addClassCleanup(cls.site.close)
        cls.site.ports["smtp"] = cls.ports["asked"]
        cls.site.write_config()
        secrets = cls.site.directory / "secrets"
        secrets.mkdir()
        (secrets / "provider").write_text(cls.server.passwords["branch"] + "\n")
        cls.site.start()

    # shows: S37
    def test_a_site_fetches_its_mail_by_atrn_on_schedule(self):
        self.hold("ann@branch.test", subject="fetched", data=text_message(
            "fetched", "..\r\n.\r\n" + "y" * 990 + "\r\n"))
        self.hold("ann@x.branch.test", subject="not asked for")
        got = self.site.fetch_when("ann", 1)
        self.assertTrue(got[0].endswith(b"y" * 990 + b"\r\n"))
        self.expect_held("ann@x.branch.test")
        self.site.wait_log(r'event=smtp.request connector="fetching" .*verb="ATRN" status="ok"')
        self.site.wait_log(r'status="try later" reply="453 ')
        self.hold("nobody@branch.test")  # refused at RCPT, over the turned connection
        self.assertIn(b"nobody@branch.test", self.server.fetch_when("alice", 1)[0])

    # shows: V21 S37
    def test_a_site_asks_by_etrn_on_schedule(self):
        self.hold("ann@asked.test", subject="asked for")
        wait_until(lambda: "asked for" in self.site.cli_result(
            "mailbox", "messages", "ann@asked.test").stdout, "it comes")

    # shows: V21 S37
    def test_a_site_asks_by_etrn_when_it_sends(self):
        offset = len(self.server.log)
        self.site.send(text_message("out"), "alice@example.test", sender="ann@branch.test",
                       service="submission", login="ann")
        self.server.fetch_when("alice", 1)
        self.server.wait_log('event=queue.etrn .*node="polled.test"', start=offset)


class TurnedCrash(Held):
    """A role dies in the middle of a turned session."""

    def kill(self, role):
        before = self.server.role_pids(role)
        if not before:
            self.skipTest("there is one process only")
        os.kill(before[0], signal.SIGKILL)
        wait_until(lambda: self.server.role_pids(role) and
                   before[0] not in self.server.role_pids(role), f"a new {role}")

    def crash_in_the_middle(self, role):
        """The role dies while the second of three messages is sent; returns what arrived."""
        for number in range(3):
            self.hold("a@branch.test", subject=f"n{number}")
        policy, killed = Policy(), []

        def on_data(_sender, _recipients):
            if len(fetcher.sink.messages) == 1 and not killed:
                killed.append(role)
                self.kill(role)
            return "354 go ahead"
        policy.on_data = on_data
        fetcher = self.fetcher(policy=policy)
        arrived = subjects(fetcher.fetch())
        fetcher.close()
        self.assertEqual(killed, [role])

        def rest():
            try:
                return self.fetcher().fetch()
            except (AssertionError, OSError):
                return None
        while True:
            # Until the queue is empty: leases of before the crash may take a moment to return.
            wait_until(lambda: not [e for e in self.queue_or_busy() if e["state"] != "remote"],
                       "nothing is on its way")
            if not self.server.queue():
                return arrived
            arrived += subjects(wait_until(rest, "the rest is fetched", step=0.2))

    def queue_or_busy(self):
        result = self.server.cli_result("queue", "list", "--json")
        return self.server.queue() if result.returncode == 0 else [{"state": "unknown"}]

    # shows: V13
    def test_the_sender_dies_and_no_message_is_lost(self):
        arrived = self.crash_in_the_middle("send")
        self.assertEqual(sorted(set(arrived)), ["n0", "n1", "n2"])
        self.assertEqual(len(arrived), 3)

    def test_the_store_dies_and_no_message_is_lost(self):
        arrived = self.crash_in_the_middle("store")
        self.assertEqual(sorted(set(arrived)), ["n0", "n1", "n2"])

    def test_the_front_dies_and_no_message_is_lost(self):
        arrived = self.crash_in_the_middle("front")
        self.assertEqual(sorted(set(arrived)), ["n0", "n1", "n2"])


if __name__ == "__main__":
    unittest.main()
