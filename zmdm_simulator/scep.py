"""A SCEP client, as careless or as careful as the devices in the field (RFC 8894).

In time order: `ScepClient.capabilities()` and `.ca()` ask what the CA can do and who it is;
`.transaction(key)` makes a request that may be sent more than once; `Transaction.run()` sends it,
waits while the CA says "pending", and returns the issued certificate.
"""

from __future__ import annotations

import base64
import hashlib
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from zmdm_simulator import cms, csr, der, envelope, pki
from zmdm_simulator.errors import ScepFailed, WireError

MESSAGE_TYPE = "2.16.840.1.113733.1.9.2"
PKI_STATUS = "2.16.840.1.113733.1.9.3"
FAIL_INFO = "2.16.840.1.113733.1.9.4"
SENDER_NONCE = "2.16.840.1.113733.1.9.5"
RECIPIENT_NONCE = "2.16.840.1.113733.1.9.6"
TRANSACTION_ID = "2.16.840.1.113733.1.9.7"
PKCS_REQ, CERT_REP = "19", "3"
SUCCESS, PENDING = "0", "3"
CA_CERT, CA_RA_CERT = "application/x-x509-ca-cert", "application/x-x509-ca-ra-cert"
PKI_MESSAGE = "application/x-pki-message"
FINGERPRINTS = {16: hashlib.md5, 20: hashlib.sha1, 32: hashlib.sha256}


@dataclass(frozen=True, slots=True)
class ScepPayload:
    """What a com.apple.security.scep payload says."""

    url: str
    name: str = ""
    subject: tuple[tuple[str, str], ...] = ()
    challenge: str | None = None
    key_size: int = 1024
    key_usage: int = 0
    ca_fingerprint: bytes | None = None
    retries: int = 3
    retry_delay: float = 10
    alt_names: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ScepOptions:
    """How this client behaves; "auto" follows GetCACaps, anything else ignores it."""

    cipher: str = "auto"  # des, 3des, aes128, aes256
    digest: str = "auto"  # sha1, sha256
    method: str = "auto"  # POST, GET
    get_alphabet: str = "standard"  # standard (escaped), raw (standard, unescaped), urlsafe
    csr_version_two: bool = False
    csr_unsorted: bool = False
    ber: bool = False
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], datetime] = pki.now


@dataclass(frozen=True, slots=True)
class Authority:
    """The CA's certificates: whom to encrypt to, and whose signature to accept."""

    recipient: x509.Certificate
    certificates: tuple[x509.Certificate, ...]


@dataclass(slots=True)
class ScepClient:
    """Talks to one SCEP URL."""

    http: httpx.Client
    payload: ScepPayload
    options: ScepOptions = ScepOptions()

    def capabilities(self) -> frozenset[str]:
        """Ask GetCACaps; a CA that answers nothing can do nothing (single DES, SHA-1, GET)."""
        response = self._get("GetCACaps", self.payload.name)
        return frozenset(line.strip().lower() for line in response.text.splitlines())

    def ca(self) -> Authority:
        """Ask GetCACert; the content type decides how the body is read."""
        response = self._get("GetCACert", self.payload.name)
        kind = response.headers.get("content-type", "").split(";")[0].strip()
        if kind == CA_CERT:
            certificates: tuple[x509.Certificate, ...] = (_load(response.content),)
        elif kind == CA_RA_CERT:
            certificates = cms.certificates_of(response.content)
        else:
            raise ScepFailed(f"GetCACert has the content type {kind or 'none'}")
        self._check_fingerprint(certificates)
        able = [item for item in certificates if _may_encipher(item)]
        if not able:
            raise ScepFailed("no CA or RA certificate may be encrypted to")
        # An RA takes the requests when there is one.
        return Authority(min(able, key=_is_ca), certificates)

    def transaction(self, key: rsa.RSAPrivateKey | None = None) -> Transaction:
        """Prepare a request for a new key (or this one)."""
        capabilities = self.capabilities()
        key = key or pki.new_key(self.payload.key_size)
        return Transaction(self, key, capabilities, self.ca())

    def operation(self, name: str) -> str:
        """Return the URL of an operation."""
        separator = "&" if "?" in self.payload.url else "?"
        return f"{self.payload.url}{separator}operation={name}"

    def _get(self, operation: str, message: str) -> httpx.Response:
        url = self.operation(operation) + (f"&message={quote(message)}" if message else "")
        return _checked(self.http.get(url), operation)

    def _check_fingerprint(self, certificates: tuple[x509.Certificate, ...]) -> None:
        wanted = self.payload.ca_fingerprint
        if not wanted:
            return
        digest = FINGERPRINTS.get(len(wanted))
        if digest is None or not any(digest(pki.der(c)).digest() == wanted for c in certificates):
            raise ScepFailed("the CA's fingerprint is not the profile's")


