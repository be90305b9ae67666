"""Names are as long as people make them: no page gets wider than a phone, and no table hides a
column beside a common screen; of what is deep, every word can be read."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from tests.browser.conftest import Visit
from zmdm_plugin import db
from zmdm_plugin.models import (
    Channel,
    ChannelCommand,
    DepVirtualServer,
    Device,
    MDMBlueprint,
    Realm,
    SoftwareUpdateEnforcement,
    Webhook,
)

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.slow]
Start = Callable[..., Visit]
WORD = "Aufsichtsratsvorsitzenderstellvertretungsgeräteausgabestelle"
ADDRESS = "https://hooks.example.com/a/long/path/0123456789abcdef0123456789abcdef0123456789abcdef/"
TABLES = ("settings", "webhooks", "realms", "scep_issuers", "devices", "commands", "roles")
TABLES += ("devices/1/commands", "push_certificates", "enrollments", "dep/servers", "blueprints")
DEEP = {"Firewall": {"Applications": [{"BundleID": "com.example.sync", "Allowed": True}]}}


@pytest.fixture
def devices() -> int:
    """A handful: what matters here is how they are called."""
    return 4


@pytest.fixture
def named(host: Flask) -> None:
    """A host where everything has a long name."""
    with host.app_context(), db.transaction() as session:
        session.get_one(Device, 1).security_info = DEEP
        session.get_one(Device, 1).name = f"{WORD}-{WORD}"
        session.add_all(
            [
                MDMBlueprint(name=WORD),
                SoftwareUpdateEnforcement(name=WORD, platforms=["macOS"], max_os_version="27"),
                Webhook(name=WORD, url=ADDRESS, kinds=[], tags=[]),
                Realm(name=WORD, backend="oidc", config={"issuer": ADDRESS}, claim_mapping={}),
                DepVirtualServer(name=WORD),
                ChannelCommand(
                    channel_id=session.get_one(Channel, 1).id,
                    device_id=1,
                    name="ProfileList",
                    request_type="ProfileList",
                    args={},
                    state="queued",
                    actor_label=f"{WORD.lower()}@example.com",
                ),
            ]
        )


@pytest.mark.usefixtures("named")
def test_long_words_fit_a_phone(visit: Start) -> None:
    one = visit(width=390)
    one.sign_in()
    wider = {}
    for path in (
        "/mdm/blueprints/edit/",
        "/mdm/software_update_enforcements/edit/",
        "/mdm/commands/",
        "/mdm/devices/1/commands/",
        "/mdm/devices/1/send/",
        "/mdm/dep/servers/1/",
    ):
        page = one.open(path)
        wider[path] = page.evaluate(
            "[document.documentElement, ...document.querySelectorAll('.table-frame, .offers')]"
            ".map((part) => part.scrollWidth - part.clientWidth).filter((pixels) => pixels > 0)"
        )
    assert {path: pixels for path, pixels in wider.items() if pixels} == {}


@pytest.mark.usefixtures("named")
def test_the_last_column_is_on_a_common_screen(visit: Start) -> None:
    one = visit(width=1280)
    one.sign_in()
    hidden = {}
    for name in TABLES:
        page = one.open(f"/mdm/{name}/")
        frame = page.locator(".table-frame").first
        hidden[name] = frame.evaluate("(frame) => frame.scrollWidth - frame.clientWidth")
    assert {name: pixels for name, pixels in hidden.items() if pixels > 0} == {}


@pytest.mark.usefixtures("named")
def test_what_is_deep_in_the_facts_can_be_read(visit: Start) -> None:
    one = visit(width=1366)
    one.sign_in()
    page = one.open("/mdm/devices/1/facts/")
    value = page.locator("dd", has_text="com.example.sync").last.bounding_box()
    assert value is not None and value["width"] > 100
