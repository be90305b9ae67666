"""Configuration profiles that operators bring: what is in them, what is wrong with them.

`inspect` refuses what no device could read; `problems` says what a device would refuse or do
otherwise than meant. Apple:
https://developer.apple.com/documentation/devicemanagement/toplevel
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any, Final, Literal

from zmdm_plugin.errors import ProtocolError
from zmdm_plugin.protocol import cms, fields, mobileconfig, x509
from zmdm_plugin.protocol.boundary import refuses
from zmdm_plugin.protocol.cms_signed import MalformedCms, certificate_of, parse_signed_data
from zmdm_plugin.protocol.mobileconfig import ProfileError
from zmdm_plugin.protocol.platform import Platform
from zmdm_plugin.protocol.problems import Problem, bounded, joined

ESCROW = "com.apple.security.FDERecoveryKeyEscrow"
ENROLLMENT = "com.apple.mdm"

_SEQUENCE: Final = b"\x30"  # the first byte of a signed profile, and of no other
_OLD_RSA: Final = 1024  # bits; profiles signed years ago are still profiles
_NUMBER: Final = (int, float)
#: Every key that may stand at the top of a profile, with the type of its value.
ROOT_KEYS: Final[Mapping[str, type | tuple[type, ...]]] = {
    "PayloadIdentifier": str,
    "PayloadUUID": str,
    "PayloadType": str,
    "PayloadVersion": int,
    "IsEncrypted": bool,
    "PayloadContent": list,
    "EncryptedPayloadContent": bytes,
    "PayloadDescription": str,
    "PayloadDisplayName": str,
    "HasRemovalPasscode": bool,
    "PayloadOrganization": str,
    "PayloadRemovalDisallowed": bool,
    "PayloadScope": str,
    "RemovalDate": datetime,
    "DurationUntilRemoval": _NUMBER,
    "PayloadExpirationDate": datetime,
    "TargetDeviceType": int,
    "ConsentText": dict,
}
_REQUIRED: Final = ("PayloadType", "PayloadIdentifier", "PayloadUUID")
_PLIST_NAMES: Final[Mapping[type | tuple[type, ...], str]] = {
    str: "a string",
    int: "an integer",
    bool: "a boolean",
    list: "an array",
    bytes: "data",
    datetime: "a date",
    dict: "a dictionary",
    _NUMBER: "a number",
}
#: Payloads that a Mac takes on one channel only.
MAC_DEVICE_ONLY: Final = frozenset(
    "com.apple.AssetCache.managed com.apple.DirectoryService.managed com.apple.MCX.FileVault2"
    " com.apple.MCX.TimeMachine com.apple.SoftwareUpdate com.apple.SystemConfiguration"
    " com.apple.TCC.configuration-profile-policy com.apple.asam com.apple.dnsProxy.managed"
    " com.apple.dnsSettings.managed com.apple.lom com.apple.loginwindow com.apple.mcxloginscripts"
    " com.apple.proxy.http.global com.apple.screensaver com.apple.security.FDERecoveryKeyEscrow"
    " com.apple.security.FDERecoveryRedirect com.apple.security.certificatetransparency"
    " com.apple.security.firewall com.apple.security.smartcard com.apple.servicemanagement"
    " com.apple.syspolicy.kernel-extension-policy com.apple.system-extension-policy"
    " com.apple.systemmigration com.apple.systempolicy.control com.apple.systempolicy.rule"
    " com.apple.vpn.managed.appmapping com.apple.webcontent-filter com.apple.xsan"
    " com.apple.xsan.preferences loginwindow".split()
)
MAC_USER_ONLY: Final = frozenset(
    "com.apple.AIM.account com.apple.caldav.account com.apple.carddav.account com.apple.education"
    " com.apple.ews.account com.apple.jabber.account com.apple.ldap.account"
    " com.apple.mail.managed com.apple.screensaver.user"
    " com.apple.security.certificatepreference com.apple.security.identitypreference"
    " com.apple.webClip.managed".split()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploaded:
    """A profile as it was brought, without the signature around it.

    `signer` is the name in the certificate of whoever signed it, `broken_signature` why the
    signature does not hold; nobody has looked whether the certificate is to be trusted.
    """

    content: dict[str, Any]
    identifier: str
    uuid: str
    display_name: str | None
    description: str | None
    scope: str | None
    payload_types: tuple[str, ...]
    signed: bool = False
    signer: str | None = None
    broken_signature: str | None = None


def inspect(data: bytes) -> Uploaded:
    """Read a profile, signed or not, XML or binary; ProfileError says what is wrong with it."""
    content = mobileconfig.load(data)
    try:
        summary = mobileconfig.summary(data)
        description = fields.name(content, "PayloadDescription")
        scope = fields.text(content, "PayloadScope")
    except fields.FieldError as fault:
        raise ProfileError(str(fault)) from None
    signed = data.startswith(_SEQUENCE)
    return Uploaded(
        content=content,
        identifier=summary.identifier,
        uuid=summary.uuid,
        display_name=summary.display_name,
        description=description,
        scope=scope,
        payload_types=summary.payload_types,
        signed=signed,
        signer=_signer(data) if signed else None,
        broken_signature=_broken(data) if signed else None,
    )


def installable(content: Mapping[str, Any], *, identifier: str, uuid: str) -> dict[str, Any]:
    """The profile as it goes to devices: names of ours at the top, payloads as they were brought.

    One identifier for ever makes a new version an update in place; inner identifiers and UUIDs
    are what payloads refer to each other by.
    """
    return {**content, "PayloadIdentifier": identifier, "PayloadUUID": uuid}


def problems(
    uploaded: Uploaded,
    *,
    channel: Literal["device", "user"],
    platforms: Collection[Platform] = (Platform.MACOS,),
) -> list[Problem]:
    """What is wrong with it for this channel, in the order of the profile; errors forbid saving."""
    content = uploaded.content
    payloads = [item for item in content.get("PayloadContent", []) if isinstance(item, dict)]
    macs = Platform.MACOS in platforms
    found = chain(
        _root(content),
        _scope(uploaded.scope, channel, macs=macs),
        _lifetime(content),
        _signed(uploaded),
        *(
            _payload(payload, joined("PayloadContent", number))
            for number, payload in enumerate(payloads)
        ),
        _repeated(uploaded.uuid, payloads),
        _kinds(uploaded.payload_types),
        _wrong_channel(uploaded.payload_types, channel) if macs else (),
    )
    return bounded(found)


def _root(content: Mapping[str, Any]) -> Iterator[Problem]:
    for key, value in content.items():
        expected = ROOT_KEYS.get(key)
        if expected is None:
            yield Problem(key, "is not a key that Apple knows here", "warning")
        elif not _is(value, expected):
            yield Problem(key, f"must be {_PLIST_NAMES[expected]}")
    yield from _payload_version(content, "")
    if content.get("IsEncrypted") or "EncryptedPayloadContent" in content:
        yield Problem("IsEncrypted", "is encrypted for one device and cannot go to others")
    elif not content.get("PayloadContent"):
        yield Problem("PayloadContent", "has no payload: installing it changes nothing", "warning")


def _payload_version(body: Mapping[str, Any], path: str) -> Iterator[Problem]:
    version = body.get("PayloadVersion")
    if version is None:
        yield Problem(joined(path, "PayloadVersion"), "is missing; it is always 1")
    elif not path and version != 1 and _is(version, int):
        yield Problem("PayloadVersion", "must be 1")


def _scope(scope: str | None, channel: str, *, macs: bool) -> Iterator[Problem]:
    """Only Macs know PayloadScope: elsewhere a contradiction has no effect."""
    fits = {"System": "device", "User": "user"}
    if scope is None:
        return
    if scope not in fits:
        yield Problem("PayloadScope", "must be System or User")
    elif fits[scope] != channel:
        level: Literal["error", "warning"] = "error" if macs else "warning"
        why = f"is {scope}, but the profile is to be installed through the {channel} channel"
        yield Problem("PayloadScope", why, level)


def _lifetime(content: Mapping[str, Any]) -> Iterator[Problem]:
    for key in ("RemovalDate", "DurationUntilRemoval"):
        if key in content:
            yield Problem(
                key, "makes the device remove the profile, which is then installed again", "warning"
            )


def _signed(uploaded: Uploaded) -> Iterator[Problem]:
    if uploaded.broken_signature is not None:
        yield Problem(
            "",
            f"The signature does not hold ({uploaded.broken_signature}):"
            " the profile may have been changed since it was signed",
            "warning",
        )


def _payload(payload: Mapping[str, Any], path: str) -> Iterator[Problem]:
    for key in _REQUIRED:
        value = payload.get(key)
        if value is None or value == "":
            yield Problem(joined(path, key), "is missing")
        elif not isinstance(value, str):
            yield Problem(joined(path, key), "must be a string")
    yield from _payload_version(payload, path)
    if not isinstance(payload.get("PayloadVersion", 1), int):
        yield Problem(joined(path, "PayloadVersion"), "must be an integer")


def _repeated(uuid: str, payloads: list[dict[str, Any]]) -> Iterator[Problem]:
    """A device keeps payloads apart by their UUIDs, and finds the one to update by identifier."""
    uuids = [str(item["PayloadUUID"]).upper() for item in payloads if item.get("PayloadUUID")]
    for value, count in Counter([uuid.upper(), *uuids]).items():
        if count > 1:
            yield Problem("PayloadUUID", f"{value} stands {count} times")
    named = [item.get("PayloadIdentifier") for item in payloads]
    for name, count in Counter(name for name in named if isinstance(name, str) and name).items():
        if count > 1:
            yield Problem("PayloadIdentifier", f"{name} stands {count} times", "warning")


def _kinds(payload_types: tuple[str, ...]) -> Iterator[Problem]:
    if ENROLLMENT in payload_types:
        yield Problem("PayloadContent", "has an enrollment in it (com.apple.mdm)")
    escrows = payload_types.count(ESCROW)
    if escrows > 1:
        yield Problem("PayloadContent", f"escrows the recovery key {escrows} times")
    elif escrows:
        yield Problem(
            "PayloadContent",
            "escrows the FileVault recovery key: a Mac takes one such payload, so it conflicts"
            " with FileVault settings of a blueprint",
            "warning",
        )


def _wrong_channel(payload_types: tuple[str, ...], channel: str) -> Iterator[Problem]:
    refused = MAC_USER_ONLY if channel == "device" else MAC_DEVICE_ONLY
    for kind in sorted(refused.intersection(payload_types)):
        why = f"{kind} is not taken by a Mac through the {channel} channel"
        yield Problem("PayloadContent", why, "warning")


def _is(value: object, expected: type | tuple[type, ...]) -> bool:
    """Booleans are integers to Python, and not to a property list."""
    return isinstance(value, expected) and (expected is bool or not isinstance(value, bool))


def _signer(data: bytes) -> str | None:
    """The common name of whoever signed; None where the message does not say it readably."""
    try:
        return x509.facts(_certificate(data)).common_name
    except ProtocolError:
        return None


@refuses(MalformedCms, "the signer cannot be read")
def _certificate(data: bytes) -> bytes:
    signed = parse_signed_data(data)
    return certificate_of(signed.signers[0], signed.certificates).der


def _broken(data: bytes) -> str | None:
    try:
        cms.verify_attached(data, minimum_rsa_bits=_OLD_RSA)
    except ProtocolError as error:
        return str(error)
    return None
