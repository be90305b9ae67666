"""What is one channel's own in the list of declarations: a pure decision for each artifact.

A channel may be offered another form than the shared one: the version that is installed already,
a token that makes the device try again, values of variables. What cannot be offered in a new form
keeps its last good one, for leaving it out removes it, and perhaps the network.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from zmdm_plugin.models import ChannelArtifact
from zmdm_plugin.protocol.ddm import MAX_TOKEN
from zmdm_plugin.protocol.platform import version as numbers
from zmdm_plugin.services.declarations.entries import Listed, digest
from zmdm_plugin.services.declarations.manifest import listed, type_of

if TYPE_CHECKING:
    from zmdm_plugin.services.artifacts.compiled import Item

NOT_SUPPORTED, WAITING, UNRESOLVED = "NotSupported", "Waiting", "UnresolvedVariables"
UNLICENSED = "Licence"
OBSTACLES = frozenset({NOT_SUPPORTED, WAITING, UNRESOLVED, UNLICENSED})
_OS_PARTS = {"major": 1, "minor": 2, "patch": 3}


class Form(NamedTuple):
    """A version of an artifact as far as its token and its variables go."""

    id: int
    uid: str
    variables: frozenset[str] = frozenset()
    configured: bool = False


class Obstacle(NamedTuple):
    """Why an artifact is not offered (in its new form); `code` is one of ours, not Apple's."""

    code: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What is known of a channel while its list is made."""

    now: datetime
    os_version: str | None
    refusal: Callable[[str], str | None]
    """Why the client does not take a type of declaration; None if it does."""
    values: Mapping[str, str] = field(default_factory=dict)
    """Of the variables."""
    previous: Mapping[str, Listed] = field(default_factory=dict)
    """What it is offered so far, by identifier."""
    rows: Mapping[int, ChannelArtifact] = field(default_factory=dict)
    """What became of each artifact here, by artifact id; only read."""
    former: Mapping[int, Form] = field(default_factory=dict)
    """Installed versions that are not the chosen ones, by id."""
    unlicensed: Mapping[int, str] = field(default_factory=dict)
    """By artifact id, why an app has no licence yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a channel is offered of one artifact."""

    item: Item
    line: Listed | None
    """None: it is left out."""
    form: Form | None = None
    """The version of the line; None: the line is a former one, kept."""
    obstacle: Obstacle | None = None
    unresolved: tuple[str, ...] = ()
    retries: int = 0
    reinstalls: int = 0
    next_at: datetime | None = None
    """When it would be decided otherwise."""


def decide(
    item: Item, chosen: Form, around: Circumstances, others: Mapping[int, Decision]
) -> Decision:
    """Decide on one artifact; `others` are those before it, its prerequisites among them."""
    if why := around.refusal(type_of(item.type, item.declaration_type)):
        return Decision(item=item, line=None, obstacle=Obstacle(NOT_SUPPORTED, why))
    row = around.rows.get(item.id)
    form = _form(item, chosen, row, around.former)
    if waits := _waits_for(item, around, others):
        return _kept(item, around, Obstacle(WAITING, waits))
    if missing := around.unlicensed.get(item.id):
        return _kept(item, around, Obstacle(UNLICENSED, missing))
    unresolved = tuple(sorted(form.variables - around.values.keys()))
    if unresolved:
        words = f"there is no value for {', '.join(unresolved)}"
        return _kept(item, around, Obstacle(UNRESOLVED, words), unresolved)
    return _offered(item, form, row, around)


def _offered(
    item: Item, form: Form, row: ChannelArtifact | None, around: Circumstances
) -> Decision:
    retries, retry_at = _retries(form, row, around.now)
    reinstalls, reinstall_at = _reinstalls(item, row, around.now)
    values = {name: around.values[name] for name in sorted(form.variables)}
    os = _os(item, around.os_version)
    token = server_token(form.uid, os=os, reinstalls=reinstalls, retries=retries, values=values)
    moments = [moment for moment in (retry_at, reinstall_at) if moment is not None]
    return Decision(
        item=item,
        line=listed(item, form.uid, token, values, configured=form.configured),
        form=form,
        retries=retries,
        reinstalls=reinstalls,
        next_at=min(moments, default=None),
    )


def server_token(
    uid: str,
    *,
    os: str = "",
    reinstalls: int = 0,
    retries: int = 0,
    values: Mapping[str, str] | None = None,
) -> str:
    """The token of a version on a channel: it begins with the version's uid as long as it fits."""
    parts = [uid]
    if os:
        parts.append(f"o{os}")
    if reinstalls:
        parts.append(f"i{reinstalls}")
    if retries:
        parts.append(f"r{retries}")
    if values:
        parts.append(f"v{digest(dict(values))[:8]}")
    text = ".".join(parts)
    return text if len(text) <= MAX_TOKEN else digest(text)


def _form(
    item: Item, chosen: Form, row: ChannelArtifact | None, former: Mapping[int, Form]
) -> Form:
    """A profile that came by command is declared as it is first, or it could not be taken over."""
    if row is None or row.installed_version_id in (None, chosen.id):
        return chosen
    if row.via != "command" and item.auto_update:
        return chosen
    return former.get(row.installed_version_id or 0, chosen)


def _waits_for(item: Item, around: Circumstances, others: Mapping[int, Decision]) -> str | None:
    for needed in item.needs:
        other = others.get(needed)
        if other is not None:
            if other.line is None:
                return f"waits for “{other.item.name}”, which is not offered"
        elif (row := around.rows.get(needed)) is None or row.installed_version_id is None:
            return "waits for what it requires, which is not installed yet"
    return None


def _kept(
    item: Item, around: Circumstances, obstacle: Obstacle, unresolved: tuple[str, ...] = ()
) -> Decision:
    line = around.previous.get(item.identifier)
    return Decision(item=item, line=line, obstacle=obstacle, unresolved=unresolved)


def _retries(form: Form, row: ChannelArtifact | None, now: datetime) -> tuple[int, datetime | None]:
    if row is None or row.tried_version_id not in (None, form.id):
        return 0, None
    due = row.next_try_at if row.status in ("failed", "uninstalled") else None
    if due is not None and due <= now:
        return row.retry_count + 1, None
    return row.retry_count, due


def _reinstalls(
    item: Item, row: ChannelArtifact | None, now: datetime
) -> tuple[int, datetime | None]:
    """Whole intervals since it first was wanted here, and the end of the present one."""
    if row is None or item.reinstall_interval <= 0:
        return 0, None
    interval = timedelta(days=item.reinstall_interval)
    count = max(0, (now - row.created_at) // interval)
    return count, row.created_at + (count + 1) * interval


def _os(item: Item, os_version: str | None) -> str:
    parts = numbers(os_version)[: _OS_PARTS.get(item.reinstall_on_os_update, 0)]
    return ".".join(map(str, parts))
