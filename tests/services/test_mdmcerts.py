"""flask mdmcerts: the files of a vendor, made and signed without a database, checked by openssl."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Flask

from tests import hosts, vendors

Run = Callable[..., Result]


@pytest.fixture
def bare() -> Iterator[Flask]:
    """An application whose database cannot be reached."""
    app = hosts.make_app("sqlite:////nowhere/at/all.db", ZMDM_VENDOR_CHAIN=vendors.chain())
    yield app
    hosts.close(app)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "made"


@pytest.fixture
def run(bare: Flask, folder: Path) -> Run:
    def invoke(*arguments: str | Path, typed: str = "") -> Result:
        words = ["mdmcerts", "-d", str(folder), *map(str, arguments)]
        return bare.test_cli_runner().invoke(args=words, input=typed)

    return invoke


@pytest.fixture
def passwords(tmp_path: Path) -> list[Path]:
    files = [tmp_path / "one", tmp_path / "two"]
    for file in files:
        file.write_text(f"secret {file.name}\n")
    return files


@pytest.fixture
def ready(run: Run, folder: Path, passwords: list[Path]) -> Path:
    """A directory in which Apple's answer lies."""
    assert run("init", "--password-file", passwords[0]).exit_code == 0
    csr = x509.load_pem_x509_csr((folder / "vendor.csr").read_bytes())
    public = csr.public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    (folder / "vendor.crt").write_text(vendors.issue(public))
    return folder


def request(run: Run, passwords: list[Path], *more: str | Path) -> Result:
    options = ("--vendor-password-file", passwords[0], "--password-file", passwords[1])
    return run("req", "DE", *options, *more)


def test_init_makes_an_encrypted_key_and_its_request(run: Run, folder: Path) -> None:
    result = run("init", typed="pass word\npass word\n")
    assert result.exit_code == 0, result.output
    assert sorted(file.name for file in folder.iterdir()) == ["vendor.csr", "vendor.key"]
    key = folder / "vendor.key"
    vendors.openssl("pkey", "-in", key, "-passin", "pass:pass word", "-noout")
    vendors.openssl("req", "-in", folder / "vendor.csr", "-verify", "-noout")
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}


def test_a_password_is_asked_for_twice_and_never_shown(run: Run, folder: Path) -> None:
    result = run("init", typed="pass word\nother word\npass word\npass word\n")
    assert result.exit_code == 0
    assert "do not match" in result.output and "word\n" not in result.output


def test_nothing_is_overwritten(run: Run, ready: Path, passwords: list[Path]) -> None:
    before = (ready / "vendor.key").read_bytes()
    result = run("init", "--password-file", passwords[0])
    assert result.exit_code == 1 and "vendor.key exists" in result.output
    assert (ready / "vendor.key").read_bytes() == before


def test_req_makes_what_apple_takes(
    run: Run, ready: Path, passwords: list[Path], tmp_path: Path
) -> None:
    result = request(run, passwords)
    assert result.exit_code == 0, result.output
    csr = vendors.verify_with_openssl((ready / "push.b64").read_bytes(), tmp_path)
    loaded = x509.load_der_x509_csr(csr)
    assert "C=DE" in loaded.subject.rfc4514_string()
    assert loaded == x509.load_pem_x509_csr((ready / "push.csr").read_bytes())
    vendors.openssl("pkey", "-in", ready / "push.key", "-passin", "pass:secret two", "-noout")
    new = [ready / f"push.{end}" for end in ("b64", "csr", "key")]
    assert {stat.S_IMODE(file.stat().st_mode) for file in new} == {0o600}


def test_req_asks_for_both_passwords(run: Run, ready: Path) -> None:
    result = run("req", "us", typed="new one\nnew one\nsecret one\n")
    assert result.exit_code == 0, result.output
    assert "new one" not in result.output and "secret one" not in result.output
    assert (ready / "push.b64").exists()


def test_a_certificate_in_der_does_too(run: Run, ready: Path, passwords: list[Path]) -> None:
    loaded = x509.load_pem_x509_certificate((ready / "vendor.crt").read_bytes())
    (ready / "vendor.crt").write_bytes(loaded.public_bytes(vendors.DER))
    assert request(run, passwords).exit_code == 0


def test_a_vendor_certificate_of_another_key_is_refused(
    run: Run, ready: Path, passwords: list[Path]
) -> None:
    (ready / "vendor.crt").write_text(vendors.vendor().certificate)
    result = request(run, passwords)
    assert result.exit_code == 1 and "do not belong together" in result.output
    assert not (ready / "push.key").exists()


def test_a_wrong_vendor_password_leaves_nothing_behind(
    run: Run, ready: Path, passwords: list[Path]
) -> None:
    result = request(run, [passwords[1], passwords[0]])
    assert result.exit_code == 1 and "password does not open" in result.output
    assert not list(ready.glob("push.*"))


def test_a_chain_that_misses_a_link_is_said(
    run: Run, ready: Path, passwords: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "root").write_text(vendors.chain().partition("-----END CERTIFICATE-----\n")[0])
    (tmp_path / "root").write_text((tmp_path / "root").read_text() + "-----END CERTIFICATE-----\n")
    result = request(run, passwords, "--chain", tmp_path / "root")
    assert result.exit_code == 1
    assert "lacks CN=Intermediate" in result.output and "--chain" in result.output


def test_an_expired_vendor_certificate_is_said(
    run: Run, ready: Path, passwords: list[Path]
) -> None:
    csr = x509.load_pem_x509_csr((ready / "vendor.csr").read_bytes())
    public = csr.public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    (ready / "vendor.crt").write_text(vendors.issue(public, days=-1))
    assert "expired on" in request(run, passwords).output


def test_a_country_has_two_letters(run: Run, ready: Path, passwords: list[Path]) -> None:
    assert run("req", "Germany").exit_code == 2


def test_without_the_certificate_of_apple_it_says_what_is_missing(
    run: Run, passwords: list[Path]
) -> None:
    run("init", "--password-file", passwords[0])
    result = request(run, passwords)
    assert result.exit_code == 1 and "vendor.crt is missing" in result.output


def test_sign_req_signs_what_somebody_else_made(
    run: Run, ready: Path, passwords: list[Path], tmp_path: Path
) -> None:
    key, csr = tmp_path / "customer.key", tmp_path / "customer.csr"
    vendors.openssl("genrsa", "-out", key, "2048")
    vendors.openssl("req", "-new", "-key", key, "-subj", "/CN=Customer", "-out", csr)
    result = run("sign_req", csr, "--vendor-password-file", passwords[0])
    assert result.exit_code == 0, result.output
    der = vendors.verify_with_openssl((ready / "customer.b64").read_bytes(), tmp_path)
    assert x509.load_der_x509_csr(der) == x509.load_pem_x509_csr(csr.read_bytes())
    again = run("sign_req", csr, "--vendor-password-file", passwords[0])
    assert again.exit_code == 1 and "customer.b64 exists" in again.output


def test_sign_req_refuses_what_is_no_request(
    run: Run, ready: Path, passwords: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "x.csr").write_text("hello")
    result = run("sign_req", tmp_path / "x.csr", "--vendor-password-file", passwords[0])
    assert result.exit_code == 1 and "0 certificate requests" in result.output
