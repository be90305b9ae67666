"""The screens of blueprints: what they bring to whom, and how far it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from tests import configured, fleet
from tests.admin.test_device_list import rows, statements
from tests.admin.test_issuers import actions
from zmdm_plugin import db
from zmdm_plugin.models import (
    BlueprintArtifact,
    Device,
    Enrollment,
    MDMBlueprint,
    SoftwareUpdateEnforcement,
)
from zmdm_plugin.services.artifacts import revisions
from zmdm_plugin.services.software_updates import enforcements

Post = Callable[..., Any]
LIST, EDIT, ONE = "/mdm/blueprints/", "/mdm/blueprints/edit/", "/mdm/blueprints/1/"
LINK = f"{ONE}artifacts/1/"
SETTINGS = {
    "name": "Teachers",
    "inventory_interval": "12",
    "collect_apps": "all",
    "collect_certificates": "no",
    "collect_profiles": "managed",
}
SCOPE = {"platform": ["macOS"], "min-macOS": "15", "default_shard": "50", "shard_modulo": "100"}


def blueprint(app: Flask, name: str) -> MDMBlueprint | None:
    with app.app_context():
        return db.session().scalar(sa.select(MDMBlueprint).where(MDMBlueprint.name == name))


def scope(app: Flask, artifact_id: int = 1) -> dict[str, Any]:
    """The stored scope of an artifact in the blueprint."""
    with app.app_context():
        query = sa.select(BlueprintArtifact.scope)
        found = db.session().scalars(query.where(BlueprintArtifact.artifact_id == artifact_id))
        return dict(found.one())


def test_an_empty_list_says_what_blueprints_are_for(browser: FlaskClient) -> None:
    assert "There is no blueprint yet" in browser.get(LIST).text


def test_a_blueprint_is_made_and_changed(screens: Flask, browser: FlaskClient, post: Post) -> None:
    assert post(browser, EDIT, **SETTINGS).status_code == 303
    made = blueprint(screens, "Teachers")
    assert made is not None
    assert (made.inventory_interval, made.collect_profiles) == (43_200, "managed")
    assert made.legacy_profiles_via_ddm is False
    changed = {**SETTINGS, "name": "Staff", "legacy_profiles_via_ddm": "1"}
    assert post(browser, f"{EDIT}?blueprint={made.id}", **changed).status_code == 303
    again = blueprint(screens, "Staff")
    assert again is not None
    assert again.legacy_profiles_via_ddm is True
    assert actions(screens) == ["blueprint.create", "blueprint.change"]


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("name", "", "printable characters"),
        ("inventory_interval", "3", "Must be 4 to 168 hours"),
        ("inventory_interval", "soon", "Must be a number of hours"),
        ("inventory_interval", "inf", "Must be a number of hours"),
        ("collect_apps", "some", "Must be one of"),
    ],
)
def test_a_faulty_setting_is_named(
    screens: Flask, browser: FlaskClient, post: Post, field: str, value: str, why: str
) -> None:
    answer = post(browser, EDIT, **{**SETTINGS, field: value})
    assert answer.status_code == 422
    assert why in answer.text
    assert f'id="f-{field}-error"' in answer.text
    assert actions(screens) == []


def test_a_blueprint_chooses_its_update_enforcements(
    screens: Flask, browser: FlaskClient, post: Post
) -> None:
    with screens.app_context(), db.transaction():
        enforcements.create({"name": "Newest", "platforms": ["macOS"], "max_os_version": "27"})
    assert post(browser, EDIT, **SETTINGS, enforcements="1").status_code == 303
    assert ">Newest</a>" in browser.get(ONE).text
    assert post(browser, f"{EDIT}?blueprint=1", **SETTINGS).status_code == 303
    with screens.app_context():
        assert enforcements.ids_on_blueprint(1) == []
        assert db.session().scalar(sa.select(sa.func.count(SoftwareUpdateEnforcement.id))) == 1


def test_the_page_tells_in_the_order_of_delivery_who_gets_what(
    browser: FlaskClient, laid: configured.Laid
) -> None:
    page = browser.get(ONE).text
    names = [page.index(f">{name}</a>") for name in ("Passcode rules", "Root certificate", "Wi-Fi")]
    assert names == sorted(names)
    said = "macOS from 14.0 before 16; not tagged “Lab”; 20 of 100 shards, all of tag “Pilot”"
    assert said in page
    assert "whoever gets “Wi-Fi”" in page


def test_counts_lead_to_the_devices(browser: FlaskClient, laid: configured.Laid) -> None:
    page = browser.get(ONE).text
    link = "/mdm/artifacts/1/devices/?what=failed&amp;blueprint=1"
    assert link in page
    assert len(rows_of(browser, link.replace("&amp;", "&"))) == 9
    assert "/mdm/devices/?blueprint=1" in page
    assert len(rows(browser, "blueprint=1")) == 40
    assert rows(browser, "blueprint=2") == []


def rows_of(client: FlaskClient, path: str) -> list[str]:
    return client.get(path).text.split('<th scope="row">')[1:]


def test_an_artifact_is_put_in_with_a_scope(
    screens: Flask, browser: FlaskClient, post: Post, laid: configured.Laid
) -> None:
    choices = browser.get(f"{ONE}artifacts/new/").text
    assert "artifact=2" in choices
    assert "artifact=1" not in choices
    given = {**SCOPE, "platform": ["macOS", "iOS"], "excluded": "2", "shard-1": "100"}
    assert post(browser, f"{ONE}artifacts/new/?artifact=2", **given).status_code == 303
    assert scope(screens, 2) == {
        "platforms": {"iOS": {"min": None, "max": None}, "macOS": {"min": "15", "max": None}},
        "excluded_tags": [2],
        "shard_modulo": 100,
        "default_shard": 50,
        "tag_shards": {"1": 100},
    }
    assert actions(screens)[-1] == "blueprint.link"


def test_the_form_of_a_scope_shows_what_is_stored_and_keeps_it(
    screens: Flask, browser: FlaskClient, post: Post, laid: configured.Laid
) -> None:
    before = scope(screens)
    page = browser.get(LINK).text
    assert 'name="min-macOS" value="14.0"' in page
    assert 'name="shard-1" inputmode="numeric" maxlength="3" value="100"' in page
    same = {**SCOPE, "min-macOS": "14.0", "max-macOS": "16", "default_shard": "20"}
    assert post(browser, LINK, **same, excluded="2", **{"shard-1": "100"}).status_code == 303
    assert scope(screens) == before
    assert actions(screens)[-1] == "blueprint.change_link"


@pytest.mark.parametrize(
    ("changes", "where", "why"),
    [
        ({"platform": []}, "platforms", "Say at least one platform"),
        ({"min-macOS": "Sonoma"}, "platforms.macOS", "An OS version looks like"),
        ({"min-macOS": "15", "max-macOS": "14"}, "platforms.macOS", "must be above its min"),
        ({"default_shard": "101"}, "default_shard", "Must be a number from 0 to 100"),
        ({"shard_modulo": "x"}, "shard_modulo", "Must be a number from 1 to 100"),
        ({"shard-1": "many"}, "tag_shards", "Must be a number from 1 to 100"),
        ({"shard-2": "5", "excluded": "2"}, "tag_shards", "Tag 2 is excluded, too"),
    ],
)
def test_a_faulty_scope_is_told_where_it_is(
    screens: Flask,
    browser: FlaskClient,
    post: Post,
    laid: configured.Laid,
    changes: dict[str, Any],
    where: str,
    why: str,
) -> None:
    before = scope(screens)
    answer = post(browser, LINK, **{**SCOPE, **changes})
    assert answer.status_code == 422
    assert f'id="f-scope-{where}-error">' in answer.text
    assert why in answer.text
    assert scope(screens) == before


def test_taking_out_asks_first_and_says_how_many_lose_it(
    screens: Flask, browser: FlaskClient, post: Post, laid: configured.Laid
) -> None:
    page = browser.get(f"{LINK}remove/").text
    assert "37 devices lose it" in page
    assert post(browser, f"{LINK}remove/").status_code == 303
    assert browser.get(LINK).status_code == 404
    assert actions(screens)[-1] == "blueprint.unlink"


def test_what_another_one_needs_stays_when_it_is_taken_out(
    browser: FlaskClient, post: Post, laid: configured.Laid
) -> None:
    post(browser, f"{ONE}artifacts/new/?artifact=2", **SCOPE)
    assert "“Wi-Fi” of this blueprint needs it" in browser.get(f"{ONE}artifacts/2/remove/").text


def test_all_its_devices_are_woken(
    screens: Flask, browser: FlaskClient, post: Post, laid: configured.Laid
) -> None:
    with screens.app_context():
        before = revisions.of(1)
    assert post(browser, f"{ONE}wake/").status_code == 303
    with screens.app_context():
        assert revisions.of(1) == before + 1
    assert actions(screens)[-1] == "blueprint.poke"


def test_a_blueprint_in_use_stays_and_another_goes(
    screens: Flask, browser: FlaskClient, post: Post, laid: configured.Laid
) -> None:
    assert "Delete this blueprint" not in browser.get(ONE).text
    assert post(browser, f"{ONE}delete/").status_code == 409
    post(browser, EDIT, **SETTINGS)
    assert "Delete this blueprint" in browser.get("/mdm/blueprints/2/").text
    assert post(browser, "/mdm/blueprints/2/delete/").status_code == 303
    assert blueprint(screens, "Teachers") is None


def test_the_enrollment_of_a_blueprint_is_named_on_both_pages(
    screens: Flask, browser: FlaskClient, laid: configured.Laid
) -> None:
    with screens.app_context(), db.transaction() as session:
        session.execute(sa.update(Enrollment).values(blueprint_id=1))
    assert "/mdm/enrollments/1/" in browser.get(ONE).text
    assert "/mdm/blueprints/1/" in browser.get("/mdm/enrollments/1/").text


def test_a_device_gets_another_blueprint_or_none(
    screens: Flask, browser: FlaskClient, post: Post, laid: configured.Laid
) -> None:
    assert ">Staff</a>" in browser.get("/mdm/devices/1/").text
    post(browser, EDIT, **SETTINGS)
    assert post(browser, "/mdm/devices/1/blueprint/", blueprint="2").status_code == 303
    with screens.app_context():
        device = db.session().get_one(Device, 1)
        assert (device.blueprint_id, device.blueprint_actor_id) == (2, "user:7")
    assert post(browser, "/mdm/devices/1/blueprint/", blueprint="").status_code == 303
    with screens.app_context():
        assert db.session().get_one(Device, 1).blueprint_id is None
    assert actions(screens)[-2:] == ["device.blueprint", "device.blueprint"]


@pytest.mark.parametrize("given", ["99", "x", "-1", "9" * 30])
def test_a_blueprint_that_does_not_exist_is_refused(
    browser: FlaskClient, post: Post, laid: configured.Laid, given: str
) -> None:
    assert post(browser, "/mdm/devices/1/blueprint/", blueprint=given).status_code == 422


def test_the_blueprint_of_many_devices_is_chosen_in_bulk(
    browser: FlaskClient, laid: configured.Laid
) -> None:
    page = browser.get("/mdm/devices/bulk/?action=blueprint&all=1&blueprint=1").text
    assert "40 devices" in page
    assert ">Staff</option>" in page


def test_who_may_only_look_finds_no_button(
    make_host: Callable[..., Flask], laid: configured.Laid
) -> None:
    client = make_host("mdm.view_*").test_client()
    for path in (LIST, ONE, "/mdm/devices/1/"):
        page = client.get(path).text.split("<main")[1]
        assert "<form" not in page, path
        assert "/edit/" not in page, path
    assert client.get(LINK).status_code == 403


def test_who_may_not_see_devices_sees_no_numbers_of_them(
    make_host: Callable[..., Flask], laid: configured.Laid
) -> None:
    client = make_host("mdm.view_blueprint").test_client()
    page = client.get(ONE).text
    assert "Under way" not in page
    assert "/mdm/devices/" not in page


def test_three_hundred_artifacts_take_no_more_statements(make_host: Callable[..., Flask]) -> None:
    app = make_host("mdm.*")
    fleet.fill(app, 60)
    configured.lay(app)
    before = {path: statements(app, path) for path in (LIST, ONE, f"{ONE}artifacts/new/")}
    configured.many(app, 300)
    assert {path: statements(app, path) for path in before} == before
    page = app.test_client().get(ONE).text
    assert page.count("<tr>") == 51
    assert "cursor=50" in page
    assert max(before.values()) <= 14
