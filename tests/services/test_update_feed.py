"""Apple's list of updates, read into the database."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from tests.hosts import ADMINISTRATOR
from tests.updates import Updates
from zmdm_plugin import db
from zmdm_plugin.errors import Conflict
from zmdm_plugin.jobs import software_updates as job
from zmdm_plugin.models import Revision, SoftwareUpdateDevice
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import doctor, job_runs
from zmdm_plugin.services.software_updates import feed
from zmdm_plugin.web import probe


def revision(updates: Updates) -> int:
    """How often the blueprint's devices were told that something has changed."""
    name = f"blueprint:{updates.blueprint}"
    with updates.app.app_context():
        return db.session().scalar(sa.select(Revision.value).where(Revision.name == name)) or 0


def pairs(updates: Updates) -> set[tuple[int, str]]:
    with updates.app.app_context():
        query = sa.select(SoftwareUpdateDevice.update_id, SoftwareUpdateDevice.device_id)
        return {(one, two) for one, two in db.session().execute(query)}


def state(updates: Updates) -> feed.State:
    with updates.app.app_context():
        return feed.state()


def test_the_list_is_read_with_its_hardware(updates: Updates) -> None:
    run = updates.sync()
    assert (run.state, run.result["new"], run.result["unreadable"]) == ("done", 18, 0)
    [mac] = updates.releases(platform="macOS", version="26.2")
    assert (mac.build, mac.managed, mac.public, mac.extra) == ("25C56", True, True, "")
    assert (mac.id, "J314sAP") in pairs(updates)
    [better] = updates.releases(platform="macOS", extra="(a)")
    assert better.prerequisite_build == "25B78"


def test_the_same_list_twice_changes_nothing(updates: Updates) -> None:
    updates.sync()
    before = [(row.id, row.updated_at) for row in updates.releases()], pairs(updates)
    run = updates.sync()
    assert [run.result[name] for name in ("new", "changed", "withdrawn")] == [0, 0, 0]
    assert ([(row.id, row.updated_at) for row in updates.releases()], pairs(updates)) == before


def test_a_changed_expiration_date_is_a_change_of_the_same_release(updates: Updates) -> None:
    updates.sync()
    [before] = updates.releases(platform="macOS", version="26.1", extra="")
    for one in updates.lookup.shelf.releases:
        if one.version == "26.1" and not one.extra:
            one.expires = one.expires + timedelta(days=7) if one.expires else None
    run = updates.sync()
    [after] = updates.releases(platform="macOS", version="26.1", extra="")
    assert (after.id, run.result["new"], run.result["withdrawn"]) == (before.id, 0, 0)
    assert after.expires_on == (before.expires_on or utcnow().date()) + timedelta(days=7)


def test_what_apple_takes_back_is_kept_with_the_date_and_may_return(updates: Updates) -> None:
    updates.sync()
    shelf = updates.lookup.shelf
    kept = list(shelf.releases)
    updates.lookup.withdraw("15.7.3")
    assert updates.sync().result["withdrawn"] == 1
    [gone] = updates.releases(version="15.7.3")
    assert gone.withdrawn_at is not None
    shelf.releases = kept
    assert updates.sync().result["changed"] == 1
    [back] = updates.releases(version="15.7.3")
    assert (back.id, back.withdrawn_at) == (gone.id, None)


def test_hardware_that_leaves_a_release_leaves_it_here(updates: Updates) -> None:
    updates.sync()
    [mac] = updates.releases(platform="macOS", version="26.2")
    for one in updates.lookup.shelf.releases:
        if (one.platform, one.version) == ("macOS", "26.2"):
            one.devices = [*(name for name in one.devices if name != "J314sAP"), "J999AP"]
    updates.sync()
    assert (mac.id, "J314sAP") not in pairs(updates)
    assert (mac.id, "J999AP") in pairs(updates)


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        ({"status": 503}, "answered 503"),
        ({"answer": "page"}, "something else"),
        ({"answer": "without_macos"}, "nothing for macOS"),
        ({"drop": True}, "cannot be reached"),
    ],
)
def test_a_failed_fetch_says_why_and_keeps_the_list(
    updates: Updates, faults: dict[str, object], words: str
) -> None:
    updates.sync()
    updates.lookup.fail(**faults)
    run = updates.sync()
    assert run.state == "failed"
    assert words in (run.message or "")
    assert words in (state(updates).error or "")
    assert [row.withdrawn_at for row in updates.releases() if row.withdrawn_at] == []
    updates.lookup.fail()
    updates.sync()
    assert state(updates).error is None


