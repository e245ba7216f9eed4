"""Configure TLS encryption

Get a certificate, then require it: the secure channel, strong encryption, and TLS for passwords.

    mailroot cert request                     # send the .csr to your authority
    mailroot cert import answer.pem           # what it sent back

    server internet {
        tls require strength 256              # secure channel, no weak ciphers
        login tls                             # passwords under TLS alone
    }
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

from howto import HowTo
from harness import text_message, wait_until
from authority import Authority


class TlsEncryption(HowTo):
    def weak_handshake(self):
        """What openssl makes of a TLS 1.2 cipher of 128 bits."""
        return subprocess.run(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{self.site.ports['smtp']}", "-starttls",
             "smtp", "-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"], input=b"",
            capture_output=True, check=False, timeout=30)

    def issuer(self):
        """Who signed what the server shows."""
        shown = subprocess.run(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{self.site.ports['smtp']}", "-starttls",
             "smtp"], input=b"", capture_output=True, check=False, timeout=30).stdout
        return shown.decode(errors="replace")

    # shows: S41 S11 S12 S13
    def test_configure_tls_encryption(self):
        folder = Path(tempfile.mkdtemp(prefix="mailroot-howto-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        authority = Authority(folder, "How-to authority")
        self.assertEqual(self.weak_handshake().returncode, 0, "weak ciphers are taken at first")

        # The certificate: request, have it signed, import; the running server takes it up itself.
        self.mailroot("cert", "request", "--out", folder / "request.csr")
        authority.sign(folder / "request.csr", folder / "answer.pem")
        self.mailroot("cert", "import", folder / "answer.pem")
        wait_until(lambda: "How-to authority" in self.issuer(), "the new certificate is served")

        # Require the channel and 256 bits; passwords need TLS already.
        self.site.add("server internet", "tls require strength 256", "login tls")
        self.site.take_up()

        # Read back: no mail in the clear, no weak cipher, and mail under TLS.
        with self.site.smtp() as client:
            self.assertEqual(client.mail("stranger@elsewhere.example")[0], 530)
        self.assertNotEqual(self.weak_handshake().returncode, 0)
        self.site.send(text_message("sealed"), "bob@example.test", service="submission",
                       login="alice", sender="alice@example.test")
        self.assertIn(b"with ESMTPSA", self.site.fetch_when("bob", 1)[0])
        self.assertRegex(self.mailroot("audit", "security", expect=None),
                         "ciphers of 256 bits at least")
