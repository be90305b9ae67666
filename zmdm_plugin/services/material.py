"""What a command needs beyond its arguments, loaded at delivery: `needs` -> LOADERS."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from zmdm_plugin.db import session
from zmdm_plugin.errors import NotFound
from zmdm_plugin.models import ArtifactVersion
from zmdm_plugin.protocol import password_hash
from zmdm_plugin.services import return_to_service, targets, vault
from zmdm_plugin.services.apps import orders
from zmdm_plugin.services.artifacts import profiles
from zmdm_plugin.services.declarations import sync
from zmdm_plugin.services.enrollment import renewal
from zmdm_plugin.services.protection import filevault, situation
from zmdm_plugin.services.setup import accounts


def load(needs: Iterable[str], args: Mapping[str, Any], *, channel_id: int) -> dict[str, Any]:
    """The material by name; NotFound or Refused when a part of it is gone."""
    return {name: LOADERS[name](channel_id, args) for name in needs}


def _target(channel_id: int, _args: Mapping[str, Any]) -> Any:
    return targets.target(targets.conversing(channel_id))


def _renewal_profile(_channel_id: int, args: Mapping[str, Any]) -> bytes:
    profile: bytes = renewal.render(str(args["session"]))
    return profile


def _artifact_profile(channel_id: int, args: Mapping[str, Any]) -> bytes:
    version = session().get(ArtifactVersion, args["version"])
    if version is None:
        raise NotFound("this version of the artifact is gone")
    return profiles.render(version, targets.conversing(channel_id))


def _artifact_source(_channel_id: int, args: Mapping[str, Any]) -> bytes:
    return profiles.source(args["version"])


def _provisioning_uuid(_channel_id: int, args: Mapping[str, Any]) -> str:
    version = session().get(ArtifactVersion, args["version"])
    if version is None:
        raise NotFound("this version of the artifact is gone")
    return str(version.content["uuid"])


def _sync_tokens(channel_id: int, _args: Mapping[str, Any]) -> bytes | None:
    return sync.sync_tokens(channel_id)


def _current_secret(channel_id: int, args: Mapping[str, Any]) -> str | None:
    device = targets.conversing(channel_id).device
    version = vault.newest(device.id, str(args["kind"]), "confirmed")
    return vault.text(version) if version is not None else None


def _version_value(channel_id: int, args: Mapping[str, Any]) -> str | None:
    """None where no version is named, which clears a password."""
    if args.get("version") is None:
        return None
    version = vault.find(str(args["version"]))
    if version is None or version.device_id != targets.conversing(channel_id).device_id:
        raise NotFound("this version of the secret is gone")
    return vault.text(version)


def _version_hash(channel_id: int, args: Mapping[str, Any]) -> bytes:
    return password_hash.password_hash(_version_value(channel_id, args) or "")


def _auto_admin(channel_id: int, _args: Mapping[str, Any]) -> str:
    found = situation.auto_admin(targets.conversing(channel_id).device)
    if found is None:
        raise NotFound("the device names no administrator that Setup Assistant made")
    return str(found["GUID"])


def _accounts(channel_id: int, args: Mapping[str, Any]) -> Any:
    version = args.get("version")
    device = targets.conversing(channel_id).device
    return accounts.of(device, str(version) if version else None)


def _filevault_profile(channel_id: int, _args: Mapping[str, Any]) -> bytes:
    return filevault.profile(targets.conversing(channel_id).device)


def _filevault_unlock(channel_id: int, _args: Mapping[str, Any]) -> tuple[str, bytes]:
    return filevault.unlock(targets.conversing(channel_id).device)


def _unlock_token(channel_id: int, _args: Mapping[str, Any]) -> bytes:
    token = vault.unseal(targets.conversing(channel_id).device, vault.UNLOCK_TOKEN)
    if token is None:
        raise NotFound("the device has not given us an unlock token")
    return token


def _app(channel_id: int, args: Mapping[str, Any]) -> dict[str, Any]:
    return orders.payload(targets.conversing(channel_id), args["version"])


def _app_identifier(channel_id: int, args: Mapping[str, Any]) -> str:
    return orders.identifier(targets.conversing(channel_id), args["version"])


def _return_to_service(channel_id: int, args: Mapping[str, Any]) -> dict[str, bytes]:
    if not args.get("return_to_service"):
        return {}
    return return_to_service.material(targets.conversing(channel_id), args)


LOADERS: dict[str, Callable[[int, Mapping[str, Any]], Any]] = {
    "target": _target,
    "renewal_profile": _renewal_profile,
    "artifact_profile": _artifact_profile,
    "artifact_source": _artifact_source,
    "provisioning_uuid": _provisioning_uuid,
    "sync_tokens": _sync_tokens,
    "current_secret": _current_secret,
    "version_value": _version_value,
    "version_hash": _version_hash,
    "auto_admin": _auto_admin,
    "accounts": _accounts,
    "filevault_profile": _filevault_profile,
    "filevault_unlock": _filevault_unlock,
    "unlock_token": _unlock_token,
    "app": _app,
    "app_identifier": _app_identifier,
    "return_to_service": _return_to_service,
}
