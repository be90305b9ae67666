"""Software updates: what Apple offers, what is enforced, and which device gets what, and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import flask
import sqlalchemy as sa
from flask import Response, request
from flask_admin import expose

from zmdm_plugin import db
from zmdm_plugin.admin import forms, paging
from zmdm_plugin.admin.device_facts import name_of
from zmdm_plugin.admin.screen import Screen, acting, back, demand, may, session, text
from zmdm_plugin.admin.words import counted, sentence
from zmdm_plugin.errors import Conflict, Refused
from zmdm_plugin.models import MDMBlueprint, SoftwareUpdateEnforcement
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import access, audit, tags
from zmdm_plugin.services.keyset import Page
from zmdm_plugin.services.software_updates import (
    enforcements,
    feed,
    listing,
    progress,
    standing,
)
from zmdm_plugin.services.software_updates.listing import UpdateFilter

GROUP = "Configuration"
_FORM, _PAGE, _LIST = (
    "zmdm_update_enforcement_form",
    "zmdm_update_enforcement",
    "zmdm_update_enforcements",
)
_SHOWN_DEVICES = 6
_MODES = {
    "latest": "Always the newest version",
    "once": "One version by a date",
}
_SHOW = (("", "Available"), ("all", "All"), ("gone", "No longer available"))


class UpdateList(Screen):
    """Apple's list."""

    permission = access.VIEW_UPDATES

    @expose("/")
    def index(self) -> Response:
        """The newest first; and how the list itself stands."""
        platform, device_id = text("platform", most=16), text("device", most=64)
        show = text("show", most=8)
        wanted = UpdateFilter(
            platform=platform if platform in enforcements.PLATFORMS else None,
            device_id=device_id or None,
            available={"": True, "gone": False}.get(show),
        )
        now = utcnow()
        found = listing.page(
            wanted, today=now.date(), cursor=paging.cursor(), limit=paging.PER_PAGE
        )
        return self.page(
            "zmdm/software_updates.html",
            title="Software updates",
            page=paging.page(found.items, cursor=found.next_cursor),
            hardware=listing.devices_of([row.id for row in found.items]),
            few=_SHOWN_DEVICES,
            feed=feed.state(),
            today=now.date(),
            platform=platform,
            platforms=enforcements.PLATFORMS,
            device=device_id,
            show=show,
            shows=_SHOW,
            fetchable=all(may(one) for one in access.SYNC_UPDATES),
        )

    @expose("/sync/", methods=("POST",))
    def sync(self) -> Response:
        """Fetch the list now; the job's page shows how far it is."""
        for permission in access.SYNC_UPDATES:
            demand(permission)
        try:
            with db.transaction():
                uid = feed.start(acting(), now=utcnow()).uid
        except Conflict:
            if (running := feed.running()) is None:
                raise
            return back("The list is being fetched already.", "zmdm_job_run.index", uid=running)
        return back("Apple's list is being fetched.", "zmdm_job_run.index", uid=uid)


class EnforcementList(Screen):
    """Every enforcement."""

    permission = access.VIEW_ENFORCEMENTS

    @expose("/")
    def index(self) -> Response:
        """Each in words, with how many devices it concerns."""
        found = enforcements.page(ordering="name", cursor=paging.cursor(), limit=paging.PER_PAGE)
        ids = [row.id for row in found.items]
        return self.page(
            "zmdm/update_enforcements.html",
            title="Update enforcements",
            page=paging.page(found.items, cursor=found.next_cursor),
            said=enforcements.words,
            counts=standing.counts(ids, actor=acting()),
            tags=enforcements.tags_of(ids),
            blueprints=enforcements.blueprints_of(ids),
            feed=feed.state(),
        )


