"""DEP devices: what Apple has assigned to us, who gets which enrollment, and giving one up."""

from __future__ import annotations

import json
from typing import Final

import sqlalchemy as sa
from flask import Response, request
from flask_admin import expose

from zmdm_plugin import db
from zmdm_plugin.admin import dep_words, forms, paging
from zmdm_plugin.admin.screen import Screen, acting, back, demand, session, text
from zmdm_plugin.admin.words import counted, sentence
from zmdm_plugin.clients.dep_errors import DepError
from zmdm_plugin.errors import Conflict, NotFound, Refused, ZmdmError
from zmdm_plugin.models import AdeSettings, DepDevice, DepVirtualServer, Enrollment
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import access
from zmdm_plugin.services.dep import listing, orders
from zmdm_plugin.services.dep.listing import DepFilter
from zmdm_plugin.web import dep as talking

_LIST: Final = "zmdm_dep_devices"
_PAGE: Final = "zmdm_dep_device"
_TEXTS: Final = ("device_family", "profile_status", "assignment")
_NUMBERS: Final = ("virtual_server", "enrollment")
_SHOW: Final = (("", "Present ones"), ("all", "All"), ("gone", "Gone ones"))
_ORDERS: Final = (
    ("-id", "Newest first"),
    ("serial_number", "Serial number"),
    ("-last_op_date", "Last changed at Apple"),
    ("-updated_at", "Last changed here"),
)
_SAMPLE: Final = 12
NO_ENROLLMENT: Final = "none"


class DepDeviceList(Screen):
    """All that Apple has assigned to us."""

    permission = access.VIEW_DEP_DEVICES

    @expose("/")
    def index(self) -> Response:
        """Filtered and ordered as the address says."""
        asked = _asked()
        order = next((name for name, _ in _ORDERS if name == text("order", most=20)), "-id")
        found = listing.devices(
            _filter(asked), ordering=order, cursor=paging.cursor(), limit=paging.PER_PAGE
        )
        rows = found.items
        return self.page(
            "zmdm/dep_devices.html",
            title="DEP devices",
            page=paging.page(rows, cursor=found.next_cursor),
            asked=asked,
            order=order,
            orders=_ORDERS,
            shows=_SHOW,
            said=dep_words,
            families=listing.FAMILIES,
            servers=_names(DepVirtualServer),
            enrollments=_enrollments(),
            names=listing.names(Enrollment, [row.enrollment_id for row in rows]),
            enrolled=listing.enrolled((row.serial_number for row in rows), actor=acting()),
        )


class AssignPage(Screen):
    """One enrollment for many devices, before it is ordered."""

    permission = access.CHANGE_DEP_DEVICES

    @expose("/", methods=("GET", "POST"))
    def index(self) -> Response:
        """What was chosen in the list is counted, looked at and confirmed."""
        fault = ""
        ids, wanted = _posted() if request.method == "POST" else _chosen()
        if request.method == "POST":
            try:
                return self._order(ids, wanted)
            except Refused as error:
                fault = sentence(error.why)
            except Conflict as error:
                fault = sentence(str(error))
        conditions = [DepDevice.id.in_(ids)] if ids else wanted.conditions()
        number = len(ids) if ids else orders.count(wanted)
        sample = sa.select(DepDevice).where(*conditions).order_by(DepDevice.id).limit(_SAMPLE)
        return self.page(
            "zmdm/dep_assign.html",
            title=f"Assign an enrollment: {counted(number, 'device')}",
            status=422 if fault else 200,
            fault=fault,
            number=number,
            which=json.dumps({"ids": ids} if ids else {"filter": wanted.as_json()}),
            sample=session().scalars(sample).all(),
            sample_size=_SAMPLE,
            enrollments=_enrollments(),
            said=dep_words,
        )

    def _order(self, ids: list[int], wanted: DepFilter) -> Response:
        enrollment_id = _enrollment()
        with db.transaction():
            if ids:
                run = orders.assign(ids, enrollment_id, actor=acting(), now=utcnow())
            else:
                seen = _number(request.form.get("count", "")) or 0
                run = orders.assign_all(wanted, enrollment_id, confirmed=seen, actor=acting())
            uid = run.uid
        return back("It is under way; you may leave this page.", "zmdm_job_run.index", uid=uid)


