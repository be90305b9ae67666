from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import marshmallow as ma

from zmdm_plugin.commands import answers
from zmdm_plugin.commands.answers import flag, number, text, when
from zmdm_plugin.commands.arguments import described
from zmdm_plugin.commands.base import BOTH, FROM_THE_START, Arguments, Command, Material, registry
from zmdm_plugin.commands.device_queries import KEYS, queries_for
from zmdm_plugin.commands.effects import Effect, SetFacts, Unreadable
from zmdm_plugin.commands.target import Target
from zmdm_plugin.protocol.connect import Answer
from zmdm_plugin.protocol.platform import Platform, platform_of

_COLUMNS: answers.Columns = {
    "UDID": ("udid", text),
    "DeviceName": ("name", text),
    "SerialNumber": ("serial_number", text),
    "OSVersion": ("os_version", text),
    "SupplementalOSVersionExtra": ("os_version_extra", text),
    "BuildVersion": ("build_version", text),
    "SupplementalBuildVersion": ("build_version_extra", text),
    "ProductName": ("model", text),
    "ModelName": ("model_name", text),
    "ModelNumber": ("model_number", text),
    "IsAppleSilicon": ("apple_silicon", flag),
    "IsSupervised": ("supervised", flag),
    "AwaitingConfiguration": ("awaiting_configuration", flag),
    "IsMultiUser": ("shared_ipad", flag),
    "IsMDMLostModeEnabled": ("lost_mode", flag),
    "IsActivationLockEnabled": ("activation_lock_enabled", flag),
    "PINRequiredForEraseDevice": ("pin_required_for_erase", flag),
    "PINRequiredForDeviceLock": ("pin_required_for_lock", flag),
    "BatteryLevel": ("battery_level", number),
    "DeviceCapacity": ("capacity", number),
    "AvailableDeviceCapacity": ("capacity_available", number),
    "IMEI": ("imei", text),
    "MEID": ("meid", text),
    "PhoneNumber": ("phone_number", text),
    "WiFiMAC": ("wifi_mac", text),
    "BluetoothMAC": ("bluetooth_mac", text),
    "EthernetMAC": ("ethernet_mac", text),
    "HostName": ("host_name", text),
    "LocalHostName": ("local_host_name", text),
    "TimeZone": ("time_zone", text),
    "LastCloudBackupDate": ("last_cloud_backup_at", when),
    "SoftwareUpdateDeviceID": ("software_update_device_id", text),
    "ProvisioningUDID": ("provisioning_udid", text),
}
_SUBSCRIPTION: answers.Columns = {
    "IMEI": ("imei", text),
    "MEID": ("meid", text),
    "PhoneNumber": ("phone_number", text),
}


@registry.add
class DeviceInformation(Command):
    """Facts about it. https://developer.apple.com/documentation/devicemanagement/deviceinformationcommand

    `needs` the target at delivery: what is asked depends on the OS it has by then.
    """

    request_type = "DeviceInformation"
    needs = ("target",)
    min_os = FROM_THE_START
    channels = {Platform.MACOS: BOTH, Platform.IPADOS: BOTH}

    class Args(ma.Schema):
        queries = ma.fields.List(
            ma.fields.String(validate=ma.validate.OneOf(sorted(KEYS))),
            validate=ma.validate.Length(min=1, max=len(KEYS)),
            metadata=described("Ask for these alone; without it, for all the device can say."),
        )

    @classmethod
    def payload(cls, args: Arguments, material: Material) -> dict[str, Any]:
        target: Target = material["target"]
        wanted = args.get("queries")
        queries = [key for key in queries_for(target) if not wanted or key in wanted]
        return {"RequestType": cls.request_type, "Queries": queries or ["DeviceName"]}

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any]) -> dict[str, Any]:
        """A hand-written one may ask for keys that are newer than our table."""
        return {}

    @classmethod
    def acknowledged(cls, args: Arguments, answer: Answer) -> list[Effect]:
        if (found := answers.section(answer.body, "QueryResponses")) is None:
            return [Unreadable("QueryResponses")]
        columns = _subscription(found) | answers.columns(found, _COLUMNS)
        model, model_name = columns.get("model"), columns.get("model_name")
        platform = platform_of(model, model_name, os_version=columns.get("os_version"))
        if platform:
            columns["platform"] = platform
        return [SetFacts(cls.request_type, columns, answers.kept(found))]


def _subscription(found: answers.Section) -> dict[str, Any]:
    """The cellular facts of the first slot that has any; they left the top level with iOS 16."""
    for slot in answers.items(found, "ServiceSubscriptions") or ():
        if columns := answers.columns(slot, _SUBSCRIPTION):
            return columns
    return {}
