"""Apple is told where to send people whose domain does not answer."""

from __future__ import annotations

from tests import accounts
from tests.api.world import audit_trail, program
from tests.dep_road import Dep
from tests.road import TOPIC
from zmdm_plugin import db
from zmdm_plugin.models import PushCertificate
from zmdm_plugin.services import ca


def lay(dep: Dep) -> int:
    with dep.app.app_context(), db.transaction() as session:
        session.add(PushCertificate(name="Accounts", topic=TOPIC))
        ca.create("Accounts CA")
    return accounts.lay(dep.app)


def test_apple_is_told_and_it_is_audited(dep: Dep) -> None:
    one, api = lay(dep), program(dep.app)
    answer = api.post(f"account_enrollments/{one}/apple/", {"virtual_server": dep.server_id})
    assert answer.status_code == 200
    told = dep.played.organization.server().discovery["mdm_service_discovery_url"]
    assert told == answer.json["discovery_url"]
    assert told == api.get(f"account_enrollments/{one}/").json["discovery_url"]
    assert "account_enrollment.tell_apple" in [one.action for one in audit_trail(dep.app)]


def test_a_server_that_does_not_exist_is_a_404(dep: Dep) -> None:
    one, api = lay(dep), program(dep.app)
    answer = api.post(f"account_enrollments/{one}/apple/", {"virtual_server": 99})
    assert answer.status_code == 404
