"""An issuer of bearer tokens for tests: signs them with openssl(1), and writes its key set."""

import base64
import json
import subprocess
import tempfile
import time
from pathlib import Path


def base64url(data):
    """RFC 7515: without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def openssl(*words):
    """Run openssl(1); its standard output as bytes."""
    return subprocess.run(["openssl", *map(str, words)], capture_output=True, timeout=30,
                          check=True).stdout


class Issuer:
    """One RSA and one Ed25519 key."""

    def __init__(self, name="https://id.example.test", audience="mail"):
        self.name, self.audience = name, audience
        self.directory = Path(tempfile.mkdtemp(prefix="mailroot-issuer-"))
        self.directory.chmod(0o755)
        self.rsa, self.ed25519 = self.directory / "rsa.pem", self.directory / "ed25519.pem"
        openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out",
                self.rsa)
        openssl("genpkey", "-algorithm", "ed25519", "-out", self.ed25519)
        self.key_set = self.directory / "jwks.json"
        self.key_set.write_text(json.dumps({"keys": [self._rsa_key(), self._ed25519_key()]}))

    def _rsa_key(self):
        modulus = openssl("rsa", "-in", self.rsa, "-noout", "-modulus").decode().split("=")[1]
        return {"kty": "RSA", "kid": "rsa", "use": "sig", "alg": "RS256", "e": "AQAB",
                "n": base64url(bytes.fromhex(modulus.strip()))}

    def _ed25519_key(self):
        public = openssl("pkey", "-in", self.ed25519, "-pubout", "-outform", "DER")[-32:]
        return {"kty": "OKP", "crv": "Ed25519", "kid": "ed25519", "x": base64url(public)}

    def token(self, address, algorithm="RS256", **claims):
        """A token for the user of this address; claims replace those it would have."""
        key = {"RS256": "rsa", "EdDSA": "ed25519"}[algorithm]
        header = {"alg": algorithm, "kid": key, "typ": "JWT"}
        payload = {"iss": self.name, "aud": self.audience, "exp": int(time.time()) + 600,
                   "email": address, **claims}
        message = ".".join(base64url(json.dumps(part).encode()) for part in (header, payload))
        plain = self.directory / "message"
        plain.write_text(message)
        if algorithm == "RS256":
            signature = openssl("dgst", "-sha256", "-sign", self.rsa, plain)
        else:
            signature = openssl("pkeyutl", "-sign", "-inkey", self.ed25519, "-rawin", "-in", plain)
        return f"{message}.{base64url(signature)}"
