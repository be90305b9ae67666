"""The status items: what this device would say of each one now.

https://developer.apple.com/documentation/devicemanagement/status-reports
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from cryptography import x509

from zmdm_simulator.channel import Channel
from zmdm_simulator.core import DeviceCore
from zmdm_simulator.declarative import apps
from zmdm_simulator.declarative.support import PREFIX, capabilities
from zmdm_simulator.declared import KINDS, Held
from zmdm_simulator.models_of_devices import IOS, IPADOS, MACOS, TVOS, VISIONOS

Make = Callable[[DeviceCore, Channel], Any]
FAMILIES = {MACOS: "Mac", IOS: "iPhone", IPADOS: "iPad", TVOS: "AppleTV", VISIONOS: "Vision"}
DECLARATIONS, CAPABILITIES = "management.declarations", "management.client-capabilities"
ERROR_ITEM = "test.error-value"
ACCOUNTS = "account.list."


def _battery_health(device: DeviceCore, _: Channel) -> str:
    model = device.facts.model
    reports = model.platform == IOS or model.apple_silicon
    return "normal" if reports and model.battery else "unsupported"


def _declarations(_: DeviceCore, channel: Channel) -> dict[str, Any]:
    return {
        section.lower(): [_told(held) for held in channel.declared.of_kind(kind)]
        for section, kind in KINDS.items()
    }


def _told(held: Held) -> dict[str, Any]:
    told = {
        "identifier": held.identifier,
        "server-token": held.token,
        "active": held.active,
        "valid": held.valid,
    }
    reasons = [reason.to_json() for reason in held.verdict.reasons]
    return told | ({"reasons": reasons} if reasons else {})


def _certificates(_: DeviceCore, channel: Channel) -> list[dict[str, Any]]:
    return [
        {
            "identifier": hashlib.sha256(der).hexdigest()[:32],
            "declaration-identifier": name,
            "subject-summary": x509.load_der_x509_certificate(der).subject.rfc4514_string(),
            "is-identity": channel.declared.held[name].type.endswith("identity"),
            "data": base64.b64encode(der).decode(),
        }
        for name, der in sorted(channel.declared.certificates.items())
        if name in channel.declared.held
    ]


def _accounts(channel: Channel, item: str) -> list[dict[str, Any]]:
    """List the accounts that declarations of this kind brought."""
    kind = item.removeprefix(ACCOUNTS).partition(".")[0]
    return [
        {
            "identifier": held.identifier,
            "declaration-identifier": held.identifier,
            "visible-name": str(held.payload.get("VisibleName", held.identifier)),
        }
        for held in channel.declared.of_kind("configuration")
        if held.active and held.type == f"{PREFIX}configuration.account.{kind}"
    ]


def _install_state(_: DeviceCore, channel: Channel) -> str:
    update = channel.declared.update
    return update.state if update else "none"


def _install_reason(_: DeviceCore, channel: Channel) -> dict[str, Any]:
    update = channel.declared.update
    if update is None:
        return {"reason": []}
    return {"reason": ["declaration"], "declaration-id": update.declaration}


def _pending_version(_: DeviceCore, channel: Channel) -> dict[str, str]:
    update = channel.declared.update
    return {
        "os-version": update.version if update else "",
        "build-version": update.build if update else "",
    }


def _failure_reason(_: DeviceCore, channel: Channel) -> dict[str, Any]:
    update = channel.declared.update
    if update is None or update.failed_at is None:
        return {"count": 0}
    reason = "The update could not be prepared."
    return {"count": update.failures, "reason": reason, "timestamp": update.failed_at}


MAKERS: Mapping[str, Make] = {
    "device.identifier.serial-number": lambda device, _: device.facts.serial,
    "device.identifier.udid": lambda device, _: device.facts.udid,
    "device.model.family": lambda device, _: FAMILIES[device.facts.model.platform],
    "device.model.identifier": lambda device, _: device.facts.model.identifier,
    "device.model.marketing-name": lambda device, _: device.facts.model.marketing_name,
    "device.model.number": lambda device, _: device.facts.model.model_number,
    "device.operating-system.build-version": lambda device, _: device.facts.model.build,
    "device.operating-system.family": lambda device, _: device.facts.model.platform,
    "device.operating-system.marketing-name": lambda device, _: (
        f"{device.facts.model.platform} {device.facts.model.os_version}"
    ),
    "device.operating-system.supplemental.build-version": (
        lambda device, _: device.facts.model.build
    ),
    "device.operating-system.supplemental.extra-version": lambda *_: "",
    "device.operating-system.version": lambda device, _: device.facts.model.os_version,
    "device.power.battery-health": _battery_health,
    "diskmanagement.filevault.enabled": lambda device, _: (
        device.facts.model.apple_silicon or device.facts.model.t2
    ),
    CAPABILITIES: capabilities,
    DECLARATIONS: _declarations,
    "app.managed.list": apps.app_list,
    "mdm.app": apps.command_list,
    "package.list": apps.package_list,
    "passcode.is-compliant": lambda *_: True,
    "passcode.is-present": lambda *_: True,
    "security.certificate.list": _certificates,
    "softwareupdate.beta-enrollment": lambda *_: "",
    "softwareupdate.device-id": lambda device, _: device.facts.model.software_update_id,
    "softwareupdate.failure-reason": _failure_reason,
    "softwareupdate.install-reason": _install_reason,
    "softwareupdate.install-state": _install_state,
    "softwareupdate.pending-version": _pending_version,
    "test.array-value": lambda *_: [{"key1": "one", "key2": "two"}, {"key1": "three"}],
    "test.boolean-value": lambda *_: True,
    "test.dictionary-value": lambda *_: {"key1": "one", "key2": "two"},
    "test.integer-value": lambda *_: 42,
    "test.real-value": lambda *_: 4.25,
    "test.string-value": lambda *_: "Beispiel ✓",
}


def value(device: DeviceCore, channel: Channel, item: str) -> Any:
    """Return what the device says of a status item; an empty list where it has nothing."""
    if item.startswith(ACCOUNTS):
        return _accounts(channel, item)
    make = MAKERS.get(item)
    return [] if make is None else make(device, channel)