class EnforcementPage(Screen):
    """One enforcement, and which device gets what, and when."""

    permission = access.VIEW_ENFORCEMENTS

    @expose("/")
    def index(self, enforcement_id: int) -> Response:
        """The preview is worked out now; nothing is kept of it."""
        row = enforcements.find(enforcement_id)
        found: Page[standing.Previewed] = Page([], None)
        if may(access.VIEW_DEVICES):
            found = standing.preview(
                row, acting(), now=utcnow(), cursor=paging.cursor(), limit=paging.PER_PAGE
            )
        return self.page(
            "zmdm/update_enforcement.html",
            title=row.name,
            row=row,
            said=enforcements.words(row),
            counts=standing.counts([row.id], actor=acting())[row.id],
            tags=enforcements.tags_of([row.id]).get(row.id, []),
            blueprints=enforcements.blueprints_of([row.id]).get(row.id, []),
            page=paging.page(found.items, cursor=found.next_cursor),
            name_of=name_of,
            doing=progress.words,
            failure=progress.failure,
        )

    @expose("/delete/", methods=("POST",))
    def delete(self, enforcement_id: int) -> Response:
        """Forget it, unless a blueprint has it."""
        demand(access.DELETE_ENFORCEMENTS)
        with db.transaction():
            row = enforcements.find(enforcement_id)
            before = audit.snapshot(row)
            audit.record(acting(), "software_update_enforcement.delete", row, before=before)
            enforcements.delete(row)
        return back("The enforcement is deleted.", f"{_LIST}.index")


class EnforcementForm(Screen):
    """A new enforcement, or one to change."""

    permission = access.VIEW_ENFORCEMENTS

    @expose("/", methods=("GET", "POST"))
    def index(self) -> Response:
        """The form; `enforcement` in the address says which one."""
        row = _asked()
        demand(access.CHANGE_ENFORCEMENTS if row else access.ADD_ENFORCEMENTS)
        form = forms.Form(_fields(row))
        picked = _picked(row)
        if request.method == "POST":
            picked = {name: request.form.getlist(name) for name in picked}
            picked["mode"] = [request.form.get("mode", "latest")]
            form.fields = forms.typed(form.fields, request.form)
            if answer := self._save(row, form, picked):
                return answer
        return self.page(
            "zmdm/update_enforcement_form.html",
            title=f"Update {row.name}" if row else "Add an enforcement",
            status=422 if form.faults or form.fault else 200,
            row=row,
            fields={item.name: item for item in form.drawn},
            form=form,
            modes=_MODES,
            picked=picked,
            platform_options=[(one, one) for one in enforcements.PLATFORMS],
            tag_options=[(str(one.id), one.name) for one in tags.every()],
            blueprint_options=[(str(one.id), one.name) for one in _blueprints()],
            back=flask.url_for(f"{_PAGE}.index", enforcement_id=row.id)
            if row
            else flask.url_for(f"{_LIST}.index"),
        )

    def _save(
        self,
        row: SoftwareUpdateEnforcement | None,
        form: forms.Form,
        picked: Mapping[str, Sequence[str]],
    ) -> Response | None:
        try:
            with db.transaction():
                asked = _order(form, picked)
                if row is None:
                    kept = enforcements.create(asked)
                    before, action = None, "create"
                else:
                    kept = enforcements.find(row.id)
                    before, action = audit.snapshot(kept), "change"
                    enforcements.change(kept, asked)
                after = audit.snapshot(kept)
                audit.record(
                    acting(),
                    f"software_update_enforcement.{action}",
                    kept,
                    before=before,
                    after=after,
                    reason=enforcements.whom(kept),
                )
                number = kept.id
                reach = len(enforcements.blueprints_of([number]).get(number, []))
        except Refused as error:
            if error.field in picked:
                form.faults[error.field] = sentence(error.why)
            else:
                form.blame(error.field, error.why)
            return None
        said = f"The enforcement is kept; it is part of {counted(reach, 'blueprint')}."
        return back(said, f"{_PAGE}.index", enforcement_id=number)


def screens() -> list[Screen]:
    """The screens of this area, for the menu."""
    updates = UpdateList(
        "Software updates", endpoint="zmdm_software_updates", url="software_updates", group=GROUP
    )
    listed = EnforcementList(
        "Update enforcements", endpoint=_LIST, url="software_update_enforcements", group=GROUP
    )
    one = "software_update_enforcements/<int:enforcement_id>"
    return [
        updates,
        listed,
        EnforcementForm(
            "Form", endpoint=_FORM, url="software_update_enforcements/edit", below=listed
        ),
        EnforcementPage("Enforcement", endpoint=_PAGE, url=one, below=listed),
    ]


