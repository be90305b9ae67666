"""DeviceInformation: each platform answers the queries that it knows and ignores the rest.

https://developer.apple.com/documentation/devicemanagement/deviceinformationresponse
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zmdm_simulator.answers.replies import Handler, Order, Reply, malformed
from zmdm_simulator.models_of_devices import IOS, IPADOS, MACOS, TVOS, VISIONOS
from zmdm_simulator.secrets import Administrator

Values = dict[str, Any]
RIGHT_INFORMATION, RIGHT_NETWORK = 16, 32
FREELY = frozenset(
    {"UDID", "ProvisioningUDID", "OrganizationInfo", "MDMOptions", "AwaitingConfiguration"}
)
NETWORK = frozenset(
    {
        "BluetoothMAC",
        "CarrierSettingsVersion",
        "CurrentCarrierNetwork",
        "CurrentMCC",
        "CurrentMNC",
        "DataRoamingEnabled",
        "EthernetMAC",
        "ICCID",
        "IsNetworkTethered",
        "IsRoaming",
        "PersonalHotspotEnabled",
        "PhoneNumber",
        "SIMCarrierNetwork",
        "ServiceSubscriptions",
        "SubscriberCarrierNetwork",
        "SubscriberMCC",
        "SubscriberMNC",
        "VoiceRoamingEnabled",
        "WiFiMAC",
    }
)
# A user enrollment hides what identifies the hardware.
HIDDEN_FROM_BYOD = NETWORK | {"UDID", "ProvisioningUDID", "SerialNumber", "IMEI", "MEID"}


def device_information(order: Order) -> Reply:
    """Answer the queries."""
    queries = order.command.get("Queries")
    if not isinstance(queries, list):
        return malformed()
    known = values(order)
    rights = order.device.installed.access_rights
    answered = {
        query: known[query]
        for query in queries
        if isinstance(query, str) and query in known and _allowed(query, rights)
    }
    return Reply(body={"QueryResponses": answered})


def _allowed(query: str, rights: int) -> bool:
    if query in FREELY:
        return True
    return bool(rights & (RIGHT_NETWORK if query in NETWORK else RIGHT_INFORMATION))


def values(order: Order) -> Values:
    """Return everything that this device knows about itself."""
    platform = order.device.facts.model.platform
    known = _common(order)
    for make in MAKERS[platform]:
        known |= make(order)
    if order.device.installed.byod:
        known = {key: value for key, value in known.items() if key not in HIDDEN_FROM_BYOD}
    return known


def _common(order: Order) -> Values:
    device, facts, model = order.device, order.device.facts, order.device.facts.model
    return {
        "UDID": facts.udid,
        "DeviceName": device.name,
        "OSVersion": model.os_version,
        "BuildVersion": model.build,
        "SupplementalBuildVersion": model.build,
        "SupplementalOSVersionExtra": "",
        "ModelName": model.family,
        "ModelNumber": model.model_number,
        "ProductName": model.identifier,
        "SerialNumber": facts.serial,
        "IsSupervised": device.supervised,
        "AwaitingConfiguration": device.awaiting,
        "WiFiMAC": facts.wifi_mac,
        "BluetoothMAC": facts.bluetooth_mac,
    }


def _storage(order: Order) -> Values:
    capacity = order.device.facts.model.capacity
    return {
        "DeviceCapacity": float(capacity),
        "AvailableDeviceCapacity": round(capacity * (0.2 + _share(order) * 0.6), 2),
    }


def _battery(order: Order) -> Values:
    # Level 0-1; a Mac without battery says so and reports no level.
    if not order.device.facts.model.battery:
        return {}
    return {"BatteryLevel": round(0.15 + _share(order) * 0.8, 2)}


def _share(order: Order) -> float:
    """Return a number of 0-1 that belongs to this device."""
    return int(order.device.facts.wifi_mac[-2:], 16) / 255


def _store(order: Order) -> Values:
    return {"iTunesStoreAccountIsActive": False}


def _model_code(order: Order) -> Values:
    model = order.device.facts.model
    # Macs give the identifier here, the others the part number without its region.
    return {"Model": model.identifier if model.is_mac else model.model_number[:5]}


def _mac(order: Order) -> Values:
    device, facts, model = order.device, order.device.facts, order.device.facts.model
    host = facts.serial.lower()
    pin = not model.apple_silicon
    return {
        "ProvisioningUDID": facts.udid,
        "MDMOptions": {
            "ActivationLockAllowedWhileSupervised": False,
            "BootstrapTokenAllowed": device.bootstrap_token is not None,
            "PromptUserToAllowBootstrapTokenForAuthentication": False,
        },
        "IsAppleSilicon": model.apple_silicon,
        "HasBattery": model.battery,
        "IsActivationLockEnabled": False,
        "IsActivationLockSupported": model.apple_silicon or model.t2,
        "ActiveManagedUsers": [
            channel.user.guid for channel in device.channels.values() if channel.user
        ],
        "AutoSetupAdminAccounts": _administrators(device.secrets.administrator),
        "LocalHostName": f"mac-{host}",
        "HostName": device.condition.host_name or f"mac-{host}.local",
        "SystemIntegrityProtectionEnabled": True,
        "SupportsLOMDevice": False,
        "EthernetMAC": facts.ethernet_mac,
        "PushToken": order.channel.token,
        "PINRequiredForEraseDevice": pin and not model.t2,
        "PINRequiredForDeviceLock": pin,
        "SupportsiOSAppInstalls": model.apple_silicon,
        "SoftwareUpdateDeviceID": model.software_update_id,
        "EACSPreflight": "success" if model.apple_silicon or model.t2 else "not supported",
    }


def _administrators(made: Administrator | None) -> list[Mapping[str, str]]:
    return [{"GUID": made.guid, "shortName": made.short_name}] if made else []


def _mobile(order: Order) -> Values:
    device, facts, model = order.device, order.device.facts, order.device.facts.model
    return {
        "MDMOptions": {"ActivationLockAllowedWhileSupervised": False},
        "TimeZone": device.condition.time_zone,
        "IsMultiUser": device.shared,
        "IsActivationLockEnabled": False,
        "IsMDMLostModeEnabled": device.condition.lost is not None,
        "CellularTechnology": 3 if model.cellular else 0,
        "PushToken": order.channel.token,
        "SoftwareUpdateDeviceID": model.software_update_id,
        "IsNetworkTethered": False,
        **_personal(order),
        **(_cellular(order) if model.cellular else {}),
        **(_shared(order) if device.shared else {}),
        **({"AccessibilitySettings": ACCESSIBILITY} if device.supervised else {}),
        "EASDeviceIdentifier": facts.eas_identifier,
    }


ACCESSIBILITY = {
    "BoldTextEnabled": False,
    "IncreaseContrastEnabled": False,
    "ReduceMotionEnabled": False,
    "ReduceTransparencyEnabled": False,
    "TextSize": 4,
    "TouchAccommodationsEnabled": False,
    "VoiceOverEnabled": False,
    "ZoomEnabled": False,
}


def _personal(order: Order) -> Values:
    return {
        "IsDeviceLocatorServiceEnabled": False,
        "IsDoNotDisturbInEffect": False,
        "IsCloudBackupEnabled": False,
        "DiagnosticSubmissionEnabled": False,
        "AppAnalyticsEnabled": False,
    }


def _cellular(order: Order) -> Values:
    facts, model = order.device.facts, order.device.facts.model
    network = {
        "CarrierSettingsVersion": "62.0",
        "CurrentCarrierNetwork": "Examplecom",
        "CurrentMCC": "262",
        "CurrentMNC": "01",
        "ICCID": facts.iccid,
        "PhoneNumber": facts.phone_number,
        "SubscriberCarrierNetwork": "Examplecom",
        "IsRoaming": False,
    }
    slot = {
        **network,
        "EID": facts.eid,
        "IMEI": facts.imei,
        "MEID": facts.meid,
        "IsDataPreferred": True,
        "IsVoicePreferred": True,
        "Label": "Primary",
        "LabelID": "7F0A0A05-5F5C-4A58-9B0E-0F2C70A5A0A1",
        "Slot": "CTSubscriptionSlotOne",
    }
    # The top-level numbers went away with iOS 26.
    numbers = {"IMEI": facts.imei, "MEID": facts.meid} if model.version < (26,) else {}
    return {
        **network,
        **numbers,
        "ModemFirmwareVersion": "4.00.00",
        "SIMCarrierNetwork": "Examplecom",
        "SubscriberMCC": "262",
        "SubscriberMNC": "01",
        "DataRoamingEnabled": False,
        "VoiceRoamingEnabled": True,
        "PersonalHotspotEnabled": False,
        "ServiceSubscriptions": [slot],
    }


def _shared(order: Order) -> Values:
    users = sum(1 for channel in order.device.channels.values() if channel.user)
    return {
        "MaximumResidentUsers": 10,
        "EstimatedResidentUsers": 10,
        "ResidentUsers": users,
        "QuotaSize": 5120,
        "UserSessionTimeout": 0,
        "TemporarySessionTimeout": 0,
        "TemporarySessionOnly": False,
        "ManagedAppleIDDefaultDomains": ["example.com"],
        "OnlineAuthenticationGracePeriod": 0,
        "SkipLanguageAndLocaleSetupForNewUsers": False,
    }


def _tv(order: Order) -> Values:
    return {
        "MDMOptions": {"ActivationLockAllowedWhileSupervised": False},
        "TimeZone": "Europe/Berlin",
        "DeviceID": order.device.facts.wifi_mac.upper(),
    }


def _vision(order: Order) -> Values:
    return {
        "TimeZone": "Europe/Berlin",
        "SoftwareUpdateDeviceID": order.device.facts.model.software_update_id,
        "EASDeviceIdentifier": order.device.facts.eas_identifier,
        **_personal(order),
    }


MAKERS = {
    MACOS: (_model_code, _store, _storage, _battery, _mac),
    IOS: (_model_code, _store, _storage, _battery, _mobile),
    IPADOS: (_model_code, _store, _storage, _battery, _mobile),
    TVOS: (_model_code, _store, _tv),
    VISIONOS: (_storage, _battery, _vision),
}
HANDLERS: Mapping[str, Handler] = {"DeviceInformation": device_information}
