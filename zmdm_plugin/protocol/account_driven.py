"""The words of account-driven enrollment: service discovery, the bearer challenge, the sign-in.

https://developer.apple.com/documentation/devicemanagement/account-driven-enrollment-methods
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from zmdm_plugin.errors import ProtocolError
from zmdm_plugin.protocol import fields

BYOD: Final = "mdm-byod"
ADDE: Final = "mdm-adde"
MODES: Final = (BYOD, ADDE)
ENROLLMENT_MODES: Final = {BYOD: "BYOD", ADDE: "ADDE"}
"""`EnrollmentMode` of the MDM payload; another one makes the device cancel."""
FAMILIES: Final = ("AppleTV", "iPad", "iPhone", "Mac", "RealityDevice", "Watch")
"""What a device may say as its `model-family`."""
METHOD: Final = "apple-as-web"

_RETURN: Final = "apple-remotemanagement-user-login://authentication-results"
_BEARER = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] +([A-Za-z0-9\-._~+/]+=*)")
_QUOTABLE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Introduction:
    """What a device says before it is known: no serial number and no UDID."""

    product: str
    build_version: str
    os_version: str | None = None
    language: str | None = None


def introduction(body: Mapping[str, Any]) -> Introduction:
    """Read the property list of an enrollment request; FieldError names the key at fault.

    Identifiers that should not be there are not looked at.
    """
    return Introduction(
        product=fields.required_text(body, "PRODUCT", 128),
        build_version=fields.required_text(body, "VERSION", 64),
        os_version=fields.text(body, "OS_VERSION", 64),
        language=fields.text(body, "LANGUAGE", 128),
    )


def discovery_document(mode: str, url: str) -> bytes:
    """Which service manages the person's devices; a device uses the first of the list."""
    return json.dumps({"Servers": [{"Version": mode, "BaseURL": url}]}).encode()


def discovery_failed(description: str, message: str) -> bytes:
    """The body of the 403 to a device that no service is for.

    https://developer.apple.com/documentation/devicemanagement/errorwellknownfailed
    """
    body = {"code": "com.apple.well-known.failed", "description": description, "message": message}
    return json.dumps(body).encode()


def domain_of(user_identifier: str) -> str | None:
    """The domain of what a person typed, in the spelling of `domains`; None if there is none."""
    name, at, domain = user_identifier.strip().rpartition("@")
    found = domain.rstrip(".").lower()
    return found if at and name and found else None


def challenge(url: str) -> str:
    """The WWW-Authenticate header that sends a person to sign in, spelled as Apple's example."""
    if not _QUOTABLE.fullmatch(url):
        raise ValueError("this URL cannot stand between quotes")
    return f'Bearer method="{METHOD}", url="{url}"'


def bearer(header: str) -> str:
    """The token of an Authorization header; ProtocolError when it carries none."""
    found = _BEARER.fullmatch(header.strip())
    if found is None:
        raise ProtocolError("Authorization is not of the form Bearer TOKEN")
    return found.group(1)


def authentication_result(token: str) -> str:
    """Where the browser goes at the end: back to the device, with its access token."""
    return f"{_RETURN}?{urlencode({'access-token': token})}"
