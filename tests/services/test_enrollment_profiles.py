"""What enrollment profiles look like, and in whose signature."""

from __future__ import annotations

import plistlib
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from tests.identities import command, fall_due, poll
from tests.road import Road, lay_road
from zmdm_simulator import enrollment, pki
from zmdm_simulator.pki import Identity
from zmdm_simulator.profile import load


@pytest.fixture(scope="module")
def signer() -> Identity:
    return pki.self_signed([("CN", "Example profiles")], key=pki.new_key())


@pytest.fixture
def signing(signer: Identity, make_app: Callable[..., Flask], sqlite_url: str) -> Flask:
    return make_app(
        sqlite_url,
        ZMDM_PROFILE_SIGNING_CERTIFICATE=pki.pem(signer.certificate).decode(),
        ZMDM_PROFILE_SIGNING_KEY=pki.key_pem(signer.key).decode(),
    )


def test_every_profile_is_signed_where_that_is_configured(signing: Flask, signer: Identity) -> None:
    with lay_road(signing) as road:
        mac = road.enrolled()
        fall_due(road, mac)
        renewal = command(poll(mac))[1]["Payload"]
        first = enrollment.fetch(mac, road.over_the_air())
        for profile in (road.profile, renewal, first):
            assert load(profile).signers == (signer.certificate,)


def test_an_unsigned_profile_is_there_for_who_asks(signing: Flask, tmp_path: Path) -> None:
    with lay_road(signing):
        file = tmp_path / "enroll.mobileconfig"
        args = ["zmdm", "enrollment", "profile", "By hand", "--unsigned", "-o", str(file)]
        result = signing.test_cli_runner().invoke(args=args)
        assert result.exit_code == 0, result.output
        assert plistlib.loads(file.read_bytes())["PayloadType"] == "Configuration"


def test_without_a_configured_key_profiles_are_plain(road: Road) -> None:
    assert load(road.profile).signers == ()


def test_a_profile_by_hand_is_downloaded_from_its_link(road: Road) -> None:
    result = road.app.test_cli_runner().invoke(args=["zmdm", "enrollment", "link", "By hand"])
    response = road.http.get(result.output.strip())
    assert response.headers["Content-Type"] == "application/x-apple-aspen-config"
    assert response.headers["Cache-Control"] == "no-store"
    road.device().enroll(response.content)


def test_a_person_may_install_it(road: Road) -> None:
    assert "PayloadScope" not in plistlib.loads(road.profile)


@pytest.mark.settings(ZMDM_MTLS_PROXY=True, ZMDM_TRUSTED_PROXIES="127.0.0.1")
def test_devices_need_not_sign_behind_an_mtls_front(road: Road) -> None:
    assert load(road.profile).of_type("com.apple.mdm")[0]["SignMessage"] is False


@pytest.mark.settings(ZMDM_MTLS_PROXY=True)
def test_devices_sign_until_the_front_is_named(road: Road) -> None:
    assert load(road.profile).of_type("com.apple.mdm")[0]["SignMessage"] is True