@dataclass(slots=True)
class Transaction:
    """One request for one key; sending it again is the same transaction to the CA."""

    client: ScepClient
    key: rsa.RSAPrivateKey
    capabilities: frozenset[str]
    authority: Authority
    signer: pki.Identity = field(init=False)
    request: bytes = field(init=False)
    transaction_id: str = field(init=False)
    digest: str = field(init=False)
    cipher: str = field(init=False)

    def __post_init__(self) -> None:
        """Choose the algorithms and make the certificate request, once."""
        options, payload = self.client.options, self.client.payload
        self.digest, self.cipher = options.digest, options.cipher
        if self.digest == "auto":
            modern = self.capabilities & {"sha-256", "scepstandard"}
            self.digest = "sha256" if modern else "sha1"
        if self.cipher == "auto":
            self.cipher = _best_cipher(self.capabilities)
        self.signer = pki.self_signed(payload.subject, key=self.key, at=options.clock())
        self.request = csr.build(
            self.key,
            csr.CsrOptions(
                subject=payload.subject,
                challenge=payload.challenge,
                key_usage=payload.key_usage,
                alt_names=payload.alt_names,
                digest=self.digest,
                version_two=options.csr_version_two,
                unsorted=options.csr_unsorted,
            ),
        )
        # Random rather than the key's hash: under load, devices may share keys.
        self.transaction_id = os.urandom(20).hex().upper()

    def run(self) -> pki.Identity:
        """Send until the CA decides, as often and as slowly as the profile says."""
        payload, sleep = self.client.payload, self.client.options.sleep
        for attempt in range(payload.retries + 1):
            if attempt:
                sleep(payload.retry_delay)
            try:
                identity = self.send()
            except httpx.TransportError as error:
                if attempt == payload.retries:
                    raise ScepFailed(f"no answer from the CA: {error}") from error
                continue
            if identity:
                return identity
        raise ScepFailed("the CA is still thinking")

    def send(self) -> pki.Identity | None:
        """Send once, with a new nonce; None if the CA says "pending"."""
        nonce = os.urandom(16)
        return self.read(self.exchange(self.message(nonce)), nonce)

    def message(self, nonce: bytes, *, message_type: str = PKCS_REQ) -> bytes:
        """Return the signed and encrypted PKIMessage."""
        sealed = envelope.encrypt(self.request, self.authority.recipient, cipher=self.cipher)
        style = cms.Style(ber=self.client.options.ber, attributes=True, digest=self.digest)
        attributes = (
            cms.attribute(MESSAGE_TYPE, der.tlv(der.PRINTABLE, message_type.encode())),
            cms.attribute(TRANSACTION_ID, der.tlv(der.PRINTABLE, self.transaction_id.encode())),
            cms.attribute(SENDER_NONCE, der.octets(nonce)),
        )
        return cms.sign_attached(sealed, self.signer, style=style, extra=attributes)

    def exchange(self, message: bytes) -> bytes:
        """Put the message on the wire by GET or POST and return the CA's body."""
        client, method = self.client, self.client.options.method
        if method == "auto":
            modern = self.capabilities & {"postpkioperation", "scepstandard"}
            method = "POST" if modern else "GET"
        url = client.operation("PKIOperation")
        if method == "GET":
            text = _get_text(message, client.options.get_alphabet)
            response = client.http.get(f"{url}&message={text}")
        else:
            response = client.http.post(url, content=message, headers={"Content-Type": PKI_MESSAGE})
        return _checked(response, "PKIOperation").content

    def read(self, body: bytes, nonce: bytes) -> pki.Identity | None:
        """Check the CA's answer and open it; None if it says "pending"."""
        try:
            reply = cms.verify_attached(body)
        except WireError as error:
            raise ScepFailed(f"CertRep: {error}") from error
        attributes = {dotted: value.native for dotted, value in reply.attributes.items()}
        self._check(reply, attributes, nonce)
        status = attributes.get(PKI_STATUS)
        if status == PENDING:
            return None
        if status != SUCCESS:
            reason = attributes.get(FAIL_INFO)
            raise ScepFailed(
                f"the CA refused (failInfo {reason})", fail_info=int(reason) if reason else None
            )
        certificates = cms.certificates_of(envelope.decrypt(reply.content, self.signer))
        return self._accepted(certificates)

    def _check(self, reply: cms.Signed, attributes: Mapping[str, Any], nonce: bytes) -> None:
        problems = {
            "signed by a stranger": reply.signer not in self.authority.certificates,
            "not a CertRep": attributes.get(MESSAGE_TYPE) != CERT_REP,
            "of another transaction": attributes.get(TRANSACTION_ID) != self.transaction_id,
            "without our nonce": attributes.get(RECIPIENT_NONCE) != nonce,
        }
        if wrong := [text for text, is_so in problems.items() if is_so]:
            raise ScepFailed(f"the CA's answer is {', '.join(wrong)}")

    def _accepted(self, certificates: tuple[x509.Certificate, ...]) -> pki.Identity:
        if not certificates or certificates[0].public_key() != self.key.public_key():
            raise ScepFailed("the first certificate is not the one for our key")
        leaf, at = certificates[0], self.client.options.clock()
        if not leaf.not_valid_before_utc <= at <= leaf.not_valid_after_utc:
            raise ScepFailed("by this device's clock the certificate is not valid")
        return pki.Identity(leaf, self.key)


def _checked(response: httpx.Response, operation: str) -> httpx.Response:
    if response.status_code != 200:
        raise ScepFailed(f"{operation} was answered {response.status_code}")
    return response


def _load(data: bytes) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(data)
    except ValueError as error:
        raise ScepFailed("GetCACert is no certificate") from error


def _extension(certificate: x509.Certificate, kind: type[x509.ExtensionType]) -> Any:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _may_encipher(certificate: x509.Certificate) -> bool:
    usage = _extension(certificate, x509.KeyUsage)
    return usage is None or bool(usage.key_encipherment)


def _is_ca(certificate: x509.Certificate) -> bool:
    constraints = _extension(certificate, x509.BasicConstraints)
    return constraints is not None and bool(constraints.ca)


def _best_cipher(capabilities: frozenset[str]) -> str:
    if capabilities & {"aes", "scepstandard"}:
        return "aes128"
    return "3des" if "des3" in capabilities else "des"


def _get_text(message: bytes, alphabet: str) -> str:
    if alphabet == "urlsafe":
        return base64.urlsafe_b64encode(message).decode()
    encoded = base64.b64encode(message).decode()
    return encoded if alphabet == "raw" else quote(encoded, safe="")
