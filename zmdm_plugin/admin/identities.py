"""Identities by their end: which devices will lose theirs, why, and what is done about it."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask_admin import expose

from zmdm_plugin import db
from zmdm_plugin.admin import device_query, paging
from zmdm_plugin.admin.device_facts import find, name_of
from zmdm_plugin.admin.screen import Screen, acting, back, demand, may, text
from zmdm_plugin.admin.words import Badge
from zmdm_plugin.errors import Refused
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import access, audit, devices, renewals
from zmdm_plugin.services.identity_filter import STATES
from zmdm_plugin.services.renewal_words import Standing

ENDPOINT, ONE = "zmdm_identities", "zmdm_identity_renewal"
_STATES = (
    ("in_use", "In use"),
    ("replaced", "Replaced, in their grace"),
    ("pending", "Not in use yet"),
    ("retired", "Retired"),
)
_RENEWAL: dict[str | None, Badge] = {
    None: Badge("Not begun", "quiet"),
    "ordered": Badge("Ordered", "busy"),
    "put_off": Badge("Not now", "warn"),
    "taken": Badge("Profile taken", "busy"),
    "failed": Badge("Failed", "bad"),
    "done": Badge("Renewed", "good"),
    "cancelled": Badge("Cancelled", "quiet"),
}
_NOT_FOR_BULK = ("replaced", "pending", "retired")


class IdentityList(Screen):
    """Every identity of the devices that the one who acts may see, the first to end first."""

    permission = access.VIEW_DEVICES

    @expose("/")
    def index(self) -> Response:
        """One page; a stale or foreign cursor begins anew."""
        asked, state = device_query.read(), text("of", most=12)
        state = state if state in STATES else "in_use"
        found = _page(asked, state)
        return self.page(
            "zmdm/identities.html",
            title="Identities",
            page=paging.page(found.items, cursor=found.next_cursor),
            asked=asked,
            state=state,
            states=_STATES,
            ends=device_query.ENDS,
            renewals=device_query.RENEWALS,
            renewable=may(access.CHANGE_DEVICES) and state not in _NOT_FOR_BULK,
            badge=badge,
            why=renewals.why,
            name_of=name_of,
        )


class IdentityRenewal(Screen):
    """The button on a device's page."""

    permission = access.CHANGE_DEVICES

    @expose("/", methods=("POST",))
    def index(self, device_id: int) -> Response:
        """Order it; the device is woken."""
        demand(access.CHANGE_DEVICES, find(device_id))
        with db.transaction():
            device = devices.locked(device_id)
            ordered = renewals.renew(device, acting())
            audit.record(acting(), "identity.renew", ordered, after=audit.snapshot(ordered))
        said = "The device is being woken, and gets a new identity."
        return back(said, "zmdm_device.index", device_id=device_id)


def screens(group: str, below: Screen) -> list[Screen]:
    """The list, in the menu, and what is below a device."""
    return [
        IdentityList("Identities", endpoint=ENDPOINT, url="identities", group=group),
        IdentityRenewal(
            "Renew", endpoint=ONE, url="devices/<int:device_id>/renew_identity", below=below
        ),
    ]


def badge(standing: Standing) -> Badge:
    """Where its renewal stands."""
    return _RENEWAL.get(standing.identity.renewal_state, Badge("Unknown", "warn"))


def _page(asked: device_query.Asked, state: str) -> Any:
    wanted = device_query.as_filter(asked, utcnow())
    narrowed = renewals.IdentityFilter(
        state=state,
        renewal=wanted.renewal,
        ends_before=wanted.identity_ends_before,
        device=devices.DeviceFilter(search=wanted.search, platform=wanted.platform),
    )
    try:
        return renewals.page(acting(), narrowed, cursor=paging.cursor(), limit=paging.PER_PAGE)
    except Refused:
        return renewals.page(acting(), narrowed, limit=paging.PER_PAGE)
