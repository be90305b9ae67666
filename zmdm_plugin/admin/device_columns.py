"""Columns of the device list: what there is to choose from, and what each person has chosen.

The choice is kept as a view of its own, so that it is the same in every browser. Whatever is not
a column by now (an older version kept it, somebody typed it) is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from zmdm_plugin.actors import Actor
from zmdm_plugin.errors import Refused
from zmdm_plugin.services import views
from zmdm_plugin.services.devices import Shown

_SCREEN, _NAME, _KEY = "devices.columns", "columns", "columns"
Kind = Literal[
    "text", "code", "model", "os", "state", "push", "person", "when", "until", "yes", "share"
]


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `kind` says how the template shows it, `source` what an export calls it."""

    name: str
    label: str
    kind: Kind = "text"
    source: tuple[str, ...] = ()
    order: str = ""
    """The ordering that its head asks for; empty: the list cannot be ordered by it."""

    @property
    def exported(self) -> tuple[str, ...]:
        """The columns of an export that say the same."""
        return self.source or (self.name,)

    def value(self, shown: Shown) -> Any:
        """What a row has in it."""
        found = getattr(shown, self.name, None)
        return getattr(shown.device, self.name, None) if found is None else found


COLUMNS = {
    column.name: column
    for column in (
        Column("serial_number", "Serial number", "code", order="serial_number"),
        Column("model", "Model", "model", ("model_name", "model")),
        Column("os", "OS", "os", ("platform", "os_version")),
        Column("enrollment", "Enrollment", "state", ("state",)),
        Column("push", "Push", "push", ("push_dead_at",)),
        Column("last_seen_at", "Last seen", "when", order="last_seen"),
        Column("realm_user", "Person", "person", ("realm_user", "email")),
        Column("enrolled_at", "Enrolled", "when"),
        Column("last_notified_at", "Last push", "when"),
        Column("cert_not_valid_after", "Identity until", "until"),
        Column("supervised", "Supervised", "yes"),
        Column("filevault_enabled", "FileVault", "yes"),
        Column("filevault_prk_escrowed", "FileVault key kept", "yes"),
        Column("recovery_password_escrowed", "Recovery password kept", "yes"),
        Column("passcode_present", "Passcode", "yes"),
        Column("firewall_enabled", "Firewall", "yes"),
        Column("sip_enabled", "System Integrity Protection", "yes"),
        Column("activation_lock_enabled", "Activation Lock", "yes"),
        Column("dep_enrollment", "Automated enrollment", "yes"),
        Column("user_approved_enrollment", "Approved by the user", "yes"),
        Column("apple_silicon", "Apple silicon", "yes"),
        Column("battery_level", "Battery", "share"),
        Column("build_version", "Build", "code"),
        Column("host_name", "Host name"),
        Column("udid", "UDID", "code"),
        Column("imei", "IMEI", "code"),
        Column("phone_number", "Phone number"),
        Column("wifi_mac", "Wi-Fi address", "code"),
        Column("ethernet_mac", "Ethernet address", "code"),
    )
}
DEFAULT = ("serial_number", "model", "os", "enrollment", "push", "last_seen_at")


def of(actor: Actor) -> list[Column]:
    """What this person has chosen, or what everybody begins with."""
    kept = next((view for view in views.of(actor, _SCREEN) if view.name == _NAME), None)
    names = str(kept.arguments.get(_KEY, "")).split(",") if kept else ()
    return [COLUMNS[name] for name in known(names) or DEFAULT]


def keep(actor: Actor, names: Iterable[str]) -> None:
    """Remember a choice; Refused if nothing is left of it."""
    chosen = known(names)
    if not chosen:
        raise Refused("column", "choose at least one column")
    views.save(actor, _SCREEN, _NAME, {_KEY: ",".join(chosen)})


def known(names: Iterable[str]) -> list[str]:
    """Those that are columns, in the order of the table."""
    given = set(names)
    return [name for name in COLUMNS if name in given]


def exported(columns: Sequence[Column]) -> list[str]:
    """What an export of these columns holds; who it is about goes first."""
    names = ["id", "name", *(name for column in columns for name in column.exported), "tags"]
    return list(dict.fromkeys(names))
