"""Routing groups of real servers: mail crosses them by the cheapest way that is up, and what one
server knows of links, all know.

    north  n1 (master), n2        n1 -> south 10, n1 -> east 20
    south  s1                     s1 -> east 5, s1 -> north 10
    east   e1                     e1 -> south 5, e1 -> north 20; and out, to a host of ours

The ways from n1 go through wires that can be cut."""

import contextlib
import json
import select
import socket
import threading
import unittest

from harness import Mailroot, RawClient, client_tls, free_port, text_message, wait_until
from smtp_sink import Sink

PASSWORD = "between-the-groups"


class Wire:
    """A port that leads to another one, until it is cut."""

    def __init__(self, target):
        self.port, self.target = free_port(), target
        self.mend()

    def mend(self):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", self.port))
        self.listener.listen(50)
        self.pairs = []
        self.thread = threading.Thread(target=self._accept, args=(self.listener,), daemon=True)
        self.thread.start()

    def _accept(self, listener):
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                try:
                    far = socket.create_connection(("127.0.0.1", self.target))
                except OSError:
                    near.close()
                    continue
                self.pairs.append((near, far))
                threading.Thread(target=self._carry, args=(near, far), daemon=True).start()

    @staticmethod
    def _carry(near, far):
        with contextlib.suppress(OSError, ValueError):
            while True:
                ready, _, _ = select.select([near, far], [], [])
                for one, other in ((near, far), (far, near)):
                    if one in ready:
                        data = one.recv(65536)
                        if not data:
                            raise OSError
                        other.sendall(data)
        near.close()
        far.close()

    def cut(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(5)
        for pair in self.pairs:
            for one in pair:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)


class Site(Mailroot):
    """A server of a routing group; what it needs of the others is known when it starts."""

    def __init__(self, name):
        self.name = name
        self.blocks = []
        super().__init__(users=["alice"], domain=f"{name}.test", server_lines=["peer lsa@lsa.test"],
                         listens=["smtp", "submission", "pop3", "link-state"])

    def config_text(self):
        return super().config_text().replace("host mx.example.test", f"host {self.name}.test")

    def configure(self, *blocks):
        self.blocks = list(blocks)
        self.lines = ["domain lsa.test {", "    user lsa", "}",
                      "retry {", "    glitch 1s x1", "    after 1s", "    expire 5m", "}",
                      *self.blocks]
        self.write_config()

    def prepare(self):
        secrets = self.directory / "secrets"
        secrets.mkdir(exist_ok=True)
        (secrets / "lsa").write_text(PASSWORD)
        (secrets / "lsa").chmod(0o600)
        self.cli("user", "passwd", "lsa@lsa.test", "--password-stdin", given=PASSWORD + "\n")

    def facts(self):
        """What `mailroot routing` says, by kind; {} while it says nothing."""
        result = self.cli_result("routing", "--json")
        found = {"group": {}, "connector": {}, "peer": {}}
        for line in result.stdout.splitlines():
            fact = json.loads(line)
            if fact["kind"] == "table":
                found["table"] = fact
            elif fact["kind"] == "peer":
                found["peer"][fact["connector"]] = fact
            elif fact["kind"] == "connector":
                found["connector"][f"{fact['group']}/{fact['name']}"] = fact["state"]
            else:
                found["group"][fact["name"]] = fact
        return found

    def digest(self):
        return self.facts().get("table", {}).get("digest")

    def route(self, address):
        return json.loads(self.cli("route", address, "--json").splitlines()[0])

    def post(self, recipient, subject="over groups"):
        self.send(text_message(subject), recipient, sender=self.address("alice"),
                  service="submission", login="alice")


def arrow(name, group, cost, port, more=()):
    return [f"connector {name} {{", f"    to-group {group} cost {cost}",
            f"    smart-host [127.0.0.1]:{port}", "    login lsa@lsa.test secret lsa", *more, "}"]


