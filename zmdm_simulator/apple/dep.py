"""Apple's device assignment service, played over HTTP, with a control plane of ours.

Under the root is what mdmenrollment.apple.com has; under `/played` what Apple has not:

    GET  /played/ready
    GET  /played/stats                counts by path and status
    GET  /played/devices?server=S     what the books of a service say
    GET  /played/activation?serial=S  what a device gets that starts: {"profile": {…} or null}
    POST /played/servers   {"name": …, "certificate": PEM, "days": 365}
                           a service (again: its next token); answers {"uuid", "p7m"}
    POST /played/devices   {"server": …, "devices": [{…}]} or {"seed", "first", "count", "models"}
    POST /played/remove    {"server": …, "serials": […], "released_by_replacement": false}
    POST /played/move      {"serials": […], "source": …, "target": …}
    POST /played/change    {"server": …, "serial": …, "values": {…}}
    POST /played/clock     {"ahead": seconds}
    POST /played/faults    a fault document (zmdm_simulator.apple.dep_faults); GET shows it
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from zmdm_simulator.apple.dep_answers import ANSWERS, Call
from zmdm_simulator.apple.dep_books import Refusal
from zmdm_simulator.apple.dep_faults import BadFaults, Faults, Rule
from zmdm_simulator.apple.dep_oauth import Judge, NotAuthorized
from zmdm_simulator.apple.dep_organization import Organization, played_devices
from zmdm_simulator.apple.dep_server import VirtualServer
from zmdm_simulator.apple.material import Material
from zmdm_simulator.apple.played import PlayedHandler, PlayedService

_JSON = "application/json;charset=UTF8"
SESSION = "X-ADM-Auth-Session"
VERSION = "X-Server-Protocol-Version"


class PlayedDep(PlayedService):
    """The service with its organization."""

    def __init__(self, folder: Path | None = None, *, name: str = "Example organization") -> None:
        """With a folder of keys it speaks TLS, else plain HTTP."""
        super().__init__(_Handler, tls=Material(folder).prepare() if folder else None)
        self.organization = Organization(name)
        self.judge = Judge()
        self.counts: Counter[str] = Counter()

    def fail(self, **faults: Any) -> None:
        """Let something go wrong; without arguments: nothing any more."""
        self.organization.faults = Faults.read(faults)

    def rule(self, **rule: Any) -> None:
        """Add one rule of what goes wrong."""
        with self.organization.lock:
            self.organization.faults.rules.append(Rule(**rule))


class _Handler(PlayedHandler):
    the_service: PlayedDep

    def do_GET(self) -> None:
        self._take()

    do_POST = do_PUT = do_DELETE = do_GET

    def _take(self) -> None:
        body = self.read_body()
        if body is None:
            self._text(413, "TOO_LONG")
            return
        path = urlsplit(self.path).path
        if path.startswith("/played/"):
            self._control(path.removeprefix("/played/"), body)
            return
        with self.the_service.organization.lock:
            rule = self.the_service.organization.faults.next_rule(self.command, path)
        if rule is None or rule.after or not self._goes_wrong(rule):
            self._serve(path, body, wrong=rule)

    def _goes_wrong(self, rule: Rule) -> bool:
        """Whether the rule has answered (or cut the line), so that nothing else is to do."""
        time.sleep(rule.latency)
        if rule.drop:
            self.close_connection = True
            return True
        if rule.body is not None:
            self.send(rule.status or 200, rule.body.encode(), {"Content-Type": "text/html"})
            return True
        if rule.status:
            wait = {} if rule.retry_after is None else {"Retry-After": str(rule.retry_after)}
            self._text(rule.status, rule.code, wait)
            return True
        return False

    def _serve(self, path: str, body: bytes, *, wrong: Rule | None) -> None:
        session: dict[str, str] = {}
        try:
            self._check_client()
            if path == "/session":
                found = self._open_session()
            else:
                server = self._find_session(session)
                found = self._answer(server, path, body)
                faults = self.the_service.organization.faults
                session[SESSION] = server.next_session(session[SESSION], faults)
        except (Refusal, NotAuthorized) as refused:
            code = refused.code if isinstance(refused, Refusal) else ""
            after = refused.retry_after if isinstance(refused, Refusal) else None
            wait = {} if after is None else {"Retry-After": str(after)}
            self._text(refused.status, code or f"oauth: {refused}", wait)
            return
        if wrong is not None and wrong.after and self._goes_wrong(wrong):
            return
        self.send_json(200, found, {"Content-Type": _JSON, **session})

    def _check_client(self) -> None:
        agent = self.headers.get("User-Agent", "")
        if not agent:
            raise Refusal(400, "USER_AGENT_MISSING")
        if len(agent) > 256 or not agent.isprintable():
            raise Refusal(400, "USER_AGENT_INVALID")
        if not self.the_service.organization.faults.terms_signed:
            raise Refusal(403, "T_C_NOT_SIGNED")

    def _open_session(self) -> dict[str, Any]:
        organization = self.the_service.organization

        def find(consumer_key: str, access_token: str) -> Any:
            server = organization.find(consumer_key)
            return server.credentials(consumer_key, access_token) if server else None

        if self.command != "GET":
            raise Refusal(405, "METHOD_NOT_ALLOWED")
        known = self.the_service.judge.check(
            self.headers.get("Authorization", ""),
            self.command,
            url=self._base_url() + self.path,
            at=int(organization.clock().timestamp()),
            find=find,
        )
        server = organization.find(known.consumer_key)
        assert server is not None
        return {"auth_session_token": server.open_session(self.headers["User-Agent"])}

    def _find_session(self, session: dict[str, str]) -> VirtualServer:
        organization = self.the_service.organization
        name = self.headers.get(SESSION, "")
        for server in list(organization.servers.values()):
            if name in server.sessions:
                server.check_session(name, self.headers["User-Agent"], organization.faults)
                session[SESSION] = name
                return server
        raise Refusal(401, "UNAUTHORIZED")

    def _answer(self, server: VirtualServer, path: str, body: bytes) -> dict[str, Any]:
        faults = self.the_service.organization.faults
        answer = ANSWERS.get((self.command, path))
        if answer is None:
            known = any(path == other for _, other in ANSWERS)
            raise Refusal(405 if known else 404, "METHOD_NOT_ALLOWED" if known else "NOT_FOUND")
        version = self.headers.get(VERSION, "1")
        if not version.isdecimal() or int(version) > faults.newest_version:
            raise Refusal(400, "UNSUPPORTED_PROTOCOL_VERSION")
        query = dict(parse_qsl(urlsplit(self.path).query))
        given = self._body(body)
        return answer(Call(server, faults, self._base_url(), int(version), query, given))

    def _body(self, body: bytes) -> dict[str, Any]:
        if self.command == "GET":
            return {}
        kind = self.headers.get("Content-Type", "").replace(" ", "").lower()
        if not kind.startswith("application/json;charset=utf"):
            raise Refusal(400, "MALFORMED_REQUEST_BODY")
        try:
            found = json.loads(body)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise Refusal(400, "MALFORMED_REQUEST_BODY")
        return found

    def _base_url(self) -> str:
        return f"{urlsplit(self.the_service.url).scheme}://{self.headers.get('Host')}"

    def _control(self, name: str, body: bytes) -> None:
        action = CONTROLS.get((self.command, name))
        try:
            if action is None:
                raise BadFaults(f"no {self.command} {self.path} here")
            query = dict(parse_qsl(urlsplit(self.path).query))
            asked = json.loads(body) if body else query
            self.send_json(200, action(self.the_service, asked))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            self.send_json(400, {"error": str(error)})

    def _text(self, status: int, code: str, headers: Mapping[str, str] | None = None) -> None:
        kind = {"Content-Type": "text/plain;Charset=UTF8", **(headers or {})}
        self.send(status, code.encode(), kind)

    def send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.the_service.counts[f"{self.command} {urlsplit(self.path).path} {status}"] += 1
        super().send(status, body, headers)


def _new_server(played: PlayedDep, asked: dict[str, Any]) -> dict[str, Any]:
    server = played.organization.new_server(asked.get("name", "MDM"))
    days = timedelta(days=asked.get("days", 365))
    made = server.token_file(asked["certificate"].encode(), lifetime=days)
    return {"uuid": server.uuid, "p7m": made.decode()}


def _add(played: PlayedDep, asked: dict[str, Any]) -> dict[str, Any]:
    devices = asked.get("devices")
    if devices is None:
        devices = played_devices(
            str(asked.get("seed", "0")),
            int(asked.get("first", 0)),
            count=int(asked["count"]),
            models=asked.get("models", ()),
        )
    return {"serials": played.organization.add(devices, server=asked.get("server", ""))}


def _remove(played: PlayedDep, asked: dict[str, Any]) -> dict[str, Any]:
    more = {"released_by_replacement": True} if asked.get("released_by_replacement") else {}
    server = asked.get("server", "")
    return {"removed": played.organization.remove(asked["serials"], server=server, **more)}


def _move(played: PlayedDep, asked: dict[str, Any]) -> dict[str, Any]:
    source, target = asked["source"], asked["target"]
    return {"moved": played.organization.move(asked["serials"], source=source, target=target)}


def _change(played: PlayedDep, asked: dict[str, Any]) -> dict[str, Any]:
    books = played.organization.server(asked.get("server", "")).books
    books.change(asked["serial"], **asked["values"])
    return {"device": books.devices[asked["serial"]]}


def _devices(played: PlayedDep, asked: dict[str, Any]) -> dict[str, Any]:
    return {"devices": played.organization.server(asked.get("server", "")).books.devices}


def _activation(played: PlayedDep, asked: dict[str, Any]) -> dict[str, Any]:
    return {"profile": played.organization.activate(str(asked["serial"]))}


def _clock(played: PlayedDep, asked: dict[str, Any]) -> dict[str, Any]:
    played.organization.clock.ahead = float(asked["ahead"])
    return {"now": played.organization.clock().isoformat()}


def _set_faults(played: PlayedDep, asked: dict[str, Any]) -> dict[str, Any]:
    played.organization.faults = Faults.read(asked)
    return asdict(played.organization.faults)


CONTROLS: dict[tuple[str, str], Callable[[PlayedDep, dict[str, Any]], dict[str, Any]]] = {
    ("GET", "ready"): lambda played, asked: {"ready": True},
    ("GET", "stats"): lambda played, asked: dict(played.counts),
    ("GET", "devices"): _devices,
    ("GET", "activation"): _activation,
    ("GET", "faults"): lambda played, asked: asdict(played.organization.faults),
    ("POST", "servers"): _new_server,
    ("POST", "devices"): _add,
    ("POST", "remove"): _remove,
    ("POST", "move"): _move,
    ("POST", "change"): _change,
    ("POST", "clock"): _clock,
    ("POST", "faults"): _set_faults,
}
