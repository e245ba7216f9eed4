"""The base of system tests: one server per class of tests, ended and checked with the class."""

import unittest

from harness import Mailroot


class ServerTest(unittest.TestCase):
    """`settings` are arguments of Mailroot; `cls.server` runs while the tests of the class do."""

    settings = {}

    @classmethod
    def setUpClass(cls):
        cls.before_server()
        cls.server = Mailroot(**cls.settings)
        cls.addClassCleanup(cls.server.close)
        cls.server.start()

    @classmethod
    def before_server(cls):
        """For classes whose settings name ports of peers started here."""

    def empty_mailbox(self, user):
        client = self.server.pop(user)
        for number in range(client.stat()[0]):
            client.dele(number + 1)
        client.quit()

    def expect_refused(self, call, *arguments, **options):
        """The call must end in a permanent refusal; returns the code."""
        import smtplib
        with self.assertRaises(smtplib.SMTPException) as caught:
            call(*arguments, **options)
        error = caught.exception
        code = getattr(error, "smtp_code", None)
        if code is None and hasattr(error, "recipients"):
            code = next(iter(error.recipients.values()))[0]
        if code is not None:
            self.assertGreaterEqual(code, 500, error)
        return code
