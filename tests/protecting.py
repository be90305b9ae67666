"""Macs whose blueprint protects them, for tests of secrets.

protected = lay_protection(road)
mac = protected.mac("Mac14,2", seed=3)        # enrolled, in the blueprint, inventory taken
protected.talk(mac)                            # one conversation, as after a push
protected.newest(mac, "recovery_lock")         # the version of that kind: (state, value)
with protected.later(days=8): …                # time passes
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from tests.road import Road
from zmdm_plugin import clock
from zmdm_plugin.actors import SYSTEM
from zmdm_plugin.models import DeviceSecret, MDMBlueprint, ProtectionTask
from zmdm_plugin.services import command_queue, replan, vault
from zmdm_plugin.services.artifacts import assignment, blueprints
from zmdm_plugin.services.protection import configs
from zmdm_simulator.conversation import Conversation
from zmdm_simulator.device import SimulatedDevice
from zmdm_simulator.script import Script
from zmdm_simulator.secrets import Administrator

SILICON, INTEL = "MacBookPro18,3", "MacBookPro16,1"
SETS = {
    vault.RECOVERY_LOCK: "SetRecoveryLock",
    vault.FIRMWARE_PASSWORD: "SetFirmwarePassword",
    vault.FILEVAULT_PRK: "RotateFileVaultKey",
    vault.ADMIN_PASSWORD: "SetAutoAdminPassword",
}
"""What replaces a secret, by its kind in the vault."""


@dataclass(frozen=True, slots=True)
class Protected:
    """A road with a blueprint that protects."""

    road: Road
    blueprint: int

    def mac(
        self, model: str = SILICON, seed: object = 1, *rules: dict[str, Any], **more: Any
    ) -> SimulatedDevice:
        """A Mac of the blueprint that has answered its first questions."""
        script = Script.load({"rules": list(rules)})
        return self.take(self.road.device(model, seed, script=script, **more))

    def take(self, mac: SimulatedDevice) -> SimulatedDevice:
        """Enroll a device and put it into the blueprint."""
        mac.enroll(self.road.profile)
        mac.connect()
        with self.road.rows() as session:
            row = session.get(MDMBlueprint, self.blueprint)
            assignment.choose(self.road.row(mac), row, actor=SYSTEM)
        return mac

    def talk(self, mac: SimulatedDevice) -> Conversation:
        """One conversation."""
        mac.wake_up()
        return mac.connect()

    def change(self, **changes: Any) -> None:
        """Change the blueprint."""
        with self.road.rows() as session:
            blueprints.update(session.get_one(MDMBlueprint, self.blueprint), changes)

    def configure(self, kind: configs.Kind, **values: Any) -> int:
        """Another configuration of a kind; returns its id."""
        with self.road.rows():
            return configs.create(kind, values).id

    def reconfigure(self, **changes: Any) -> None:
        """Change the configuration of recovery passwords."""
        with self.road.rows() as session:
            number = session.get_one(MDMBlueprint, self.blueprint).recovery_password_config_id
            assert number is not None
            row = configs.find(configs.RECOVERY, number)
            configs.change(configs.RECOVERY, row, changes)

    def order(self, device: SimulatedDevice, name: str, **args: Any) -> None:
        """Queue a command as an operator would, and let the device have it."""
        with self.road.rows():
            command_queue.enqueue(self.road.channel(device), name, args, actor=SYSTEM)
        device.connect()

    def versions(self, mac: SimulatedDevice, kind: str) -> list[tuple[str, str]]:
        """State and value of each version, the oldest first."""
        with self.road.rows():
            rows = vault.versions(self.road.row(mac).id, [kind])
            return [(row.state, vault.text(row)) for row in reversed(rows)]

    def confirmed(self, mac: SimulatedDevice, kind: str) -> str | None:
        """The one in force."""
        found = [value for state, value in self.versions(mac, kind) if state == "confirmed"]
        assert len(found) < 2
        return found[0] if found else None

    def task(self, mac: SimulatedDevice, kind: str) -> ProtectionTask | None:
        """How a piece of work stands."""
        with self.road.rows() as session:
            row = session.get(ProtectionTask, (self.road.row(mac).id, kind))
            if row is not None:
                session.expunge(row)
            return row

    def opens(self, mac: SimulatedDevice, kind: str) -> bool:
        """Whether the version in force is what the Mac has; the Mac is the judge."""
        kept, has = self.confirmed(mac, kind), mac.secrets
        if kept is None:
            return False
        if kind == vault.FILEVAULT_PRK:
            return kept == has.recovery_key
        if kind == vault.ADMIN_PASSWORD:
            return has.administrator is not None and has.administrator.opens(kept)
        return has.opens_recovery(kept)

    def in_force(self, kind: str) -> SimulatedDevice:
        """A Mac whose secret of this kind is in force."""
        mac = self.mac(INTEL if kind == vault.FIRMWARE_PASSWORD else SILICON)
        if kind == vault.ADMIN_PASSWORD:
            self.administrator(mac)
        self.talk(mac)
        mac.secrets.turn_on_filevault()
        mac.restart()
        self.order(mac, "SecurityInfo")
        self.talk(mac)
        assert self.opens(mac, kind)
        return mac

    def settle(self, mac: SimulatedDevice, kind: str) -> None:
        """What happens without anybody's help; an Intel Mac is restarted, for it was asked to."""
        for hours in (0, 1, 30, 60):
            with self.later(hours=hours):
                self.talk(mac)
            if kind == vault.FIRMWARE_PASSWORD:
                mac.restart()

    def administrator(self, mac: SimulatedDevice) -> None:
        """As if Setup Assistant had made one on this Mac, which the Mac has named since."""
        mac.secrets.administrator = Administrator("GUID-1", "admin", b"")
        self.change(admin_password_rotation_interval_days=365)
        accounts = [{"GUID": "GUID-1", "shortName": "admin"}]
        with self.road.rows():
            device = self.road.row(mac)
            device.dep_enrollment = mac.automated = True
            device.device_information = {"AutoSetupAdminAccounts": accounts}
            device.device_information_at = device.security_info_at = clock.utcnow()

    def due(self, mac: SimulatedDevice, kind: str) -> None:
        """As if the version in force had been revealed long ago."""
        with self.road.rows() as session:
            device = self.road.row(mac)
            session.execute(
                sa.update(DeviceSecret)
                .where(DeviceSecret.device_id == device.id, DeviceSecret.kind == kind)
                .where(DeviceSecret.state == "confirmed")
                .values(rotate_at=clock.utcnow())
            )
            replan.device(device)

    @contextmanager
    def later(self, **span: float) -> Iterator[None]:
        """Time has passed, for everybody."""
        with clock.shifted(timedelta(**span)):
            yield


def lay_protection(road: Road, **recovery: Any) -> Protected:
    """A blueprint that encrypts disks and sets recovery passwords."""
    with road.rows():
        filevault = configs.create(
            configs.FILEVAULT,
            {"name": "Disks", "escrow_location_display_name": "Example", **{}},
        )
        password = configs.create(
            configs.RECOVERY, {"name": "Start", "rotate_firmware_password": True, **recovery}
        )
        row = blueprints.create(
            "Protected", filevault_config=filevault.id, recovery_password_config=password.id
        )
        return Protected(road, row.id)
