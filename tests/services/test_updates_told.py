"""What devices are told to install, as the planner keeps it and their manifest reads it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.updates import Updates, days
from zmdm_plugin import db
from zmdm_plugin.errors import Conflict, Refused
from zmdm_plugin.models import Channel, Device, Event, Revision, Tag
from zmdm_plugin.services import tags
from zmdm_plugin.services.software_updates import advertised, enforcements


@pytest.fixture
def listed(updates: Updates) -> Updates:
    """The list has been read."""
    updates.sync()
    return updates


def tag(updates: Updates, name: str, *devices: int) -> int:
    with updates.app.app_context(), db.transaction() as session:
        made = tags.create(name)
        for device in devices:
            tags.put(session.get_one(Device, device), made)
        return made.id


def declared(updates: Updates, device: int, **changes: Any) -> list[advertised.Advertised]:
    with updates.app.app_context():
        query = sa.select(Channel).where(Channel.device_id == device)
        channel = db.session().scalars(query).first()
        assert channel is not None
        for name, value in changes.items():
            setattr(channel, name, value)
        return advertised.for_channel(channel)


def revision(updates: Updates) -> int:
    name = f"blueprint:{updates.blueprint}"
    with updates.app.app_context():
        return db.session().scalar(sa.select(Revision.value).where(Revision.name == name)) or 0


def test_each_platform_is_told_its_own_newest(listed: Updates) -> None:
    mac, phone = listed.device(), listed.device("iPhone14,6")
    listed.enforce(delay_days=30, local_time="18:00")
    listed.refresh(mac, phone)
    [(version, moment)] = listed.told(mac)
    posted = days(-5).date()
    assert (version, moment) == ("26.2", f"{posted + timedelta(days=30)}T18:00:00")
    assert [version for version, _ in listed.told(phone)] == ["26.2"]


def test_the_declaration_of_a_target(listed: Updates) -> None:
    mac = listed.device()
    listed.enforce(details_url="https://intranet.example.com/updates")
    listed.refresh(mac)
    [one] = declared(listed, mac)
    assert one.type == "com.apple.configuration.softwareupdate.enforcement.specific"
    assert one.payload["TargetOSVersion"] == "26.2"
    assert one.payload["TargetBuildVersion"] == "25C56"
    assert one.payload["DetailsURL"] == "https://intranet.example.com/updates"
    assert datetime.fromisoformat(one.payload["TargetLocalDateTime"]).tzinfo is None
    assert len(one.identifier) <= 64
    assert len(one.server_token) <= 64


def test_a_user_channel_is_told_nothing(listed: Updates) -> None:
    mac = listed.device()
    listed.enforce()
    listed.refresh(mac)
    assert declared(listed, mac, kind="user") == []


def test_devices_with_the_same_target_share_identifier_and_token(listed: Updates) -> None:
    one, two = listed.device(), listed.device("Mac14,2")
    listed.enforce(delay_days=60)
    listed.refresh(one, two)
    first, second = declared(listed, one), declared(listed, two)
    assert [item.identifier for item in first] == [item.identifier for item in second]
    assert [item.server_token for item in first] == [item.server_token for item in second]


def test_a_release_after_the_target_is_added_and_the_date_stays(listed: Updates) -> None:
    mac = listed.device()
    listed.enforce()
    listed.refresh(mac)
    first = listed.told(mac)
    listed.lookup.post("macOS", "26.3", "25D10")
    listed.sync()
    listed.refresh(mac)
    assert [version for version, _ in listed.told(mac)] == ["26.2", "26.3"]
    assert listed.told(mac)[0] == first[0]


def test_planning_again_changes_nothing(listed: Updates) -> None:
    mac = listed.device()
    listed.enforce(delay_days=0)
    listed.refresh(mac)
    before = listed.told(mac), declared(listed, mac)
    listed.refresh(mac, now=days(2))
    assert (listed.told(mac), declared(listed, mac)) == before


def test_an_installed_target_ends(listed: Updates) -> None:
    mac = listed.device()
    listed.enforce()
    listed.refresh(mac)
    listed.set(mac, os_version="26.2", build_version="25C56")
    listed.refresh(mac)
    assert listed.told(mac) == []
    assert listed.ended(mac) == [("26.2", "installed")]
    with listed.app.app_context():
        kinds = db.session().scalars(sa.select(Event.kind).where(Event.device_id == mac)).all()
    assert kinds == ["software_update.advertised", "software_update.installed"]


def test_a_withdrawn_release_ends_its_target(listed: Updates) -> None:
    mac = listed.device()
    listed.enforce()
    listed.refresh(mac)
    listed.lookup.withdraw("26.2")
    listed.sync()
    listed.refresh(mac)
    assert listed.ended(mac) == [("26.2", "withdrawn")]
    assert [version for version, _ in listed.told(mac)] == ["26.1"]  # the improvement (a)


def test_a_device_that_leaves_the_blueprint_is_told_nothing_more(listed: Updates) -> None:
    mac = listed.device()
    listed.enforce()
    listed.refresh(mac)
    listed.set(mac, blueprint_id=None)
    listed.refresh(mac)
    assert (listed.told(mac), listed.ended(mac)) == ([], [("26.2", "dropped")])


def test_tags_choose_and_a_conflict_is_said(listed: Updates) -> None:
    mac, other = listed.device(), listed.device()
    pilot = tag(listed, "Pilot", mac)
    listed.enforce("Default", os_version="26.2", local_datetime="2027-03-01T09:00:00")
    listed.enforce("Pilots", os_version="26.2", local_datetime="2027-01-01T09:00:00", tags=[pilot])
    listed.enforce("Others", os_version="26.2", local_datetime="2027-02-01T09:00:00", tags=[pilot])
    [why, _] = listed.refresh(mac, other)
    assert listed.told(mac) == [("26.2", "2027-01-01T09:00:00")]
    assert listed.told(other) == [("26.2", "2027-03-01T09:00:00")]
    assert "“Others” would apply just as well" in why


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"platform": "macOS", "supervised": False}, "supervised"),
        ({"os_version": None}, "not known"),
        ({"software_update_device_id": None, "model": None}, "has not said yet"),
        ({"software_update_device_id": "X1AP", "model": "X1"}, "does not know X1AP or X1"),
        ({"blueprint_id": None}, "no blueprint"),
    ],
)
def test_where_nothing_applies_the_reason_is_given(
    lab: Updates, facts: dict[str, Any], words: str
) -> None:
    lab.sync()
    mac = lab.device(**facts)
    lab.enforce()
    [why] = lab.refresh(mac)
    assert words in why
    assert lab.told(mac) == []


def test_many_devices_are_planned_in_few_statements(listed: Updates) -> None:
    devices = [listed.device(model) for model in ("MacBookPro18,3", "iPhone15,2") for _ in range(9)]
    listed.enforce()
    listed.refresh(*devices)
    seen: list[str] = []
    with listed.app.app_context():
        engine = db.engine()
    listener = lambda *args: seen.append(str(args[2]))  # noqa: E731
    sa.event.listen(engine, "before_cursor_execute", listener)
    listed.refresh(*devices)
    sa.event.remove(engine, "before_cursor_execute", listener)
    assert len([one for one in seen if one.startswith("SELECT")]) <= len(devices) + 8


def test_where_nothing_is_enforced_planning_costs_two_statements(lab: Updates) -> None:
    mac = lab.device()
    seen: list[str] = []
    with lab.app.app_context():
        engine = db.engine()
    listener = lambda *args: seen.append(str(args[2]))  # noqa: E731
    sa.event.listen(engine, "before_cursor_execute", listener)
    lab.refresh(mac)
    sa.event.remove(engine, "before_cursor_execute", listener)
    assert len([one for one in seen if "update" in one.split("FROM")[-1].lower()]) == 2


def test_a_blueprints_devices_are_told_when_its_enforcement_changes(updates: Updates) -> None:
    number = updates.enforce()
    assert revision(updates) == 1
    updates.change(number, name="Newest", platforms=["macOS"], max_os_version="28")
    assert revision(updates) == 2
    updates.change(number, name="Newest", platforms=["macOS"], max_os_version="28", blueprints=[])
    assert revision(updates) == 3
    updates.change(number, name="Newest", platforms=["macOS"], max_os_version="28")
    assert revision(updates) == 3


def test_an_enforcement_in_use_is_not_deleted(updates: Updates) -> None:
    number = updates.enforce()
    with (
        updates.app.app_context(),
        pytest.raises(Conflict, match="Staff"),
        db.transaction(),
    ):
        enforcements.delete(enforcements.find(number))


def test_a_deleted_enforcement_leaves_the_history(listed: Updates) -> None:
    mac = listed.device()
    number = listed.enforce()
    listed.refresh(mac)
    listed.change(number, name="Newest", platforms=["macOS"], max_os_version="27", blueprints=[])
    with listed.app.app_context(), db.transaction():
        enforcements.delete(enforcements.find(number))
    listed.refresh(mac)
    assert listed.ended(mac) == [("26.2", "dropped")]


def test_a_tag_of_an_enforcement_is_not_deleted(updates: Updates) -> None:
    """Without it the enforcement would be everybody's."""
    pilot = tag(updates, "Pilot")
    updates.enforce(tags=[pilot])
    with updates.app.app_context(), pytest.raises(Conflict, match="Newest"), db.transaction() as s:
        tags.delete(s.get_one(Tag, pilot))


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "Newest"}, "name"),
        ({"platforms": []}, "platforms"),
        ({"platforms": ["watchOS"]}, "platforms"),
        ({"os_version": "26.2", "max_os_version": "27"}, "os_version"),
        ({"max_os_version": ""}, "os_version"),
        ({"max_os_version": "soon"}, "max_os_version"),
        ({"delay_days": 121}, "delay_days"),
        ({"delay_days": None}, "delay_days"),
        ({"delay_days": True}, "delay_days"),
        ({"local_time": None}, "local_time"),
        ({"local_time": "25:00"}, "local_time"),
        ({"build_version": "25B78"}, "build_version"),
        ({"local_datetime": "2026-12-24T09:30:00"}, "local_datetime"),
        ({"details_url": "javascript:alert(1)"}, "details_url"),
        ({"tags": [99]}, "tags"),
        ({"tags": [2**70]}, "tags"),
        ({"blueprints": [99]}, "blueprints"),
    ],
)
def test_what_makes_no_sense_is_refused_by_field(
    lab: Updates, asked: dict[str, Any], field: str
) -> None:
    lab.enforce()
    with pytest.raises(Refused) as refused:
        lab.enforce(**{"name": "Second", "max_os_version": "27", **asked})
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"local_datetime": None}, "local_datetime"),
        ({"local_datetime": "2026-02-30T09:30:00"}, "local_datetime"),
        ({"local_datetime": "2026-12-24T09:30:00Z"}, "local_datetime"),
        ({"build_version": "latest"}, "build_version"),
        ({"delay_days": 3}, "delay_days"),
        ({"local_time": "09:30"}, "local_time"),
    ],
)
def test_one_time_has_fields_of_its_own(lab: Updates, asked: dict[str, Any], field: str) -> None:
    base = {"os_version": "26.2", "local_datetime": "2026-12-24T09:30"}
    with pytest.raises(Refused) as refused:
        lab.enforce(**{**base, **asked})
    assert refused.value.field == field
