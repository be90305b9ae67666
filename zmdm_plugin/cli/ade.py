"""flask zmdm ade …: enrollments for devices that Apple assigns (Automated Device Enrollment)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click
import marshmallow as ma
import sqlalchemy as sa

from zmdm_plugin import db
from zmdm_plugin.blueprints.api.schemas import dep_enrollments as shown
from zmdm_plugin.blueprints.api.schemas.dep_enrollments import (
    DepEnrollmentSaid,
    DepEnrollmentSchema,
)
from zmdm_plugin.cli.enrollment import one_of
from zmdm_plugin.cli.groups import Topic, zmdm
from zmdm_plugin.cli.operators import operator
from zmdm_plugin.cli.output import card, table
from zmdm_plugin.errors import NotFound, Refused
from zmdm_plugin.jobs import ade as job
from zmdm_plugin.models import DepVirtualServer, Enrollment, PushCertificate, ScepIssuer
from zmdm_plugin.services import access, audit
from zmdm_plugin.services.ade import comparing, defining, settings
from zmdm_plugin.services.enrollment import enrollments
from zmdm_plugin.web.ade import download

group = Topic("ade", help="Enrollments for devices that Apple assigns.")
zmdm.add_command(group)

_SET = click.option(
    "--set",
    "given",
    multiple=True,
    metavar="FIELD=VALUE",
    help="A field as the HTTP API knows it, e.g. department=IT or skip_setup_items='[\"Siri\"]'.",
)


@group.command("create")
@click.argument("name")
@click.option("--server", help="Name of the virtual server; needed when there are several.")
@click.option("--push-certificate", help="Name; needed when there are several.")
@click.option("--issuer", "issuer_name", help="Name; needed when there are several.")
@_SET
def create(
    name: str,
    *,
    server: str | None,
    push_certificate: str | None,
    issuer_name: str | None,
    given: Sequence[str],
) -> None:
    """Make an enrollment, and define its profile at Apple."""
    access.demand(operator(), access.ADD_ENROLLMENTS)
    with db.transaction():
        row = settings.create(
            name,
            _read(given),
            server_id=one_of(DepVirtualServer, server, "virtual server").id,
            push_certificate=one_of(PushCertificate, push_certificate, "push certificate"),
            issuer=one_of(ScepIssuer, issuer_name, "issuer"),
            actor=operator(),
        )
        audit.record(operator(), "enrollment.create", row, after=settings.snapshot(row))
    _define(row.id)
    _show(row.id)


@group.command("change")
@click.argument("name")
@_SET
def change(name: str, *, given: Sequence[str]) -> None:
    """Change an enrollment; what Apple is told becomes a new profile there."""
    access.demand(operator(), access.CHANGE_ENROLLMENTS)
    with db.transaction():
        row = _named(name)
        before = settings.snapshot(row)
        settings.change(row, _read(given), actor=operator())
        after = settings.snapshot(row)
        audit.record(operator(), "enrollment.change", row, before=before, after=after)
    _define(row.id)
    _show(row.id)


@group.command("list")
def list_enrollments() -> None:
    """Every ADE enrollment, and how its profile stands at Apple."""
    access.demand(operator(), access.VIEW_ENROLLMENTS)
    query = sa.select(Enrollment).where(Enrollment.kind == enrollments.ADE).order_by(Enrollment.id)
    rows = db.session().scalars(query).all()
    standings = defining.standings([row.id for row in rows])
    lines = [
        {
            "id": row.id,
            "name": row.name,
            "profile": one.profile.state if one.profile else None,
            "error": one.profile.error if one.profile else None,
            "assigned": one.assigned,
            "desired": one.desired,
        }
        for row in rows
        for one in (standings[row.id],)
    ]
    columns = ("id", "name", "profile", "assigned", "desired", "error")
    table(lines, columns, empty="there is no ADE enrollment")


@group.command("show")
@click.argument("name")
def show(name: str) -> None:
    """Everything that an enrollment says."""
    access.demand(operator(), access.VIEW_ENROLLMENTS)
    _show(_named(name).id)


@group.command("define")
@click.argument("name")
def define(name: str) -> None:
    """Define the profile at Apple once more, now: Apple refused it, or has lost it."""
    access.demand(operator(), access.CHANGE_ENROLLMENTS)
    with db.transaction():
        row = _named(name)
        defining.want_again(row, operator())
        audit.record(operator(), "enrollment.define", row)
    _define(row.id)
    standing = defining.standings([row.id])[row.id]
    if standing.profile is None or standing.profile.state != defining.DEFINED:
        raise NotFound((standing.profile and standing.profile.error) or "Apple did not take it")
    _show(row.id)


@group.command("test")
@click.argument("name")
def test(name: str) -> None:
    """Download the profile from Apple, and show it beside ours."""
    access.demand(operator(), access.VIEW_ENROLLMENTS)
    found = comparing.lines(_named(name), download(_named(name).id))
    lines = [
        {"same": line.same, "name": line.name, "ours": line.ours, "apples": line.apples}
        for line in found
    ]
    table(lines, ("same", "name", "ours", "apples"), empty="Apple's profile is empty")


@group.command("skip-items")
def skip_items() -> None:
    """Screens of Setup Assistant that can be skipped, and where they exist."""
    access.demand(operator(), access.VIEW_ENROLLMENTS)
    lines = [
        {"key": item.key, "label": item.label, "availability": item.words}
        for item in shown.skip_items()
    ]
    table(lines, ("key", "label", "availability"), empty="none")


def _named(name: str) -> Enrollment:
    row = enrollments.by_name(name)
    if row.kind != enrollments.ADE:
        raise NotFound(f"{name!r} is no ADE enrollment")
    return row


def _define(enrollment_id: int) -> None:
    """Do here what a worker would do: the command waits for Apple."""
    for uid in defining.open_runs(enrollment_id):
        job.define(uid)
    db.session().rollback()


def _show(enrollment_id: int) -> None:
    row = settings.find(enrollment_id)
    standing = defining.standings([enrollment_id])[enrollment_id]
    plain: dict[str, Any] = DepEnrollmentSchema().dump(shown.shown(row, standing))
    card(plain)


def _read(given: Sequence[str]) -> dict[str, Any]:
    """FIELD=VALUE as the API reads it; Refused names the field."""
    values = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals:
            raise click.UsageError(f"--set takes FIELD=VALUE, not {one!r}")
        try:
            values[name] = json.loads(value)
        except ValueError:
            values[name] = value
    try:
        read: dict[str, Any] = DepEnrollmentSaid().load(values)
    except ma.ValidationError as error:
        field, why = next(iter(error.messages_dict.items()))
        raise Refused(str(field), str(why)) from error
    return read
