"""A played device assignment service, a token for it, and Apple's schemas of what is said."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric import rsa

from tests import service_schema
from zmdm_plugin.clients.dep import DepClient
from zmdm_plugin.clients.dep_session import Manners
from zmdm_plugin.protocol import issuance, pem, server_token
from zmdm_plugin.protocol.server_token import ServerToken
from zmdm_simulator.apple.dep import PlayedDep
from zmdm_simulator.apple.dep_organization import played_devices

PROFILE = {
    "profile_name": "Example",
    "url": "https://mdm.example.com/enroll/",
    "org_magic": "8CB6E5A4-3C1F-4BA6-9D6B-2C5F2C6E1A51",
    "is_mdm_removable": False,
    "is_supervised": True,
    "skip_setup_items": ["AppleID", "Siri"],
}


@cache
def key() -> rsa.RSAPrivateKey:
    """One key for all tests."""
    return issuance.new_rsa_key()


@cache
def certificate() -> bytes:
    """The public key as a portal takes it, DER."""
    return server_token.make_certificate("Example MDM", key(), at=datetime.now(UTC))


def connect(played: PlayedDep, name: str = "MDM", **asked: Any) -> ServerToken:
    """What an administrator does: upload the public key, download the token, open it here."""
    server = played.organization.new_server(name)
    made = server.token_file(pem.certificate_pem(certificate()).encode(), **asked)
    return server_token.read(made, certificate(), key=key())


def fill(played: PlayedDep, count: int, **asked: Any) -> list[str]:
    """Assign so many devices to the first service; their serial numbers."""
    models = asked.pop("models", ())
    first = asked.pop("first", 0)
    devices = played_devices("0", first, count=count, models=models)
    return played.organization.add(devices, **asked)


@dataclass
class Desk:
    """Clients of one service, what they waited, and what they sent."""

    played: PlayedDep
    http: httpx.Client
    token: ServerToken
    waits: list[float] = field(default_factory=list)
    sent: list[httpx.Request] = field(default_factory=list)

    def client(self, token: ServerToken | None = None, **manners: Any) -> DepClient:
        """A client that waits for nothing, but notes how long it would have waited."""
        given = {"user_agent": "test/1", "pause": self.waits.append, "dice": lambda: 0.5}
        polite = Manners(**{**given, **manners})
        return DepClient(self.http, token or self.token, base_url=self.played.url, manners=polite)

    def paths(self) -> list[str]:
        """The paths of all requests so far."""
        return [one.url.path for one in self.sent]


def faults(name: str, document: Any) -> list[str]:
    """What Apple's schema of this name has against a document."""
    return service_schema.faults("dep", name, document)
