"""What a client takes: told by its capabilities, else by what Apple says of its OS."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from zmdm_plugin.commands.declarative_management import DeclarativeManagement
from zmdm_plugin.commands.target import Target
from zmdm_plugin.protocol import ddm, declarations
from zmdm_plugin.services import schema_folder
from zmdm_plugin.services.hardware import names_hardware

_MOST_ITEMS = 500
_LONGEST_NAME = 128

#: What every client knows that knows declarations; asked for until it tells what it knows.
DEFAULT_ITEMS = (
    "device.identifier.serial-number",
    "device.identifier.udid",
    "device.model.family",
    "device.model.identifier",
    "device.model.marketing-name",
    "device.operating-system.build-version",
    "device.operating-system.family",
    "device.operating-system.marketing-name",
    "device.operating-system.version",
    "management.client-capabilities",
    "management.declarations",
)


def knows_declarations(target: Target) -> bool:
    """Whether this channel can be managed by declarations at all."""
    return DeclarativeManagement.refusal(target, {}) is None


def subscribed(
    capabilities: Mapping[str, Any] | None, *, user_enrollment: bool = False
) -> Sequence[str]:
    """The status items to ask for: all that the client lists, but for those made for tests.

    What names a person's own hardware is not asked for in a user enrollment.
    """
    told = ddm.item(capabilities or {}, "supported-payloads.status-items")
    names = {
        name
        for name in (told if isinstance(told, list) else ())
        if isinstance(name, str) and 0 < len(name) <= _LONGEST_NAME
    }
    wanted = sorted(name for name in names if not name.startswith("test."))
    chosen = wanted[:_MOST_ITEMS] or DEFAULT_ITEMS
    return [name for name in chosen if not (user_enrollment and names_hardware(name))]


def refusal(target: Target, capabilities: Mapping[str, Any] | None) -> Callable[[str], str | None]:
    """A function that says why this client does not take a type of declaration; None if it does."""
    told = ddm.item(capabilities or {}, "supported-payloads.declarations")
    listed = {
        name
        for section in (told.values() if isinstance(told, Mapping) else ())
        for name in (section if isinstance(section, list) else ())
        if isinstance(name, str)
    }

    def why(type_: str) -> str | None:
        if listed:
            return None if type_ in listed else f"the device does not list {type_} as supported"
        if target.platform is None:
            return None
        return declarations.supported(
            type_,
            target.platform,
            target.os_version,
            supervised=target.supervised,
            user_enrollment=target.user_enrollment,
            channel=target.channel.value,
            shared_ipad=target.shared_ipad,
            schema=schema_folder.current(),
        )

    return why
