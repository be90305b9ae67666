"""MachineInfo: what a device in Setup Assistant says of itself, signed with its factory key.

https://developer.apple.com/documentation/devicemanagement/machineinfo
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from zmdm_plugin.errors import ProtocolError
from zmdm_plugin.protocol import fields
from zmdm_plugin.protocol.platform import Platform, platform_of

HEADER: Final = "x-apple-aspen-deviceinfo"
"""Of the web view's first request: base64 of the same signed message that a POST has as body."""
_NAME: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineInfo:
    """A device that asks for its enrollment profile; `serial_number` and `udid` are always there.

    `update_device_id` is the name of the hardware in the software lookup feed.
    """

    udid: str
    serial_number: str
    product: str
    build_version: str
    os_version: str | None = None
    supplemental_build_version: str | None = None
    supplemental_os_version_extra: str | None = None
    imei: str | None = None
    meid: str | None = None
    language: str | None = None
    can_request_update: bool = False
    can_request_psso: bool = False
    must_update: bool = False
    """The device will update before it goes on; a 403 chooses the version."""
    update_device_id: str | None = None

    @property
    def platform(self) -> Platform | None:
        return platform_of(self.product, os_version=self.os_version)

    @property
    def builds(self) -> frozenset[str]:
        found = (self.build_version, self.supplemental_build_version)
        return frozenset(build for build in found if build)

    @property
    def device_ids(self) -> tuple[str, ...]:
        """What the software lookup feed may list it as, the best name first."""
        return tuple(one for one in (self.update_device_id, self.product) if one)


def parse(body: Mapping[str, Any]) -> MachineInfo:
    """Read the property list; FieldError names the key that is missing or wrong."""
    return MachineInfo(
        udid=fields.required_text(body, "UDID", _NAME),
        serial_number=fields.required_text(body, "SERIAL", _NAME),
        product=fields.required_text(body, "PRODUCT", _NAME),
        build_version=fields.required_text(body, "VERSION", _NAME),
        os_version=fields.text(body, "OS_VERSION", _NAME),
        supplemental_build_version=fields.text(body, "SUPPLEMENTAL_BUILD_VERSION", _NAME),
        supplemental_os_version_extra=fields.text(body, "SUPPLEMENTAL_OS_VERSION_EXTRA", _NAME),
        imei=fields.text(body, "IMEI", _NAME),
        meid=fields.text(body, "MEID", _NAME),
        language=fields.text(body, "LANGUAGE", _NAME),
        can_request_update=bool(fields.flag(body, "MDM_CAN_REQUEST_SOFTWARE_UPDATE")),
        can_request_psso=bool(fields.flag(body, "MDM_CAN_REQUEST_PSSO_CONFIG")),
        must_update=bool(fields.flag(body, "MANDATORY_SOFTWARE_UPDATE_REQUIRED")),
        update_device_id=fields.text(body, "SOFTWARE_UPDATE_DEVICE_ID", _NAME),
    )


def decode_header(value: str) -> bytes:
    """The signed message in the web view's header, which comes in either alphabet of base64."""
    text = "".join(value.split()).translate(str.maketrans("-_", "+/"))
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ProtocolError(f"{HEADER} is no base64") from error


def update_required(os_version: str, build_version: str = "") -> dict[str, Any]:
    """The body of the 403 that makes a device update before it asks again.

    https://developer.apple.com/documentation/devicemanagement/softwareupdaterequired
    """
    details = {"OSVersion": os_version}
    if build_version:
        details["BuildVersion"] = build_version
    return {
        "code": "com.apple.softwareupdate.required",
        "description": f"Version {os_version} is required to enroll.",
        "message": f"This device has to be updated to {os_version} before it can be set up.",
        "details": details,
    }
