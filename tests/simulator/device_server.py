"""The smallest MDM server that simulated devices can be tried against: one WSGI callable.

It is a peer for tests of the devices alone; what the real server makes of them, the end-to-end
tests show.
"""

from __future__ import annotations

import base64
import plistlib
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any
from urllib.parse import parse_qs, unquote_to_bytes

import httpx
from asn1crypto import cms as asn1
from asn1crypto import csr as asn1_csr
from cryptography.hazmat.primitives import serialization

from zmdm_simulator import cms, der, envelope, pki, scep

BASE = "https://mdm.example.com"
TOPIC = "com.apple.mgmt.External.00000000-0000-4000-8000-000000000001"
CAPABILITIES = ("com.apple.mdm.per-user-connections", "com.apple.mdm.bootstraptoken")
OK, CONFIG = "200 OK", "application/x-apple-aspen-config"


def payload(kind: str, name: str, **keys: Any) -> dict[str, Any]:
    """Return a payload with the keys that every payload has."""
    identifier = f"com.example.{name}"
    return {
        "PayloadType": kind,
        "PayloadVersion": 1,
        "PayloadIdentifier": identifier,
        "PayloadUUID": str(uuid.uuid5(uuid.NAMESPACE_DNS, identifier)).upper(),
        **keys,
    }


def scep_payload(**keys: Any) -> dict[str, Any]:
    """Return a SCEP payload for the server below."""
    content = {
        "URL": f"{BASE}/scep",
        "Subject": [[["CN", "%SerialNumber%"]], [["O", "Example"]]],
        "Challenge": "open sesame",
        "Keysize": 2048,
        "Key Usage": 5,
        **keys,
    }
    return payload("com.apple.security.scep", "scep", PayloadContent=content)


def mdm_payload(**keys: Any) -> dict[str, Any]:
    """Return an MDM payload for the server below; a key of None is left out."""
    known = {
        "ServerURL": f"{BASE}/connect",
        "CheckInURL": f"{BASE}/checkin",
        "Topic": TOPIC,
        "IdentityCertificateUUID": scep_payload()["PayloadUUID"],
        "AccessRights": 8191,
        "SignMessage": True,
        "CheckOutWhenRemoved": True,
        "ServerCapabilities": list(CAPABILITIES),
    } | keys
    return payload("com.apple.mdm", "mdm", **{k: v for k, v in known.items() if v is not None})


def profile(*payloads: dict[str, Any], name: str = "enrollment", **keys: Any) -> bytes:
    """Return a profile's bytes."""
    return plistlib.dumps(payload("Configuration", name, PayloadContent=list(payloads), **keys))


def enrollment_profile(**keys: Any) -> bytes:
    """Return the profile that enrolls by hand."""
    return profile(scep_payload(), mdm_payload(**keys))


def service_profile() -> bytes:
    """Return the profile that begins an over-the-air enrollment."""
    content = {
        "URL": f"{BASE}/ota",
        "DeviceAttributes": ["UDID", "VERSION", "PRODUCT", "SERIAL", "IMEI"],
        "Challenge": "let me in",
    }
    return plistlib.dumps(payload("Profile Service", "ota", PayloadContent=content))


@cache
def _authorities() -> tuple[pki.DeviceCA, pki.Identity]:
    """One CA and its RA for all tests: keys take their time."""
    ca = pki.DeviceCA.create()
    return ca, ca.issue("Example RA", key=pki.new_key())


