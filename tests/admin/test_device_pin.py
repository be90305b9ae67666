"""The PIN of a locked Mac on its page: shown by a button, to whoever may, and audited."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask

from tests import fleet
from tests.api.world import audit_trail
from tests.hosts import ADMINISTRATOR
from zmdm_plugin import db
from zmdm_plugin.services import command_queue, devices

MAC = "/mdm/devices/1/"
PIN = "314159"


def locked(make_host: Callable[..., Flask], *permissions: str) -> Flask:
    """A host whose first Mac was ordered to lock with this PIN."""
    app = make_host(*permissions)
    fleet.fill(app, 2)
    with app.app_context(), db.transaction():
        channel = devices.channel(1)
        command_queue.enqueue(channel, "DeviceLock", {"pin": PIN}, actor=ADMINISTRATOR)
    return app


def test_a_button_shows_it_and_the_audit_says_so(
    make_host: Callable[..., Flask], post: Callable[..., Any]
) -> None:
    app = locked(make_host, "mdm.*")
    client = app.test_client()
    page = client.get(MAC).text
    assert "Show lock PIN" in page and PIN not in page
    shown = post(client, f"{MAC}secret/device_lock_pin/")
    assert PIN in shown.text and shown.headers["Cache-Control"] == "no-store"
    assert audit_trail(app)[-1].action == "device.reveal_lock_pin"
    assert "Show lock PIN" not in client.get("/mdm/devices/2/").text


def test_who_may_not_has_no_button_and_no_page(
    make_host: Callable[..., Flask], post: Callable[..., Any]
) -> None:
    client = locked(make_host, "mdm.view_enrolleddevice", "mdm.change_*").test_client()
    assert "Show lock PIN" not in client.get(MAC).text
    refused = post(client, f"{MAC}secret/device_lock_pin/")
    assert refused.status_code == 403 and PIN not in refused.text


def test_a_link_shows_nothing(make_host: Callable[..., Flask]) -> None:
    assert (
        locked(make_host, "mdm.*").test_client().get(f"{MAC}secret/device_lock_pin/").status_code
        == 405
    )
