"""Configuration profiles: the ones that enroll a device, and reading those of others.

Nothing here invents an identifier: UUIDs come from the caller, inner ones are derived from them,
so that the same arguments give the same bytes.
Apple: https://developer.apple.com/documentation/devicemanagement/configuring-multiple-devices-using-profiles
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from asn1crypto import cms

from zmdm_plugin.errors import ProtocolError
from zmdm_plugin.protocol import fields, plist
from zmdm_plugin.protocol.platform import ALL_RIGHTS

CONTENT_TYPE = "application/x-apple-aspen-config"
PER_USER_CONNECTIONS = "com.apple.mdm.per-user-connections"
BOOTSTRAP_TOKEN = "com.apple.mdm.bootstraptoken"
#: GetToken: for who is connected to Apple Business Manager.
TOKENS = "com.apple.mdm.token"
#: Advertised only when answered: a service that comes later appends its own.
CAPABILITIES = (PER_USER_CONNECTIONS, BOOTSTRAP_TOKEN)
#: What a device tells about itself in the first step of an over-the-air enrollment.
DEVICE_ATTRIBUTES = ("UDID", "VERSION", "PRODUCT", "SERIAL", "MEID", "IMEI")

#: Blank lines and byte order marks, which editors leave in front of uploaded profiles.
_BLANKS = b"\xef\xbb\xbf \t\r\n"


class ProfileError(ProtocolError):
    """Not a configuration profile that a device would install."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """What the owner of the device reads about a profile."""

    display_name: str
    organization: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrollmentPayload:
    """What a device enrolled with, and must find unchanged in each later enrollment profile.

    Kept per device (`to_json`), because the enrollment's push certificate and our address may
    have changed since. `access_rights` is None in a user enrollment.
    https://developer.apple.com/documentation/devicemanagement/mdm
    """

    identifier: str
    topic: str
    server_url: str
    checkin_url: str | None = None
    access_rights: int | None = ALL_RIGHTS
    capabilities: tuple[str, ...] = CAPABILITIES
    sign_message: bool = True
    enrollment_mode: str | None = None
    assigned_managed_apple_id: str | None = None
    required_app_id: int | None = None

    def to_json(self) -> dict[str, Any]:
        """For a JSON column; `from_json` reads it."""
        values: dict[str, Any] = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**values, "capabilities": list(self.capabilities)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> EnrollmentPayload:
        """Keys that a later version wrote are passed over."""
        known = {name: values[name] for name in cls.__dataclass_fields__ if name in values}
        known["capabilities"] = tuple(known.get("capabilities", ()))
        return cls(**known)

    def payload(self, *, identity_uuid: str, payload_uuid: str) -> dict[str, Any]:
        """The com.apple.mdm payload itself."""
        byod = self.enrollment_mode == "BYOD"
        optional = {
            "CheckInURL": self.checkin_url,
            # Apple: must be absent in a user enrollment.
            "AccessRights": None if byod else self.access_rights,
            "EnrollmentMode": self.enrollment_mode,
            "AssignedManagedAppleID": self.assigned_managed_apple_id,
            "RequiredAppIDForMDM": self.required_app_id,
        }
        return {
            **_common("com.apple.mdm", f"{self.identifier}.mdm", payload_uuid),
            "PayloadDisplayName": "Device management",
            "IdentityCertificateUUID": identity_uuid,
            "Topic": self.topic,
            "ServerURL": self.server_url,
            **{key: value for key, value in optional.items() if value is not None},
            "ServerCapabilities": list(self.capabilities),
            "SignMessage": self.sign_message,
            "CheckOutWhenRemoved": True,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Scep:
    """How a device gets its certificate. `key_usage`: 1 sign, 4 encrypt, added up.

    https://developer.apple.com/documentation/devicemanagement/scep
    """

    url: str
    subject: tuple[tuple[str, str], ...]
    challenge: str | None = field(default=None, repr=False)
    name: str | None = None
    key_size: int = 2048
    key_usage: int = 5
    ca_fingerprint: bytes | None = None
    retries: int = 3
    retry_delay: int = 10

    def payload(self, *, identifier: str, payload_uuid: str) -> dict[str, Any]:
        """The payload; two of Apple's keys have a space in their names."""
        optional = {
            "Name": self.name,
            "Challenge": self.challenge,
            "CAFingerprint": self.ca_fingerprint,
        }
        content: dict[str, Any] = {
            "URL": self.url,
            **{key: value for key, value in optional.items() if value is not None},
            "Subject": [[[kind, value]] for kind, value in self.subject],
            "Keysize": self.key_size,
            "Key Type": "RSA",
            "Key Usage": self.key_usage,
            "Retries": self.retries,
            "RetryDelay": self.retry_delay,
            "KeyIsExtractable": False,
            "AllowAllAppsAccess": False,
        }
        common = _common("com.apple.security.scep", identifier, payload_uuid)
        return {**common, "PayloadDisplayName": "Device identity", "PayloadContent": content}


def profile_service(
    *, identifier: str, profile_uuid: uuid.UUID, url: str, challenge: str | None, texts: Texts
) -> bytes:
    """The first step over the air: where a device sends its signed attributes, and which."""
    content: dict[str, Any] = {"URL": url, "DeviceAttributes": list(DEVICE_ATTRIBUTES)}
    if challenge:
        content["Challenge"] = challenge
    common = _common("Profile Service", identifier, _spell(profile_uuid))
    return plist.dumps({**common, **_texts(texts), "PayloadContent": content})


