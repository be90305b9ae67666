"""Push certificates over HTTP: the key made here, the request, the upload, renewal, the end."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from flask import Flask

from tests import fleet, vendors
from tests.api.world import Program, audit_trail, program
from zmdm_plugin.models.base import utcnow

TOPIC = "com.apple.mgmt.External.2f0b"
KEY = rsa.generate_private_key(65537, 2048)
PATH = "push_certificates/"


def certificate(public: Any, topic: str = TOPIC, days: int = 365) -> str:
    """What Apple's portal makes of a request, as base64 of PEM."""
    name = x509.Name([x509.NameAttribute(NameOID.USER_ID, topic)])
    built = x509.CertificateBuilder(name, name, public, x509.random_serial_number())
    dated = built.not_valid_before(utcnow()).not_valid_after(utcnow() + timedelta(days=days))
    signed = dated.sign(KEY, hashes.SHA256()).public_bytes(vendors.PEM)
    return base64.b64encode(signed).decode()


def request_of(api: Program, row_id: int) -> x509.CertificateSigningRequest:
    answer = api.get(f"{PATH}{row_id}/csr/")
    assert answer.mimetype == "application/pkcs10", answer.text
    return x509.load_pem_x509_csr(answer.data)


@pytest.fixture
def waiting(api: Program) -> int:
    """A push certificate whose key was made here."""
    answer = api.post(PATH, {"name": "Example"})
    assert answer.status_code == 201, answer.json
    assert answer.json["topic"] is None and "key" not in str(answer.json)
    return int(answer.json["id"])


@pytest.fixture
def working(api: Program, waiting: int) -> int:
    """The same, with its first certificate."""
    body = {"certificate": certificate(request_of(api, waiting).public_key())}
    answer = api.post(f"{PATH}{waiting}/upload/", body)
    assert (answer.status_code, answer.json["topic"]) == (200, TOPIC)
    return waiting


def test_a_request_may_be_downloaded_twice(api: Program, waiting: int) -> None:
    csr = request_of(api, waiting)
    assert csr.is_signature_valid and "CN=Example" in csr.subject.rfc4514_string()
    assert request_of(api, waiting) == csr


def test_each_step_is_in_the_audit(app: Flask, api: Program, working: int) -> None:
    api.post(f"{PATH}{working}/renew/", _renewed(api, working))
    api.client.delete(f"/api/mdm/{PATH}{working}/", headers=api.headers)
    trail = [entry.action.partition(".")[2] for entry in audit_trail(app)]
    assert trail == ["create", "upload", "renew", "delete"]


def _renewed(api: Program, row_id: int, **changes: Any) -> dict[str, Any]:
    return {"certificate": certificate(request_of(api, row_id).public_key(), **changes)}


def test_a_certificate_of_another_key_is_refused(api: Program, waiting: int) -> None:
    body = {"certificate": certificate(KEY.public_key())}
    answer = api.post(f"{PATH}{waiting}/upload/", body)
    assert answer.status_code == 422
    assert "was not made for the key" in answer.json["errors"]["json"]["certificate"][0]


def test_a_renewal_keeps_the_topic(api: Program, working: int) -> None:
    answer = api.post(f"{PATH}{working}/renew/", _renewed(api, working, topic=f"{TOPIC}-other"))
    assert answer.status_code == 422 and "choose Renew" in answer.text
    renewed = api.post(f"{PATH}{working}/renew/", _renewed(api, working, days=20))
    assert renewed.status_code == 200
    assert renewed.json["warning"].startswith("Expires in 19 days")


def test_upload_and_renew_are_not_mistaken(api: Program, waiting: int) -> None:
    body = _renewed(api, waiting)
    assert api.post(f"{PATH}{waiting}/renew/", body).status_code == 409
    assert api.post(f"{PATH}{waiting}/upload/", body).status_code == 200
    assert api.post(f"{PATH}{waiting}/upload/", body).status_code == 409


def test_one_comes_with_its_key_and_password(api: Program) -> None:
    key = base64.b64encode(_encrypted(b"secret")).decode()
    body = {"name": "Taken", "certificate": certificate(KEY.public_key()), "key": key}
    wrong = api.post(PATH, {**body, "password": "guess-it"})
    assert wrong.status_code == 422 and "guess-it" not in wrong.text
    answer = api.post(PATH, {**body, "password": "secret"})
    assert (answer.status_code, answer.json["topic"]) == (201, TOPIC)


