"""Audit entries: who did what, from where, written in the transaction of the action.

Append-only. A value is recorded only where its column is declared safe here; every other change
reads "changed". Where an action comes from is the thread's `origin`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from zmdm_plugin.actors import Actor, TokenActor
from zmdm_plugin.db import session
from zmdm_plugin.models import (
    AccountSettings,
    AdeSettings,
    Alert,
    ApiToken,
    Artifact,
    ArtifactVersion,
    Asset,
    AuditEntry,
    BlueprintArtifact,
    CertificateAuthority,
    ChannelCommand,
    DepDevice,
    DepVirtualServer,
    Device,
    Enrollment,
    FileVaultConfig,
    JobRun,
    Location,
    LocationAsset,
    MDMBlueprint,
    Package,
    PushCertificate,
    Realm,
    RealmUser,
    RecoveryPasswordConfig,
    ScepIssuer,
    SoftwareUpdateEnforcement,
    Tag,
    Webhook,
)
from zmdm_plugin.models.base import Base, utcnow
from zmdm_plugin.origin import origin

CHANGED = "changed"

_ADE = AdeSettings.__table__.columns.keys()
_SAFE: dict[type[Base], frozenset[str]] = {
    AdeSettings: frozenset(_ADE) - {"supervising_host_certs"},
    AccountSettings: frozenset(
        {"name", "mode", "domains", "model_families", "is_default", "managed_account"}
        | {"reauthenticate_days", "server_id"}
    ),
    Alert: frozenset(
        {"kind", "name", "severity", "acknowledged_at", "acknowledged_by", "note", "snoozed_until"}
    ),
    ApiToken: frozenset({"name", "prefix", "owner_id", "permissions", "expires_at", "revoked_at"}),
    Artifact: frozenset(
        {"name", "type", "channel", "platforms", "install_during_setup_assistant", "auto_update"}
        | {"reinstall_interval", "reinstall_on_os_update", "declaration_type", "identifier"}
    ),
    ArtifactVersion: frozenset(
        {"artifact_id", "number", "rank", "scope", "sha256", "size", "filename", "variables"}
        | {"package_id", "location_asset_id"}
    ),
    BlueprintArtifact: frozenset({"blueprint_id", "artifact_id", "scope"}),
    CertificateAuthority: frozenset({"name", "generation", "not_before", "not_after"}),
    DepDevice: frozenset({"serial_number", "enrollment_id", "profile_uuid", "disowned_at"}),
    DepVirtualServer: frozenset(
        {"name", "uuid", "org_id", "org_name", "access_token_expiry", "default_enrollment_id"}
    ),
    ChannelCommand: frozenset(
        {"uuid", "name", "request_type", "state", "not_before", "expires_at", "channel_id"}
    ),
    Device: frozenset(
        {"blocked_at", "blueprint_id", "checkout_at", "enrolled_at", "name"}
        | {"leaving_at", "released_at", "archived_at"}
    ),
    Enrollment: frozenset(
        {"name", "display_name", "kind", "quota", "serial_numbers", "udids"}
        | {"expires_at", "revoked_at", "push_certificate_id", "scep_issuer_id", "blueprint_id"}
        | {"realm_id", "realm_required"}
    ),
    Asset: frozenset({"adam_id", "pricing_param", "name"}),
    Location: frozenset(
        {"name", "organization_name", "country_code", "library_uid", "platform", "registered_at"}
        | {"server_token_expiration_date", "lost_at"}
    ),
    LocationAsset: frozenset({"location_id", "asset_id"}),
    MDMBlueprint: frozenset(
        {"name", "inventory_interval", "collect_apps", "collect_certificates"}
        | {"collect_profiles", "legacy_profiles_via_ddm", "apps_via_ddm"}
        | {"filevault_config_id", "recovery_password_config_id"}
        | {"admin_password_rotation_interval_days", "admin_password_reveal_rotation_delay"}
    ),
    FileVaultConfig: frozenset(
        {"name", "escrow_location_display_name", "at_login_only", "bypass_attempts"}
        | {"show_recovery_key", "destroy_key_on_standby", "enforce_in_setup_assistant"}
        | {"prk_rotation_interval_days", "prk_reveal_rotation_delay"}
    ),
    RecoveryPasswordConfig: frozenset(
        {"name", "dynamic_password", "generation", "rotation_interval_days"}
        | {"reveal_rotation_delay", "rotate_firmware_password"}
    ),
    JobRun: frozenset({"name", "title", "state", "total"}),
    Package: frozenset(
        {"name", "kind", "sha256", "size", "filename", "product_id", "product_version", "signer"}
    ),
    PushCertificate: frozenset({"name", "topic", "not_before", "not_after"}),
    SoftwareUpdateEnforcement: frozenset(
        {"name", "platforms", "os_version", "build_version", "local_datetime", "details_url"}
        | {"max_os_version", "delay_days", "local_time"}
    ),
    Tag: frozenset({"name", "color"}),
    Realm: frozenset({"name", "backend", "enabled", "claim_mapping"}),
    RealmUser: frozenset({"username", "realm_id", "disabled_at", "subject"}),
    Webhook: frozenset({"name", "url", "enabled", "kinds", "tags"}),
    ScepIssuer: frozenset({"name", "kind", "url", "key_size", "key_usage", "ca_name"}),
}
_BESIDE: dict[type[Base], frozenset[str]] = {Enrollment: _SAFE[AdeSettings]}
"""What an entry about a row may hold of another one that belongs to it."""
_LABELS = ("serial_number", "title", "name", "username", "uuid", "udid", "prefix")


def record(
    actor: Actor,
    action: str,
    obj: Base | None = None,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str | None = None,
) -> AuditEntry:
    """Add one entry to the open transaction; `action` is a dotted word like `device.block`.

    Flushes, so that a new row has its id. Values of columns that are not declared safe are left
    out, whoever passes them.
    """
    source = origin()
    session().flush()
    entry = AuditEntry(
        created_at=utcnow(),
        **_who(actor),
        action=action,
        object_type=_type_name(obj),
        object_id=getattr(obj, "id", None),
        object_label=_label(obj),
        **_device(obj),
        source_ip=source.source_ip,
        user_agent=source.user_agent,
        request_id=source.request_id,
        reason=reason[:500] if reason else None,
        before=_safe(obj, before),
        after=_safe(obj, after),
    )
    session().add(entry)
    return entry


def safe_columns(model: type[Base]) -> frozenset[str]:
    """The columns whose values an entry may hold."""
    return _SAFE.get(model, frozenset())


def snapshot(obj: Base) -> dict[str, Any]:
    """The safe columns of a row, to be compared before and after a change."""
    return {name: getattr(obj, name) for name in sorted(safe_columns(type(obj)))}


def _safe(obj: Base | None, values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if values is None:
        return None
    kind = type(obj) if obj is not None else Base
    declared = safe_columns(kind) | _BESIDE.get(kind, frozenset())
    return {name: _plain(value) if name in declared else CHANGED for name, value in values.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value


def _type_name(obj: Base | None) -> str:
    return type(obj).__name__.lower() if obj is not None else ""


def _label(obj: Base | None) -> str | None:
    for name in _LABELS:
        if isinstance(value := getattr(obj, name, None), str) and value:
            return value[:256]
    return None


def _who(actor: Actor) -> dict[str, Any]:
    """The person, and the token that acted for them."""
    person = actor.person
    found: dict[str, Any] = {
        "actor_id": person.id[:128],
        "actor_label": person.label[:256],
        "actor_kind": actor.kind,
    }
    if isinstance(actor, TokenActor):
        found["token_id"] = actor.token_id
        found["token_name"] = actor.label.removesuffix(f" ({person.label})")[:128]
    return found


def _device(obj: Base | None) -> dict[str, Any]:
    """The device that an object is or belongs to."""
    if isinstance(obj, Device):
        return {"device_id": obj.id, "serial_number": obj.serial_number}
    device_id: int | None = getattr(obj, "device_id", None)
    device = session().get(Device, device_id) if device_id else None
    serial = device.serial_number if device else getattr(obj, "serial_number", None)
    return {"device_id": device_id, "serial_number": serial}
