"""The profile of an ADE enrollment in Apple's words, and how two of them differ.

What is kept holds no secret: `SECRET` stands for the one in our addresses.
https://developer.apple.com/documentation/devicemanagement/profile
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from zmdm_plugin.models import AdeSettings
from zmdm_plugin.protocol import pem
from zmdm_plugin.state import state

SECRET: Final = "{secret}"
URLS: Final = ("url", "configuration_web_url")
CERTIFICATES: Final = ("anchor_certs", "supervising_host_certs")
LISTS: Final = (*CERTIFICATES, "skip_setup_items")
FLAGS: Final = (
    *("allow_pairing", "auto_advance_setup", "await_device_configured"),
    *("do_not_use_profile_from_backup", "is_mandatory", "is_mdm_removable", "is_multi_user"),
    *("is_return_to_service", "is_supervised"),
)
TEXTS: Final = (
    *("department", "language", "region", "support_email_address", "support_phone_number"),
)
#: What Apple says of a key that a profile does not have; a text is empty, a list too.
_ABSENT: Final = {"allow_pairing": True, "is_mdm_removable": True}
_NOT_OURS: Final = frozenset({"devices", "profile_uuid"})


def content(settings: AdeSettings) -> dict[str, Any]:
    """What Apple is given for these settings, with `SECRET` in the addresses."""
    base = f"{state().settings.base_url}/public/mdm/ade/{SECRET}/"
    found: dict[str, Any] = {
        "profile_name": settings.profile_name,
        "url": base,
        "org_magic": settings.org_magic,
        **{name: getattr(settings, name) for name in FLAGS},
        **{name: value for name in TEXTS if (value := getattr(settings, name))},
    }
    if settings.enrollment.realm_id is not None:
        found["configuration_web_url"] = f"{base}web/"
    anchors = state().settings.ade_anchors if settings.include_anchor_certs else ""
    if anchors:
        found["anchor_certs"] = [
            base64.b64encode(der).decode() for der in pem.certificates(anchors)
        ]
    if settings.supervising_host_certs:
        found["supervising_host_certs"] = list(settings.supervising_host_certs)
    if settings.skip_setup_items:
        found["skip_setup_items"] = list(settings.skip_setup_items)
    return found


def digest(given: Mapping[str, Any]) -> str:
    """SHA-256 of a content, hex: the same is not defined twice."""
    text = json.dumps(given, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def revealed(given: Mapping[str, Any], secret: str) -> dict[str, Any]:
    """The content as Apple gets it."""
    return {
        name: value.replace(SECRET, secret) if name in URLS else value
        for name, value in given.items()
    }


def hidden(given: Mapping[str, Any], secret: str) -> dict[str, Any]:
    """What Apple gave back, with `SECRET` where it says our own."""
    return {
        name: value.replace(secret, SECRET) if isinstance(value, str) else value
        for name, value in given.items()
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One key of the profile: what we say, what Apple has."""

    name: str
    ours: str
    apples: str

    @property
    def same(self) -> bool:
        return self.ours == self.apples


def compared(ours: Mapping[str, Any], apples: Mapping[str, Any]) -> list[Line]:
    """Every key of either, in words; those that differ first.

    A key that is absent counts as what Apple takes it for, so that only true differences show.
    """
    names = sorted((ours.keys() | apples.keys()) - _NOT_OURS)
    lines = [
        Line(name=name, ours=_words(name, ours), apples=_words(name, apples)) for name in names
    ]
    return sorted(lines, key=lambda line: line.same)


def _words(name: str, given: Mapping[str, Any]) -> str:
    value = given.get(name)
    if value is None:
        value = _ABSENT.get(name, False) if name in FLAGS else ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(sorted(_items(name, value)))
    return str(value)[:2000]


def _items(name: str, values: Iterable[Any]) -> Iterable[str]:
    for value in values:
        yield _fingerprint(value) if name in CERTIFICATES else str(value)[:200]


def _fingerprint(value: Any) -> str:
    try:
        der = base64.b64decode("".join(str(value).split()), validate=True)
    except ValueError:
        return "not a certificate"
    return f"SHA-256 {hashlib.sha256(der).hexdigest()[:16]}"
