"""The requests of one device: PUT, a property list, and the proof of who sends it."""

from __future__ import annotations

import json
import plistlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from xml.parsers.expat import ExpatError

import httpx

from zmdm_simulator.errors import SimulatorError
from zmdm_simulator.pki import Identity
from zmdm_simulator.proof import Proof, Prover

if TYPE_CHECKING:
    from zmdm_simulator.core import DeviceCore

CHECKIN_TYPE = "application/x-apple-aspen-mdm-checkin"
CONNECT_TYPE = "application/x-apple-aspen-mdm; charset=UTF-8"
_CHALLENGE = re.compile(r'Bearer method="apple-as-web", url="(https?://[^"\s]+)"')
UNRECOGNIZED = "com.apple.unrecognized.device"
USER_AGENTS = {
    "macOS": "MDM-OSX/1.0 mdmclient/2005",
    "iOS": "MDM/1.0",
    "iPadOS": "MDM/1.0",
    "tvOS": "MDM/1.0",
    "visionOS": "MDM/1.0",
}
# One client for everybody, or one per TLS identity.
Http = httpx.Client | Callable[[Identity | None], httpx.Client]


def dumps(body: Mapping[str, Any]) -> bytes:
    """Write a property list as devices do: XML."""
    return plistlib.dumps(dict(body), sort_keys=False)


def unenrolls(response: httpx.Response, device: DeviceCore) -> bool:
    """Tell whether this answer makes a device remove its MDM profile.

    A 401 with a bearer challenge does not, if the device came in with an account.
    """
    if response.status_code == 403:
        return _error_code(response) == UNRECOGNIZED
    if response.status_code == 401 and device.account is not None:
        return challenge_of(response) is None
    return response.status_code in {401, 410}


def challenge_of(response: httpx.Response) -> str | None:
    """Return where a 401 sends the person to sign in; None if it is not spelled as Apple has it."""
    found = _CHALLENGE.fullmatch(response.headers.get("www-authenticate", ""))
    return found.group(1) if found else None


def _error_code(response: httpx.Response) -> str | None:
    try:
        if "json" in response.headers.get("content-type", ""):
            body = json.loads(response.content)
        else:
            body = plistlib.loads(response.content)
    except (ValueError, ExpatError, plistlib.InvalidFileException):
        return None
    return str(body.get("code")) if isinstance(body, dict) else None


@dataclass(slots=True)
class Wire:
    """Sends for one device; the low-level calls let a test choose every part of a request."""

    device: DeviceCore

    def client(self, identity: Identity | None = None) -> httpx.Client:
        """Return the HTTP client, the one with this TLS identity if there are several."""
        http = self.device.http
        if http is None:
            raise SimulatorError("no HTTP client was handed in")
        return http if isinstance(http, httpx.Client) else http(identity)

    def check_in(self, body: bytes, *, identity: Identity | None = None) -> httpx.Response:
        """PUT to CheckInURL."""
        return self.put(self.device.installed.checkin_url, body, CHECKIN_TYPE, identity=identity)

    def connect(self, body: bytes, *, identity: Identity | None = None) -> httpx.Response:
        """PUT to ServerURL."""
        return self.put(self.device.installed.server_url, body, CONNECT_TYPE, identity=identity)

    def put(
        self,
        url: str,
        body: bytes,
        content_type: str,
        *,
        identity: Identity | None = None,
        prover: Prover | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """PUT a body with the proof of an identity (the device's own by default).

        With the access token of an account; when the server asks for a new one, once more with it.
        """
        response = self._put(url, body, content_type, identity, prover, headers)
        asked = challenge_of(response) if response.status_code == 401 else None
        again = self.device.signs_in_again
        if asked is not None and again is not None and again(asked):
            response = self._put(url, body, content_type, identity, prover, headers)
        return response

    def _put(
        self,
        url: str,
        body: bytes,
        content_type: str,
        identity: Identity | None,
        prover: Prover | None,
        headers: Mapping[str, str] | None,
    ) -> httpx.Response:
        identity = identity or self.device.own_identity
        prover = prover or self._prover()
        at = self.device.clock() if prover.style.attributes else None
        sent = {
            "Content-Type": content_type,
            "User-Agent": USER_AGENTS[self.device.facts.model.platform],
            **prover.headers(body, identity, at=at),
            **self.authorization(),
            **(headers or {}),
        }
        client = self.client(identity if prover.proof is Proof.TLS else None)
        return client.put(url, content=body, headers=sent)

    def get(
        self, url: str, *, proven: bool = True, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """GET what a declaration points to, with the proof of who asks (or without any)."""
        sent = {"User-Agent": USER_AGENTS[self.device.facts.model.platform], **(headers or {})}
        identity, prover = self.device.own_identity, self._prover()
        if proven:
            sent |= prover.headers(b"", identity)
        shown = identity if proven and prover.proof is Proof.TLS else None
        return self.client(shown).get(url, headers=sent, follow_redirects=True)

    def authorization(self) -> dict[str, str]:
        """Return the header with the access token of an account-driven enrollment."""
        account = self.device.account
        return {"Authorization": f"Bearer {account.token}"} if account else {}

    def send_and_hang_up(self, body: bytes) -> None:
        """PUT to ServerURL and close without reading the reply, as a lost connection does."""
        device, prover = self.device, self._prover()
        headers = {"Content-Type": CONNECT_TYPE, **prover.headers(body, device.own_identity)}
        headers |= self.authorization()
        client = self.client(device.own_identity if prover.proof is Proof.TLS else None)
        with client.stream("PUT", device.installed.server_url, content=body, headers=headers):
            pass

    def _prover(self) -> Prover:
        prover = self.device.prover
        if prover.proof is not Proof.AUTO:
            return prover
        signs = self.device.installed.sign_message
        return replace(prover, proof=Proof.SIGNATURE if signs else Proof.TLS)