def _asked() -> SoftwareUpdateEnforcement | None:
    given = text("enforcement", most=19)
    if not given:
        return None
    return enforcements.find(int(given) if given.isascii() and given.isdecimal() else 0)


def _fields(row: SoftwareUpdateEnforcement | None) -> list[forms.Field]:
    details = forms.Field(
        name="details_url",
        label="Address of a page with details",
        most=2000,
        value=_value(row, "details_url"),
        help="People can open it from the notification.",
    )
    name = forms.Field(
        name="name", label="Name", required=True, most=256, value=_value(row, "name")
    )
    return [name, *_latest_fields(row), *_once_fields(row), details]


def _value(row: SoftwareUpdateEnforcement | None, name: str, otherwise: str = "") -> str:
    found = getattr(row, name, None)
    return otherwise if found is None else str(found)


def _latest_fields(row: SoftwareUpdateEnforcement | None) -> list[forms.Field]:
    once = row is not None and bool(row.os_version)
    return [
        forms.Field(
            name="max_os_version",
            label="Newest version below",
            most=32,
            value=_value(row, "max_os_version"),
            help="27 is: anything before 27. Versions that Apple takes back are not asked for.",
        ),
        forms.Field(
            name="delay_days",
            label="Days after the release",
            kind="number",
            value=_value(row, "delay_days", "" if once else str(enforcements.DEFAULT_DELAY)),
            help="0 to 120.",
        ),
        forms.Field(
            name="local_time",
            label="Time of day",
            most=8,
            value=_value(row, "local_time", "" if once else enforcements.DEFAULT_TIME)[:5],
            help="The device's own time.",
        ),
    ]


def _once_fields(row: SoftwareUpdateEnforcement | None) -> list[forms.Field]:
    return [
        forms.Field(name="os_version", label="Version", most=32, value=_value(row, "os_version")),
        forms.Field(
            name="build_version",
            label="Build",
            most=32,
            value=_value(row, "build_version"),
            help="Only where a certain build is meant, such as a beta.",
        ),
        forms.Field(
            name="local_datetime",
            label="Installed by",
            kind="moment",
            value=_value(row, "local_datetime")[:16],
            help="The device's own time.",
        ),
    ]


def _picked(row: SoftwareUpdateEnforcement | None) -> dict[str, list[str]]:
    """What is ticked, as the form would send it."""
    if row is None:
        return {"mode": ["latest"], "platforms": [], "tags": [], "blueprints": []}
    blueprints = enforcements.blueprints_of([row.id]).get(row.id, [])
    return {
        "mode": ["once" if row.os_version else "latest"],
        "platforms": list(row.platforms),
        "tags": [str(one) for one in enforcements.tag_ids([row.id]).get(row.id, ())],
        "blueprints": [str(one.id) for one in blueprints],
    }


def _blueprints() -> Sequence[MDMBlueprint]:
    query = sa.select(MDMBlueprint).order_by(MDMBlueprint.name).limit(500)
    return session().scalars(query).all()


def _order(form: forms.Form, picked: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """What the API would get; fields of the mode that was not chosen do not count."""
    given = {item.name: str(item.value or "").strip() for item in form.fields}
    once = picked["mode"][:1] == ["once"]
    names = enforcements.ONE_TIME if once else enforcements.LATEST
    asked: dict[str, Any] = {name: given[name] for name in ("name", "details_url", *names)}
    if once and not asked["os_version"]:
        raise Refused("os_version", "say which version")
    if not once:
        if not asked["max_os_version"]:
            raise Refused("max_os_version", "say below which version")
        days = asked["delay_days"]
        asked["delay_days"] = int(days) if days.isascii() and days.isdecimal() else None
    return {
        **asked,
        "platforms": list(picked["platforms"]),
        "tags": _ids(picked["tags"], "tags"),
        "blueprints": _ids(picked["blueprints"], "blueprints"),
    }


def _ids(given: Sequence[str], field: str) -> list[int]:
    if not all(one.isascii() and one.isdecimal() and len(one) < 20 for one in given):
        raise Refused(field, "tick those that are offered")
    return [int(one) for one in given]
