"""No secret that the fleet ever had stands anywhere in the clear; and the scanner would find it."""

from __future__ import annotations

import contextlib
import logging
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from flask import Flask, Response, request
from itsdangerous import URLSafeTimedSerializer

from tests import hosts
from tests.everywhere import PLACES, Scene, Written, found_in
from tests.hosts import ADMINISTRATOR
from tests.protecting import INTEL, SILICON, lay_protection
from tests.receiver import receiving
from tests.road import factory_anchor, lay_road
from tests.servers import Redis
from zmdm_plugin import Actor, queues
from zmdm_plugin.jobs.webhooks import deliver
from zmdm_plugin.models import Device
from zmdm_plugin.services import audit, events, job_runs, tags, vault
from zmdm_plugin.services.webhooks import hooks

OWN, PIN = "correct horse 7", "314159"
ROTATED = (
    *(vault.FILEVAULT_PRK, vault.RECOVERY_LOCK),
    *(vault.FIRMWARE_PASSWORD, vault.ADMIN_PASSWORD),
)
HARSH: list[int] = []
"""Not empty: the host fails, or refuses, whatever is asked."""


@pytest.fixture(scope="module")
def scene(
    _sqlite_template: Path, _redis: Redis, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    """Macs of both kinds and a phone that have lived a while, under somebody's eyes."""
    _redis.empty()
    copy = shutil.copy(_sqlite_template, tmp_path_factory.mktemp("scene") / "zmdm.sqlite3")
    log, root = Written(), logging.getLogger()
    level = root.level
    root.addHandler(log)
    root.setLevel(logging.DEBUG)
    with receiving() as receiver:
        app = host(f"sqlite:///{copy}", _redis.url)
        with lay_road(app) as road:
            scene = Scene(app, lay_protection(road), log, receiver)
            app.after_request(lambda answer: leaking(scene, answer))
            live(scene)
            yield scene
        hosts.close(app)
    root.setLevel(level)
    root.removeHandler(log)


def host(uri: str, redis_url: str) -> Flask:
    """One that shows its error pages, and can be made to fail and to refuse."""
    app = hosts.make_app(
        uri,
        ZMDM_REDIS_URL=redis_url,
        ZMDM_DEVICE_ANCHORS=factory_anchor(),
        ZMDM_PRIVATE_NETWORKS="127.0.0.0/8",
        PROPAGATE_EXCEPTIONS=False,
    )

    @app.before_request
    def meddle() -> Any:
        if HARSH and HARSH[0] == 500:
            raise RuntimeError("the host is broken")
        return ("no", HARSH[0]) if HARSH else None

    return app


def leaking(scene: Scene, answer: Response) -> Response:
    """What the host adds to answers, once a test has planted it."""
    for (start, status), text in scene.leaks.items():
        if request.path.startswith(start) and answer.status_code == status:
            answer.set_data(answer.get_data() + text.encode())
    return answer


@contextlib.contextmanager
def harsh(status: int) -> Iterator[None]:
    HARSH.append(status)
    yield
    HARSH.clear()


def live(scene: Scene) -> None:
    """Everything that gives, changes, shows and loses secrets."""
    protected, road = scene.protected, scene.protected.road
    with road.rows():
        hooks.create("Desk", scene.receiver.url)
    rule = {"do": "error", "command": "RotateFileVaultKey", "times": 1}
    silicon, intel = protected.mac(SILICON, 1, rule), protected.mac(INTEL, 2)
    phone = road.enrolled("iPhone15,2", 3)
    phone.connect()
    scene.fleet += [silicon, intel, phone]
    protected.administrator(silicon)
    for device in scene.fleet:
        device.settle()
    silicon.secrets.turn_on_filevault()
    for hours in (1, 30, 60, 90):
        with protected.later(hours=hours):
            act(scene)
            for device in scene.fleet:
                protected.talk(device)
        for device in (silicon, intel):
            device.restart()
            for kind in ROTATED:
                protected.due(device, kind)
    remember(scene)
    provoke(scene)
    tell(scene)


def tell(scene: Scene) -> None:
    """Webhooks are told what has happened until then."""
    with scene.protected.later(hours=100), scene.app.app_context():
        deliver()


def act(scene: Scene) -> None:
    """What people do: look, choose, lock, clear, ask for what the device said."""
    api, ids = scene.api, scene.ids()
    for device in ids:
        for name in ("filevault_prk", "recovery_password", "admin_password", "unlock_token"):
            api.get(f"devices/{device}/{name}/")
        for name in ("bootstrap_token", "activation_lock_bypass_code", "device_lock_pin"):
            api.get(f"devices/{device}/{name}/")
    url = f"/api/mdm/devices/{ids[0]}/recovery_password/"
    api.client.put(url, json={"recovery_password": OWN}, headers=api.headers)
    api.post(f"devices/{ids[1]}/commands/device_lock/", {"pin": PIN})
    api.post(f"devices/{ids[2]}/commands/request_unlock_token/")


def remember(scene: Scene) -> None:
    """All that the fleet ever had, and what the vault has for it."""
    with scene.protected.road.rows():
        for one in scene.fleet:
            scene.secrets |= one.secrets.ever | {one.unlock_token} - {None}
            row = scene.protected.road.row(one)
            kept = vault.versions(row.id, vault.KINDS, limit=500)
            scene.secrets |= {vault.unseal(version, "value") or b"" for version in kept}
    scene.secrets |= {OWN, PIN}


def provoke(scene: Scene) -> None:
    """Requests at fault that carry secrets, and a host that fails while they are asked."""
    mac, phone = scene.fleet[0], scene.fleet[2]
    number, lock = scene.ids()[0], mac.secrets.recovery_lock or OWN
    api, path = scene.api, f"/api/mdm/devices/{scene.ids()[0]}/recovery_password/"
    asked: dict[str, Callable[[], Any]] = {
        "api": lambda: api.client.put(
            path, json={"recovery_password": lock * 9}, headers=api.headers
        ),
        "api, no JSON": lambda: api.client.put(path, data=lock, headers=api.headers),
        "api, wrong type": lambda: api.post(
            f"devices/{number}/commands/device_lock/", {"pin": [PIN], "message": {OWN: OWN}}
        ),
        "screen": lambda: posted(scene, f"/mdm/devices/{number}/secret/recovery_password/set/"),
        "screen, no token": lambda: scene.screens.post(
            f"/mdm/devices/{number}/secret/recovery_password/set/", data={"password": OWN}
        ),
        "screen, not there": lambda: scene.screens.get("/mdm/devices/999/secrets/"),
        "device": lambda: mac.wire.connect(lock.encode()),
        "device, a stranger": lambda: phone.wire.connect(OWN.encode(), identity=mac.stranger()),
        "device, no such route": lambda: scene.screens.put("/public/mdm/nowhere/", data=OWN),
    }
    for where, ask in asked.items():
        scene.keep_page(where, ask())
        for status in (500, 403, 401):
            with harsh(status):
                scene.keep_page(f"{where}, the host answers {status}", ask())


def posted(scene: Scene, url: str) -> Any:
    """A form as a page sends it, with what cannot be typed in it."""
    client = scene.screens
    with client.session_transaction() as cookie:
        cookie["csrf_token"] = "walked"
    key = scene.app.secret_key or ""
    token = URLSafeTimedSerializer(key, salt="wtf-csrf-token").dumps("walked")
    return client.post(url, data={"csrf_token": token, "password": f"{OWN}\t"})


@pytest.mark.parametrize("place", PLACES)
def test_no_secret_that_the_fleet_ever_had_stands_there(scene: Scene, place: str) -> None:
    assert len(scene.secrets) > 20
    assert found_in(scene, place, scene.secrets) == []


def in_rows(scene: Scene, secret: str) -> None:
    with scene.protected.road.rows() as session:
        session.get_one(Device, 1).name = secret


def in_a_deleted_row(scene: Scene, secret: str) -> None:
    with scene.protected.road.rows() as session:
        tag = tags.create(secret)
        session.flush()
    with scene.protected.road.rows() as session:
        session.delete(session.merge(tag))


def in_a_job(scene: Scene, secret: str) -> None:
    with scene.app.app_context():
        assert queues.defer_now("test.nothing", secret)


def in_a_result(scene: Scene, secret: str) -> None:
    with redis.Redis.from_url(scene.app.config["ZMDM_REDIS_URL"]) as client:
        client.xadd("rq:results:1", {"return_value": secret})


def in_an_event(scene: Scene, secret: str) -> None:
    with scene.protected.road.rows():
        events.record("command.note", device=1, command="0", text=secret)
    tell(scene)


def in_the_audit(scene: Scene, secret: str) -> None:
    with scene.protected.road.rows():
        audit.record(Actor(id="user:9", label=secret), "test.planted", reason=secret)


def in_a_run(scene: Scene, secret: str) -> None:
    with scene.protected.road.rows():
        job_runs.start("test.count", ADMINISTRATOR, title=secret)


def in_a_message(_scene: Scene, secret: str) -> None:
    logging.getLogger("zmdm_plugin.test").debug("the key is %s", secret)


def in_a_structured_value(_scene: Scene, secret: str) -> None:
    logging.getLogger("zmdm_plugin.test").info("done", extra={"zmdm_body": {"key": secret}})


def in_a_traceback(_scene: Scene, secret: str) -> None:
    try:
        raise ValueError(secret)
    except ValueError:
        logging.getLogger("zmdm_plugin.test").exception("it failed")


def on_pages(start: str, status: int) -> Callable[[Scene, str], None]:
    """The host lets it out on such answers."""

    def plant(scene: Scene, secret: str) -> None:
        scene.leaks[start, status] = secret
        provoke(scene)
        scene.leaks.clear()

    return plant


PLANTS: list[tuple[str, Callable[[Scene, str], None]]] = [
    ("tables", in_rows),
    ("tables", in_a_run),
    ("tables", in_an_event),
    ("tables", in_the_audit),
    ("database file", in_a_deleted_row),
    ("redis", in_a_job),
    ("redis", in_a_result),
    ("logs", in_a_message),
    ("logs", in_a_structured_value),
    ("logs", in_a_traceback),
    ("api", in_rows),
    ("api", in_the_audit),
    ("exports", in_rows),
    ("exports", in_the_audit),
    ("screens", in_rows),
    ("screens", in_an_event),
    ("webhooks", in_an_event),
    *(("error pages", on_pages("/mdm/", status)) for status in (400, 403, 404, 500)),
    *(("error pages", on_pages("/api/mdm/", status)) for status in (403, 422, 500)),
    *(("error pages", on_pages("/public/mdm/", status)) for status in (400, 404, 503)),
]


@pytest.mark.parametrize("number", range(len(PLANTS)))
def test_one_that_was_planted_is_found(scene: Scene, number: int) -> None:
    place, plant = PLANTS[number]
    secret = f"PLANTED-{number:03}-K7Q2"
    plant(scene, secret)
    assert found_in(scene, place, [secret])


def test_one_is_planted_in_each_place() -> None:
    assert {place for place, _ in PLANTS} == PLACES.keys()
