"""Settings for those who watch the server: numbers and log lines."""

from __future__ import annotations

from dataclasses import dataclass

from zmdm_plugin.config.parsers import bearer, flag, key


@dataclass(frozen=True, kw_only=True)
class Watching:
    """What is told to Prometheus and to a collector of logs."""

    metrics_token: str = key(
        bearer,
        "Bearer token with which Prometheus may fetch `/metrics/mdm/`, 20 characters at least; "
        "empty: only API tokens with `mdm.view_metrics` may.",
        default="",
        secret=True,
    )
    json_logs: bool = key(
        flag,
        "Write this plugin's log lines as JSON on standard error, with the request's id; the "
        "host's own logging stays as it is.",
        default=False,
    )
