"""Configuration profiles, read with a device's eyes.

A device refuses what is malformed before it does anything; each refusal here names the rule.
https://developer.apple.com/documentation/devicemanagement/toplevel
"""

from __future__ import annotations

import plistlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from xml.parsers.expat import ExpatError

from cryptography import x509

from zmdm_simulator import cms, envelope
from zmdm_simulator.errors import ProfileRefused, WireError
from zmdm_simulator.pki import Identity
from zmdm_simulator.scep import ScepPayload

MDM, SCEP, PKCS12 = "com.apple.mdm", "com.apple.security.scep", "com.apple.security.pkcs12"
ROOT, PKCS1, PEM = "com.apple.security.root", "com.apple.security.pkcs1", "com.apple.security.pem"
PROFILE_SERVICE, CONFIGURATION = "Profile Service", "Configuration"
ALL_RIGHTS = 8191
PER_USER = "com.apple.mdm.per-user-connections"
BOOTSTRAP = "com.apple.mdm.bootstraptoken"
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
REQUIRED = {
    "PayloadType": str,
    "PayloadVersion": int,
    "PayloadIdentifier": str,
    "PayloadUUID": str,
}


@dataclass(frozen=True, slots=True)
class Profile:
    """One profile: what it says, its bytes, and who signed it."""

    data: Mapping[str, Any]
    raw: bytes
    signers: tuple[x509.Certificate, ...] = ()

    @property
    def identifier(self) -> str:
        """What makes a later profile a replacement of this one."""
        return str(self.data["PayloadIdentifier"])

    @property
    def uuid(self) -> str:
        """PayloadUUID of the profile."""
        return str(self.data["PayloadUUID"])

    @property
    def payloads(self) -> list[Mapping[str, Any]]:
        """The payloads, empty for a Profile Service (its content is one dictionary)."""
        content = self.data.get("PayloadContent")
        return content if isinstance(content, list) else []

    def of_type(self, kind: str) -> list[Mapping[str, Any]]:
        """Return the payloads of a type."""
        return [payload for payload in self.payloads if payload["PayloadType"] == kind]

    def payload(self, uuid: str) -> Mapping[str, Any] | None:
        """Return the payload with a UUID."""
        return next((item for item in self.payloads if item["PayloadUUID"] == uuid), None)

    @property
    def service(self) -> ProfileService | None:
        """The over-the-air service this profile asks the device to contact, if it is such one."""
        if self.data["PayloadType"] != PROFILE_SERVICE:
            return None
        content = _typed(self.data, "PayloadContent", dict)
        attributes = _typed(content, "DeviceAttributes", list)
        challenge = content.get("Challenge")
        if challenge is not None and not isinstance(challenge, str | bytes):
            raise ProfileRefused("Challenge is neither a string nor data")
        return ProfileService(_typed(content, "URL", str), tuple(attributes), challenge)


@dataclass(frozen=True, slots=True)
class ProfileService:
    """Phase 1 of an over-the-air enrollment: where to send which attributes."""

    url: str
    attributes: tuple[str, ...]
    challenge: str | bytes | None


@dataclass(frozen=True, slots=True)
class MdmPayload:
    """What a com.apple.mdm payload says."""

    topic: str
    server_url: str
    checkin_url: str
    identity_uuid: str
    access_rights: int
    sign_message: bool
    check_out: bool
    capabilities: tuple[str, ...]
    enrollment_mode: str | None
    managed_apple_id: str | None

    @property
    def byod(self) -> bool:
        """Whether it is a user enrollment."""
        return self.enrollment_mode == "BYOD"


def load(data: bytes, *, identity: Identity | None = None) -> Profile:
    """Read a profile, plain, signed or (for `identity`) encrypted; ProfileRefused if it is bad."""
    raw = data
    signers: tuple[x509.Certificate, ...] = ()
    if not data.lstrip().startswith((b"<?xml", b"<plist", b"<!DOCTYPE", b"bplist")):
        try:
            signed = cms.verify_attached(data)
        except WireError as error:
            raise ProfileRefused(f"neither a plist nor a signed profile: {error}") from error
        data, signers = signed.content, (signed.signer,)
    content = _plist(data)
    if "EncryptedPayloadContent" in content:
        content = _decrypted(content, identity)
    profile = Profile(content, raw, signers)
    _check(profile)
    return profile


def _plist(data: bytes) -> dict[str, Any]:
    try:
        content = plistlib.loads(data)
    except (ValueError, ExpatError, plistlib.InvalidFileException) as error:
        raise ProfileRefused("not a property list") from error
    if not isinstance(content, dict):
        raise ProfileRefused("not a dictionary")
    return content


def _decrypted(content: dict[str, Any], identity: Identity | None) -> dict[str, Any]:
    if identity is None:
        raise ProfileRefused("encrypted, and there is no identity to open it", code=1004)
    try:
        inner = envelope.decrypt(content["EncryptedPayloadContent"], identity)
    except WireError as error:
        raise ProfileRefused(str(error), code=1004) from error
    opened: Any = plistlib.loads(inner)
    rest = {key: value for key, value in content.items() if key != "EncryptedPayloadContent"}
    return {**rest, **(opened if isinstance(opened, dict) else {"PayloadContent": opened})}


def _typed(data: Mapping[str, Any], key: str, kind: type) -> Any:
    value = data.get(key)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ProfileRefused(f"{key} is missing or not of type {kind.__name__}")
    return value


