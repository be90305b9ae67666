"""What the tests of the API stand on: hosts with rules of their own, tokens, rows of devices."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from flask_sqlalchemy import SQLAlchemy
from werkzeug.test import TestResponse

from tests.hosts import ADMINISTRATOR, DEFAULTS, Host
from zmdm_plugin import Actor, Zmdm, db
from zmdm_plugin.models import AuditEntry, Channel, Device, Identity
from zmdm_plugin.services import tokens

LONG_AGO = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
Authorize = Callable[[Actor, str, Any], bool]


def make_host(uri: str, *, authorize: Authorize, row_scope: Any = None, **more: object) -> Flask:
    """A host that decides as a test wants it to."""
    app = Host("zmdm_api_host")
    app.config.update(DEFAULTS, SQLALCHEMY_DATABASE_URI=uri, **more)
    database = SQLAlchemy(app)
    Zmdm(database).init_app(
        app, authorize=authorize, current_actor=lambda: None, row_scope=row_scope
    )
    return app


@dataclass(frozen=True, slots=True)
class Program:
    """A program with a token."""

    client: FlaskClient
    headers: dict[str, str]

    def get(self, path: str, **query: object) -> TestResponse:
        return self.client.get(f"/api/mdm/{path}", headers=self.headers, query_string=query)

    def post(self, path: str, body: object = None, **query: object) -> TestResponse:
        sent = {} if body is None else {"json": body}
        return self.client.post(
            f"/api/mdm/{path}", headers=self.headers, query_string=query, **sent
        )

    def pages(self, path: str, **query: object) -> Iterator[list[dict[str, Any]]]:
        """Every page, following the Link headers as a client would."""
        answer = self.get(path, **query)
        while True:
            assert answer.status_code == 200, answer.json
            yield answer.json
            following = [
                part for part in answer.headers["Link"].split(", ") if 'rel="next"' in part
            ]
            if not following:
                return
            url = following[0].partition("<")[2].partition(">")[0]
            answer = self.client.get(url, headers=self.headers)


def make_token(
    app: Flask, *permissions: str, owner: Actor = ADMINISTRATOR, days: int | None = None
) -> str:
    """The text of a new token."""
    expires_at = datetime.now(UTC) + timedelta(days=days) if days else None
    with app.app_context(), db.transaction():
        _, text = tokens.create(
            "test",
            owner,
            permissions=permissions or ("mdm.*",),
            actor=ADMINISTRATOR,
            expires_at=expires_at,
        )
    return text


def program(app: Flask, *permissions: str, owner: Actor = ADMINISTRATOR) -> Program:
    """A program that may do this much (everything unless told)."""
    text = make_token(app, *permissions, owner=owner)
    return Program(app.test_client(), {"Authorization": f"Token {text}"})


def add_device(app: Flask, number: int = 1, *, enrolled: bool = True, **facts: Any) -> int:
    """A Mac with its channel and identity; returns its id."""
    values = {
        "udid": f"UDID-{number}",
        "serial_number": f"SERIAL{number:04}",
        "name": f"Mac {number}",
        "model": "Macmini8,1",
        "platform": "macOS",
        "os_version": "14.2.1",
        "apple_silicon": False,
        "enrolled_at": LONG_AGO if enrolled else None,
        "seen_hour": LONG_AGO.replace(minute=0, second=0, microsecond=0),
        **facts,
    }
    with app.app_context(), db.transaction() as session:
        device = Device(**values)
        session.add(device)
        session.flush()
        session.add(_channel(device, enrolled))
        session.add(_identity(device, number))
        return device.id


def add_user_channel(app: Flask, device_id: int, name: str) -> int:
    """A user's channel on a device; returns its id."""
    with app.app_context(), db.transaction() as session:
        channel = Channel(
            device_id=device_id,
            kind="user",
            key=f"user:{name}",
            user_short_name=name,
            enrolled_at=LONG_AGO,
        )
        session.add(channel)
        session.flush()
        return channel.id


@contextmanager
def reading(app: Flask) -> Iterator[Any]:
    """A session to look at what was really written."""
    with app.app_context():
        yield db.session()


def audit_trail(app: Flask) -> list[AuditEntry]:
    """The audit entries, those of the tokens that tests make left out."""
    with reading(app) as session:
        entries = session.scalars(sa.select(AuditEntry).order_by(AuditEntry.id)).all()
        session.expunge_all()
    return [entry for entry in entries if entry.action != "token.create"]


@contextmanager
def statements(app: Flask) -> Iterator[list[str]]:
    """The SQL statements that run meanwhile, transactions' own words left out."""
    seen: list[str] = []

    def note(_c: Any, _cursor: Any, sql: str, *_: Any) -> None:
        if not sql.startswith(("BEGIN", "PRAGMA")):
            seen.append(sql)

    with app.app_context():
        engine = db.engine()
    sa.event.listen(engine, "before_cursor_execute", note)
    yield seen
    sa.event.remove(engine, "before_cursor_execute", note)


def _channel(device: Device, enrolled: bool) -> Channel:
    return Channel(
        device_id=device.id,
        kind="device",
        key="",
        enrolled_at=LONG_AGO if enrolled else None,
        last_seen_at=LONG_AGO,
        pushed_at=LONG_AGO,
        push_token=b"token",
        push_magic="magic",
    )


def _identity(device: Device, number: int) -> Identity:
    return Identity(
        device_id=device.id,
        fingerprint=f"{number:064}",
        certificate=b"",
        state="active",
        not_before=LONG_AGO,
        not_after=LONG_AGO + timedelta(days=365),
    )