def identity_profile(
    scep: Scep, *, identifier: str, profile_uuid: uuid.UUID, texts: Texts
) -> bytes:
    """The second step over the air: an identity alone, which signs the third request."""
    inner = scep.payload(
        identifier=f"{identifier}.scep", payload_uuid=derived_uuid(profile_uuid, "scep")
    )
    return profile([inner], identifier=identifier, profile_uuid=profile_uuid, texts=texts)


def enrollment_profile(
    enrollment: EnrollmentPayload,
    scep: Scep,
    *,
    profile_uuid: uuid.UUID,
    texts: Texts,
    roots: Iterable[bytes] = (),
) -> bytes:
    """The profile that enrolls a device, or renews its identity when it is enrolled already.

    Without PayloadScope, which breaks installation by a person. `roots` are DER certificates.
    """
    identity_uuid = derived_uuid(profile_uuid, "scep")
    payloads = [
        *certificate_payloads(roots, identifier=enrollment.identifier, profile_uuid=profile_uuid),
        scep.payload(identifier=f"{enrollment.identifier}.scep", payload_uuid=identity_uuid),
        enrollment.payload(
            identity_uuid=identity_uuid, payload_uuid=derived_uuid(profile_uuid, "mdm")
        ),
    ]
    return profile(
        payloads, identifier=enrollment.identifier, profile_uuid=profile_uuid, texts=texts
    )


def certificate_payloads(
    roots: Iterable[bytes], *, identifier: str, profile_uuid: uuid.UUID
) -> list[dict[str, Any]]:
    """Certificates (DER) that a device shall trust from then on."""
    return [
        {
            **_common(
                "com.apple.security.root",
                f"{identifier}.root.{number}",
                derived_uuid(profile_uuid, f"root.{number}"),
            ),
            "PayloadDisplayName": "Trusted certificate",
            "PayloadContent": certificate,
        }
        for number, certificate in enumerate(roots, start=1)
    ]


def profile(
    payloads: Sequence[Mapping[str, Any]],
    *,
    identifier: str,
    profile_uuid: uuid.UUID,
    texts: Texts,
    scope: str | None = None,
) -> bytes:
    """A configuration profile around payloads; `scope` is System or User, if it has to be said."""
    common = _common("Configuration", identifier, _spell(profile_uuid))
    if scope:
        common["PayloadScope"] = scope
    return plist.dumps({**common, **_texts(texts), "PayloadContent": list(payloads)})


def inner(kind: str, identifier: str, payload_uuid: str) -> dict[str, Any]:
    """What every payload inside a profile begins with."""
    return _common(kind, identifier, payload_uuid)


def derived_uuid(profile_uuid: uuid.UUID, name: str) -> str:
    """The UUID of an inner payload: new with each profile, the same for the same arguments."""
    return _spell(uuid.uuid5(profile_uuid, name))


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileSummary:
    """What names a profile: its identifier for ever, its UUID for this version."""

    identifier: str
    uuid: str
    display_name: str | None
    payload_types: tuple[str, ...]


def summary(data: bytes) -> ProfileSummary:
    """Read the names of a profile, signed or not; ProfileError says what is wrong with it."""
    body = load(data)
    payloads = body.get("PayloadContent", [])
    if not isinstance(payloads, list) or not all(isinstance(item, dict) for item in payloads):
        raise ProfileError("PayloadContent of this profile is not an array of payloads.")
    types = (item.get("PayloadType") for item in payloads)
    return ProfileSummary(
        identifier=fields.required_text(body, "PayloadIdentifier"),
        uuid=fields.required_text(body, "PayloadUUID"),
        display_name=fields.name(body, "PayloadDisplayName"),
        payload_types=tuple(kind for kind in types if isinstance(kind, str)),
    )


def load(data: bytes) -> dict[str, Any]:
    """The dictionary of a profile. A signature around it is taken off, not verified:

    an operator vouches for what is uploaded, and the device checks the signature again.
    """
    bare = data.lstrip(_BLANKS)
    body = plist.load_dict(bare if bare.startswith((b"<", b"bplist")) else _signed(data))
    if body.get("PayloadType") != "Configuration":
        raise ProfileError("This is no configuration profile: its PayloadType says otherwise.")
    return body


def _signed(data: bytes) -> bytes:
    try:
        info = cms.ContentInfo.load(data)
        if info["content_type"].native != "signed_data":
            raise ProfileError("This is neither a property list nor a signed profile.")
        content = info["content"]["encap_content_info"]["content"].native
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        raise ProfileError("This is neither a property list nor a signed profile.") from None
    if not isinstance(content, bytes):
        raise ProfileError("This signature has no profile inside.")
    return content


def _common(kind: str, identifier: str, payload_uuid: str) -> dict[str, Any]:
    return {
        "PayloadType": kind,
        "PayloadVersion": 1,
        "PayloadIdentifier": identifier,
        "PayloadUUID": payload_uuid,
    }


def _texts(texts: Texts) -> dict[str, str]:
    shown = {
        "PayloadDisplayName": texts.display_name,
        "PayloadOrganization": texts.organization,
        "PayloadDescription": texts.description,
    }
    return {key: value for key, value in shown.items() if value}


def _spell(value: uuid.UUID) -> str:
    return str(value).upper()
