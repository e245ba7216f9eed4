"""What each verb says to words that can't be right: it does nothing, and tells how it is written.
And to whom or what it does not know."""

import re
import unittest

from cases import ServerTest

NO_ID = "0123456789ABC"
# Verbs that take any number of words behind the first.
OPEN_ENDED = {"alias add", "alias remove", "group add", "group remove", "directory set"}
HASH = "$6$salt$" + "x" * 86  # of no password


def admin_verbs(server):
    """{verb: how it is written} of those that a running server answers."""
    listed = server.cli("help")
    names = re.findall(r"^  (\S+(?: \S+)*?) {2,}", listed, re.M)
    found = {}
    for name in names:
        usage = re.search(rf"mailroot {name}( .*)?$", server.cli("help", *name.split()), re.M)
        found[name] = (usage[1] or "").strip() if usage else ""
    return found


class Refusals(ServerTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        local = {"serve", "config check", "roles", "manual", "help", "ports", "queue import",
                 "setup internet-mail", "config show"}
        cls.verbs = {name: usage for name, usage in admin_verbs(cls.server).items()
                     if name not in local and name.split()[0] not in ("cert", "audit", "report")
                     and name not in ("sieve check", "sieve test")}

    def refused(self, *words, status=1, given="secret\n"):
        """What is said of it."""
        result = self.server.cli_result(*words, given=given)
        self.assertEqual(result.returncode, status, (words, result))
        return result.stderr

    def test_an_option_that_is_none_is_refused_by_each_verb(self):
        self.assertGreater(len(self.verbs), 80)
        for name in self.verbs:
            with self.subTest(verb=name):
                takes_file = name in ("sieve put", "user oof message")
                self.assertRegex(
                    self.refused(*name.split(), "--nonsense", status=2 if takes_file else 1),
                    r"--nonsense|usage: |write the name of one server|has no domain")

    def test_each_verb_refuses_more_words_than_it_has_a_meaning_for(self):
        for name in self.verbs.keys() - OPEN_ENDED:
            with self.subTest(verb=name):
                takes_file = name in ("sieve put", "user oof message")
                self.assertRegex(
                    self.refused(*name.split(), *["alice@example.test"] * 9,
                                 status=2 if takes_file else 1),
                    r"usage: |write the name of one server|is not on, off or show|No such file")

    def test_each_verb_that_needs_words_tells_how_it_is_written(self):
        for name, usage in self.verbs.items():
            if not usage or usage.startswith("["):
                continue
            with self.subTest(verb=name):
                takes_file = name in ("sieve put", "user oof message")
                self.assertRegex(self.refused(*name.split(), status=2 if takes_file else 1),
                                 r"usage: |write the name of one server")

    def test_an_option_without_its_value_is_refused(self):
        for words in ("user add x --hash", "user add x --name", "user passwd alice --hash",
                      "group add g --filter", "resolve alice --from", "resolve alice --login",
                      "resolve alice --size", "queue list --to", "queue list --from",
                      "queue list --hop", "queue list --queue", "queue list --subject",
                      "queue list --older", "queue list --larger", "queue history --to",
                      "queue freeze --hop", "queue thaw --hop", "queue retry --hop",
                      "queue delete --to", f"queue resend {NO_ID} --to", "route alice --from",
                      "route alice --login", "route alice --server", "route alice --size",
                      "route alice --priority", "probe host --connector", "probe host --from",
                      "probe host --rcpt", "spf check 192.0.2.1 far.test --scope",
                      "diagnose outbound a@far.test --from", "diagnose outbound a@far.test --login",
                      "diagnose inbound alice --from", "filter check 192.0.2.1 --from",
                      "filter check 192.0.2.1 --to", "filter check 192.0.2.1 --server",
                      "trace x --since", "mailbox undelete alice --mailbox",
                      "mailbox undelete alice --since", "mailbox purge alice --older",
                      "user oof alice@example.test on --from",
                      "user oof alice@example.test on --until",
                      "user oof alice@example.test on --days",
                      "user oof alice@example.test on --subject",
                      "user oof alice@example.test on --external"):
            with self.subTest(words=words):
                self.assertRegex(self.refused(*words.split()), "--[a-z]+ needs a value")

    def test_a_value_of_an_option_that_can_not_be_is_refused(self):
        for words, why in (
                ("queue list --older soon", "no number with a unit"),
                ("queue list --larger big", "no number with a unit"),
                ("resolve alice --size big", "no number with a unit"),
                ("route alice@example.test --size big", "no number with a unit"),
                ("route alice@example.test --priority urgent", "low, normal or high"),
                ("route alice@example.test --server absent", "no server 'absent'"),
                ("trace alice@example.test --since ever", "no number with a unit"),
                ("mailbox purge alice@example.test --older ever", "no number with a unit"),
                ("mailbox undelete alice@example.test --since ever", "no number with a unit"),
                ("spf check 192.0.2.1 far.test --scope x", "spf, mfrom or pra"),
                ("spf check host far.test", "no address of a host"),
                ("spf check 192.0.2.1 a..b", "no domain"),
                ("spf check 192.0.2.1 a@b@c..d", "a@b@c..d"),
                ("spf check 192.0.2.1 far.test " + "h" * 256, "no host name"),
                ("filter check host", "host"),
                ("filter check 192.0.2.1 --server absent", "no server 'absent'"),
                ("probe host:port", "ends with no port"),
                ("probe host --connector absent", "no connector 'absent'"),
                ("user oof alice@example.test on --from soon", "write a day"),
                ("user oof alice@example.test on --until 2026-13-44", "write a day"),
                ("user oof alice@example.test on --days 0", "from 1 to 90"),
                ("user oof alice@example.test on --days 91", "from 1 to 90"),
                ("user oof alice@example.test on --days x", "from 1 to 90"),
                ("user oof alice@example.test on --external some", "all or none"),
                ("user oof alice@example.test off --days 3", "options go with on"),
                ("user oof alice@example.test --days 3", "options go with on"),
                ("user oof alice@example.test perhaps", "not on, off or show"),
                ("user set alice@example.test color blue", "no setting of a mailbox"),
                ("user set alice@example.test quota", "usage: "),
                ("user quota alice@example.test 1GB messages", "usage: "),
                ("user quota alice@example.test 1GB letters 5", "usage: "),
                ("user quota alice@example.test much", "much|number"),
                ("user quota alice@example.test 1GB messages many", "many|number"),
                ("user passwd alice@example.test --ntlm --hash " + HASH, "not a hash of it"),
                ("user add new@example.test --hash plain", "no known kind"),
                ("user list a..b", "is no domain"),
                ("user list empty.test", "no users"),
                ("user certificate add alice@example.test 12", "SHA-?256|hex"),
                ("search filter a/b ALL", "no name of a filter"),
                ("search filter name", "usage: "),
                ("mailbox share alice@example.test bob@example.test", "usage: "),
                ("mailbox share alice@example.test bob@example.test xyz", "letters of"),
                ("mailbox share alice@example.test no..body lr", "is no user"),
                ("mailbox create alice", "name a mailbox as"),
                ("config show --some", "takes --all and --where"),
                ("queue show 12", "13 letters and digits"),
                ("queue explain 12", "13 letters and digits"),
                ("queue export 12", "13 letters and digits"),
                ("queue resend 12", "13 letters and digits"),
                ("queue freeze 12", "13 letters and digits"),
                ("badmail show 12", "13 letters and digits"),
                ("badmail purge 12", "13 letters and digits"),
                ("badmail requeue 0000000000000", "13 letters and digits"),
                ("directory set alice@example.test color blue", "no attribute"),
                ("group add g@example.test --filter (mail=", "filter|\\("),
                ("login unlock nowhere", "no wrong passwords")):
            with self.subTest(words=words):
                self.assertRegex(self.refused(*words.split()), why)

    def test_an_export_that_is_refused_leaves_no_file_behind(self):
        path = self.server.directory / "mail"
        for form in ("tar.zst", "maildir", "mbox"):
            with self.subTest(form=form):
                self.assertIn("nobody of this address has a mailbox", self.refused(
                    "mailbox", "export", "nobody@example.test", "--format", form, path))
                self.assertFalse(path.exists())
        path.mkdir()
        for form in ("tar.zst", "maildir", "mbox"):
            with self.subTest(form=form):
                self.refused("mailbox", "export", "alice@example.test", "--format", form, path)
                self.assertTrue(path.is_dir(), "what was there stays")
        path.rmdir()

    def test_whom_or_what_nobody_knows_is_told(self):
        for words, why in (
                ("user show nobody@example.test", "no user"),
                ("user remove nobody@example.test", "no user"),
                ("user disable nobody@example.test", "no user"),
                ("user enable nobody@example.test", "no user"),
                ("user passwd nobody@example.test", "no user"),
                ("user unlock nobody@example.test", "no wrong passwords"),
                ("user certificate list alice@example.test", "has no certificates"),
                ("user certificate remove alice@example.test " + "ab" * 32, "no such|not|no cert"),
                ("user certificate add nobody@example.test " + "ab" * 32, "no user"),
                ("user add x@elsewhere.test", "elsewhere.test"),
                ("login networks alice@example.test", "from nowhere yet"),
                ("login list", "no wrong passwords lately"),
                ("login test alice@example.test", "authentication failed"),
                ("alias list", "no aliases"),
                ("alias remove nobody@example.test", "nobody@example.test"),
                ("alias remove a@example.test b..c", "domain|b..c"),
                ("alias add b..c x@y.test", "domain|b..c"),
                ("group list", "no groups"),
                ("group show nobody@example.test", "nobody@example.test"),
                ("group remove nobody@example.test", "nobody@example.test"),
                ("directory set nobody@example.test display-name X", "nobody@example.test"),
                ("directory set nobody@example.test", "nobody@example.test"),
                ("user set nobody@example.test", "nobody@example.test"),
                ("user quota nobody@example.test", "nobody@example.test"),
                ("user oof nobody@example.test", "nobody@example.test"),
                ("user set no..body", "two dots in a row"),
                ("sieve list no..body", "two dots in a row"),
                ("sieve show alice@example.test absent", "no script absent"),
                ("sieve activate alice@example.test absent", "no script absent"),
                ("sieve remove alice@example.test absent", "no script absent"),
                ("mailbox delete nobody@example.test/Work", "no such mailbox"),
                ("mailbox create nobody@example.test/Work", "nobody@example.test"),
                ("mailbox rename alice@example.test/Absent Work", "no such mailbox"),
                ("mailbox copy alice@example.test/Absent bob@example.test/Work", "no mailbox"),
                ("mailbox copy Public/Absent nobody@example.test/Work", "nobody@example.test"),
                ("mailbox share nobody@example.test/Work", "no mailbox"),
                ("mailbox share nobody@example.test/Work bob@example.test lr",
                 "nobody@example.test"),
                ("mailbox share alice@example.test/Absent bob@example.test lr", "no mailbox"),
                ("mailbox undelete nobody@example.test", "nothing like that is kept"),
                ("mailbox undelete nobody@example.test --list", "nothing like that is kept"),
                ("mailbox messages nobody@example.test", "nothing has been delivered"),
                ("mailbox messages no..body", "two dots in a row"),
                ("mailbox quota empty.test", "nobody there has a mailbox"),
                ("search status nobody@example.test", "has no mailboxes"),
                ("search rebuild nobody@example.test", "has no mailboxes"),
                (f"queue show {NO_ID}", "no such message"),
                (f"queue explain {NO_ID}", "no such message"),
                (f"queue export {NO_ID}", "message"),
                (f"queue resend {NO_ID}", "message|kept"),
                (f"queue delete {NO_ID}", "no|sent already"),
                (f"queue freeze {NO_ID}", "nothing matches"),
                (f"queue retry {NO_ID}", "nothing matches"),
                ("queue freeze --to nobody@far.test", "nothing matches"),
                ("queue freeze --to nobody@far.test --yes", "nothing matches"),
                ("queue retry --to nobody@far.test", "nothing matches"),
                ("queue retry --hop absent.test", "nothing matches"),
                ("queue thaw --hop absent.test", "not frozen"),
                ("queue delete --all", "nothing matches"),
                ("queue list --to nobody@far.test", "nothing matches"),
                ("queue history --to nobody@far.test", "nothing matches"),
                (f"trace {NO_ID}", "nothing is known of this id"),
                ("trace nobody@far.test", "names this address"),
                ("trace <x@far.test>", "no id, no Message-ID"),
                ("trace words", "no id, no Message-ID"),
                (f"badmail requeue {NO_ID}", "no such bad mail"),
                (f"badmail show {NO_ID}", "message|no "),
                (f"badmail purge {NO_ID}", "no such bad mail"),
                ("badmail purge --all", "no such bad mail"),
                ("server pause absent", "no server 'absent'"),
                ("server start test", "test|running"),
                ("server continue test", "test|running|paused"),
                ("routing", "in no routing group"),
                ("store rebuild", "while the server is stopped")):
            with self.subTest(words=words):
                self.assertRegex(self.refused(*words.split()), why)


if __name__ == "__main__":
    unittest.main()
