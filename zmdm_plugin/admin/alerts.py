"""Alerts: what is wrong, what to do, who looks after it, and whether mails of it get out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Response, flash, make_response, redirect, request, url_for
from flask_admin import expose

from zmdm_plugin import db
from zmdm_plugin.admin import forms, paging
from zmdm_plugin.admin.screen import Screen, acting, back, demand, standing, text
from zmdm_plugin.admin.words import Badge, counted, sentence, stamp
from zmdm_plugin.errors import Conflict, Refused
from zmdm_plugin.models import Alert
from zmdm_plugin.models.base import as_utc, utcnow
from zmdm_plugin.services import access, audit
from zmdm_plugin.services.alerts import handling, kinds, notices, sending, watch
from zmdm_plugin.services.alerts.condition import Severity
from zmdm_plugin.state import state as plugin

LIST, ONE = "zmdm_alerts", "zmdm_alert"
_TABS = (
    ("open", "Open"),
    ("acknowledged", "Acknowledged"),
    ("snoozed", "Snoozed"),
    ("cleared", "Over"),
    ("all", "All"),
)
_NOTHING = {
    "open": "Nothing is wrong that nobody looks after.",
    "acknowledged": "Nobody looks after an alert now.",
    "snoozed": "Nothing is put off.",
    "cleared": "No alert is over yet.",
    "all": "There has never been an alert.",
}
_SNOOZES = (("1h", "An hour"), ("1d", "A day"), ("7d", "A week"), ("until", "Until…"))
_SEVERITY = {"warning": Badge("Warning", "warn"), "critical": Badge("Critical", "bad")}
_WHAT = {
    "opened": "It began",
    "worse": "It got worse",
    "again": "It is still so",
    "cleared": "It is over",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """An alert, or a dead process that nobody could write one about, in words."""

    title: str
    name: str
    says: str
    do: str
    url: str
    """Where it is mended."""
    severity: Badge
    state: Badge
    row: Alert | None = None


class AlertList(Screen):
    """All alerts, and how their mails get out."""

    permission = access.VIEW_ALERTS

    @expose("/")
    def index(self) -> Response:
        """The newest first; dead processes on top, found as this page is made."""
        now = utcnow()
        given = text("state", most=20)
        state = given if given in handling.STATES else "open"
        severity = text("severity", most=20)
        severity = severity if severity in list(Severity) else ""
        asked: dict[str, Any] = {"state": state, "severity": severity, "limit": paging.PER_PAGE}
        try:
            found = handling.page(now=now, cursor=paging.cursor(), **asked)
        except Refused:
            found = handling.page(now=now, **asked)
        return self.page(
            "zmdm/alerts.html",
            title="Alerts",
            page=paging.page([of_row(row, now) for row in found.items], cursor=found.next_cursor),
            dead=_dead() if state == "open" else [],
            tabs=_TABS,
            state=state,
            severities=[str(one) for one in Severity],
            severity=severity,
            nothing=_NOTHING[state],
            last_look=watch.last_look(),
            mail=_mail(),
        )

    @expose("/test_mail/", methods=("POST",))
    def test_mail(self) -> Response:
        """Waits some seconds for the mail server, and says how it went."""
        demand(access.CHANGE_ALERTS)
        with db.transaction():
            audit.record(acting(), "alert.test_mail")
        try:
            sending.test(now=utcnow())
        except Conflict as error:
            flash(f"The test was not sent: {sentence(str(error))}", "error")
            return make_response(redirect(url_for(".index"), code=303))
        return back(f"A test was sent to {', '.join(sending.recipients())}.", f"{LIST}.index")

    @expose("/send_again/", methods=("POST",))
    def send_again(self) -> Response:
        """What did not get out is tried again within a minute."""
        demand(access.CHANGE_ALERTS)
        with db.transaction():
            number = notices.try_again(now=utcnow())
            audit.record(acting(), "alert.send_again", after={"number": number})
        return back(f"{counted(number, 'mail')} will be tried again.", f"{LIST}.index")


class AlertPage(Screen):
    """One alert."""

    permission = access.VIEW_ALERTS

    @expose("/")
    def index(self, alert_id: int) -> Response:
        """What is wrong, what to do, who was told."""
        return self._show(handling.find(alert_id))

    @expose("/acknowledge/", methods=("POST",))
    def acknowledge(self, alert_id: int) -> Response:
        """Somebody looks after it."""
        demand(access.CHANGE_ALERTS)
        with db.transaction():
            note = text("note", most=500, given=request.form)
            handling.acknowledge(alert_id, note=note, actor=acting(), now=utcnow())
        said = "Acknowledged: no more is told of it unless it gets worse, or until it is over."
        return back(said, ".index", alert_id=alert_id)

    @expose("/snooze/", methods=("POST",))
    def snooze(self, alert_id: int) -> Response:
        """Nobody is told until then."""
        demand(access.CHANGE_ALERTS)
        try:
            until = _until(request.form, utcnow())
            with db.transaction():
                handling.snooze(alert_id, until=until, actor=acting(), now=utcnow())
        except Refused as error:
            return self._show(handling.find(alert_id), fault=error.why)
        said = f"Nobody is told of it before {stamp(until)}."
        return back(said, ".index", alert_id=alert_id)

    @expose("/wake/", methods=("POST",))
    def wake(self, alert_id: int) -> Response:
        """End the snooze."""
        demand(access.CHANGE_ALERTS)
        with db.transaction():
            handling.wake(alert_id, actor=acting())
        return back("It is put off no more.", ".index", alert_id=alert_id)

    def _show(self, row: Alert, *, fault: str = "") -> Response:
        shown = of_row(row, utcnow())
        return self.page(
            "zmdm/alert.html",
            title=shown.title,
            status=422 if fault else 200,
            one=shown,
            row=row,
            state=handling.state_of(row, now=utcnow()),
            mails=[(_WHAT.get(one.what, one.what), one) for one in notices.of(row)],
            note=forms.Field(name="note", label="Note for the others", most=500),
            until=forms.Field(
                name="until",
                label="Until",
                kind="moment",
                help="In UTC; within a year.",
                error=sentence(fault),
            ),
            snoozes=_SNOOZES,
        )


def screens() -> list[Screen]:
    """The screens of this area, for the menu."""
    listed = AlertList("Alerts", endpoint=LIST, url="alerts")
    return [listed, AlertPage("Alert", endpoint=ONE, url="alerts/<int:alert_id>", below=listed)]


def newest(now: datetime, *, most: int) -> list[Shown]:
    """What is open, for the overview: dead processes first, then alerts."""
    rows = handling.page(now=now, state="open", limit=most).items
    return [*_dead(), *(of_row(row, now) for row in rows)][:most]


def _dead() -> list[Shown]:
    found = standing()
    dead = found.dead if found is not None else ()
    return [_shown(one.kind, one.name, one.severity, one.facts) for one in dead]


def of_row(row: Alert, now: datetime) -> Shown:
    """An alert in words."""
    return _shown(row.kind, row.name, row.severity, row.facts, row=row, now=now)


def _shown(
    kind: str,
    name: str,
    severity: str,
    facts: Mapping[str, Any],
    *,
    row: Alert | None = None,
    now: datetime | None = None,
) -> Shown:
    return Shown(
        title=kinds.of(kind).title,
        name=name,
        says=kinds.says(kind, facts),
        do=kinds.do(kind, facts).replace("`", ""),
        url=f"{request.script_root}{plugin().settings.admin_url}/{kinds.path(kind, facts)}",
        severity=_SEVERITY[str(severity)],
        state=_state(row, now) if row is not None and now is not None else _NOW,
        row=row,
    )


_NOW = Badge("Seen just now", "bad", "Nobody has written it down: that is what the dead would do.")


def _state(row: Alert, now: datetime) -> Badge:
    match handling.state_of(row, now=now):
        case "cleared":
            return Badge("Over", "good", f"since {stamp(row.cleared_at)}")
        case "snoozed":
            return Badge("Snoozed", "quiet", f"until {stamp(row.snoozed_until)}")
        case "acknowledged":
            return Badge("Acknowledged", "busy", f"by {row.acknowledged_by}")
    return Badge("Open", "warn")


def _mail() -> dict[str, Any]:
    """Who is told by mail, and how mails get out."""
    return {"to": sending.recipients(), "outbox": notices.outbox()}


def _until(form: Mapping[str, str], now: datetime) -> datetime:
    """The moment that was chosen; Refused where it is none."""
    chosen = form.get("for", "")
    if chosen in handling.SNOOZES:
        return now + handling.SNOOZES[chosen]
    try:
        return as_utc(datetime.fromisoformat(form.get("until", "").strip()))
    except (ValueError, OverflowError) as error:
        raise Refused("until", "needs a day and a time") from error