class DepDevicePage(Screen):
    """One of them: what Apple says of it, and what it is meant to have."""

    permission = access.VIEW_DEP_DEVICES

    @expose("/")
    def index(self, dep_device_id: int) -> Response:
        """Facts, desired and actual profile."""
        return self._shown(dep_device_id)

    @expose("/assign/", methods=("POST",))
    def assign(self, dep_device_id: int) -> Response:
        """Want it to have an enrollment."""
        demand(access.CHANGE_DEP_DEVICES)
        with db.transaction():
            orders.assign([dep_device_id], _enrollment(), actor=acting(), now=utcnow())
        said = "Apple is told in the background."
        return back(said, f"{_PAGE}.index", dep_device_id=dep_device_id)

    @expose("/refresh/", methods=("POST",))
    def refresh(self, dep_device_id: int) -> Response:
        """Read it from Apple again."""
        demand(access.CHANGE_DEP_DEVICES)
        try:
            talking.refresh(dep_device_id, actor=acting())
        except (DepError, Conflict) as error:
            return self._shown(dep_device_id, error)
        return back("Read from Apple.", f"{_PAGE}.index", dep_device_id=dep_device_id)

    @expose("/disown/", methods=("GET", "POST"))
    def disown(self, dep_device_id: int) -> Response:
        """Asked twice: the serial number is typed, and a box is ticked."""
        demand(access.DISOWN_DEP_DEVICES)
        row = listing.device(dep_device_id)
        typed = forms.Field(name="serial_number", label="Type its serial number", required=True)
        sure = forms.Field(
            name="sure", label="I know that this cannot be taken back", kind="check", required=True
        )
        form = forms.Form([typed, sure])
        if request.method == "POST":
            if answer := _disown(row, form):
                return answer
            form.fields = forms.typed(form.fields, request.form)
        return self.page(
            "zmdm/dep_disown.html",
            title=f"Disown {row.serial_number}",
            status=422 if form.faults or form.fault else 200,
            row=listing.device(dep_device_id),
            form=form,
        )

    def _shown(self, dep_device_id: int, error: ZmdmError | None = None) -> Response:
        row = listing.device(dep_device_id)
        server = session().get_one(DepVirtualServer, row.server_id)
        return self.page(
            "zmdm/dep_device.html",
            title=row.serial_number,
            status=error.status if error else 200,
            fault=sentence(str(error)) if error else "",
            row=row,
            server=server,
            said=dep_words,
            choices=orders.enrollments(row.server_id),
            desired=listing.names(Enrollment, [row.enrollment_id]).get(row.enrollment_id or 0),
            actual=listing.enrollment_of(row.profile_uuid),
            enrolled=listing.enrolled([row.serial_number], actor=acting()).get(row.serial_number),
        )


def screens(group: str) -> list[Screen]:
    """The screens of this area, for the menu."""
    listed = DepDeviceList("DEP devices", endpoint=_LIST, url="dep/devices", group=group)
    one = "dep/devices/<int:dep_device_id>"
    return [
        listed,
        AssignPage("Assign", endpoint="zmdm_dep_assign", url="dep/devices/assign", below=listed),
        DepDevicePage("DEP device", endpoint=_PAGE, url=one, below=listed),
    ]


def _disown(row: DepDevice, form: forms.Form) -> Response | None:
    if request.form.get("serial_number", "").strip() != row.serial_number:
        form.blame("serial_number", "type it as it stands above")
    if not request.form.get("sure"):
        form.blame("sure", "tick this box")
    if form.faults:
        return None
    number = row.id
    try:
        word = talking.disown(number, actor=acting())
    except (DepError, Conflict) as error:
        form.fault = sentence(str(error))
        return None
    if word != "SUCCESS":
        form.fault = f"Apple answered {word}: nothing was changed."
        return None
    return back("The device is disowned.", f"{_PAGE}.index", dep_device_id=number)


def _asked() -> dict[str, str]:
    """What the address filters by, for the form and for links."""
    names = (*_TEXTS, *_NUMBERS, "show", "q")
    given = {name: text(name, most=128) for name in names}
    return {name: value for name, value in given.items() if value}


def _filter(asked: dict[str, str]) -> DepFilter:
    numbers = {name: _number(asked.get(name, "")) for name in _NUMBERS}
    texts = {name: asked.get(name) for name in _TEXTS}
    deleted = {"all": None, "gone": True}.get(asked.get("show", ""), False)
    return DepFilter(
        virtual_server=numbers["virtual_server"],
        enrollment=numbers["enrollment"],
        device_family=texts["device_family"],
        profile_status=texts["profile_status"],
        assignment=texts["assignment"],
        deleted=deleted,
        search=asked.get("q"),
    )


def _chosen() -> tuple[list[int], DepFilter]:
    """The rows that were ticked, or the filters of the list."""
    wanted = _filter(_asked())
    if request.args.get("all") == "1":
        return [], wanted
    ids = {_number(one) for one in request.args.getlist("id")[: orders.MOST_IDS]} - {None}
    if not ids:
        raise NotFound("No device is selected. Tick some, or choose all that match.")
    return sorted(one for one in ids if one is not None), wanted


def _posted() -> tuple[list[int], DepFilter]:
    """What the page had frozen."""
    try:
        kept = json.loads(request.form.get("which", ""))
        if "ids" in kept:
            return [int(one) for one in kept["ids"]][: orders.MOST_IDS], DepFilter()
        return [], DepFilter.from_json(kept["filter"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise NotFound("Please begin again from the list of devices.") from None


def _enrollment() -> int | None:
    """The one that was chosen; None: they are to have none."""
    given = request.form.get("enrollment", "")
    if given == NO_ENROLLMENT:
        return None
    if (chosen := _number(given)) is None:
        raise Refused("enrollment", "choose an enrollment")
    return chosen


def _number(given: str) -> int | None:
    return int(given) if given.isascii() and given.isdecimal() and len(given) < 19 else None


def _names(model: type[DepVirtualServer]) -> list[tuple[str, str]]:
    rows = session().execute(sa.select(model.id, model.name).order_by(model.name).limit(500))
    return [(str(row_id), name) for row_id, name in rows]


def _enrollments() -> list[tuple[str, str]]:
    rows = session().execute(
        sa.select(Enrollment.id, Enrollment.name, DepVirtualServer.name)
        .join(AdeSettings, AdeSettings.enrollment_id == Enrollment.id)
        .join(DepVirtualServer, DepVirtualServer.id == AdeSettings.server_id)
        .where(Enrollment.revoked_at.is_(None))
        .order_by(Enrollment.name)
        .limit(500)
    )
    return [(str(row_id), f"{name} ({server})") for row_id, name, server in rows]
