"""flask zmdm enrollment …: how devices come in."""

from __future__ import annotations

import base64
import sys
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import click
import sqlalchemy as sa

from zmdm_plugin import db
from zmdm_plugin.blueprints.api.schemas.enrollments import EnrollmentSchema
from zmdm_plugin.cli.groups import Topic, wants_json, zmdm
from zmdm_plugin.cli.operators import operator
from zmdm_plugin.cli.output import ask, asks, say
from zmdm_plugin.errors import NotFound
from zmdm_plugin.models import (
    DepVirtualServer,
    Enrollment,
    MDMBlueprint,
    PushCertificate,
    Realm,
    ScepIssuer,
)
from zmdm_plugin.models.base import as_utc
from zmdm_plugin.services import access, audit
from zmdm_plugin.services.enrollment import enrollments, manual
from zmdm_plugin.services.realms import realms

_Named = TypeVar("_Named", PushCertificate, ScepIssuer, MDMBlueprint, DepVirtualServer, Realm)

enrollment = Topic("enrollment", help="What devices enroll through.")
zmdm.add_command(enrollment)


@enrollment.command("create")
@click.argument("name")
@click.option("--kind", type=click.Choice(enrollments.KINDS), default=enrollments.OTA)
@click.option("--display-name", default="", help="What people read on the device.")
@click.option("--push-certificate", help="Name; needed when there are several.")
@click.option("--issuer", "issuer_name", help="Name; needed when there are several.")
@click.option("--blueprint", help="Name of what its devices get.")
@click.option("--realm", help="Name of the realm that people sign in to.")
@click.option("--sign-in-required", is_flag=True, help="No device comes in without a sign-in.")
@click.option("--quota", type=click.IntRange(1), help="How many devices it admits.")
@click.option("--expires", type=click.DateTime(), help="Until when it admits any (UTC).")
@click.option("--serial-number", "serial_numbers", multiple=True, help="Admit only these.")
@click.option("--udid", "udids", multiple=True, help="Admit only these.")
def create_enrollment(
    name: str,
    *,
    kind: str,
    display_name: str,
    push_certificate: str | None,
    issuer_name: str | None,
    blueprint: str | None,
    realm: str | None,
    sign_in_required: bool,
    quota: int | None,
    expires: datetime | None,
    serial_numbers: tuple[str, ...],
    udids: tuple[str, ...],
) -> None:
    """Make an enrollment and print its link."""
    access.demand(operator(), access.ADD_ENROLLMENTS)
    with db.transaction():
        row = enrollments.create(
            kind,
            name,
            push_certificate=one_of(PushCertificate, push_certificate, "push certificate"),
            issuer=one_of(ScepIssuer, issuer_name, "issuer"),
            display_name=display_name,
            quota=quota,
            expires_at=as_utc(expires) if expires else None,
            serial_numbers=serial_numbers,
            udids=udids,
            blueprint_id=id_of(MDMBlueprint, blueprint, "blueprint"),
            realm_id=realms.by_name(realm).id if realm else None,
            realm_required=sign_in_required,
        )
        audit.record(operator(), "enrollment.create", row, after=audit.snapshot(row))
        url = enrollments.link(row)
        made = {**_plain(row), "link": url}
    say(made, url)


@enrollment.command("list")
def list_enrollments() -> None:
    """Every enrollment, with how often it was used."""
    access.demand(operator(), access.VIEW_ENROLLMENTS)
    rows = db.session().scalars(sa.select(Enrollment).order_by(Enrollment.id)).all()
    lines = []
    for row in rows:
        quota = f"{row.request_count}/{row.quota if row.quota is not None else '∞'}"
        ended = " revoked" if row.revoked_at else ""
        lines.append(f"{row.name} ({row.kind}) {quota}{ended}")
    say([_plain(row) for row in rows], lines)


@enrollment.command("link")
@click.argument("name")
def link(name: str) -> None:
    """Print the link to open on the device."""
    access.demand(operator(), access.CHANGE_ENROLLMENTS)
    with db.transaction():
        row = enrollments.by_name(name)
        url = enrollments.link(row)
        audit.record(operator(), "enrollment.reveal_link", row)
    say({"name": name, "link": url}, url)


@enrollment.command("revoke")
@click.argument("name")
@asks
def revoke(name: str, *, yes: bool) -> None:
    """Let nobody in any more; enrolled devices stay."""
    access.demand(operator(), access.CHANGE_ENROLLMENTS)
    ask("Let nobody enroll through it any more?", yes=yes)
    with db.transaction():
        row = enrollments.by_name(name)
        enrollments.revoke(row)
        after = {"revoked_at": row.revoked_at}
        audit.record(operator(), "enrollment.revoke", row, after=after)
        revoked = _plain(row)
    say(revoked, f"{name} is revoked")


@enrollment.command("profile")
@click.argument("name")
@click.option("--unsigned", is_flag=True, help="Without the CMS signature.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path))
def profile(name: str, *, unsigned: bool, output: Path | None) -> None:
    """Write the MDM profile of a by-hand enrollment (to standard output without -o)."""
    access.demand(operator(), access.ADD_ENROLLMENTS)
    with db.transaction():
        row = enrollments.by_name(name)
        if row.kind != enrollments.MANUAL:
            raise NotFound(f"{name!r} is not a by-hand enrollment; use its link")
        body = manual.profile(row, sign=not unsigned)
        audit.record(operator(), "enrollment.download_profile", row)
    if output is not None:
        output.write_bytes(body)
        say({"name": name, "output": str(output)}, f"wrote {output}")
    elif wants_json():
        say({"name": name, "profile": base64.b64encode(body).decode("ascii")}, "")
    else:
        sys.stdout.buffer.write(body)


def one_of(model: type[_Named], name: str | None, what: str) -> _Named:
    """The row of this name, or the only one there is."""
    query = sa.select(model).order_by(model.id)
    rows = db.session().scalars(query.where(model.name == name) if name else query).all()
    if len(rows) == 1:
        return rows[0]
    if name or not rows:
        raise NotFound(f"there is no {what}{f' {name!r}' if name else '; make one first'}")
    raise NotFound(f"there are several of these, name the {what}")


def id_of(model: type[_Named], name: str | None, what: str) -> int | None:
    """The id of the row of this name; None where none is named."""
    return one_of(model, name, what).id if name else None


def _plain(row: Enrollment) -> dict[str, Any]:
    plain: dict[str, Any] = EnrollmentSchema().dump(row)
    return plain
