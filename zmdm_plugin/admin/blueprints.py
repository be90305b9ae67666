"""Blueprints: what groups of devices should have, and how far they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import flask
import sqlalchemy as sa
from flask import Response, request
from flask_admin import expose

from zmdm_plugin import db
from zmdm_plugin.admin import artifact_words, blueprint_links, forms, paging, protection
from zmdm_plugin.admin.screen import Screen, acting, back, demand, may, session, text
from zmdm_plugin.admin.words import counted
from zmdm_plugin.errors import Refused
from zmdm_plugin.models import Enrollment, MDMBlueprint, SoftwareUpdateEnforcement
from zmdm_plugin.services import access, audit, tags
from zmdm_plugin.services.artifacts import (
    blueprints,
    catalog,
    listing,
    resolve,
    revisions,
    scope_words,
)
from zmdm_plugin.services.artifacts.compiled import Compiled, Item
from zmdm_plugin.services.keyset import Keyset
from zmdm_plugin.services.protection import configs
from zmdm_plugin.services.software_updates import enforcements

GROUP = "Configuration"
LIST, PAGE, FORM = "zmdm_blueprints", "zmdm_blueprint", "zmdm_blueprint_form"
_HOUR = 3600
_COLLECT = (("no", "Nothing"), ("managed", "Managed ones only"), ("all", "All"))
_COLLECTED = {
    "collect_apps": "Applications",
    "collect_certificates": "Certificates",
    "collect_profiles": "Profiles",
}
_MOST_ENFORCEMENTS = 200
_AREAS = {
    "filevault_config": protection.FILEVAULT,
    "recovery_password_config": protection.RECOVERY,
}
_MINUTES_AND_DAYS = (
    "admin_password_rotation_interval_days",
    "admin_password_reveal_rotation_delay",
)
_BY_NAME = Keyset(MDMBlueprint.id, {"name": MDMBlueprint.name})


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """One line of a blueprint's page: an artifact in the order of delivery."""

    number: int
    item: Item
    scope: str
    """In words; empty for what comes only because others need it."""
    needed_by: list[str]


class BlueprintList(Screen):
    """All blueprints."""

    permission = access.VIEW_BLUEPRINTS

    @expose("/")
    def index(self) -> Response:
        """Each with how many devices have it and how much it brings."""
        found = _BY_NAME.entities(
            sa.select(MDMBlueprint),
            ordering="name",
            cursor=paging.cursor(),
            limit=paging.PER_PAGE,
        )
        return self.page(
            "zmdm/blueprints.html",
            title="Blueprints",
            page=paging.page(found.items, cursor=found.next_cursor),
            devices=blueprints.device_counts(acting()) if may(access.VIEW_DEVICES) else None,
            artifacts=listing.artifact_counts(row.id for row in found.items),
        )


class BlueprintPage(Screen):
    """One blueprint: what it brings to whom, and what became of it."""

    permission = access.VIEW_BLUEPRINTS

    @expose("/")
    def index(self, blueprint_id: int) -> Response:
        """In the order of delivery; a fixed number of statements."""
        row = blueprints.find(blueprint_id)
        known = catalog.compiled(row.id)
        shown, after = _slice(_brought(known) if known is not None else [])
        ids = [one.item.id for one in shown]
        return self.page(
            "zmdm/blueprint.html",
            title=row.name,
            row=row,
            page=paging.page(shown, cursor=after),
            tallies=listing.tallies(acting(), ids, blueprint_id=row.id)
            if may(access.VIEW_DEVICES)
            else {},
            types=artifact_words.TYPES,
            groups=artifact_words.GROUPS,
            count=lambda number: artifact_words.count(number, listing.MOST),
            hours=row.inventory_interval / _HOUR,
            collected=_collected(row),
            devices=blueprints.device_counts(acting()).get(row.id, 0),
            enrollments=session().scalars(_enrollments(row)).all(),
            protected=_protected(row),
            updates=enforcements.of_blueprints([row.id]).get(row.id, ()),
        )

    @expose("/wake/", methods=("POST",))
    def wake(self, blueprint_id: int) -> Response:
        """Have all its devices look again, at the rate that pushes go."""
        demand(access.CHANGE_BLUEPRINTS)
        with db.transaction():
            row = blueprints.find(blueprint_id)
            revisions.touch([row.id])
            audit.record(acting(), "blueprint.poke", row)
        return back("Its devices are being woken.", f"{PAGE}.index", blueprint_id=blueprint_id)

    @expose("/delete/", methods=("POST",))
    def delete(self, blueprint_id: int) -> Response:
        """Gone, if neither an enrollment nor a device has it."""
        demand(access.DELETE_BLUEPRINTS)
        with db.transaction():
            row = blueprints.find(blueprint_id)
            audit.record(acting(), "blueprint.delete", row, before=audit.snapshot(row))
            blueprints.delete(row)
        return back("The blueprint is deleted.", f"{LIST}.index")


