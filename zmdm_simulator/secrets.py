"""The secrets of a simulated device, and what it takes to change them.

A Mac has a disk with a recovery key, which it encrypts to whatever escrow certificate a profile
brought; a recovery lock (Apple silicon) or a firmware password (Intel), which it changes only for
whoever knows the present one; perhaps an administrator whose password it keeps as a hash. A phone
has a passcode. `ever` remembers each secret it ever had, for tests that look where none may be.
"""

from __future__ import annotations

import hashlib
import os
import plistlib
import secrets
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509

from zmdm_simulator import envelope
from zmdm_simulator.models_of_devices import DeviceModel

_PRK = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"
_CODE = "0123456789ACDEFGHJKLMNPQRTUVWXYZ"


def _drawn(alphabet: str, groups: int, size: int) -> str:
    return "-".join("".join(secrets.choice(alphabet) for _ in range(size)) for _ in range(groups))


@dataclass(slots=True)
class Administrator:
    """The account that Setup Assistant made; the device knows the hash alone."""

    guid: str
    short_name: str
    password_hash: bytes

    def opens(self, password: str) -> bool:
        """Whether this is its password."""
        try:
            found = plistlib.loads(self.password_hash)["SALTED-SHA512-PBKDF2"]
            made = hashlib.pbkdf2_hmac(
                "sha512",
                password.encode(),
                found["salt"],
                found["iterations"],
                len(found["entropy"]),
            )
        except (ValueError, KeyError, TypeError):
            return False
        return bool(made == found["entropy"])


@dataclass(slots=True)
class Secrets:
    """What one device keeps to itself."""

    filevault: bool = False
    recovery_key: str | None = None
    escrow_certificate: bytes | None = None  # of the profile, DER
    encrypts_in_setup: bool = False  # as soon as Setup Assistant goes on
    escrowed: bytes | None = None  # the certificate that the present key was encrypted to
    recovery_lock: str | None = None
    firmware: str | None = None
    firmware_next: str | None = None  # in force after a restart, "" for none
    administrator: Administrator | None = None
    passcode: bool = True
    restrictions_passcode: bool = False
    bypass_code: str | None = None
    ever: set[str] = field(default_factory=set)

    # The disk

    def turn_on_filevault(self) -> None:
        """Somebody logs in and lets the Mac encrypt its disk: a new recovery key."""
        self.filevault = True
        self._new_key(self.escrow_certificate)

    def rotate(self, password: object) -> bool:
        """Make another recovery key for whoever knows the present one."""
        if not self.filevault or password is None or password != self.recovery_key:
            return False
        self._new_key(self.escrow_certificate)
        return True

    def sealed_key(self, certificate: bytes) -> bytes:
        """The recovery key, for the owner of a certificate."""
        key = (self.recovery_key or "").encode()
        return envelope.encrypt(key, x509.load_der_x509_certificate(certificate))

    def _new_key(self, certificate: bytes | None) -> None:
        self.recovery_key = _drawn(_PRK, 6, 4)
        self.escrowed = certificate
        self.ever.add(self.recovery_key)

    # Recovery lock and firmware

    def set_recovery_lock(self, current: object, new: str) -> bool:
        """Change it for whoever knows it; an empty one clears it."""
        if self.recovery_lock and current != self.recovery_lock:
            return False
        self.recovery_lock = new or None
        self.ever.update({new} - {""})
        return True

    def set_firmware(self, current: object, new: str) -> bool:
        """The same for an Intel Mac, which takes it over when it restarts."""
        if self.firmware and current != self.firmware:
            return False
        self.firmware_next = new
        self.ever.update({new} - {""})
        return True

    def restarted(self) -> None:
        """What waited for a restart is in force."""
        if self.firmware_next is not None:
            self.firmware, self.firmware_next = self.firmware_next or None, None

    def opens_recovery(self, password: str) -> bool:
        """Whether somebody at the start screen gets in with it."""
        return password in {self.recovery_lock, self.firmware} - {None}

    def new_bypass_code(self) -> str:
        """The code that a device makes when it becomes supervised."""
        self.bypass_code = _drawn(_CODE, 5, 5)
        self.ever.add(self.bypass_code)
        return self.bypass_code

    # On disk

    def to_json(self) -> dict[str, Any]:
        """All of it, for a fleet that is stopped and goes on later."""
        found = {
            name: getattr(self, name)
            for name in self.__slots__
            if name not in {"administrator", "ever", *_BYTES}
        }
        admin = self.administrator
        return {
            **found,
            **{name: _hex(getattr(self, name)) for name in _BYTES},
            "ever": sorted(self.ever),
            "administrator": admin and [admin.guid, admin.short_name, admin.password_hash.hex()],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Secrets:
        """The other way round."""
        values = dict(data)
        admin = values.pop("administrator", None)
        for name in _BYTES:
            values[name] = bytes.fromhex(values[name]) if values.get(name) else None
        values["ever"] = set(values.get("ever", ()))
        made = cls(**values)
        if admin:
            made.administrator = Administrator(admin[0], admin[1], bytes.fromhex(admin[2]))
        return made


_BYTES = ("escrow_certificate", "escrowed")


def _hex(value: bytes | None) -> str | None:
    return value.hex() if value is not None else None


def of_new(model: DeviceModel) -> Secrets:
    """As a device leaves the factory: a Mac's chip encrypts the disk, with a key nobody has."""
    made = Secrets(passcode=not model.is_mac)
    if model.is_mac and (model.apple_silicon or model.t2):
        made.turn_on_filevault()
    made.ever.clear()
    return made


def new_unlock_token() -> bytes:
    """Another token that clears a phone's passcode."""
    return os.urandom(256)
