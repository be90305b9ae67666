"""The openssl command line, which plays the other side so that no codec of ours checks itself."""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization


def run(*arguments: str | Path, stdin: bytes = b"") -> bytes:
    """Run openssl; its complaint is the message of the failure."""
    done = subprocess.run(
        ["openssl", *map(str, arguments)], input=stdin, capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@cache
def folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="zmdm-openssl-"))


@dataclass(frozen=True)
class Identity:
    """A certificate and its key, in files for openssl and as values for us."""

    certificate: Path
    key: Path

    @property
    def der(self) -> bytes:
        loaded = x509.load_pem_x509_certificate(self.certificate.read_bytes())
        return loaded.public_bytes(serialization.Encoding.DER)

    @property
    def private(self):
        return serialization.load_pem_private_key(self.key.read_bytes(), None)


@cache
def identity(name: str = "device", kind: str = "rsa:2048") -> Identity:
    """A self-signed identity; kinds are rsa:BITS and ec:CURVE."""
    certificate, key = (
        folder() / f"{name}-{kind.replace(':', '-')}.{end}" for end in ("pem", "key")
    )
    family, _, size = kind.partition(":")
    if family == "rsa":
        run("genrsa", "-traditional", "-out", key, size)
    else:
        run("ecparam", "-name", size, "-genkey", "-noout", "-out", key)
    subject = f"/O=Example/CN={name}/UID=com.apple.mgmt.External.{name}"
    run("req", "-x509", "-key", key, "-days", "30", "-subj", subject, "-out", certificate)
    return Identity(certificate, key)


def sign(content: bytes, signer: Identity, *options: str) -> bytes:
    """`openssl cms -sign`, DER out, detached unless told otherwise."""
    return run(
        "cms", "-sign", "-binary", "-outform", "DER",
        "-signer", signer.certificate, "-inkey", signer.key, *options, stdin=content,
    )  # fmt: skip


def file(name: str, content: bytes) -> Path:
    """A file of the test's own for what openssl cannot take from its standard input."""
    path = folder() / name
    path.write_bytes(content)
    return path


def certificate_request(key: Path, *options: str, challenge: str | None = None) -> bytes:
    """A DER request of CN=wish, with a challenge password if one is given."""
    prompt = "[req]\ndistinguished_name=dn\nattributes=a\nprompt=no\n[dn]\nCN=wish\n[a]\n"
    if challenge is not None:
        prompt += f"challengePassword={challenge}\n"
    config = file("request.cnf", prompt.encode())
    return run("req", "-new", "-key", key, "-config", config, "-outform", "DER", *options)
