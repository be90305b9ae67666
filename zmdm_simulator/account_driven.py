"""Account-driven enrollment: a person types their work account, and the device finds its way.

Service discovery at the account's domain, a 401 that names a sign-in page, the page in a window of
its own until it leads back to the device with an access token, and the MDM profile for that token.
The token goes with every MDM request; when the server asks anew, the window opens again.

https://developer.apple.com/documentation/devicemanagement/account-driven-enrollment-methods
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx

from zmdm_simulator import cms, enrollment
from zmdm_simulator.errors import EnrollmentFailed, ProfileRefused, SimulatorError
from zmdm_simulator.models_of_devices import IOS, IPADOS, MACOS, TVOS, VISIONOS
from zmdm_simulator.profile import Profile, mdm_of
from zmdm_simulator.web_view import Person, WebView
from zmdm_simulator.wire import challenge_of, dumps

if TYPE_CHECKING:
    from zmdm_simulator.device import SimulatedDevice

WELL_KNOWN = "/.well-known/com.apple.remotemanagement"
MODES = {"mdm-byod": "BYOD", "mdm-adde": "ADDE"}
FAMILIES = {IOS: "iPhone", IPADOS: "iPad", MACOS: "Mac", TVOS: "AppleTV", VISIONOS: "RealityDevice"}
SINCE = {  # first versions that enroll this way
    "mdm-byod": {IOS: (15,), IPADOS: (15,), MACOS: (14,), VISIONOS: (1, 1)},
    "mdm-adde": {IOS: (17,), IPADOS: (17,), MACOS: (14,), VISIONOS: (1, 1)},
}
ASKS_APPLE = {IOS: (18, 2), IPADOS: (18, 2), MACOS: (15, 2), VISIONOS: (2, 2)}
SCHEME, HOST = "apple-remotemanagement-user-login", "authentication-results"
WELL_KNOWN_FAILED = "com.apple.well-known.failed"


@dataclass(frozen=True, slots=True)
class Service:
    """What service discovery found."""

    mode: str
    base_url: str


@dataclass(frozen=True, slots=True)
class Account:
    """What a device keeps of an account-driven enrollment."""

    user_identifier: str
    person: Person | None  # who signs in; nobody does: the window is closed
    token: str


def discover(
    device: SimulatedDevice, user_identifier: str, *, site: str | None = None, apple: str = ""
) -> Service:
    """Ask the account's domain; where that fails, newer systems ask Apple, who redirects.

    `site` stands for `https://` and the domain; `apple` is the URL that an organization has told
    Apple.
    """
    domain = user_identifier.rpartition("@")[2]
    family = FAMILIES[device.facts.model.platform]
    asked = urlencode({"user-identifier": user_identifier, "model-family": family})
    response = _get(device, f"{site or f'https://{domain}'}{WELL_KNOWN}?{asked}")
    newest = ASKS_APPLE.get(device.facts.model.platform)
    if response.status_code != 200 and apple and newest and device.facts.model.version >= newest:
        response = _get(device, apple)
    if response.status_code != 200:
        raise EnrollmentFailed(
            f"service discovery: {_message(response)}", status=response.status_code
        )
    return _service(response)


def _get(device: SimulatedDevice, url: str) -> httpx.Response:
    try:
        return device.wire.client().get(url, follow_redirects=True)
    except httpx.TransportError as error:
        raise EnrollmentFailed(f"service discovery: no answer ({error})") from error


def _message(response: httpx.Response) -> str:
    """What a person reads: the server's words if it has some."""
    try:
        body = response.json()
    except ValueError:
        return f"answered {response.status_code}"
    known = isinstance(body, dict) and body.get("code") == WELL_KNOWN_FAILED
    return str(body.get("message")) if known else f"answered {response.status_code}"


def _service(response: httpx.Response) -> Service:
    if response.headers.get("content-type", "").split(";")[0] != "application/json":
        raise EnrollmentFailed("service discovery: not application/json", status=200)
    try:
        first = json.loads(response.content)["Servers"][0]
        found = Service(first["Version"], first["BaseURL"])
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise EnrollmentFailed("service discovery: not Apple's document", status=200) from error
    if found.mode not in MODES or urlsplit(found.base_url).scheme not in {"https", "http"}:
        raise EnrollmentFailed("service discovery: nothing that this device knows", status=200)
    return found


