"""Protection of Macs: FileVault's profile and key, recovery passwords, the automatic administrator.

A password is changed only while it is known which one the device has: as long as a version may or
may not have reached it, the device is asked to verify that one first.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from zmdm_plugin.services.planner.values import Order, Plan, Situation, earliest
from zmdm_plugin.services.protection.values import (
    ADMIN_PASSWORD,
    FILEVAULT_PRK,
    FILEVAULT_PROFILE,
    NEVER,
    RECOVERY_CHECK,
    RECOVERY_PASSWORD,
    Kept,
    Pending,
    Protection,
    RecoveryWanted,
    Task,
)

_LOST = timedelta(hours=1)
"""An order that ended without an answer (cancelled, expired) is given again after this."""
_PROVED_FOR = timedelta(days=30)
_LOOK_AGAIN = timedelta(hours=4)
_COMMANDS = {
    "recovery_lock": ("SetRecoveryLock", "VerifyRecoveryLock"),
    "firmware_password": ("SetFirmwarePassword", "VerifyFirmwarePassword"),
}
_LOOK = "SecurityInfo"


def plan(situation: Situation) -> Plan:
    """What is missing of each piece of work, and when to look again."""
    protection = situation.protection
    if protection is None:
        return Plan()
    plans = [rule(situation, protection) for rule in (_profile, _key, _recovery, _administrator)]
    orders = dict.fromkeys((one.name, one) for each in plans for one in each.orders)
    return Plan(tuple(one for _, one in orders), earliest(*(each.next_at for each in plans)))


def _profile(situation: Situation, protection: Protection) -> Plan:
    """The profile comes, changes and goes with the blueprint's configuration."""
    wanted, task = protection.filevault, protection.task(FILEVAULT_PROFILE)
    if wanted is not None and not protection.approved:
        return Plan()
    if task.digest == (wanted.digest if wanted else None) and not task.asked:
        return Plan()
    if wanted is None:
        return _try(Order("RemoveFileVaultProfile"), task, situation)
    return _try(Order("SetUpFileVault", {"digest": wanted.digest}), task, situation)


def _key(situation: Situation, protection: Protection) -> Plan:
    """A recovery key that nobody has is asked for; one that is old or was seen is replaced."""
    kept, task = protection.secret(FILEVAULT_PRK), protection.task(FILEVAULT_PRK)
    if not protection.filevault_on:
        return Plan()
    if kept.confirmed is None:
        return _look(situation, protection.looked_at) if protection.filevault else Plan()
    rotation = protection.filevault.rotation if protection.filevault else NEVER
    due = rotation.due(kept, task, now=situation.now)
    if due is None or due > situation.now:
        return Plan(next_at=due)
    return _try(Order("RotateFileVaultKey"), task, situation)


def _recovery(situation: Situation, protection: Protection) -> Plan:
    kind, wanted = protection.recovery_kind, protection.recovery
    kept, task = protection.secret(kind), protection.task(RECOVERY_PASSWORD)
    sets, verifies = _COMMANDS[kind]
    if {sets, verifies} & situation.outstanding:
        return Plan()
    if kept.pending:
        return _settle(situation, protection, kept.pending[-1])
    if kept.confirmed and task.failed_at and _is_in_doubt(kept, task.failed_at):
        again = protection.task(RECOVERY_CHECK).next_try_at
        return _verify(situation, verifies, kept.confirmed, since=task.failed_at, again=again)
    check = protection.task(RECOVERY_CHECK)
    if wanted is None:
        if task.digest is None or kept.confirmed is None:
            return _prove(situation, verifies, kept, check)
        return _try(Order(sets, {"kind": kind}), task, situation)
    due = _password_due(protection, wanted, kept, task, situation.now)
    if due is None or due > situation.now:
        proof = _prove(situation, verifies, kept, check)
        return Plan(proof.orders, earliest(due, proof.next_at))
    return _try(Order(sets, {"kind": kind, "origin": wanted.digest}), task, situation)


def _prove(situation: Situation, verifies: str, kept: Kept, check: Task) -> Plan:
    """Now and then the device is asked whether the password that is kept here still holds."""
    if kept.confirmed is None:
        return Plan()
    due = kept.proved_at + _PROVED_FOR if kept.proved_at else situation.now
    if check.next_try_at is not None:
        due = max(due, check.next_try_at)
    if due > situation.now:
        return Plan(next_at=due)
    return _verify(situation, verifies, kept.confirmed, since=due)


def _password_due(
    protection: Protection, wanted: RecoveryWanted, kept: Kept, task: Task, now: datetime
) -> datetime | None:
    """From when on another password may be set; None: it need not be."""
    if kept.confirmed is None or task.digest != wanted.digest:
        return now
    if not wanted.dynamic:
        return None
    if protection.recovery_kind == "firmware_password" and not wanted.rotates_firmware:
        return now if task.asked else None
    return wanted.rotation.due(kept, task, now=now)


def _settle(situation: Situation, protection: Protection, pending: Pending) -> Plan:
    """Whether the device has a version is found out before anything else is tried."""
    if protection.recovery_kind == "firmware_password":
        if protection.looked_at is None or protection.looked_at <= pending.since:
            return _look(situation, None)
        if protection.restart_pending:
            return Plan()
    verifies = _COMMANDS[protection.recovery_kind][1]
    return _verify(situation, verifies, pending.uid, since=pending.since)


def _verify(
    situation: Situation,
    name: str,
    version: str,
    *,
    since: datetime,
    again: datetime | None = None,
) -> Plan:
    """Have the device try a version: at once, and again where that came to nothing."""
    tried = situation.attempted.get(name)
    due = tried + _LOST if tried is not None and tried >= since else situation.now
    due = max(due, again) if again is not None else due
    if due > situation.now:
        return Plan(next_at=due)
    return Plan((Order(name, {"version": version}),), situation.now + _LOST)


def _is_in_doubt(kept: Kept, failed_at: datetime) -> bool:
    """A change failed since the device last said whether the password in force holds."""
    return kept.proved_at is None or kept.proved_at < failed_at


def _administrator(situation: Situation, protection: Protection) -> Plan:
    """Another password needs no former one, so nothing has to be settled first."""
    if not protection.has_auto_admin:
        return Plan()
    kept, task = protection.secret(ADMIN_PASSWORD), protection.task(ADMIN_PASSWORD)
    due = protection.admin.due(kept, task, now=situation.now)
    under_way = any(one.ordered for one in kept.pending)
    if protection.admin.interval and kept.confirmed is None and not under_way:
        due = situation.now
    if due is None or due > situation.now:
        return Plan(next_at=due)
    return _try(Order("SetAutoAdminPassword", {"origin": None}), task, situation)


def _look(situation: Situation, looked_at: datetime | None) -> Plan:
    """Ask for its security again, some hours after the last time."""
    if _LOOK in situation.outstanding:
        return Plan()
    tried = situation.attempted.get(_LOOK)
    last = max((at for at in (looked_at, tried) if at is not None), default=None)
    due = last + _LOOK_AGAIN if last is not None else situation.now
    if due > situation.now:
        return Plan(next_at=due)
    return Plan((Order(_LOOK),), situation.now + _LOOK_AGAIN)


def _try(order: Order, task: Task, situation: Situation) -> Plan:
    """Order it, unless it is under way or has failed a while ago."""
    if order.name in situation.outstanding:
        return Plan()
    if task.next_try_at is not None and task.next_try_at > situation.now:
        return Plan(next_at=task.next_try_at)
    return Plan((order,), situation.now + _LOST)
