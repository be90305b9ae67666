"""What the planner's rule on protection looks at: plain values, no rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

FILEVAULT_PROFILE = "filevault_profile"
FILEVAULT_PRK = "filevault_prk"
RECOVERY_PASSWORD = "recovery_password"
RECOVERY_CHECK = "recovery_password_check"
"""Asking whether the one in force still holds: that this fails says nothing of a change."""
ADMIN_PASSWORD = "admin_password"
BYPASS_CODE = "activation_lock_bypass_code"

_FIRST = timedelta(minutes=15)
_LONGEST = timedelta(days=7)


def wait_after(failures: int) -> timedelta:
    """How long to leave a device alone that refused: 15 minutes, then four times as long each
    time, up to a week. Macs slow down whoever tries passwords."""
    grown: int = 4 ** min(max(failures - 1, 0), 6)
    return min(_FIRST * grown, _LONGEST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """How a piece of work stands on this device."""

    digest: str | None = None
    """Of the configuration in place."""
    asked: bool = False
    """Somebody wants it now."""
    next_try_at: datetime | None = None
    failed_at: datetime | None = None
    """Of the last attempt, if that failed."""
    done_at: datetime | None = None
    """When it last went well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A version that the device may have or not."""

    uid: str
    ordered: bool
    """Its command still waits or is unanswered."""
    taken: bool
    """The device has it, for after its next restart."""
    since: datetime
    """When it was last given out, or the device last spoke of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A kind of secret as the vault has it."""

    confirmed: str | None = None
    """The uid of the version in force."""
    confirmed_at: datetime | None = None
    rotate_at: datetime | None = None
    proved_at: datetime | None = None
    """When the device last said whether it holds."""
    pending: tuple[Pending, ...] = ()
    """The oldest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """When another secret is due: so long after the last one, or when it was revealed."""

    interval: timedelta | None = None

    def due(self, kept: Kept, task: Task, *, now: datetime) -> datetime | None:
        """The moment, now if somebody asked; None: never."""
        if task.asked:
            return now
        moments = [kept.rotate_at] if kept.rotate_at else []
        if self.interval and kept.confirmed_at:
            moments.append(kept.confirmed_at + self.interval)
        return min(moments, default=None)


NEVER = Rotation()


@dataclass(frozen=True, slots=True, kw_only=True)
class FileVaultWanted:
    """What the blueprint says about disks."""

    digest: str
    rotation: Rotation = NEVER


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryWanted:
    """What the blueprint says about recovery passwords."""

    digest: str
    """Names the configuration; another one for each static password."""
    dynamic: bool = True
    rotation: Rotation = NEVER
    rotates_firmware: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Lockable:
    """A supervised device that makes a bypass code for Activation Lock."""

    enrolled_at: datetime
    task: Task = field(default_factory=Task)


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """A Mac's protection: what is wanted, what is in place, what the vault has."""

    filevault: FileVaultWanted | None = None
    recovery: RecoveryWanted | None = None
    admin: Rotation = NEVER
    tasks: dict[str, Task] = field(default_factory=dict)
    kept: dict[str, Kept] = field(default_factory=dict)
    """By kind in the vault."""
    recovery_kind: str = "recovery_lock"
    """recovery_lock | firmware_password: what this hardware has."""
    approved: bool = True
    """A person or the organization vouched for the enrollment: FileVault asks for that."""
    filevault_on: bool = False
    restart_pending: bool = False
    """A firmware password waits for a restart."""
    looked_at: datetime | None = None
    """When its security was asked last."""
    has_auto_admin: bool = False

    def task(self, kind: str) -> Task:
        return self.tasks.get(kind) or Task()

    def secret(self, kind: str) -> Kept:
        return self.kept.get(kind) or Kept()
