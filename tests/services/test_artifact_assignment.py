"""Which blueprint a device has, and what makes its channels be planned anew."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from tests.api.world import add_device, add_user_channel, statements
from tests.road import Road
from tests.services.test_artifacts import MAC, profile
from zmdm_plugin import db
from zmdm_plugin.actors import SYSTEM
from zmdm_plugin.commands import effects as told
from zmdm_plugin.models import Channel, ChannelArtifact, Device, Enrollment, MDMBlueprint
from zmdm_plugin.services import bulk_actions, devices, effects, tags
from zmdm_plugin.services.artifacts import assignment, blueprints, catalog, resolve


@pytest.fixture
def mac(app: Flask) -> Iterator[Device]:
    """A Mac with two channels and a blueprint, that nothing is due on."""
    device_id = add_device(app)
    add_user_channel(app, device_id, "jane")
    with app.app_context(), db.transaction() as session:
        device = session.get_one(Device, device_id)
        assignment.choose(device, blueprints.create("Office"), actor=SYSTEM)
        rest(device)
        yield device


def rest(device: Device) -> None:
    for channel in devices.channels(device.id):
        channel.plan_due_at = channel.push_due_at = None
    db.session().flush()


def due(device: Device) -> list[bool]:
    return [channel.plan_due_at is not None for channel in devices.channels(device.id)]


def facts(device: Device, **columns: Any) -> None:
    """The device answered that."""
    effect = told.SetFacts(columns=columns, section="DeviceInformation", body={})
    channel = devices.channel(device.id)
    effects.apply(channel, None, [effect])  # type: ignore[arg-type]


def test_a_device_gets_its_enrollments_blueprint_with_its_first_token_update(road: Road) -> None:
    with road.app.app_context(), db.transaction() as session:
        blueprint = blueprints.create("Office")
        session.query(Enrollment).update({"blueprint_id": blueprint.id})
    road.enrolled("MacBookPro18,3")
    with road.app.app_context():
        device = db.session().query(Device).one()
        assert (device.blueprint_id, device.blueprint_actor_id) == (blueprint_id(), None)


def test_an_operators_choice_survives_a_token_update(road: Road) -> None:
    mac = road.enrolled("MacBookPro18,3")
    with road.app.app_context(), db.transaction() as session:
        device = session.query(Device).one()
        assignment.choose(device, blueprints.create("Office"), actor=SYSTEM)
    mac.update_token()
    with road.app.app_context():
        assert db.session().query(Device).one().blueprint_id == blueprint_id()


def blueprint_id() -> int:
    return db.session().query(MDMBlueprint).one().id


def test_a_new_enrollment_knows_nothing_of_what_the_former_had_installed(road: Road) -> None:
    mac = road.enrolled("MacBookPro18,3")
    with road.app.app_context(), db.transaction() as session:
        channel = session.query(Channel).one()
        row = ChannelArtifact(
            channel_id=channel.id, artifact_id=profile().id, status="installed", via="command"
        )
        session.add(row)
    mac.check_out()
    mac.enroll(road.profile)
    with road.app.app_context():
        assert db.session().query(ChannelArtifact).count() == 0


def test_a_tag_that_is_put_or_taken_has_every_channel_planned_anew(mac: Device) -> None:
    lab = tags.create("Lab")
    tags.put(mac, lab)
    assert due(mac) == [True, True]
    rest(mac)
    tags.take(mac, lab)
    assert due(mac) == [True, True]
    rest(mac)
    assert not tags.take(mac, lab)
    assert due(mac) == [False, False]


@pytest.mark.parametrize(
    ("columns", "planned"),
    [
        ({"os_version": "15.0"}, True),
        ({"supervised": True}, True),
        ({"supervised": False}, False),
        ({"name": "Another name"}, False),
    ],
)
def test_facts_that_scopes_look_at_have_every_channel_planned_anew(
    mac: Device, columns: dict[str, Any], planned: bool
) -> None:
    facts(mac, **columns)
    assert due(mac) == [planned, planned]


def test_another_blueprint_has_every_channel_planned_anew_and_the_same_none(mac: Device) -> None:
    lab = blueprints.create("Lab")
    assert assignment.choose(mac, lab, actor=SYSTEM)
    assert due(mac) == [True, True]
    rest(mac)
    assert not assignment.choose(mac, lab, actor=SYSTEM)
    assert due(mac) == [False, False]


def test_a_blueprint_is_chosen_and_taken_away_in_bulk(mac: Device) -> None:
    blueprints.create("Lab")
    bulk_actions.prepare("blueprint", {"blueprint": "Lab"}).act(mac, SYSTEM)
    found = blueprints.named("Lab")
    assert found is not None and mac.blueprint_id == found.id
    bulk_actions.prepare("no_blueprint", {}).act(mac, SYSTEM)
    assert mac.blueprint_id is None


def test_a_blueprint_is_compiled_in_few_statements_and_once_per_revision(app: Flask) -> None:
    with app.app_context(), db.transaction():
        blueprint = blueprints.create("Office")
        for number in range(30):
            blueprints.link(blueprint, profile(f"Profile {number}"))
        blueprint_id = blueprint.id
    with app.app_context():
        with statements(app) as first:
            compiled = catalog.compiled(blueprint_id, 31)
        with statements(app) as second:
            again = catalog.compiled(blueprint_id, 31)
    assert len(first) == 4 and not second
    assert again is compiled
    assert compiled is not None
    assert len(resolve.resolve(compiled, MAC).chosen) == 30


def test_what_is_rolled_back_was_never_compiled(app: Flask) -> None:
    with app.app_context(), db.transaction():
        blueprint_id = blueprints.create("Office").id
    with app.app_context():
        with pytest.raises(ZeroDivisionError), db.transaction():
            blueprints.link(blueprints.find(blueprint_id), profile())
            compiled = catalog.compiled(blueprint_id)
            assert compiled is not None and len(compiled.links) == 1
            raise ZeroDivisionError
        with db.transaction():
            blueprints.update(blueprints.find(blueprint_id), {"collect_apps": "all"})
        compiled = catalog.compiled(blueprint_id)
        assert compiled is not None and not compiled.links


def test_leaving_setup_assistant_has_the_device_planned_anew(road: Road) -> None:
    mac = road.enrolled("MacBookPro18,3")
    with road.rows() as session:
        device = session.query(Device).one()
        assignment.choose(device, blueprints.create("Office"), actor=SYSTEM)
        device.awaiting_configuration = True
        rest(device)
    mac.update_token()
    with road.rows() as session:
        device = session.query(Device).one()
        assert (device.awaiting_configuration, due(device)) == (False, [True])
