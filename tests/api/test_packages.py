"""Packages over HTTP: uploaded, fetched, used by artifacts; and what is installed where."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from flask import Flask

from tests.api.world import Program, make_token
from tests.hosts import run_jobs
from tests.software import EDITOR, pkg
from zmdm_simulator import packages as built
from zmdm_simulator.packages import App

SIGNED = pkg(padding_bytes=400_000)
DIGEST = hashlib.sha256(SIGNED).hexdigest()


@pytest.fixture
def program(app: Flask) -> Program:
    return Program(app.test_client(), {"Authorization": f"Token {make_token(app)}"})


def upload(program: Program, data: bytes, name: str = "editor.pkg", **fields: str) -> Any:
    return program.client.put(
        "/api/mdm/packages/upload/",
        headers=program.headers,
        data={"file": (io.BytesIO(data), name), **fields},
        content_type="multipart/form-data",
    )


def test_an_upload_is_read_and_the_same_again_is_the_same_package(program: Program) -> None:
    first = upload(program, SIGNED, name="folder/editor.pkg").json
    assert first["product_id"] == EDITOR.identifier
    assert (first["sha256"], first["size"], first["filename"]) == (
        DIGEST,
        len(SIGNED),
        "editor.pkg",
    )
    assert upload(program, SIGNED).json["id"] == first["id"]
    assert [one["id"] for one in program.get("packages/", sha256=DIGEST).json] == [first["id"]]


@pytest.mark.parametrize(
    ("data", "fields", "why"),
    [
        (built.pkg(EDITOR, signer=None), {}, "not signed"),
        (SIGNED[:-5000], {}, "cut short"),
        (b"", {}, "empty"),
        (SIGNED, {"sha256": "0" * 64}, "another one"),
    ],
)
def test_what_no_device_would_install_is_refused_with_the_reason(
    program: Program, data: bytes, fields: dict[str, str], why: str
) -> None:
    answer = upload(program, data, **fields)
    assert answer.status_code == 422
    assert why in str(answer.json)


def test_a_package_becomes_an_artifact_and_stays_as_long_as_it_is_used(program: Program) -> None:
    package = upload(program, SIGNED).json["id"]
    made = program.post(
        "artifacts/", {"type": "enterprise_app", "name": "Editor", "platforms": ["macOS"]}
    ).json
    document = {"package": package, "configuration": {"Key": "secret"}, "install_as_managed": True}
    version = program.post(f"artifacts/{made['id']}/versions/", {"document": document}).json
    assert version["content"]["product_version"] == "4.2.1"
    assert "secret" not in str(version)
    path = f"/api/mdm/packages/{package}/"
    assert program.client.delete(path, headers=program.headers).status_code == 409
    program.client.delete(f"/api/mdm/artifacts/{made['id']}/", headers=program.headers)
    assert program.client.delete(path, headers=program.headers).status_code == 204


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"package": 99}, "package"),
        ({"package": 0, "remove_on_unenroll": True}, "remove_on_unenroll"),
        ({"package": 0, "configuration": {"a": 1}}, "configuration"),
        ({"package": 0, "vpn_uuid": "x"}, "source"),
    ],
)
def test_a_version_that_makes_no_sense_is_refused(
    program: Program, document: dict[str, Any], field: str
) -> None:
    package = upload(program, SIGNED).json["id"]
    asked = {"type": "enterprise_app", "name": "Editor", "platforms": ["macOS"]}
    made = program.post("artifacts/", asked).json
    sent = {**document, "package": document["package"] or package}
    answer = program.post(f"artifacts/{made['id']}/versions/", {"document": sent})
    assert answer.status_code == 422
    assert field in str(answer.json)


def test_another_product_or_platform_is_refused(program: Program) -> None:
    editor = upload(program, SIGNED).json["id"]
    other = upload(program, pkg(App("org.example.other", "Other", "1"))).json["id"]
    asked = {"type": "enterprise_app", "name": "Editor", "platforms": ["macOS"]}
    path = f"artifacts/{program.post('artifacts/', asked).json['id']}/versions/"
    assert program.post(path, {"document": {"package": editor}}).status_code == 201
    answer = program.post(path, {"document": {"package": other}})
    assert "org.example.editor.app" in str(answer.json)
    everywhere = program.post("artifacts/", {"type": "enterprise_app", "name": "Other"}).json
    answer = program.post(
        f"artifacts/{everywhere['id']}/versions/", {"document": {"package": other}}
    )
    assert "it is for macOS" in str(answer.json)


KEY = "?signature=s3cret"


MOVED = {
    "/latest": f"/editor.pkg{KEY}",
    "/round": "/round",
    "/other": "https://127.0.0.2:1/editor.pkg",
    "/file": "file:///etc/passwd",
    "/odd": "https://[",
}
"""Where the server sends on to."""


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: a test's output is its own."""


