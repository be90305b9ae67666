"""Apple's pages read from a checkout; what is no such checkout is a fault of the configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from zmdm_plugin.errors import ConfigError
from zmdm_plugin.protocol.declarations import TABLE, references, supported, validate
from zmdm_plugin.protocol.platform import Platform
from zmdm_plugin.services import schema_folder
from zmdm_plugin.services.schema_folder import load

NAME = "com.apple.configuration.example"
PAGE = """
payload:
  declarationtype: com.apple.configuration.example
  supportedOS:
    iOS: {introduced: '28.0', allowed-enrollments: [supervised], allowed-scopes: [system]}
    macOS: {introduced: n/a}
payloadkeys:
- {key: Size, type: <integer>, presence: required, range: {min: 1, max: 3}}
- {key: AssetReference, type: <string>, assettypes: [com.apple.asset.data]}
- key: Tree
  type: <dictionary>
  subkeys: &tree
  - {key: Leaf, type: <string>, presence: required}
  - {key: Branch, type: <dictionary>, subkeys: *tree}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, "declarative", PAGE)
    return tmp_path


def write(root: Path, part: str, page: str, name: str = "example.yaml") -> None:
    place = root / part / "declarations" / "configurations"
    place.mkdir(parents=True, exist_ok=True)
    (place / name).write_text(page, encoding="utf-8")


def test_a_type_that_our_table_has_not_is_checked(folder):
    schema = load(folder)
    assert NAME not in TABLE
    assert [str(one) for one in validate(NAME, {"Size": 4}, schema=schema)] == [
        "Size: must be at most 3"
    ]
    [found] = references(NAME, {"AssetReference": "a"}, schema=schema)
    assert found.allowed_types == {"com.apple.asset.data"}


def test_keys_that_hold_themselves_are_read(folder):
    payload = {"Size": 1, "Tree": {"Leaf": "a", "Branch": {"Leaf": "a", "Branch": {"Leaf": 1}}}}
    assert [one.path for one in validate(NAME, payload, schema=load(folder))] == [
        "Tree.Branch.Branch.Leaf"
    ]


def test_the_folder_says_who_knows_a_type(folder):
    who = {"supervised": True, "user_enrollment": False, "channel": "device"}
    schema = load(folder)
    assert supported(NAME, Platform.IPADOS, "28.1", **who, schema=schema) is None
    assert supported(NAME, Platform.IPADOS, "27.0", **who, schema=schema) == "needs iPadOS 28.0"
    assert supported(NAME, Platform.MACOS, "28.0", **who, schema=schema) == "is not known on macOS"


@pytest.mark.parametrize("name", ["any", "com.apple.riddle.x", "org.example.asset.x"])
def test_what_is_no_kind_of_declaration_is_passed_over(folder, name):
    write(folder, "declarative", f"payload: {{declarationtype: {name}}}", "other.yaml")
    assert set(load(folder)) == {NAME}


def test_newer_pages_win(folder):
    write(folder, "newer/declarative", PAGE.replace("max: 3", "max: 9"))
    assert validate(NAME, {"Size": 9}, schema=load(folder)) == []


@pytest.mark.parametrize(
    "page",
    [
        "[1, 2]",
        "payload: 7",
        "payload: {",
        "payload: {declarationtype: com.apple.configuration.x}\npayloadkeys: [{key: A}]",
        "payload: {declarationtype: com.apple.configuration.x, supportedOS: {BeOS: {}}}",
        "payload: {declarationtype: com.apple.configuration.x}\npayloadkeys: 7",
    ],
)
def test_a_page_of_another_form_is_a_fault_of_the_configuration(tmp_path, page):
    write(tmp_path, "declarative", page)
    with pytest.raises(ConfigError, match="ZMDM_APPLE_SCHEMA"):
        load(tmp_path)


def test_a_folder_without_pages_is_a_fault_of_the_configuration(tmp_path):
    with pytest.raises(ConfigError, match="has no declarative/declarations"):
        load(tmp_path)


def test_a_page_that_is_no_text_is_a_fault_of_the_configuration(folder):
    (folder / "declarative/declarations/x.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="cannot be read"):
        load(folder)


def test_without_a_folder_our_table_counts(app):
    with app.app_context():
        assert schema_folder.current() is TABLE


def test_a_folder_that_is_named_counts(folder, make_app, sqlite_url):
    app = make_app(sqlite_url, ZMDM_APPLE_SCHEMA=str(folder))
    with app.app_context():
        assert set(schema_folder.current()) == {NAME}
        assert schema_folder.current() is schema_folder.current()
