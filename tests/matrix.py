"""Who may do what, found out by trying: every operation and every screen, as every role.

`matrix_page` writes it down, tests compare it. Each role walks in a copy of the same small world,
so that what one role did stands in no other's way. "Nobody" is
signed in and has no role: whatever does not refuse them is open, or refuses for another reason
before it asks for the permission, which tells strangers what there is.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from flask_sqlalchemy import SQLAlchemy
from itsdangerous import URLSafeTimedSerializer

from tests import accounts, books, fleet, hosts
from zmdm_plugin import Actor, Zmdm, db, policy
from zmdm_plugin.models import (
    AccountSettings,
    AdeSettings,
    AuditEntry,
    ChannelCommand,
    DepDevice,
    Enrollment,
    JobRun,
)
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.protocol import plist
from zmdm_plugin.services import audit, job_runs, tags, tokens
from zmdm_plugin.services.ade import settings as ade
from zmdm_plugin.services.alerts import watch
from zmdm_plugin.services.alerts.condition import Condition
from zmdm_plugin.services.dep import setup as dep_setup
from zmdm_plugin.services.enrollment import enrollments
from zmdm_plugin.services.protection import configs
from zmdm_plugin.services.realms import accounts as local_accounts
from zmdm_plugin.services.realms import realms
from zmdm_plugin.services.software_updates import enforcements as updates

NOBODY = "nobody"
ROLES = (NOBODY, *policy.ROLES)
WALKER = Actor(id="user:1", label="walker@example.com")
OTHER = Actor(id="user:2", label="other@example.com")
READS = ("GET", "HEAD")
PAGE = Path(__file__).parents[1] / "docs" / "permissions.md"
_CUSTOM = plist.dumps({"RequestType": "RequestMirroring"}).decode("ascii")
_PROFILE = plist.dumps(
    {
        "PayloadType": "Configuration",
        "PayloadVersion": 1,
        "PayloadIdentifier": "com.example.matrix",
        "PayloadUUID": "b1512b8d-1e17-4181-a1c3-93a7243fddd4",
        "PayloadContent": [],
    }
)


@dataclass(slots=True)
class World:
    """A host whose one user has the role that is tried, and the ids of what there is in it."""

    app: Flask
    role: str
    token: str
    ids: Mapping[str, Any]

    def value(self, name: str) -> Any:
        """Something for an argument of a path."""
        return self.ids.get(name, 1)

    def address(self, path: str) -> str:
        """A path of the description, filled in."""
        return re.sub(r"\{(\w+)\}", lambda found: str(self.value(found[1])), path)


@dataclass(slots=True)
class Walked:
    """What came of it: (method, path) -> roles that were let in; and what was wrong on the way."""

    allowed: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    permissions: dict[tuple[str, str], str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def note(self, world: World, method: str, path: str, status: int, written: list[str]) -> None:
        """One answer, and the actions that it left in the audit."""
        let_in = self.allowed.setdefault((method, path), set())
        if status >= 500 or status in (400, 401):
            self.wrong.append(f"{world.role} {method} {path}: {status}")
        elif status == 403:
            if written != ["denied"]:
                self.wrong.append(f"{world.role} {method} {path}: a denial left {written}")
        else:
            let_in.add(world.role)
            if status < 400 and method not in READS and not written:
                self.wrong.append(f"{world.role} {method} {path}: {status} without audit entry")


@contextmanager
def worlds() -> Iterator[Callable[[str], World]]:
    """`make(role)` gives each role a world of its own, all of them alike."""
    made: list[Flask] = []
    with tempfile.TemporaryDirectory(prefix="zmdm-matrix-") as folder:
        template = Path(folder) / "template.sqlite3"
        text = _lay(f"sqlite:///{template}")

        def make(role: str) -> World:
            copy = shutil.copy(template, Path(folder) / f"{role}.sqlite3")
            app = _host(f"sqlite:///{copy}", role)
            made.append(app)
            with app.app_context():
                return World(app, role, text, _ids())

        yield make
        for app in made:
            hosts.close(app)


class Holds:
    """What is true of operations and screens alike; test classes give `walked`."""

    def test_nothing_went_wrong_and_every_action_and_denial_is_in_the_audit(
        self, walked: Walked
    ) -> None:
        assert walked.wrong == []

    def test_nobody_is_let_in_anywhere(self, walked: Walked) -> None:
        assert [where for where, let_in in walked.allowed.items() if NOBODY in let_in] == []

    def test_an_administrator_is_let_in_everywhere(self, walked: Walked) -> None:
        name = policy.ADMINISTRATOR.name
        assert [where for where, let_in in walked.allowed.items() if name not in let_in] == []


def walk_api() -> Walked:
    """Every operation of the description, with a token for everything."""
    walked = Walked()
    with worlds() as make:
        for role in ROLES:
            world = make(role)
            client = world.app.test_client()
            headers = {"Authorization": f"Token {world.token}"}
            spec = client.get("/api/mdm/openapi.json").json
            for method, path, operation in operations(spec):
                url = world.address(path)
                body = _body(spec, operation)
                sent = {} if body is None else {"json": body}
                with _audited(world.app) as written:
                    answer = client.open(url, method=method, headers=headers, **sent)
                    answer.get_data()
                walked.note(world, method, path, answer.status_code, written)
                walked.permissions[method, path] = operation["x-permission"]
    return walked


def walk_screens() -> Walked:
    """Every screen and every form of them."""
    walked = Walked()
    with worlds() as make:
        for role in ROLES:
            world = make(role)
            client = world.app.test_client()
            token = _form_token(world.app, client)
            for method, rule, url in screens(world):
                form = {"csrf_token": token, **FORMS.get(rule, {})}
                with _audited(world.app) as written:
                    answer = client.open(url, method=method, data=form if method == "POST" else {})
                    answer.get_data()
                walked.note(world, method, rule, answer.status_code, written)
    return walked


def operations(spec: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Method, path and description, what only reads first: acting changes what there is."""
    found = [
        (method.upper(), path, operation)
        for path, item in spec["paths"].items()
        for method, operation in item.items()
        if method in ("get", "post", "put", "patch", "delete")
    ]
    order = {"GET": 0, "POST": 1, "PUT": 1, "PATCH": 1, "DELETE": 2}
    return iter(sorted(found, key=lambda item: (order[item[0]], item[1])))


