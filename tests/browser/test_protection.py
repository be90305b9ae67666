"""Secrets and what protects Macs in a browser: shown on demand, hidden again, as axe sees it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.browser.conftest import Visit
from tests.browser.looks import faults, serious, too_wide
from zmdm_plugin import db
from zmdm_plugin.models import Device
from zmdm_plugin.services import vault
from zmdm_plugin.services.artifacts import blueprints
from zmdm_plugin.services.protection import configs, tasks

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.slow]

Start = Callable[..., Visit]
PASSWORD = "correcthorse"
EMPTY = (
    "/mdm/filevault_configs/",
    "/mdm/recovery_password_configs/",
    "/mdm/filevault_configs/edit/",
    "/mdm/recovery_password_configs/edit/",
)
SCREENS = (
    *EMPTY,
    "/mdm/filevault_configs/1/",
    "/mdm/recovery_password_configs/1/",
    "/mdm/filevault_configs/edit/?config=1",
    "/mdm/blueprints/edit/?blueprint=1",
)


def fill(host: Flask) -> str:
    """A blueprint that protects, and a Mac with one secret of each state; its page."""
    with host.app_context(), db.transaction() as session:
        disks = {"name": "Disks", "escrow_location_display_name": "Example Inc."}
        filevault = configs.create(configs.FILEVAULT, disks)
        start = configs.create(configs.RECOVERY, {"name": "Start"})
        row = blueprints.create(
            "Macs", filevault_config=filevault.id, recovery_password_config=start.id
        )
        mac = session.scalars(sa.select(Device).where(Device.platform == "macOS")).first()
        assert mac is not None
        mac.blueprint_id, mac.filevault_enabled, mac.apple_silicon = row.id, True, True
        vault.keep_version(mac, vault.RECOVERY_LOCK, PASSWORD.encode())
        vault.keep_version(mac, vault.RECOVERY_LOCK, b"another", state="pending")
        vault.keep_version(mac, vault.ADMIN_PASSWORD, b"abcdef-ghjkmn")
        vault.keep_version(mac, vault.LOCK_PIN, b"314159")
        tasks.failed(mac, "recovery_password", "the current password is wrong")
        return f"/mdm/devices/{mac.id}/secrets/"


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_screens_are_accessible(visit: Start, host: Flask, color_scheme: str) -> None:
    one = visit(color_scheme=color_scheme)
    one.sign_in()
    assert faults(one, EMPTY) == {}
    assert faults(one, (fill(host), *SCREENS)) == {}


def test_screens_fit_a_phone(visit: Start, host: Flask) -> None:
    one, secrets = visit(width=390), fill(host)
    one.sign_in()
    assert too_wide(one, (secrets, *SCREENS)) == {}


def test_a_secret_is_shown_where_it_was_asked_for_and_hidden_again(
    visit: Start, host: Flask
) -> None:
    one, secrets = visit(), fill(host)
    one.sign_in()
    page = one.open(secrets)
    place = page.locator("#revealed-recovery_password")
    assert PASSWORD not in page.content()
    page.get_by_role("button", name="Reveal: Recovery password").click()
    place.get_by_text(PASSWORD).wait_for()
    assert "In force" in place.inner_text() and "The device may have it" in place.inner_text()
    assert serious(one) == []
    place.get_by_role("button", name="Hide").click()
    assert PASSWORD not in page.content()
    assert page.get_by_role("button", name="Reveal: Recovery password").is_visible()
    assert (one.complaints, one.foreign) == ([], [])
