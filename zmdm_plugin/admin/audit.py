"""The audit: who did what, found by who, what, which device and when; exported as it is shown."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Response
from flask_admin import expose

from zmdm_plugin import db
from zmdm_plugin.admin import downloads, paging
from zmdm_plugin.admin.asked import FAULT, day, number
from zmdm_plugin.admin.screen import Screen, acting, text
from zmdm_plugin.errors import Refused
from zmdm_plugin.models import AuditEntry
from zmdm_plugin.services import access, audit_log
from zmdm_plugin.services.audit_log import AuditFilter

_TEXTS = {"actor": 256, "action": 64, "object_type": 64, "serial_number": 128, "source_ip": 64}
_NUMBERS = ("token", "object_id", "device")
_DAYS = {"created_after": timedelta(0), "created_before": timedelta(days=1)}
GROUP = "Administration"


class AuditList(Screen):
    """Every entry that the one who acts may see."""

    permission = access.VIEW_AUDIT

    @expose("/")
    def index(self) -> Response:
        """One page of the list, the newest first; a stale cursor begins anew."""
        fault = ""
        try:
            asked = _asked()
        except ValueError:
            asked, fault = AuditFilter(), FAULT
        found = _page(asked)
        return self.page(
            "zmdm/audit.html",
            title="Audit",
            page=paging.page(found.items, cursor=found.next_cursor),
            asked={name: text(name, most=256) for name in (*_TEXTS, *_NUMBERS, *_DAYS)},
            narrowed=bool(str(asked)),
            fault=fault,
            actions=audit_log.actions(),
            exports=downloads.BUTTONS,
            object_of=object_of,
        )

    @expose("/export/<kind>/", methods=("POST",))
    def export(self, kind: str) -> Response:
        """What the filter finds, all pages of it, the oldest first."""
        downloads.check(kind)
        try:
            asked = _asked()
        except ValueError as error:
            raise Refused("", FAULT) from error
        with db.transaction():
            parts = audit_log.export(acting(), asked, kind)
        return downloads.export(parts, kind, "audit")


class AuditPage(Screen):
    """One entry, with what it was before and after."""

    permission = access.VIEW_AUDIT

    @expose("/")
    def index(self, entry_id: int) -> Response:
        """All that it says."""
        entry = audit_log.get(acting(), entry_id)
        return self.page(
            "zmdm/audit_entry.html",
            title="Audit entry",
            entry=entry,
            changes=_changes(entry),
            object_of=object_of,
        )


def screens() -> list[Screen]:
    """The screens of this area, for the menu."""
    listed = AuditList("Audit", endpoint="zmdm_audit", url="audit", group=GROUP)
    one = AuditPage("Entry", endpoint="zmdm_audit_entry", url="audit/<int:entry_id>", below=listed)
    return [listed, one]


def object_of(entry: AuditEntry) -> str:
    """What an entry is about, in words: its name, else its kind and number."""
    if entry.object_label:
        return entry.object_label
    return f"{entry.object_type} {entry.object_id}" if entry.object_id else entry.object_type


def _asked() -> AuditFilter:
    """The filter that the address names; ValueError for what is no date or number."""
    values: dict[str, Any] = {name: text(name, most=most) for name, most in _TEXTS.items()}
    values |= {name: number(text(name, most=20)) for name in _NUMBERS}
    values |= {name: day(text(name, most=10), plus) for name, plus in _DAYS.items()}
    return AuditFilter(**{name: value for name, value in values.items() if value})


def _page(asked: AuditFilter) -> Any:
    try:
        return audit_log.page(acting(), asked, cursor=paging.cursor(), limit=paging.PER_PAGE)
    except Refused:
        return audit_log.page(acting(), asked, limit=paging.PER_PAGE)


def _changes(entry: AuditEntry) -> list[tuple[str, Any, Any]]:
    """Name, value before and value after of all that the entry holds."""
    before, after = entry.before or {}, entry.after or {}
    return [(name, before.get(name), after.get(name)) for name in sorted({*before, *after})]
