"""Setup Assistant: a device that Apple has assigned a profile to, on its way into management.

    found = apple.activate(device.facts.serial)        # what Apple says to a device that starts
    setup_assistant.enroll(device, found, person)      # POST, or the web view and its sign-in

The device says who it is with MachineInfo, signed with its factory identity: as the body of a POST
to `url`, or in a header when it opens `configuration_web_url`. A 403 that asks for an update makes
it update and ask again. What comes back in the end is the MDM profile.
https://developer.apple.com/documentation/devicemanagement/machineinfo
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import httpx

from zmdm_simulator import cms, enrollment
from zmdm_simulator.errors import EnrollmentFailed
from zmdm_simulator.models_of_devices import IOS, IPADOS, MACOS, TVOS, VISIONOS
from zmdm_simulator.profile import load
from zmdm_simulator.web_view import Person, WebView
from zmdm_simulator.wire import dumps

if TYPE_CHECKING:
    from zmdm_simulator.device import SimulatedDevice

HEADER = "x-apple-aspen-deviceinfo"
POST_TYPE = "application/pkcs7-signature"
UPDATE_REQUIRED = "com.apple.softwareupdate.required"
MOST_UPDATES = 3
_TELLS_VERSION = {MACOS: (14,), IOS: (17,), IPADOS: (17,), TVOS: (17,), VISIONOS: (1, 1)}
_CAN_BE_ASKED = {MACOS: (14,), IOS: (17,), IPADOS: (17,), VISIONOS: (26,)}
_TELLS_UPDATE_ID = {MACOS: (14, 4), IOS: (17, 4), IPADOS: (17, 4), VISIONOS: (26,)}
_SUPERVISED_ALWAYS = (13,)


def machine_info(device: SimulatedDevice) -> dict[str, Any]:
    """What the device says of itself, its keys in the order of the alphabet as on the wire."""
    facts, model = device.facts, device.facts.model
    body: dict[str, Any] = {"LANGUAGE": "en"}
    if _since(device, _CAN_BE_ASKED):
        body["MDM_CAN_REQUEST_SOFTWARE_UPDATE"] = device.takes_updates
    if model.cellular:
        body |= {"IMEI": facts.imei, "MEID": facts.meid}
    if _since(device, _TELLS_VERSION):
        body["OS_VERSION"] = model.os_version
    body |= {"PRODUCT": model.identifier, "SERIAL": facts.serial}
    if _since(device, _TELLS_UPDATE_ID):
        body["SOFTWARE_UPDATE_DEVICE_ID"] = model.software_update_id
    body |= {"UDID": facts.udid, "VERSION": model.build}
    return dict(sorted(body.items()))


def _since(device: SimulatedDevice, versions: Mapping[str, tuple[int, ...]]) -> bool:
    first = versions.get(device.facts.model.platform)
    return first is not None and device.facts.model.version >= first


def signed(device: SimulatedDevice, body: Mapping[str, Any] | None = None) -> bytes:
    """MachineInfo in the signature of the factory identity."""
    style = cms.Style(ber=False, attributes=True, digest=device.prover.style.digest)
    content = dumps(machine_info(device) if body is None else body)
    extra = [cms.signing_time(device.clock())]
    return cms.sign_attached(content, device.factory, style=style, extra=extra)


def ask(device: SimulatedDevice, url: str, *, message: bytes | None = None) -> httpx.Response:
    """POST MachineInfo; whatever the server answers."""
    content = signed(device) if message is None else message
    headers = {"Content-Type": POST_TYPE, "User-Agent": "ConfigClient-1.0"}
    return _http(lambda: device.wire.client().post(url, content=content, headers=headers))


def open_web(device: SimulatedDevice, url: str, person: Person | None) -> httpx.Response:
    """Open the web view and let the person go through it; its last answer."""
    info = base64.b64encode(signed(device)).decode()
    view = WebView(device.wire.client(), person)
    return _http(lambda: view.visit(url, {HEADER: info}))


def enroll(
    device: SimulatedDevice, assigned: Mapping[str, Any], person: Person | None = None
) -> None:
    """Go through Setup Assistant with the profile that Apple assigned; raises what stopped it."""
    for _ in range(MOST_UPDATES):
        response = _asked(device, assigned, person)
        version = _wanted_update(device, response)
        if version is None:
            break
        update(device, *version)
    body = _mdm_profile(response)
    device.assigned = assigned
    device.supervised = bool(assigned.get("is_supervised")) or _always_supervised(device)
    device.awaiting = bool(assigned.get("await_device_configured")) and device.supervised
    try:
        enrollment.install(device, load(body))
    except Exception:
        device.awaiting = False
        raise
    device.automated = True


def _asked(
    device: SimulatedDevice, assigned: Mapping[str, Any], person: Person | None
) -> httpx.Response:
    web = assigned.get("configuration_web_url")
    return open_web(device, web, person) if web else ask(device, assigned["url"])


def update(device: SimulatedDevice, version: str, build: str) -> None:
    """Install a system; it takes no time here."""
    plain = version.split(" ")[0]
    device.update_system(plain, build or device.builds.get(plain, device.facts.model.build))
    device.tell(f"updated to {version} before it enrolled")


def _wanted_update(device: SimulatedDevice, response: httpx.Response) -> tuple[str, str] | None:
    """Version and build that the server asks for first; None for any other answer."""
    kind = response.headers.get("content-type", "").split(";")[0]
    if response.status_code != 403 or kind != "application/json":
        return None
    try:
        body = json.loads(response.content)
    except ValueError:
        return None
    if body.get("code") != UPDATE_REQUIRED:
        return None
    if not (_since(device, _CAN_BE_ASKED) and device.takes_updates):
        raise EnrollmentFailed("it was told to update, and had said that it cannot", status=403)
    details = body["details"]
    return str(details["OSVersion"]), str(details.get("BuildVersion", ""))


def _mdm_profile(response: httpx.Response) -> bytes:
    kind = response.headers.get("content-type", "").split(";")[0].strip()
    if response.status_code != 200 or kind != enrollment.PROFILE_TYPE:
        words = response.text[:200].strip() if kind.startswith("text/plain") else kind
        raise EnrollmentFailed(
            f"Setup Assistant was answered {response.status_code} ({words})",
            status=response.status_code,
        )
    return response.content


def _always_supervised(device: SimulatedDevice) -> bool:
    return device.facts.model.version >= _SUPERVISED_ALWAYS


def _http(send: Any) -> httpx.Response:
    try:
        response: httpx.Response = send()
    except httpx.TransportError as error:
        raise EnrollmentFailed(f"Setup Assistant: no answer ({error})") from error
    return response
