"""The PIN of a locked Mac over HTTP: one permission, one audit entry, and no copy on the way."""

from __future__ import annotations

from flask import Flask

from tests.api.world import add_device, audit_trail, program

PIN = "314159"


def lock(app: Flask) -> int:
    """A Mac that was ordered to lock with this PIN."""
    device_id = add_device(app)
    ordered = program(app).post(f"devices/{device_id}/lock/", {"pin": PIN})
    assert ordered.status_code == 201, ordered.json
    return device_id


def test_it_is_revealed_and_audited_and_kept_nowhere(app: Flask) -> None:
    device_id = lock(app)
    answer = program(app).get(f"devices/{device_id}/device_lock_pin/")
    assert (answer.status_code, answer.json["device_lock_pin"]) == (200, PIN)
    assert answer.json["state"] == "pending" and answer.json["serial_number"] == "SERIAL0001"
    assert answer.headers["Cache-Control"] == "no-store"
    assert [entry.action for entry in audit_trail(app)] == [
        "command.queue",
        "device.reveal_lock_pin",
    ]


def test_seeing_the_device_is_not_enough(app: Flask) -> None:
    device_id = lock(app)
    may = ("mdm.view_enrolleddevice", "mdm.add_devicecommand.DeviceLock")
    answer = program(app, *may).get(f"devices/{device_id}/device_lock_pin/")
    assert answer.status_code == 403 and PIN not in answer.text
    assert audit_trail(app)[-1].action == "denied"


def test_without_a_pin_it_is_404(app: Flask) -> None:
    device_id = add_device(app)
    assert program(app).get(f"devices/{device_id}/device_lock_pin/").status_code == 404
    assert program(app).get("devices/99/device_lock_pin/").status_code == 404