def screens(world: World) -> Iterator[tuple[str, str, str]]:
    """Method, rule and address of every screen."""
    adapter = world.app.url_map.bind("localhost")
    for method in ("GET", "POST"):
        for rule in sorted(world.app.url_map.iter_rules(), key=lambda rule: rule.rule):
            ours = rule.rule.startswith("/mdm/") and not rule.endpoint.endswith(".static")
            if ours and method in (rule.methods or ()):
                values = {name: world.value(name) for name in rule.arguments}
                yield method, rule.rule, adapter.build(rule.endpoint, values, method=method)


FORMS: dict[str, dict[str, Any]] = {
    "/mdm/alerts/<int:alert_id>/snooze/": {"for": "1h"},
    "/mdm/dep/devices/assign/": {"which": '{"ids": [1]}'},
    "/mdm/devices/<int:device_id>/do/": {"do": "poke"},
    "/mdm/devices/<int:device_id>/tags/": {"tag": "1", "tags": "1"},
    "/mdm/licences/<int:location_asset_id>/order/": {"action": "assign", "serials": "C02"},
    "/mdm/devices/bulk/": {"action": "poke", "which": '{"ids": [1]}', "count": "1"},
}
"""What a form needs for its view to know what is asked, by rule."""

BODIES: dict[str, Any] = {
    "assign_dep_devices": {"ids": [1]},
    "assign_licences": {"serial_numbers": ["C02"]},
    "revoke_licences": {"serial_numbers": ["C02"]},
    "snooze_alert": {"duration": "1h"},
    "lock_device": {"pin": "123456"},
    "queue_device_lock": {"pin": "123456"},
    "queue_custom": {"command": _CUSTOM},
    "queue_install_profile": {"profile": b64encode(_PROFILE).decode("ascii")},
}
"""What an operation needs beyond the required fields of its schema, by operationId."""


def _host(uri: str, role: str) -> Flask:
    app = hosts.Host("zmdm_matrix_host")
    app.config.update(hosts.DEFAULTS, SQLALCHEMY_DATABASE_URI=uri, PROPAGATE_EXCEPTIONS=False)

    def authorize(actor: Actor, permission: str, _subject: object) -> bool:
        return actor != WALKER or policy.allows(role, permission)

    Zmdm(SQLAlchemy(app)).init_app(app, authorize=authorize, current_actor=lambda: WALKER)
    return app


