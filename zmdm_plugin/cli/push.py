"""flask zmdm push-certificate …: what Apple lets us wake devices with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa

from zmdm_plugin import db
from zmdm_plugin.blueprints.api.schemas.push_certificates import PushCertificateSchema
from zmdm_plugin.cli.groups import Topic, zmdm
from zmdm_plugin.cli.operators import operator
from zmdm_plugin.cli.output import ask, asks, card, say
from zmdm_plugin.errors import Conflict, Refused
from zmdm_plugin.models import PushCertificate
from zmdm_plugin.protocol import push_request
from zmdm_plugin.services import access, audit, push_certificates

push_certificate = Topic("push-certificate", help="APNs push certificates.")
zmdm.add_command(push_certificate)

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
UNSIGNED_NAME, SIGNED_NAME = "push_certificate.csr", "push_certificate_signed_csr.b64"
_NEW_FILE = click.Path(dir_okay=False, path_type=Path)


@push_certificate.command("create")
@click.argument("name")
def create(name: str) -> None:
    """Make a key for a certificate to be; `csr` gives what Apple wants."""
    access.demand(operator(), access.ADD_PUSH_CERTIFICATES)
    with db.transaction():
        made = _plain(push_certificates.create(name, actor=operator()))
    say(made, f"{name}: fetch its request with `flask zmdm push-certificate csr`")


@push_certificate.command("csr")
@click.argument("name")
@click.option("--signed", is_flag=True, help="Signed with the vendor certificate of the settings.")
@click.option("-o", "--output", type=_NEW_FILE, help="A new file; else named after what it is.")
def csr(name: str, *, signed: bool, output: Path | None) -> None:
    """Write the certificate request: PEM, or what Apple's portal takes with --signed."""
    access.demand(operator(), access.VIEW_PUSH_CERTIFICATES)
    path = output or Path(SIGNED_NAME if signed else UNSIGNED_NAME)
    if path.exists():
        raise Refused("output", f"{path} is there already")
    with db.transaction():
        row = push_certificates.by_name(name)
        if signed:
            body = push_certificates.signed_csr(row, actor=operator())
        else:
            body = push_request.csr_pem(push_certificates.csr(row)).encode()
    path.write_bytes(body)
    say({"name": name, "output": str(path)}, f"wrote {path}")


@push_certificate.command("upload")
@click.argument("name")
@click.option("--certificate", type=_FILE, required=True, help="PEM or DER.")
@click.option("--key", type=_FILE, help="PEM or DER; unless it is the one that is kept here.")
@click.option("--password-file", type=_FILE, help="File with the key's password.")
def upload(name: str, *, certificate: Path, key: Path | None, password_file: Path | None) -> None:
    """Take in the first certificate; `renew` does it with a later one."""
    _upload(name, certificate, key, password_file=password_file, renewal=False)


@push_certificate.command("renew")
@click.argument("name")
@click.option("--certificate", type=_FILE, required=True, help="PEM or DER.")
@click.option("--key", type=_FILE, help="PEM or DER; unless it is the one that is kept here.")
@click.option("--password-file", type=_FILE, help="File with the key's password.")
def renew(name: str, *, certificate: Path, key: Path | None, password_file: Path | None) -> None:
    """Take in a renewed certificate, under the topic that enrolled devices know."""
    _upload(name, certificate, key, password_file=password_file, renewal=True)


@push_certificate.command("import")
@click.argument("name")
@click.option("--certificate", type=_FILE, required=True, help="PEM or DER.")
@click.option("--key", type=_FILE, required=True, help="PEM or DER.")
@click.option("--password-file", type=_FILE, help="File with the key's password.")
def take(name: str, *, certificate: Path, key: Path, password_file: Path | None) -> None:
    """Add a push certificate with its key, or renew the one of this name."""
    access.demand(operator(), access.ADD_PUSH_CERTIFICATES)
    access.demand(operator(), access.CHANGE_PUSH_CERTIFICATES)
    with db.transaction():
        row = push_certificates.take(
            name, certificate.read_bytes(), key.read_bytes(), password=_password(password_file)
        )
        audit.record(operator(), "push_certificate.import", row, after=audit.snapshot(row))
        taken, until = _plain(row), f"{row.topic}, valid until {row.not_after:%Y-%m-%d}"
    say(taken, until)


@push_certificate.command("delete")
@click.argument("name")
@asks
def delete(name: str, *, yes: bool) -> None:
    """Delete one that no enrollment and no device uses."""
    access.demand(operator(), access.DELETE_PUSH_CERTIFICATES)
    ask("Delete this push certificate with its key, for ever?", yes=yes)
    with db.transaction():
        push_certificates.delete(push_certificates.by_name(name), actor=operator())
    say({"name": name}, f"{name} is deleted")


@push_certificate.command("list")
def listing() -> None:
    """Every push certificate with its topic, its end, and why nothing is pushed with it."""
    access.demand(operator(), access.VIEW_PUSH_CERTIFICATES)
    rows = db.session().scalars(sa.select(PushCertificate).order_by(PushCertificate.id)).all()
    lines = [f"{row.name} {row.topic or '-'} {push_certificates.condition(row)}" for row in rows]
    say([_plain(row) for row in rows], lines)


@push_certificate.command("show")
@click.argument("name")
def show(name: str) -> None:
    """Show a push certificate; never its key."""
    access.demand(operator(), access.VIEW_PUSH_CERTIFICATES)
    card(_plain(push_certificates.by_name(name)))


def _upload(
    name: str, certificate: Path, key: Path | None, *, password_file: Path | None, renewal: bool
) -> None:
    access.demand(operator(), access.CHANGE_PUSH_CERTIFICATES)
    with db.transaction():
        row = push_certificates.by_name(name)
        if renewal != (row.topic is not None):
            raise Conflict(
                "there is no certificate yet: upload one"
                if renewal
                else "there is a certificate already: renew it"
            )
        push_certificates.upload(
            row,
            certificate.read_bytes(),
            actor=operator(),
            key=key.read_bytes() if key else None,
            password=_password(password_file),
        )
        taken, until = _plain(row), f"{row.topic}, valid until {row.not_after:%Y-%m-%d}"
    say(taken, until)


def _password(file: Path | None) -> bytes | None:
    return file.read_bytes().rstrip(b"\r\n") if file else None


def _plain(row: PushCertificate) -> dict[str, Any]:
    """As the API shows it, and in one line for people."""
    plain: dict[str, Any] = PushCertificateSchema().dump(row)
    return {**plain, "condition": push_certificates.condition(row)}