class BlueprintForm(Screen):
    """A new blueprint, or the settings of one."""

    permission = access.VIEW_BLUEPRINTS

    @expose("/", methods=("GET", "POST"))
    def index(self) -> Response:
        """The form; `blueprint` in the address says which one."""
        given = text("blueprint", most=19)
        demand(access.CHANGE_BLUEPRINTS if given else access.ADD_BLUEPRINTS)
        row = blueprints.find(_number(given)) if given else None
        form, options = forms.Form(_fields(row)), _enforcements()
        picked = _picked(row)
        if request.method == "POST":
            form.fields = forms.typed(form.fields, request.form)
            picked = request.form.getlist("enforcements")
            if answer := _save(row, form, picked):
                return answer
        cancel = flask.url_for(f"{PAGE}.index", blueprint_id=row.id) if row else None
        return self.page(
            "zmdm/blueprint_form.html",
            title=f"Update {row.name}" if row else "Add a blueprint",
            status=422 if form.faults or form.fault else 200,
            row=row,
            form=form,
            enforcements=options,
            picked=picked,
            cancel=cancel or flask.url_for(f"{LIST}.index"),
        )


def screens() -> list[Screen]:
    """The screens of this area, for the menu."""
    listed = BlueprintList("Blueprints", endpoint=LIST, url="blueprints", group=GROUP)
    return [
        listed,
        BlueprintForm("Form", endpoint=FORM, url="blueprints/edit", below=listed),
        BlueprintPage(
            "Blueprint", endpoint=PAGE, url="blueprints/<int:blueprint_id>", below=listed
        ),
        *blueprint_links.screens(listed),
    ]


def _brought(known: Compiled) -> list[Brought]:
    """All that the blueprint brings; what it brings for another one says for which."""
    names = {tag.id: tag.name for tag in tags.every()}
    needed_by: dict[int, list[str]] = {}
    for item in known.items.values():
        for needed in item.needs:
            needed_by.setdefault(needed, []).append(item.name)
    found = []
    for number, artifact_id in enumerate(resolve.order(known), start=1):
        link = known.links.get(artifact_id)
        found.append(
            Brought(
                number=number,
                item=known.items[artifact_id],
                scope=scope_words.words(link.scope, names) if link is not None else "",
                needed_by=sorted(needed_by.get(artifact_id, ())),
            )
        )
    return found


def _slice(every: list[Brought]) -> tuple[list[Brought], str | None]:
    """One page of what is in memory already; the cursor is the number of the last line."""
    last = _number(paging.cursor() or "")
    shown = every[last : last + paging.PER_PAGE]
    more = last + len(shown) < len(every)
    return shown, str(last + len(shown)) if more and shown else None


def _enrollments(row: MDMBlueprint) -> sa.Select[Any]:
    mine = sa.select(Enrollment).where(Enrollment.blueprint_id == row.id)
    return mine.order_by(Enrollment.name).limit(paging.PER_PAGE)


def _collected(row: MDMBlueprint) -> str:
    """Which lists its devices are asked for, in words."""
    parts = [
        shown if getattr(row, name) == "all" else f"managed {shown.lower()}"
        for name, shown in _COLLECTED.items()
        if getattr(row, name) != "no"
    ]
    return ", ".join(parts) or "nothing beyond their facts"


def _apps(row: MDMBlueprint | None) -> forms.Field:
    return forms.Field(
        name="apps_via_ddm",
        label="Apps and packages go by declaration where devices know that",
        kind="check",
        value=row.apps_via_ddm if row else False,
        help="What is to stay when a device leaves goes by command; so does a configuration "
        "before iOS 18.4 and macOS 27.",
    )


def _fields(row: MDMBlueprint | None) -> list[forms.Field]:
    hours = (row.inventory_interval if row else 86_400) / _HOUR
    return [
        forms.Field(
            name="name", label="Name", required=True, most=256, value=row.name if row else ""
        ),
        forms.Field(
            name="inventory_interval",
            label="Hours between two inventories",
            kind="number",
            required=True,
            value=f"{hours:g}",
            help="4 to 168. Devices also tell what they have when something changes.",
        ),
        *(
            forms.Field(
                name=name,
                label=f"{shown} to collect",
                kind="choice",
                required=True,
                choices=_COLLECT,
                value=getattr(row, name) if row else "no",
            )
            for name, shown in _COLLECTED.items()
        ),
        forms.Field(
            name="legacy_profiles_via_ddm",
            label="Configuration profiles go by declaration where devices know declarations",
            kind="check",
            value=row.legacy_profiles_via_ddm if row else True,
            help="Devices then install and repair them by themselves, and report at once.",
        ),
        *_protection(row),
        _apps(row),
    ]


