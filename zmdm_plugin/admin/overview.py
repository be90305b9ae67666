"""The first screen: is the fleet fine, and if not, where to look."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import flask
import sqlalchemy as sa
from flask import Response
from flask_admin import expose

from zmdm_plugin.admin.screen import Screen, acting, session
from zmdm_plugin.models import (
    CertificateAuthority,
    ChannelCommand,
    Device,
    Enrollment,
    PushCertificate,
)
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import access

_SILENT = timedelta(days=7)
_SOON = timedelta(days=30)
_MOST = 1000
_BARS = 8


@dataclass(frozen=True, slots=True)
class Count:
    """One number that matters, and the list behind it."""

    shown: str
    words: str
    url: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a chart; `share` is relative to the longest."""

    label: str
    number: int
    url: str


class Overview(Screen):
    """Counts, charts and what will expire."""

    permission = access.VIEW_DEVICES

    @expose("/")
    def index(self) -> Response:
        """A fixed number of statements, whatever the size of the fleet."""
        now = utcnow()
        fleet = _fleet(now)
        return self.page(
            "zmdm/overview.html",
            title="Overview",
            counts=[*_device_counts(fleet), *_command_counts()],
            empty=not fleet["all"],
            platforms=_bars(Device.platform, "platform"),
            versions=_versions(),
            expiring=_expiring(now),
            enrollable=session().scalar(sa.select(Enrollment.id).limit(1)) is not None,
        )


def _scope() -> list[Any]:
    scope = access.row_scope(acting(), access.VIEW_DEVICES)
    return [] if scope is None else [scope]


def _enrolled() -> list[Any]:
    gone = (Device.checkout_at, Device.blocked_at)
    return [Device.enrolled_at.is_not(None), *(column.is_(None) for column in gone), *_scope()]


def _fleet(now: datetime) -> dict[str, int]:
    """How many devices there are of each kind, in one pass over the table."""
    enrolled = sa.and_(*_enrolled())
    counted = {
        "all": sa.func.count(),
        "enrolled": sa.func.count(sa.case((enrolled, 1))),
        "silent": sa.func.count(sa.case((sa.and_(enrolled, Device.seen_hour < now - _SILENT), 1))),
        "blocked": sa.func.count(sa.case((Device.blocked_at.is_not(None), 1))),
    }
    row = session().execute(sa.select(*counted.values()).where(*_scope())).one()
    return dict(zip(counted, row, strict=True))


def _device_counts(fleet: dict[str, int]) -> list[Count]:
    return [
        Count(f"{fleet['enrolled']:,}", "enrolled", _list(state="enrolled")),
        Count(
            f"{fleet['silent']:,}",
            "enrolled, not seen for a week",
            _list(state="enrolled", seen="not-7d", order="last_seen"),
            "warn" if fleet["silent"] else "",
        ),
        Count(f"{fleet['blocked']:,}", "blocked", _list(state="blocked")),
    ]


def _command_counts() -> list[Count]:
    """Up to a thousand and no further: nobody acts differently on the exact number."""
    waiting = _up_to(ChannelCommand.finished_at.is_(None))
    return [Count(waiting, "commands not finished", _commands(state="outstanding"))]


def _up_to(condition: Any) -> str:
    some = sa.select(ChannelCommand.id).where(condition).limit(_MOST + 1).subquery()
    number = session().scalar(sa.select(sa.func.count()).select_from(some)) or 0
    return f"{number:,}" if number <= _MOST else f"over {_MOST:,}"


def _bars(column: Any, argument: str) -> list[Bar]:
    rows = session().execute(
        sa.select(column, sa.func.count().label("number"))
        .where(*_enrolled())
        .group_by(column)
        .order_by(sa.desc("number"))
        .limit(_BARS)
    )
    return [Bar(value or "unknown", number, _list(**{argument: value})) for value, number in rows]


def _versions() -> list[Bar]:
    rows = session().execute(
        sa.select(Device.platform, Device.os_version, sa.func.count().label("number"))
        .where(*_enrolled())
        .group_by(Device.platform, Device.os_version)
        .order_by(sa.desc("number"))
        .limit(_BARS)
    )
    return [
        Bar(f"{platform or 'unknown'} {version or ''}".strip(), number, _list(platform=platform))
        for platform, version, number in rows
    ]


def _expiring(now: datetime) -> list[tuple[str, str, datetime]]:
    """What will stop working within a month unless somebody renews it."""
    found: list[tuple[str, str, datetime]] = []
    for kind, model in (("Push certificate", PushCertificate), ("CA", CertificateAuthority)):
        ends: Any = model.not_after
        named: Any = model.name
        query = sa.select(named, ends).where(ends.is_not(None), ends < now + _SOON)
        if model is CertificateAuthority:
            query = query.where(CertificateAuthority.issuing.is_(True))
        found += [(kind, name, moment) for name, moment in session().execute(query)]
    return sorted(found, key=lambda item: item[2])


def _list(**arguments: Any) -> str:
    return flask.url_for("zmdm_devices.index", **arguments)


def _commands(**arguments: Any) -> str:
    return flask.url_for("zmdm_commands.index", **arguments)
