"""flask zmdm ca | issuer | enrollment …: how devices come in."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import TextIO, TypeVar

import click
import sqlalchemy as sa
from flask.cli import AppGroup

from zmdm_plugin import db
from zmdm_plugin.cli.groups import speaks_plainly, zmdm
from zmdm_plugin.cli.operators import operator
from zmdm_plugin.errors import NotFound
from zmdm_plugin.models import CertificateAuthority, Enrollment, PushCertificate, ScepIssuer
from zmdm_plugin.models.base import as_utc
from zmdm_plugin.services import audit, ca, issuers
from zmdm_plugin.services.enrollment import enrollments, manual

_Named = TypeVar("_Named", PushCertificate, ScepIssuer)

authority = AppGroup("ca", help="The built-in certificate authority for device identities.")
issuer = AppGroup("issuer", help="Where devices get their identities.")
enrollment = AppGroup("enrollment", help="What devices enroll through.")
for _group in (authority, issuer, enrollment):
    zmdm.add_command(_group)


@authority.command("create")
@click.argument("name")
@speaks_plainly
def create_ca(name: str) -> None:
    """Make the built-in CA, once."""
    with db.transaction():
        row = ca.create(name)
        audit.record(operator(), "ca.create", row, after=audit.snapshot(row))
        click.echo(f"CA {row.name!r}, valid until {row.not_after:%Y-%m-%d}")


@authority.command("renew")
@speaks_plainly
def renew_ca() -> None:
    """Make the next generation; identities of the former ones go on working."""
    with db.transaction():
        row = ca.renew()
        audit.record(operator(), "ca.renew", row, after=audit.snapshot(row))
        click.echo(f"generation {row.generation}, valid until {row.not_after:%Y-%m-%d}")


@authority.command("list")
def list_ca() -> None:
    """Every generation, the one that signs marked with a star."""
    query = sa.select(CertificateAuthority).order_by(CertificateAuthority.id)
    for row in db.session().scalars(query):
        star = "*" if row.issuing else " "
        click.echo(f"{star} {row.generation} {row.name} until {row.not_after:%Y-%m-%d}")


@issuer.command("create")
@click.argument("name")
@click.option("--url", required=True, help="URL of the SCEP service.")
@click.option("--challenge-file", type=click.File("r"), help="File with its static challenge.")
@click.option("--key-size", type=click.Choice(["2048", "4096"]), default="2048")
@click.option("--key-usage", type=click.Choice(["1", "4", "5"]), default="5", show_default=True)
@click.option("--ca-name", help="The SCEP instance name, where the service asks for one.")
@click.option("--ca-fingerprint", help="Fingerprint (hex) that devices check the CA against.")
@speaks_plainly
def create_issuer(
    name: str,
    *,
    url: str,
    challenge_file: TextIO | None,
    key_size: str,
    key_usage: str,
    ca_name: str | None,
    ca_fingerprint: str | None,
) -> None:
    """Add an external SCEP issuer; its chain belongs into ZMDM_SCEP_CA_FULLCHAIN."""
    challenge = challenge_file.read().strip() if challenge_file else None
    with db.transaction():
        row = issuers.create(
            name,
            url,
            challenge=challenge,
            key_size=int(key_size),
            key_usage=int(key_usage),
            ca_name=ca_name,
            ca_fingerprint=ca_fingerprint,
        )
        audit.record(operator(), "issuer.create", row, after=audit.snapshot(row))
    click.echo(f"issuer {name!r}")


@issuer.command("list")
def list_issuers() -> None:
    """Every issuer, with its URL."""
    for row in db.session().scalars(sa.select(ScepIssuer).order_by(ScepIssuer.id)):
        click.echo(f"{row.name} ({row.kind}) {row.url or ''}")


@enrollment.command("create")
@click.argument("name")
@click.option("--kind", type=click.Choice(enrollments.KINDS), default=enrollments.OTA)
@click.option("--display-name", default="", help="What people read on the device.")
@click.option("--push-certificate", help="Name; needed when there are several.")
@click.option("--issuer", "issuer_name", help="Name; needed when there are several.")
@click.option("--quota", type=click.IntRange(1), help="How many devices it admits.")
@click.option("--expires", type=click.DateTime(), help="Until when it admits any (UTC).")
@click.option("--serial-number", "serial_numbers", multiple=True, help="Admit only these.")
@click.option("--udid", "udids", multiple=True, help="Admit only these.")
@speaks_plainly
def create_enrollment(
    name: str,
    *,
    kind: str,
    display_name: str,
    push_certificate: str | None,
    issuer_name: str | None,
    quota: int | None,
    expires: datetime | None,
    serial_numbers: tuple[str, ...],
    udids: tuple[str, ...],
) -> None:
    """Make an enrollment and print its link."""
    with db.transaction():
        row = enrollments.create(
            kind,
            name,
            push_certificate=_one(PushCertificate, push_certificate, "push certificate"),
            issuer=_one(ScepIssuer, issuer_name, "issuer"),
            display_name=display_name,
            quota=quota,
            expires_at=as_utc(expires) if expires else None,
            serial_numbers=serial_numbers,
            udids=udids,
        )
        audit.record(operator(), "enrollment.create", row, after=audit.snapshot(row))
        click.echo(enrollments.link(row))


@enrollment.command("list")
def list_enrollments() -> None:
    """Every enrollment, with how often it was used."""
    for row in db.session().scalars(sa.select(Enrollment).order_by(Enrollment.id)):
        quota = f"{row.request_count}/{row.quota if row.quota is not None else '∞'}"
        ended = " revoked" if row.revoked_at else ""
        click.echo(f"{row.name} ({row.kind}) {quota}{ended}")


@enrollment.command("link")
@click.argument("name")
@speaks_plainly
def link(name: str) -> None:
    """Print the link to open on the device."""
    with db.transaction():
        row = enrollments.by_name(name)
        url = enrollments.link(row)
        audit.record(operator(), "enrollment.reveal_link", row)
    click.echo(url)


@enrollment.command("revoke")
@click.argument("name")
@click.confirmation_option(prompt="Let nobody enroll through it any more?")
@speaks_plainly
def revoke(name: str) -> None:
    """Let nobody in any more; enrolled devices stay."""
    with db.transaction():
        row = enrollments.by_name(name)
        enrollments.revoke(row)
        after = {"revoked_at": row.revoked_at}
        audit.record(operator(), "enrollment.revoke", row, after=after)
    click.echo(f"{name} is revoked")


@enrollment.command("profile")
@click.argument("name")
@click.option("--unsigned", is_flag=True, help="Without the CMS signature.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path))
@speaks_plainly
def profile(name: str, *, unsigned: bool, output: Path | None) -> None:
    """Write the MDM profile of a by-hand enrollment (to standard output without -o)."""
    with db.transaction():
        row = enrollments.by_name(name)
        if row.kind != enrollments.MANUAL:
            raise NotFound(f"{name!r} is not a by-hand enrollment; use its link")
        body = manual.profile(row, sign=not unsigned)
        audit.record(operator(), "enrollment.download_profile", row)
    if output is None:
        sys.stdout.buffer.write(body)
        return
    output.write_bytes(body)
    click.echo(f"wrote {output}")


def _one(model: type[_Named], name: str | None, what: str) -> _Named:
    """The row of this name, or the only one there is."""
    query = sa.select(model).order_by(model.id)
    rows = db.session().scalars(query.where(model.name == name) if name else query).all()
    if len(rows) == 1:
        return rows[0]
    if name or not rows:
        raise NotFound(f"there is no {what}{f' {name!r}' if name else '; make one first'}")
    raise NotFound(f"there are several of these, name the {what}")
