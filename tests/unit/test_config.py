"""Settings: read once, every fault in one error, files and variables put in."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from tests import vendors
from zmdm_plugin.config import Settings, document
from zmdm_plugin.errors import ConfigError
from zmdm_plugin.secretbox import generate_key

GOOD = {"ZMDM_BASE_URL": "https://mdm.example.com", "ZMDM_SEALING_KEYS": generate_key()}
DOCUMENT = Path(__file__).parents[2] / "docs" / "settings.md"


def faults(**changes: object) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as raised:
        Settings.from_mapping({**GOOD, **changes})
    return raised.value.faults


def test_defaults_need_two_keys_only() -> None:
    assert Settings.from_mapping(GOOD).redeliver_after == 30


def test_every_fault_is_in_one_error() -> None:
    with pytest.raises(ConfigError) as raised:
        Settings.from_mapping({"ZMDM_PUSH_RATE": "fast", "ZMDM_MTLS_PROXY": "perhaps"})
    named = {fault.split(":")[0] for fault in raised.value.faults}
    assert named == {
        "ZMDM_BASE_URL",
        "ZMDM_SEALING_KEYS",
        "ZMDM_PUSH_RATE",
        "ZMDM_MTLS_PROXY",
    }


def test_a_misspelt_key_is_a_fault() -> None:
    assert faults(ZMDM_BASE_ULR="x") == ("ZMDM_BASE_ULR: unknown key (a misspelling?)",)


def test_a_file_is_put_in_without_its_last_newline(tmp_path: Path) -> None:
    (tmp_path / "name").write_text("Example\n", encoding="utf-8")
    settings = Settings.from_mapping(
        {**GOOD, "ZMDM_ORGANIZATION": f"{{{{ file:{tmp_path}/name }}}} Inc."}
    )
    assert settings.organization == "Example Inc."


def test_a_missing_file_names_the_key_and_the_file() -> None:
    (fault,) = faults(ZMDM_ORGANIZATION="{{ file:/nowhere/name }}")
    assert fault.startswith("ZMDM_ORGANIZATION: the file /nowhere/name cannot be read")


def test_a_variable_is_put_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXAMPLE_ORGANIZATION", "Example")
    settings = Settings.from_mapping({**GOOD, "ZMDM_ORGANIZATION": "{{env:EXAMPLE_ORGANIZATION}}"})
    assert settings.organization == "Example"


def test_a_missing_variable_names_the_key() -> None:
    assert faults(ZMDM_ORGANIZATION="{{ env:EXAMPLE_NOT_SET }}") == (
        "ZMDM_ORGANIZATION: the environment variable EXAMPLE_NOT_SET is not set",
    )


def test_devices_are_never_given_plain_http() -> None:
    (fault,) = faults(ZMDM_BASE_URL="http://mdm.example.com")
    assert "must begin with https://" in fault


def test_localhost_may_be_plain_http() -> None:
    settings = Settings.from_mapping({**GOOD, "ZMDM_BASE_URL": "http://127.0.0.1:8080/"})
    assert settings.base_url == "http://127.0.0.1:8080"


def test_a_sealing_key_of_the_wrong_length_is_refused_without_being_shown() -> None:
    (fault,) = faults(ZMDM_SEALING_KEYS="c2hvcnQ=")
    assert "32 bytes" in fault
    assert "c2hvcnQ" not in fault


def test_secrets_are_not_in_the_representation() -> None:
    settings = Settings.from_mapping({**GOOD, "ZMDM_REDIS_URL": "redis://:hush@localhost"})
    assert "hush" not in repr(settings)
    assert "sealing_keys" not in repr(settings)


def test_profiles_ask_for_signatures_until_the_proxy_is_named() -> None:
    assert Settings.from_mapping(GOOD).sign_message
    behind = Settings.from_mapping({**GOOD, "ZMDM_TRUSTED_PROXIES": "10.0.0.0/8"})
    assert not behind.sign_message


def test_half_a_signing_pair_is_a_fault() -> None:
    (fault,) = faults(ZMDM_PROFILE_SIGNING_KEY="-----BEGIN PRIVATE KEY-----")
    assert "go together" in fault


def test_the_documentation_is_the_generated_one() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == document()


def test_a_vendor_key_that_does_not_fit_is_found_at_start() -> None:
    good = vendors.settings(vendors.vendor())
    assert Settings.from_mapping({**GOOD, **good}).vendor_chain
    other = vendors.keys()[0].private_bytes(
        vendors.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"pass word"),
    )
    changed = {**good, "ZMDM_VENDOR_KEY": other.decode()}
    assert "is encrypted" in faults(**changed)[0]
    assert "do not belong together" in faults(**changed, ZMDM_VENDOR_KEY_PASSWORD="pass word")[0]
    assert faults(ZMDM_VENDOR_KEY=good["ZMDM_VENDOR_KEY"]) == (
        "ZMDM_VENDOR_CERTIFICATE and ZMDM_VENDOR_KEY go together",
    )
