"""flask mdmcerts -d DIR …: vendor and push certificates as files, without any database."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from zmdm_plugin.cli.groups import Topic
from zmdm_plugin.cli.output import say
from zmdm_plugin.errors import Refused
from zmdm_plugin.protocol import push_request
from zmdm_plugin.protocol.issuance import new_rsa_key
from zmdm_plugin.services import vendor_certificates
from zmdm_plugin.state import state

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_SHORTEST, _LONGEST = 4, 1023  # bytes of a password: what the openssl command line takes


@click.group("mdmcerts", cls=Topic)
@click.option(
    "-d",
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="The working directory.",
)
@click.pass_context
def mdmcerts(context: click.Context, directory: Path) -> None:
    """Make the certificates that Apple wants from an MDM vendor, and requests signed with them."""
    context.obj = directory


@mdmcerts.command("init")
@click.option("--password-file", type=_FILE, help="File with the password of the new key.")
@click.pass_obj
def init(directory: Path, password_file: Path | None) -> None:
    """Make vendor.key and vendor.csr, for a certificate "MDM CSR" of Apple's developer portal."""
    files = _free(directory, "vendor.key", "vendor.csr")
    password = _new_password("vendor private key", password_file)
    key = new_rsa_key()
    csr = push_request.make_csr(key, [("CN", "MDM vendor")])
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write(files[0], _sealed(key, password))
    _write(files[1], push_request.csr_pem(csr).encode())
    _made(files, "Store the certificate that Apple makes of vendor.csr as vendor.crt.")


@mdmcerts.command("req")
@click.argument("country_code", metavar="COUNTRYCODE")
@click.option("--password-file", type=_FILE, help="File with the password of the new push key.")
@click.option("--vendor-password-file", type=_FILE, help="File with the vendor key's password.")
@click.option("--chain", type=_FILE, help="PEM: Apple's intermediate and root certificates.")
@click.pass_obj
def req(
    directory: Path,
    country_code: str,
    *,
    password_file: Path | None,
    vendor_password_file: Path | None,
    chain: Path | None,
) -> None:
    """Make push.key and push.csr, and push.b64 signed with vendor.crt and vendor.key."""
    country = country_code.upper()
    if len(country) != 2 or not (country.isascii() and country.isalpha()):
        raise click.BadParameter("two letters like DE or US", param_hint="COUNTRYCODE")
    files = _free(directory, "push.key", "push.csr", "push.b64")
    _needed(directory)
    password = _new_password("push private key", password_file)
    vendor = _vendor(directory, vendor_password_file, chain)
    key = new_rsa_key()
    csr = push_request.make_csr(key, [("C", country), ("CN", "MDM push")])
    _write(files[0], _sealed(key, password))
    _write(files[1], push_request.csr_pem(csr).encode())
    _write(files[2], vendor_certificates.sign(csr, vendor))
    _made(files, "Upload push.b64 at https://identity.apple.com/pushcert (Renew an existing one).")


@mdmcerts.command("sign_req")
@click.argument("csr", type=_FILE)
@click.option("--vendor-password-file", type=_FILE, help="File with the vendor key's password.")
@click.option("--chain", type=_FILE, help="PEM: Apple's intermediate and root certificates.")
@click.pass_obj
def sign_req(
    directory: Path, csr: Path, *, vendor_password_file: Path | None, chain: Path | None
) -> None:
    """Sign a certificate request (PEM or DER): its name with .b64, in the working directory."""
    (target,) = _free(directory, f"{csr.stem}.b64")
    _needed(directory)
    request = push_request.read_csr(csr.read_bytes())
    vendor = _vendor(directory, vendor_password_file, chain)
    _write(target, vendor_certificates.sign(request, vendor))
    _made([target], f"Upload {target.name} at https://identity.apple.com/pushcert.")


def _vendor(
    directory: Path, password_file: Path | None, chain: Path | None
) -> vendor_certificates.Vendor:
    """The vendor certificate of the working directory, checked before anything is written."""
    certificate, key = (directory / name for name in ("vendor.crt", "vendor.key"))
    password = None
    if password_file is not None:
        password = _from_file(password_file)
    elif b"ENCRYPTED" in key.read_bytes():
        password = click.prompt(
            "Password of the vendor private key", hide_input=True, err=True
        ).encode()
    known = chain.read_bytes() if chain else state().settings.vendor_chain.encode()
    try:
        return vendor_certificates.load(
            certificate.read_bytes(), key.read_bytes(), chain=known, password=password
        )
    except Refused as error:
        hint = ""
        if error.field == "vendor_chain":
            hint = " (give Apple's certificates with --chain or ZMDM_VENDOR_CHAIN)"
        raise click.ClickException(f"{error.field}: {error.why}{hint}") from error


def _made(files: Sequence[Path], next_step: str) -> None:
    say({"files": [str(file) for file in files], "next": next_step}, next_step)


def _needed(directory: Path) -> None:
    for name in ("vendor.crt", "vendor.key"):
        if not (directory / name).is_file():
            raise click.ClickException(f"{directory / name} is missing; see mdmcerts init")


def _free(directory: Path, *names: str) -> list[Path]:
    """The paths of new files, none of which exists yet: an overwritten key is gone for ever."""
    paths = [directory / name for name in names]
    for path in paths:
        if path.exists() or path.is_symlink():
            raise click.ClickException(f"{path} exists; move it away or take another directory")
    return paths


def _new_password(what: str, file: Path | None) -> bytes:
    if file is not None:
        return _from_file(file)
    text: str = click.prompt(
        f"Password for the {what}", hide_input=True, confirmation_prompt=True, err=True
    )
    return _fair(text.encode())


def _from_file(file: Path) -> bytes:
    return _fair(file.read_bytes().rstrip(b"\r\n"))


def _fair(password: bytes) -> bytes:
    if not _SHORTEST <= len(password) <= _LONGEST:
        raise click.ClickException(f"a password has {_SHORTEST} to {_LONGEST} bytes")
    return password


def _sealed(key: rsa.RSAPrivateKey, password: bytes) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(password),
    )


def _write(path: Path, content: bytes) -> None:
    """A new file that only its owner reads; never one that somebody made meanwhile."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
