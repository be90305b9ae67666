"""Permissions: what implies what, and how patterns of tokens are read."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from zmdm_plugin.actors import SYSTEM, Actor, TokenActor
from zmdm_plugin.commands import registry
from zmdm_plugin.errors import Denied
from zmdm_plugin.services import access

OWNER = Actor(id="user:1", label="admin@example.com")


def token(*patterns: str) -> TokenActor:
    return TokenActor(id="token:1", label="t", kind="token", owner=OWNER, permissions=patterns)


@pytest.mark.parametrize(
    ("pattern", "permission", "covered"),
    [
        ("mdm.*", "mdm.view_enrolleddevice", True),
        ("mdm.view_*", "mdm.view_enrolleddevice", True),
        ("mdm.view_*", "mdm.change_enrolleddevice", False),
        ("mdm.add_devicecommand", "mdm.add_devicecommand.DeviceLock", True),
        ("mdm.add_devicecommand.DeviceLock", "mdm.add_devicecommand.DeviceLock", True),
        ("mdm.add_devicecommand.DeviceLock", "mdm.add_devicecommand.EraseDevice", False),
        ("mdm.add_devicecommand.DeviceLock", "mdm.add_devicecommand", False),
        ("MDM.*", "mdm.view_enrolleddevice", False),
        ("mdm", "mdm.view_enrolleddevice", False),
    ],
)
def test_a_token_covers(app: Flask, pattern: str, permission: str, covered: bool) -> None:
    with app.app_context():
        assert access.allowed(token(pattern), permission) is covered


def test_a_denial_names_the_permission(app: Flask) -> None:
    with app.app_context(), pytest.raises(Denied, match=r"mdm\.view_enrolleddevice") as denied:
        access.demand(Actor(id="user:2", label="nobody"), access.VIEW_DEVICES)
    assert denied.value.permission == access.VIEW_DEVICES


def test_the_system_may_do_everything(app: Flask) -> None:
    with app.app_context():
        access.demand(SYSTEM, access.CHANGE_DEVICES)


def test_every_command_is_a_permission_of_its_own() -> None:
    known = access.permissions()
    assert {command.permission for command in registry} <= set(known)
    assert all(meaning.endswith(".") for meaning in known.values())


def test_a_fixture_host_denies_strangers(make_app: Callable[..., Flask], sqlite_url: str) -> None:
    with make_app(sqlite_url).app_context():
        stranger = TokenActor(
            id="token:2",
            label="t",
            kind="token",
            owner=Actor(id="user:9", label="gone"),
            permissions=("mdm.*",),
        )
        assert not access.allowed(stranger, access.VIEW_DEVICES)
