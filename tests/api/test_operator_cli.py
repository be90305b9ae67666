"""The command line: what is done there is in the audit, and the audit and long work are seen."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import Result
from flask import Flask

from tests.api.world import add_device, audit_trail, program, reading
from tests.hosts import ADMINISTRATOR
from zmdm_plugin import db
from zmdm_plugin.models import ApiToken, AuditEntry
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import job_runs


def run(app: Flask, *arguments: str) -> Result:
    return app.test_cli_runner().invoke(args=["zmdm", *arguments])


def start(app: Flask) -> str:
    with app.app_context(), db.transaction():
        return job_runs.start("test.count", ADMINISTRATOR, title="Count to ten", total=10).uid


def test_what_is_typed_is_in_the_audit_with_the_account(app: Flask) -> None:
    assert run(app, "ca", "create", "Test CA").exit_code == 0
    (entry,) = audit_trail(app)
    assert (entry.action, entry.object_label) == ("ca.create", "Test CA")
    assert entry.actor_id.startswith("cli:") and entry.actor_kind == "system"
    assert "private_key" not in str(entry.after)


def test_the_account_behind_sudo_is_named(app: Flask) -> None:
    runner = app.test_cli_runner(env={"SUDO_USER": "ada"})
    runner.invoke(args=["zmdm", "ca", "create", "Test CA"])
    assert audit_trail(app)[0].actor_label == "ada at the command line"


def test_tokens_of_the_command_line_are_audited(app: Flask) -> None:
    owner = ("--owner", ADMINISTRATOR.id, "--owner-label", ADMINISTRATOR.label)
    run(app, "token", "create", "robot", *owner, "--permission", "mdm.view_*")
    run(app, "token", "revoke", "1", "--yes")
    with reading(app) as session:
        entries = session.scalars(sa.select(AuditEntry).order_by(AuditEntry.id)).all()
        assert [entry.action for entry in entries] == ["token.create", "token.revoke"]
        assert all(entry.actor_id.startswith("cli:") for entry in entries)


def test_a_token_for_nobody_is_refused(app: Flask) -> None:
    answer = run(app, "token", "create", "t", "--owner", "user:99", "--permission", "mdm.view_*")
    assert answer.exit_code == 1 and "user:99 has nothing of mdm.view_*" in answer.output
    with reading(app) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(ApiToken)) == 0


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_the_audit_is_exported(app: Flask, tmp_path: Path, kind: str) -> None:
    device_id = add_device(app)
    program(app).post(f"devices/{device_id}/block/")
    output = tmp_path / "audit"
    words = ("audit", "export", "--format", kind, "--device", str(device_id), "-o", str(output))
    assert run(app, *words).exit_code == 0
    text = output.read_text("utf-8")
    rows = (
        [json.loads(line) for line in text.splitlines()]
        if kind == "jsonl"
        else list(csv.DictReader(io.StringIO(text, newline="")))
    )
    assert [row["action"] for row in rows] == ["device.block"]
    assert "there already" in run(app, *words).output


def test_an_export_goes_to_standard_output_and_is_audited(app: Flask) -> None:
    answer = run(app, "audit", "export", "--after", "2020-01-01")
    (line,) = answer.output.splitlines()
    assert json.loads(line)["action"] == "audit.export"


def test_long_work_is_listed_and_stopped(app: Flask) -> None:
    uid = start(app)
    (row,) = json.loads(run(app, "job", "list", "--json").output)
    assert (row["id"], row["state"], row["total"]) == (uid, "queued", 10)
    assert uid in run(app, "job", "list").output
    assert run(app, "job", "stop", uid).exit_code == 0
    assert run(app, "job", "stop", uid).exit_code == 1
    assert [entry.action for entry in audit_trail(app)] == ["job.stop"]


@pytest.mark.parametrize(("end", "code"), [("done", 0), ("failed", 1)])
def test_waiting_ends_with_the_work(app: Flask, end: str, code: int) -> None:
    uid = start(app)
    with app.app_context(), db.transaction():
        claimed = job_runs.claim(uid, now=utcnow())
        assert claimed is not None
        if end == "done":
            job_runs.advance(claimed, job_runs.Step(done=10, finished=True), now=utcnow())
        else:
            job_runs.fail(uid, "nothing works", now=utcnow())
    answer = run(app, "job", "wait", uid)
    assert answer.exit_code == code and end in answer.output
    assert run(app, "job", "wait", "nonsense").exit_code == 1


def test_a_revealed_link_is_audited(app: Flask, road: object) -> None:
    with reading(app) as session:
        (name,) = session.execute(sa.text("select name from zmdm_enrollment limit 1")).one()
    before = len(audit_trail(app))
    assert run(app, "enrollment", "link", name).output.startswith("http")
    assert [entry.action for entry in audit_trail(app)[before:]] == ["enrollment.reveal_link"]
