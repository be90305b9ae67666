"""The first screen: is the fleet fine, and if not, where to look."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import flask
import sqlalchemy as sa
from flask import Response
from flask_admin import expose

from zmdm_plugin.admin import alerts
from zmdm_plugin.admin.screen import Screen, acting, may, session
from zmdm_plugin.admin.words import state_of_command
from zmdm_plugin.models import Enrollment
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import access, dashboard, renewals
from zmdm_plugin.services.artifacts import listing
from zmdm_plugin.services.dep import listing as dep_listing
from zmdm_plugin.services.setup import awaiting

_BARS = 8
_ALERTS = 5
_SEEN = (
    ("1h", "within an hour", {"seen": "1h"}),
    ("1d", "within a day", {"seen": "1d"}),
    ("7d", "within a week", {"seen": "7d"}),
    ("30d", "within 30 days", {"seen": "30d"}),
    ("older", "not for 30 days", {"seen": "not-30d"}),
)


@dataclass(frozen=True, slots=True)
class Count:
    """One number that matters, and the list behind it."""

    shown: str
    words: str
    url: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a chart; its length is relative to the longest."""

    label: str
    number: int
    url: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars under a heading: drawn, and readable as a table."""

    id: str
    heading: str
    bars: list[Bar]
    about: str = ""

    @property
    def most(self) -> int:
        """The length of the longest bar."""
        return max((bar.number for bar in self.bars), default=0)


class Overview(Screen):
    """Counts, charts and what will expire."""

    permission = access.VIEW_DEVICES

    @expose("/")
    def index(self) -> Response:
        """A fixed number of statements, whatever the size of the fleet."""
        now = utcnow()
        fleet = dashboard.fleet(acting(), now=now)
        commands = may(access.VIEW_COMMANDS)
        dep = _dep_counts() if may(access.VIEW_DEP_DEVICES) else []
        return self.page(
            "zmdm/overview.html",
            title="Overview",
            empty=not fleet.total,
            counts=[
                *_device_counts(fleet),
                *_setup_counts(now),
                *_identity_counts(),
                *(_command_counts() if commands else ()),
                *(_artifact_counts() if may(access.VIEW_ARTIFACTS) else ()),
                *dep,
            ],
            troubles=dep,
            charts=[*_fleet_charts(fleet), *([_states()] if commands else ())],
            arrivals=_arrivals(dashboard.enrollments(acting(), now=now)),
            alerts=alerts.newest(now, most=_ALERTS) if may(access.VIEW_ALERTS) else [],
            expiring=dashboard.expiring(now=now) if may(access.VIEW_PUSH_CERTIFICATES) else [],
            runs=dashboard.running(owner=None if may(access.VIEW_RUNS) else acting().person.id),
            enrollable=session().scalar(sa.select(Enrollment.id).limit(1)) is not None,
        )


def _device_counts(fleet: dashboard.Fleet) -> list[Count]:
    dead = dashboard.not_wakeable(acting())
    return [
        Count(f"{fleet.enrolled:,}", "enrolled", _list(state="enrolled")),
        Count(
            f"{fleet.silent:,}",
            "enrolled, not seen for a week",
            _list(state="enrolled", seen="not-7d", order="last_seen"),
            "warn" if fleet.silent else "",
        ),
        Count(_at_most(dead), "cannot be woken", _list(push="dead"), "warn" if dead else ""),
        *_few(fleet.leaving, "leaving", "asked to leave"),
        Count(f"{fleet.checked_out:,}", "checked out", _list(state="checked_out")),
        *_few(fleet.released, "released", "released, not gone yet"),
        Count(f"{fleet.blocked:,}", "blocked", _list(state="blocked")),
    ]


def _few(number: int, state: str, words: str) -> list[Count]:
    """Nothing where there is none: most fleets have none."""
    return [Count(f"{number:,}", words, _list(state=state))] if number else []


def _setup_counts(now: datetime) -> list[Count]:
    """Nothing as long as nobody waits."""
    waiting, stalled = awaiting.number_waiting(acting(), now=now, most=dashboard.MOST)
    if not waiting:
        return []
    words = f"in Setup Assistant{', ' + _at_most(stalled) + ' too long' if stalled else ''}"
    asked = "stalled" if stalled else "waiting"
    return [Count(_at_most(waiting), words, _list(setup=asked), "warn" if stalled else "")]


def _identity_counts() -> list[Count]:
    """Nothing as long as nobody is late: that is how it should be."""
    late = renewals.number_overdue(acting(), most=dashboard.MOST)
    url = flask.url_for("zmdm_identities.index", renewal="overdue")
    return [Count(_at_most(late), "identities overdue for renewal", url, "warn")] if late else []


def _command_counts() -> list[Count]:
    waiting, failed = dashboard.outstanding(acting()), dashboard.failed(acting())
    return [
        Count(_at_most(waiting), "commands not finished", _commands(state="outstanding")),
        Count(
            _at_most(failed),
            "commands failed",
            _commands(state="failed"),
            "warn" if failed else "",
        ),
    ]


def _artifact_counts() -> list[Count]:
    """Nothing as long as nothing fails: most hosts have artifacts that are simply there."""
    failing = listing.number_failing(acting())
    shown = "artifact fails somewhere" if failing == 1 else "artifacts fail somewhere"
    url = flask.url_for("zmdm_artifact_failures.index")
    return [Count(f"{failing:,}", shown, url, "warn")] if failing else []


def _dep_counts() -> list[Count]:
    """Automated Device Enrollment; nothing as long as all is well."""
    found = dep_listing.trouble(most=dashboard.MOST)
    shown = (
        (found.unassigned, "none", "DEP devices without an enrollment"),
        (found.failed, "failed", "DEP devices that Apple does not assign"),
        (found.not_accessible, "not_accessible", "DEP devices that Apple calls not accessible"),
    )
    return [
        Count(
            _at_most(number),
            words,
            flask.url_for("zmdm_dep_devices.index", assignment=state),
            "warn",
        )
        for number, state, words in shown
        if number
    ]


def _at_most(number: int) -> str:
    return f"{number:,}" if number <= dashboard.MOST else f"{dashboard.MOST:,}+"


def _fleet_charts(fleet: dashboard.Fleet) -> list[Chart]:
    platforms = [
        Bar(platform or "unknown", number, _list(platform=platform, state="enrolled"))
        for platform, number in fleet.platforms[:_BARS]
    ]
    versions = [
        Bar(
            f"{platform or 'unknown'} {version or ''}".strip(),
            number,
            _list(platform=platform, os=version, state="enrolled"),
        )
        for platform, version, number in fleet.versions[:_BARS]
    ]
    seen = [
        Bar(words, fleet.seen[name], _list(state="enrolled", **arguments))
        for name, words, arguments in _SEEN
    ]
    return [
        Chart("platforms", "Platforms", platforms),
        Chart("versions", "Most common OS versions", versions),
        Chart("seen", "Last seen", seen),
    ]


def _states() -> Chart:
    found = dashboard.states(acting())
    bars = [
        Bar(state_of_command(state).words, number, _commands(state=state))
        for state, number in found
    ]
    number = sum(count for _, count in found)
    about = f"the newest {number:,}" if number >= dashboard.NEWEST else ""
    return Chart("states", "Commands by state", bars, about)


def _arrivals(days: list[tuple[date, int]]) -> Chart:
    bars = [
        Bar(
            day.isoformat(),
            number,
            _list(
                enrolled_after=day.isoformat(),
                enrolled_before=(day + timedelta(days=1)).isoformat(),
            ),
        )
        for day, number in days
    ]
    return Chart("arrivals", f"Enrolled in the last {len(days)} days", bars)


def _list(**arguments: Any) -> str:
    return flask.url_for("zmdm_devices.index", **arguments)


def _commands(**arguments: Any) -> str:
    return flask.url_for("zmdm_commands.index", **arguments)
