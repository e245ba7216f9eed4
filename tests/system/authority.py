"""A certificate authority of the tests' own, by openssl(1)."""

import subprocess
from pathlib import Path


def openssl(*words, given=b""):
    """Run openssl(1); its standard output and error together."""
    result = subprocess.run(["openssl", *map(str, words)], input=given, capture_output=True,
                            timeout=30, check=False)
    return (result.stdout + result.stderr).decode("utf-8", "replace")


class Authority:
    """Files in a directory: ca.pem, and a certificate and key for each name that is asked for."""

    def __init__(self, directory, name="Test authority", make=True):
        """make=False: it is there already."""
        self.directory = Path(directory)
        self.certificate = self.directory / "ca.pem"
        self.key = self.directory / "ca.key"
        if make:
            openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-keyout", self.key, "-out", self.certificate, "-subj", f"/CN={name}",
                    "-days", 30)

    def sign(self, request, answer, days=90):
        openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key,
                "-days", days, "-copy_extensions", "copyall", "-out", answer)
        return answer

    def make(self, name, alternatives=None):
        """A certificate and its key; their paths. alternatives: "DNS:a,DNS:b"."""
        key, request = self.directory / f"{name}.key", self.directory / f"{name}.csr"
        extra = ("-addext", f"subjectAltName={alternatives}") if alternatives else ()
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                key, "-out", request, "-subj", f"/CN={name}", *extra)
        return self.sign(request, self.directory / f"{name}.pem"), key