def _protection(row: MDMBlueprint | None) -> list[forms.Field]:
    """What Macs of the blueprint are protected with."""
    days = row.admin_password_rotation_interval_days if row else 0
    minutes = row.admin_password_reveal_rotation_delay if row else configs.DEFAULT_DELAY
    return [
        *(
            forms.Field(
                name=name,
                label=area.title,
                kind="choice",
                choices=protection.choices(area.kind),
                value=getattr(row, area.kind.column) or "" if row else "",
            )
            for name, area in _AREAS.items()
        ),
        forms.Field(
            name="admin_password_rotation_interval_days",
            label="Days until the administrator's password is replaced",
            kind="number",
            value=days,
            help="Of the account that Setup Assistant made. 0 to 366; 0: never.",
        ),
        forms.Field(
            name="admin_password_reveal_rotation_delay",
            label="Minutes from its reveal until it is replaced",
            kind="number",
            value=minutes,
            help="5 to 1440; 0: not for that.",
        ),
    ]


def _protected(row: MDMBlueprint) -> list[tuple[protection.Area, configs.Config]]:
    """The configurations that it has."""
    found = []
    for area in _AREAS.values():
        number = getattr(row, area.kind.column)
        if number is not None:
            found.append((area, configs.find(area.kind, number)))
    return found


def _enforcements() -> Sequence[SoftwareUpdateEnforcement]:
    return enforcements.page(ordering="name", limit=_MOST_ENFORCEMENTS).items


def _picked(row: MDMBlueprint | None) -> list[str]:
    if row is None:
        return []
    return [str(one) for one in enforcements.ids_on_blueprint(row.id)]


def _save(row: MDMBlueprint | None, form: forms.Form, picked: list[str]) -> Response | None:
    """None when the form has to be shown again."""
    try:
        with db.transaction():
            asked = _order(form)
            if row is None:
                kept = blueprints.create(asked.pop("name"), **asked)
                action, before = "create", None
            else:
                kept = blueprints.find(row.id)
                action, before = "change", _snapshot(kept)
                blueprints.update(kept, asked)
            _enforce(kept, picked)
            audit.record(
                acting(), f"blueprint.{action}", kept, before=before, after=_snapshot(kept)
            )
            number, reach = kept.id, blueprints.device_counts(acting()).get(kept.id, 0)
    except Refused as error:
        form.blame(error.field, error.why)
        return None
    woken = f" {counted(reach, 'device')} are told." if reach > 1 else ""
    return back(f"The blueprint is kept.{woken}", f"{PAGE}.index", blueprint_id=number)


def _snapshot(row: MDMBlueprint) -> dict[str, Any]:
    """Its columns, and what else the form changes."""
    return {**(audit.snapshot(row) or {}), "enforcements": _picked(row)}


def _enforce(row: MDMBlueprint, picked: list[str]) -> None:
    """Enforcements are changed by whoever may change them; others leave them as they are."""
    if may(access.CHANGE_ENFORCEMENTS) and set(picked) != set(_picked(row)):
        if not all(_number(one) for one in picked):
            raise Refused("", "Choose among the enforcements that are offered.")
        enforcements.set_on_blueprint(row.id, map(_number, picked))


def _order(form: forms.Form) -> dict[str, Any]:
    """What the API would get."""
    asked: dict[str, Any] = {item.name: item.value for item in form.fields}
    try:
        asked["inventory_interval"] = round(float(asked["inventory_interval"]) * _HOUR)
    except (ValueError, OverflowError):
        raise Refused("inventory_interval", "must be a number of hours") from None
    if not blueprints.SHORTEST <= asked["inventory_interval"] <= blueprints.LONGEST:
        raise Refused("inventory_interval", "must be 4 to 168 hours")
    for name in _AREAS:
        asked[name] = _number(str(asked[name])) or None
    for name in _MINUTES_AND_DAYS:
        asked[name] = _number(str(asked[name]).strip() or "0")
    return asked


def _number(given: str) -> int:
    return int(given) if given.isascii() and given.isdecimal() and len(given) < 19 else 0
