"""How many SQL statements a list takes: as many for thirty rows as for one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from tests.api.world import Program, add_device, add_user_channel, statements
from zmdm_plugin import db
from zmdm_plugin.models import Device, PushCertificate, ScepIssuer
from zmdm_plugin.services import tags
from zmdm_plugin.services.enrollment import enrollments

MOST = 4
"""The token, the device, the list itself, and its rows without a value for the ordering."""


def add_enrollments(app: Flask, first: int, last: int) -> None:
    with app.app_context(), db.transaction() as session:
        for number in range(first, last):
            certificate = PushCertificate(name=f"push {number}", topic=f"com.apple.{number}")
            issuer = ScepIssuer(name=f"issuer {number}", kind="external", url="https://a.example/")
            session.add_all([certificate, issuer])
            session.flush()
            enrollments.create("ota", f"{number}", push_certificate=certificate, issuer=issuer)


def add_commands(app: Flask, api: Program, first: int, last: int) -> None:
    for _ in range(first, last):
        assert api.post("devices/1/commands/DeviceInformation/").status_code == 201


def add_tagged_device(app: Flask, number: int) -> None:
    device_id = add_device(app, number)
    with app.app_context(), db.transaction() as session:
        tag = tags.named("Lab") or tags.create("Lab")
        tags.put(session.get_one(Device, device_id), tag)


FILLED: dict[str, Callable[[Flask, Program, int, int], object]] = {
    "devices/": lambda app, _, first, last: [
        add_tagged_device(app, 100 + number) for number in range(first, last)
    ],
    "devices/1/users/": lambda app, _, first, last: [
        add_user_channel(app, 1, f"user{number}") for number in range(first, last)
    ],
    "devices/1/commands/": add_commands,
    "enrollments/": lambda app, _, first, last: add_enrollments(app, first, last),
    "scep_issuers/": lambda app, _, first, last: add_enrollments(app, first, last),
    "push_certificates/": lambda app, _, first, last: add_enrollments(app, first, last),
    "audit/": add_commands,
}


@pytest.mark.parametrize("path", FILLED)
def test_a_list_takes_no_statement_per_row(app: Flask, api: Program, path: str) -> None:
    add_device(app)
    FILLED[path](app, api, 0, 1)
    api.get(path)
    with statements(app) as for_one:
        api.get(path)
    FILLED[path](app, api, 1, 12)
    with statements(app) as for_many:
        assert len(api.get(path).json) >= 12
    assert len(for_many) == len(for_one) <= MOST, for_many
