"""Another secret in the place of the present one: because somebody asked, or has seen it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import sqlalchemy as sa

from zmdm_plugin.actors import Actor
from zmdm_plugin.db import session
from zmdm_plugin.errors import Conflict
from zmdm_plugin.models import (
    AdeSettings,
    Channel,
    Device,
    DeviceSecret,
    EnrollmentSession,
    FileVaultConfig,
    MDMBlueprint,
    RecoveryPasswordConfig,
)
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import access, audit, channels, vault, wake
from zmdm_plugin.services.protection import situation, tasks
from zmdm_plugin.services.protection.values import (
    ADMIN_PASSWORD,
    BYPASS_CODE,
    FILEVAULT_PRK,
    FILEVAULT_PROFILE,
    RECOVERY_PASSWORD,
)

REPLACEABLE = (FILEVAULT_PRK, RECOVERY_PASSWORD, ADMIN_PASSWORD)
ASKABLE = (*REPLACEABLE, BYPASS_CODE, FILEVAULT_PROFILE)
"""What may be tried now: also a code that is fetched, and a profile that failed."""
_OWN = ""
_LIVE = ("pending", "confirmed")


def replace(actor: Actor, device: Device, name: str) -> None:
    """Have the planner do it now, whatever failed before: replace a secret, fetch a code, put the
    profile on again; Conflict says why it cannot."""
    access.demand(actor, access.CHANGE_SECRETS, device)
    _possible(device, name)
    _hold(device)
    tasks.ask(device, name, now=utcnow())
    audit.record(actor, f"device.replace_{name}", device)
    _plan(device, utcnow())
    session().flush()
    for channel in channels.open_channels(device):
        wake.channel(channel)


def after_reveal(device: Device, shown: Iterable[DeviceSecret], *, now: datetime) -> None:
    """What was seen is replaced after the time that the configuration says, also if it was not
    known yet whether it is in force.

    The caller holds the device's channels.
    """
    for row in shown:
        delay = _delay(device, row.kind) if row.state in _LIVE else 0
        if delay:
            due = now + timedelta(minutes=delay)
            row.rotate_at = min(row.rotate_at, due) if row.rotate_at else due
            _plan(device, row.rotate_at)


def _possible(device: Device, name: str) -> None:
    if name != BYPASS_CODE:
        _possible_on_mac(device, name)
    elif (channel := _own_channel(device)) is None or situation.lockable(channel) is None:
        raise Conflict("only supervised devices that have an Activation Lock make such a code")


def _possible_on_mac(device: Device, name: str) -> None:
    if device.platform != "macOS" or device.user_enrollment:
        raise Conflict("only Macs that are not enrolled by their user have this")
    filevault, recovery, _ = situation.wanted(device.blueprint_id)
    if name == FILEVAULT_PRK:
        if vault.newest(device.id, vault.FILEVAULT_PRK, "confirmed") is None:
            raise Conflict("no recovery key of this Mac is known, and only who knows one gets anew")
    elif name == FILEVAULT_PROFILE:
        if filevault is None:
            raise Conflict("the device's blueprint has no FileVault configuration")
    elif name == RECOVERY_PASSWORD:
        if recovery is None:
            raise Conflict("the device's blueprint has no configuration of recovery passwords")
        if not recovery.dynamic and tasks.of(device.id).get(name) is None:
            raise Conflict("one password for all is replaced in its configuration")
    elif situation.auto_admin(device) is None:
        raise Conflict("the device names no administrator that Setup Assistant made")


def _delay(device: Device, kind: str) -> int:
    """Minutes between a reveal and another secret; 0: none for that."""
    if kind == vault.ADMIN_PASSWORD and (asked := _of_enrollment(device)) is not None:
        return asked
    query = {
        vault.FILEVAULT_PRK: _of_filevault,
        vault.RECOVERY_LOCK: _of_recovery,
        vault.FIRMWARE_PASSWORD: _of_recovery,
        vault.ADMIN_PASSWORD: _of_admin,
    }.get(kind)
    if query is None or device.blueprint_id is None:
        return 0
    return session().scalar(query(kind).where(MDMBlueprint.id == device.blueprint_id)) or 0


def _of_filevault(_kind: str) -> sa.Select[int]:
    return sa.select(FileVaultConfig.prk_reveal_rotation_delay).join(
        MDMBlueprint, MDMBlueprint.filevault_config_id == FileVaultConfig.id
    )


def _of_recovery(kind: str) -> sa.Select[int]:
    config = RecoveryPasswordConfig
    query = sa.select(config.reveal_rotation_delay).join(
        MDMBlueprint, MDMBlueprint.recovery_password_config_id == config.id
    )
    query = query.where(config.dynamic_password.is_(True))
    if kind == vault.FIRMWARE_PASSWORD:
        query = query.where(config.rotate_firmware_password.is_(True))
    return query


def _of_enrollment(device: Device) -> int | None:
    """What the enrollment that made the administrator says of its password, before blueprints."""
    return session().scalar(
        sa.select(AdeSettings.admin_password_rotation_delay)
        .join(EnrollmentSession, EnrollmentSession.enrollment_id == AdeSettings.enrollment_id)
        .where(EnrollmentSession.id == device.session_id, AdeSettings.admin_short_name != "")
    )


def _of_admin(_kind: str) -> sa.Select[int]:
    return sa.select(MDMBlueprint.admin_password_reveal_rotation_delay)


def _own_channel(device: Device) -> Channel | None:
    query = sa.select(Channel).where(
        Channel.device_id == device.id, Channel.key == _OWN, Channel.ended_at.is_(None)
    )
    return session().scalar(query)


def _hold(device: Device) -> None:
    channels.hold(Channel.device_id == device.id)


def _plan(device: Device, moment: datetime) -> None:
    """Have the planner look at the device by then."""
    session().execute(
        sa.update(Channel)
        .where(
            Channel.device_id == device.id,
            Channel.key == _OWN,
            Channel.ended_at.is_(None),
            sa.or_(Channel.plan_due_at.is_(None), Channel.plan_due_at > moment),
        )
        .values(plan_due_at=moment),
        execution_options={"synchronize_session": "fetch"},
    )