def _lay(uri: str) -> str:
    """Three devices with a past, one of everything else, all of it somebody else's; and a token
    for everything, made while its owner may do everything. Returns its text."""
    hosts.migrate(uri)
    app = _host(uri, policy.ADMINISTRATOR.name)
    fleet.fill(app, 3)
    fleet.live(app)
    with app.app_context(), db.transaction() as session:
        tokens.create("theirs", OTHER, permissions=["mdm.*"], actor=OTHER)
        _, text = tokens.create("walker", WALKER, permissions=["mdm.*"], actor=WALKER)
        job_runs.start("test.count", OTHER, title="Count to ten", total=10)
        _lay_small_things()
        server = dep_setup.begin("MDM", actor=OTHER, now=utcnow())
        server.uuid = "F" * 32
        session.add(DepDevice(server_id=server.id, serial_number="C02DEP", seen_at=utcnow()))
        updates.create({"name": "Newest", "platforms": ["macOS"], "max_os_version": "27"})
        escrow = {"name": "Disks", "escrow_location_display_name": "Example"}
        configs.create(configs.FILEVAULT, escrow)
        configs.create(configs.RECOVERY, {"name": "Start"})
        books.lay_rows(session)
        given = session.get_one(Enrollment, 1)
        for kind in enrollments.KINDS:
            enrollments.create(
                kind, kind, push_certificate=given.push_certificate, issuer=given.scep_issuer
            )
        own_devices = accounts.make(session, "Own devices", realms.create("Staff", "local"))
        audit.record(OTHER, "test.laid", session.get_one(Enrollment, own_devices))
        session.flush()
        ade.create(
            "Boxed",
            {},
            server_id=server.id,
            push_certificate=given.push_certificate,
            issuer=given.scep_issuer,
            actor=OTHER,
        )
        lab = realms.create("Lab", "local")
        local_accounts.create(lab, {"username": "theirs"}, password="correct horse")
    hosts.close(app)
    return text


def _lay_small_things() -> None:
    tags.create("Lab")
    wrong = Condition(kind="devices.push_dead", facts={"devices": 12})
    watch.note([wrong], (), now=utcnow())


def _ids() -> dict[str, Any]:
    session = db.session()
    waiting = sa.select(ChannelCommand.uid).where(ChannelCommand.state == "queued")
    uuid = session.scalars(waiting.order_by(ChannelCommand.id)).first()
    run = session.scalars(sa.select(JobRun.uid)).first()
    boxed = session.scalars(sa.select(AdeSettings.enrollment_id)).first()
    return {
        "ade_enrollment_id": boxed,
        "command_uuid": uuid,
        "uuid": uuid,
        "task_id": run,
        "uid": run,
        "command_name": "EraseDevice",
        "kind": "csv",
        "secret_name": "device_lock_pin",
        "enrollment_id": 2,
        "account_enrollment_id": session.scalars(sa.select(AccountSettings.enrollment_id)).one(),
    }


@contextmanager
def _audited(app: Flask) -> Iterator[list[str]]:
    """The actions of the entries that are written meanwhile."""
    with app.app_context():
        last = db.session().scalar(sa.select(sa.func.max(AuditEntry.id))) or 0
    written: list[str] = []
    yield written
    with app.app_context():
        query = sa.select(AuditEntry.action).where(AuditEntry.id > last)
        written += db.session().scalars(query.order_by(AuditEntry.id))


def _form_token(app: Flask, client: FlaskClient) -> str:
    """The token that a form would carry, without the need to see one."""
    with client.session_transaction() as cookie:
        cookie["csrf_token"] = "walked"
    return URLSafeTimedSerializer(app.secret_key or "", salt="wtf-csrf-token").dumps("walked")


def _body(spec: Mapping[str, Any], operation: Mapping[str, Any]) -> Any:
    """A body with what is required; None where the operation takes none."""
    content = operation.get("requestBody", {}).get("content", {})
    if not content:
        return None
    schema = next(iter(content.values()))["schema"]
    filled = _filled(spec, schema)
    return {**filled, **BODIES.get(operation["operationId"], {})}


def _filled(spec: Mapping[str, Any], schema: Mapping[str, Any]) -> Any:
    """Some value that the schema allows."""
    if "$ref" in schema:
        found: Any = spec
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        return _filled(spec, found)
    if "example" in schema:
        return schema["example"]
    if "enum" in schema:
        return schema["enum"][0]
    if "properties" in schema:
        required = schema.get("required", ())
        return {name: _filled(spec, schema["properties"][name]) for name in required}
    kinds = schema.get("type", "object")
    return _SIMPLE[kinds if isinstance(kinds, str) else kinds[0]](spec, schema)


def _a_text(_spec: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    if schema.get("format") in ("byte", "base64") or "contentEncoding" in schema:
        return "eA=="
    return "x" * max(1, schema.get("minLength", 1))


_SIMPLE: dict[str, Callable[[Mapping[str, Any], Mapping[str, Any]], Any]] = {
    "string": _a_text,
    "integer": lambda _spec, schema: max(1, schema.get("minimum", 1)),
    "number": lambda _spec, schema: max(1, schema.get("minimum", 1)),
    "boolean": lambda _spec, _schema: False,
    "array": lambda spec, schema: [_filled(spec, schema.get("items", {"type": "string"}))],
    "object": lambda _spec, _schema: {},
}