@pytest.fixture
def elsewhere() -> Iterator[str]:
    """A server that has the package, and takes up downloads where they broke off."""

    def serve(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        if (on := MOVED.get(environ["PATH_INFO"])) is not None:
            start("302 Found", [("Location", on), ("Content-Length", "0")])
            return []
        assert environ["QUERY_STRING"] == KEY.removeprefix("?")
        first = int(environ.get("HTTP_RANGE", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        part = SIGNED[first : first + 150_000]
        span = f"bytes {first}-{first + len(part) - 1}/{len(SIGNED)}"
        start("206 Partial Content", [("Content-Range", span), ("Content-Length", str(len(part)))])
        return [part]

    with make_server("127.0.0.1", 0, serve, handler_class=_Quiet) as server:
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/editor.pkg"
        server.shutdown()


def test_a_job_fetches_a_package_in_parts(
    elsewhere: str, sqlite_url: str, redis_url: str, make_app: Callable[..., Flask]
) -> None:
    app = make_app(sqlite_url, ZMDM_REDIS_URL=redis_url, ZMDM_PRIVATE_NETWORKS="127.0.0.0/8")
    program = Program(app.test_client(), {"Authorization": f"Token {make_token(app)}"})
    task = program.post("packages/fetch/", {"url": f"{elsewhere}{KEY}", "sha256": DIGEST}).json
    run_jobs(app)
    result = program.client.get(task["task_result_url"], headers=program.headers).json
    assert result["status"] == "SUCCESS"
    package = program.get(f"packages/{result['result']['package']}/").json
    assert (package["sha256"], package["source_url"]) == (DIGEST, elsewhere)
    assert KEY not in str([result, *program.pages("audit/")])


def fetched(app: Flask, url: str) -> Any:
    program = Program(app.test_client(), {"Authorization": f"Token {make_token(app)}"})
    task = program.post("packages/fetch/", {"url": url, "sha256": DIGEST}).json
    run_jobs(app)
    return program.client.get(task["task_result_url"], headers=program.headers).json


def test_a_job_follows_where_a_server_sends_it_on(
    elsewhere: str, sqlite_url: str, redis_url: str, make_app: Callable[..., Flask]
) -> None:
    app = make_app(sqlite_url, ZMDM_REDIS_URL=redis_url, ZMDM_PRIVATE_NETWORKS="127.0.0.0/8")
    base = elsewhere.removesuffix("/editor.pkg")
    assert fetched(app, f"{base}/latest")["status"] == "SUCCESS"
    reasons = {"round": "on and on", "file": "must begin with https", "odd": "failed"}
    for place, why in reasons.items():
        result = fetched(app, f"{base}/{place}")
        assert (result["status"], why in str(result)) == ("FAILURE", True)


def test_a_job_is_not_sent_on_to_a_private_address(
    elsewhere: str, sqlite_url: str, redis_url: str, make_app: Callable[..., Flask]
) -> None:
    here = elsewhere.removeprefix("http://").partition(":")[0]
    app = make_app(sqlite_url, ZMDM_REDIS_URL=redis_url, ZMDM_PRIVATE_NETWORKS=f"{here}/32")
    result = fetched(app, elsewhere.replace("/editor.pkg", "/other"))
    assert (result["status"], "private address" in str(result)) == ("FAILURE", True)


def test_what_is_no_address_is_refused(program: Program) -> None:
    answer = program.post("packages/fetch/", {"url": "https://[", "sha256": DIGEST})
    assert (answer.status_code, "url" in str(answer.json)) == (422, True)


def test_a_private_address_is_not_fetched_from(
    elsewhere: str, sqlite_url: str, redis_url: str, make_app: Callable[..., Flask]
) -> None:
    app = make_app(sqlite_url, ZMDM_REDIS_URL=redis_url)
    program = Program(app.test_client(), {"Authorization": f"Token {make_token(app)}"})
    assert program.post("packages/fetch/", {"url": elsewhere, "sha256": DIGEST}).status_code == 422
    asked = {"url": elsewhere.replace("http:", "https:"), "sha256": DIGEST}
    task = program.post("packages/fetch/", asked).json
    run_jobs(app)
    result = program.client.get(task["task_result_url"], headers=program.headers).json
    assert result["status"] == "FAILURE"
    assert "private address" in str(result)
