"""What names a person's own hardware: of a user enrollment it is neither asked for nor kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zmdm_plugin.models import Device

COLUMNS = frozenset(
    {"serial_number", "udid", "provisioning_udid", "imei", "meid", "phone_number"}
    | {"wifi_mac", "bluetooth_mac", "ethernet_mac"}
)
_KEYS = frozenset(
    {"SerialNumber", "UDID", "ProvisioningUDID", "IMEI", "MEID", "ICCID", "PhoneNumber"}
    | {"WiFiMAC", "BluetoothMAC", "EthernetMAC", "ServiceSubscriptions", "EASDeviceIdentifier"}
)


def names_hardware(item: str) -> bool:
    """Whether a status item tells which hardware it is."""
    return item.startswith("device.identifier.")


def kept(device: Device, columns: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of an answer that may be kept of this device."""
    if not device.user_enrollment:
        return dict(columns)
    return {name: value for name, value in columns.items() if name not in COLUMNS}


def kept_answer(device: Device, body: Mapping[str, Any]) -> dict[str, Any]:
    """The same of an answer in Apple's words."""
    if not device.user_enrollment:
        return dict(body)
    return {key: value for key, value in body.items() if key not in _KEYS}
