"""Doctor and settings on the screens."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient


def test_the_doctor_says_what_to_do(browser: FlaskClient) -> None:
    page = browser.get("/mdm/doctor/").text
    assert "Something is broken" in page
    assert "flask zmdm scheduler" in page


def test_settings_are_shown_without_secrets(make_host: Callable[..., Flask]) -> None:
    config = {
        "ZMDM_REDIS_URL": "redis://:hunter2@localhost:1/0",
        "ZMDM_APNS_PROXY": "http://localhost:8080",
    }
    page = make_host("mdm.*", config=config).test_client().get("/mdm/settings/").text
    assert "ZMDM_BASE_URL" in page
    assert "https://mdm.example.com" in page
    assert "hunter2" not in page
    assert "dGVzdHMgb25seT" not in page
    assert page.count("set, hidden") == 2


@pytest.mark.parametrize("path", ["doctor", "settings"])
def test_only_who_may_see_the_system_does(make_host: Callable[..., Flask], path: str) -> None:
    client = make_host("mdm.view_enrolleddevice").test_client()
    assert client.get(f"/mdm/{path}/").status_code == 403
    assert f"/mdm/{path}/" not in client.get("/mdm/devices/").text
