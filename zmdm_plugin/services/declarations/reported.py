"""What a device says of its declarations, taken over into the status of artifacts.

Each report lists all that the device holds. Of two tokens for one artifact the present one counts;
what a former one failed at is over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.models import (
    Artifact,
    ArtifactVersion,
    Channel,
    ChannelArtifact,
    ChannelDeclarations,
)
from zmdm_plugin.protocol.ddm import Reported
from zmdm_plugin.services import events, licence_marks
from zmdm_plugin.services.declarations import app_states, offers, reasons, rows
from zmdm_plugin.services.declarations.app_states import AppState
from zmdm_plugin.services.declarations.entries import Listed

MOST_ATTEMPTS = 8
_FIRST = timedelta(minutes=15)
_LONGEST = timedelta(days=1)
_OUTCOMES = {
    ("valid", True): "installed",
    ("valid", False): "uninstalled",
    ("unknown", True): "awaiting_confirmation",
    ("unknown", False): "waiting",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lists:
    """The list that is to be offered now, and the one that was handed out last."""

    current: Mapping[str, Listed]
    offered: Mapping[str, Listed]
    versions: Mapping[str, int]
    """uid -> id, of every version that a list or a token names."""

    def expects(self, one: Reported) -> bool:
        line = self.current.get(one.identifier)
        return line is not None and line.token == one.server_token

    def version(self, one: Reported) -> int | None:
        for lines in (self.current, self.offered):
            line = lines.get(one.identifier)
            if line is not None and line.token == one.server_token:
                return self.versions.get(line.version or "")
        return self.versions.get(one.server_token.partition(".")[0])


def take(
    channel: Channel, held: ChannelDeclarations, told: Iterable[Reported], *, now: datetime
) -> bool:
    """Bring the artifacts' rows up to date; whether something changed that others wait for."""
    known = rows.of(channel)
    if not known:
        return False
    named = _identifiers(known)
    names = {artifact_id: name for artifact_id, (name, _) in named.items()}
    apps = app_states.of(held, {name: type_ for name, type_ in named.values() if type_})
    by_name: dict[str, list[Reported]] = {}
    for one in told:
        by_name.setdefault(one.identifier, []).append(one)
    lists = _lists(held, told=[one for found in by_name.values() for one in found])
    changed = False
    for artifact_id, row in known.items():
        name = names.get(artifact_id, "")
        found = by_name.get(name)
        if found is None:
            changed |= _absent(channel, row, wanted=name in lists.current, now=now)
        else:
            one = max(found, key=lambda one: (lists.expects(one), _weight(one)))
            changed |= _present(channel, row, one, lists=lists, now=now, app=apps.get(name))
    session().flush()
    return changed


def wait_after(attempts: int) -> timedelta:
    """How long to wait after so many failures in a row: 15 minutes, doubled up to a day."""
    doubled: int = 2 ** min(max(attempts - 1, 0), 10)
    return min(_FIRST * doubled, _LONGEST)


def _present(
    channel: Channel,
    row: ChannelArtifact,
    one: Reported,
    *,
    lists: _Lists,
    now: datetime,
    app: AppState | None = None,
) -> bool:
    outcome = _OUTCOMES.get((one.valid, one.active), "failed")
    if app is not None and outcome == "installed":
        outcome = app.outcome
    version = lists.version(one)
    if row.status == "removing" or one.identifier not in lists.current:
        return False
    if not lists.expects(one):
        if outcome == "installed" and row.installed_version_id is None and version is not None:
            row.installed_version_id = version
            row.installed_at = row.installed_at or now
            return True
        return False
    before = (row.status, row.installed_version_id, row.via)
    row.active, row.valid = one.active, one.valid
    row.reasons = [*reasons.explained(one.reasons), *(app.reasons if app else ())] or None
    if outcome == "installed":
        _installed(channel, row, version, now=now)
    elif outcome == "failed":
        _failed(channel, row, one, now=now)
    elif row.via == rows.BY_DECLARATION:
        _idle(row, outcome)
    return before != (row.status, row.installed_version_id, row.via)