def enroll(
    device: SimulatedDevice,
    user_identifier: str,
    person: Person | None,
    *,
    site: str | None = None,
    apple: str = "",
) -> None:
    """Bring a device under management with a person's account; any wrong answer cancels it."""
    if device.mdm is not None:
        raise ProfileRefused("this device is managed already", code=12001)
    service = discover(device, user_identifier, site=site, apple=apple)
    since = SINCE[service.mode].get(device.facts.model.platform)
    if since is None or device.facts.model.version < since:
        raise EnrollmentFailed(f"this system does not know {service.mode}")
    url = _challenged(introduce(device, service))
    device.account = Account(user_identifier, person, _window(device, user_identifier, person, url))
    device.signs_in_again = partial(sign_in_again, device)
    try:
        _come_in(device, service)
    except SimulatorError:
        device.account = None
        raise


def _come_in(device: SimulatedDevice, service: Service) -> None:
    assert device.account is not None
    answer = introduce(device, service, token=device.account.token)
    profile = enrollment.loaded(answer)
    _check(device, service, profile)
    # Here the person signs in to the Managed Apple Account, which Apple's servers take.
    device.user_enrollments += 1
    enrollment.install(device, profile)


def introduce(
    device: SimulatedDevice, service: Service, *, token: str | None = None
) -> httpx.Response:
    """POST what a device says of itself: signed, and nothing that tells which one it is."""
    model = device.facts.model
    body = {"LANGUAGE": "en_GB", "PRODUCT": model.identifier, "VERSION": model.build}
    style = cms.Style(ber=False, attributes=True, digest=device.prover.style.digest)
    signed = cms.sign_attached(
        dumps(body), device.factory, style=style, extra=[cms.signing_time(device.clock())]
    )
    headers = {"Content-Type": enrollment.SIGNED_TYPE}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    try:
        return device.wire.client().post(service.base_url, content=signed, headers=headers)
    except httpx.TransportError as error:
        raise EnrollmentFailed(f"the enrollment URL: no answer ({error})") from error


def _challenged(response: httpx.Response) -> str:
    """The sign-in page; anything but a 401 that names it ends the enrollment."""
    url = challenge_of(response)
    if response.status_code != 401 or url is None:
        raise EnrollmentFailed(
            f"the enrollment URL was answered {response.status_code} without a sign-in",
            status=response.status_code,
        )
    return url


def _window(device: SimulatedDevice, user_identifier: str, person: Person | None, url: str) -> str:
    """Open the sign-in window, and return the access token that it ends with."""
    if person is None:
        raise EnrollmentFailed("the person closed the window")
    response = open_window(device, user_identifier, person, url)
    location = urlsplit(response.headers.get("location", ""))
    given = parse_qs(location.query).get("access-token", [])
    if response.status_code != 308 or location.scheme != SCHEME or location.netloc != HOST:
        raise EnrollmentFailed(
            "the sign-in did not lead back to the device", status=response.status_code
        )
    if len(given) != 1 or not re.fullmatch(r"[A-Za-z0-9\-._~+/]+=*", given[0]):
        raise EnrollmentFailed("the sign-in brought no access token", status=308)
    return str(given[0])


def open_window(
    device: SimulatedDevice, user_identifier: str, person: Person, url: str
) -> httpx.Response:
    """The answer that ends a sign-in: the one that leads out of the web, if all went well."""
    asked = urlencode({"user-identifier": user_identifier})
    address = f"{url}{'&' if urlsplit(url).query else '?'}{asked}"
    try:
        return WebView(device.wire.client(), person).visit(address, {})
    except httpx.TransportError as error:
        raise EnrollmentFailed(f"the sign-in window: no answer ({error})") from error


def _check(device: SimulatedDevice, service: Service, profile: Profile) -> None:
    """A profile that is not what was announced is not installed."""
    mdm = mdm_of(profile, allow_http=device.allow_http)
    if mdm.enrollment_mode != MODES[service.mode]:
        raise EnrollmentFailed(f"EnrollmentMode is {mdm.enrollment_mode}, not {service.mode}")
    if not isinstance(mdm.managed_apple_id, str) or "@" not in mdm.managed_apple_id:
        raise EnrollmentFailed("AssignedManagedAppleID is missing")


def sign_in_again(device: SimulatedDevice, url: str) -> bool:
    """Open the window once more, as a 401 with a challenge asks; False if the person gives up."""
    account = device.account
    if account is None:
        return False
    try:
        token = _window(device, account.user_identifier, account.person, url)
    except EnrollmentFailed:
        device.tell("did not sign in again")
        return False
    device.account = Account(account.user_identifier, account.person, token)
    device.tell("signed in again")
    return True