class Lab(unittest.TestCase):
    """One lab for all: starting it takes longest."""

    suppresses = False  # link states; taken up by configure_all

    @classmethod
    def setUpClass(cls):
        cls.sink = Sink()
        cls.addClassCleanup(cls.sink.close)
        cls.sites = {}
        for name in ("n1", "n2", "s1", "e1"):
            cls.sites[name] = Site(name)
            cls.addClassCleanup(cls.sites[name].close)
        cls.n1, cls.n2, cls.s1, cls.e1 = cls.sites.values()
        cls.to_south = Wire(cls.s1.ports["smtp"])
        cls.to_east = Wire(cls.e1.ports["smtp"])
        for wire in (cls.to_south, cls.to_east):
            cls.addClassCleanup(wire.cut)
        cls.configure_all()
        for site in cls.sites.values():
            site.prepare()
            site.start()
        cls.await_agreement(4)

    @classmethod
    def group_of(cls, name, members, master=None):
        state = "suppress" if cls.suppresses else "report"
        lines = [f"routing-group {name} {{", "    login lsa@lsa.test secret lsa",
                 f"    link-state {state} check 30s retry 1s"]
        for member in members:
            ports = cls.sites[member].ports
            lines.append(f"    member {member}.test at [127.0.0.1]:{ports['link-state']} "
                         f"mail [127.0.0.1]:{ports['smtp']}")
        if master:
            lines.append(f"    master {master}.test")
        return [*lines, "}"]

    @classmethod
    def configure_all(cls):
        smtp = {name: site.ports["smtp"] for name, site in cls.sites.items()}
        # Both servers of north have the same connectors, which n1 alone serves.
        bridgehead = ["    bridgehead n1.test"]
        cls.to_south_lines = arrow("south", "south", 10, cls.to_south.port, bridgehead)
        cls.north_ways = [*cls.to_south_lines,
                          *arrow("east", "east", 20, cls.to_east.port, bridgehead)]
        for site in (cls.n1, cls.n2):
            site.configure(*cls.group_of("north", ["n1", "n2"]), *cls.north_ways)
        cls.south_ways = [*arrow("east", "east", 5, smtp["e1"]),
                          *arrow("north", "north", 10, smtp["n1"])]
        cls.s1.configure(*cls.group_of("south", ["s1"]), *cls.south_ways)
        cls.east_ways = [*arrow("south", "south", 5, smtp["s1"]),
                         *arrow("north", "north", 20, smtp["n1"]),
                         "connector out {", "    to *.example",
                         f"    smart-host [127.0.0.1]:{cls.sink.port}", "}"]
        cls.e1.configure(*cls.group_of("east", ["e1"]), *cls.east_ways)

    @classmethod
    def reconfigure_all(cls):
        cls.configure_all()
        for site in cls.sites.values():
            site.reload()

    @classmethod
    def await_agreement(cls, connected, sites=None):
        """All have the same table, of all groups and members."""
        def agree():
            facts = [site.facts() for site in sites or cls.sites.values()]
            digests = {fact.get("table", {}).get("digest") for fact in facts}
            members = sum(len(group["connected"]) for group in facts[0]["group"].values())
            awaited = any(fact.get("table", {}).get("awaited", True) for fact in facts)
            return len(digests) == 1 and members == connected and not awaited
        wait_until(agree, "all servers have the same table", step=0.1)


