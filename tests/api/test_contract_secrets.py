"""What artifacts hold stays where it belongs: sources with their passwords, and devices that an
actor may not see."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.api.test_artifacts import make, upload, wifi
from tests.api.test_blueprints import change
from tests.api.world import Program, add_device, program, reading
from zmdm_plugin import db
from zmdm_plugin.models import AuditEntry, Channel, ChannelArtifact, Device, Event
from zmdm_plugin.models.software_updates import AdvertisedUpdate
from zmdm_plugin.services.software_updates import enforcements

SECRET = "correct horse"
BETA = "com.apple.configuration.softwareupdate.settings"


def everything_said(api: Program, artifact: int, version: int, device: int) -> Iterator[str]:
    """Whatever the API says of an artifact but its source."""
    for path in (
        "artifacts/",
        f"artifacts/{artifact}/",
        f"artifacts/{artifact}/versions/",
        f"artifacts/{artifact}/versions/{version}/",
        f"artifacts/{artifact}/status/",
        f"devices/{device}/artifacts/",
        f"devices/{device}/artifacts/{artifact}/explain/",
        "audit_entries/",
        "openapi.json",
    ):
        answer = api.get(path)
        assert answer.status_code in (200, 404 if path == "audit_entries/" else 200), path
        yield answer.text


def written(app: Flask) -> str:
    """The audit and the events, whole."""
    with reading(app) as session:
        rows = [session.execute(sa.select(table.__table__)).all() for table in (AuditEntry, Event)]
    return repr(rows)


@pytest.mark.parametrize("kind", ["profile", "configuration"])
def test_a_password_is_in_the_source_alone(
    app: Flask, api: Program, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    caplog.set_level(logging.DEBUG)
    programs = [{"Description": "Seed", "Token": SECRET}]
    document = {"Type": BETA, "Payload": {"Beta": {"OfferPrograms": programs}}}
    source = wifi() if kind == "profile" else json.dumps(document).encode()
    artifact, device = make(api, kind), add_device(app)
    made = upload(api, artifact, source)
    version = made.json["id"]
    office = api.post("blueprints/", {"name": "Office"}).json["id"]
    api.post(f"blueprints/{office}/artifacts/", {"artifact": artifact})
    change(api, "PUT", f"devices/{device}/blueprint/", {"blueprint": office})
    said = [made.text, *everything_said(api, artifact, version, device), written(app), caplog.text]
    assert [text for text in said if SECRET in text] == []
    assert SECRET in api.get(f"artifacts/{artifact}/versions/{version}/source/").text


def test_a_refusal_does_not_repeat_a_password(api: Program) -> None:
    document = {"Type": BETA, "Payload": {"Beta": {"OfferPrograms": [{"Token": [SECRET]}]}}}
    answers = [
        upload(api, make(api, "configuration"), document=document),
        upload(api, make(api, name="Half"), wifi()[:-40]),
        upload(api, make(api, name="Wrong"), wifi().replace(b"PayloadUUID", b"PayloadUIID")),
    ]
    assert [answer.status_code for answer in answers] == [422, 422, 422]
    assert [answer for answer in answers if SECRET in answer.text] == []


@pytest.mark.parametrize(
    "path",
    [
        "artifacts/",
        "artifacts/{0}/",
        "artifacts/{0}/versions/",
        "artifacts/{0}/versions/{1}/",
        "artifacts/{0}/versions/{1}/source/",
        "artifacts/{0}/status/",
        "artifacts/{0}/status/count/",
    ],
)
def test_artifacts_need_their_permission(app: Flask, api: Program, path: str) -> None:
    artifact = make(api)
    version = upload(api, artifact, wifi()).json["id"]
    other = program(app, "mdm.view_enrolleddevice", "mdm.view_blueprint")
    assert other.get(path.format(artifact, version)).status_code == 403


@pytest.fixture
def narrowed(ruled_host: Callable[..., Flask]) -> tuple[Flask, Program, dict[str, int]]:
    """Two Macs with an artifact each, of which a program may see the second only."""
    app = ruled_host(
        authorize=lambda *_: True, row_scope=lambda *_: Device.serial_number == "SERIAL0002"
    )
    api = program(app)
    ids = {"artifact": make(api), "hidden": add_device(app), "seen": add_device(app, 2)}
    upload(api, ids["artifact"], wifi())
    with app.app_context(), db.transaction() as session:
        for channel in session.scalars(sa.select(Channel)):
            status = "failed" if channel.device_id == ids["hidden"] else "installed"
            row = ChannelArtifact(
                channel_id=channel.id, artifact_id=ids["artifact"], status=status, via="command"
            )
            session.add(row)
    return app, api, ids


Narrowed = tuple[Flask, Program, dict[str, int]]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "artifacts/"),
        ("GET", "artifacts/{artifact}/explain/"),
        ("POST", "artifacts/{artifact}/retry/"),
        ("GET", "software_updates/"),
        ("PUT", "blueprint/"),
    ],
)
def test_a_device_out_of_scope_is_not_there(narrowed: Narrowed, method: str, path: str) -> None:
    _, api, ids = narrowed
    url = f"/api/mdm/devices/{ids['hidden']}/{path.format(**ids)}"
    sent: dict[str, Any] = {"json": {"blueprint": None}} if method == "PUT" else {}
    answer = api.client.open(url, method=method, headers=api.headers, **sent)
    assert answer.status_code == 404


def test_channels_out_of_scope_are_neither_listed_nor_counted(narrowed: Narrowed) -> None:
    _, api, ids = narrowed
    path = f"artifacts/{ids['artifact']}/status/"
    assert [one["device"] for one in api.get(path).json] == [ids["seen"]]
    assert api.get(path, status="failed").json == []
    assert api.get(f"{path}count/").json == {"counts": {"installed": 1}}


def test_a_channel_of_another_device_explains_nothing(narrowed: Narrowed) -> None:
    app, api, ids = narrowed
    with reading(app) as session:
        other = session.scalar(sa.select(Channel.id).where(Channel.device_id == ids["hidden"]))
    path = f"devices/{ids['seen']}/artifacts/{ids['artifact']}/explain/"
    answer = api.get(path, channel=other)
    assert answer.status_code in (404, 409, 422)
    assert "SERIAL0001" not in answer.text


def test_updates_of_devices_out_of_scope_are_not_counted(narrowed: Narrowed) -> None:
    app, api, ids = narrowed
    asked = {"name": "Now", "platforms": ["macOS"], "os_version": "26.2"}
    with app.app_context(), db.transaction() as session:
        row = enforcements.create({**asked, "local_datetime": "2026-12-24T09:30:00"})
        session.flush()
        for device in (ids["hidden"], ids["seen"]):
            told = AdvertisedUpdate(
                device_id=device,
                enforcement_id=row.id,
                identifier="org.example.update",
                os_version="26.2",
                local_datetime="2026-12-24T09:30:00",
                basis="",
                why="",
            )
            session.add(told)
    (listed,) = api.get("software_update_enforcements/").json
    assert listed["devices_told"] == 1


@pytest.mark.parametrize(
    "document",
    [
        {"Type": BETA, "Payload": {}, "Identifier": "a\0b"},
        {"Type": BETA, "Payload": {"Beta": {"\ud800": 1}}},
        {"Type\ud800": BETA},
        {
            "Type": "com.apple.activation.simple",
            "Payload": {"StandardConfigurations": ["\ud800", "a\0"]},
        },
        {
            "Type": "com.apple.activation.simple",
            "Payload": {"StandardConfigurations": [f"name {number}" for number in range(20_000)]},
        },
        {"scep_issuer": 1, "subject": [{"type": "CN", "value": "\ud800"}]},
    ],
)
def test_a_source_that_no_database_takes_is_refused(api: Program, document: dict[str, Any]) -> None:
    for kind in ("configuration", "activation", "cert_asset"):
        made = upload(api, make(api, kind, kind), json.dumps(document).encode())
        assert made.status_code == 422, made.json


ENTITIES = (
    b'<!DOCTYPE plist [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><plist><string>&b;</string>',
    b'<!DOCTYPE plist [<!ENTITY a SYSTEM "file:///etc/passwd">]><plist><string>&a;</string>',
    b'<!DOCTYPE plist [<!ENTITY % a SYSTEM "http://127.0.0.1/"> %a;]><plist><string>a</string>',
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("entities", ENTITIES)
@pytest.mark.parametrize("kind", ["profile", "data_asset"])
def test_no_entity_is_ever_expanded(
    api: Program, kind: str, entities: bytes, encoding: str
) -> None:
    text = f'<?xml version="1.0" encoding="{encoding.removesuffix("-sig")}"?>'
    source = (text + entities.decode() + "</plist>").encode(encoding)
    made = upload(api, make(api, kind), source)
    assert made.status_code == 422
    assert "root:" not in made.text
