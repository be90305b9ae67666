"""Enrollments, push certificates and SCEP issuers by program."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask

from tests.api.world import Program, audit_trail, program
from zmdm_plugin import db
from zmdm_plugin.models import EnrollmentSession, PushCertificate, ScepIssuer
from zmdm_plugin.services import ca

TOPIC = "com.apple.mgmt.External.0c9c0c0a-7b0e-4b26-9f0a-3a4c36f0d5a1"


@pytest.fixture
def asked(app: Flask) -> dict[str, Any]:
    """A body that is good, on rows that exist."""
    with app.app_context(), db.transaction() as session:
        certificate = PushCertificate(name="push", topic=TOPIC)
        session.add(certificate)
        ca.create("Test CA")
        session.flush()
        issuer = session.query(ScepIssuer).one()
        return {
            "kind": "manual",
            "name": "Lab",
            "push_certificate": certificate.id,
            "scep_issuer": issuer.id,
            "quota": 5,
        }


def test_an_enrollment_is_made_and_shown(api: Program, asked: dict[str, Any]) -> None:
    made = api.post("enrollments/", asked)
    assert made.status_code == 201
    assert (made.json["name"], made.json["quota"], made.json["revoked_at"]) == ("Lab", 5, None)
    assert api.get(f"enrollments/{made.json['id']}/").json == made.json
    assert api.get("enrollments/", name="Lab").json == [made.json]
    assert api.get("enrollments/", kind="ota").json == []


def test_making_an_enrollment_is_audited_without_its_secrets(
    app: Flask, api: Program, asked: dict[str, Any]
) -> None:
    api.post("enrollments/", asked)
    (entry,) = audit_trail(app)
    assert (entry.action, entry.object_label) == ("enrollment.create", "Lab")
    assert not {"secret", "challenge", "secret_hash"} & set(entry.after)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "magic"}, "kind"),
        ({"name": ""}, "name"),
        ({"name": "x" * 129}, "name"),
        ({"quota": 0}, "quota"),
        ({"push_certificate": 99}, "push_certificate"),
        ({"scep_issuer": 2**63}, "scep_issuer"),
        ({"expires_at": "tomorrow"}, "expires_at"),
        ({"serial_numbers": [""]}, "serial_numbers"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_bad_enrollment_is_a_422(
    api: Program, asked: dict[str, Any], change: dict[str, Any], field: str
) -> None:
    answer = api.post("enrollments/", {**asked, **change})
    assert (answer.status_code, list(answer.json["errors"]["json"])) == (422, [field])


def test_a_name_is_taken_once(api: Program, asked: dict[str, Any]) -> None:
    assert api.post("enrollments/", asked).status_code == 201
    assert list(api.post("enrollments/", asked).json["errors"]["json"]) == ["name"]


def test_a_profile_by_hand_is_downloaded_and_audited(
    app: Flask, api: Program, asked: dict[str, Any]
) -> None:
    enrollment = api.post("enrollments/", asked).json["id"]
    answer = api.get(f"enrollments/{enrollment}/profile/", unsigned="true")
    assert answer.mimetype == "application/x-apple-aspen-config"
    assert TOPIC.encode() in answer.data
    assert audit_trail(app)[-1].action == "enrollment.download_profile"


def test_the_link_of_an_enrollment_is_revealed_and_audited(
    app: Flask, api: Program, asked: dict[str, Any]
) -> None:
    enrollment = api.post("enrollments/", {**asked, "kind": "ota"}).json["id"]
    url = api.get(f"enrollments/{enrollment}/link/").json["url"]
    assert url.startswith("https://mdm.example.com/public/mdm/ota/")
    assert audit_trail(app)[-1].action == "enrollment.reveal_link"
    assert api.get(f"enrollments/{enrollment}/profile/").status_code == 409


def test_who_may_only_look_sees_no_link(app: Flask, api: Program, asked: dict[str, Any]) -> None:
    enrollment = api.post("enrollments/", asked).json["id"]
    reader = program(app, "mdm.view_*")
    assert reader.get(f"enrollments/{enrollment}/").status_code == 200
    assert reader.get(f"enrollments/{enrollment}/link/").status_code == 403
    assert reader.get(f"enrollments/{enrollment}/profile/").status_code == 403


def test_an_enrollment_is_revoked_once(api: Program, asked: dict[str, Any]) -> None:
    path = f"enrollments/{api.post('enrollments/', asked).json['id']}/revoke/"
    assert api.post(path).json["revoked_at"] <= datetime.now(UTC).isoformat()
    assert api.post(path).status_code == 409


def test_certificates_and_issuers_are_listed_without_keys(
    api: Program, asked: dict[str, Any]
) -> None:
    (certificate,) = api.get("push_certificates/").json
    assert certificate["topic"] == TOPIC and "private_key" not in certificate
    assert api.get(f"push_certificates/{certificate['id']}/").json == certificate
    (issuer,) = api.get("scep_issuers/").json
    assert issuer["kind"] == "builtin" and "challenge" not in issuer
    assert api.get(f"scep_issuers/{issuer['id']}/").json == issuer


def test_an_enrollment_is_changed_and_what_is_not_named_stays(
    app: Flask, api: Program, asked: dict[str, Any]
) -> None:
    made = api.post("enrollments/", asked).json
    path = f"enrollments/{made['id']}/"
    changed = send(api, "PATCH", path, {"quota": None, "serial_numbers": ["C02"]}).json
    assert (changed["quota"], changed["serial_numbers"]) == (None, ["C02"])
    assert (changed["name"], changed["udids"]) == (made["name"], made["udids"])
    entry = audit_trail(app)[-1]
    assert (entry.before["quota"], entry.after["quota"]) == (5, None)


def test_an_enrollment_that_nobody_used_is_deleted(
    app: Flask, api: Program, asked: dict[str, Any]
) -> None:
    path = f"enrollments/{api.post('enrollments/', asked).json['id']}/"
    assert send(api, "DELETE", path).status_code == 204
    assert api.get(path).status_code == 404
    assert audit_trail(app)[-1].action == "enrollment.delete"


def test_an_enrollment_that_devices_used_stays(
    app: Flask, api: Program, asked: dict[str, Any]
) -> None:
    enrollment = api.post("enrollments/", asked).json["id"]
    with app.app_context(), db.transaction() as session:
        session.add(EnrollmentSession(enrollment_id=enrollment, kind="manual", state="profiled"))
    assert send(api, "DELETE", f"enrollments/{enrollment}/").status_code == 409


def test_revoked_enrollments_are_told_from_the_others(api: Program, asked: dict[str, Any]) -> None:
    api.post(f"enrollments/{api.post('enrollments/', asked).json['id']}/revoke/")
    api.post("enrollments/", {**asked, "name": "Another"})
    for revoked, name in (("true", "Lab"), ("false", "Another")):
        assert [row["name"] for row in api.get("enrollments/", revoked=revoked).json] == [name]
    ordered = api.get("enrollments/", ordering="name").json
    assert [row["name"] for row in ordered] == ["Another", "Lab"]


def test_an_issuer_elsewhere_is_added_changed_and_deleted(app: Flask, api: Program) -> None:
    new = {"name": "NDES", "url": "https://scep.example.com/", "challenge": "not to be shown"}
    made = api.post("scep_issuers/", new)
    assert (made.status_code, made.json["kind"]) == (201, "external")
    path = f"scep_issuers/{made.json['id']}/"
    changed = send(api, "PATCH", path, {"key_size": 4096, "ca_fingerprint": "AB:" * 15 + "AB"})
    assert (changed.json["key_size"], changed.json["ca_fingerprint"]) == (4096, "ab" * 16)
    assert send(api, "DELETE", path).status_code == 204
    seen = made.text + changed.text + "".join(str(entry.after) for entry in audit_trail(app))
    assert "not to be shown" not in seen


def test_an_issuer_in_use_and_the_built_in_one_stay(api: Program, asked: dict[str, Any]) -> None:
    path = f"scep_issuers/{asked['scep_issuer']}/"
    assert send(api, "DELETE", path).status_code == 409
    assert send(api, "PATCH", path, {"url": "https://scep.example.com/"}).status_code == 409
    other = api.post("scep_issuers/", {"name": "NDES", "url": "https://scep.example.com/"}).json
    api.post("enrollments/", {**asked, "scep_issuer": other["id"]})
    assert send(api, "DELETE", f"scep_issuers/{other['id']}/").status_code == 409


@pytest.mark.parametrize("url", ["ftp://a/", "https://", "http://[", "x"])
def test_an_issuer_needs_a_url(api: Program, url: str) -> None:
    answer = api.post("scep_issuers/", {"name": "NDES", "url": url})
    assert list(answer.json["errors"]["json"]) == ["url"]


def send(api: Program, method: str, path: str, body: object = None) -> Any:
    sent = {} if body is None else {"json": body}
    return api.client.open(f"/api/mdm/{path}", method=method, headers=api.headers, **sent)
