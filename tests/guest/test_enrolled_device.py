"""A device that is enrolled with a host lives on through everything the host does to requests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from flask import Flask, abort, redirect
from flask.typing import ResponseReturnValue
from flask_wtf import CSRFProtect

from tests.declaring import Desk
from tests.guest.host import make_host
from tests.hosts import close
from tests.orders import quiet
from tests.protocol.test_ddm_checkin import link
from tests.road import Road, lay_road
from zmdm_simulator.core import Life

Gate = list[Callable[[], ResponseReturnValue]]


@pytest.fixture
def lay(sqlite_url: str, redis_url: str) -> Iterator[Callable[..., Road]]:
    """`lay(before=…, after=…)` is the guest host with all that a device needs to enroll."""
    with ExitStack() as clean_up:

        def make(**parts: Callable[[Flask], object]) -> Road:
            app = make_host(sqlite_url, ZMDM_REDIS_URL=redis_url, **parts)
            clean_up.callback(close, app)
            return clean_up.enter_context(lay_road(app))

        yield make


@pytest.mark.parametrize("order", ["before", "after"])
def test_a_device_enrolls_and_answers_behind_csrf_protection(
    lay: Callable[..., Road], order: str
) -> None:
    mac = lay(**{order: CSRFProtect}).enrolled()
    assert "DeviceInformation" in mac.connect().request_types


@pytest.mark.parametrize(
    "answer",
    [
        lambda: ("Sign in first", 401),
        lambda: abort(401),
        lambda: abort(403),
        lambda: abort(410),
        lambda: redirect("/sign-in"),
        lambda: ("Slow down", 429),
    ],
)
def test_a_device_outlives_a_hook_and_answers_once_it_is_exempt(
    lay: Callable[..., Road], answer: Callable[[], ResponseReturnValue]
) -> None:
    gate: Gate = []
    road = lay(before=lambda app: app.before_request(lambda: gate[0]() if gate else None))
    mac = road.enrolled()
    gate.append(answer)
    assert mac.update_token().status_code == 503
    assert mac.life is Life.ENROLLED
    gate.clear()
    assert "DeviceInformation" in mac.connect().request_types


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "answer",
    [
        lambda: ("Sign in first", 401),
        lambda: abort(403),
        lambda: abort(404),
        lambda: redirect("/sign-in"),
        lambda: ("Slow down", 429),
        lambda: "Welcome",
    ],
)
def test_a_download_waits_for_a_hook_to_be_exempt(
    lay: Callable[..., Road], answer: Callable[[], ResponseReturnValue], method: str
) -> None:
    """A stranger's page in place of a profile would be an asset that cannot be verified."""
    gate: Gate = []
    road = lay(before=lambda app: app.before_request(lambda: gate[0]() if gate else None))
    desk = Desk(road)
    mac = desk.assign(quiet(road, road.enrolled()))
    url = link(desk, mac, desk.profile("Wi-Fi"))
    gate.append(answer)
    assert road.http.request(method, url).status_code == 503
    assert desk.ask(mac, "tokens").status_code == 503
    gate.clear()
    assert road.http.request(method, url).status_code == 200


@pytest.mark.parametrize("order", ["before", "after"])
def test_declarations_and_downloads_need_no_csrf_token(
    lay: Callable[..., Road], order: str
) -> None:
    road = lay(**{order: CSRFProtect})
    desk = Desk(road)
    wifi = desk.profile("Wi-Fi")
    mac = desk.assign(quiet(road, road.enrolled()))
    mac.connect()
    assert desk.state(mac, wifi).status == "installed"