class Groups(Lab):
    def way_of(self, message):
        """The servers a message went by, the last first."""
        return [line.split(b" by ")[1].split()[0].decode().removesuffix(".test")
                for line in message.data.replace(b"\r\n\t", b" ").split(b"\r\n")
                if line.startswith(b"Received:")]

    def message_to(self, recipient):
        """The message that came out for him."""
        def found():
            return [one for one in self.sink.messages if recipient in one.recipients]
        return wait_until(found, f"mail for {recipient} comes out")[0]

    def await_route(self, site, **expected):
        def fits():
            line = site.route("user@far.example")
            return all(line[key] == value for key, value in expected.items())
        wait_until(fits, f"{site.name} routes by {expected}", step=0.1)

    def await_state(self, connector, state, sites=None):
        for site in sites or self.sites.values():
            wait_until(lambda site=site: site.facts()["connector"].get(connector) == state,
                       f"{site.name} knows that {connector} is {state}", step=0.1)

    def master_of_north(self, site):
        north = site.facts()["group"].get("north")
        return (north["master"], north["major"]) if north else ("", 0)

    def await_master(self, master, above, sites):
        """All of them know this master of the group, in a higher version than before."""
        def known():
            return all(self.master_of_north(site)[0] == master and
                       self.master_of_north(site)[1] > above for site in sites)
        wait_until(known, f"{master} is known as the master", step=0.1)

    # shows: C16 C17 C25 S35
    def test_mail_takes_the_cheapest_way_over_two_groups(self):
        line = self.n2.route("user@far.example")
        self.assertEqual(line["way"], "north > south > east")
        self.assertEqual((line["to"], line["connector"], line["cost"]),
                         ("east/out", "member:n1.test", 16))
        self.n2.post("user@far.example")
        self.assertEqual(self.way_of(self.message_to("user@far.example")), ["e1", "s1", "n1", "n2"])

    # shows: P03
    def test_port_691_is_for_servers_that_have_logged_in(self):
        with RawClient(self.n1.ports["link-state"]) as client:
            self.assertRegex(client.line(), rb"220 n1.test X-LSA-2")
            self.assertRegex(client.ask("EHLO n2.test"), "^250")
            self.assertRegex(client.ask("X-LSA-2 n2.test"), "^504")
            self.assertRegex(client.ask("MAIL FROM:<a@n2.test>"), "^500")

        def agrees():
            peer = self.n1.facts()["peer"]["links:n2.test"]
            return peer["answers"] and peer["agrees"]
        wait_until(agrees, "the other member knows what we know", step=0.1)

    @staticmethod
    def logged_in(site, service):
        """A client that the site takes for a server of its organisation."""
        client = site.smtp(service)
        client.starttls(context=client_tls())
        client.ehlo()
        client.login("lsa@lsa.test", PASSWORD)
        return client

    def packet(self, *parts):
        """As X-LINK2STATE and port 691 have it."""
        body = " MULTI (5)" + "".join(f" ({{{len(part) + 1:08x}}} {part})" for part in parts)
        return f"{{{len(body):08x}}}{body}"

    def test_a_peer_is_not_believed_what_it_cannot_know(self):
        """Forged tables and reports, and packets that lie about their length."""
        before = self.s1.digest()
        table = self.s1.cli("routing", "--raw").strip()[10:]
        forged = table.replace("STATE UP", "STATE DOWN", 1)
        shorter = table[:-1]
        foreign = f"DIGEST_QUERY {'0' * 32} {'1' * 32} 1 0"
        refused = [f"ORGINFO {{{len(one):08x}}}{one}" for one in (forged, shorter, "0" * 32 + "( )")]
        refused += [f"REPORT {{{len(table) - 32:08x}}}{table[32:]}", "DIGEST_QUERY x y", "DONE x"]
        with self.logged_in(self.s1, "smtp") as client:
            for part in refused:
                text = self.packet(part)
                chunks = [text[at:at + 500] for at in range(0, len(text), 500)]
                for number, chunk in enumerate(chunks):
                    word = ("LAST" if number == len(chunks) - 1 else
                            "FIRST" if number == 0 else "NEXT")
                    code, answer = client.docmd(f"X-LINK2STATE {word} CHUNK={chunk}")
                self.assertEqual((code, answer[:5]), (501, b"5.5.4"), part[:40])
            code, answer = client.docmd(f"X-LINK2STATE LAST CHUNK={self.packet(foreign)}")
            self.assertEqual((code, answer), (200, b"LAST CHUNK={00000025} MULTI (5) "
                                                   b"({0000000e} DONE_RESPONSE)"))
        self.assertEqual(self.s1.digest(), before)

    def test_packets_on_port_691_are_bounded(self):
        for sent in (b"{ffffffff}", b"{00000004} MUL", b"GET / HTTP/1.0\r\n\r\n"):
            with self.logged_in(self.n1, "link-state") as client:
                self.assertEqual(client.docmd("X-LSA-2 n2.test")[0], 200)
                client.sock.sendall(sent)
                self.assertEqual(client.sock.recv(1), b"", sent)

    # shows: C24
    def test_the_table_is_shown_to_people_and_as_it_is_told(self):
        shown = self.s1.cli("routing")
        self.assertIn("this server: s1.test of group south, its master", shown)
        self.assertRegex(shown, r"group east  version [0-9a-f.]+  master e1.test")
        self.assertIn("to group south cost 10", shown)
        raw = self.s1.cli("routing", "--raw")
        self.assertRegex(raw, r"^\{[0-9a-f]{8}\}" + self.s1.digest() + r"\( [0-9a-f]{32} ")

    # shows: C19 C20 C21
    def test_a_link_that_is_cut_is_gone_round_and_taken_again_when_it_is_back(self):
        self.to_south.cut()
        self.n1.post("user@cut.example")
        self.await_state("north/south", "down")
        self.await_agreement(4)
        message = self.message_to("user@cut.example")
        self.assertEqual(self.way_of(message), ["e1", "n1"])
        self.assertIn("not by connector south: it is down",
                      self.n1.cli("route", "user@far.example"))
        self.await_route(self.n2, way="north > east", cost=21)
        self.to_south.mend()
        self.await_state("north/south", "up")
        self.await_route(self.n2, way="north > south > east", cost=16)
        self.await_agreement(4)

    # shows: C22
    def test_suppressed_link_states_tell_what_is_configured_alone(self):
        type(self).suppresses = True
        self.reconfigure_all()
        self.await_agreement(4)
        before = self.n2.facts()["group"]["north"]
        self.to_south.cut()
        self.n1.post("user@quiet.example")
        wait_until(lambda: self.n1.facts()["peer"]["south"]["answers"] is False,
                   "n1 knows that the link is cut", step=0.1)
        more = ["connector more {", "    to *.more.example", "    by mx", "}"]
        self.n1.configure(*self.group_of("north", ["n1", "n2"]), *self.north_ways, *more)
        self.n1.reload()
        self.await_state("north/more", "up")
        after = self.n2.facts()
        self.assertEqual(after["connector"]["north/south"], "up")
        self.assertEqual((after["group"]["north"]["major"], after["group"]["north"]["minor"]),
                         (before["major"] + 1, 0))
        self.assertIn("user@quiet.example", self.n1.cli("queue", "list"))
        self.to_south.mend()
        type(self).suppresses = False
        self.reconfigure_all()
        self.message_to("user@quiet.example")
        self.await_agreement(4)

    # shows: T10
    def test_mail_without_a_way_is_unreachable_until_there_is_one(self):
        for site, group, members, ways in ((self.n1, "north", ["n1", "n2"], self.to_south_lines),
                                           (self.s1, "south", ["s1"], self.south_ways[5:])):
            site.configure(*self.group_of(group, members), *ways)
            site.reload()
        wait_until(lambda: self.n1.route("user@far.example")["kind"] == "unreachable",
                   "there is no way any more", step=0.1)
        self.assertIn("there is no way to its routing group",
                      self.n1.cli("route", "user@far.example"))
        self.n1.post("user@nowhere.example")
        listed = wait_until(lambda: next((item for item in self.n1.queue()
                                          if item["state"] == "unreachable" and
                                          "user@nowhere.example" in json.dumps(item)), None),
                            "it waits")
        self.assertIn("no way is known", self.n1.cli("queue", "explain", listed["id"]))
        self.n1.cli("group", "add", "team", "alice@n1.test")
        self.n1.cli("directory", "set", "team@n1.test", "expand-at", "far.example")
        self.n1.post("team@n1.test")
        self.n1.configure(*self.group_of("north", ["n1", "n2"]), *self.north_ways,
                          "connector near {", "    to far.example",
                          f"    smart-host [127.0.0.1]:{self.sink.port}", "}")
        self.n1.reload()
        self.message_to("team@n1.test")
        self.reconfigure_all()
        self.message_to("user@nowhere.example")
        self.n1.story(listed["id"], " rerouted ")
        self.await_agreement(4)

    # shows: C23
    def test_the_master_moves_and_may_fail_and_there_is_never_a_second(self):
        _, major = self.master_of_north(self.s1)
        self.n2.configure(*self.group_of("north", ["n1", "n2"], "n2"), *self.north_ways)
        self.n2.reload()
        self.await_master("n2.test", major, self.sites.values())
        self.await_agreement(4)
        self.assertFalse(self.n1.facts()["table"]["master"])
        _, major = self.master_of_north(self.n1)
        self.n2.stop()
        self.n1.post("user@orphan.example")
        self.assertEqual(self.way_of(self.message_to("user@orphan.example")), ["e1", "s1", "n1"])
        self.n1.configure(*self.group_of("north", ["n1", "n2"], "n1"), *self.north_ways,
                          "connector more {", "    to *.more.example", "    by mx", "}")
        self.n1.stop()
        self.n1.start()
        self.await_master("n1.test", major, [self.n1, self.s1, self.e1])
        _, major = self.master_of_north(self.n1)
        self.n2.start()  # which is still told to be the master
        self.await_agreement(4)
        self.assertEqual(self.master_of_north(self.n2)[0], "n1.test")
        self.reconfigure_all()
        wait_until(lambda: "north/more" not in self.e1.facts()["connector"],
                   "all is as it was", step=0.1)
        self.await_agreement(4)


if __name__ == "__main__":
    unittest.main()
