"""Thunderbird without a screen, driven by Mozilla's remote control. What it does with its accounts
is in tests/thunderbird/driver.sys.mjs, which runs inside of it."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
from pathlib import Path

from harness import ROOT, STOP_SECONDS, WAIT_SECONDS, free_port, wait_until

PROGRAM = Path("/usr/lib/thunderbird/thunderbird-bin")
DRIVER = ROOT / "tests" / "thunderbird"
NOWHERE = 9  # a port of this machine where nothing listens
# Mail is all that it uses the network for, and nobody is asked or greeted.
PREFERENCES = {
    "network.proxy.type": 1, "network.proxy.http": "127.0.0.1", "network.proxy.http_port": NOWHERE,
    "network.proxy.ssl": "127.0.0.1", "network.proxy.ssl_port": NOWHERE,
    "network.dns.disableIPv6": True, "app.update.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False, "toolkit.telemetry.enabled": False,
    "mail.provider.suppress_dialog_on_startup": True, "mail.spotlight.firstRunDone": True,
    "mail.rights.version": 1, "mailnews.start_page.enabled": False, "mail.biff.show_alert": False,
    "mail.biff.play_sound": False, "mail.chat.enabled": False,
}


class Marionette:
    """The remote control: JSON behind its length, and one answer for each request."""

    def __init__(self, port, process):
        self.socket = wait_until(lambda: self._connect(port, process), "Thunderbird listens")
        self.socket.settimeout(2 * WAIT_SECONDS)
        self.file = self.socket.makefile("rb")
        self.number = 0
        self._read()  # what it is
        self.ask("WebDriver:NewSession", capabilities={})
        self.ask("WebDriver:SetTimeouts", script=WAIT_SECONDS * 1000)
        self.ask("Marionette:SetContext", value="chrome")

    @staticmethod
    def _connect(port, process):
        if process.poll() is not None:
            raise AssertionError(f"Thunderbird ended with {process.returncode}")
        with contextlib.suppress(ConnectionRefusedError):
            return socket.create_connection(("127.0.0.1", port))
        return None

    def _read(self):
        length = b""
        while not length.endswith(b":"):
            byte = self.file.read(1)
            if not byte:
                raise AssertionError("Thunderbird is gone")
            length += byte
        return json.loads(self.file.read(int(length[:-1])))

    def ask(self, name, **parameters):
        self.number += 1
        request = json.dumps([0, self.number, name, parameters]).encode()
        self.socket.sendall(b"%d:%s" % (len(request), request))
        _, _, error, result = self._read()
        if error:
            raise AssertionError(f"{error['error']}: {error['message']}\n{error['stacktrace']}")
        return result

    def run(self, script, *arguments):
        """The value of the script; where that is a promise, what comes of it."""
        return self.ask("WebDriver:ExecuteScript", script=script, args=arguments,
                        sandbox="system", newSandbox=False)["value"]

    def close(self):
        self.file.close()
        self.socket.close()


class Thunderbird:
    """One with a profile of its own in the directory. hosts: names that are this machine."""

    def __init__(self, directory, hosts):
        self.directory = Path(directory)
        self.profile = self.directory / "profile"
        self.profile.mkdir(parents=True)
        self.hosts = hosts
        self.process = self.marionette = None

    @staticmethod
    def missing():
        """Why it cannot run here, or "" when it can."""
        return "" if PROGRAM.is_file() else "thunderbird is missing: tools/install-dependencies test"

    def start(self):
        port = free_port()
        preferences = {**PREFERENCES, "marionette.port": port,
                       "network.dns.localDomains": ",".join(self.hosts)}
        (self.profile / "user.js").write_text("".join(
            f"user_pref({json.dumps(name)}, {json.dumps(value)});\n"
            for name, value in preferences.items()))
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(self.directory), "LC_ALL": "C.UTF-8",
            "TZ": "UTC", "MOZ_LOG": "sync,IMAP:4", "MOZ_CRASHREPORTER_DISABLE": "1",
            "MOZ_LOG_FILE": str(self.directory / "protocol")}
        with open(self.directory / "output", "ab") as output:
            self.process = subprocess.Popen(
                [PROGRAM, "--headless", "--no-remote", "--marionette",
                 "--remote-allow-system-access", "--profile", self.profile],
                env=environment, stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True)
        self.marionette = Marionette(port, self.process)
        self.marionette.run("""
            Services.io.getProtocolHandler("resource").QueryInterface(Ci.nsIResProtocolHandler)
                .setSubstitution("driver", Services.io.newURI(arguments[0]));
            globalThis.driver =
                ChromeUtils.importESModule("resource://driver/driver.sys.mjs").driver;
            """, DRIVER.as_uri() + "/")
        return self

    def do(self, name, *arguments):
        """A function of the driver."""
        return self.marionette.run("return driver[arguments[0]](...arguments[1]);", name, arguments)

    def agree(self, question):
        """To what it asks in a window of its own."""
        def asked():
            with contextlib.suppress(AssertionError):
                return self.marionette.ask("WebDriver:GetAlertText")["value"]
            return None
        text = wait_until(asked, f"it asks: {question}")
        if question not in text:
            raise AssertionError(text)
        self.marionette.ask("WebDriver:AcceptAlert")

    def sent(self):
        """The IMAP commands that it sent: [(mailbox that was open, command)]."""
        text = (self.directory / "protocol.moz_log").read_text("utf-8", "replace")
        return re.findall(r":(?:S-)?([^:]*):SendData: \d+ (.*)", text)

    def account(self):
        """For who reads of a failed test: the end of its protocol."""
        text = (self.directory / "protocol.moz_log").read_text("utf-8", "replace")
        lines = [line.partition("/IMAP ")[2] for line in text.splitlines()
                 if "SendData" in line or "CreateNewLine" in line]
        return "\n".join(["--- Thunderbird's IMAP:", *(line[:200] for line in lines[-50:])])

    def close(self):
        if self.process is None:
            return
        with contextlib.suppress(AssertionError, OSError):
            self.marionette.ask("Marionette:Quit", flags=["eForceQuit"])
        try:
            self.process.wait(STOP_SECONDS)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            if self.marionette:
                self.marionette.close()
            self.process = None
