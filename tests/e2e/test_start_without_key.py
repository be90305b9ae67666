"""Without a sealing key that is needed nothing starts, but says so in one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from tests.daemons import Daemons, ended, said
from zmdm_plugin.secretbox import generate_key, key_id, parse_key

pytestmark = pytest.mark.slow
OLD, NEW = generate_key(), generate_key()
Make = Callable[..., Flask]


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "words", ["worker", "scheduler", "secrets rotate", "device list", "gunicorn"]
)
def test_without_a_key_that_is_needed_nothing_starts(
    make_app: Make, sqlite_url: str, redis_url: str, tmp_path: Path, words: str
) -> None:
    make_app(sqlite_url, ZMDM_SEALING_KEYS=OLD)
    settings: dict[str, object] = {"ZMDM_REDIS_URL": redis_url, "ZMDM_SEALING_KEYS": NEW}
    with Daemons(tmp_path, sqlite_url, settings) as daemons:
        child = daemons.doomed_web() if words == "gunicorn" else daemons.command(*words.split())
        assert ended(child, seconds=150) != 0
        told = said(child)
    assert f"secrets in this database are sealed with the key {key_id(parse_key(OLD))}" in told
    assert OLD not in told and NEW not in told
    assert words == "gunicorn" or "Traceback" not in told