def _check(profile: Profile) -> None:
    for key, kind in REQUIRED.items():
        _typed(profile.data, key, kind)
    if profile.data["PayloadType"] not in {CONFIGURATION, PROFILE_SERVICE}:
        raise ProfileRefused("PayloadType is neither Configuration nor Profile Service")
    seen = {profile.uuid}
    for payload in profile.payloads:
        if not isinstance(payload, dict):
            raise ProfileRefused("a payload is not a dictionary")
        for key, kind in REQUIRED.items():
            _typed(payload, key, kind)
        if payload["PayloadUUID"] in seen:
            raise ProfileRefused("two payloads have the same PayloadUUID", code=1001)
        seen.add(payload["PayloadUUID"])


def mdm_of(profile: Profile, *, allow_http: bool = False) -> MdmPayload:
    """Return the MDM payload, after a device's checks; ProfileRefused names the broken rule."""
    found = profile.of_type(MDM)
    if len(found) != 1:
        raise ProfileRefused(f"{len(found)} MDM payloads instead of one", code=1001)
    payload = found[0]
    server_url = _typed(payload, "ServerURL", str)
    checkin_url = payload.get("CheckInURL", server_url)
    for key, url in (("ServerURL", server_url), ("CheckInURL", checkin_url)):
        _check_url(key, url, allow_http=allow_http)
    topic = _typed(payload, "Topic", str)
    if not topic.startswith("com.apple.mgmt."):
        raise ProfileRefused("Topic does not begin with com.apple.mgmt.", code=12011)
    mode = payload.get("EnrollmentMode")
    if mode not in {None, "BYOD", "ADDE"}:
        raise ProfileRefused("EnrollmentMode is neither BYOD nor ADDE")
    return MdmPayload(
        topic=topic,
        server_url=server_url,
        checkin_url=checkin_url,
        identity_uuid=_identity(profile, payload),
        access_rights=_access_rights(payload, byod=mode == "BYOD"),
        sign_message=_flag(payload, "SignMessage"),
        check_out=_flag(payload, "CheckOutWhenRemoved"),
        capabilities=tuple(_strings(payload, "ServerCapabilities")),
        enrollment_mode=mode,
        managed_apple_id=payload.get("AssignedManagedAppleID"),
    )


def _check_url(key: str, url: object, *, allow_http: bool) -> None:
    if not isinstance(url, str):
        raise ProfileRefused(f"{key} is not a string")
    parts = urlsplit(url)
    if parts.scheme == "https":
        return
    # No real device takes http; a server under test on this very machine may be spoken to.
    if parts.scheme != "http" or not (allow_http or parts.hostname in LOOPBACK):
        raise ProfileRefused(f"{key} is not an https URL", code=12011)


def _flag(payload: Mapping[str, Any], key: str) -> bool:
    return bool(_typed({key: False, **payload}, key, bool))


def _strings(payload: Mapping[str, Any], key: str) -> Iterator[str]:
    for item in _typed({key: [], **payload}, key, list):
        if not isinstance(item, str):
            raise ProfileRefused(f"{key} holds something that is not a string")
        yield item


def _identity(profile: Profile, payload: Mapping[str, Any]) -> str:
    uuid = _typed(payload, "IdentityCertificateUUID", str)
    source = profile.payload(str(uuid))
    if source is None or source["PayloadType"] not in {SCEP, PKCS12}:
        raise ProfileRefused("IdentityCertificateUUID names no identity payload", code=12005)
    return str(uuid)


def _access_rights(payload: Mapping[str, Any], *, byod: bool) -> int:
    if byod:
        if "AccessRights" in payload:
            raise ProfileRefused("AccessRights in a user enrollment", code=12000)
        return ALL_RIGHTS
    rights = int(_typed(payload, "AccessRights", int))
    installs_unseen = (rights & 2 and not rights & 1) or (rights & 128 and not rights & 64)
    if not 0 < rights <= ALL_RIGHTS or installs_unseen:
        raise ProfileRefused("AccessRights are not valid", code=12000)
    return rights


def scep_of(payload: Mapping[str, Any], variables: Mapping[str, str] | None = None) -> ScepPayload:
    """Read a SCEP payload; %SerialNumber% and its like are the device's to fill in."""
    content = _typed(payload, "PayloadContent", dict)
    names = content.get("SubjectAltName", {})
    return ScepPayload(
        url=_typed(content, "URL", str),
        name=content.get("Name", ""),
        subject=tuple(_subject(content.get("Subject", []), variables or {})),
        challenge=content.get("Challenge"),
        key_size=_typed({"Keysize": 1024, **content}, "Keysize", int),
        key_usage=_typed({"Key Usage": 0, **content}, "Key Usage", int),
        ca_fingerprint=content.get("CAFingerprint"),
        retries=_typed({"Retries": 3, **content}, "Retries", int),
        retry_delay=_typed({"RetryDelay": 10, **content}, "RetryDelay", int),
        alt_names=tuple(
            (kind, value)
            for kind, values in names.items()
            for value in (values if isinstance(values, list) else [values])
        ),
    )


def _subject(rows: object, variables: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    if not isinstance(rows, list):
        raise ProfileRefused("Subject is not an array")
    for row in rows:
        for pair in row:
            if not isinstance(pair, list) or len(pair) != 2:
                raise ProfileRefused("Subject is not an array of arrays of pairs")
            key, value = pair
            for variable, text in variables.items():
                value = value.replace(f"%{variable}%", text)
            yield str(key), str(value)
