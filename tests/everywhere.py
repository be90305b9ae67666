"""Every place where a secret could lie in the clear, and a scanner that looks there.

for place in PLACES: assert found_in(scene, place, secrets) == []

A place is a function that yields (where, text). A secret is looked for as it is, in base64 and in
hex; what is compressed (jobs, exports, columns) is looked into.
"""

from __future__ import annotations

import base64
import io
import json
import logging
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import redis
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from tests import matrix
from tests.api.world import Program, program
from tests.protecting import Protected
from tests.receiver import Receiver
from zmdm_plugin import db
from zmdm_plugin.models import ChannelCommand, metadata
from zmdm_plugin.services import access, reveal
from zmdm_simulator.device import SimulatedDevice

Found = Iterator[tuple[str, str]]
SHOWS_SECRETS = frozenset(
    {one.permission for one in reveal.SECRETS.values()} | {access.VIEW_RESULTS, access.VIEW_SOURCES}
)
"""What is asked for by its own permission, and audited, may be in the answer."""


class Written(logging.Handler):
    """Whatever is logged, with what a structured log would make of each record."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        said = self.format(record)
        self.lines.append(f"{said} {vars(record)!r}")


@dataclass
class Scene:
    """A server with a fleet, all that it has said so far, and what it must not have said."""

    app: Flask
    protected: Protected
    log: Written
    receiver: Receiver
    fleet: list[SimulatedDevice] = field(default_factory=list)
    error_pages: list[tuple[str, str]] = field(default_factory=list)
    secrets: set[str | bytes] = field(default_factory=set)
    leaks: dict[tuple[str, int], str] = field(default_factory=dict)
    """(Start of the path, status) -> what the host adds to such answers, to try the scanner."""

    @property
    def api(self) -> Program:
        return program(self.app)

    @property
    def screens(self) -> FlaskClient:
        return self.app.test_client()

    def ids(self) -> list[int]:
        return [self.protected.road.row_id(one) for one in self.fleet]

    def keep_page(self, where: str, answer: Any) -> None:
        """An answer that says what was wrong."""
        text = answer.text if isinstance(answer.text, str) else answer.get_data(as_text=True)
        self.error_pages.append((f"{where} ({answer.status_code})", text))


def forms(secret: str | bytes) -> list[str]:
    """How it may be written down."""
    raw = secret.encode() if isinstance(secret, str) else secret
    plain = base64.b64encode(raw).decode()
    return [raw.decode("latin-1"), plain, base64.urlsafe_b64encode(raw).decode(), raw.hex()]


def found_in(scene: Scene, place: str, secrets: Iterable[str | bytes]) -> list[str]:
    """Where in this place some secret stands; only digits must stand alone, to be one."""
    wanted = [
        re.compile(rf"(?<![0-9A-Za-z]){form}(?![0-9A-Za-z])" if form.isdigit() else re.escape(form))
        for secret in secrets
        for form in forms(secret)
    ]
    seen = list(PLACES[place](scene))
    assert seen, f"nothing to look at in {place}"
    return [where for where, text in seen if any(one.search(text) for one in wanted)]


def _text(value: Any) -> str:
    """Any value as text; bytes also as what they hold when they are compressed."""
    if isinstance(value, bytes | memoryview):
        raw = bytes(value)
        return f"{raw.decode('latin-1')} {_inflated(raw)}"
    return str(value)


def _inflated(raw: bytes) -> str:
    if raw[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(raw)) as found:
            return "".join(found.read(name).decode("latin-1") for name in found.namelist())
    try:
        return zlib.decompress(raw).decode("latin-1")
    except zlib.error:
        return ""


def _healthy(answer: Any, url: str) -> bytes:
    """What was answered; a page that broke shows nothing, and would prove nothing."""
    assert answer.status_code < 500, f"{url} is answered {answer.status_code}"
    return bytes(answer.get_data())


# Places


def tables(scene: Scene) -> Found:
    """Each row of each table: columns, events, audit, outbox, arguments and runs of jobs."""
    with scene.app.app_context():
        for table in metadata.sorted_tables:
            for row in db.session().execute(sa.select(table)):
                yield table.name, " ".join(_text(value) for value in row)


def database_file(scene: Scene) -> Found:
    """The file itself with its journal, where deleted rows are still to be read."""
    with scene.app.app_context():
        path = db.session().get_bind().engine.url.database  # type: ignore[union-attr]
    for name in (path, f"{path}-wal"):
        with open(name, "rb") as opened:
            yield name, opened.read().decode("latin-1")


def everything_in_redis(scene: Scene) -> Found:
    """Each key: jobs with their arguments and results, locks, counters."""
    readers = {
        b"string": lambda client, key: [client.get(key)],
        b"hash": lambda client, key: [*client.hgetall(key).items()],
        b"list": lambda client, key: client.lrange(key, 0, -1),
        b"set": lambda client, key: [*client.smembers(key)],
        b"zset": lambda client, key: client.zrange(key, 0, -1),
        b"stream": lambda client, key: [repr(one) for one in client.xrange(key)],
        b"none": lambda _client, _key: [],  # its time was over a moment after it was listed
    }
    with redis.Redis.from_url(scene.app.config["ZMDM_REDIS_URL"]) as client:
        for key in client.keys("*"):
            values = readers[client.type(key)](client, key)
            parts = [part for one in values for part in (one if isinstance(one, tuple) else [one])]
            yield f"redis {key!r}", " ".join(map(_text, [key, *parts]))


def logs(scene: Scene) -> Found:
    """Everything since the start, at DEBUG, with tracebacks and structured values."""
    yield from (("log", line) for line in scene.log.lines)


def api_answers(scene: Scene) -> Found:
    """Every operation that reads: lists, devices, events, audit, exports, the description."""
    one = scene.api
    spec = one.get("openapi.json").json
    yield "openapi.json", str(spec)
    for method, path, operation in matrix.operations(spec):
        if method != "GET" or operation["x-permission"] in SHOWS_SECRETS:
            continue
        for device in scene.ids() if "{device_id}" in path else [0]:
            url = _filled(path, device, _command(scene))
            yield f"GET {url}", "".join(_every_page(one, url))


def _every_page(one: Program, url: str) -> Iterator[str]:
    """The answer, and those that follow it."""
    cursor: dict[str, str] = {}
    while True:
        answer = one.client.get(url, headers=one.headers, query_string=cursor)
        yield _text(_healthy(answer, url))
        following = json.loads(answer.headers.get("X-Pagination", "{}")).get("next_cursor")
        if not following:
            return
        cursor = {"cursor": following}


def exports(scene: Scene) -> Found:
    """Whatever is exported, in each format."""
    one = scene.api
    paths = [path for path in one.get("openapi.json").json["paths"] if path.endswith("/export/")]
    for path in (path.removeprefix("/api/mdm/") for path in paths):
        for kind in ("csv", "jsonl"):
            answer = one.get(path, format=kind)
            yield f"{path}?format={kind}", _text(_healthy(answer, path))


def pages(scene: Scene) -> Found:
    """Every screen."""
    adapter, client = scene.app.url_map.bind("localhost"), scene.screens
    for rule in scene.app.url_map.iter_rules():
        if not rule.rule.startswith("/mdm/") or "GET" not in (rule.methods or ()):
            continue
        for device in scene.ids() if "device_id" in rule.arguments else [0]:
            known = {"device_id": device, "uuid": _command(scene), "kind": "csv"}
            values = {name: known.get(name, 1) for name in rule.arguments}
            url = adapter.build(rule.endpoint, values, method="GET")
            yield f"GET {url}", _text(_healthy(client.get(url), url))


def error_pages(scene: Scene) -> Found:
    """What was answered to bad requests, to strangers, and while something was broken."""
    yield from scene.error_pages


def webhook_bodies(scene: Scene) -> Found:
    """What another program has received, headers and bodies."""
    for headers, body in scene.receiver.tries:
        yield headers.get("Zmdm-Event", ""), f"{headers!r} {_text(body)}"


PLACES: dict[str, Callable[[Scene], Found]] = {
    "tables": tables,
    "database file": database_file,
    "redis": everything_in_redis,
    "logs": logs,
    "api": api_answers,
    "exports": exports,
    "screens": pages,
    "error pages": error_pages,
    "webhooks": webhook_bodies,
}


def _filled(path: str, device: int, command: str) -> str:
    known = {"device_id": str(device), "command_uuid": command, "uuid": command, "kind": "csv"}
    return re.sub(r"\{(\w+)\}", lambda found: known.get(found[1], "1"), path)


def _command(scene: Scene) -> str:
    with scene.app.app_context():
        newest = sa.select(ChannelCommand.uid).order_by(ChannelCommand.id.desc())
        return db.session().scalars(newest.limit(1)).one()
