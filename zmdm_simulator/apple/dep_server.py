"""One device management service of the played organization: its token, its sessions, its books."""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs7

from zmdm_simulator.apple.dep_books import DEFAULT_LIMIT, MAXIMUM_LIMIT, Books, Refusal, wire_time
from zmdm_simulator.apple.dep_faults import Faults
from zmdm_simulator.apple.dep_oauth import Credentials

TOKEN_LIFETIME = timedelta(days=365)
_LISTS = ("/server/devices", "/devices/sync")
_SERIALS = ("/devices", "/devices/disown", "/profile/devices")
_METHODS = {
    "/account": ["GET"],
    "/server/devices": ["POST"],
    "/devices/sync": ["POST"],
    "/devices": ["POST"],
    "/devices/disown": ["POST"],
    "/device/activationlock": ["POST"],
    "/profile": ["GET", "POST"],
    "/profile/devices": ["POST", "DELETE"],
}


@dataclass(slots=True)
class Session:
    """What a value of X-ADM-Auth-Session stands for; times are seconds."""

    agent: str
    used: float
    ends: float | None = None


@dataclass(slots=True)
class VirtualServer:
    """A service as an administrator made it in the portal."""

    name: str
    organization: str
    books: Books
    clock: Callable[[], datetime]
    uuid: str = field(default_factory=lambda: uuid.uuid4().hex.upper())
    consumer_key: str = field(default_factory=lambda: f"CK_{secrets.token_hex(32)}")
    consumer_secret: str = field(default_factory=lambda: f"CS_{secrets.token_hex(20)}")
    tokens: dict[str, Credentials] = field(default_factory=dict)
    expiries: dict[str, datetime] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    discovery: dict[str, str] = field(default_factory=dict)  # of account-driven enrollment
    answers: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)

    def new_token(self, *, lifetime: timedelta = TOKEN_LIFETIME) -> dict[str, str]:
        """Credentials as they stand in a server token; those before go on to work."""
        made = Credentials(
            self.consumer_key,
            self.consumer_secret,
            f"AT_O{secrets.randbelow(10**10)}O{secrets.token_hex(20)}",
            f"AS_{secrets.token_hex(20)}",
        )
        ends = self.clock() + lifetime
        with self.lock:
            self.tokens[made.access_token], self.expiries[made.access_token] = made, ends
        return {
            "consumer_key": made.consumer_key,
            "consumer_secret": made.consumer_secret,
            "access_token": made.access_token,
            "access_secret": made.access_secret,
            "access_token_expiry": wire_time(ends),
        }

    def token_file(self, certificate_pem: bytes, *, lifetime: timedelta = TOKEN_LIFETIME) -> bytes:
        """The `.p7m` that the portal gives for an uploaded public key."""
        certificate = x509.load_pem_x509_certificate(certificate_pem)
        text = (
            "Content-Type: text/plain;charset=UTF-8\nContent-Transfer-Encoding: 7bit\n\n"
            f"-----BEGIN MESSAGE-----\n{json.dumps(self.new_token(lifetime=lifetime))}\n"
            "-----END MESSAGE-----\n"
        )
        return (
            pkcs7.PKCS7EnvelopeBuilder()
            .set_data(text.encode())
            .add_recipient(certificate)
            .encrypt(serialization.Encoding.SMIME, [pkcs7.PKCS7Options.Binary])
        )

    def credentials(self, consumer_key: str, access_token: str) -> Credentials | None:
        """Credentials that are known and have not expired."""
        found = self.tokens.get(access_token)
        if found is None or consumer_key != self.consumer_key:
            return None
        return found if self.expiries[access_token] > self.clock() else None

    def open_session(self, agent: str) -> str:
        """A new session for a client that calls itself `agent`."""
        name = secrets.token_hex(24)
        with self.lock:
            self.sessions[name] = Session(agent, self.clock().timestamp())
        return name

    def check_session(self, name: str, agent: str, faults: Faults) -> None:
        """Or 401 for a session that is over, 403 for one that another client was given."""
        now = self.clock().timestamp()
        with self.lock:
            session = self.sessions.get(name)
            if session is None:
                raise Refusal(401, "UNAUTHORIZED")
            over = session.ends is not None and now >= session.ends
            if over or now - session.used > faults.session_lifetime:
                del self.sessions[name]
                raise Refusal(401, "UNAUTHORIZED")
            if session.agent != agent:
                raise Refusal(403, "FORBIDDEN")
            session.used = now

    def next_session(self, name: str, faults: Faults) -> str:
        """The value for the answer: the same, or a new one that takes its place."""
        with self.lock:
            self.answers += 1
            session = self.sessions.get(name)
            if session is None or not faults.rotate or self.answers % faults.rotate:
                return name
            if session.ends is None:
                session.ends = self.clock().timestamp() + faults.session_overlap
            if len(self.sessions) > 1000:
                now = self.clock().timestamp()
                kept = {
                    key: one for key, one in self.sessions.items() if (one.ends or now + 1) > now
                }
                self.sessions = kept
            return self.open_session(session.agent)

    def account(self, base_url: str, version: int) -> dict[str, Any]:
        """AccountDetail."""
        mark = hashlib.sha256(self.organization.encode()).hexdigest()
        found: dict[str, Any] = {
            "server_name": self.name,
            "server_uuid": self.uuid,
            "admin_id": "admin@example.com",
            "facilitator_id": "admin@example.com",
            "org_name": self.organization,
            "org_email": "it@example.com",
            "org_phone": "+49 30 1234567",
            "org_address": "Example Street 1, 10115 Berlin",
        }
        if version >= 3:
            urls = [_url(base_url, path) for path in _METHODS]
            found |= {
                "org_id": str(int(mark[:12], 16)),
                "org_id_hash": mark,
                "org_type": "org",
                "org_version": "v2",
                "urls": urls,
            }
        return found


def _url(base_url: str, path: str) -> dict[str, Any]:
    found: dict[str, Any] = {"uri": base_url + path, "http_method": _METHODS[path]}
    if path in _LISTS or path in _SERIALS:
        default = DEFAULT_LIMIT if path in _LISTS else MAXIMUM_LIMIT
        found["limit"] = {"default": default, "maximum": MAXIMUM_LIMIT}
    return found