@dataclass
class DeviceServer:
    """Issues certificates, records what devices say, hands out the commands in its queue."""

    ca: pki.DeviceCA = field(default_factory=lambda: _authorities()[0])
    capabilities: str = "POSTPKIOperation\nSHA-256\nAES\n"
    commands: deque[dict[str, Any]] = field(default_factory=deque)
    statuses: deque[str] = field(default_factory=deque)  # of the next requests, then 200
    heard: list[dict[str, Any]] = field(default_factory=list)
    signers: list[str] = field(default_factory=list)  # fingerprints, in the order of `heard`
    requests: list[dict[str, Any]] = field(default_factory=list)  # SCEP: how each was made
    pending: int = 0  # so many SCEP requests are put off
    fail_info: int | None = None
    nonce: bytes | None = None  # answered instead of the client's
    bootstrap: bytes = b""
    digest_challenge: str | None = None
    decline_users: bool = False
    before_reply: Callable[[dict[str, Any]], None] | None = None  # to a check-in
    base: str = BASE  # where it can be reached

    def client(self) -> httpx.Client:
        """Return a client that speaks to this server without a socket."""
        return httpx.Client(transport=httpx.WSGITransport(app=self))

    def queue(self, request_type: str, **keys: Any) -> str:
        """Queue a command and return its UUID."""
        command = str(uuid.uuid4()).upper()
        self.commands.append(
            {"CommandUUID": command, "Command": {"RequestType": request_type, **keys}}
        )
        return command

    def messages(self, kind: str) -> list[dict[str, Any]]:
        """Return the check-ins of a kind, or the answers with a status."""
        return [
            body for body in self.heard if kind in {body.get("MessageType"), body.get("Status")}
        ]

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        route = {
            "/scep": self._scep,
            "/ota": self._ota,
            "/checkin": self._check_in,
            "/connect": self._connect,
        }[environ["PATH_INFO"]]
        status, kind, content = route(environ, body)
        start_response(status, [("Content-Type", kind), ("Content-Length", str(len(content)))])
        return [content]

    # Check-in and connect

    def _authenticated(self, environ: dict[str, Any], body: bytes) -> dict[str, Any]:
        signature = base64.b64decode(environ["HTTP_MDM_SIGNATURE"])
        signed = cms.verify_detached(signature, body)
        message: dict[str, Any] = plistlib.loads(body)
        self.heard.append(message)
        self.signers.append(pki.Identity(signed.signer, self.ca.identity.key).fingerprint)
        return message

    def _check_in(self, environ: dict[str, Any], body: bytes) -> tuple[str, str, bytes]:
        message = self._authenticated(environ, body)
        if self.statuses and (status := self.statuses.popleft()) != OK:
            return status, "text/plain", b""
        if message["MessageType"] == "UserAuthenticate":
            if self.decline_users:
                return "410 Gone", "text/plain", b""
            reply = {"AuthToken": "yes"}
            if "DigestResponse" not in message:
                reply = {"DigestChallenge": self.digest_challenge or ""}
            return OK, "application/xml", plistlib.dumps(reply)
        if message["MessageType"] == "GetBootstrapToken":
            return OK, "application/xml", plistlib.dumps({"BootstrapToken": self.bootstrap})
        if self.before_reply:
            self.before_reply(message)
        self.bootstrap = message.get("BootstrapToken", self.bootstrap)
        return OK, "text/plain", b""

    def _connect(self, environ: dict[str, Any], body: bytes) -> tuple[str, str, bytes]:
        self._authenticated(environ, body)
        if self.statuses and (status := self.statuses.popleft()) != OK:
            return status, "text/plain", b""
        if not self.commands:
            return OK, "text/plain", b""
        return OK, "application/xml", plistlib.dumps(self.commands.popleft())

    # Over the air

    def _ota(self, environ: dict[str, Any], body: bytes) -> tuple[str, str, bytes]:
        signed = cms.verify_attached(body)
        attributes = plistlib.loads(signed.content)
        self.heard.append({"MessageType": "OTA", **attributes})
        if "CHALLENGE" in attributes:
            answer = profile(scep_payload(), name="ota.scep")
        else:
            answer = enrollment_profile()
        answer = answer.replace(BASE.encode(), self.base.encode())
        return OK, CONFIG, cms.sign_attached(answer, self.ca.identity, style=cms.DER_STYLE)

    # SCEP

    def _scep(self, environ: dict[str, Any], body: bytes) -> tuple[str, str, bytes]:
        query = environ["QUERY_STRING"]
        operation = parse_qs(query)["operation"][0]
        if operation == "GetCACaps":
            return OK, "text/plain", self.capabilities.encode()
        if operation == "GetCACert":
            # RSA encryption to this CA needs no key usage here: an RA stands beside it.
            bundle = cms.sign_attached(b"", self._ra, style=cms.DER_STYLE)
            return OK, "application/x-x509-ca-ra-cert", bundle
        method = environ["REQUEST_METHOD"]
        if method == "GET":
            text = unquote_to_bytes(query.partition("message=")[2]).translate(
                bytes.maketrans(b"-_", b"+/")
            )
            body = base64.b64decode(text)
        return OK, "application/x-pki-message", self._issue(body, method)

    def __post_init__(self) -> None:
        self._ra = _authorities()[1]

    def _issue(self, message: bytes, method: str) -> bytes:
        signed = cms.verify_attached(message)
        request = envelope.decrypt(signed.content, self._ra)
        said = {dotted: value.native for dotted, value in signed.attributes.items()}
        self.requests.append({"method": method, "said": said, "csr": request, "raw": message})
        status, carried, extra = scep.SUCCESS, b"", []
        if self.fail_info is not None:
            status = "2"
            extra = [cms.attribute(scep.FAIL_INFO, _printable(str(self.fail_info)))]
        elif self.pending:
            status, self.pending = scep.PENDING, self.pending - 1
        else:
            cipher = _cipher_of(signed.content)
            self.requests[-1]["cipher"] = cipher
            carried = envelope.encrypt(self._leaf(request), signed.signer, cipher=cipher)
        attributes = [
            cms.attribute(scep.MESSAGE_TYPE, _printable(scep.CERT_REP)),
            cms.attribute(scep.PKI_STATUS, _printable(status)),
            cms.attribute(scep.TRANSACTION_ID, _printable(said[scep.TRANSACTION_ID])),
            cms.attribute(scep.RECIPIENT_NONCE, der.octets(self.nonce or said[scep.SENDER_NONCE])),
        ]
        style = cms.Style(ber=False, attributes=True)
        return cms.sign_attached(carried, self._ra, style=style, extra=attributes + extra)

    def _leaf(self, request: bytes) -> bytes:
        info = asn1_csr.CertificationRequest.load(request)["certification_request_info"]
        key: Any = serialization.load_der_public_key(info["subject_pk_info"].dump())
        at = pki.now()
        certificate = pki.issue(
            pki.name([("CN", info["subject"].native["common_name"])]),
            key,
            issuer=self.ca.identity,
            key=self.ca.identity.key,
            not_before=at - timedelta(minutes=10),
            not_after=at + timedelta(days=365),
        )
        bundle = pki.Identity(certificate, self.ca.identity.key)
        return cms.sign_attached(b"", bundle, style=cms.DER_STYLE)


def _printable(text: str) -> bytes:
    return der.tlv(der.PRINTABLE, text.encode())


def _cipher_of(enveloped: bytes) -> str:
    info = asn1.ContentInfo.load(enveloped)["content"]["encrypted_content_info"]
    return envelope.BY_OID[info["content_encryption_algorithm"]["algorithm"].dotted]
