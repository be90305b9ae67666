"""What became of an app that a command was to install: asked with growing waits until it is known.

Everything here runs in the channel's own conversation, which holds the channel's row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import sqlalchemy as sa

from zmdm_plugin.commands.effects import App, ManagedApp
from zmdm_plugin.db import session
from zmdm_plugin.models import Artifact, Channel, ChannelArtifact
from zmdm_plugin.models.artifacts import APPS
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.protocol import apps as states
from zmdm_plugin.protocol.packages.values import Bundle
from zmdm_plugin.protocol.platform import version as numbers
from zmdm_plugin.services.artifacts import brought, present
from zmdm_plugin.services.artifacts.brought import Brought
from zmdm_plugin.services.artifacts.wanted import PACKAGE, STORE, UNDER_WAY

_CHECKS = tuple(timedelta(minutes=minutes) for minutes in (0.5, 2, 5, 15, 60, 240, 720))
_DAILY = timedelta(days=1)
_PATIENCE = {states.INSTALLING: timedelta(days=1), states.AWAITING: timedelta(days=7)}
"""After so long an app that is not there is ordered once more."""

_LONGEST = 256
_NAMELESS = {
    "code": "Nameless",
    "description": (
        "The device took it. Whether it is there is looked up once the App Store, or the device, "
        "tells the app's bundle identifier."
    ),
}


def taken(
    channel: Channel, artifact_id: int, version_id: int, said: str | None, identifier: str | None
) -> None:
    """The device has begun with it, and perhaps said how far it is, and what it calls it."""
    row = present.ensure(channel, artifact_id)
    if row.tried_version_id not in (None, version_id):
        return
    row.tried_version_id, row.tried_at = version_id, row.tried_at or utcnow()
    if identifier and len(identifier) <= _LONGEST:
        row.app_identifier = identifier
    app = brought.of(channel, [row]).get(artifact_id)
    if app is None or not app.bundles:  # there is nothing by which it could be found
        present.installed(channel, artifact_id, version_id)
        if app is not None and app.kind == STORE:
            row.reasons, row.check_at = [_NAMELESS], utcnow() + _DAILY
            present.plan_by(channel, row.check_at)
        return
    state = states.state(said) or states.state("queued")
    assert state is not None
    if state.status == states.INSTALLED and app.kind == PACKAGE:
        state = states.state("installing") or state
    _apply(channel, row, state)


def asked(channel: Channel, *, now: datetime) -> None:
    """The planner has asked: next time after a longer wait."""
    for row in _rows(channel):
        if row.check_at is not None and row.check_at <= now:
            row.checks += 1
            row.check_at = now + _wait(row)


def managed(channel: Channel, found: Iterable[ManagedApp], *, whole: bool) -> None:
    """Compare with the list of managed apps; `whole`: what is not in it is not managed."""
    rows = _rows(channel)
    if not rows:
        return
    told = {one.identifier: one for one in found}
    known = brought.of(channel, rows)
    for row in rows:
        app = known.get(row.artifact_id)
        if app is None or app.kind == PACKAGE or not app.bundles:
            continue
        one = told.get(app.bundles[0].identifier)
        if one is not None:
            _told(channel, row, states.state(one.state) or states.state("unknown"))
        elif whole:
            _absent(channel, row)


def listed(
    channel: Channel, found: Iterable[App], *, managed_only: bool, asked_for: frozenset[str]
) -> None:
    """Compare packages with the list of installed apps, or with the part that was asked for."""
    rows = _rows(channel)
    known = brought.of(channel, rows) if rows else {}
    versions: dict[str, list[App]] = {}
    for one in found:
        versions.setdefault(one.identifier, []).append(one)
    for row in rows:
        app = known.get(row.artifact_id)
        if app is None or app.kind != PACKAGE or (managed_only and not app.managed):
            continue
        names = {bundle.identifier for bundle in app.bundles}
        if asked_for and not names <= asked_for:
            continue
        _compare(channel, row, app, versions)


def _compare(
    channel: Channel, row: ChannelArtifact, app: Brought, versions: Mapping[str, list[App]]
) -> None:
    """New enough is there; older ones are on their way; none at all was removed."""
    there = [bundle for bundle in app.bundles if bundle.identifier in versions]
    if any(_is_new(bundle, one) for bundle in there for one in versions[bundle.identifier]):
        _told(channel, row, states.state("installed"))
    elif not there:
        _absent(channel, row)


def _is_new(bundle: Bundle, one: App) -> bool:
    wanted, found = bundle.short_version or bundle.version, one.short_version or one.version
    if not wanted or one.installing:
        return not one.installing
    return found == wanted or numbers(found) >= numbers(wanted)


def _told(channel: Channel, row: ChannelArtifact, state: states.State | None) -> None:
    if state is None or row.status in ("removing", "removal_failed"):
        return
    if row.status == "failed" and state.status != states.INSTALLED:
        return  # its next try is set; what the device says of the former one is old
    _apply(channel, row, state)


def _apply(channel: Channel, row: ChannelArtifact, state: states.State) -> None:
    now = utcnow()
    version = row.tried_version_id or row.installed_version_id
    if version is None:
        return
    if state.status == states.INSTALLED:
        if row.status != "installed" or row.installed_version_id != version:
            present.installed(channel, row.artifact_id, version)
        row.checks, row.check_at, row.reasons = 0, now + _DAILY, None
    elif state.status == states.FAILED:
        present.failed(channel, row.artifact_id, version, state.words)
        row.check_at = None
    elif state.status == states.UNINSTALLED:
        present.gone(channel, row, state.words)
    else:
        row.status = state.status
        row.reasons = [{"code": state.name, "description": state.words}]
        row.next_try_at = (row.tried_at or now) + _PATIENCE[state.status]
        row.check_at = row.check_at if row.check_at and row.check_at > now else now + _wait(row)
        present.plan_by(channel, min(row.check_at, row.next_try_at))


def _absent(channel: Channel, row: ChannelArtifact) -> None:
    """Not listed: gone if it was there or is to go, else not there yet."""
    if row.status in ("removing", "removal_failed"):
        present.removed(channel, row.artifact_id)
    elif row.status == "installed":
        present.gone(channel, row, "The app is no longer on the device.")


def _wait(row: ChannelArtifact) -> timedelta:
    if row.status not in UNDER_WAY:
        return _DAILY
    return _CHECKS[min(row.checks, len(_CHECKS) - 1)]


def _rows(channel: Channel) -> list[ChannelArtifact]:
    """The apps that came, or are to come, by command."""
    return list(
        session().scalars(
            sa.select(ChannelArtifact)
            .join(Artifact, Artifact.id == ChannelArtifact.artifact_id)
            .where(
                ChannelArtifact.channel_id == channel.id,
                ChannelArtifact.via == present.COMMAND,
                Artifact.type.in_(APPS),
            )
        )
    )
