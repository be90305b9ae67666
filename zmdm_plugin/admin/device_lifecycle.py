"""How a device stands with us in words, what may be done about that, and its deletion."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask import Response, request
from flask_admin import expose

from zmdm_plugin import db
from zmdm_plugin.admin import device_facts as facts
from zmdm_plugin.admin import forms
from zmdm_plugin.admin.screen import Screen, acting, back, demand, may
from zmdm_plugin.admin.words import Tone, label, sentence
from zmdm_plugin.errors import Conflict, Refused
from zmdm_plugin.models import Device
from zmdm_plugin.services import access, bulk, deletion, device_changes, reveal
from zmdm_plugin.services.bulk import Which
from zmdm_plugin.services.bulk_actions import DELETE
from zmdm_plugin.services.device_changes import CHANGES

_RISKY = frozenset({"block", "unenroll", "release"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A note at the head of a device that is not simply enrolled."""

    tone: Tone
    shown: str
    since: Any
    said: str
    offers: tuple[str, ...] = ()
    """Words of `device_changes.CHANGES` that fit here."""


def context(device: Device) -> dict[str, Any]:
    """What the head of a device's pages needs for it."""
    offered = {
        name: CHANGES[name]
        for name in device_changes.fitting(device)
        if may(CHANGES[name].permission, device)
    }
    return {
        "changes": {name: one for name, one in offered.items() if name != "poke"},
        "may_poke": "poke" in offered,
        "risky": _RISKY,
        "may_delete": deletable(device) and may(access.DELETE_DEVICES, device),
        "lifecycle": list(standings(device)),
    }


def deletable(device: Device) -> bool:
    """Whether its deletion is worth a link: not while it is enrolled or blocked."""
    gone = device.enrolled_at is None or device.checkout_at or device.released_at
    return bool(gone) and device.blocked_at is None


def standings(device: Device) -> Iterator[Standing]:
    """Each thing that an operator has done to it and that still holds."""
    if device.locked_at and not device.checkout_at:
        yield Standing(
            tone="warn",
            shown="Locked with a PIN",
            since=device.locked_at,
            said="It restarts into its lock screen and is silent until somebody types the PIN, "
            "which is kept under Security.",
        )
    if device.archived_at:
        yield Standing(
            tone="busy",
            shown="In the archive",
            since=device.archived_at,
            said="It is in no list and no count. All that is known of it is here, and if it "
            "enrolls again it comes out by itself.",
            offers=("unarchive",),
        )
    if device.blocked_at:
        yield Standing(
            tone="bad",
            shown="Blocked",
            since=device.blocked_at,
            said=f"{_gone(device)} No enrollment lets it in until it is unblocked.",
            offers=("unblock",),
        )
    elif not device.checkout_at:
        yield from _on_its_way(device)


def _on_its_way(device: Device) -> Iterator[Standing]:
    """It was asked to leave, or is not counted on any more, and has not left."""
    if device.released_at:
        yield Standing(
            tone="warn",
            shown="Released",
            since=device.released_at,
            said=f"{_gone(device)} It may enroll again.",
            offers=("stay",),
        )
    elif device.leaving_at:
        yield Standing(
            tone="warn",
            shown="Asked to leave",
            since=device.leaving_at,
            said="Until it has removed its enrollment profile it goes on as before. If it does not "
            "come by any more, release it.",
            offers=("stay", "release"),
        )
    elif device.leave_failure:
        yield Standing(
            tone="bad",
            shown="It did not leave when it was asked to",
            since=None,
            said=f"It said: {device.leave_failure}. Ask again, or release it.",
            offers=("unenroll", "release"),
        )


def _gone(device: Device) -> str:
    if device.checkout_at:
        return "It has left."
    return "It is told to leave at its next request, and woken for that."


class DeviceDeletion(Screen):
    """Asked twice: what goes is listed, the serial number is typed."""

    permission = access.DELETE_DEVICES

    @expose("/", methods=("GET", "POST"))
    def index(self, device_id: int) -> Response:
        """What would be gone, and the order itself."""
        device = facts.find(device_id)
        demand(access.DELETE_DEVICES, device)
        kinds = deletion.useful_secrets(device)
        form = forms.Form(_fields(device, kinds=bool(kinds)))
        if request.method == "POST":
            if answer := _delete(device, form):
                return answer
            form.fields = forms.typed(form.fields, request.form)
        return self.page(
            "zmdm/device_delete.html",
            title=f"Delete {facts.name_of(device)}",
            status=422 if form.faults or form.fault else 200,
            device=device,
            device_name=facts.name_of(device),
            form=form,
            secrets=[_title(kind) for kind in kinds],
        )


def _title(kind: str) -> str:
    return next((one.title for one in reveal.SECRETS.values() if kind in one.kinds), label(kind))


def _fields(device: Device, *, kinds: bool) -> list[forms.Field]:
    typed = f"Type {deletion.named(device)} to confirm"
    fields = [forms.Field(name="serial_number", label=typed, required=True)]
    if kinds:
        despite = "These secrets may go with it"
        fields.append(forms.Field(name="despite_secrets", label=despite, kind="check"))
    return fields


def _delete(device: Device, form: forms.Form) -> Response | None:
    """Begin; None when the form has to be shown again, with the faults in it."""
    despite = bool(request.form.get("despite_secrets"))
    try:
        deletion.confirm(device, request.form.get("serial_number", ""))
        deletion.check(device, despite_secrets=despite)
        device_id = device.id
        with db.transaction():
            which, args = Which(ids=(device_id,)), {"despite_secrets": despite}
            uid = bulk.start(acting(), DELETE, which, args=args, confirmed=1).uid
    except Refused as error:
        form.blame(error.field, error.why)
        return None
    except Conflict as error:
        form.fault = sentence(str(error))
        return None
    return back("The device is being deleted.", "zmdm_job_run.index", uid=uid)


def screens(below: Screen) -> list[Screen]:
    """What this file adds below the list of devices."""
    url = "devices/<int:device_id>/delete"
    return [DeviceDeletion("Delete", endpoint="zmdm_device_delete", url=url, below=below)]
