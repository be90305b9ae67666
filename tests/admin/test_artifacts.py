"""The screens of artifacts: uploads, versions, faults by their paths, what became of each."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from tests import configured, fleet
from tests.admin.conftest import token
from tests.admin.test_device_list import statements
from tests.admin.test_issuers import actions
from tests.shelf import mobileconfig, payload
from zmdm_plugin import db
from zmdm_plugin.models import Artifact, ArtifactVersion, Device
from zmdm_plugin.services.artifacts import artifacts, graph, listing

LIST, NEW, ONE = "/mdm/artifacts/", "/mdm/artifacts/new/", "/mdm/artifacts/1/"
PASSCODE = "com.apple.configuration.passcode.settings"
SETTINGS = {
    "name": "VPN",
    "channel": "device",
    "auto_update": "1",
    "reinstall_interval": "0",
    "reinstall_on_os_update": "no",
    "platforms": ["macOS"],
}
DECLARED = {"name": "Rules", "channel": "device", "platforms": ["macOS"]} | {
    "reinstall_interval": "0",
    "reinstall_on_os_update": "no",
}
Post = Callable[..., Any]


def upload(client: FlaskClient, path: str, body: bytes, **fields: Any) -> Any:
    """Send a form with a file in it."""
    file = (io.BytesIO(body), "some.mobileconfig")
    data = {"csrf_token": token(client), "source": file, **fields}
    return client.post(path, data=data, content_type="multipart/form-data")


def everything(*platforms: str) -> dict[str, Any]:
    """The scope fields of a form that says "every device"."""
    return {"platform": list(platforms), "default_shard": "100", "shard_modulo": "100"}


def one(app: Flask, name: str) -> Artifact | None:
    with app.app_context():
        return artifacts.named(name)


def newest(app: Flask) -> ArtifactVersion:
    with app.app_context():
        query = sa.select(ArtifactVersion).order_by(ArtifactVersion.id.desc()).limit(1)
        return db.session().scalars(query).one()


def test_an_empty_list_says_what_artifacts_are(browser: FlaskClient) -> None:
    assert "There is no artifact yet" in browser.get(LIST).text


def test_a_profile_is_uploaded_as_the_first_version(screens: Flask, browser: FlaskClient) -> None:
    assert upload(browser, f"{NEW}?type=profile", mobileconfig(), **SETTINGS).status_code == 303
    row, version = one(screens, "VPN"), newest(screens)
    assert row is not None
    assert (row.type, row.platforms, row.auto_update) == ("profile", ["macOS"], True)
    assert (version.number, version.filename) == (1, "some.mobileconfig")
    assert version.actor_id == "user:7"
    assert actions(screens) == ["artifact.create", "artifact.upload"]


@pytest.mark.parametrize(
    ("changes", "field", "why"),
    [
        ({"name": ""}, "name", "printable characters"),
        ({"platforms": []}, "platforms", "Say at least one platform"),
        ({"reinstall_interval": "often"}, "reinstall_interval", "Must be a number of days"),
        ({"reinstall_interval": "400"}, "reinstall_interval", "0 (never) to 366 days"),
        ({"requires": ["99"]}, "requires", "There is no artifact 99"),
        ({"channel": "both"}, "channel", "Must be device or user"),
    ],
)
def test_a_faulty_setting_is_named_and_nothing_is_made(
    screens: Flask,
    browser: FlaskClient,
    laid: configured.Laid,
    changes: dict[str, Any],
    field: str,
    why: str,
) -> None:
    given = {**SETTINGS, **changes}
    answer = upload(browser, f"{NEW}?type=profile", mobileconfig(), **given)
    assert answer.status_code == 422
    assert why in answer.text
    assert f'id="f-{field}-error"' in answer.text
    assert one(screens, "VPN") is None


def test_without_a_file_nothing_is_made(screens: Flask, browser: FlaskClient, post: Post) -> None:
    answer = post(browser, f"{NEW}?type=profile", **SETTINGS)
    assert answer.status_code == 422
    assert 'id="f-source-error">Is needed.' in answer.text
    assert one(screens, "VPN") is None


def test_errors_of_a_profile_are_listed_by_path(screens: Flask, browser: FlaskClient) -> None:
    twice = payload()
    body = mobileconfig(twice, twice, PayloadScope="User")
    answer = upload(browser, f"{NEW}?type=profile", body, **SETTINGS)
    assert answer.status_code == 422
    assert "devices would refuse it" in answer.text
    assert "<code>PayloadUUID</code>" in answer.text
    assert one(screens, "VPN") is None


def test_warnings_are_kept_and_shown(screens: Flask, browser: FlaskClient) -> None:
    body = mobileconfig(OddKey=1)
    answer = upload(browser, f"{NEW}?type=profile", body, **SETTINGS)
    assert answer.status_code == 303
    page = browser.get(ONE).text
    assert "OddKey" in page
    assert "1 warning" in page


def test_a_declaration_is_chosen_by_its_type_and_os(browser: FlaskClient) -> None:
    page = browser.get(f"{NEW}?type=configuration").text
    assert f"declaration={PASSCODE}" in page
    assert "macOS 13.0" in page
    form = browser.get(f"{NEW}?type=configuration&declaration={PASSCODE}").text
    ticked = [name for name in ("macOS", "tvOS", "iPadOS") if f'value="{name}" checked' in form]
    assert ticked == ["macOS", "iPadOS"]


def test_a_payload_alone_becomes_a_declaration_of_the_chosen_type(
    screens: Flask, browser: FlaskClient, post: Post
) -> None:
    document = json.dumps({"MinimumLength": 8})
    answer = post(
        browser, f"{NEW}?type=configuration&declaration={PASSCODE}", document=document, **DECLARED
    )
    assert answer.status_code == 303
    row = one(screens, "Rules")
    assert row is not None
    assert row.declaration_type == PASSCODE
    assert newest(screens).content["payload"] == {"MinimumLength": 8}


def test_a_payload_with_a_secret_is_not_put_into_the_next_form(
    screens: Flask, browser: FlaskClient, post: Post
) -> None:
    kind = "com.apple.configuration.softwareupdate.settings"
    program = {"Description": "Beta", "Token": "very secret"}
    document = json.dumps({"Beta": {"ProgramEnrollment": "Allowed", "OfferPrograms": [program]}})
    post(browser, f"{NEW}?type=configuration&declaration={kind}", document=document, **DECLARED)
    row = one(screens, "Rules")
    assert row is not None
    assert "very secret" not in browser.get(f"/mdm/artifacts/{row.id}/versions/new/").text


def test_a_whole_declaration_says_its_type_itself(
    screens: Flask, browser: FlaskClient, post: Post
) -> None:
    document = json.dumps({**configured.PASSCODE, "Identifier": "ours.rules"})
    path = f"{NEW}?type=configuration&declaration=whole"
    assert post(browser, path, document=document, **DECLARED).status_code == 303
    row = one(screens, "Rules")
    assert row is not None
    assert row.declaration_identifier == "ours.rules"


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ("", "Is needed"),
        ("{", "Is not JSON"),
        ('{"MinimumLength": "eight"}', "<code>MinimumLength</code>"),
        ('{"MinimumLength": 99}', "<code>MinimumLength</code>"),
        ("[]", "Payload must be an object"),
    ],
)
def test_a_faulty_declaration_is_told_by_path_and_kept_in_the_form(
    screens: Flask, browser: FlaskClient, post: Post, document: str, why: str
) -> None:
    path = f"{NEW}?type=configuration&declaration={PASSCODE}"
    answer = post(browser, path, document=document, **DECLARED)
    assert answer.status_code == 422
    assert why in answer.text
    assert one(screens, "Rules") is None
    if document:
        assert document.replace('"', "&#34;") in answer.text


def test_a_certificate_asset_is_made_of_lines(
    screens: Flask, browser: FlaskClient, post: Post
) -> None:
    given = {
        "name": "Identity",
        "channel": "device",
        "platforms": ["macOS"],
        "scep_issuer": "1",
        "subject": "CN=$ENROLLED_DEVICE.SERIAL_NUMBER\r\nO=Example Ltd",
        "dNSName": "mac.example.com",
        "accessible": "AfterFirstUnlock",
    }
    assert post(browser, f"{NEW}?type=cert_asset", **given).status_code == 303
    content = newest(screens).content
    assert content["subject"][1] == {"type": "O", "value": "Example Ltd"}
    assert content["subject_alt_name"] == {"dNSName": "mac.example.com"}
    assert "O=Example Ltd" in browser.get("/mdm/artifacts/1/versions/1/").text
    for field, value in (("subject", "no equals sign"), ("scep_issuer", "77")):
        answer = post(browser, f"{NEW}?type=cert_asset", **{**given, "name": "B", field: value})
        assert f'id="f-{field}-error"' in answer.text


def test_settings_change_but_not_the_type(
    screens: Flask, browser: FlaskClient, post: Post, laid: configured.Laid
) -> None:
    given = {**SETTINGS, "platforms": ["macOS", "iOS"], "requires": ["2"], "name": "Office Wi-Fi"}
    del given["channel"], given["auto_update"]
    assert post(browser, f"{ONE}edit/", **given).status_code == 303
    row = one(screens, "Office Wi-Fi")
    assert row is not None
    assert (row.type, row.auto_update) == ("profile", False)
    assert actions(screens)[-1] == "artifact.change"


def test_a_circle_of_requirements_is_refused(
    screens: Flask, browser: FlaskClient, post: Post, laid: configured.Laid
) -> None:
    given = {**SETTINGS, "name": "Root certificate", "requires": ["1"]}
    given["platforms"] = ["iOS", "iPadOS", "macOS", "tvOS", "visionOS", "watchOS"]
    del given["channel"]
    answer = post(browser, "/mdm/artifacts/2/edit/", **given)
    assert answer.status_code == 422
    assert "Would make a circle" in answer.text
    with screens.app_context():
        assert graph.needed(2) == []


def test_the_list_is_narrowed(browser: FlaskClient, laid: configured.Laid) -> None:
    def names(query: str) -> list[str]:
        found = browser.get(f"{LIST}?{query}").text.split('<th scope="row"><a href="')[1:]
        return [row.split(">")[1].split("<")[0] for row in found]

    assert names("") == ["Passcode rules", "Root certificate", "Wi-Fi"]
    assert names("q=WI-") == ["Wi-Fi"]
    assert names("q=passcode.settings") == ["Passcode rules"]
    assert names("q=%25") == []
    assert names("type=profile") == ["Root certificate", "Wi-Fi"]
    assert names("blueprint=1") == ["Passcode rules", "Wi-Fi"]
    assert names("failing=1") == ["Wi-Fi"]
    assert "No artifact matches" in browser.get(f"{LIST}?q=nothing").text


def test_the_page_counts_and_leads_to_the_devices_and_their_reasons(
    browser: FlaskClient, laid: configured.Laid
) -> None:
    page = browser.get(ONE).text
    assert "<b>19</b> <span>installed</span>" in page
    assert "<b>9</b> <span>failed</span>" in page
    devices = browser.get(f"{ONE}devices/?what=failed").text
    assert devices.count("The network could not be added.") == 9
    assert 'class="badge good"' not in devices


def test_devices_of_an_artifact_are_paged_by_key(make_host: Callable[..., Flask]) -> None:
    app = make_host("mdm.*")
    fleet.fill(app, 120)
    configured.lay(app)
    client = app.test_client()
    seen: list[str] = []
    path: str | None = f"{ONE}devices/"
    while path is not None:
        page = client.get(path).text
        seen += [row.split('"')[1] for row in page.split('<th scope="row"><a href=')[1:]]
        link = page.split('rel="next" href="')
        path = link[1].split('"')[0].replace("&amp;", "&") if len(link) > 1 else None
    assert len(seen) == len(set(seen)) > 100


def test_a_row_scope_hides_devices_and_their_numbers(make_host: Callable[..., Flask]) -> None:
    def hidden(_actor: object, _permission: str) -> Any:
        return Device.platform == "visionOS"

    app = make_host("mdm.*", row_scope=hidden)
    fleet.fill(app, 12)
    configured.lay(app)
    client = app.test_client()
    assert "<b>0</b> <span>failed</span>" in client.get(ONE).text
    assert "Failed somewhere</span>" not in client.get(LIST).text
    assert '<th scope="row">' not in client.get(f"{ONE}devices/").text
    assert "fails somewhere" not in client.get("/mdm/").text


def test_an_artifact_in_use_stays_and_another_goes(
    screens: Flask, browser: FlaskClient, post: Post, laid: configured.Laid
) -> None:
    assert "Delete this artifact" not in browser.get(ONE).text
    assert post(browser, f"{ONE}delete/").status_code == 409
    upload(browser, f"{NEW}?type=profile", mobileconfig(), **SETTINGS)
    assert "Delete this artifact" in browser.get("/mdm/artifacts/4/").text
    assert post(browser, "/mdm/artifacts/4/delete/").status_code == 303
    assert one(screens, "VPN") is None


def test_failing_artifacts_are_on_the_overview(
    screens: Flask, browser: FlaskClient, laid: configured.Laid
) -> None:
    assert "<b>1</b> <span>artifact fails somewhere</span>" in browser.get("/mdm/").text


def test_who_may_only_look_finds_no_button(
    make_host: Callable[..., Flask], laid: configured.Laid
) -> None:
    client = make_host("mdm.view_artifact").test_client()
    for path in (ONE, f"{ONE}versions/3/"):
        page = client.get(path).text.split("<main")[1]
        assert "<form" not in page, path
        assert "/edit/" not in page, path
    assert client.get(NEW).status_code == 403
    assert client.get(f"{ONE}devices/").status_code == 403


def test_more_artifacts_versions_and_devices_take_no_more_statements(
    make_host: Callable[..., Flask],
) -> None:
    app = make_host("mdm.*")
    fleet.fill(app, 30)
    configured.lay(app)
    configured.many(app, 55)
    paths = (LIST, ONE, f"{ONE}devices/", f"{ONE}versions/3/", f"{ONE}edit/", "/mdm/")
    before = {path: statements(app, path) for path in paths}
    configured.many(app, 240, start=55)
    assert {path: statements(app, path) for path in paths} == before
    assert max(before.values()) <= 20


def test_outcomes_are_counted_by_what_people_ask_for(screens: Flask, laid: configured.Laid) -> None:
    with screens.app_context():
        found = listing.tallies(configured.MAKER, [1, 2], blueprint_id=1)
    assert found == {
        1: {"installed": 19, "waiting": 9, "failed": 9},
        2: {"installed": 0, "waiting": 0, "failed": 0},
    }


def test_screens_read_postgresql_as_well(pg_app: Flask) -> None:
    fleet.fill(pg_app, 60)
    configured.lay(pg_app)
    client = pg_app.test_client()
    for path in ("", "versions/3/", "devices/?what=failed&blueprint=1", "edit/", "versions/new/"):
        assert client.get(f"{ONE}{path}").status_code == 200
    assert "Failed somewhere</span>" in client.get(f"{LIST}?q=WI-&failing=1").text
    page = client.get("/mdm/blueprints/1/").text
    assert "what=installed&amp;blueprint=1" in page
    assert "devices lose it" in client.get("/mdm/blueprints/1/artifacts/1/remove/").text
    assert "artifact fails somewhere" in client.get("/mdm/").text


@pytest.mark.parametrize(
    ("kind", "there"),
    [
        ("store_app", "/mdm/locations/"),
        ("enterprise_app", "/mdm/packages/"),
        ("cert_asset", "/mdm/scep_issuers/"),
    ],
)
def test_a_form_with_nothing_to_choose_from_says_where_that_is_made(
    make_host: Callable[..., Flask], kind: str, there: str
) -> None:
    shown = make_host("mdm.*").test_client().get(f"{NEW}?type={kind}").text
    assert f'there is none yet that would do. <a href="{there}">' in shown
