"""Webhooks: made, changed, deleted, and asked which of them want an event."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa

from zmdm_plugin.db import after_commit, session
from zmdm_plugin.errors import NotFound, Refused
from zmdm_plugin.models import DeviceTag, Tag, Webhook, WebhookDelivery
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import vault
from zmdm_plugin.services.keyset import MAX_ID
from zmdm_plugin.services.secret_text import new_secret
from zmdm_plugin.state import state

_KEPT = "webhooks"
_KEPT_FOR = 5.0
"""Seconds for which a process goes on with the webhooks that it knows: events are frequent."""
_MOST = 50
_LONGEST = 64


@dataclass(frozen=True, slots=True)
class Wanted:
    """A webhook as far as the writing of an event asks."""

    id: int
    kinds: tuple[str, ...]
    tags: frozenset[str]

    def likes(self, kind: str) -> bool:
        return not self.kinds or any(fnmatchcase(kind, pattern) for pattern in self.kinds)


def create(
    name: str, url: str, *, kinds: Sequence[str] = (), tags: Sequence[str] = ()
) -> tuple[Webhook, str]:
    """Make a webhook; returns it with its secret, which is shown once. Refused names the field."""
    if (session().scalar(sa.select(sa.func.count(Webhook.id))) or 0) >= _MOST:
        raise Refused("name", f"there are {_MOST} webhooks already")
    row = Webhook(name="", url="", kinds=[], tags=[])
    _apply(row, {"name": name, "url": url, "kinds": kinds, "tags": tags})
    secret = new_secret()
    vault.seal(row, "secret", secret.encode())
    session().add(row)
    session().flush()
    _forget()
    return row, secret


def change(row: Webhook, changes: Mapping[str, Any]) -> None:
    """Change name, address, what it wants, or whether it is on; what is not named stays."""
    _apply(row, changes)
    if {"url", "enabled"} & changes.keys():
        row.next_try_at, row.failures = None, 0
    session().flush()
    _forget()


def new_secret_of(row: Webhook) -> str:
    """Another secret from now on, shown once; what is sent later is signed with it."""
    secret = new_secret()
    vault.seal(row, "secret", secret.encode())
    return secret


def delete(row: Webhook) -> int:
    """Delete it with what it was still to be told; returns how many events that were."""
    mine = WebhookDelivery.webhook_id == row.id
    left = session().scalar(sa.select(sa.func.count(WebhookDelivery.id)).where(mine)) or 0
    session().execute(
        sa.delete(WebhookDelivery).where(mine), execution_options={"synchronize_session": False}
    )
    session().delete(row)
    session().flush()
    _forget()
    return left


def find(webhook_id: int) -> Webhook:
    """The webhook; NotFound."""
    row = session().get(Webhook, webhook_id) if 0 < webhook_id <= MAX_ID else None
    if row is None:
        raise NotFound("there is no such webhook")
    return row


def every() -> Sequence[Webhook]:
    """All of them by name; there are few."""
    return session().scalars(sa.select(Webhook).order_by(Webhook.name)).all()


def for_event(kind: str, device_id: int | None) -> list[int]:
    """The webhooks that want this event; no statement where there is none, or none with tags."""
    liking = [one for one in _known() if one.likes(kind)]
    tagged = [one for one in liking if one.tags]
    if not tagged:
        return [one.id for one in liking]
    names = _tags_of(device_id)
    return [one.id for one in liking if not one.tags or one.tags & names]


def any_likes(kind: str) -> bool:
    """Whether a webhook may want events of this kind, whatever the device."""
    return any(one.likes(kind) for one in _known())


def _known() -> Sequence[Wanted]:
    """Those that are on, read every few seconds: one that is made elsewhere begins that late."""
    kept: tuple[float, Sequence[Wanted]] | None = state().cache.get(_KEPT)
    if kept is not None and time.monotonic() - kept[0] < _KEPT_FOR:
        return kept[1]
    with session().no_autoflush:
        rows = session().execute(
            sa.select(Webhook.id, Webhook.kinds, Webhook.tags).where(Webhook.enabled.is_(True))
        )
        found = [Wanted(id_, tuple(kinds), frozenset(tags)) for id_, kinds, tags in rows]
    state().cache[_KEPT] = (time.monotonic(), found)
    return found


def _forget() -> None:
    """What this process knows is old: now for this transaction, and for those that are open."""
    cache = state().cache
    cache.pop(_KEPT, None)
    after_commit(lambda: cache.pop(_KEPT, None))


def _tags_of(device_id: int | None) -> frozenset[str]:
    if device_id is None:
        return frozenset()
    with session().no_autoflush:
        names = session().scalars(
            sa.select(Tag.name)
            .join(DeviceTag, DeviceTag.tag_id == Tag.id)
            .where(DeviceTag.device_id == device_id)
        )
        return frozenset(names)


def _apply(row: Webhook, changes: Mapping[str, Any]) -> None:
    checked = {name: _CHECKS[name](value) for name, value in changes.items()}
    if (name := checked.get("name", row.name)) != row.name:
        taken = session().scalar(sa.select(Webhook.id).where(Webhook.name == name))
        if taken is not None:
            raise Refused("name", "there is a webhook with this name")
    for column, value in checked.items():
        setattr(row, column, value)
    row.updated_at = utcnow()


def _name(value: str) -> str:
    name = value.replace("\0", "").strip()
    if not 0 < len(name) <= 128:
        raise Refused("name", "needs 1 to 128 characters")
    return name


def _url(value: str) -> str:
    url = value.strip()
    try:
        parts = urlsplit(url)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and not parts.fragment
        good = good and (parts.port is None or parts.port > 0) and not parts.username
    except ValueError:
        good = False
    if not good or len(url) > 2000 or not url.isascii() or not url.isprintable() or " " in url:
        raise Refused("url", "must be an address like https://example.com/hook")
    return url


def _kinds(value: Sequence[str]) -> list[str]:
    kinds = sorted({text.strip() for text in value if text.strip()})
    for kind in kinds:
        if len(kind) > _LONGEST or not all(part.isalnum() for part in _parts(kind)):
            raise Refused("kinds", f"{kind[:_LONGEST]!r} is no kind of event, nor like device.*")
    if len(kinds) > _MOST:
        raise Refused("kinds", f"at most {_MOST}")
    return kinds


def _parts(kind: str) -> list[str]:
    return [part.replace("_", "") or "x" for part in kind.replace("*", "x").split(".")]


def _tags(value: Sequence[str]) -> list[str]:
    names = sorted({text.strip() for text in value if text.strip()})
    known = set(session().scalars(sa.select(Tag.name).where(Tag.name.in_(names))))
    if missing := [name for name in names if name not in known]:
        raise Refused("tags", f"there is no tag {missing[0]!r}")
    return names


_CHECKS: Mapping[str, Any] = {
    "name": _name,
    "url": _url,
    "kinds": _kinds,
    "tags": _tags,
    "enabled": bool,
}
