"""Enable protocol logging

What clients say, and what we say to other hosts, as lines of a file (General tab, Enable logging, and
its Properties). The formats are those of IIS; W3C has the fields that are asked for.

    server internet {
        log w3c daily
        log keep 30d directory /var/log/mailroot
        log fields date time c-ip cs-username cs-method cs-uri-query sc-status sc-bytes cs-bytes
    }

or, for all servers that do not say otherwise:

    log session w3c weekly keep 30d

The files of server internet are /var/log/mailroot/SMTPSVCinternet/exYYMMDD.log. To follow them:
`tail -F /var/log/mailroot/SMTPSVCinternet/ex*.log`.
"""

from harness import text_message, wait_until
from howto import HowTo


class ProtocolLogs(HowTo):
    def lines(self, directory, pattern="ex*.log"):
        return [line for path in sorted(directory.glob(f"SMTPSVCinternet/{pattern}"))
                for line in path.read_text().splitlines()]

    def await_line(self, directory, piece, pattern="ex*.log"):
        return wait_until(lambda: next((line for line in self.lines(directory, pattern)
                                        if piece in line), None), f"a line with {piece}")

    # shows: S05 L01 L18
    def test_log_a_server_and_choose_fields(self):
        directory = self.site.directory / "data" / "log"
        self.site.add("server internet", "log w3c daily keep 30d",
                      "log fields date time c-ip cs-method cs-uri-query sc-status")
        self.site.take_up()
        self.site.send(text_message("logged"), "alice@example.test")
        line = self.await_line(directory, "RCPT")
        self.assertRegex(line, r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d 127\.0\.0\.1 RCPT "
                               r"\+TO:<alice@example\.test> 250$")
        self.assertIn("#Fields: date time c-ip cs-method cs-uri-query sc-status",
                      self.lines(directory))
        self.assertRegex(self.mailroot("config", "show"), r"log w3c daily keep 30d")

    # shows: L03
    def test_one_line_for_all_servers_and_another_format(self):
        directory = self.site.directory / "data" / "log"
        self.site.write("log session w3c weekly keep 30d")
        self.site.take_up()
        self.site.send(text_message("first"), "alice@example.test")
        self.await_line(directory, " RCPT - 250")
        self.site.change("log session w3c weekly", "log session ncsa hourly")
        self.site.take_up()
        self.site.send(text_message("second"), "alice@example.test")
        self.await_line(directory, '"RCPT TO -?+TO:<alice@example.test> SMTP" 250', "nc????????.log")

    def test_switch_it_off_again(self):
        directory = self.site.directory / "data" / "log"
        self.site.add("server internet", "log w3c")
        self.site.take_up()
        self.site.send(text_message("seen"), "alice@example.test")
        self.await_line(directory, "QUIT")
        before = self.lines(directory)
        self.site.change("log w3c", "log off")
        self.site.take_up()
        self.site.send(text_message("unseen"), "alice@example.test")
        self.site.stop()  # whatever there is to write is written
        self.assertEqual(self.lines(directory), before)
