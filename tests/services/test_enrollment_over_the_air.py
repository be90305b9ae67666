from __future__ import annotations

from tests.road import Road


def test_a_phone_enrolls_over_the_air(road: Road) -> None:
    phone = road.enrolled("iPhone15,2", profile=road.over_the_air())
    assert phone.connect().statuses[-1] == 200
    assert "device.enrolled" in road.events(phone)
