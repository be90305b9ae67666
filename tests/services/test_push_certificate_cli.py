"""flask zmdm push-certificate …: from the key to the renewal; and when warnings begin."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import Result
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID
from flask import Flask

from tests import vendors
from tests.api.world import audit_trail
from tests.road import Road
from zmdm_plugin.models import PushCertificate
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import push_certificates

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def run(app: Flask, *arguments: str | Path, typed: str = "") -> Result:
    words = ["zmdm", "push-certificate", *map(str, arguments)]
    return app.test_cli_runner().invoke(args=words, input=typed)


def answer(csr: Path, topic: str = "com.apple.mgmt.External.1", days: int = 365) -> Path:
    """What Apple's portal makes of a request."""
    name = x509.Name([x509.NameAttribute(NameOID.USER_ID, topic)])
    public = x509.load_pem_x509_csr(csr.read_bytes()).public_key()
    built = x509.CertificateBuilder(name, name, public, x509.random_serial_number())
    dated = built.not_valid_before(utcnow()).not_valid_after(utcnow() + timedelta(days=days))
    made = csr.with_suffix(f".{days}")
    made.write_bytes(dated.sign(vendors.keys()[0], hashes.SHA256()).public_bytes(vendors.PEM))
    return made


@pytest.fixture
def csr(app: Flask, tmp_path: Path) -> Path:
    """The request of a push certificate whose key was made here."""
    assert run(app, "create", "Example").exit_code == 0
    path = tmp_path / "csr"
    assert run(app, "csr", "Example", "-o", path).exit_code == 0
    return path


def test_a_certificate_is_uploaded_and_renewed_for_the_key_made_here(app: Flask, csr: Path) -> None:
    assert run(app, "renew", "Example", "--certificate", answer(csr)).exit_code == 1
    assert run(app, "upload", "Example", "--certificate", answer(csr)).exit_code == 0
    assert run(app, "upload", "Example", "--certificate", answer(csr)).exit_code == 1
    result = run(app, "renew", "Example", "--certificate", answer(csr, days=12))
    assert result.exit_code == 0, result.output
    (row,) = json.loads(run(app, "list", "--json").output)
    assert row["warning"].startswith("Expires in 11 days")


def test_another_topic_is_refused_with_the_reason(app: Flask, csr: Path) -> None:
    run(app, "upload", "Example", "--certificate", answer(csr))
    other = answer(csr, topic="com.apple.mgmt.External.2", days=9)
    result = run(app, "renew", "Example", "--certificate", other)
    assert result.exit_code == 1 and "choose Renew" in result.output


def test_deleting_asks_first_and_is_in_the_audit(app: Flask, csr: Path) -> None:
    assert run(app, "delete", "Example", typed="n\n").exit_code == 1
    assert json.loads(run(app, "list", "--json").output)
    assert run(app, "delete", "Example", typed="y\n").exit_code == 0
    assert json.loads(run(app, "list", "--json").output) == []
    assert audit_trail(app)[-1].action == "push_certificate.delete"


def test_the_signed_request_has_apples_form_and_a_name_of_its_own(
    make_app: Callable[..., Flask],
    sqlite_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = make_app(sqlite_url, **vendors.settings(vendors.vendor()))
    monkeypatch.chdir(tmp_path)
    run(app, "create", "Example")
    assert run(app, "csr", "Example", "--signed").exit_code == 0
    signed = tmp_path / "push_certificate_signed_csr.b64"
    vendors.verify_with_openssl(signed.read_bytes(), tmp_path)
    again = run(app, "csr", "Example", "--signed")
    assert again.exit_code == 1 and "is there already" in again.output


def test_without_a_vendor_nothing_is_signed(app: Flask, csr: Path) -> None:
    result = run(app, "csr", "Example", "--signed", "-o", csr.with_suffix(".b64"))
    assert result.exit_code == 1 and not csr.with_suffix(".b64").exists()


@pytest.mark.parametrize(("typed", "code"), [("secret\n", 0), ("wrong\n", 1)])
def test_a_certificate_comes_with_its_key_and_password(
    app: Flask, csr: Path, typed: str, code: int
) -> None:
    key, password = csr.with_suffix(".key"), csr.with_suffix(".password")
    private = vendors.keys()[1]
    sealed = serialization.BestAvailableEncryption(b"secret")
    pkcs8 = serialization.PrivateFormat.PKCS8
    key.write_bytes(private.private_bytes(vendors.DER, pkcs8, sealed))
    password.write_text(typed)
    request = x509.CertificateSigningRequestBuilder(vendors.name("x"))
    csr.write_bytes(request.sign(private, hashes.SHA256()).public_bytes(vendors.PEM))
    pair = ("--certificate", answer(csr), "--key", key, "--password-file", password)
    assert run(app, "upload", "Example", *pair).exit_code == code
    (row,) = json.loads(run(app, "list", "--json").output)
    assert (row["topic"] is None) == bool(code)


def test_one_that_is_used_stays_and_says_by_whom(road: Road) -> None:
    with road.rows() as session:
        name = session.scalars(sa.select(PushCertificate.name)).one()
    result = run(road.app, "delete", name, "--yes")
    assert result.exit_code == 1 and "used by enrollments: 1" in result.output


@pytest.mark.parametrize(
    ("left", "step"),
    [
        (timedelta(days=30, seconds=1), None),
        (timedelta(days=30), 30),
        (timedelta(days=14, seconds=1), 30),
        (timedelta(days=14), 14),
        (timedelta(days=7), 7),
        (timedelta(days=1), 1),
        (timedelta(0), 0),
        (timedelta(days=-3), 0),
    ],
)
def test_warnings_begin_30_14_7_and_1_days_ahead(left: timedelta, step: int | None) -> None:
    due = push_certificates.expiry(NOW + left, NOW)
    assert (due.days if due else None) == step
    assert due is None or due.urgent == (left <= timedelta(days=7))
