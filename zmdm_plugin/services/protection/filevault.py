"""FileVault: a device's profile, the key that its recovery key is escrowed to, what comes back.

Each device has an escrow key of its own, made once and kept for ever: what is encrypted to it was
encrypted when the device was told, perhaps years ago. Which key opens an envelope is read from the
envelope.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric import rsa

from zmdm_plugin.db import session
from zmdm_plugin.errors import NotFound, ProtocolError
from zmdm_plugin.models import ChannelCommand, Device, EscrowKey, FileVaultConfig, MDMBlueprint
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.protocol import cms_authenticated, cms_envelope, filevault, issuance, pem, x509
from zmdm_plugin.protocol.mobileconfig import Texts
from zmdm_plugin.protocol.platform import at_least
from zmdm_plugin.services import events, vault
from zmdm_plugin.services.enrollment.profiles import signed
from zmdm_plugin.services.protection import tasks
from zmdm_plugin.services.protection.situation import filevault_digest
from zmdm_plugin.services.protection.values import FILEVAULT_PRK
from zmdm_plugin.state import state

_LONGEST = 128
_UNREAD_AGAIN = timedelta(days=30)
_SETUP_ASSISTANT_SINCE = "14.0"


def config_of(device: Device) -> FileVaultConfig | None:
    """What its blueprint says about its disk."""
    if device.blueprint_id is None:
        return None
    joined = sa.select(FileVaultConfig).join(
        MDMBlueprint, MDMBlueprint.filevault_config_id == FileVaultConfig.id
    )
    return session().scalar(joined.where(MDMBlueprint.id == device.blueprint_id))


def escrow_key(device: Device) -> EscrowKey:
    """The newest escrow key of a device; its first one is made here (50 ms)."""
    row = next(iter(_keys(device)), None)
    if row is not None:
        return row
    key = issuance.new_rsa_key()
    certificate = filevault.escrow_certificate(
        device.serial_number or f"device {device.id}", key, at=utcnow()
    )
    row = EscrowKey(
        device_id=device.id,
        certificate=certificate,
        not_after=x509.facts(certificate).not_after,
    )
    vault.seal(row, "private_key", pem.private_key_der(key))
    session().add(row)
    session().flush()
    return row


def profile(device: Device) -> bytes:
    """The profile of this device, signed where profiles are; NotFound once nobody wants it."""
    config = config_of(device)
    if config is None:
        raise NotFound("the blueprint says nothing about FileVault any more")
    wanted = filevault.FileVault(
        location=config.escrow_location_display_name,
        at_login_only=config.at_login_only,
        bypass_attempts=config.bypass_attempts,
        show_recovery_key=config.show_recovery_key,
        destroy_key_on_standby=config.destroy_key_on_standby,
    )
    content = filevault.profile(
        wanted,
        escrow_key(device).certificate,
        in_setup_assistant=_in_setup_assistant(device, config),
        serial_number=device.serial_number,
        profile_uuid=uuid.uuid5(uuid.UUID(device.uid), filevault_digest(config)),
        texts=Texts(display_name="FileVault", organization=state().settings.organization or None),
    )
    return signed(content)


def unlock(device: Device) -> tuple[str, bytes]:
    """What a rotation needs: the recovery key in force, and whom the new one is encrypted to."""
    version = vault.newest(device.id, vault.FILEVAULT_PRK, "confirmed")
    if version is None:
        raise NotFound("no recovery key of this device is known")
    return vault.text(version), escrow_key(device).certificate


def seen(device: Device, envelope: bytes, command_uuid: str) -> None:
    """SecurityInfo brought a recovery key: the one we know, or another one."""
    key = opened(device, envelope)
    if key is None:
        _keep_unread(device, envelope, command_uuid)
        return
    current = vault.newest(device.id, vault.FILEVAULT_PRK, "confirmed")
    if current is not None and vault.text(current) == key:
        current.verified_at, current.doubted_at = utcnow(), None
        return
    if current is not None and _older(command_uuid, current.confirmed_at):
        return  # said before the present key was made
    _keep(device, key, command_uuid)


def rotated(device: Device, envelope: bytes | None, command_uuid: str) -> bool:
    """A rotation was answered; False if the answer does not tell the new key."""
    key = opened(device, envelope) if envelope else None
    if key is None:
        if envelope:
            _keep_unread(device, envelope, command_uuid)
        if (current := vault.newest(device.id, vault.FILEVAULT_PRK, "confirmed")) is not None:
            vault.refuse(current)
        tasks.failed(device, FILEVAULT_PRK, "the Mac made a new key, which is not known here yet")
        return False
    _keep(device, key, command_uuid)
    return True


def opened(device: Device, envelope: bytes) -> str | None:
    """The recovery key in an envelope; None if no escrow key of this device opens it."""
    for row in _keys(device):
        der = vault.unseal(row, "private_key")
        if der is None:
            continue
        key = pem.kept_key(der)
        if not isinstance(key, rsa.RSAPrivateKey):
            continue
        try:
            found = _decrypted(envelope, row.certificate, key)
        except ProtocolError:
            continue
        text = found.decode("ascii", "replace").strip().strip("\x00")
        if 0 < len(text) <= _LONGEST and text.isascii() and text.isprintable():
            return text
    return None


def _decrypted(envelope: bytes, certificate: bytes, key: rsa.RSAPrivateKey) -> bytes:
    if cms_authenticated.is_authenticated(envelope):
        return cms_authenticated.decrypt(envelope, certificate, key=key)
    return cms_envelope.decrypt(envelope, certificate, key=key)


def _keys(device: Device) -> list[EscrowKey]:
    rows = sa.select(EscrowKey).where(EscrowKey.device_id == device.id)
    return list(session().scalars(rows.order_by(EscrowKey.id.desc())))


def _keep(device: Device, key: str, command_uuid: str) -> None:
    vault.keep_version(device, vault.FILEVAULT_PRK, key.encode(), command=command_uuid)
    tasks.done(device, FILEVAULT_PRK)
    events.record("filevault.key_escrowed", device=device)


def _keep_unread(device: Device, envelope: bytes, command_uuid: str) -> None:
    """Now and then, for the device says it every day, encrypted anew each time."""
    kept = vault.newest(device.id, vault.FILEVAULT_PRK_UNREAD, "pending")
    if kept is not None and kept.created_at > utcnow() - _UNREAD_AGAIN:
        return
    vault.keep_version(
        device, vault.FILEVAULT_PRK_UNREAD, envelope, state="pending", command=command_uuid
    )
    events.record("filevault.key_unreadable", device=device)


def _older(command_uuid: str, moment: datetime | None) -> bool:
    """Whether this command was given out before a moment."""
    given = session().scalar(
        sa.select(ChannelCommand.delivered_at).where(ChannelCommand.uid == command_uuid)
    )
    return moment is not None and given is not None and given <= moment


def _in_setup_assistant(device: Device, config: FileVaultConfig) -> bool:
    return bool(
        config.enforce_in_setup_assistant
        and device.awaiting_configuration
        and device.dep_enrollment is not False
        and at_least(device.os_version, _SETUP_ASSISTANT_SINCE)
    )
