"""Devices of a virtual server, read from the played Apple page by page."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from tests.dep_road import Dep, fill
from tests.hosts import ADMINISTRATOR
from zmdm_plugin import db
from zmdm_plugin.errors import Conflict
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services.dep import sync as syncing


def test_connecting_synchronizes_at_once(dep: Dep) -> None:
    server = dep.server()
    assert (server.name, server.org_name) == ("MDM", "Example organization")
    assert server.fetched_at is not None and server.synced_at is not None
    assert server.limits["/devices/sync"] == [100, 1000]


def test_all_devices_come_in_pages_and_each_is_an_event(any_dep: Dep) -> None:
    serials = fill(any_dep.played, 1250)
    run = any_dep.sync(full=True)
    assert (run.state, run.result["new"], run.done) == ("done", 1250, 1250)
    assert any_dep.differences() == {}
    assert sorted(serial for _, serial in any_dep.events()) == sorted(serials)
    device = any_dep.device(serials[0])
    assert device.device_family == "Mac" and device.more["wifi_mac_address"]


def test_a_delta_brings_what_came_changed_and_went(any_dep: Dep) -> None:
    first, second, third = fill(any_dep.played, 3)
    any_dep.sync()
    any_dep.played.organization.server().books.change(first, asset_tag="X-1")
    any_dep.played.organization.remove([second])
    (fourth,) = fill(any_dep.played, 1, first=50)
    run = any_dep.sync()
    assert [run.result[name] for name in ("new", "changed", "deleted")] == [1, 1, 1]
    assert (
        any_dep.events()[-3:]
        == [
            ("dep_device.changed", first),
            ("dep_device.deleted", second),
            ("dep_device.added", fourth),
        ]
        and any_dep.device(third).deleted_at is None
    )
    assert any_dep.differences() == {}


def test_nothing_new_is_the_end_of_a_sync_also_as_an_error(dep: Dep) -> None:
    fill(dep.played, 2)
    dep.sync()
    dep.played.fail(exhausted=True)
    run = dep.sync()
    assert (run.state, run.done, dep.server().error) == ("done", 0, None)


@pytest.mark.parametrize("code", ["EXPIRED_CURSOR", "INVALID_CURSOR"])
def test_a_cursor_that_is_no_good_any_more_fetches_everything_again(dep: Dep, code: str) -> None:
    serials = fill(dep.played, 3)
    dep.sync()
    dep.played.organization.server().books.remove(serials[:1])
    before = dep.server().fetch_number
    dep.played.rule(path="/devices/sync", status=400, code=code)
    assert dep.sync().state == "done"
    assert dep.server().fetch_number == before + 1
    assert dep.device(serials[0]).deleted_at is not None
    assert dep.differences() == {}


def test_cursors_that_are_never_any_good_end_the_run(dep: Dep) -> None:
    dep.played.rule(path="/devices/sync", status=400, code="INVALID_CURSOR", times=0)
    run = dep.sync()
    assert run.state == "done" and run.result["complete"] is False
    assert "refuses the cursors" in str(dep.server().error)


@pytest.mark.parametrize("full", [False, True])
def test_a_repeated_cursor_stops_and_deletes_nothing(dep: Dep, full: bool) -> None:
    serials = fill(dep.played, 2)
    dep.sync()
    page = {"devices": [], "cursor": "round and round", "more_to_follow": True}
    dep.played.fail(rules=[{"body": json.dumps(page), "path": path, "times": 0}
                           for path in ("/server/devices", "/devices/sync")])  # fmt: skip
    run = dep.sync(full=full)
    assert (run.state, run.result["complete"], run.result["deleted"]) == ("done", False, 0)
    assert "repeats its cursor" in str(dep.server().error)
    dep.played.fail()
    assert dep.sync().result["complete"] is True
    assert dep.device(serials[0]).deleted_at is None and dep.server().error is None


def test_devices_are_deleted_only_by_a_fetch_that_reached_its_end(dep: Dep) -> None:
    serials = fill(dep.played, 1100)
    dep.sync()
    dep.played.organization.server().books.remove(serials[:5])
    dep.played.rule(path="/server/devices", status=200, body="<p>", times=3)
    assert dep.sync(full=True).state == "failed"
    assert dep.device(serials[0]).deleted_at is None
    assert dep.sync().result["deleted"] == 5
    assert dep.device(serials[0]).deleted_at is not None


def test_the_newest_operation_of_a_device_wins(dep: Dep) -> None:
    (serial,) = fill(dep.played, 1)
    dep.sync()
    books = dep.played.organization.server().books
    books.change(serial, asset_tag="newest")
    newest = dict(books._log[-1])
    old = {**newest, "asset_tag": "older", "op_date": "2020-01-01T00:00:00Z"}
    page = {"devices": [newest, old], "cursor": "c", "more_to_follow": False}
    dep.played.rule(path="/devices/sync", body=json.dumps(page))
    dep.sync()
    assert dep.device(serial).asset_tag == "newest"
    page["devices"] = [{**old, "op_type": "deleted"}]
    dep.played.rule(path="/devices/sync", body=json.dumps(page))
    dep.sync()
    assert dep.device(serial).deleted_at is None


def test_entries_that_lack_nearly_everything_are_taken_and_unreadable_ones_counted(
    dep: Dep,
) -> None:
    page = {
        "devices": [{"serial_number": "BARE"}, {"serial_number": 7}, "what", {"model": "Mac"}],
        "cursor": "c",
        "more_to_follow": False,
    }
    dep.played.rule(path="/devices/sync", body=json.dumps(page))
    run = dep.sync()
    assert (run.result["new"], run.result["unreadable"]) == (1, 3)
    assert dep.device("BARE").profile_status == "empty"


def test_a_device_that_comes_back_is_no_longer_deleted(dep: Dep) -> None:
    (serial,) = fill(dep.played, 1)
    dep.sync()
    dep.played.organization.remove([serial], released_by_replacement=True)
    dep.sync()
    assert dep.device(serial).more["released_by_replacement"] is True
    fill(dep.played, 1)
    dep.sync()
    assert dep.device(serial).deleted_at is None
    assert dep.events()[-1] == ("dep_device.returned", serial)


def test_terms_that_are_not_signed_are_shown_with_their_time_and_clear_by_themselves(
    dep: Dep,
) -> None:
    dep.played.fail(terms_signed=False)
    assert dep.sync().state == "failed"
    first = dep.server().terms_not_signed_at
    dep.sync()
    assert first is not None and dep.server().terms_not_signed_at == first
    dep.played.fail()
    dep.sync()
    assert (dep.server().terms_not_signed_at, dep.server().error) == (None, None)
    assert [kind for kind, _ in dep.events("dep.terms%")] == [
        "dep.terms_not_signed",
        "dep.terms_signed",
    ]


def test_the_beat_begins_what_is_due_and_one_server_that_fails_stops_no_other(dep: Dep) -> None:
    second = dep.connect("Second")
    (serial,) = fill(dep.played, 1, server="Second")
    dep.played.organization.servers["MDM"].tokens.clear()
    dep.played.organization.servers["MDM"].sessions.clear()
    dep.converge(later=timedelta(minutes=31))
    assert dep.device(serial).server_id == second
    assert "server token" in str(dep.server().error)


def test_a_second_sync_of_the_same_server_says_so(dep: Dep) -> None:
    with dep.app.app_context():
        with db.transaction():
            syncing.start(dep.server_id, ADMINISTRATOR, now=utcnow())
        with pytest.raises(Conflict, match="are being synchronized"), db.transaction():
            syncing.start(dep.server_id, ADMINISTRATOR, now=utcnow())


def test_what_no_column_takes_ends_no_synchronization(any_dep: Dep) -> None:
    odd = {"serial_number": "ODD", "new": {"a\u0000": ["\ud800", float("nan"), [[[[[1]]]]]]}}
    page = {"devices": [odd], "cursor": "c", "more_to_follow": False}
    any_dep.played.rule(path="/devices/sync", body=json.dumps(page))
    assert any_dep.sync().state == "done"
    assert any_dep.device("ODD").more == {"new": {"a ": [" ", None, [[[None]]]]}}
