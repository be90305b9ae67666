from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.declaration_examples import declarations
from zmdm_plugin.protocol.declarations import TABLE, kind_of, references, replace, validate

MANAGED = "com.apple.configuration.app.managed"
EXTENSION = {"Identities": [{"Identifier": "i", "AssetReference": "identity"}]}


def placed(type_name: str, payload: dict) -> dict[str, str]:
    return {found.where: found.value for found in references(type_name, payload)}


def test_a_reference_says_which_types_it_may_name():
    [found] = references(
        "com.apple.configuration.security.identity", {"CredentialAssetReference": "mine"}
    )
    assert (found.where, found.value, found.kind) == ("CredentialAssetReference", "mine", "asset")
    assert found.allowed_types == {
        "com.apple.asset.credential.acme",
        "com.apple.asset.credential.identity",
        "com.apple.asset.credential.scep",
    }


def test_an_activation_names_configurations():
    found = references("com.apple.activation.simple", {"StandardConfigurations": ["a", "b"]})
    assert [one.where for one in found] == [
        "StandardConfigurations[0]",
        "StandardConfigurations[1]",
    ]
    assert {one.kind for one in found} == {"configuration"}
    assert "com.apple.configuration.legacy" in found[0].allowed_types
    assert {kind_of(name) for name in found[0].allowed_types} == {"configuration"}


def test_references_are_found_in_items_and_under_names_of_the_operator():
    payload = {
        "AppConfig": {"DataAssetReference": "data", "Passwords": [{"AssetReference": "p"}]},
        "ExtensionConfigs": {"com.example.ext": EXTENSION},
    }
    assert placed(MANAGED, payload) == {
        "AppConfig.DataAssetReference": "data",
        "AppConfig.Passwords[0].AssetReference": "p",
        "ExtensionConfigs.com.example.ext.Identities[0].AssetReference": "identity",
    }


def test_each_item_of_a_marked_array_is_a_reference():
    payload = {"EnrollmentProfileURL": "u", "AnchorCertificateAssetReferences": ["a", "b"]}
    assert placed("com.apple.configuration.watch.enrollment", payload) == {
        "AnchorCertificateAssetReferences[0]": "a",
        "AnchorCertificateAssetReferences[1]": "b",
    }


def test_a_reference_says_what_the_data_may_be():
    [found] = references(
        "com.apple.configuration.services.configuration-files",
        {"ServiceType": "com.apple.sudo", "DataAssetReference": "files"},
    )
    assert found.content_types == {"application/zip"}


def test_what_is_no_name_is_left_to_the_check():
    assert references("com.apple.activation.simple", {"StandardConfigurations": [1, None]}) == []
    assert references(MANAGED, {"AppConfig": {"DataAssetReference": 7}}) == []
    assert references("com.example.unknown", {"AssetReference": "a"}) == []


def test_another_name_is_put_in_its_place():
    payload = {"ExtensionConfigs": {"com.example.ext": EXTENSION}, "AppStoreID": "1"}
    [found] = references(MANAGED, payload)
    changed = replace(payload, found.path, "ours")
    assert placed(MANAGED, changed) == {found.where: "ours"}
    assert payload["ExtensionConfigs"]["com.example.ext"] == EXTENSION
    assert changed["AppStoreID"] == "1"


@given(declarations())
def test_replacing_by_the_same_name_changes_nothing(example):
    type_name, payload = example
    for found in references(type_name, payload):
        assert replace(payload, found.path, found.value) == payload


@given(declarations(), st.text("xyz", min_size=9, max_size=12))
def test_each_reference_is_replaced_and_nothing_else(example, name):
    type_name, payload = example
    before = copy.deepcopy(payload)
    changed = payload
    for found in references(type_name, payload):
        changed = replace(changed, found.path, name)
    assert payload == before
    assert validate(type_name, changed) == []
    assert [found.value for found in references(type_name, changed)] == [name] * len(
        references(type_name, payload)
    )


@pytest.mark.parametrize("name", sorted(TABLE))
def test_whatever_may_be_named_is_a_type(name):
    def walk(keys, seen):
        for key in keys:
            yield from key.assets
            if key.shape not in seen:
                yield from walk(TABLE.inside(key), {*seen, key.shape} - {None})

    assert set(walk(TABLE[name].keys, set())) <= TABLE.names("asset")
