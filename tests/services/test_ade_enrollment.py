"""Devices in Setup Assistant that ask by POST: who they are, and what stops them."""

from __future__ import annotations

import httpx
import pytest

from tests.ade import Ade
from tests.people import lay_realm
from zmdm_plugin.models import Event
from zmdm_plugin.services import release
from zmdm_plugin.services.ade import settings
from zmdm_plugin.services.enrollment import enrollments
from zmdm_simulator import setup_assistant
from zmdm_simulator.device import SimulatedDevice
from zmdm_simulator.errors import EnrollmentFailed
from zmdm_simulator.pki import DeviceCA
from zmdm_simulator.profile import load, mdm_of


def ask(ade: Ade, device: SimulatedDevice, **changes: object) -> httpx.Response:
    """POST MachineInfo with other values; None leaves a key out."""
    body = {**setup_assistant.machine_info(device), **changes}
    message = setup_assistant.signed(device, {k: v for k, v in body.items() if v is not None})
    return setup_assistant.ask(device, ade.assigned(device)["url"], message=message)


def why_not(ade: Ade) -> str:
    """Why the last device was refused, as the events say."""
    with ade.road.rows() as session:
        found = session.query(Event).filter_by(kind="enrollment.refused").order_by(Event.id.desc())
        why: str = found.first().payload["why"]
        return why


def test_a_device_enrolls_through_the_url_of_its_profile(ade: Ade) -> None:
    mac = ade.boxed(enrollment_id=ade.enrollment())
    mac.set_up(ade.assigned(mac))
    assert mac.connect().request_types
    passed = ade.session(mac)
    assert (passed.kind, passed.state, passed.product) == ("ade", "completed", "MacBookPro18,3")
    assert passed.os_version == mac.facts.model.os_version
    assert ade.played.organization.server().books.devices[mac.facts.serial]["profile_status"] == (
        "pushed"
    )


def test_every_kind_of_device_comes_in(ade: Ade) -> None:
    staff = ade.enrollment()
    for model in ("iPhone15,2", "AppleTV14,1", "MacBookPro14,1"):
        device = ade.boxed(model, staff)
        device.set_up(ade.assigned(device))
        assert ade.session(device).state == "completed"


def test_a_lost_reply_is_given_again_and_counts_once(ade: Ade) -> None:
    staff = ade.enrollment(quota=1)
    mac = ade.boxed(enrollment_id=staff)
    first, second = ask(ade, mac), ask(ade, mac)
    assert (first.status_code, second.status_code) == (200, 200)
    assert mdm_of(load(first.content)) == mdm_of(load(second.content))
    other = ade.boxed(enrollment_id=staff, seed=2)
    assert ask(ade, other).status_code == 400
    assert "quota" in why_not(ade)


def test_a_device_that_is_erased_enrolls_anew(ade: Ade) -> None:
    mac = ade.boxed(enrollment_id=ade.enrollment())
    mac.set_up(ade.assigned(mac))
    first = ade.session(mac).id
    mac.forget("erased")
    mac.set_up(ade.assigned(mac))
    assert ade.session(mac).id != first
    assert mac.connect().request_types


def test_who_is_not_signed_by_apple_is_refused_with_400(ade: Ade) -> None:
    mac = ade.boxed(enrollment_id=ade.enrollment())
    mac.factory = DeviceCA.create().issue(key=mac.make_key(2048))
    assert ask(ade, mac).status_code == 400
    assert "signature" in why_not(ade)


def test_machine_info_that_does_not_name_the_device_or_is_none_is_refused(ade: Ade) -> None:
    mac = ade.boxed(enrollment_id=ade.enrollment())
    for key in ("SERIAL", "UDID", "PRODUCT", "VERSION"):
        answer = ask(ade, mac, **{key: None})
        assert (answer.status_code, key in answer.text) == (400, True)
    url = ade.assigned(mac)["url"]
    for body in (b" ", b"nonsense", b"0\x80", b"<plist/>"):
        assert setup_assistant.ask(mac, url, message=body).status_code == 400


def test_a_blocked_device_stays_out_until_it_is_unblocked(ade: Ade) -> None:
    mac = ade.boxed(enrollment_id=ade.enrollment())
    mac.set_up(ade.assigned(mac))
    with ade.road.rows():
        release.block(ade.road.row(mac))
    mac.forget("erased")
    assert ask(ade, mac).status_code == 400
    assert "blocked" in why_not(ade)
    with ade.road.rows():
        release.unblock(ade.road.row(mac))
    mac.set_up(ade.assigned(mac))


def test_the_enrollment_may_be_for_certain_serial_numbers(ade: Ade) -> None:
    staff = ade.enrollment(serial_numbers=["C02OTHER0001"])
    mac = ade.boxed(enrollment_id=staff)
    assert ask(ade, mac).status_code == 400
    assert "serial number" in why_not(ade)


def test_a_revoked_enrollment_lets_nobody_in(ade: Ade) -> None:
    staff = ade.enrollment()
    mac = ade.boxed(enrollment_id=staff)
    with ade.road.rows():
        enrollments.revoke(settings.find(staff))
    assert ask(ade, mac).status_code == 400


def test_the_plain_url_is_no_way_around_a_sign_in(ade: Ade) -> None:
    staff = ade.enrollment(realm_id=lay_realm(ade.road), realm_required=True)
    mac = ade.boxed(enrollment_id=staff)
    answer = ask(ade, mac)
    assert (answer.status_code, b"com.apple.mdm" in answer.content) == (400, False)
    assert "sign in" in why_not(ade)


def test_the_plain_url_holds_where_a_sign_in_is_optional(ade: Ade) -> None:
    staff = ade.enrollment(realm_id=lay_realm(ade.road))
    assert ask(ade, ade.boxed(enrollment_id=staff)).status_code == 200


def test_the_address_of_a_former_profile_goes_on_to_work(ade: Ade) -> None:
    staff = ade.enrollment()
    boxed_long_ago = ade.boxed(enrollment_id=staff)
    ade.change(staff, department="Sales")
    boxed_long_ago.set_up(ade.assigned(boxed_long_ago))
    assert ade.session(boxed_long_ago).state == "completed"


def test_a_device_that_shall_wait_says_that_it_awaits_its_configuration(ade: Ade) -> None:
    mac = ade.boxed(enrollment_id=ade.enrollment(await_device_configured=True))
    mac.set_up(ade.assigned(mac))
    with ade.road.rows():
        assert ade.road.row(mac).awaiting_configuration is True


def test_a_device_is_not_told_what_an_unknown_link_would_be(ade: Ade) -> None:
    mac = ade.boxed(enrollment_id=ade.enrollment())
    answer = setup_assistant.ask(mac, "https://mdm.example.com/public/mdm/ade/unknown/")
    assert answer.status_code == 404
    with pytest.raises(EnrollmentFailed):
        mac.set_up({"url": "https://mdm.example.com/public/mdm/ade/unknown/"})
