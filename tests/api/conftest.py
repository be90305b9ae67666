"""Fixtures of the API's tests: `api` is a program that may do everything on `app`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from tests import hosts
from tests.api.world import Program, make_host, program


@pytest.fixture
def api(app: Flask) -> Program:
    """A program with a token for everything."""
    return program(app)


@pytest.fixture
def ruled_host(sqlite_url: str) -> Iterator[Callable[..., Flask]]:
    """`ruled_host(authorize=…, row_scope=…)`: a host with rules of the test's own."""
    made: list[Flask] = []

    def make(**rules: object) -> Flask:
        made.append(make_host(sqlite_url, **rules))
        return made[-1]

    yield make
    for app in made:
        hosts.close(app)
