"""Hand in mail as files

The folders of a server: a file in Pickup is sent, what cannot be sent is in BadMail with the reason,
and the mail of a domain may be written into Drop:

    server internet {
        folders mail
    }
    domain drop.example {
        drop
    }
"""

from harness import text_message, wait_until
from howto import HowTo


class Folders(HowTo):
    # shows: T12
    def test_hand_in_mail_as_files(self):
        pickup = self.site.directory / "data" / "pickup"
        file = self.site.directory / "letter"
        file.write_bytes(b"Bcc: bob@example.test\r\n" + text_message(
            "a file", sender="alice@example.test", to="alice@example.test"))
        file.chmod(0o644)
        file.rename(pickup / "letter.eml")
        for user in ("alice", "bob"):
            message = self.site.fetch_when(user, 1)[0]
            self.assertNotIn(b"Bcc:", message)
        wait_until(lambda: not list(pickup.glob("letter*")), "the file is gone")

    # shows: S53
    def test_what_cannot_be_sent_is_kept_with_the_reason(self):
        pickup = self.site.directory / "data" / "pickup"
        badmail = self.site.directory / "data" / "badmail"
        file = self.site.directory / "letter"
        file.write_bytes(b"Subject: to nobody\r\n\r\nHello.\r\n")
        file.chmod(0o644)
        file.rename(pickup / "letter.eml")
        wait_until(lambda: list(badmail.glob("*.BDR")), "the reason is written")