def _encrypted(password: bytes) -> bytes:
    sealed = serialization.BestAvailableEncryption(password)
    return KEY.private_bytes(vendors.PEM, serialization.PrivateFormat.PKCS8, sealed)


def test_files_may_come_as_a_form(api: Program, waiting: int) -> None:
    text = base64.b64decode(certificate(request_of(api, waiting).public_key()))
    answer = api.client.post(
        f"/api/mdm/{PATH}{waiting}/upload/",
        headers=api.headers,
        data={"certificate": (io.BytesIO(text), "MDM_ Example_Certificate.pem")},
    )
    assert (answer.status_code, answer.json["topic"]) == (200, TOPIC)


def test_half_a_pair_is_refused(api: Program) -> None:
    answer = api.post(PATH, {"name": "Half", "certificate": certificate(KEY.public_key())})
    assert answer.status_code == 422 and "key" in answer.json["errors"]["json"]


def test_a_name_is_given_once_and_finds_its_row(api: Program, waiting: int) -> None:
    assert api.post(PATH, {"name": "Example"}).status_code == 422
    api.post(PATH, {"name": "Other"})
    assert [row["id"] for row in api.get(PATH, name="Example").json] == [waiting]
    assert len(api.get(PATH).json) == 2


def test_what_is_used_stays(app: Flask, api: Program) -> None:
    fleet.fill(app, 3)
    (row,) = api.get(PATH).json
    answer = api.client.delete(f"/api/mdm/{PATH}{row['id']}/", headers=api.headers)
    assert answer.status_code == 409 and "enrollments: 1" in answer.json["message"]


def test_what_nothing_uses_goes(api: Program, working: int) -> None:
    gone = api.client.delete(f"/api/mdm/{PATH}{working}/", headers=api.headers)
    assert (gone.status_code, gone.data) == (204, b"")
    assert api.get(f"{PATH}{working}/").status_code == 404


def test_without_a_vendor_nothing_is_signed(api: Program, waiting: int) -> None:
    answer = api.get(f"{PATH}{waiting}/signed_csr/")
    assert answer.status_code == 409 and "ZMDM_VENDOR_CERTIFICATE" in answer.json["message"]


def test_a_signed_request_is_what_openssl_accepts(
    make_app: Callable[..., Flask], sqlite_url: str, tmp_path: Path
) -> None:
    app = make_app(sqlite_url, **vendors.settings(vendors.vendor()))
    api = program(app)
    row_id = api.post(PATH, {"name": "Signed"}).json["id"]
    answer = api.get(f"{PATH}{row_id}/signed_csr/")
    assert 'filename="push_certificate_signed_csr.b64"' in answer.headers["Content-Disposition"]
    csr = vendors.verify_with_openssl(answer.data, tmp_path)
    assert x509.load_der_x509_csr(csr) == request_of(api, row_id)
    assert audit_trail(app)[-1].action == "push_certificate.sign_csr"


@pytest.mark.parametrize(
    ("method", "path", "needed"),
    [
        ("GET", "", "view"),
        ("POST", "", "add"),
        ("POST", "1/upload/", "change"),
        ("POST", "1/renew/", "change"),
        ("GET", "1/signed_csr/", "change"),
        ("DELETE", "1/", "delete"),
    ],
)
def test_every_step_needs_its_permission(
    app: Flask, api: Program, method: str, path: str, needed: str
) -> None:
    api.post(PATH, {"name": "1"})
    others = {"view", "add", "change", "delete"} - {needed}
    token = program(app, *(f"mdm.{name}_pushcertificate" for name in others))
    bodies = {"": {"name": "2"}, "1/upload/": {"certificate": "AA=="}}
    body = bodies.get(path, bodies["1/upload/"]) if method == "POST" else None
    url, sent = f"/api/mdm/{PATH}{path}", {} if body is None else {"json": body}
    answer = token.client.open(url, method=method, headers=token.headers, **sent)
    assert answer.status_code == 403
    assert f"mdm.{needed}_pushcertificate" in answer.json["message"]
