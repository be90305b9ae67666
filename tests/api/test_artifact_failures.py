"""What failed anywhere, for programs."""

from __future__ import annotations

from flask import Flask

from tests.api.test_artifacts import failing
from tests.api.world import Program, program
from zmdm_plugin import db
from zmdm_plugin.models import ChannelArtifact


def test_failures_of_all_devices_are_listed_with_their_reasons(app: Flask, api: Program) -> None:
    device_id, artifact_id = failing(app, api)
    (found,) = api.get("artifacts/failures/").json
    assert (found["device"], found["artifact"], found["name"]) == (device_id, artifact_id, "Wi-Fi")
    assert found["reasons"][0]["description"] == "The profile is invalid."
    assert api.get("artifacts/failures/", artifact=artifact_id).json == [found]
    assert api.get("artifacts/failures/", artifact=artifact_id + 1).json == []


def test_failures_are_paged_by_artifact(app: Flask, api: Program) -> None:
    failing(app, api)
    names = ("Second", "Third")
    more = [api.post("artifacts/", {"type": "profile", "name": name}).json["id"] for name in names]
    with app.app_context(), db.transaction() as session:
        channel_id = session.query(ChannelArtifact).one().channel_id
        for artifact_id in more:
            row = ChannelArtifact(channel_id=channel_id, artifact_id=artifact_id, via="command")
            row.status = "removal_failed"
            session.add(row)
    pages = api.pages("artifacts/failures/", limit=1)
    seen = [one["name"] for page in pages for one in page]
    assert seen == ["Wi-Fi", "Second", "Third"]


def test_whoever_may_not_see_artifacts_sees_no_failures(app: Flask, api: Program) -> None:
    failing(app, api)
    assert program(app, "mdm.view_enrolleddevice").get("artifacts/failures/").status_code == 403
