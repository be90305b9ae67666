"""A package that comes lies in the storage's folder: the system's temporary one may be memory."""

from __future__ import annotations

import contextlib
import io
import os
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests.admin.conftest import token
from tests.api.world import make_token
from tests.software import pkg

HEAD = (
    b'--edge\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\n%s\r\n'
    b'--edge\r\nContent-Disposition: form-data; name="file"; filename="editor.pkg"\r\n\r\n'
)
TYPE = "multipart/form-data; boundary=edge"
BODY = pkg(padding_bytes=2_000_000)


class Watched(io.BytesIO):
    """What is read of a request, and which files are open meanwhile."""

    open: set[str]

    def readinto(self, buffer: Any) -> int:
        for number in os.listdir("/proc/self/fd"):
            with contextlib.suppress(OSError):
                self.open.add(os.readlink(f"/proc/self/fd/{number}"))
        return super().readinto(buffer)


def sent(secret: str = "") -> tuple[Watched, dict[str, Any]]:
    body = Watched((HEAD % secret.encode()) + BODY + b"\r\n--edge--\r\n")
    body.open = set()
    size = len(body.getbuffer())
    return body, {"input_stream": body, "content_type": TYPE, "content_length": size}


@pytest.fixture
def app(sqlite_url: str, tmp_path: Path, make_app: Callable[..., Flask]) -> Flask:
    return make_app(sqlite_url, ZMDM_STORAGE_FOLDER=str(tmp_path / "kept"))


def test_what_a_program_sends_lies_there(app: Flask, tmp_path: Path) -> None:
    body, request = sent()
    headers = {"Authorization": f"Token {make_token(app)}"}
    path = "/api/mdm/packages/upload/"
    answer = app.test_client().put(path, headers=headers, **request)
    assert answer.status_code == 200
    assert any(one.startswith(f"{tmp_path}/kept/") for one in body.open)


def test_what_an_administrator_sends_lies_there(app: Flask, tmp_path: Path) -> None:
    browser = app.test_client()
    body, request = sent(token(browser, "/mdm/packages/new/"))
    assert browser.post("/mdm/packages/new/", **request).status_code == 303
    assert any(one.startswith(f"{tmp_path}/kept/") for one in body.open)


def test_a_disk_without_room_is_an_outage_in_words(app: Flask) -> None:
    browser = app.test_client()
    shown = token(browser, "/mdm/packages/new/")
    headers = {"Authorization": f"Token {make_token(app)}"}
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    try:
        answers = [
            app.test_client().put("/api/mdm/packages/upload/", headers=headers, **sent()[1]),
            browser.post("/mdm/packages/new/", **sent(shown)[1]),
        ]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [one.status_code for one in answers] == [503, 503]
    assert all("upload cannot be written" in one.text for one in answers)
