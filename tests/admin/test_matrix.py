"""Every screen and every form as every role: docs/permissions.md says what is so."""

from __future__ import annotations

import pytest

from tests import matrix, matrix_page
from zmdm_plugin import policy

pytestmark = pytest.mark.slow
# Downloads that are written down, views that are one's own, and what only asks Apple.
_HARMLESS = {
    "/mdm/account_enrollments/<int:account_enrollment_id>/apple/",  # asks; telling Apple needs more
    "/mdm/dep/servers/<int:server_id>/betas/",
    "/mdm/dep/servers/<int:server_id>/sync/",
    "/mdm/audit/export/<kind>/",
    "/mdm/events/export/<form>/",
    "/mdm/devices/columns/",
    "/mdm/devices/export/<kind>/",
    "/mdm/devices/views/",
    "/mdm/devices/views/forget/",
    "/mdm/push_certificates/<int:certificate_id>/csr/",
}


@pytest.fixture(scope="module")
def walked() -> matrix.Walked:
    return matrix.walk_screens()


class TestScreens(matrix.Holds):
    """The walk is one for the whole file."""


def test_an_auditor_changes_nothing(walked: matrix.Walked) -> None:
    let_in = [where for where, roles in walked.allowed.items() if policy.AUDITOR.name in roles]
    assert {path for method, path in let_in if method == "POST"} <= _HARMLESS


def test_the_page_is_what_was_found(walked: matrix.Walked) -> None:
    page = matrix.PAGE.read_text("utf-8")
    assert matrix_page.page_screens(walked) in page, "run `make docs`"
