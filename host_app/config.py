"""Where the host's settings come from: config.json in its instance folder, then the environment.

`HOST_APP_INSTANCE` names the folder (default: `instance`). A variable
`HOST_APP_SECRET_KEY` sets SECRET_KEY, and every `ZMDM_…` variable goes to the plugin as it is.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Flask

PREFIX = "HOST_APP_"


def load(app: Flask, overrides: Mapping[str, Any]) -> None:
    """Fill `app.config`; the later source wins, and what is missing is named in one line."""
    app.config.update(
        SQLALCHEMY_DATABASE_URI=f"sqlite:///{Path(app.instance_path) / 'host.sqlite3'}",
        SESSION_COOKIE_SAMESITE="Lax",
        WTF_CSRF_TIME_LIMIT=None,
        PROXY_HOPS=0,
        JSON_LOGS=False,
    )
    app.config.from_file("config.json", load=json.load, silent=True)
    for name, value in os.environ.items():
        if name.startswith("ZMDM_"):
            app.config[name] = value
        elif name.startswith(PREFIX) and name != f"{PREFIX}INSTANCE":
            app.config[name.removeprefix(PREFIX)] = value
    app.config.update(overrides)
    if not app.config.get("SECRET_KEY"):
        raise RuntimeError(
            f"set {PREFIX}SECRET_KEY, or SECRET_KEY in {app.instance_path}/config.json"
        )
    # A browser sends a Secure cookie over TLS only, so it follows the address people use.
    app.config["SESSION_COOKIE_SECURE"] = app.config.get("ZMDM_BASE_URL", "").startswith("https:")
