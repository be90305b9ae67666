"""Whatever a program sends: never a 5xx, and every error in the one documented shape."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.api.world import Program, add_device, program

_NAMES = st.sampled_from(
    "limit cursor ordering search udid blocked not_before channel last_seen_before pin message "
    "command kind name quota push_certificate scope platforms document artifact requires".split()
) | st.text(max_size=8)
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None, exclude_categories=()))
    | st.sampled_from(["\0", "\ud800", "9" * 40, "-1", str(2**63), "WyJpZCIsbnVsbCwxXQ", "%", "id"])
)
_BODIES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=4),
    max_leaves=8,
)
_IDS = st.sampled_from(["1", "0", "99", str(2**63 - 1), str(2**63), "x", "%00", "\u0663"])


@pytest.fixture(params=["sqlite", "postgresql"])
def attacked(request: pytest.FixtureRequest) -> Iterator[tuple[Program, list[tuple[str, str]]]]:
    app: Flask = request.getfixturevalue("app" if request.param == "sqlite" else "pg_app")
    add_device(app)
    paths = app.test_client().get("/api/mdm/openapi.json").json["paths"]
    calls = [
        (method.upper(), path)
        for path, item in paths.items()
        for method in item
        if method in ("get", "post")
    ]
    yield program(app), calls


@settings(max_examples=400)
@given(data=st.data())
def test_nothing_a_program_sends_makes_the_server_fail(
    attacked: tuple[Program, list[tuple[str, str]]], data: st.DataObject
) -> None:
    api, calls = attacked
    method, path = data.draw(st.sampled_from(calls))
    for name in re.findall(r"\{(\w+)\}", path):
        path = path.replace(f"{{{name}}}", data.draw(_IDS))
    query = data.draw(st.dictionaries(_NAMES, st.text(max_size=20) | _texts(), max_size=3))
    body: dict[str, Any] = {"json": data.draw(_BODIES)} if method == "POST" else {}
    answer = api.client.open(path, method=method, headers=api.headers, query_string=query, **body)
    assert answer.status_code < 500, (method, path, query, body)
    if answer.status_code >= 400:
        assert set(answer.json) == {"code", "status", "message", "errors"}


def _texts() -> st.SearchStrategy[str]:
    return st.sampled_from(["\0", "1", "true", "-id", "WyJpZCIsbnVsbCwxXQ", "2026-01-01T00:00:00Z"])
