"""ADE enrollments on their page: how the profile stands at Apple, and Apple's beside ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response
from flask_admin import expose

from zmdm_plugin import db
from zmdm_plugin.admin.ade_forms import ChangeAdeEnrollment, NewAdeEnrollment
from zmdm_plugin.admin.screen import Screen, acting, back, demand, row, session
from zmdm_plugin.admin.words import sentence
from zmdm_plugin.clients.dep_errors import DepError
from zmdm_plugin.errors import Conflict
from zmdm_plugin.models import Artifact, DepVirtualServer, Enrollment, Realm
from zmdm_plugin.protocol.skip_items import SKIP_ITEMS
from zmdm_plugin.services import access, audit
from zmdm_plugin.services.ade import comparing, defining, settings
from zmdm_plugin.web import ade as asking


def standing(enrollment: Enrollment) -> Mapping[str, Any]:
    """What the page of an ADE enrollment shows beyond that of others; nothing for those."""
    if enrollment.ade is None:
        return {}
    said = enrollment.ade
    wifi = session().get(Artifact, said.return_wifi_artifact_id or 0)
    return {
        "ade": said,
        "at_apple": defining.standings([enrollment.id])[enrollment.id],
        "open_runs": defining.open_runs(enrollment.id),
        "server": session().get(DepVirtualServer, said.server_id),
        "realm": session().get(Realm, enrollment.realm_id) if enrollment.realm_id else None,
        "return_wifi": wifi.name if wifi is not None else "",
        "skipped": [SKIP_ITEMS[key] for key in said.skip_setup_items if key in SKIP_ITEMS],
    }


class TestAdeEnrollment(Screen):
    """Test: the profile is downloaded from Apple, what differs is marked."""

    permission = access.VIEW_ENROLLMENTS

    @expose("/")
    def index(self, enrollment_id: int) -> Response:
        """Ask Apple, and compare."""
        found: Enrollment = row(Enrollment, enrollment_id)
        name, lines, fault, uuid = found.name, [], "", ""
        try:
            uuid = comparing.uuid_of(settings.find(enrollment_id))
            given = asking.download(enrollment_id)
            lines = comparing.lines(settings.find(enrollment_id), given)
        except (Conflict, DepError) as error:
            fault = sentence(str(error))
        return self.page(
            "zmdm/ade_test.html",
            title=f"Test of {name}",
            enrollment=row(Enrollment, enrollment_id),
            lines=lines,
            uuid=uuid,
            fault=fault,
        )

    @expose("/define/", methods=("POST",))
    def define(self, enrollment_id: int) -> Response:
        """Have the profile defined once more."""
        demand(access.CHANGE_ENROLLMENTS)
        with db.transaction():
            found = settings.find(enrollment_id)
            defining.want_again(found, acting())
            audit.record(acting(), "enrollment.define", found)
        said = "The profile is being defined at Apple."
        return back(said, "zmdm_enrollment.index", enrollment_id=enrollment_id)


def screens(below: Screen) -> list[Screen]:
    """Below the list of enrollments."""
    one = "enrollments/<int:enrollment_id>"
    return [
        NewAdeEnrollment(
            "Add", endpoint="zmdm_new_ade_enrollment", url="enrollments/new/apple", below=below
        ),
        ChangeAdeEnrollment(
            "Update", endpoint="zmdm_change_ade_enrollment", url=f"{one}/edit/apple", below=below
        ),
        TestAdeEnrollment(
            "Test", endpoint="zmdm_test_ade_enrollment", url=f"{one}/test", below=below
        ),
    ]
