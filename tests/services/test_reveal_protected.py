"""Revealing what Macs are protected with: counted, replaced afterwards, and found nowhere else."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.api.world import Program, audit_trail, program
from tests.hosts import ADMINISTRATOR
from tests.protecting import INTEL, Protected, lay_protection
from tests.road import Road
from zmdm_plugin import Actor, db
from zmdm_plugin.errors import TooMany
from zmdm_plugin.models import metadata
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import reveal, vault
from zmdm_plugin.services.protection import allowance
from zmdm_plugin.state import state
from zmdm_simulator.device import SimulatedDevice

OTHER = Actor(id="user:8", label="other@example.com")


@pytest.fixture
def protected(road: Road) -> Protected:
    return lay_protection(road)


@pytest.fixture
def mac(protected: Protected) -> SimulatedDevice:
    """A Mac with a recovery lock and an escrowed key."""
    mac = protected.mac()
    protected.talk(mac)
    mac.secrets.turn_on_filevault()
    with protected.later(minutes=20):
        protected.talk(mac)
    return mac


def api(protected: Protected) -> Program:
    return program(protected.road.app)


def test_the_answers_are_as_documented(protected: Protected, mac: SimulatedDevice) -> None:
    number = protected.road.row_id(mac)
    key = api(protected).get(f"devices/{number}/filevault_prk/")
    password = api(protected).get(f"devices/{number}/recovery_password/")
    assert key.json["filevault_prk"] == mac.secrets.recovery_key
    assert password.json["recovery_password"] == mac.secrets.recovery_lock
    assert key.json["serial_number"] == mac.facts.serial and key.json["id"] == number
    assert key.json["rotate_at"] and key.headers["Cache-Control"] == "no-store"
    device = api(protected).get(f"devices/{number}/").json
    assert device["filevault_prk_escrowed"] and device["recovery_password_escrowed"]


def test_what_was_seen_is_replaced_after_an_hour(
    protected: Protected, mac: SimulatedDevice
) -> None:
    key, lock = mac.secrets.recovery_key, mac.secrets.recovery_lock
    with protected.road.rows(), protected.later(minutes=20):
        for name in ("filevault_prk", "recovery_password"):
            reveal.reveal(ADMINISTRATOR, protected.road.row(mac), reveal.find(name))
    with protected.later(minutes=70):
        protected.talk(mac)
    assert (mac.secrets.recovery_key, mac.secrets.recovery_lock) == (key, lock)
    with protected.later(minutes=90):
        protected.talk(mac)
    assert key != mac.secrets.recovery_key == protected.confirmed(mac, vault.FILEVAULT_PRK)
    assert lock != mac.secrets.recovery_lock == protected.confirmed(mac, vault.RECOVERY_LOCK)


def test_what_was_seen_before_it_was_in_force_is_replaced_as_well(protected: Protected) -> None:
    protected.reconfigure(rotate_firmware_password=True)
    mac = protected.mac(INTEL, 3)
    protected.talk(mac)
    with protected.road.rows():
        (shown,) = reveal.reveal(
            ADMINISTRATOR, protected.road.row(mac), reveal.find("recovery_password")
        )
    assert (shown.state, shown.rotate_at is not None) == ("pending", True)
    mac.restart()
    protected.order(mac, "SecurityInfo")
    protected.talk(mac)
    assert protected.confirmed(mac, vault.FIRMWARE_PASSWORD) == shown.value
    with protected.later(minutes=90):
        protected.talk(mac)
        mac.restart()
        protected.talk(mac)
    assert not mac.secrets.opens_recovery(shown.value)


def test_one_person_sees_so_many_within_an_hour_and_no_more(
    protected: Protected, mac: SimulatedDevice
) -> None:
    with protected.road.app.app_context():
        most = state().settings.reveals_per_hour
    secret = reveal.find("recovery_password")
    with protected.road.rows():
        for _ in range(most):
            reveal.reveal(ADMINISTRATOR, protected.road.row(mac), secret)
    with protected.road.app.app_context(), pytest.raises(TooMany), db.transaction():
        reveal.reveal(ADMINISTRATOR, protected.road.row(mac), secret)
    with protected.road.rows():
        allowance.take(OTHER, now=utcnow())
    with protected.later(minutes=61), protected.road.rows():
        assert reveal.reveal(ADMINISTRATOR, protected.road.row(mac), secret)


def test_nothing_to_reveal_says_why(protected: Protected) -> None:
    mac = protected.road.enrolled("MacBookPro18,3", 5)
    mac.connect()
    number = protected.road.row_id(mac)
    said = {
        name: api(protected).get(f"devices/{number}/{name}/").json["message"]
        for name in ("filevault_prk", "recovery_password", "admin_password", "device_lock_pin")
    }
    assert said["filevault_prk"].startswith("FileVault is on, and nothing tells the Mac")
    assert "the blueprint does not ask for one" in said["recovery_password"]
    assert "no administrator" in said["admin_password"]
    assert "never locked" in said["device_lock_pin"]


def test_somebody_who_asks_gets_another_one(protected: Protected, mac: SimulatedDevice) -> None:
    former, number = mac.secrets.recovery_key, protected.road.row_id(mac)
    asked = api(protected).post(f"devices/{number}/filevault_prk/replace/")
    assert asked.status_code == 204
    with protected.later(minutes=21):
        protected.talk(mac)
    assert former != mac.secrets.recovery_key == protected.confirmed(mac, vault.FILEVAULT_PRK)
    assert audit_trail(protected.road.app)[-1].action == "device.replace_filevault_prk"


def everything_stored(app: Flask) -> Iterator[str]:
    """Every row of every table, as the database holds it."""
    with app.app_context():
        for table in metadata.sorted_tables:
            for row in db.session().execute(sa.select(table)):
                yield f"{table.name}: {tuple(row)!r}"


def everything_said(protected: Protected, number: int) -> Iterator[str]:
    """What the API says without revealing, exports, errors and the description."""
    one = api(protected)
    paths = ("devices/", "commands/", "audit_entries/", "events/", "tasks/", "filevault_configs/")
    own = ("", "secrets/", "commands/", "artifacts/", "explain/")
    for path in (*paths, *(f"devices/{number}/{part}" for part in own), "openapi.json"):
        yield one.get(path).text
    for path in ("recovery_password_configs/", "devices/export/", "audit_entries/export/"):
        yield one.get(path).text


def test_no_secret_that_a_device_ever_had_stands_anywhere_in_the_clear(
    protected: Protected, mac: SimulatedDevice, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    intel, phone = protected.mac(INTEL, 3), protected.road.enrolled("iPhone15,2", 4)
    phone.connect()
    phone.secrets.new_bypass_code()
    protected.order(phone, "ActivationLockBypassCode")
    with protected.road.rows():
        reveal.reveal(ADMINISTRATOR, protected.road.row(mac), reveal.find("filevault_prk"))
    for one in (mac, intel):
        protected.due(one, vault.RECOVERY_LOCK)
        for hours in (1, 30, 60):
            with protected.later(hours=hours):
                protected.talk(one)
            one.restart()
    ever = set().union(*(one.secrets.ever for one in (mac, intel, phone)))
    assert len(ever) >= 6
    number = protected.road.row_id(mac)
    places = [*everything_stored(protected.road.app), *everything_said(protected, number)]
    places += [caplog.text]
    assert [(secret, place[:80]) for secret in ever for place in places if secret in place] == []
