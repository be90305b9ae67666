"""ADE enrollments: made and changed, with all that Apple will be told checked first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm.attributes import set_committed_value

from zmdm_plugin.actors import Actor
from zmdm_plugin.db import session
from zmdm_plugin.errors import NotFound, Refused
from zmdm_plugin.models import (
    AdeSettings,
    Artifact,
    DepVirtualServer,
    Enrollment,
    PushCertificate,
    ScepIssuer,
)
from zmdm_plugin.models.base import new_uid
from zmdm_plugin.services import audit
from zmdm_plugin.services.ade import defining, rules
from zmdm_plugin.services.dep import connection
from zmdm_plugin.services.enrollment import enrollments, people
from zmdm_plugin.services.keyset import MAX_ID
from zmdm_plugin.state import state

_OWN: Final = frozenset({"id", "uid", "enrollment_id", "server_id", "created_at", "updated_at"})
FIELDS: Final = tuple(
    column.name for column in AdeSettings.__table__.columns if column.name not in _OWN
)
"""What an ADE enrollment says beyond the others."""
_EMPTY: Final[Mapping[str, Any]] = {"return_wifi_artifact_id": None}
REALM: Final = ("realm_id", "realm_required")
_LISTS: Final = frozenset({"serial_numbers", "udids"})


def defaults() -> dict[str, Any]:
    """What a new one says unless told otherwise; an empty name becomes the enrollment's, an empty
    org_magic a random one."""
    found: dict[str, Any] = {}
    for name in FIELDS:
        default: Any = AdeSettings.__table__.columns[name].default
        found[name] = _EMPTY.get(name, "") if default is None else default.arg
    return found | {"skip_setup_items": [], "supervising_host_certs": []}


def create(
    name: str,
    asked: Mapping[str, Any],
    *,
    server_id: int,
    push_certificate: PushCertificate,
    issuer: ScepIssuer,
    actor: Actor,
) -> Enrollment:
    """A new ADE enrollment, whose profile is then defined at Apple; Refused names the field.

    `asked` holds FIELDS and what every enrollment has.
    """
    server = _server(server_id)
    values = defaults() | {field: asked[field] for field in FIELDS if field in asked}
    values["profile_name"] = values["profile_name"] or name
    values["org_magic"] = values["org_magic"] or new_uid().upper()
    around = _around(asked.get("realm_id"), asked.get("realm_required"))
    _check_wifi(values["return_wifi_artifact_id"])
    checked = rules.checked(values, around)
    realm = {field: asked[field] for field in REALM if field in asked}
    row = enrollments.create(
        enrollments.ADE,
        name,
        push_certificate=push_certificate,
        issuer=issuer,
        **_common(asked),
        **realm,
    )
    row.ade = AdeSettings(enrollment_id=row.id, server_id=server.id, **checked)
    session().flush()
    defining.want(row, actor)
    return row


def change(row: Enrollment, asked: Mapping[str, Any], *, actor: Actor) -> None:
    """Change what is named; what Apple would be told differently is defined as a new profile."""
    settings = of(row)
    realm = {field: asked.get(field, getattr(row, field)) for field in REALM}
    present = {field: getattr(settings, field) for field in FIELDS}
    values = present | {field: asked[field] for field in FIELDS if field in asked}
    values["profile_name"] = values["profile_name"] or asked.get("name", row.name)
    values["org_magic"] = values["org_magic"] or settings.org_magic
    checked = rules.checked(values, _around(realm["realm_id"], realm["realm_required"]))
    _check_wifi(values["return_wifi_artifact_id"])
    people.check_changes(row, asked)
    enrollments.update(row, _common(asked))
    row.realm_id, row.realm_required = realm["realm_id"], realm["realm_required"]
    for field, value in checked.items():
        setattr(settings, field, value)
    session().flush()
    defining.want(row, actor)


def find(enrollment_id: int) -> Enrollment:
    """The ADE enrollment with this id; NotFound for those of another kind too."""
    known = 0 < enrollment_id <= MAX_ID
    query = sa.select(Enrollment).where(
        Enrollment.id == enrollment_id, Enrollment.kind == enrollments.ADE
    )
    row = session().scalar(query) if known else None
    if row is None:
        raise NotFound("there is no such ADE enrollment")
    return row


def load(rows: Sequence[Enrollment]) -> None:
    """Load the settings of these at once, so that a list does not ask row by row."""
    query = sa.select(AdeSettings).where(AdeSettings.enrollment_id.in_([row.id for row in rows]))
    found = {one.enrollment_id: one for one in session().scalars(query)}
    for row in rows:
        set_committed_value(row, "ade", found.get(row.id))


def of(row: Enrollment) -> AdeSettings:
    """Its settings, which every ADE enrollment has."""
    if row.ade is None:
        raise NotFound("this is no ADE enrollment")
    return row.ade


def snapshot(row: Enrollment) -> dict[str, Any]:
    """Row and settings as the audit keeps them."""
    return {**audit.snapshot(row), **audit.snapshot(of(row)), "name": row.name}


def _server(server_id: int) -> DepVirtualServer:
    try:
        return connection.find(server_id)
    except NotFound as error:
        raise Refused("virtual_server", str(error)) from error


def _check_wifi(artifact_id: int | None) -> None:
    """Held, so that the artifact is not deleted meanwhile."""
    if artifact_id is None:
        return
    query = sa.select(Artifact).where(Artifact.id == artifact_id).with_for_update(read=True)
    row = session().scalar(query)
    if row is None or row.type != "profile" or row.channel != "device":
        raise Refused("return_wifi_artifact", "must be an artifact that is a profile for devices")


def _common(asked: Mapping[str, Any]) -> dict[str, Any]:
    """What every enrollment has; no serial numbers are any serial number."""
    left_out = (*FIELDS, *REALM)
    found = {field: value for field, value in asked.items() if field not in left_out}
    empty: dict[str, Any] = {field: () for field in _LISTS if found.get(field, ()) is None}
    return found | empty


def _around(realm_id: int | None, realm_required: bool | None) -> rules.Surroundings:
    return rules.Surroundings(
        realm=realm_id is not None,
        realm_required=bool(realm_required),
        anchors=bool(state().settings.ade_anchors),
    )
