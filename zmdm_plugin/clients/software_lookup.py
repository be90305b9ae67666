"""Apple's software lookup service: which releases there are, and for which hardware.

`GET /v2/pmv`. https://support.apple.com/guide/deployment/depafd2fad80/web

Its certificate hangs below Apple's own root, which no system has. Only that root's public key is
at hand, so the anchor is a certificate made around it here: OpenSSL looks at an anchor's name, key
and dates, and never at its signature.
"""

from __future__ import annotations

import hashlib
import json
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from zmdm_plugin.errors import ZmdmError
from zmdm_plugin.protocol.apple_trust import APPLE_ROOT_CA

PATH = "/v2/pmv"
MOST = 32 * 1024 * 1024
"""Bytes; the real answer has less than one megabyte."""
TIMEOUT = 20.0
"""Seconds for each step; the whole takes less than a worker's lease on its run."""
_LONGEST = {"version": 32, "extra": 16, "build": 32, "device": 64}
_SETS = {
    "AssetSets": "managed",
    "PublicAssetSets": "public",
    "PublicBackgroundSecurityImprovements": "",
    "PublicRapidSecurityResponses": "",
}
_Key = tuple[str, str, str, str, str]


class LookupFailed(ZmdmError):
    """The service did not answer with a list of releases; the message is for operators."""

    status = 503


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A release as the feed lists it, its sets brought together."""

    platform: str
    version: str
    build: str
    extra: str = ""
    prerequisite_build: str = ""
    managed: bool = False
    public: bool = False
    posted_on: date | None = None
    expires_on: date | None = None
    devices: frozenset[str] = frozenset()

    @property
    def key(self) -> _Key:
        """What makes it the same release tomorrow; dates are not part of it."""
        return self.platform, self.version, self.extra, self.build, self.prerequisite_build


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One answer of the service."""

    digest: str
    """SHA-256 of the body, hex."""
    releases: tuple[Listed, ...]
    unreadable: int
    """Entries that were passed over."""


class SoftwareLookup:
    """Asks the service; the client is handed in, see `client()`."""

    def __init__(self, http: httpx.Client, base_url: str, *, most: int = MOST) -> None:
        self._http = http
        self._url = base_url.rstrip("/") + PATH
        self._most = most

    def fetch(self) -> Listing:
        """The list as it stands; LookupFailed says in words why there is none."""
        try:
            with self._http.stream("GET", self._url) as answer:
                if answer.status_code != 200:
                    raise LookupFailed(f"Apple's software lookup answered {answer.status_code}")
                body = _bounded(answer, self._most)
        except httpx.TimeoutException as error:
            raise LookupFailed("Apple's software lookup did not answer in time") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise LookupFailed(f"Apple's software lookup cannot be reached: {error}") from error
        return parse(body)


def client(ca_pem: str = "") -> httpx.Client:
    """An HTTP client that trusts these roots; without any, the system's and Apple's own."""
    return httpx.Client(
        verify=trust(ca_pem),
        timeout=TIMEOUT,
        follow_redirects=False,
        headers={"Accept": "application/json"},
    )


@lru_cache(maxsize=4)
def trust(ca_pem: str = "") -> ssl.SSLContext:
    """Whose certificates are believed. Apple's intermediates lack what RFC 5280 asks for."""
    context = ssl.create_default_context(cadata=ca_pem or None)
    if not ca_pem:
        context.load_verify_locations(cadata=apple_root())
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def apple_root() -> str:
    """Apple's root as an anchor: its name, its key, its dates."""
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "US"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Apple Inc."),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "Apple Certification Authority"),
            x509.NameAttribute(NameOID.COMMON_NAME, APPLE_ROOT_CA.label),
        ]
    )
    start, end = datetime(2006, 4, 25, tzinfo=UTC), datetime(2035, 2, 9, tzinfo=UTC)
    assert APPLE_ROOT_CA.spki is not None
    return anchor(name, APPLE_ROOT_CA.spki, start=start, end=end)


