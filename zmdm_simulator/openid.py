"""An OpenID provider that signs everybody in at once, and breaks each rule when it is told to.

with PlayedProvider() as provider: …      # provider.issuer, provider.person, provider.faults
provider.faults = Faults(nonce="another")  # what is wrong from now on

A good one is easily had; this one is for what a good one never does.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

KID = "played"


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """What is wrong; nothing by default."""

    claims: dict[str, Any] = field(default_factory=dict)
    """Put over the claims of the ID token; None takes one away."""
    header: dict[str, Any] = field(default_factory=dict)
    algorithm: str = "RS256"
    """RS256 | HS256 (with the public key as the secret) | none"""
    foreign_key: bool = False
    """Signed with a key that is not among the published ones."""
    metadata: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] = field(default_factory=dict)
    token: dict[str, Any] = field(default_factory=dict)
    """Put over the answer to the exchange of the code."""
    bodies: dict[str, bytes] = field(default_factory=dict)
    """Path -> what is answered instead."""
    statuses: dict[str, int] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    slow: dict[str, float] = field(default_factory=dict)
    """Path -> seconds before the answer."""
    first_fails: dict[str, int] = field(default_factory=dict)
    """Path -> how many requests are answered 503 before the first good one."""


class PlayedProvider:
    """Serves on the loopback, without TLS, which clients take from the machine itself alone."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.person: dict[str, Any] = {
            "sub": "248289761001",
            "preferred_username": "ada@example.com",
            "email": "ada@example.com",
            "given_name": "Ada",
            "family_name": "Lovelace",
        }
        self.only_userinfo: frozenset[str] = frozenset()
        """Claims that are not in the ID token."""
        self.requests: list[str] = []
        self.key = rsa.generate_private_key(65537, 2048)
        self._foreign = rsa.generate_private_key(65537, 2048)
        self._codes: dict[str, dict[str, str]] = {}
        self._server = _Server(self)
        self.issuer = f"http://localhost:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> PlayedProvider:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def metadata(self) -> dict[str, Any]:
        """What it says of itself."""
        found = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "code_challenge_methods_supported": ["S256"],
        }
        return {**found, **self.faults.metadata}

    def authorize(self, query: dict[str, str]) -> str:
        """Where the browser is sent back to; everybody is ADA."""
        code = secrets.token_urlsafe(16)
        self._codes[code] = query
        back = urlencode({"code": code, "state": query["state"]})
        return f"{query['redirect_uri']}?{back}"

    def exchange(self, form: dict[str, str]) -> dict[str, Any]:
        """The answer to a code; once, and for whoever knows the verifier."""
        asked = self._codes.pop(form.get("code", ""), None)
        if asked is None or _challenge(form.get("code_verifier", "")) != asked["code_challenge"]:
            return {"error": "invalid_grant", "error_description": "no such code"}
        token = {
            "access_token": "opens-userinfo",
            "token_type": "Bearer",
            "expires_in": 60,
            "id_token": self.id_token(asked),
        }
        return {**token, **self.faults.token}

    def id_token(self, asked: dict[str, str]) -> str:
        """A token, with what is wrong in it."""
        now = int(time.time())
        person = {name: one for name, one in self.person.items() if name not in self.only_userinfo}
        claims = {
            **person,
            "iss": self.issuer,
            "aud": asked["client_id"],
            "iat": now,
            "exp": now + 60,
            "nonce": asked.get("nonce"),
            **self.faults.claims,
        }
        header = {"alg": self.faults.algorithm, "kid": KID, "typ": "JWT", **self.faults.header}
        kept = {name: one for name, one in claims.items() if one is not None}
        signed = f"{_packed(header)}.{_packed(kept)}"
        return f"{signed}.{_text(self._signature(signed.encode()))}"

    def _signature(self, data: bytes) -> bytes:
        if self.faults.algorithm == "none":
            return b""
        if self.faults.algorithm == "HS256":
            return hmac.new(_packed(self.jwks()).encode(), data, hashlib.sha256).digest()
        key = self._foreign if self.faults.foreign_key else self.key
        return key.sign(data, padding.PKCS1v15(), hashes.SHA256())

    def jwks(self) -> dict[str, Any]:
        """The published keys."""
        numbers = self.key.public_key().public_numbers()
        key = {"kty": "RSA", "use": "sig", "kid": KID, "n": _int(numbers.n), "e": _int(numbers.e)}
        return {"keys": [key]}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, provider: PlayedProvider) -> None:
        self.provider = provider
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    """Faults first, and what a good provider answers behind them."""

    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        provider = self.server.provider
        path, faults = urlsplit(self.path).path, provider.faults
        provider.requests.append(path)
        time.sleep(faults.slow.get(path, 0))
        if provider.requests.count(path) <= faults.first_fails.get(path, 0):
            self._answer(503, b"later")
        elif path in faults.redirects:
            self._answer(302, b"", Location=faults.redirects[path])
        elif path in faults.bodies or path in faults.statuses:
            self._answer(faults.statuses.get(path, 200), faults.bodies.get(path, b"{}"))
        else:
            self._good(path)

    do_POST = do_GET

    def _good(self, path: str) -> None:
        provider = self.server.provider
        if path == "/authorize":
            self._answer(302, b"", Location=provider.authorize(_pairs(urlsplit(self.path).query)))
        elif path == "/token":
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            answer = provider.exchange(_pairs(body))
            self._json(answer, status=400 if "error" in answer else 200)
        elif path == "/jwks":
            self._json(provider.jwks())
        elif path == "/userinfo":
            self._json({**provider.person, **provider.faults.userinfo})
        elif path == "/.well-known/openid-configuration":
            self._json(provider.metadata())
        else:
            self._answer(404, b"")

    def _json(self, value: Any, *, status: int = 200) -> None:
        self._answer(status, json.dumps(value).encode())

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        try:
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True  # who asked has given up


def _pairs(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query).items()}


def _challenge(verifier: str) -> str:
    return _text(hashlib.sha256(verifier.encode()).digest())


def _packed(value: Any) -> str:
    return _text(json.dumps(value, separators=(",", ":")).encode())


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _int(number: int) -> str:
    return _text(number.to_bytes((number.bit_length() + 7) // 8, "big"))
