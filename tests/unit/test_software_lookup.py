"""The client of Apple's software lookup service, against the played one."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from zmdm_plugin.clients import software_lookup
from zmdm_plugin.clients.software_lookup import LookupFailed, SoftwareLookup, parse
from zmdm_simulator.software_lookup import PlayedSoftwareLookup


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lookup")


@pytest.fixture
def lookup(folder: Path) -> Iterator[PlayedSoftwareLookup]:
    played = PlayedSoftwareLookup(folder).start()
    yield played
    played.stop()


def fetch(lookup: PlayedSoftwareLookup, roots: str | None = None) -> software_lookup.Listing:
    with software_lookup.client(lookup.roots if roots is None else roots) as http:
        return SoftwareLookup(http, lookup.url).fetch()


def body(**sets: Any) -> bytes:
    return json.dumps(sets).encode()


def entry(**more: Any) -> dict[str, Any]:
    return {
        "ProductVersion": "26.2",
        "Build": "25C56",
        "PostingDate": "2026-11-15",
        "SupportedDevices": ["J314sAP"],
        **more,
    }


def test_releases_of_all_sets_are_brought_together(lookup: PlayedSoftwareLookup) -> None:
    listing = fetch(lookup)
    [mac] = [one for one in listing.releases if (one.platform, one.version) == ("macOS", "26.2")]
    assert (mac.build, mac.managed, mac.public) == ("25C56", True, True)
    assert "J314sAP" in mac.devices
    assert mac.posted_on == datetime.now(UTC).date() - timedelta(days=5)
    [better] = [one for one in listing.releases if (one.platform, one.extra) == ("macOS", "(a)")]
    assert (better.prerequisite_build, better.managed) == ("25B78", False)
    assert listing.unreadable == 0


def test_a_certificate_below_another_root_is_refused(lookup: PlayedSoftwareLookup) -> None:
    with pytest.raises(LookupFailed, match="certificate"):
        fetch(lookup, roots="")


def test_an_anchor_made_around_a_public_key_is_one(lookup: PlayedSoftwareLookup) -> None:
    root = x509.load_pem_x509_certificate(lookup.roots.encode())
    spki = root.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    anchor = software_lookup.anchor(
        root.subject, spki, start=root.not_valid_before_utc, end=root.not_valid_after_utc
    )
    assert anchor != lookup.roots
    assert fetch(lookup, roots=anchor).releases


def test_apples_root_is_trusted_unless_others_are_named() -> None:
    def named(context: ssl.SSLContext) -> list[str]:
        return [str(one["subject"]) for one in context.get_ca_certs()]

    assert any("Apple Root CA" in name for name in named(software_lookup.trust()))
    only = software_lookup.trust(software_lookup.apple_root())
    assert len(named(only)) == 1


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        ({"status": 500}, "answered 500"),
        ({"status": 404}, "answered 404"),
        ({"redirect": "https://portal.example/"}, "answered 302"),
        ({"answer": "garbage"}, "something else"),
        ({"answer": "truncated"}, "something else"),
        ({"answer": "page"}, "something else"),
        ({"answer": "empty"}, "lists no release"),
        ({"drop": True}, "cannot be reached"),
    ],
)
def test_what_goes_wrong_is_said(
    lookup: PlayedSoftwareLookup, faults: dict[str, Any], words: str
) -> None:
    lookup.fail(**faults)
    with pytest.raises(LookupFailed, match=words):
        fetch(lookup)
    lookup.fail()


def test_a_server_that_is_not_there_is_said(lookup: PlayedSoftwareLookup) -> None:
    with (
        software_lookup.client(lookup.roots) as http,
        pytest.raises(LookupFailed, match="cannot be reached"),
    ):
        SoftwareLookup(http, "https://127.0.0.1:1").fetch()


def test_an_answer_beyond_all_bounds_is_cut_off(lookup: PlayedSoftwareLookup) -> None:
    with (
        software_lookup.client(lookup.roots) as http,
        pytest.raises(LookupFailed, match="too long"),
    ):
        SoftwareLookup(http, lookup.url, most=1000).fetch()


def test_entries_that_cannot_be_read_are_counted_and_the_rest_is_taken() -> None:
    wrong = [
        None,
        {},
        entry(ProductVersion=26),
        entry(Build=""),
        entry(PostingDate="yesterday"),
        entry(SupportedDevices="J314sAP"),
        entry(ProductVersion="1" * 40),
    ]
    listing = parse(body(AssetSets={"macOS": [*wrong, entry()]}))
    assert (len(listing.releases), listing.unreadable) == (1, len(wrong))


def test_the_dates_of_asset_sets_count() -> None:
    listing = parse(
        body(
            PublicAssetSets={"macOS": [entry(ExpirationDate="2026-12-01")]},
            AssetSets={"macOS": [entry(ExpirationDate="2027-02-01")]},
        )
    )
    assert [one.expires_on for one in listing.releases] == [date(2027, 2, 1)]


def test_the_same_release_for_two_kinds_of_hardware_is_one() -> None:
    two = entry(SupportedDevices=["J413AP"], ExpirationDate="2027-02-01")
    listing = parse(body(AssetSets={"macOS": [entry(), two]}))
    [one] = listing.releases
    assert one.devices == {"J314sAP", "J413AP"}
    assert one.expires_on is None


def test_the_older_name_of_improvements_is_read() -> None:
    rapid = entry(ProductVersion="16.5.1 (c)", Build="20F770750d", PrerequisiteBuild="20F75")
    listing = parse(
        body(AssetSets={"iOS": [entry()]}, PublicRapidSecurityResponses={"iOS": [rapid]})
    )
    [found] = [one for one in listing.releases if one.extra]
    assert (found.version, found.extra, found.prerequisite_build) == ("16.5.1", "(c)", "20F75")
