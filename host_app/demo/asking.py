"""Whom the set-up asks: our own API, and the portal of the played Apple."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from flask import Flask

from host_app.demo.folder import DemoFolder

FIRST, SEED = 24_000, "demo"
SHOP = "shop"
"""Among the steps that were taken: store apps are there."""
MODELS = ("MacBookPro18,3", "iPhone15,2", "iPad13,18", "Mac14,2")
"""Those that Apple assigns have a web view to sign in with; a television has none."""


class StepFailed(Exception):
    """A step was refused; the message names it and repeats the reason."""


class Api:
    """The HTTP API as a program with the administrator's token sees it."""

    def __init__(self, app: Flask, folder: DemoFolder) -> None:
        self._client = app.test_client()
        token = folder.read_credentials()["token"]
        self._headers = {"Authorization": f"Token {token}"}

    def send(self, method: str, path: str, body: Any) -> dict[str, Any]:
        """One order; what it answers."""
        answer = self._client.open(
            f"/api/mdm/{path}", method=method, json=body, headers=self._headers
        )
        if answer.status_code >= 400:
            raise StepFailed(f"{method} {path}: {answer.get_data(as_text=True)[:500]}")
        found: dict[str, Any] = answer.get_json()
        return found

    def list(self, path: str) -> list[dict[str, Any]]:
        """The first page of a list."""
        found: list[dict[str, Any]] = json.loads(self.text(path))
        return found

    def text(self, path: str) -> str:
        """What a GET answers."""
        answer = self._client.get(f"/api/mdm/{path}", headers=self._headers)
        if answer.status_code != 200:
            raise StepFailed(f"GET {path}: {answer.get_data(as_text=True)[:500]}")
        return answer.get_data(as_text=True)


class PlayedPortal:
    """What an administrator does in the portal, done to a played service."""

    def __init__(self, url: str) -> None:
        self._url = url

    def token_for(self, server: str, public_key: str) -> bytes:
        """Make a service for an uploaded public key; its server token."""
        made = self._post("servers", {"name": server, "certificate": public_key})
        token: str = made["p7m"]
        return token.encode()

    def assign(self, server: str, count: int) -> None:
        """Assign devices to the service until it has so many."""
        with urllib.request.urlopen(f"{self._url}/played/devices", timeout=10) as answer:
            present = len(json.load(answer)["devices"])
        if count > present:
            new = {"first": FIRST + present, "count": count - present, "seed": SEED}
            self._post("devices", {"server": server, "models": list(MODELS), **new})

    def content_token(self, location: str, apps: Mapping[str, tuple[str, int]]) -> str:
        """Open a location and buy licences; its content token."""
        token: str = self._post("locations", {"name": location, "organization": "Demo"})["token"]
        for adam_id, (name, total) in apps.items():
            # A played device finds the apps of its store by such identifiers.
            facts = {"name": name, "bundle_id": f"com.example.store.app{adam_id}", "total": total}
            self._post("assets", {"location": location, "adam_id": adam_id, **facts})
        return token

    def _post(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        request = urllib.request.Request(
            f"{self._url}/played/{name}", json.dumps(body).encode(), method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                found: dict[str, Any] = json.load(answer)
                return found
        except urllib.error.URLError as error:
            raise StepFailed(f"the played Apple, {name}: {error}") from error
