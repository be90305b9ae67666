"""Structured log lines, for a host that wants them: one JSON object a line, with the request's id.

Nothing here touches the host's root logger. A host puts `JsonFormatter` on a handler of its own
(dictConfig: `{"()": "zmdm_plugin.logs.JsonFormatter"}`), or `OriginFilter` in front of a formatter
of its own, which may then use `%(request_id)s`. `ZMDM_JSON_LOGS` writes the lines of this plugin
alone, on standard error.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, TextIO

from zmdm_plugin.origin import origin

LOGGER = "zmdm_plugin"
_OURS = "zmdm_json"
_FIELDS = ("request_id", "device_id", "command", "actor_id")
"""What a line has from the origin of the work, as far as it is known; ids, never contents."""


class OriginFilter(logging.Filter):
    """Gives each record `request_id`, `device_id`, `command` and `actor_id`; `-` if unknown."""

    def filter(self, record: logging.LogRecord) -> bool:
        source = origin()
        for name in _FIELDS:
            value = getattr(source, name)
            setattr(record, name, "-" if value is None else value)
        return True


class JsonFormatter(logging.Formatter):
    """One line per record: time, level, logger, message, what the origin knows, and a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, tz=UTC)
        line: dict[str, Any] = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        source = origin()
        line |= {name: value for name in _FIELDS if (value := getattr(source, name)) is not None}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def write_json(stream: TextIO | None = None) -> logging.Handler:
    """Have the plugin's own logger write JSON, once per process, and no longer tell the root's."""
    logger = logging.getLogger(LOGGER)
    for handler in logger.handlers:
        if handler.name == _OURS:
            return handler
    made = logging.StreamHandler(stream or sys.stderr)
    made.name = _OURS
    made.setFormatter(JsonFormatter())
    logger.addHandler(made)
    logger.propagate = False
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.INFO)
    return made
