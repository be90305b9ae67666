"""Setup Assistant on the wire: what comes first, what lets it go on, and what must not hold it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tests.ade import Ade
from tests.hosts import ADMINISTRATOR
from tests.identities import after, command, poll
from tests.orders import Line, order
from tests.shelf import Shelf
from zmdm_plugin.errors import Refused
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import renewals, sweep
from zmdm_plugin.services.setup import awaiting
from zmdm_simulator.device import SimulatedDevice
from zmdm_simulator.errors import SimulatorError
from zmdm_simulator.profile import load
from zmdm_simulator.script import Do, Rule, Script

MINUTE = timedelta(minutes=1)


def waiting(ade: Ade, model: str = "MacBookPro18,3", **asked: object) -> SimulatedDevice:
    """A device that has enrolled and waits in Setup Assistant; nothing else has happened."""
    staff = ade.enrollment(await_device_configured=True, **asked)
    device = ade.boxed(model, staff)
    device.set_up(ade.assigned(device))
    assert device.awaiting
    return device


def limits(ade: Ade, device: SimulatedDevice) -> tuple[datetime | None, datetime | None]:
    with ade.road.rows():
        channel = ade.road.channel(device)
        return channel.awaiting_since, channel.awaiting_until


def scripted(device: SimulatedDevice, do: Do, command: str, times: int | None = None) -> None:
    device.script = Script((Rule(do, command=command, times=times),))


def test_a_device_that_waits_is_let_go_in_its_first_conversation(ade: Ade) -> None:
    phone = waiting(ade, "iPhone15,2")
    types = phone.connect().request_types
    assert types == ["DeviceInformation", "SecurityInfo", "DeviceConfigured"]
    assert not phone.awaiting
    with ade.road.rows():
        assert ade.road.row(phone).awaiting_configuration is False
    assert limits(ade, phone) == (None, None)


def test_it_is_woken_at_once(ade: Ade) -> None:
    mac = waiting(ade)
    with ade.road.rows():
        channel = ade.road.channel(mac)
        assert channel.push_due_at is not None and channel.push_due_at <= utcnow()
        assert channel.awaiting_until is not None and channel.awaiting_since is not None
        assert channel.awaiting_until - channel.awaiting_since == 15 * MINUTE
    assert "setup.waits" in ade.road.events(mac)


def test_nobody_logs_in_before(ade: Ade) -> None:
    mac = waiting(ade)
    with pytest.raises(SimulatorError, match="Setup Assistant"):
        mac.log_in()
    mac.connect()
    assert mac.log_in()


def test_what_the_enrollment_says_does_not_count(ade: Ade) -> None:
    staff = ade.enrollment(await_device_configured=True)
    mac = ade.boxed(enrollment_id=staff)
    mac.set_up({**ade.assigned(mac), "await_device_configured": False})
    assert "DeviceConfigured" not in mac.connect().request_types
    assert limits(ade, mac) == (None, None)


def test_declarations_wait_for_the_end_of_it(ade: Ade) -> None:
    mac = waiting(ade)
    types = mac.connect().request_types
    assert "DeclarativeManagement" not in types[: types.index("DeviceConfigured")]


@pytest.mark.parametrize("do", [Do.NOTNOW, Do.ERROR, Do.FORMAT_ERROR])
def test_it_waits_for_nothing_that_was_put_off_or_refused(ade: Ade, do: Do) -> None:
    mac = waiting(ade)
    scripted(mac, do, "SecurityInfo")
    assert mac.connect().request_types[-1] == "DeviceConfigured"
    assert not mac.awaiting


def test_it_does_not_overtake_an_unanswered_command(ade: Ade) -> None:
    mac = waiting(ade)
    scripted(mac, Do.SILENT, "DeviceInformation", times=1)
    assert mac.connect().silent
    assert mac.connect().request_types == []
    with after(MINUTE, mac):
        assert mac.connect().request_types[-1] == "DeviceConfigured"


def test_the_limit_ends_every_wait(ade: Ade) -> None:
    mac = waiting(ade)
    scripted(mac, Do.SILENT, "DeviceInformation")
    with after(14 * MINUTE, mac):
        mac.connect()
        assert mac.awaiting
    with after(16 * MINUTE, mac):
        assert "DeviceConfigured" in mac.connect().request_types
    assert not mac.awaiting


def test_who_waits_beyond_the_limit_is_said_and_woken_once(ade: Ade) -> None:
    mac = waiting(ade)
    with ade.road.rows():
        ade.road.channel(mac).push_due_at = None
    with after(16 * MINUTE, mac), ade.road.rows():
        assert [sweep.STEPS["setup"](now=utcnow()) for _ in "12"] == [1, 0]
        assert ade.road.channel(mac).push_due_at is not None
        assert awaiting.number_waiting(ADMINISTRATOR, now=utcnow(), most=9) == (1, 1)
    assert ade.road.events(mac)[-1] == "setup.stalled"


def test_a_release_that_is_put_off_is_repeated(ade: Ade) -> None:
    mac = waiting(ade)
    scripted(mac, Do.NOTNOW, "DeviceConfigured", times=1)
    assert mac.connect().request_types[-1] == "DeviceConfigured"
    assert mac.awaiting and limits(ade, mac)[0] is not None
    with after(16 * MINUTE, mac):
        assert mac.connect().request_types[0] == "DeviceConfigured"
    assert not mac.awaiting


def test_a_release_that_failed_is_ordered_again_after_a_minute(ade: Ade) -> None:
    mac = waiting(ade)
    scripted(mac, Do.ERROR, "DeviceConfigured", times=1)
    assert mac.connect().request_types.count("DeviceConfigured") == 1
    with after(2 * MINUTE, mac):
        assert "DeviceConfigured" in mac.connect().request_types
    assert not mac.awaiting


def test_a_device_that_lost_its_release_gets_another(ade: Ade) -> None:
    mac = waiting(ade)
    scripted(mac, Do.FORGET, "DeviceConfigured", times=1)
    mac.connect()
    assert mac.awaiting and limits(ade, mac) == (None, None)
    mac.start_again()
    assert limits(ade, mac)[0] is not None
    assert "DeviceConfigured" in mac.connect().request_types
    assert not mac.awaiting


def test_a_restart_does_not_begin_the_limit_anew(ade: Ade) -> None:
    mac = waiting(ade)
    before = limits(ade, mac)
    with after(5 * MINUTE, mac):
        mac.start_again()
        assert limits(ade, mac) == before


def test_a_device_that_says_it_does_not_wait_is_believed(ade: Ade) -> None:
    mac = waiting(ade)
    mac.awaiting = False
    assert "DeviceConfigured" not in mac.connect().request_types
    assert limits(ade, mac) == (None, None)
    assert "setup.released" in ade.road.events(mac)


def test_what_is_marked_for_it_comes_first_and_the_rest_later(ade: Ade) -> None:
    shelf = Shelf(ade.road)
    blueprint = shelf.blueprint(legacy_profiles_via_ddm=False)
    shelf.profile("Later")
    shelf.profile("Now", install_during_setup_assistant=True)
    mac = waiting(ade, blueprint_id=blueprint)
    types = mac.connect().request_types
    at = types.index("DeviceConfigured")
    assert types[:at].count("InstallProfile") == types[at:].count("InstallProfile") == 1


def test_a_profile_that_cannot_be_installed_now_holds_nobody(ade: Ade) -> None:
    shelf = Shelf(ade.road)
    blueprint = shelf.blueprint(legacy_profiles_via_ddm=False)
    shelf.profile("Now", install_during_setup_assistant=True)
    mac = waiting(ade, blueprint_id=blueprint)
    scripted(mac, Do.NOTNOW, "InstallProfile")
    mac.connect()
    assert not mac.awaiting


def test_an_operator_may_let_it_go_at_once(ade: Ade) -> None:
    mac = waiting(ade)
    order(ade.road, mac, "CertificateList")
    with ade.road.rows():
        awaiting.release(ade.road.row(mac), ADMINISTRATOR)
    assert mac.connect().request_types[0] == "DeviceConfigured"
    assert not mac.awaiting


def test_a_release_that_another_replaced_on_its_way_has_let_it_go(ade: Ade) -> None:
    mac = waiting(ade)
    line = Line(mac)
    first = order(ade.road, mac, "DeviceConfigured")
    assert line.idle() == "DeviceConfigured"
    order(ade.road, mac, "DeviceConfigured")
    line.say("Acknowledged", about=first)
    assert limits(ade, mac) == (None, None)


def test_a_device_that_does_not_wait_cannot_be_released(ade: Ade) -> None:
    mac = waiting(ade)
    mac.connect()
    with ade.road.rows(), pytest.raises(Refused, match="does not wait"):
        awaiting.release(ade.road.row(mac), ADMINISTRATOR)


def test_it_is_said_what_it_waits_for(ade: Ade) -> None:
    mac = waiting(ade)
    scripted(mac, Do.SILENT, "SecurityInfo")
    mac.connect()
    with ade.road.rows():
        said = awaiting.waits_for(ade.road.channel(mac), now=utcnow())
    assert said.startswith("SecurityInfo: Delivered")


def test_a_person_on_a_shared_ipad_is_let_in(ade: Ade) -> None:
    staff = ade.enrollment(is_multi_user=True)
    pad = ade.boxed("iPad13,18", staff, shared=True)
    pad.set_up(ade.assigned(pad))
    pad.connect()
    assert pad.log_in("ada@school.example", awaiting=True)
    assert pad.connect("ada@school.example").request_types[-1] == "UserConfigured"
    assert not pad.channel("ada@school.example").awaiting


def test_a_new_enrollment_begins_to_wait_anew(ade: Ade) -> None:
    mac = waiting(ade)
    first = limits(ade, mac)
    mac.forget("erased")
    with after(5 * MINUTE, mac):
        mac.set_up(ade.assigned(mac))
        since = limits(ade, mac)[0]
    assert first[0] is not None and since is not None and since > first[0]


def test_a_renewal_on_the_way_keeps_it_waiting(ade: Ade) -> None:
    mac = waiting(ade)
    before = limits(ade, mac)
    with ade.road.rows():
        renewals.renew(ade.road.row(mac), ADMINISTRATOR)
    _, told = command(poll(mac))
    mac.renew(load(told["Payload"]))
    assert limits(ade, mac) == before and mac.awaiting
