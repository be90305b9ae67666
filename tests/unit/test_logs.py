"""Log lines: JSON with the origin of the work, on handlers that the host chose."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest

from zmdm_plugin import logs, origin


@pytest.fixture
def request_of_a_device() -> Iterator[None]:
    origin.came_from(origin.Origin(request_id="abc123"))
    origin.speaks(27, "0001-command")
    yield
    origin.came_from(origin.NOWHERE)


def record(message: str, *args: object, failed: bool = False) -> logging.LogRecord:
    error = None
    if failed:
        try:
            raise ValueError("broken")
        except ValueError:
            error = sys.exc_info()
    return logging.LogRecord("zmdm_plugin.x", logging.WARNING, __file__, 1, message, args, error)


def test_a_line_is_json_and_names_request_device_and_command(request_of_a_device: None) -> None:
    line = json.loads(logs.JsonFormatter().format(record("job %s is\nlate", 5)))
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "WARNING",
        "logger": "zmdm_plugin.x",
        "message": "job 5 is\nlate",
        "request_id": "abc123",
        "device_id": 27,
        "command": "0001-command",
    }


def test_a_traceback_stays_in_its_line() -> None:
    text = logs.JsonFormatter().format(record("oh", failed=True))
    assert "\n" not in text and "ValueError: broken" in json.loads(text)["exception"]


def test_a_formatter_of_the_hosts_own_may_use_the_request_id(request_of_a_device: None) -> None:
    handler = logging.StreamHandler(io.StringIO())
    handler.addFilter(logs.OriginFilter())
    handler.setFormatter(logging.Formatter("%(request_id)s %(actor_id)s %(message)s"))
    handler.handle(record("done"))
    assert handler.stream.getvalue() == "abc123 - done\n"


def test_the_switch_leaves_the_root_logger_alone() -> None:
    root, ours = logging.getLogger(), logging.getLogger(logs.LOGGER)
    before, stream = list(root.handlers), io.StringIO()
    handler = logs.write_json(stream)
    try:
        assert logs.write_json(stream) is handler
        logging.getLogger("zmdm_plugin.jobs").info("started")
        assert root.handlers == before
        assert [json.loads(line)["message"] for line in stream.getvalue().splitlines()] == [
            "started"
        ]
    finally:
        ours.removeHandler(handler)
        ours.propagate, ours.level = True, logging.NOTSET
