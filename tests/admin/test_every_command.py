"""Each command that people may order: offered with its form where it can be, refused in words
where it cannot."""

from __future__ import annotations

from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from tests import fleet
from tests.admin.conftest import token
from zmdm_plugin import db
from zmdm_plugin.commands import Command, registry
from zmdm_plugin.models import ChannelCommand, Device
from zmdm_plugin.services import devices
from zmdm_plugin.services.targets import target

MAC, PHONE, TABLET, TV, AWAITING = 1, 3, 4, 5, 6
FACTS: dict[int, dict[str, Any]] = {
    MAC: {"apple_silicon": True},
    PHONE: {"lost_mode": True, "unlock_token_escrowed": True},
    TABLET: {"shared_ipad": True},
    TV: {"supervised": False, "os_version": "9.0", "payload": {"access_rights": 0}},
    AWAITING: {"awaiting_configuration": True},
}
ORDERS = [command for command in registry if command.manual]


@pytest.fixture
def refusals(make_host: Callable[..., Flask]) -> tuple[Flask, dict[str, dict[int, str]]]:
    """A host with devices of every kind, and what each says against each command."""
    app = make_host("mdm.*")
    fleet.fill(app, 6)
    with app.app_context(), db.transaction() as session:
        for device_id, facts in FACTS.items():
            for name, value in facts.items():
                setattr(session.get_one(Device, device_id), name, value)
    with app.app_context():
        said = {command.name: {one: _why_not(command, one) for one in FACTS} for command in ORDERS}
    return app, said


def _why_not(command: type[Command], device_id: int) -> str:
    refusal = command.unavailable(target(devices.channel(device_id)))
    return refusal.why if refusal else ""


def _page(client: FlaskClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return unescape(answer.text)


def test_each_command_has_a_form_for_a_device_that_can(
    refusals: tuple[Flask, dict[str, dict[int, str]]],
) -> None:
    app, said = refusals
    client = app.test_client()
    offered = {one: _page(client, f"/mdm/devices/{one}/send/") for one in FACTS}
    for name, by_device in said.items():
        able = [one for one, why in by_device.items() if not why]
        for one in able[:1]:
            path = f"/mdm/devices/{one}/send/{name}/"
            assert f'"{path}"' in offered[one], name
            form = _page(client, path)
            assert 'class="stack"' in form and 'role="alert"' not in form, name
        assert able or name == "UserConfigured", name


def test_each_command_is_refused_in_words_by_a_device_that_cannot(
    refusals: tuple[Flask, dict[str, dict[int, str]]],
) -> None:
    app, said = refusals
    client = app.test_client()
    form = {"csrf_token": token(client)}
    offered = {one: _page(client, f"/mdm/devices/{one}/send/") for one in FACTS}
    for name, by_device in said.items():
        for one, why in [pair for pair in by_device.items() if pair[1]][:1]:
            path = f"/mdm/devices/{one}/send/{name}/"
            assert why in offered[one] and f'"{path}"' not in offered[one], name
            assert why in _page(client, path), name
            assert client.post(path, data=form).status_code == 422, name
    with app.app_context():
        assert db.session().scalar(sa.select(sa.func.count(ChannelCommand.id))) == 0


def test_a_name_is_typed_on_one_line(refusals: tuple[Flask, dict[str, dict[int, str]]]) -> None:
    client = refusals[0].test_client()
    for name, field in (("DeleteUser", "user_name"), ("Settings", "device_name")):
        form = _page(client, f"/mdm/devices/{MAC}/send/{name}/")
        assert f'<input type="text" autocomplete="off" id="f-{field}"' in form, name
