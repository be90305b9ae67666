"""Bulk actions: what was chosen in the list is counted, looked at, confirmed, and then done.

The choice comes by the address, so that going back loses nothing. The page freezes it (moments
instead of "in the last day", the highest id) and posts what it has shown.
"""

from __future__ import annotations

import json
from datetime import timedelta

import sqlalchemy as sa
from flask import Response, request
from flask_admin import expose

from zmdm_plugin import db
from zmdm_plugin.admin import device_query, forms, sending
from zmdm_plugin.admin.device_facts import name_of
from zmdm_plugin.admin.screen import Screen, acting, back, demand, may, session
from zmdm_plugin.admin.words import counted, sentence, span
from zmdm_plugin.commands import registry
from zmdm_plugin.errors import Conflict, NotFound, Refused
from zmdm_plugin.models import Channel, Device
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import access, bulk, tags
from zmdm_plugin.services.artifacts import blueprints
from zmdm_plugin.services.bulk_actions import ACTIONS, COMMAND, DELETE, commands
from zmdm_plugin.services.device_changes import CHANGES
from zmdm_plugin.state import state

_SAMPLE = 12
_WAKE_NOBODY = ("tag", "untag", "unblock", "archive", "unarchive", DELETE)
_DESPITE = "Also those of which we hold secrets that may still open them"
_GONE = "This cannot be taken back: these devices go with their history and their secrets. Those "
_GONE += "that are enrolled or blocked are left out."
_OWN_PIN = "Six digits, the same for every Mac. Empty: each Mac gets a PIN of its own, which is "
_OWN_PIN += "kept and can be revealed on its page."


class BulkPage(Screen):
    """One order to many devices, before it is given."""

    permission = access.VIEW_DEVICES

    @expose("/", methods=("GET", "POST"))
    def index(self) -> Response:
        """What would happen to how many, and the order itself."""
        action = request.values.get("action", "")
        shown, permission = _offer(action)
        demand(permission)
        form = forms.Form(_fields(action))
        which = _posted() if request.method == "POST" else _chosen()
        if request.method == "POST":
            if answer := _order(action, which, form):
                return answer
            form.fields = forms.typed(form.fields, request.form)
        counted_now = bulk.count(acting(), which)
        return self.page(
            "zmdm/bulk.html",
            title=f"{shown}: {counted(counted_now.number, 'device')}",
            status=422 if form.fault or form.faults else 200,
            action=action,
            shown=shown,
            form=form,
            number=counted_now.number,
            which=json.dumps(which.as_json(), sort_keys=True),
            sample=_sample(which),
            sample_size=_SAMPLE,
            warning=_warning(action),
            pace=_pace(action, counted_now.number),
            name_of=name_of,
        )


def screens(devices: Screen) -> list[Screen]:
    """What this file adds below the list of devices."""
    return [BulkPage("Bulk", endpoint="zmdm_bulk", url="devices/bulk", below=devices)]


def offers() -> list[tuple[str, str]]:
    """What the one who acts may do to many devices: (action, words)."""
    found = [(name, one.shown) for name, one in ACTIONS.items() if may(one.permission)]
    orders = [one for one in commands() if may(one.permission)]
    return [*found, *((f"{COMMAND}:{one.name}", sending.shown(one.name)) for one in orders)]


def _offer(action: str) -> tuple[str, str]:
    """Its words and its permission; NotFound."""
    if action in ACTIONS:
        return ACTIONS[action].shown, ACTIONS[action].permission
    kind, _, name = action.partition(":")
    for command in commands():
        if (kind, name) == (COMMAND, command.name):
            return sending.shown(name), command.permission
    raise NotFound("There is no such action.")


def _fields(action: str) -> list[forms.Field]:
    if action in ("tag", "untag"):
        names = tuple((tag.name, tag.name) for tag in tags.every())
        return [forms.Field(name="tag", label="Tag", kind="choice", required=True, choices=names)]
    if action == "blueprint":
        names = tuple((one.name, one.name) for one in blueprints.every())
        return [
            forms.Field(
                name="blueprint", label="Blueprint", kind="choice", required=True, choices=names
            )
        ]
    if action == DELETE:
        return [
            forms.Field(name="number", label="Type how many devices that is", required=True),
            forms.Field(name="despite_secrets", label=_DESPITE, kind="check"),
        ]
    command = registry.get(action.partition(":")[2])
    if command is None:
        return []
    fields = forms.of_schema(command.Args(), secret=command.secret)
    return [forms.replaced(item, help=_OWN_PIN) if item.name == "pin" else item for item in fields]


def _chosen() -> bulk.Which:
    """The rows that were ticked, or all that the list's filters match at this moment."""
    if request.args.get("all") != "1":
        given = request.args.getlist("id")[: bulk.MOST_IDS]
        ids = {int(one) for one in given if one.isascii() and one.isdecimal() and len(one) < 19}
        if not ids:
            raise NotFound("No device is selected. Tick some, or choose all that match.")
        return bulk.Which(ids=tuple(sorted(ids)))
    try:
        wanted = device_query.as_filter(device_query.read(), utcnow())
    except ValueError:
        raise NotFound("A date must look like 2026-11-30.") from None
    return bulk.Which(filter=wanted, up_to=bulk.count(acting(), wanted).up_to)


def _posted() -> bulk.Which:
    """What the page had frozen; Refused if it did not come from there."""
    try:
        kept = json.loads(request.form.get("which", ""))
        return bulk.Which.from_json(kept)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        raise Refused("which", "Please begin again from the list of devices.") from None


def _order(action: str, which: bulk.Which, form: forms.Form) -> Response | None:
    """Begin; None when the form has to be shown again, with the faults in it."""
    given = forms.data(form.fields, request.form, request.files)
    typed = str(given.pop("number", ""))
    seen = request.form.get("count", "")
    confirmed = int(seen) if seen.isascii() and seen.isdecimal() and len(seen) < 12 else 0
    if action == DELETE and typed.replace(",", "") != seen:
        form.blame("number", "type the number that the button says")
        return None
    try:
        with db.transaction():
            run = bulk.start(acting(), action, which, args=given, confirmed=confirmed)
            uid = run.uid
    except Refused as error:
        form.blame(error.field, error.why)
        return None
    except Conflict as error:
        form.fault = sentence(str(error))
        return None
    return back("It is under way; you may leave this page.", "zmdm_job_run.index", uid=uid)


def _sample(which: bulk.Which) -> list[Device]:
    own = sa.and_(Channel.device_id == Device.id, Channel.key == "")
    scope = access.row_scope(acting(), access.VIEW_DEVICES)
    query = sa.select(Device).outerjoin(Channel, own).where(*which.conditions())
    if scope is not None:
        query = query.where(scope)
    return list(session().scalars(query.order_by(Device.id).limit(_SAMPLE)))


def _pace(action: str, number: int) -> str:
    """How long the waking of so many devices takes at least; empty for what wakes none."""
    if action in _WAKE_NOBODY or not number:
        return ""
    rate = state().settings.push_rate
    said = f"At most {counted(rate, 'device')} a second are woken (ZMDM_PUSH_RATE)"
    seconds = number // rate
    return (
        f"{said}: this takes {span(timedelta(seconds=seconds))} or more." if seconds else f"{said}."
    )


def _warning(action: str) -> str:
    if action == DELETE:
        return _GONE
    if action in CHANGES:
        return CHANGES[action].asks
    return sending.DESTRUCTIVE.get(action.partition(":")[2], "")
