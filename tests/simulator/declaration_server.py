"""A server of declarations for simulated devices, as small as the protocol allows."""

from __future__ import annotations

import hashlib
import json
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from tests.simulator.device_server import BASE, OK, DeviceServer, enrollment_profile
from zmdm_simulator.declarative.talk import Sync
from zmdm_simulator.device import SimulatedDevice

SECTIONS = {
    "activation": "Activations",
    "configuration": "Configurations",
    "asset": "Assets",
    "management": "Management",
}
JSON, PROFILE = "application/json", "application/x-apple-aspen-config"
SUBSCRIPTIONS = "com.apple.configuration.management.status-subscriptions"
TEST = "com.apple.configuration.management.test"
Answer = tuple[str, str, bytes]


@dataclass
class DeclarationServer(DeviceServer):
    """Offers declarations and files, and remembers what was asked and reported."""

    offered: dict[str, dict[str, Any]] = field(default_factory=dict)
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)  # path: type, content
    asked: list[str] = field(default_factory=list)  # endpoints
    got: list[str] = field(default_factory=list)  # files
    proofs: dict[str, bool] = field(default_factory=dict)
    ranges: list[str] = field(default_factory=list)
    reports: list[dict[str, Any]] = field(default_factory=list)
    messages_of_declarations: list[dict[str, Any]] = field(default_factory=list)
    answers: dict[str, deque[Answer]] = field(default_factory=dict)  # scripted, by endpoint

    def declare(self, kind: str, identifier: str, **payload: Any) -> None:
        """Offer a declaration, or another version of it."""
        text = json.dumps([kind, payload], sort_keys=True).encode()
        self.offered[identifier] = {
            "Type": kind if kind.startswith("com.") else f"com.apple.{kind}",
            "Identifier": identifier,
            "ServerToken": hashlib.sha256(text).hexdigest()[:16],
            "Payload": payload,
        }

    def activate(self, *configurations: str, name: str = "activation", **more: Any) -> None:
        """Offer an activation of configurations."""
        self.declare("activation.simple", name, StandardConfigurations=list(configurations), **more)

    def subscribe(self, *items: str) -> None:
        """Offer a subscription to status items (and an activation of it)."""
        self.declare(SUBSCRIPTIONS, "subscriptions", StatusItems=[{"Name": item} for item in items])
        self.activate("subscriptions", name="subscribe")

    def file(self, path: str, content: bytes, kind: str = "text/plain") -> str:
        """Serve a file and return its URL."""
        self.files[f"/files/{path}"] = kind, content
        return f"{BASE}/files/{path}"

    def asset(self, name: str, content: bytes, kind: str = "text/plain", **more: Any) -> None:
        """Offer a data asset."""
        digest = hashlib.sha256(content).hexdigest()
        reference = {"DataURL": self.file(name, content, kind), "ContentType": kind}
        reference |= {"Size": len(content), "Hash-SHA-256": digest} | more
        self.declare("asset.data", name, Reference=reference)

    @property
    def token(self) -> str:
        """The DeclarationsToken."""
        tokens = sorted(item["ServerToken"] for item in self.offered.values())
        return hashlib.sha256("".join(tokens).encode()).hexdigest()

    @property
    def tokens(self) -> bytes:
        """A TokensResponse."""
        at = "2026-11-23T00:00:00Z"
        return _json({"SyncTokens": {"DeclarationsToken": self.token, "Timestamp": at}})

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        path = environ["PATH_INFO"]
        if path.startswith("/files/") and path not in self.files:
            start_response("404 Not Found", [])
            return [b""]
        if path not in self.files:
            return super().__call__(environ, start_response)
        kind, content = self.files[path]
        self.got.append(path)
        self.proofs[path] = "HTTP_MDM_SIGNATURE" in environ
        status, headers = OK, [("Content-Type", kind)]
        if wanted := environ.get("HTTP_RANGE"):
            self.ranges.append(wanted)
            start, size = int(wanted.removeprefix("bytes=").rstrip("-")), len(content)
            headers.append(("Content-Range", f"bytes {start}-{size - 1}/{size}"))
            status, content = "206 Partial Content", content[start:]
        start_response(status, headers)
        return [content]

    def _check_in(self, environ: dict[str, Any], body: bytes) -> Answer:
        message = self._authenticated(environ, body)
        if message["MessageType"] != "DeclarativeManagement":
            self.heard.pop(), self.signers.pop()
            return super()._check_in(environ, body)
        self.messages_of_declarations.append(message)
        endpoint = message["Endpoint"]
        self.asked.append(endpoint)
        if scripted := self.answers.get(endpoint):
            return scripted.popleft()
        return self._endpoint(endpoint, message)

    def _endpoint(self, endpoint: str, message: dict[str, Any]) -> Answer:
        if endpoint == "status":
            self.reports.append(json.loads(message["Data"]))
            return OK, "text/plain", b""
        if endpoint == "tokens":
            return OK, JSON, self.tokens
        if endpoint == "declaration-items":
            return OK, JSON, _json(self._items())
        _, kind, identifier = endpoint.split("/", 2)
        found = self.offered.get(identifier)
        if found is None or found["Type"].split(".")[2] != kind:
            return "404 Not Found", "text/plain", b""
        return OK, JSON, _json(found)

    def _items(self) -> dict[str, Any]:
        sections: dict[str, list[dict[str, str]]] = {name: [] for name in SECTIONS.values()}
        for item in self.offered.values():
            kind = item["Type"].split(".")[2]
            entry = {key: item[key] for key in ("Identifier", "ServerToken")}
            sections[SECTIONS.get(kind, "Configurations")].append(entry)
        return {"Declarations": sections, "DeclarationsToken": self.token}


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def managed(
    server: DeclarationServer,
    model: str = "MacBookPro18,3",
    *,
    device: SimulatedDevice | None = None,
    **options: Any,
) -> SimulatedDevice:
    """Return an enrolled device that was told to use declarations."""
    device = device or SimulatedDevice(model, 7, http=server.client(), **options)
    device.enroll(enrollment_profile())
    told(server, device)
    return device


def told(server: DeclarationServer, device: SimulatedDevice, user: str | None = None) -> Sync:
    """Send DeclarativeManagement and return what followed."""
    server.queue("DeclarativeManagement")
    sync = device.connect(user).sync
    assert sync is not None
    return sync