def test_a_second_fetch_says_that_one_is_under_way(updates: Updates) -> None:
    with updates.app.app_context():
        with db.transaction():
            first = feed.start(ADMINISTRATOR, now=utcnow()).uid
        with pytest.raises(Conflict, match=first), db.transaction():
            feed.start(ADMINISTRATOR, now=utcnow())
        assert feed.running() == first


def test_two_who_begin_at_once_begin_one(updates: Updates) -> None:
    """Each from its own thread and connection, a moment apart at most."""
    barrier, outcomes = threading.Barrier(4), []

    def begin() -> None:
        with updates.app.app_context():
            barrier.wait(10)
            try:
                with db.transaction():
                    feed.start(ADMINISTRATOR, now=utcnow())
                outcomes.append("began")
            except Conflict:
                outcomes.append("refused")

    threads = [threading.Thread(target=begin) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == ["began", "refused", "refused", "refused"]


def test_the_daily_fetch_waits_until_somebody_has_use_for_it(updates: Updates) -> None:
    with updates.app.app_context():
        assert not feed.is_due(now=utcnow())
        updates.enforce()
        assert feed.is_due(now=utcnow())


def test_apple_is_asked_at_most_once_a_day(updates: Updates) -> None:
    updates.enforce()
    for _ in range(3):
        with updates.app.app_context():
            job.daily()
            if uid := feed.running():
                job.sync(uid)
    assert updates.lookup.shelf.asked == 1
    with updates.app.app_context():
        assert not feed.is_due(now=utcnow() + timedelta(hours=23))
        assert feed.is_due(now=utcnow() + timedelta(hours=25))


def test_after_a_failure_apple_is_asked_again_after_hours(updates: Updates) -> None:
    updates.lookup.fail(status=500)
    updates.sync()
    updates.lookup.fail()
    with updates.app.app_context():
        assert not feed.is_due(now=utcnow() + timedelta(hours=5))
        assert feed.is_due(now=utcnow() + timedelta(hours=7))


def test_devices_are_told_of_what_is_new_and_of_nothing_else(updates: Updates) -> None:
    updates.enforce()
    updates.sync()
    before = revision(updates)
    updates.sync()
    assert revision(updates) == before
    updates.lookup.post("macOS", "26.3", "25D10")
    updates.sync()
    assert revision(updates) == before + 1


def test_without_an_enforcement_no_device_is_woken(updates: Updates) -> None:
    updates.sync()
    assert revision(updates) == 0


def test_a_fetch_costs_the_same_statements_for_any_number_of_releases(updates: Updates) -> None:
    def count() -> int:
        seen: list[str] = []
        with updates.app.app_context():
            engine = db.engine()
        listener = lambda *args: seen.append(str(args[2]))  # noqa: E731
        sa.event.listen(engine, "before_cursor_execute", listener)
        updates.sync()
        sa.event.remove(engine, "before_cursor_execute", listener)
        return len(seen)

    updates.sync()
    few = count()
    for number in range(200):
        updates.lookup.post("macOS", f"26.{number + 10}", f"25D{number}")
    assert count() <= few + 4


def test_versions_sort_as_versions() -> None:
    versions = ["9.3.6", "10.3.4", "26.1", "26.1.1", "26.10"]
    assert sorted(reversed(versions), key=feed.version_key) == versions


def test_a_run_that_was_stopped_takes_nothing_in(updates: Updates) -> None:
    with updates.app.app_context():
        with db.transaction():
            uid = feed.start(ADMINISTRATOR, now=utcnow()).uid
        with db.transaction():
            job_runs.cancel(uid, now=utcnow())
        job.sync(uid)
    assert updates.releases() == []
    assert updates.lookup.shelf.asked == 0


def test_the_doctor_says_how_the_list_stands(lab: Updates) -> None:
    def found(now: datetime) -> doctor.Finding | None:
        with lab.app.app_context():
            every = doctor.examine(now=now, through_application=probe.unsigned_device_request)
        return next((one for one in every if one.name.startswith("Apple's list")), None)

    assert found(utcnow()) is None
    lab.sync()
    fresh, stale = found(utcnow()), found(utcnow() + timedelta(days=4))
    assert fresh is not None
    assert stale is not None
    assert (str(fresh.state), str(stale.state)) == ("good", "warn")
    lab.lookup.fail(status=503)
    lab.sync()
    failed = found(utcnow())
    assert failed is not None
    assert "answered 503" in failed.says