def anchor(name: x509.Name, spki: bytes, *, start: datetime, end: datetime) -> str:
    """PEM of a certificate that can be trusted and proves nothing: its signature is anybody's."""
    key: Any = serialization.load_der_public_key(spki)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key)
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode("ascii")


def parse(body: bytes) -> Listing:
    """Read an answer; entries that cannot be read are counted, the rest is taken."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise LookupFailed("Apple's software lookup answered with something else") from error
    if not isinstance(document, Mapping) or not isinstance(document.get("AssetSets"), Mapping):
        raise LookupFailed("the answer of Apple's software lookup has no AssetSets")
    found: dict[_Key, Listed] = {}
    unreadable = 0
    for name, platform, entry in _entries(document):
        one = _listed(name, platform, entry)
        if one is None:
            unreadable += 1
        else:
            found[one.key] = _merged(found[one.key], one) if one.key in found else one
    if not any(one.managed for one in found.values()):
        raise LookupFailed("the answer of Apple's software lookup lists no release")
    ordered = tuple(found[key] for key in sorted(found))
    digest = hashlib.sha256(body).hexdigest()
    return Listing(digest=digest, releases=ordered, unreadable=unreadable)


def _bounded(answer: httpx.Response, most: int) -> bytes:
    body = bytearray()
    for part in answer.iter_bytes():
        body += part
        if len(body) > most:
            raise LookupFailed("the answer of Apple's software lookup is too long")
    return bytes(body)


def _entries(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    for name in _SETS:
        platforms = document.get(name)
        if not isinstance(platforms, Mapping):
            continue
        for platform, entries in platforms.items():
            for entry in entries if isinstance(entries, list) else ():
                yield name, str(platform), entry


def _listed(name: str, platform: str, entry: Any) -> Listed | None:
    """One entry; None if it lacks what identifies it or holds what cannot be."""
    if not isinstance(entry, Mapping) or not 0 < len(platform) <= 16:
        return None
    try:
        version = _text(entry, "ProductVersion", _LONGEST["version"])
        build = _text(entry, "Build", _LONGEST["build"])
        version, _, behind = version.partition(" ")  # `16.5.1 (c)` in older answers
        extra = _text(entry, "ProductVersionExtra", _LONGEST["extra"]) or behind
        devices = entry.get("SupportedDevices", [])
        if not version or not build or not isinstance(devices, list):
            return None
        if not (extra or _SETS[name]):
            return None  # an improvement that does not say which one it is
        return Listed(
            platform=platform,
            version=version,
            build=build,
            extra=extra,
            prerequisite_build=_text(entry, "PrerequisiteBuild", _LONGEST["build"]),
            managed=_SETS[name] == "managed",
            public=_SETS[name] == "public",
            posted_on=_day(entry.get("PostingDate")),
            expires_on=_day(entry.get("ExpirationDate")),
            devices=frozenset(
                one for one in devices if isinstance(one, str) and _plain(one, _LONGEST["device"])
            ),
        )
    except ValueError:
        return None


def _merged(one: Listed, other: Listed) -> Listed:
    """The same release twice: what AssetSets say of its dates counts, and then the later end."""
    leading, second = (one, other) if one.managed or not other.managed else (other, one)
    ends = leading.expires_on
    if one.managed == other.managed:
        ends = max(ends, second.expires_on) if ends and second.expires_on else None
    return replace(
        leading,
        managed=one.managed or other.managed,
        public=one.public or other.public,
        posted_on=leading.posted_on or second.posted_on,
        expires_on=ends,
        devices=one.devices | other.devices,
    )


def _text(entry: Mapping[str, Any], name: str, longest: int) -> str:
    value = entry.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or (value and not _plain(value, longest)):
        raise ValueError(name)
    return value.strip()


def _plain(text: str, longest: int) -> bool:
    return 0 < len(text) <= longest and text.isascii() and text.isprintable()


def _day(value: Any) -> date | None:
    """`2025-01-06`; a date that is not there has not been said."""
    if value in (None, ""):
        return None
    if not isinstance(value, str):
        raise ValueError("date")
    return date.fromisoformat(value[:10])
