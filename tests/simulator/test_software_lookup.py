"""The played software lookup service, asked as Apple's is."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from zmdm_simulator.models_of_devices import MODELS
from zmdm_simulator.software_lookup import PATH, PlayedSoftwareLookup


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lookup")


@pytest.fixture
def lookup(folder: Path) -> Iterator[PlayedSoftwareLookup]:
    played = PlayedSoftwareLookup(folder).start()
    yield played
    played.stop()


@pytest.fixture
def http(lookup: PlayedSoftwareLookup) -> Iterator[httpx.Client]:
    context = ssl.create_default_context(cadata=lookup.roots)
    with httpx.Client(verify=context, base_url=lookup.url) as client:
        yield client


def test_it_lists_what_every_played_device_runs(http: httpx.Client) -> None:
    document = http.get(PATH).json()
    listed = {
        (entry["ProductVersion"], device)
        for entries in document["AssetSets"].values()
        for entry in entries
        for device in entry["SupportedDevices"]
    }
    for model in MODELS.values():
        assert (model.os_version, model.software_update_id) in listed


def test_the_list_has_the_shape_of_apples(http: httpx.Client) -> None:
    document = http.get(PATH).json()
    assert set(document["PublicAssetSets"]) == {"iOS", "macOS", "visionOS"}
    for entries in document["AssetSets"].values():
        for entry in entries:
            assert set(entry) <= {
                "ProductVersion",
                "Build",
                "PostingDate",
                "ExpirationDate",
                "SupportedDevices",
            }


def test_an_improvement_says_what_it_goes_on_top_of(http: httpx.Client) -> None:
    [entry] = http.get(PATH).json()["PublicBackgroundSecurityImprovements"]["macOS"]
    assert (entry["ProductVersionExtra"], entry["PrerequisiteBuild"]) == ("(a)", "25B78")


def test_a_release_appears_and_is_taken_back(
    lookup: PlayedSoftwareLookup, http: httpx.Client
) -> None:
    lookup.post("macOS", "26.9", "25Z9")
    assert "26.9" in http.get(PATH).text
    lookup.withdraw("26.9")
    assert "26.9" not in http.get(PATH).text


def test_releases_come_over_the_wire_too(http: httpx.Client) -> None:
    asked = {"platform": "iOS", "version": "26.8", "build": "23Z8", "devices": ["iPhone15,2"]}
    assert http.post("/releases", json={"releases": [asked]}).status_code == 200
    assert "26.8" in http.get(PATH).text
    assert http.post("/releases", json={"releases": [{"color": "red"}]}).status_code == 400


@pytest.mark.parametrize(
    ("faults", "status"), [({"status": 503}, 503), ({"redirect": "https://x.example/"}, 302)]
)
def test_a_fault_lasts_as_often_as_it_was_told(
    http: httpx.Client, faults: dict[str, object], status: int
) -> None:
    http.post("/faults", json={**faults, "times": 2})
    assert [http.get(PATH).status_code for _ in range(3)] == [status, status, 200]


def test_broken_answers(http: httpx.Client) -> None:
    for kind in ("garbage", "truncated", "page"):
        http.post("/faults", json={"answer": kind})
        with pytest.raises(ValueError, match=r"decode|Expecting|Unterminated|delimiter"):
            json.loads(http.get(PATH).content)
    http.post("/faults", json={"answer": "without_macos"})
    assert "macOS" not in http.get(PATH).json()["AssetSets"]


def test_a_connection_that_ends_without_an_answer(http: httpx.Client) -> None:
    http.post("/faults", json={"drop": True, "times": 1})
    with pytest.raises(httpx.RemoteProtocolError):
        http.get(PATH)
    assert http.get(PATH).status_code == 200


def test_an_unknown_fault_is_named(http: httpx.Client) -> None:
    answer = http.post("/faults", json={"colour": "red"})
    assert (answer.status_code, "colour" in answer.text) == (400, True)
