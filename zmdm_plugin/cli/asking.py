"""Options that say which devices, made from the filters of the API's list, and finding one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import click
import marshmallow as ma
import sqlalchemy as sa

from zmdm_plugin import db
from zmdm_plugin.blueprints.api.schemas.devices import DeviceAsked
from zmdm_plugin.cli.operators import operator
from zmdm_plugin.errors import Conflict, NotFound
from zmdm_plugin.models import Device
from zmdm_plugin.models.base import as_utc
from zmdm_plugin.services import devices
from zmdm_plugin.services.device_filter import DeviceFilter
from zmdm_plugin.services.keyset import MAX_ID

ID = click.IntRange(1, MAX_ID)
LIMIT = click.option("--limit", type=click.IntRange(1, 500), default=100, show_default=True)
_NAMES = (Device.serial_number, Device.udid, Device.enrollment_uid)


def which_devices(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the filters of a list of devices; `chosen` makes a DeviceFilter of them."""
    for name, field in reversed(DeviceAsked().fields.items()):
        command = _option(name, field)(command)
    return command


def chosen(asked: dict[str, Any]) -> DeviceFilter:
    """The filter that these options ask for."""
    return DeviceFilter(**aware(asked))


def aware(asked: dict[str, Any]) -> dict[str, Any]:
    """Options with their moments in UTC."""
    return {
        name: as_utc(value) if isinstance(value, datetime) else value
        for name, value in asked.items()
    }


def one_device(word: str, permission: str) -> Device:
    """The device of this serial number, UDID, EnrollmentID or id; NotFound, Conflict."""
    ids = list(
        db.session().scalars(
            sa.select(Device.id).where(sa.or_(*(name == word for name in _NAMES))).limit(2)
        )
    )
    if len(ids) > 1:
        raise Conflict(f"{word} is more than one device; use an id, as `device list` shows it")
    if not ids and word.isascii() and word.isdigit() and int(word) <= MAX_ID:
        ids = [int(word)]
    if not ids:
        raise NotFound(f"there is no device {word}; see `flask zmdm device list`")
    return devices.find(operator(), ids[0], permission)


def called(device: Device) -> str:
    """What people call a device."""
    return " ".join(filter(None, (device.name, device.serial_number))) or f"device {device.id}"


def _option(name: str, field: ma.fields.Field[Any]) -> Callable[..., Any]:
    dashed = name.replace("_", "-")
    flags = f"--{dashed}/--not-{dashed}" if isinstance(field, ma.fields.Boolean) else f"--{dashed}"
    about = str(field.metadata.get("description", ""))
    options: dict[str, Any] = {"help": about, "default": None}
    if isinstance(field, ma.fields.AwareDateTime):
        options |= {"type": click.DateTime(), "help": f"{about} (UTC)"}
    for check in field.validators:
        if isinstance(check, ma.validate.OneOf):
            options["type"] = click.Choice(list(check.choices))
    return click.option(flags, name, **options)
