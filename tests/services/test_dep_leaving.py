"""A virtual server that is disconnected, and one that is forgotten."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from tests.dep_road import Dep, fill
from tests.hosts import ADMINISTRATOR
from zmdm_plugin import db
from zmdm_plugin.errors import Conflict, Refused
from zmdm_plugin.models import DepDevice, DepVirtualServer, JobRun
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import vault
from zmdm_plugin.services.dep import leaving, setup
from zmdm_plugin.services.dep import sync as syncing
from zmdm_plugin.web import dep as talking


def disconnect(dep: Dep, name: str = "MDM", *, forget: bool = False) -> None:
    with dep.app.app_context(), db.transaction():
        leaving.disconnect(
            dep.server_id, name=name, forget=forget, actor=ADMINISTRATOR, now=utcnow()
        )


def test_a_disconnected_server_has_no_token_and_no_key_and_its_devices_stay(dep: Dep) -> None:
    (serial,) = fill(dep.played, 1)
    dep.default(staff := dep.enrollment("Staff"))
    dep.sync()
    dep.converge()
    disconnect(dep)
    with dep.app.app_context():
        row = db.session().get_one(DepVirtualServer, dep.server_id)
        assert [vault.unseal(row, name) for name in ("token", "private_key")] == [None, None]
        with pytest.raises(Conflict), db.transaction():
            syncing.start(dep.server_id, ADMINISTRATOR, now=utcnow())
    dep.converge()
    device = dep.device(serial)
    assert (device.enrollment_id, device.assignment) == (staff, "assigned")
    assert dep.book(serial)["profile_status"] == "assigned"


def test_it_is_connected_again_by_a_token_of_the_same_server(dep: Dep) -> None:
    fill(dep.played, 2)
    dep.sync()
    disconnect(dep)
    with dep.app.app_context():
        with db.transaction():
            setup.stage(dep.server_id, actor=ADMINISTRATOR, now=utcnow())
        public = setup.public_key(db.session().get_one(DepVirtualServer, dep.server_id))
        stranger = dep.played.organization.new_server("Other").token_file(public)
        with pytest.raises(Refused):
            talking.take_token(dep.server_id, stranger, actor=ADMINISTRATOR)
        token = dep.played.organization.server("MDM").token_file(public)
        talking.take_token(dep.server_id, token, actor=ADMINISTRATOR)
    dep.converge()
    assert dep.server().error is None and dep.differences() == {}


def test_a_synchronization_under_way_ends_with_the_disconnection(dep: Dep) -> None:
    with dep.app.app_context(), db.transaction():
        syncing.start(dep.server_id, ADMINISTRATOR, now=utcnow())
    disconnect(dep)
    dep.converge()
    with dep.app.app_context():
        run = db.session().scalars(sa.select(JobRun).order_by(JobRun.id.desc())).first()
        assert run is not None and run.state == "failed" and "not connected" in str(run.message)


def test_its_name_is_typed_by_whoever_is_sure(dep: Dep) -> None:
    with pytest.raises(Refused):
        disconnect(dep, "MDN")
    assert dep.server().access_token_expiry is not None


@pytest.mark.parametrize("used", [False, True])
def test_forgotten_devices_go_and_the_server_with_them_unless_enrollments_are_for_it(
    any_dep: Dep, used: bool
) -> None:
    fill(any_dep.played, 1100)
    any_dep.sync()
    if used:
        any_dep.default(any_dep.enrollment("Staff"))
        any_dep.converge()
    disconnect(any_dep, forget=True)
    any_dep.converge()
    with any_dep.app.app_context():
        count = sa.select(sa.func.count())
        assert db.session().scalar(count.select_from(DepDevice)) == 0
        assert db.session().scalar(count.select_from(DepVirtualServer)) == int(used)
        run = db.session().scalars(sa.select(JobRun).order_by(JobRun.id.desc())).first()
        assert run is not None
        assert (run.name, run.state, run.done) == ("dep.forget", "done", 1100)
