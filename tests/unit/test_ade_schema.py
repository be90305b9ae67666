"""What we and the simulator say of ADE, beside Apple's own files."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests import requirements
from zmdm_plugin.protocol import machine_info
from zmdm_plugin.protocol.skip_items import SKIP_ITEMS
from zmdm_simulator import setup_assistant
from zmdm_simulator.device import SimulatedDevice
from zmdm_simulator.models_of_devices import MODELS

pytestmark = pytest.mark.needs("apple_schema")


def page(*names: str) -> dict[str, Any]:
    """The first of these files that there is."""
    root = requirements.apple_schema()
    assert root is not None
    found = next(root / name for name in names if (root / name).exists())
    read: dict[str, Any] = yaml.safe_load(found.read_text())
    return read


def introduced(key: dict[str, Any], top: dict[str, Any], platform: str) -> tuple[str, ...]:
    """What Apple says of one key on one platform: from when, and until when."""
    own = (key.get("supportedOS") or {}).get(platform) or {}
    first = str(own.get("introduced", top[platform]["introduced"]))
    if first == "n/a":
        return ()
    return (first, str(own.get("deprecated", "")), str(own.get("removed", "")))


def test_skip_items_are_apples_with_the_systems_where_they_exist() -> None:
    apples = page("newer/other/skipkeys.yaml", "other/skipkeys.yaml")
    top = apples["payload"]["supportedOS"]
    expected = {}
    for key in apples["payloadkeys"]:
        every = {name: introduced(key, top, name) for name in ("iOS", "macOS", "tvOS", "visionOS")}
        expected[key["key"]] = {name: said for name, said in every.items() if said}
    ours = {
        key: {
            one.platform: (one.introduced, one.deprecated, one.removed) for one in item.availability
        }
        for key, item in SKIP_ITEMS.items()
    }
    assert ours == expected


def test_every_skip_item_has_words_of_its_own() -> None:
    labels = [item.label for item in SKIP_ITEMS.values()]
    assert len(set(labels)) == len(labels) and all(labels)


@pytest.mark.parametrize("model", sorted(MODELS))
def test_simulated_devices_say_what_apples_schema_has(model: str) -> None:
    keys = {key["key"]: key for key in page("other/machineinfo.yaml")["payloadkeys"]}
    device = SimulatedDevice(model, 1)
    body = setup_assistant.machine_info(device)
    types = {"<string>": str, "<boolean>": bool}
    assert body.keys() <= keys.keys()
    assert all(isinstance(value, types[keys[name]["type"]]) for name, value in body.items())
    required = {name for name, key in keys.items() if key["presence"] == "required"}
    old = device.facts.model.platform == "macOS" and device.facts.model.version < (14,)
    assert required - body.keys() == ({"OS_VERSION"} if old else set())


def test_what_a_simulated_device_says_is_read_whole() -> None:
    device = SimulatedDevice("iPhone15,2", 1)
    info = machine_info.parse(setup_assistant.machine_info(device))
    assert (info.serial_number, info.udid) == (device.facts.serial, device.facts.udid)
    assert (info.platform, info.can_request_update, info.update_device_id) == ("iOS", True, "D73AP")
