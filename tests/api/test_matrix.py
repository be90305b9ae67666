"""Every operation of the API as every role: docs/permissions.md says what is so."""

from __future__ import annotations

import pytest
from flask import Flask

from tests import matrix, matrix_page
from zmdm_plugin import policy

pytestmark = pytest.mark.slow
READS_FROM_APPLE = "/api/mdm/dep/virtual_servers/{server_id}/sync_devices/"
"""Needs no more than seeing the virtual server, as other servers have it."""
WITHOUT_A_TOKEN = {"zmdm_api_docs", "zmdm_api_lost"}


@pytest.fixture(scope="module")
def walked() -> matrix.Walked:
    return matrix.walk_api()


class TestOperations(matrix.Holds):
    """The walk is one for the whole file."""


def test_an_auditor_only_reads(walked: matrix.Walked) -> None:
    let_in = [where for where, roles in walked.allowed.items() if policy.AUDITOR.name in roles]
    changes = {path for method, path in let_in if method != "GET"}
    assert let_in and changes == {READS_FROM_APPLE}


def test_every_route_was_walked(walked: matrix.Walked, app: Flask) -> None:
    rules = [
        rule
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("zmdm_api_")
        and rule.endpoint.partition(".")[0] not in WITHOUT_A_TOKEN
    ]
    methods = sum(len((rule.methods or set()) - {"HEAD", "OPTIONS"}) for rule in rules)
    assert methods == len(walked.allowed)


def test_the_page_is_what_was_found(walked: matrix.Walked) -> None:
    page = matrix.PAGE.read_text("utf-8")
    assert matrix_page.page_api(walked) in page, "run `make docs`"


def test_the_page_lists_every_permission() -> None:
    assert matrix_page.page_permissions() in matrix.PAGE.read_text("utf-8"), "run `make docs`"
