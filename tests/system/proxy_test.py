"""Behind front proxies: who the client is, whom he may reach, and that nobody else may say so."""

import poplib
import smtplib
import socket
import ssl
import struct
import unittest

from cases import ServerTest
from front_proxies import HAProxy, NginxMail
from harness import WAIT_SECONDS, RawClient, client_tls, free_port, text_message

V2 = b"\r\n\r\n\0\r\nQUIT\n"


class FrontProxies(ServerTest):
    """Server "behind" takes connections from proxies alone; 127.0.0.2 may relay, 127.0.0.3 is
    refused."""

    @classmethod
    def before_server(cls):
        cls.ports = {name: free_port() for name in ("smtp", "smtps", "pop3", "xclient")}
        cls.settings = {"lines": [
            "server behind {", f"    listen 127.0.0.1:{cls.ports['smtp']} smtp",
            f"    listen 127.0.0.1:{cls.ports['smtps']} smtps",
            f"    listen 127.0.0.1:{cls.ports['pop3']} pop3", "    proxy 127.0.0.1",
            "    relay only 127.0.0.2", "    refuse 127.0.0.3", "    login cleartext", "}",
            "server named {", f"    listen 127.0.0.1:{cls.ports['xclient']} smtp",
            "    xclient 127.0.0.1", "    relay logged-in 127.0.0.2", "    refuse 127.0.0.3",
            "    limit connections-per-address 2", "}"]}

    def haproxy(self):
        if why := HAProxy.missing():
            self.skipTest(why)
        proxy = HAProxy({"v1": (self.ports["smtp"], "send-proxy"),
                         "v2": (self.ports["smtp"], "send-proxy-v2"),
                         "pop3": (self.ports["pop3"], "send-proxy-v2")})
        self.addCleanup(proxy.close)
        return proxy.start()

    def nginx(self):
        if why := NginxMail.missing():
            self.skipTest(why)
        proxy = NginxMail(self.ports["xclient"])
        self.addCleanup(proxy.close)
        return proxy.start()

    def client(self, port, address, greeting=220):
        client = smtplib.SMTP(local_hostname="client.test", timeout=WAIT_SECONDS,
                              source_address=(address, 0))
        self.addCleanup(client.close)
        self.assertEqual(client.connect("127.0.0.1", port)[0], greeting)
        return client

    def rcpt(self, client, recipient):
        client.ehlo()
        client.mail("outside@elsewhere.test")
        return client.rcpt(recipient)[0]

    # shows: S47
    def test_through_haproxy_each_client_is_himself(self):
        proxy = self.haproxy()
        for version in ("v1", "v2"):
            with self.subTest(version=version):
                trusted = self.client(proxy.ports[version], "127.0.0.2")
                self.assertEqual(self.rcpt(trusted, "x@elsewhere.test"), 250)
                stranger = self.client(proxy.ports[version], "127.0.0.4")
                self.assertEqual(self.rcpt(stranger, "x@elsewhere.test"), 550)
                self.client(proxy.ports[version], "127.0.0.3", greeting=554)

    def test_the_received_field_and_the_story_name_the_client_of_haproxy(self):
        proxy = self.haproxy()
        client = self.client(proxy.ports["v2"], "127.0.0.4")
        client.sendmail("outside@elsewhere.test", ["alice@example.test"], text_message("proxied"))
        message = self.server.fetch_when("alice", 1)[-1]
        self.assertIn(b"from client.test ([127.0.0.4])", message)
        accepted = self.server.wait_log(r'event=smtp.accepted id=(\S+) .* peer="127.0.0.4:')
        self.server.story(accepted[1].decode(), "peer=127.0.0.4:")
        self.empty_mailbox("alice")

    def test_a_mailbox_is_read_through_haproxy(self):
        client = poplib.POP3("127.0.0.1", self.haproxy().ports["pop3"], timeout=WAIT_SECONDS)
        client.user("bob@example.test")
        client.pass_(self.server.passwords["bob"])
        self.assertEqual(client.stat(), (0, 0))
        client.quit()

    def test_a_proxy_that_does_not_say_for_whom_it_speaks_is_dropped_and_logged(self):
        for first in (b"EHLO client.test\r\n", b"PROXY TCP4 1.2.3.4\r\n", V2 + b"\x21\x11\xff\xff",
                      b"PROXY TCP4 127.0.0.2 127.0.0.1 1 25" + b" " * 200, b"\0" * 20):
            with RawClient(self.ports["smtp"]) as client, self.subTest(first=first):
                client.send(first)
                self.assertTrue(client.closed())
        self.server.wait_log('event=proxy.dropped proxy="127.0.0.1:')

    def test_a_header_that_comes_byte_by_byte_is_read(self):
        header = V2 + struct.pack("!BBH4s4sHH", 0x21, 0x11, 12, socket.inet_aton("127.0.0.2"),
                                  socket.inet_aton("127.0.0.1"), 4711, 25)
        with RawClient(self.ports["smtp"]) as client:
            client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in header + b"EHLO client.test\r\n":
                client.send(bytes([byte]))
            self.assertRegex(client.reply(), "^220")
            self.assertIn("Hello [127.0.0.2]", client.reply())

    def test_a_tls_handshake_that_comes_with_the_header_is_not_lost(self):
        for header in (b"PROXY TCP4 127.0.0.2 127.0.0.1 4711 465\r\n", b"PROXY UNKNOWN\r\n",
                       V2 + b"\x20\0\0\0"):
            with RawClient(self.ports["smtps"]) as client, self.subTest(header=header):
                heard, said = ssl.MemoryBIO(), ssl.MemoryBIO()
                tls = client_tls().wrap_bio(heard, said)
                with self.assertRaises(ssl.SSLWantReadError):
                    tls.do_handshake()
                client.send(header + said.read())
                while True:
                    try:
                        self.assertRegex(tls.read(100), b"^220")
                        break
                    except ssl.SSLWantReadError:
                        client.send(said.read())
                        heard.write(client.socket.recv(65536))

    def test_nobody_else_may_name_another_client(self):
        port = self.server.ports["smtp"]
        for words in ("PROXY TCP4 127.0.0.2 127.0.0.1 4711 25", "XCLIENT ADDR=127.0.0.2"):
            with RawClient(port) as client, self.subTest(words=words):
                client.greet()
                self.assertRegex(client.ask(words), "^500")

    def test_through_nginx_each_client_is_himself(self):
        proxy = self.nginx()
        trusted = self.client(proxy.ports["smtp"], "127.0.0.2")
        self.assertEqual(self.rcpt(trusted, "x@elsewhere.test"), 250)
        stranger = self.client(proxy.ports["smtp"], "127.0.0.4")
        self.assertEqual(self.rcpt(stranger, "x@elsewhere.test"), 550)
        stranger.docmd("RSET")
        self.assertEqual(self.rcpt(stranger, "alice@example.test"), 250)

    def test_who_logged_in_at_nginx_may_relay(self):
        client = self.client(self.nginx().ports["submission"], "127.0.0.4")
        client.ehlo()
        client.login("alice@example.test", "whatever nginx takes")
        self.assertEqual(self.rcpt(client, "x@elsewhere.test"), 250)

    def test_clients_of_a_proxy_are_counted_each_by_his_own_address(self):
        clients = []
        for number in range(6):
            client = RawClient(self.ports["xclient"])
            self.addCleanup(client.close)
            client.greet()
            clients.append(client.ask(f"XCLIENT ADDR=192.0.2.{number // 3}")[:3])
        self.assertEqual(clients, ["220", "220", "421"] * 2)


if __name__ == "__main__":
    unittest.main()
