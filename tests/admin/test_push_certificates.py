"""Push certificates: added with their key, renewed under their topic, never replaced."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from flask import Flask
from flask.testing import FlaskClient

from tests import fleet, vendors
from zmdm_plugin import db
from zmdm_plugin.models import AuditEntry, PushCertificate
from zmdm_plugin.models.base import utcnow

NEW = "/mdm/push_certificates/new/"
UPDATE = "/mdm/push_certificates/1/update/"
KEY = rsa.generate_private_key(65537, 2048)


def certificate(topic: str) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.USER_ID, topic)])
    built = x509.CertificateBuilder(name, name, KEY.public_key(), 7)
    dated = built.not_valid_before(utcnow()).not_valid_after(utcnow() + timedelta(days=365))
    return dated.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def key(password: bytes = b"secret") -> bytes:
    return KEY.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(password),
    )


def send(client: FlaskClient, post: Callable[..., Any], path: str = NEW, **fields: Any) -> Any:
    files = {
        "certificate": (io.BytesIO(certificate(fields.pop("topic", "com.apple.mgmt.new"))), "c"),
        "key": (io.BytesIO(key()), "k"),
    }
    return post(client, path, **{"password": "secret", **files, **fields})


def row(app: Flask, name: str) -> PushCertificate | None:
    with app.app_context():
        query = sa.select(PushCertificate).where(PushCertificate.name == name)
        return db.session().scalar(query)


def test_a_push_certificate_is_added_with_its_key(
    screens: Flask, browser: FlaskClient, post: Callable[..., Any]
) -> None:
    assert send(browser, post, name="New").status_code == 303
    added = row(screens, "New")
    assert added is not None
    assert added.topic == "com.apple.mgmt.new"
    with screens.app_context():
        assert db.session().scalar(sa.select(AuditEntry.action)) == "push_certificate.add"


def test_a_wrong_password_is_said_and_never_sent_back(
    screens: Flask, browser: FlaskClient, post: Callable[..., Any]
) -> None:
    answer = send(browser, post, name="New", password="guess-it")
    assert answer.status_code == 422
    assert "guess-it" not in answer.text
    assert row(screens, "New") is None


def test_another_topic_cannot_take_the_place_of_the_old_one(
    screens: Flask, browser: FlaskClient, post: Callable[..., Any]
) -> None:
    answer = send(browser, post, UPDATE)
    assert answer.status_code == 422
    assert "choose Renew for the existing certificate" in answer.text


def test_a_renewed_certificate_takes_the_place_of_the_old_one(
    screens: Flask, browser: FlaskClient, post: Callable[..., Any]
) -> None:
    topic = "com.apple.mgmt.External.6ad3a1a4"
    assert send(browser, post, UPDATE, topic=topic).status_code == 303
    renewed = row(screens, "Example Ltd")
    assert renewed is not None
    assert renewed.not_after is not None
    assert renewed.not_after > utcnow() + timedelta(days=300)


def test_adding_never_renews_by_accident(browser: FlaskClient, post: Callable[..., Any]) -> None:
    topic = "com.apple.mgmt.External.6ad3a1a4"
    answer = send(browser, post, name="Example Ltd", topic=topic)
    assert answer.status_code == 422
    assert "update it instead" in answer.text


def test_what_does_not_exist_cannot_be_renewed(
    browser: FlaskClient, post: Callable[..., Any]
) -> None:
    assert send(browser, post, "/mdm/push_certificates/99/update/").status_code == 404


def test_every_missing_part_is_named(browser: FlaskClient, post: Callable[..., Any]) -> None:
    assert post(browser, NEW).text.count("This is needed.") == 1
    answer = post(browser, UPDATE)
    assert answer.status_code == 422
    assert answer.text.count("This is needed.") == 2


def test_half_a_pair_is_refused(browser: FlaskClient, post: Callable[..., Any]) -> None:
    answer = post(browser, NEW, name="Half", key=(io.BytesIO(key()), "k"))
    assert answer.status_code == 422
    assert "Certificate and key come together." in answer.text


def made_here(client: FlaskClient, post: Callable[..., Any]) -> str:
    """The page of a push certificate whose key was made here."""
    answer = post(client, NEW, name="Made here")
    assert answer.status_code == 303
    return str(answer.location)


def test_a_name_alone_is_enough_and_the_request_comes_back_signed(
    screens: Flask, browser: FlaskClient, post: Callable[..., Any]
) -> None:
    page = made_here(browser, post)
    csr = x509.load_pem_x509_csr(post(browser, f"{page}csr/").data)
    name = x509.Name([x509.NameAttribute(NameOID.USER_ID, "com.apple.mgmt.made")])
    own = csr.public_key()
    assert isinstance(own, rsa.RSAPublicKey)
    built = x509.CertificateBuilder(name, name, own, 7).not_valid_before(utcnow())
    signed = built.not_valid_after(utcnow() + timedelta(days=5)).sign(KEY, hashes.SHA256())
    file = (io.BytesIO(signed.public_bytes(serialization.Encoding.DER)), "c")
    assert post(browser, f"{page}update/", certificate=file).status_code == 303
    text = browser.get(page).text
    assert "com.apple.mgmt.made" in text and "Expires in 4 days" in text
    assert "Download signed CSR" not in text


def test_the_signed_request_is_there_where_a_vendor_is_configured(
    make_host: Callable[..., Flask], post: Callable[..., Any], tmp_path: Path
) -> None:
    app = make_host("mdm.*", config=vendors.settings(vendors.vendor()))
    fleet.fill(app, 1)
    client = app.test_client()
    page = made_here(client, post)
    assert "Download signed CSR" in client.get(page).text
    answer = post(client, f"{page}signed_csr/")
    assert "push_certificate_signed_csr.b64" in answer.headers["Content-Disposition"]
    vendors.verify_with_openssl(answer.data, tmp_path)


def test_only_what_nothing_uses_is_deleted(
    screens: Flask, browser: FlaskClient, post: Callable[..., Any]
) -> None:
    page = made_here(browser, post)
    assert "data-confirm" in browser.get(page).text
    assert post(browser, f"{page}delete/").status_code == 303
    assert row(screens, "Made here") is None
    used = "/mdm/push_certificates/1/"
    assert "data-confirm" not in browser.get(used).text
    assert post(browser, f"{used}delete/").status_code == 409


def test_who_may_only_look_sees_no_form(make_host: Callable[..., Flask]) -> None:
    app = make_host("mdm.view_*")
    fleet.fill(app, 1)
    client = app.test_client()
    assert client.get("/mdm/push_certificates/1/").status_code == 200
    assert ">Update</a>" not in client.get("/mdm/push_certificates/1/").text
    assert client.get(NEW).status_code == client.get(UPDATE).status_code == 403
