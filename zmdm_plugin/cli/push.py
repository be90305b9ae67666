"""flask zmdm push-certificate …: what Apple lets us wake devices with."""

from __future__ import annotations

import json
from pathlib import Path

import click
import sqlalchemy as sa
from flask.cli import AppGroup

from zmdm_plugin import db
from zmdm_plugin.cli.groups import speaks_plainly, zmdm
from zmdm_plugin.cli.operators import operator
from zmdm_plugin.errors import Conflict
from zmdm_plugin.models import PushCertificate
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.protocol import push_request
from zmdm_plugin.services import audit, push_certificates

push_certificate = AppGroup("push-certificate", help="APNs push certificates.")
zmdm.add_command(push_certificate)

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_NEW_FILE = click.Path(dir_okay=False, path_type=Path)


@push_certificate.command("create")
@click.argument("name")
@speaks_plainly
def create(name: str) -> None:
    """Make a key for a certificate to be; `csr` gives what Apple wants."""
    with db.transaction():
        push_certificates.create(name, actor=operator())
    click.echo(f"{name}: fetch its request with `flask zmdm push-certificate csr`")


@push_certificate.command("csr")
@click.argument("name")
@click.option("--signed", is_flag=True, help="Signed with the vendor certificate of the settings.")
@click.option("-o", "--output", type=_NEW_FILE, required=True, help="The file to write.")
@speaks_plainly
def csr(name: str, *, signed: bool, output: Path) -> None:
    """Write the certificate request: PEM, or what Apple's portal takes with --signed."""
    with db.transaction():
        row = push_certificates.by_name(name)
        if signed:
            body = push_certificates.signed_csr(row, actor=operator())
        else:
            body = push_request.csr_pem(push_certificates.csr(row)).encode()
    output.write_bytes(body)
    click.echo(f"wrote {output}")


@push_certificate.command("upload")
@click.argument("name")
@click.option("--certificate", type=_FILE, required=True, help="PEM or DER.")
@click.option("--key", type=_FILE, help="PEM or DER; unless it is the one that is kept here.")
@click.option("--password-file", type=_FILE, help="File with the key's password.")
@speaks_plainly
def upload(name: str, *, certificate: Path, key: Path | None, password_file: Path | None) -> None:
    """Take in the first certificate; `renew` does it with a later one."""
    _upload(name, certificate, key, password_file=password_file, renewal=False)


@push_certificate.command("renew")
@click.argument("name")
@click.option("--certificate", type=_FILE, required=True, help="PEM or DER.")
@click.option("--key", type=_FILE, help="PEM or DER; unless it is the one that is kept here.")
@click.option("--password-file", type=_FILE, help="File with the key's password.")
@speaks_plainly
def renew(name: str, *, certificate: Path, key: Path | None, password_file: Path | None) -> None:
    """Take in a renewed certificate, under the topic that enrolled devices know."""
    _upload(name, certificate, key, password_file=password_file, renewal=True)


@push_certificate.command("import")
@click.argument("name")
@click.option("--certificate", type=_FILE, required=True, help="PEM or DER.")
@click.option("--key", type=_FILE, required=True, help="PEM or DER.")
@click.option("--password-file", type=_FILE, help="File with the key's password.")
@speaks_plainly
def take(name: str, *, certificate: Path, key: Path, password_file: Path | None) -> None:
    """Add a push certificate with its key, or renew the one of this name."""
    with db.transaction():
        row = push_certificates.take(
            name, certificate.read_bytes(), key.read_bytes(), password=_password(password_file)
        )
        audit.record(operator(), "push_certificate.import", row, after=audit.snapshot(row))
        click.echo(f"{row.topic}, valid until {row.not_after:%Y-%m-%d}")


@push_certificate.command("delete")
@click.argument("name")
@click.confirmation_option(prompt="Delete this push certificate with its key, for ever?")
@speaks_plainly
def delete(name: str) -> None:
    """Delete one that no enrollment and no device uses."""
    with db.transaction():
        push_certificates.delete(push_certificates.by_name(name), actor=operator())
    click.echo(f"{name} is deleted")


@push_certificate.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def listing(as_json: bool) -> None:
    """Every push certificate with its topic, its end, and why nothing is pushed with it."""
    rows = db.session().scalars(sa.select(PushCertificate).order_by(PushCertificate.id)).all()
    if as_json:
        click.echo(json.dumps([_plain(row) for row in rows]))
        return
    for row in rows:
        click.echo(f"{row.name} {row.topic or '-'} {push_certificates.condition(row)}")


def _upload(
    name: str, certificate: Path, key: Path | None, *, password_file: Path | None, renewal: bool
) -> None:
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
        click.echo(f"{row.topic}, valid until {row.not_after:%Y-%m-%d}")


def _password(file: Path | None) -> bytes | None:
    return file.read_bytes().rstrip(b"\r\n") if file else None


def _plain(row: PushCertificate) -> dict[str, object]:
    due = push_certificates.expiry(row.not_after, utcnow())
    return {
        "id": row.id,
        "name": row.name,
        "topic": row.topic,
        "not_after": row.not_after.isoformat() if row.not_after else None,
        "warning": due.words if due else None,
        "broken_reason": row.broken_reason,
        "condition": push_certificates.condition(row),
    }
