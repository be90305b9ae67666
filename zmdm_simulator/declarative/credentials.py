"""Certificates and identities that declarations bring."""

from __future__ import annotations

import base64
import json
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12

from zmdm_simulator import pki
from zmdm_simulator.core import DeviceCore
from zmdm_simulator.declarative.problem import Problem
from zmdm_simulator.declared import Held
from zmdm_simulator.errors import ProfileRefused, ScepFailed, WireError
from zmdm_simulator.profile import scep_of
from zmdm_simulator.scep import ScepClient

UNREADABLE, CANNOT = "Error.AssetCannotBeDeserialized", "Error.ConfigurationCannotBeApplied"
CERTIFICATE = "com.apple.asset.credential.certificate"
SCEP = "com.apple.asset.credential.scep"
PKCS12 = "com.apple.asset.credential.identity"
ACME = "com.apple.asset.credential.acme"
PASSWORD = "com.apple.asset.credential.userpassword"
REQUIRED = {
    SCEP: ("URL",),
    PKCS12: ("Password", "Identity"),
    ACME: ("DirectoryURL", "ClientIdentifier", "KeySize", "KeyType", "HardwareBound", "Subject"),
    PASSWORD: ("UserName",),
}


def check(asset: Held, content: bytes) -> None:
    """Refuse data that is not what an asset of this type holds."""
    if asset.type == CERTIFICATE:
        certificate(content)
    elif asset.type in REQUIRED:
        _fields(asset, content)


def certificate(content: bytes) -> x509.Certificate:
    """Read a certificate, PEM or DER."""
    try:
        if content.lstrip().startswith(b"-----"):
            return x509.load_pem_x509_certificate(content)
        return x509.load_der_x509_certificate(content)
    except ValueError as error:
        raise Problem(UNREADABLE, "The data is no certificate.") from error


def _fields(asset: Held, content: bytes) -> dict[str, Any]:
    try:
        fields: Any = json.loads(content)
    except ValueError as error:
        raise Problem(UNREADABLE, "The data is not JSON.") from error
    if not isinstance(fields, dict):
        raise Problem(UNREADABLE, "The data is not a JSON object.")
    if missing := [key for key in REQUIRED[asset.type] if key not in fields]:
        raise Problem(UNREADABLE, f"The data lacks {', '.join(missing)}.")
    return fields


def identity(device: DeviceCore, asset: Held, content: bytes) -> x509.Certificate:
    """Get the identity that an asset describes: from SCEP, or from the PKCS#12 in it."""
    fields = _fields(asset, content)
    try:
        if asset.type == SCEP:
            return _from_scep(device, fields)
        if asset.type == PKCS12:
            return _unpacked(fields)
    except (ScepFailed, ProfileRefused, WireError) as error:
        raise Problem(CANNOT, f"There is no identity: {error}") from error
    raise Problem("Error.ConfigurationNotSupported", f"{asset.type} is not played here.")


def _from_scep(device: DeviceCore, fields: dict[str, Any]) -> x509.Certificate:
    if isinstance(fingerprint := fields.get("CAFingerprint"), str):
        fields = fields | {"CAFingerprint": base64.b64decode(fingerprint)}
    variables = {"SerialNumber": device.facts.serial, "ComputerName": device.name}
    client = ScepClient(
        device.wire.client(), scep_of({"PayloadContent": fields}, variables), device.scep
    )
    return client.transaction(device.make_key(client.payload.key_size)).run().certificate


def _unpacked(fields: dict[str, Any]) -> x509.Certificate:
    try:
        data, password = base64.b64decode(fields["Identity"]), str(fields["Password"]).encode()
        _, found, _ = pkcs12.load_key_and_certificates(data, password)
    except (ValueError, TypeError) as error:
        raise Problem(UNREADABLE, "The PKCS#12 cannot be opened.") from error
    if found is None:
        raise Problem(UNREADABLE, "The PKCS#12 holds no identity.")
    return found


def der(found: x509.Certificate) -> bytes:
    """Return the certificate's bytes, for status reports."""
    return pki.der(found)
