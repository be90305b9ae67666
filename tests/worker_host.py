"""The application that worker processes of the tests run: `FLASK_APP=tests.worker_host`."""

from __future__ import annotations

import json
import os

from flask import Flask

from tests import hosts

DATABASE, SETTINGS = "TEST_HOST_DATABASE", "TEST_HOST_SETTINGS"


def create_app() -> Flask:
    """A host whose database and settings come from the process that started this one."""
    return hosts.make_app(os.environ[DATABASE], **json.loads(os.environ[SETTINGS]))