def _installed(
    channel: Channel, row: ChannelArtifact, version: int | None, *, now: datetime
) -> None:
    if (row.status, row.installed_version_id, row.via) == (
        "installed",
        version,
        rows.BY_DECLARATION,
    ):
        return
    row.status, row.via = "installed", rows.BY_DECLARATION
    row.installed_version_id, row.installed_at = version, now
    row.installed_os = channel.device.os_version
    row.install_count += 1
    row.attempts, row.next_try_at = 0, None
    _tell(channel, "artifact.installed", row, version=version)


def _failed(channel: Channel, row: ChannelArtifact, one: Reported, *, now: datetime) -> None:
    """Counted once for each token; the planner tries again with another one when its time comes."""
    if row.status == "failed":
        return
    row.status, row.attempts = "failed", row.attempts + 1
    hopeless = reasons.lasting(one.reasons) or row.attempts >= MOST_ATTEMPTS
    row.next_try_at = None if hopeless else now + wait_after(row.attempts)
    if row.via == rows.BY_DECLARATION:
        row.installed_version_id = None
    why = (row.reasons or [{}])[0].get("description")
    _tell(channel, "artifact.failed", row, version=row.tried_version_id, why=why)


def _idle(row: ChannelArtifact, outcome: str) -> None:
    """Held, but not (or not yet) in effect."""
    if outcome == "waiting":
        outcome = "pending" if row.installed_version_id is None else "uninstalled"
    row.status = outcome
    if outcome == "uninstalled":
        row.installed_version_id = None


def _absent(channel: Channel, row: ChannelArtifact, *, wanted: bool, now: datetime) -> bool:
    """The device does not hold it: it is gone, or it is still to be fetched.

    What it held and was not told to drop is offered again under another token, after a wait.
    """
    if row.via != rows.BY_DECLARATION:
        return False
    if not wanted:
        if row.status != "removing":
            return False
        session().delete(row)
        licence_marks.mark(channel.device.serial_number)
        _tell(channel, "artifact.removed", row)
        return True
    if row.installed_version_id is None:
        return False
    row.status, row.installed_version_id, row.active = "uninstalled", None, False
    row.attempts += 1
    hopeless = row.attempts >= MOST_ATTEMPTS
    row.next_try_at = None if hopeless else now + wait_after(row.attempts)
    row.reasons = [{"code": "Missing", "description": "The device does not list it any more."}]
    _tell(channel, "artifact.missing", row)
    return True


def _weight(one: Reported) -> int:
    order = ("failed", "waiting", "uninstalled", "awaiting_confirmation", "installed")
    return order.index(_OUTCOMES.get((one.valid, one.active), "failed"))


def _identifiers(known: Mapping[int, ChannelArtifact]) -> dict[int, tuple[str, str | None]]:
    """By artifact: its name on devices, and the type of its declaration."""
    found = sa.select(Artifact.id, Artifact.identifier, Artifact.declaration_type).where(
        Artifact.id.in_(list(known))
    )
    return {id_: (name, type_) for id_, name, type_ in session().execute(found)}


def _lists(held: ChannelDeclarations, *, told: Iterable[Reported]) -> _Lists:
    current, offered = offers.current(held), offers.handed_out(held)
    uids = {line.version for lines in (current, offered) for line in lines.values()}
    uids |= {one.server_token.partition(".")[0] for one in told}
    found = sa.select(ArtifactVersion.uid, ArtifactVersion.id).where(
        ArtifactVersion.uid.in_([uid for uid in uids if uid])
    )
    versions = {uid: id_ for uid, id_ in session().execute(found)}
    return _Lists(current=current, offered=offered, versions=versions)


def _tell(channel: Channel, kind: str, row: ChannelArtifact, **payload: Any) -> None:
    events.record(
        kind,
        device=channel.device,
        channel=channel.key or None,
        artifact=row.artifact_id,
        **payload,
    )
