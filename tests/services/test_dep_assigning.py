"""Desired and actual profile of DEP devices converge, whatever Apple answers on the way."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from tests.dep_road import Dep, fill
from tests.hosts import ADMINISTRATOR
from zmdm_plugin import db
from zmdm_plugin.clients.dep_errors import DepError
from zmdm_plugin.errors import Conflict, Refused
from zmdm_plugin.models import AuditEntry, DepDevice, Enrollment
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services.dep import listing, orders
from zmdm_plugin.services.dep.listing import DepFilter
from zmdm_plugin.services.enrollment import enrollments
from zmdm_plugin.web import dep as talking

HOUR = timedelta(hours=1)


def assign(dep: Dep, serials: list[str], enrollment_id: int | None) -> None:
    with dep.app.app_context(), db.transaction() as session:
        query = sa.select(DepDevice.id).where(DepDevice.serial_number.in_(serials))
        ids = session.scalars(query).all()
        orders.assign(ids, enrollment_id, actor=ADMINISTRATOR, now=utcnow())


def test_new_and_foreign_devices_get_the_default_enrollment_after_a_sync(any_dep: Dep) -> None:
    serials = fill(any_dep.played, 5)
    staff = any_dep.enrollment("Staff")
    foreign = {"profile_uuid": "F" * 32, "profile_status": "assigned"}
    any_dep.played.organization.server().books.change(serials[0], **foreign)
    any_dep.default(staff)
    any_dep.sync()
    any_dep.converge()
    rows = [any_dep.device(serial) for serial in serials]
    assert {(row.enrollment_id, row.assignment, row.next_try_at) for row in rows} == {
        (staff, "assigned", None)
    }
    assert any_dep.differences() == {}


def test_the_default_never_takes_a_device_from_another_of_our_enrollments(dep: Dep) -> None:
    mine, other = fill(dep.played, 2)
    staff, kiosk = dep.enrollment("Staff"), dep.enrollment("Kiosk")
    former = dep.define(kiosk)
    dep.define(kiosk)
    dep.sync()
    assign(dep, [mine], kiosk)
    # The second is known to Apple with an old profile of ours; here nobody wanted it.
    books = dep.played.organization.server().books
    books.change(other, profile_uuid=former, profile_status="assigned")
    dep.default(staff)
    dep.sync()
    dep.converge()
    assert [dep.device(one).enrollment_id for one in (mine, other)] == [kiosk, kiosk]
    assert dep.differences() == {}


def test_an_edited_enrollment_moves_its_devices_in_portions(any_dep: Dep) -> None:
    serials = fill(any_dep.played, 30)
    staff = any_dep.enrollment("Staff")
    any_dep.default(staff)
    any_dep.sync()
    any_dep.change(limits={"/profile/devices": [7, 7]})
    any_dep.converge()
    second = any_dep.define(staff)
    any_dep.played.counts.clear()
    any_dep.change(limits={"/profile/devices": [7, 7]})
    any_dep.converge()
    assert any_dep.played.counts["POST /profile/devices 200"] == 5
    assert {any_dep.book(serial)["profile_uuid"] for serial in serials} == {second}
    assert any_dep.differences() == {}


def test_failed_inaccessible_and_throttled_devices_converge_with_a_reason(dep: Dep) -> None:
    serials = fill(dep.played, 4)
    staff = dep.enrollment("Staff")
    dep.default(staff)
    dep.sync()
    said = ("FAILED", "NOT_ACCESSIBLE", "THROTTLED", "WHATEVER")
    script = {serial: [word] for serial, word in zip(serials, said, strict=True)}
    dep.played.fail(devices=script, retry_after_seconds=90)
    dep.converge()
    rows = [dep.device(serial) for serial in serials]
    states = [row.assignment for row in rows]
    assert states == ["failed", "not_accessible", "throttled", "failed"]
    assert all(row.assignment_reason and row.next_try_at for row in rows)
    assert "WHATEVER" in rows[3].assignment_reason
    throttled = rows[2].next_try_at - utcnow()
    assert timedelta(seconds=60) < throttled <= timedelta(seconds=90)
    dep.converge(later=2 * HOUR)
    assert {dep.device(serial).assignment for serial in serials} == {"assigned"}
    assert dep.differences() == {}


def test_waits_grow_with_each_failure(dep: Dep) -> None:
    (serial,) = fill(dep.played, 1)
    staff = dep.enrollment("Staff")
    dep.default(staff)
    dep.sync()
    dep.played.fail(devices={serial: ["FAILED", "FAILED"]})
    dep.converge()
    first = dep.device(serial)
    dep.converge(later=HOUR)
    second = dep.device(serial)
    assert (first.attempts, second.attempts) == (1, 2)
    assert second.next_try_at - second.updated_at == 2 * (first.next_try_at - first.updated_at)


def test_a_device_waits_for_the_profile_of_its_enrollment(dep: Dep) -> None:
    (serial,) = fill(dep.played, 1)
    staff = dep.enrollment("Staff", defined=False)
    dep.default(staff)
    dep.sync()
    dep.converge()
    assert dep.device(serial).assignment == "waiting"
    assert "no profile at Apple yet" in dep.device(serial).assignment_reason
    dep.define(staff)
    dep.converge()
    assert dep.device(serial).assignment == "assigned"


def test_a_profile_that_apple_has_forgotten_is_said_so(dep: Dep) -> None:
    (serial,) = fill(dep.played, 1)
    staff = dep.enrollment("Staff")
    dep.played.organization.server().books.profiles.clear()
    dep.default(staff)
    dep.sync()
    dep.converge()
    assert "does not know this profile" in dep.device(serial).assignment_reason


def test_a_profile_taken_away_in_the_portal_is_assigned_again(dep: Dep) -> None:
    (serial,) = fill(dep.played, 1)
    staff = dep.enrollment("Staff")
    dep.default(staff)
    dep.sync()
    dep.converge()
    books = dep.played.organization.server().books
    books.change(serial, profile_status="removed", profile_uuid="")
    dep.sync()
    dep.converge()
    assert dep.book(serial)["profile_status"] == "assigned"


def test_terms_that_are_not_signed_end_the_run_and_the_wish_stays(dep: Dep) -> None:
    (serial,) = fill(dep.played, 1)
    staff = dep.enrollment("Staff")
    dep.default(staff)
    dep.sync()
    dep.played.fail(terms_signed=False)
    dep.converge()
    assert dep.device(serial).assignment == "pending" and dep.server().terms_not_signed_at
    dep.played.fail()
    dep.converge(later=timedelta(minutes=16))
    assert dep.device(serial).assignment == "assigned" and dep.server().error is None


@pytest.mark.parametrize("retry_after", [3600, None])
def test_apple_is_left_alone_after_a_failure_for_as_long_as_it_says(
    dep: Dep, retry_after: int | None
) -> None:
    (serial,) = fill(dep.played, 1)
    dep.default(dep.enrollment("Staff"))
    dep.sync()
    dep.played.counts.clear()
    dep.played.rule(path="/profile/devices", status=429, retry_after=retry_after, times=99)
    rest = 60 if retry_after else 15
    dep.converge()
    before = dict(dep.played.counts)
    for minute in range(2, rest, 4):
        dep.converge(later=timedelta(minutes=minute))
    assert dict(dep.played.counts) == before
    dep.played.fail()
    dep.converge(later=timedelta(minutes=rest + 1))
    assert dep.device(serial).assignment == "assigned"
    assert (dep.server().rests_until, dep.server().error) == (None, None)


def test_nothing_is_asked_with_a_token_that_has_expired(dep: Dep) -> None:
    fill(dep.played, 1)
    dep.default(dep.enrollment("Staff"))
    dep.sync()
    dep.change(access_token_expiry=utcnow() - HOUR)
    dep.played.counts.clear()
    dep.converge(later=2 * HOUR)
    with dep.app.app_context(), pytest.raises(Conflict, match=r"expired on .*: renew it"):
        talking.ask(dep.server_id, lambda client: client.account())
    with pytest.raises(Conflict, match="renew it"):
        dep.sync()
    assert dict(dep.played.counts) == {} and dep.server().error is None


def test_a_revoked_enrollment_is_given_to_no_new_device(dep: Dep) -> None:
    dep.default(staff := dep.enrollment("Staff"))
    with dep.app.app_context(), db.transaction() as session:
        enrollments.revoke(session.get_one(Enrollment, staff))
    (serial,) = fill(dep.played, 1)
    dep.sync()
    dep.converge()
    assert (dep.device(serial).assignment, dep.server().default_enrollment_id) == ("none", None)


def test_an_enrollment_of_another_server_and_a_device_that_left_are_refused(dep: Dep) -> None:
    here, gone = fill(dep.played, 2)
    first, dep.server_id = dep.server_id, dep.connect("Second")
    elsewhere, dep.server_id = dep.enrollment("Elsewhere"), first
    staff = dep.enrollment("Staff")
    dep.played.organization.remove([gone])
    dep.sync(server_id=first)
    with pytest.raises(Refused, match="another virtual server"):
        assign(dep, [here], elsewhere)
    fill(dep.played, 1, first=1)
    dep.sync()
    dep.played.organization.remove([gone])
    dep.sync()
    with pytest.raises(Conflict, match="any more"):
        assign(dep, [gone], staff)


def test_all_that_match_are_assigned_and_never_more_than_were_confirmed(any_dep: Dep) -> None:
    fill(any_dep.played, 6, models=["MacBookPro18,3", "iPhone15,2"])
    staff = any_dep.enrollment("Staff")
    any_dep.sync()
    macs = DepFilter(device_family="Mac")
    with any_dep.app.app_context():
        with pytest.raises(Conflict, match="3 devices match"), db.transaction():
            orders.assign_all(macs, staff, confirmed=2, actor=ADMINISTRATOR)
        with db.transaction():
            orders.assign_all(macs, staff, confirmed=3, actor=ADMINISTRATOR)
    any_dep.converge()
    books = any_dep.played.organization.server().books.devices.values()
    assert {(one["device_family"], one["profile_status"]) for one in books} == {
        ("Mac", "assigned"),
        ("iPhone", "empty"),
    }


def test_a_refresh_takes_in_what_apple_says_now(dep: Dep) -> None:
    (serial,) = fill(dep.played, 1)
    dep.sync()
    dep.played.organization.server().books.devices[serial]["asset_tag"] = "fresh"
    with dep.app.app_context():
        talking.refresh(dep.device(serial).id, actor=ADMINISTRATOR)
        assert dep.device(serial).asset_tag == "fresh"
        dep.played.organization.remove([serial])
        with pytest.raises(Conflict, match="NOT_ACCESSIBLE"):
            talking.refresh(dep.device(serial).id, actor=ADMINISTRATOR)
    assert dep.device(serial).deleted_at is None


@pytest.mark.parametrize("lost", [False, True])
def test_disowning_is_audited_before_apple_is_asked_and_survives_a_lost_answer(
    dep: Dep, lost: bool
) -> None:
    (serial,) = fill(dep.played, 1)
    dep.sync()
    if lost:
        dep.played.rule(path="/devices/disown", drop=True, after=True)
    with dep.app.app_context():
        word = talking.disown(dep.device(serial).id, actor=ADMINISTRATOR)
        actions = db.session().scalars(
            sa.select(AuditEntry.action).where(AuditEntry.action.like("dep_device.disown%"))
        )
        assert list(actions) == ["dep_device.disown", "dep_device.disown_answered"]
        with pytest.raises(Conflict, match="already"):
            talking.disown(dep.device(serial).id, actor=ADMINISTRATOR)
    assert word == "SUCCESS" and dep.device(serial).disowned_at is not None
    dep.sync()
    assert dep.device(serial).disowned_at is not None


def test_what_apple_put_off_is_not_called_disowned_though_the_device_is_gone(dep: Dep) -> None:
    (serial,) = fill(dep.played, 1)
    dep.sync()
    dep.played.organization.remove([serial])
    dep.played.rule(path="/devices/disown", status=429, times=9)
    with dep.app.app_context(), pytest.raises(DepError, match="wait"):
        talking.disown(dep.device(serial).id, actor=ADMINISTRATOR)
    assert dep.device(serial).disowned_at is None


def test_what_apple_said_before_our_assignment_is_made_good(dep: Dep) -> None:
    (serial,) = fill(dep.played, 1)
    staff = dep.enrollment("Staff")
    dep.sync()
    assign(dep, [serial], staff)
    dep.converge()
    books = dep.played.organization.server().books
    late = {"profile_uuid": "", "profile_status": "empty", "op_type": "modified"}
    books._log.append({**books.devices[serial], **late})
    dep.sync()
    dep.converge()
    assert dep.differences() == {} and dep.device(serial).assignment == "assigned"


def test_counts_and_profiles_say_how_a_server_stands(dep: Dep) -> None:
    fill(dep.played, 3)
    staff = dep.enrollment("Staff")
    dep.default(staff)
    dep.sync()
    dep.converge()
    with dep.app.app_context():
        assert listing.counts([dep.server_id]) == {dep.server_id: {"assigned": 3}}
        (profile,) = listing.profiles(dep.server_id)
        assert (profile.enrollment, profile.devices) == ("Staff", 3)


def test_an_enrollment_that_is_taken_off_stays_off_whatever_is_the_default(any_dep: Dep) -> None:
    mine, other = fill(any_dep.played, 2)
    staff = any_dep.enrollment("Staff")
    any_dep.default(staff)
    any_dep.sync()
    any_dep.converge()
    assign(any_dep, [mine], None)
    any_dep.played.rule(path="/profile/devices", status=503, times=9)
    any_dep.converge()
    assert any_dep.device(mine).assignment == "pending"
    any_dep.played.fail()
    any_dep.converge()
    any_dep.sync()
    any_dep.converge(later=HOUR)
    row = any_dep.device(mine)
    assert (row.enrollment_id, row.assignment, row.next_try_at) == (None, "removed", None)
    assert any_dep.book(mine)["profile_status"] == "removed"
    assert ("dep_device.unassigned", mine) in any_dep.events()
    assert any_dep.device(other).assignment == "assigned" and any_dep.differences() == {}
    assign(any_dep, [mine], staff)
    any_dep.converge()
    assert any_dep.device(mine).assignment == "assigned" and any_dep.differences() == {}


def test_what_apple_refuses_to_take_off_is_tried_again_with_the_reason(dep: Dep) -> None:
    (mine,) = fill(dep.played, 1)
    dep.default(dep.enrollment("Staff"))
    dep.sync()
    dep.converge()
    dep.played.fail(devices={mine: ["FAILED"]})
    assign(dep, [mine], None)
    dep.converge()
    row = dep.device(mine)
    assert row.assignment == "failed" and "take the profile away" in row.assignment_reason
    dep.converge(later=HOUR)
    assert dep.device(mine).assignment == "removed" and dep.differences() == {}


def test_all_that_match_lose_their_enrollment(dep: Dep) -> None:
    serials = fill(dep.played, 5)
    dep.default(dep.enrollment("Staff"))
    dep.sync()
    dep.converge()
    with dep.app.app_context(), db.transaction():
        orders.assign_all(DepFilter(assignment="assigned"), None, confirmed=5, actor=ADMINISTRATOR)
    dep.converge()
    assert {dep.device(one).assignment for one in serials} == {"removed"}
    assert dep.differences() == {}
