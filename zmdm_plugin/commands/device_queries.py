"""What DeviceInformation may be asked, by platform, OS version, channel, enrollment and right.

A device leaves out what it does not know, but some old ones answer Error to the whole command,
and each needless query costs it time: so it is asked for what it can say and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from zmdm_plugin.commands.target import Target
from zmdm_plugin.protocol.platform import AccessRights, Platform, version
from zmdm_plugin.protocol.who import ChannelKind

_LETTERS = {
    "i": Platform.IOS,
    "m": Platform.MACOS,
    "t": Platform.TVOS,
    "v": Platform.VISIONOS,
    "w": Platform.WATCHOS,
}
_INFORMATION = AccessRights.DEVICE_INFORMATION
_NETWORK = AccessRights.NETWORK_INFORMATION
_APPS = AccessRights.APPS
_NONE = AccessRights(0)


@dataclass(frozen=True, slots=True)
class Query:
    """One key. `versions`: platform -> (first version, version it was dropped with), as tuples."""

    key: str
    right: AccessRights
    versions: dict[Platform, tuple[tuple[int, ...], tuple[int, ...]]]
    conditions: frozenset[str]

    def fits(self, target: Target) -> bool:
        """Whether this channel can be asked; an unknown OS version counts as a new one."""
        if target.family not in self.versions or not target.has(self.right):
            return False
        first, dropped = self.versions[target.family]
        actual = version(target.os_version)
        if actual and (actual < first or (dropped and actual >= dropped)):
            return False
        return all(_HOLDS[condition](target) for condition in self.conditions)


_HOLDS: dict[str, Callable[[Target], bool]] = {
    # Not in a user enrollment.
    "device-enrollment": lambda target: not target.user_enrollment,
    "device-channel": lambda target: target.channel is ChannelKind.DEVICE,
    "shared-ipad": lambda target: target.shared_ipad,
    # On a Shared iPad only the user channel knows it.
    "not-shared-device": lambda target: (
        not target.shared_ipad or target.channel is ChannelKind.USER
    ),
    "supervised": lambda target: bool(target.supervised),
    "ade": lambda target: target.dep_enrollment,
}
_DE = "device-enrollment"
_SHARED = f"{_DE} shared-ipad device-channel"

# fmt: off
# key, right, platforms with first version and, after a dash, the version without it, conditions
_TABLE: tuple[tuple[str, AccessRights, str, str], ...] = (
    ("UDID", _NONE, "i m t v w", _DE),
    ("ProvisioningUDID", _NONE, "m11.3", _DE),
    ("OrganizationInfo", _NONE, "i7 m10.11 t9 v w", ""),
    ("MDMOptions", _NONE, "i7 m11 t9 v w10", ""),
    ("LastCloudBackupDate", _NONE, "i8 v", _DE),
    ("AwaitingConfiguration", _NONE, "i9 m10.11 t10.2 v2 w", _DE),
    ("iTunesStoreAccountIsActive", _APPS, "i7 m10.9 t9 w", _DE),
    ("iTunesStoreAccountHash", _APPS, "i8 m10.10 t9 w", _DE),
    ("DeviceName", _INFORMATION, "i m t v w", ""),
    ("OSVersion", _INFORMATION, "i m t v w", ""),
    ("SupplementalOSVersionExtra", _INFORMATION, "i16.1 m13 t16.1 v w", ""),
    ("BuildVersion", _INFORMATION, "i m t v w", ""),
    ("SupplementalBuildVersion", _INFORMATION, "i16.1 m13 t16.1 v w", ""),
    ("ModelName", _INFORMATION, "i m t v w", ""),
    ("Model", _INFORMATION, "i m t w", ""),
    ("ModelNumber", _INFORMATION, "i16.4 m13.3 t16.4 v w", ""),
    ("IsAppleSilicon", _INFORMATION, "m12", ""),
    ("ProductName", _INFORMATION, "i m t v w", ""),
    ("SerialNumber", _INFORMATION, "i m t v w", _DE),
    ("DeviceCapacity", _INFORMATION, "i m v w", ""),
    ("AvailableDeviceCapacity", _INFORMATION, "i m v w", ""),
    ("IMEI", _INFORMATION, "i-16", _DE),
    ("MEID", _INFORMATION, "i-16", _DE),
    ("ModemFirmwareVersion", _INFORMATION, "i", _DE),
    ("CellularTechnology", _INFORMATION, "i4.2.6", ""),
    ("BatteryLevel", _INFORMATION, "i5 m13.3 v w", ""),
    ("HasBattery", _INFORMATION, "m13.3", ""),
    ("IsSupervised", _INFORMATION, "i6 m10.15 t9 v w", ""),
    ("IsMultiUser", _INFORMATION, "i9.3", ""),
    ("IsDeviceLocatorServiceEnabled", _INFORMATION, "i7 v w", ""),
    ("IsActivationLockEnabled", _INFORMATION, "i7 m10.15 w", _DE),
    ("IsActivationLockSupported", _INFORMATION, "m10.15", _DE),
    ("IsDoNotDisturbInEffect", _INFORMATION, "i7 v w", _DE),
    ("DeviceID", _INFORMATION, "t9", ""),
    ("EASDeviceIdentifier", _INFORMATION, "i7 v", ""),
    ("IsCloudBackupEnabled", _INFORMATION, "i7.1 v", _DE),
    ("ActiveManagedUsers", _INFORMATION, "m10.11", "device-channel"),
    ("OSUpdateSettings", _INFORMATION, "m10.11-27", _DE),
    ("LocalHostName", _INFORMATION, "m10.11", ""),
    ("HostName", _INFORMATION, "m10.11", ""),
    ("AutoSetupAdminAccounts", _INFORMATION, "m10.11", f"{_DE} ade"),
    ("SystemIntegrityProtectionEnabled", _INFORMATION, "m10.12", ""),
    ("SupportsLOMDevice", _INFORMATION, "m11", ""),
    ("IsMDMLostModeEnabled", _INFORMATION, "i9.3 w", _DE),
    ("MaximumResidentUsers", _INFORMATION, "i9.3", _SHARED),
    ("EstimatedResidentUsers", _INFORMATION, "i14", _SHARED),
    ("QuotaSize", _INFORMATION, "i13.4", _SHARED),
    ("ResidentUsers", _INFORMATION, "i13.4", _SHARED),
    ("UserSessionTimeout", _INFORMATION, "i14.5", _SHARED),
    ("TemporarySessionTimeout", _INFORMATION, "i14.5", _SHARED),
    ("TemporarySessionOnly", _INFORMATION, "i14.5", _SHARED),
    ("ManagedAppleIDDefaultDomains", _INFORMATION, "i16", _SHARED),
    ("OnlineAuthenticationGracePeriod", _INFORMATION, "i16", _SHARED),
    ("SkipLanguageAndLocaleSetupForNewUsers", _INFORMATION, "i16.2", _SHARED),
    ("DiagnosticSubmissionEnabled", _INFORMATION, "i9.3 v w", ""),
    ("AppAnalyticsEnabled", _INFORMATION, "i9.3 v w", ""),
    ("TimeZone", _INFORMATION, "i14 t14 v2 w", ""),
    ("PINRequiredForEraseDevice", _INFORMATION, "m11", _DE),
    ("PINRequiredForDeviceLock", _INFORMATION, "m11", _DE),
    ("SupportsiOSAppInstalls", _INFORMATION, "m11", ""),
    ("SoftwareUpdateDeviceID", _NONE, "i15-27 m12-27 v-27", _DE),
    ("SoftwareUpdateSettings", _NONE, "i14.5-27", _DE),
    ("AccessibilitySettings", _NONE, "i16 w", f"{_DE} supervised not-shared-device"),
    ("EACSPreflight", _INFORMATION, "m13.3", f"{_DE} device-channel"),
    ("ICCID", _NETWORK, "i-16", _DE),
    ("BluetoothMAC", _NETWORK, "i m t v", _DE),
    ("WiFiMAC", _NETWORK, "i m t v w", _DE),
    ("EthernetMAC", _NETWORK, "m", _DE),
    ("CurrentCarrierNetwork", _NETWORK, "i-16", _DE),
    ("SubscriberCarrierNetwork", _NETWORK, "i5-16", _DE),
    ("CarrierSettingsVersion", _NETWORK, "i-16", _DE),
    ("PhoneNumber", _NETWORK, "i-16", _DE),
    ("DataRoamingEnabled", _NETWORK, "i5", _DE),
    ("VoiceRoamingEnabled", _NETWORK, "i5-16", _DE),
    ("PersonalHotspotEnabled", _NETWORK, "i7", _DE),
    ("IsNetworkTethered", _NETWORK, "i10.3", ""),
    ("IsRoaming", _NETWORK, "i4.2", _DE),
    ("SubscriberMCC", _NETWORK, "i4.2.6-16", _DE),
    ("SubscriberMNC", _NETWORK, "i4.2.6-16", _DE),
    ("CurrentMCC", _NETWORK, "i-16", _DE),
    ("CurrentMNC", _NETWORK, "i-16", _DE),
    ("ServiceSubscriptions", _NETWORK, "i12", _DE),
)
# fmt: on


def _query(key: str, right: AccessRights, platforms: str, conditions: str) -> Query:
    versions = {}
    for word in platforms.split():
        first, _, dropped = word[1:].partition("-")
        versions[_LETTERS[word[0]]] = (version(first), version(dropped))
    return Query(key, right, versions, frozenset(conditions.split()))


QUERIES: tuple[Query, ...] = tuple(_query(*row) for row in _TABLE)
KEYS = frozenset(query.key for query in QUERIES)


def queries_for(target: Target) -> Iterator[str]:
    """The keys this channel can be asked for; all of them while its platform is not known."""
    for query in QUERIES:
        if target.platform is None or query.fits(target):
            yield query.key
