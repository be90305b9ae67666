"""Devices as rows for a spreadsheet or a program: chosen columns of all that a filter finds.

It walks by id in batches, each a statement of its own on a connection of its own, so that a
hundred thousand devices need neither memory nor a transaction that lasts for a minute.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.actors import Actor
from zmdm_plugin.db import engine, session
from zmdm_plugin.errors import Refused
from zmdm_plugin.models import Channel, Device, DeviceTag, RealmUser, Tag
from zmdm_plugin.services import access, audit, export_formats
from zmdm_plugin.services.device_filter import DeviceFilter
from zmdm_plugin.services.devices import (
    CERT_NOT_VALID_AFTER,
    ENROLLMENT_ID,
    HAS_ADMIN_PASSWORD,
    HAS_PRK,
    HAS_RECOVERY_PASSWORD,
    OWN_CHANNEL,
    STATE,
)
from zmdm_plugin.services.export_formats import KINDS as KINDS

_BATCH = 1000
_NO_TAGS = sa.literal("")
"""Tags are several rows per device: they are read for a batch, and put in here."""


def _of_person(column: Any) -> sa.ScalarSelect[Any]:
    """Something of whoever signed in when the device enrolled."""
    query = sa.select(column).where(RealmUser.id == Device.realm_user_id)
    return query.correlate(Device).scalar_subquery()


_TABLE: dict[str, tuple[str, Any]] = {
    "id": ("Id", Device.id),
    "serial_number": ("Serial number", Device.serial_number),
    "name": ("Name", Device.name),
    "state": ("State", STATE),
    "platform": ("Platform", Device.platform),
    "os_version": ("OS version", Device.os_version),
    "os_version_extra": ("OS version, extra", Device.os_version_extra),
    "build_version": ("Build", Device.build_version),
    "build_version_extra": ("Build, extra", Device.build_version_extra),
    "model": ("Model identifier", Device.model),
    "model_name": ("Model", Device.model_name),
    "model_number": ("Model number", Device.model_number),
    "apple_silicon": ("Apple silicon", Device.apple_silicon),
    "udid": ("UDID", Device.udid),
    "enrollment_id": ("EnrollmentID", Device.enrollment_uid),
    "imei": ("IMEI", Device.imei),
    "meid": ("MEID", Device.meid),
    "phone_number": ("Phone number", Device.phone_number),
    "host_name": ("Host name", Device.host_name),
    "wifi_mac": ("Wi-Fi address", Device.wifi_mac),
    "bluetooth_mac": ("Bluetooth address", Device.bluetooth_mac),
    "ethernet_mac": ("Ethernet address", Device.ethernet_mac),
    "capacity": ("Capacity (GiB)", Device.capacity),
    "capacity_available": ("Free (GiB)", Device.capacity_available),
    "battery_level": ("Battery (0 to 1)", Device.battery_level),
    "tags": ("Tags", _NO_TAGS),
    "blueprint": ("Blueprint (id)", Device.blueprint_id),
    "enrollment": ("Enrollment (id)", ENROLLMENT_ID),
    "realm_user": ("Person", _of_person(RealmUser.username)),
    "email": ("Email of the person", _of_person(RealmUser.email)),
    "supervised": ("Supervised", Device.supervised),
    "shared_ipad": ("Shared iPad", Device.shared_ipad),
    "dep_enrollment": ("Automated enrollment", Device.dep_enrollment),
    "user_enrollment": ("User enrollment", Device.user_enrollment),
    "user_approved_enrollment": ("Approved by the user", Device.user_approved_enrollment),
    "awaiting_configuration": ("Waits in Setup Assistant", Device.awaiting_configuration),
    "declarative_management": ("Declarative management", Device.declarative_management),
    "filevault_enabled": ("FileVault", Device.filevault_enabled),
    "filevault_prk_escrowed": ("FileVault key kept", HAS_PRK),
    "recovery_password_escrowed": ("Recovery password kept", HAS_RECOVERY_PASSWORD),
    "admin_password_escrowed": ("Administrator's password kept", HAS_ADMIN_PASSWORD),
    "bootstrap_token_escrowed": ("Bootstrap token kept", Device.bootstrap_token_escrowed),
    "unlock_token_escrowed": ("Unlock token kept", Device.unlock_token_escrowed),
    "activation_lock_manageable": (
        "Activation Lock manageable",
        Device.activation_lock_manageable,
    ),
    "activation_lock_enabled": ("Activation Lock", Device.activation_lock_enabled),
    "passcode_present": ("Passcode", Device.passcode_present),
    "passcode_compliant": ("Passcode compliant", Device.passcode_compliant),
    "firewall_enabled": ("Firewall", Device.firewall_enabled),
    "sip_enabled": ("System Integrity Protection", Device.sip_enabled),
    "recovery_lock_enabled": ("Recovery lock", Device.recovery_lock_enabled),
    "lost_mode": ("Lost Mode", Device.lost_mode),
    "last_seen_at": ("Last seen", Channel.last_seen_at),
    "last_notified_at": ("Last push", Channel.pushed_at),
    "push_dead_at": ("Push token dead since", Channel.push_dead_at),
    "cert_not_valid_after": ("Certificate until", CERT_NOT_VALID_AFTER),
    "enrolled_at": ("Enrolled", Device.enrolled_at),
    "checkout_at": ("Checked out", Device.checkout_at),
    "blocked_at": ("Blocked", Device.blocked_at),
    "leaving_at": ("Asked to leave", Device.leaving_at),
    "released_at": ("Released", Device.released_at),
    "archived_at": ("Archived", Device.archived_at),
    "created_at": ("First seen", Device.created_at),
    "updated_at": ("Changed", Device.updated_at),
}
COLUMNS: Mapping[str, str] = {name: label for name, (label, _) in _TABLE.items()}
"""What a column is called in files and in the API -> what people call it."""


def chosen(names: Sequence[str]) -> tuple[str, ...]:
    """The columns as given, each once; none means all. Refused names the one that is unknown."""
    for name in names:
        if name not in COLUMNS:
            raise Refused("columns", f"there is no column {name[:50]!r}")
    return tuple(dict.fromkeys(names)) or tuple(COLUMNS)


def export(
    actor: Actor, asked: DeviceFilter, kind: str, columns: Sequence[str] = ()
) -> Iterator[bytes]:
    """All devices of the filter that this actor may see, by id, as `csv` or `jsonl`.

    Leaves an audit entry in the open transaction; devices that come later are left out.
    """
    names = chosen(columns)
    said = ", ".join(f"{name}={value}" for name, value in asked.as_json().items())
    audit.record(actor, "device.export", reason=f"{kind}: {said or 'everything'}")
    last = session().scalar(sa.select(sa.func.max(Device.id))) or 0
    condition = access.row_scope(actor, access.VIEW_DEVICES)
    scope = [Device.id <= last] if condition is None else [Device.id <= last, condition]
    return _written(asked, names, kind, scope)


def rows(
    asked: DeviceFilter, columns: Sequence[str], *, scope: Sequence[sa.ColumnElement[bool]] = ()
) -> Iterator[list[Any]]:
    """The chosen columns of each device, by id; `scope` narrows what is shown to whom."""
    for batch in _batches(asked, columns, scope):
        yield from batch


def _written(
    asked: DeviceFilter,
    names: Sequence[str],
    kind: str,
    scope: Sequence[sa.ColumnElement[bool]],
) -> Iterator[bytes]:
    first = True
    for batch in _batches(asked, names, scope):
        yield export_formats.write(kind, names, batch, first=first)
        first = False


def _batches(
    asked: DeviceFilter, names: Sequence[str], scope: Sequence[sa.ColumnElement[bool]]
) -> Iterator[list[list[Any]]]:
    """At least one batch, an empty one if nothing is found."""
    values = [_TABLE[name][1].label(f"c{number}") for number, name in enumerate(names)]
    query = sa.select(Device.id, *values).outerjoin(Channel, OWN_CHANNEL)
    query = query.where(*asked.conditions(), *scope).order_by(Device.id).limit(_BATCH)
    last, full = 0, True
    while full:
        with engine().connect() as connection:
            found = connection.execute(query.where(Device.id > last)).all()
            ids = [row[0] for row in found]
            tags = _tags(connection, ids) if "tags" in names else {}
        batch = [list(row[1:]) for row in found]
        if "tags" in names:
            place = names.index("tags")
            for row_id, row in zip(ids, batch, strict=True):
                row[place] = tags.get(row_id, [])
        yield batch
        full = len(found) == _BATCH
        last = ids[-1] if ids else last


def _tags(connection: sa.Connection, ids: Sequence[int]) -> dict[int, list[str]]:
    """The names of the tags of these devices; one statement."""
    if not ids:
        return {}
    query = (
        sa.select(DeviceTag.device_id, Tag.name)
        .join(Tag, Tag.id == DeviceTag.tag_id)
        .where(DeviceTag.device_id.in_(ids))
        .order_by(DeviceTag.device_id, Tag.key)
    )
    found: dict[int, list[str]] = {}
    for device_id, name in connection.execute(query):
        found.setdefault(device_id, []).append(name)
    return found
