"""flask zmdm push-certificate …: what Apple lets us wake devices with."""

from __future__ import annotations

from pathlib import Path

import click
import sqlalchemy as sa
from flask.cli import AppGroup

from zmdm_plugin import db
from zmdm_plugin.cli.groups import speaks_plainly, zmdm
from zmdm_plugin.cli.operators import operator
from zmdm_plugin.models import PushCertificate
from zmdm_plugin.services import audit, push_certificates

push_certificate = AppGroup("push-certificate", help="APNs push certificates.")
zmdm.add_command(push_certificate)

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@push_certificate.command("import")
@click.argument("name")
@click.option("--certificate", type=_FILE, required=True, help="PEM or DER.")
@click.option("--key", type=_FILE, required=True, help="PEM or DER.")
@click.option("--password-file", type=_FILE, help="File with the key's password.")
@speaks_plainly
def take(name: str, *, certificate: Path, key: Path, password_file: Path | None) -> None:
    """Add a push certificate with its key, or renew the one of this name."""
    password = password_file.read_bytes().rstrip(b"\r\n") if password_file else None
    with db.transaction():
        row = push_certificates.take(
            name, certificate.read_bytes(), key.read_bytes(), password=password
        )
        audit.record(operator(), "push_certificate.import", row, after=audit.snapshot(row))
        click.echo(f"{row.topic}, valid until {row.not_after:%Y-%m-%d}")


@push_certificate.command("list")
def listing() -> None:
    """Every push certificate with its topic, its end, and why nothing is pushed with it."""
    for row in db.session().scalars(sa.select(PushCertificate).order_by(PushCertificate.id)):
        click.echo(f"{row.name} {row.topic or '-'} {push_certificates.condition(row)}")
