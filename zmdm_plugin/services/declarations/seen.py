"""The declarative side of a channel as people look at it: offered, fetched, reported."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import undefer

from zmdm_plugin.db import session
from zmdm_plugin.models import Artifact, ArtifactVersion, Channel, ChannelDeclarations
from zmdm_plugin.protocol import ddm
from zmdm_plugin.protocol.ddm import Reported
from zmdm_plugin.services.declarations import app_assets, manifest, offers, reasons
from zmdm_plugin.services.declarations.entries import Listed

_OURS = {
    manifest.ACTIVATION: "Activates everything else",
    manifest.SUBSCRIPTIONS: "What the device reports",
}
_UPDATE = "com.apple.configuration.softwareupdate.enforcement.specific"
_MOST = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One declaration, offered to a device or still held by it."""

    kind: str
    identifier: str
    token: str
    type: str
    """Apple's Type; empty where it is no longer known."""
    title: str
    """What people call it: the artifact's name, or what ours is for."""
    artifact_id: int | None
    version: int | None
    """The number of the artifact's version."""
    offered: bool
    """On the list that the device is to have now."""
    fetched: bool
    """On the list that it was handed last, in this form."""
    active: bool | None
    valid: str | None
    """As the device reports this very token; None: it has not yet."""
    reasons: Sequence[Mapping[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The declarative side of one channel."""

    channel: Channel
    held: ChannelDeclarations
    lines: Sequence[Line] = ()
    subscriptions: Sequence[str] = ()
    status: Mapping[str, Any] = field(default_factory=dict)
    """All status items but the declarations, which are in the lines."""
    errors: Sequence[Mapping[str, Any]] = ()

    @property
    def agrees(self) -> bool:
        """Whether the device was handed the list that it should have."""
        return self.held.token == self.held.offered_token


class _Name(NamedTuple):
    type: str
    title: str
    artifact_id: int | None


class _Names:
    """Artifacts and versions by what the lines call them; two statements."""

    def __init__(self, identifiers: Iterable[str], uids: Iterable[str]) -> None:
        names = set(identifiers)
        names |= {app for name in names if (app := app_assets.app_of(name))}
        found = session().execute(
            sa.select(
                Artifact.identifier,
                Artifact.id,
                Artifact.name,
                Artifact.type,
                Artifact.declaration_type,
            ).where(Artifact.identifier.in_(names))
        )
        self.artifacts = {row.identifier: row for row in found}
        numbers = session().execute(
            sa.select(ArtifactVersion.uid, ArtifactVersion.number).where(
                ArtifactVersion.uid.in_(list(uids))
            )
        )
        self.numbers: dict[str, int] = {uid: number for uid, number in numbers}

    def of(self, identifier: str, type_: str) -> _Name:
        """Type, title and artifact of a declaration; `type_` is what is known without one."""
        if (found := self.artifacts.get(identifier)) is not None:
            type_ = manifest.type_of(found.type, found.declaration_type)
            return _Name(type_, found.name, found.id)
        app = self.artifacts.get(app_assets.app_of(identifier) or "")
        if app is not None:
            return _Name(app_assets.TYPE, f"Configuration of {app.name}", app.id)
        return _Name(type_, _title(identifier, type_), None)


def of_channel(channel: Channel) -> Seen | None:
    """What there is to see; None for a channel that never had to do with declarations."""
    held = session().get(ChannelDeclarations, channel.id, options=[undefer("*")])
    if held is None:
        return None
    current, handed = offers.current(held), offers.handed_out(held)
    status = dict(held.status or {})
    told = {
        (one.identifier, one.server_token): one for one in (ddm.declarations(status) or ())[:_MOST]
    }
    return Seen(
        channel=channel,
        held=held,
        lines=_lines(current, handed, told),
        subscriptions=_subscriptions(current),
        status=_without_declarations(status),
        errors=held.errors or (),
    )


def _lines(
    current: Mapping[str, Listed],
    handed: Mapping[str, Listed],
    told: Mapping[tuple[str, str], Reported],
) -> list[Line]:
    """What is offered, then what the device still holds though it is not."""
    lines = list(current.values())
    known = {(one.identifier, one.token) for one in lines}
    left = [one for key, one in told.items() if key not in known]
    uids = {one.version for one in lines if one.version}
    uids |= {one.server_token.partition(".")[0] for one in left}
    names = _Names({*current, *(one.identifier for one in left)}, uids)
    found = []
    for one in lines:
        fetched = one.identifier in handed and handed[one.identifier].token == one.token
        report = told.get((one.identifier, one.token))
        found.append(_line(one, report, names=names, fetched=fetched))
    found.sort(key=lambda line: (line.identifier in _OURS, line.kind, line.title.lower()))
    return found + [_held(one, names=names) for one in left]


def _line(one: Listed, report: Reported | None, *, names: _Names, fetched: bool) -> Line:
    known = names.of(one.identifier, str(one.extra.get("type") or ""))
    return Line(
        kind=str(one.kind),
        identifier=one.identifier,
        token=one.token,
        type=known.type,
        title=known.title,
        artifact_id=known.artifact_id,
        version=names.numbers.get(one.version or ""),
        offered=True,
        fetched=fetched,
        active=report.active if report else None,
        valid=report.valid if report else None,
        reasons=reasons.explained(report.reasons) if report else (),
    )


def _held(one: Reported, *, names: _Names) -> Line:
    """The device holds it in a form that it is offered no longer."""
    known = names.of(one.identifier, "")
    return Line(
        kind=str(one.kind),
        identifier=one.identifier,
        token=one.server_token,
        type="",
        title=known.title,
        artifact_id=known.artifact_id,
        version=names.numbers.get(one.server_token.partition(".")[0]),
        offered=False,
        fetched=True,
        active=one.active,
        valid=one.valid,
        reasons=reasons.explained(one.reasons),
    )


def _title(identifier: str, type_: str) -> str:
    if type_ == _UPDATE:
        return "Enforced software update"
    return _OURS.get(identifier, identifier)


def _subscriptions(current: Mapping[str, Listed]) -> list[str]:
    line = current.get(manifest.SUBSCRIPTIONS)
    items = line.extra.get("payload", {}).get("StatusItems", []) if line is not None else []
    return [str(one.get("Name")) for one in items if isinstance(one, Mapping)]


def _without_declarations(status: Mapping[str, Any]) -> dict[str, Any]:
    management = status.get("management")
    if not isinstance(management, Mapping):
        return dict(status)
    rest = {name: value for name, value in management.items() if name != "declarations"}
    others = {name: value for name, value in status.items() if name != "management"}
    return {**others, **({"management": rest} if rest else {})}
