"""/api/task_result/<uuid>/: how far long work is, for the program that ordered it."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from flask import Flask

from tests.api.world import Program, audit_trail, program
from tests.hosts import ADMINISTRATOR
from zmdm_plugin import Actor, db
from zmdm_plugin.blueprints.api.task_results import accepted
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import job_runs, tokens
from zmdm_plugin.services.job_runs import Step

OTHER = Actor(id="user:8", label="other")


def start(app: Flask, actor: Actor = ADMINISTRATOR) -> str:
    with app.app_context(), db.transaction():
        return job_runs.start("test.count", actor, title="Count to ten", total=10).uid


def step(app: Flask, uid: str, **more: Any) -> None:
    with app.app_context(), db.transaction():
        claimed = job_runs.claim(uid, now=utcnow())
        assert claimed is not None
        job_runs.advance(claimed, Step(**more), now=utcnow())


def result(api: Program, uid: str) -> Any:
    return api.client.get(f"/api/task_result/{uid}/", headers=api.headers)


def test_a_task_tells_how_far_it_is(app: Flask, api: Program) -> None:
    uid = start(app)
    waiting = result(api, uid).json
    assert (waiting["name"], waiting["id"], waiting["status"]) == ("test.count", uid, "PENDING")
    assert waiting["unready"] is True and waiting["result"] is None
    step(app, uid, done=4, message="on it")
    running = result(api, uid).json
    assert (running["status"], running["message"]) == ("STARTED", "on it")
    assert running["progress"] == {"done": 4, "total": 10, "percent": 40}


def test_a_finished_task_has_its_result(app: Flask, api: Program) -> None:
    uid = start(app)
    step(app, uid, done=10, finished=True, result={"ordered": 10})
    done = result(api, uid).json
    assert (done["status"], done["unready"], done["result"]) == ("SUCCESS", False, {"ordered": 10})
    assert done["finished_at"].endswith("Z") and done["progress"]["percent"] == 100


def test_a_failed_task_says_why(app: Flask, api: Program) -> None:
    uid = start(app)
    with app.app_context(), db.transaction():
        job_runs.fail(uid, "the token has expired", now=utcnow())
    failed = result(api, uid).json
    assert (failed["status"], failed["unready"]) == ("FAILURE", False)
    assert failed["message"] == "the token has expired"


def test_ones_own_needs_no_permission_and_others_do(app: Flask) -> None:
    own, theirs = start(app), start(app, OTHER)
    reader = program(app, "mdm.view_enrolleddevice")
    assert result(reader, own).status_code == 200
    assert result(reader, theirs).status_code == 403
    assert result(program(app, "mdm.view_jobrun"), theirs).status_code == 200


def test_what_one_of_ones_tokens_ordered_is_ones_own(app: Flask) -> None:
    with app.app_context(), db.transaction():
        row, _ = tokens.create("t", ADMINISTRATOR, permissions=["mdm.*"], actor=ADMINISTRATOR)
        actor = tokens.actor_of(row)
    assert result(program(app, "mdm.view_enrolleddevice"), start(app, actor)).status_code == 200


def test_an_unknown_task_is_a_404_in_json(api: Program) -> None:
    assert result(api, str(uuid4())).json["code"] == 404


def test_a_task_needs_a_token(app: Flask) -> None:
    answer = app.test_client().get(f"/api/task_result/{start(app)}/")
    assert (answer.status_code, answer.json["code"]) == (401, 401)


def test_tasks_are_listed_the_newest_first(app: Flask, api: Program) -> None:
    uids = [start(app) for _ in range(3)]
    step(app, uids[0], done=10, finished=True)
    assert [task["id"] for task in api.get("tasks/").json] == uids[::-1]
    assert [task["id"] for task in api.get("tasks/", state="done").json] == uids[:1]
    assert api.get("tasks/", state="nonsense").status_code == 422
    assert [len(page) for page in api.pages("tasks/", limit=2)] == [2, 1]
    assert program(app, "mdm.view_enrolleddevice").get("tasks/").status_code == 403


def test_a_task_is_stopped_once(app: Flask, api: Program) -> None:
    uid = start(app)
    assert api.post(f"tasks/{uid}/stop/").json["status"] == "REVOKED"
    assert api.post(f"tasks/{uid}/stop/").status_code == 409
    (entry,) = audit_trail(app)
    assert (entry.action, entry.before, entry.after) == (
        "job.stop",
        {"state": "queued"},
        {"state": "cancelled"},
    )


def test_an_order_is_answered_with_where_to_ask(app: Flask, api: Program) -> None:
    uid = start(app)
    with app.test_request_context():
        answer = accepted(job_runs.find(uid))
    assert answer == {"task_id": uid, "task_result_url": f"/api/task_result/{uid}/"}
