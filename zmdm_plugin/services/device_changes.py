"""What is done to a device at a word: by a program, on a screen, by a command, or to many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from zmdm_plugin.actors import Actor
from zmdm_plugin.errors import Conflict, NotFound
from zmdm_plugin.models import Device
from zmdm_plugin.services import access, archive, audit, devices, release, unenroll, wake


class Act(Protocol):
    """Do it to a device that is held; `bulk`: one of many, so that its wake may wait its turn."""

    def __call__(self, device: Device, actor: Actor, *, bulk: bool) -> object: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One of these words."""

    shown: str
    """What its button says."""
    permission: str
    act: Act
    done: str
    """What is said afterwards."""
    asks: str = ""
    """What is asked before; empty where nothing can go wrong."""


def _poke(device: Device, actor: Actor, *, bulk: bool) -> None:
    channel = devices.channel(device.id)
    if channel.push_token is None or channel.ended_at is not None:
        raise Conflict("the device is not enrolled, so it cannot be woken")
    wake.channel(channel, bulk=bulk)


def _block(device: Device, actor: Actor, *, bulk: bool) -> None:
    release.block(device, bulk=bulk)


def _unblock(device: Device, actor: Actor, *, bulk: bool) -> None:
    release.unblock(device)


def _unenroll(device: Device, actor: Actor, *, bulk: bool) -> None:
    unenroll.order(device, actor, bulk=bulk)


def _stay(device: Device, actor: Actor, *, bulk: bool) -> None:
    unenroll.stay(device, bulk=bulk)


def _release(device: Device, actor: Actor, *, bulk: bool) -> None:
    release.let_go(device, bulk=bulk)


def _archive(device: Device, actor: Actor, *, bulk: bool) -> None:
    archive.archive(device)


def _unarchive(device: Device, actor: Actor, *, bulk: bool) -> None:
    archive.unarchive(device)


CHANGES: Mapping[str, Change] = {
    "poke": Change(
        shown="Wake",
        permission=access.CHANGE_DEVICES,
        act=_poke,
        done="The device is being woken.",
    ),
    "unenroll": Change(
        shown="Unenroll",
        permission=access.UNENROLL_DEVICES,
        act=_unenroll,
        done="The device is asked to leave and is being woken; until then it goes on as before.",
        asks="It removes its enrollment profile, and with it what device management has brought: "
        "settings, managed apps, perhaps its network. Its history and secrets stay here, and it "
        "may enroll again.",
    ),
    "stay": Change(
        shown="Let it stay",
        permission=access.UNENROLL_DEVICES,
        act=_stay,
        done="The device stays.",
    ),
    "release": Change(
        shown="Release",
        permission=access.UNENROLL_DEVICES,
        act=_release,
        done="The device is released: should it come by, it is told to leave. It may enroll again.",
        asks="For a device that is gone, or does not leave when asked. It is no longer counted on, "
        "its licences are free at once, and should it come by, it is told to leave. It may enroll "
        "again.",
    ),
    "block": Change(
        shown="Block",
        permission=access.CHANGE_DEVICES,
        act=_block,
        done="The device is blocked: it is told to leave at its next request, and may not enroll "
        "again.",
        asks="It is told to leave device management, and may not enroll again until it is "
        "unblocked.",
    ),
    "unblock": Change(
        shown="Unblock",
        permission=access.CHANGE_DEVICES,
        act=_unblock,
        done="The device may enroll again.",
    ),
    "archive": Change(
        shown="Archive",
        permission=access.ARCHIVE_DEVICES,
        act=_archive,
        done="The device is in the archive.",
        asks="It is no longer shown in lists and counts. Its history and secrets stay, and if it "
        "enrolls again, it comes out by itself.",
    ),
    "unarchive": Change(
        shown="Take out of the archive",
        permission=access.ARCHIVE_DEVICES,
        act=_unarchive,
        done="The device is out of the archive.",
    ),
}


def change(device_id: int, name: str, actor: Actor) -> Device:
    """Do it in the open transaction, and say so in the audit; who may was asked before."""
    if (wanted := CHANGES.get(name)) is None:
        raise NotFound("there is no such change of a device")
    device = devices.locked(device_id)
    before = audit.snapshot(device)
    wanted.act(device, actor, bulk=False)
    after = audit.snapshot(device)
    audit.record(
        actor,
        f"device.{name}",
        device,
        before=_of(before, before, after),
        after=_of(after, before, after),
    )
    return device


def fitting(device: Device) -> list[str]:
    """Which of these words fit the device as it stands, in the order of their buttons."""
    under_management = device.enrolled_at is not None and device.checkout_at is None
    stands = {
        "poke": under_management and not device.dismissed,
        "unenroll": under_management and not device.dismissed and device.leaving_at is None,
        "stay": under_management
        and device.blocked_at is None
        and (device.leaving_at or device.released_at),
        "release": under_management and not device.dismissed,
        "block": device.blocked_at is None,
        "unblock": device.blocked_at is not None,
        "archive": device.archived_at is None and (device.dismissed or not under_management),
        "unarchive": device.archived_at is not None,
    }
    return [name for name in CHANGES if stands[name]]


def _of(
    values: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Those of the values that the change has changed."""
    return {name: values[name] for name in values if before[name] != after[name]} or None
