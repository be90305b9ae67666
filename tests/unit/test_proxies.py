"""Whose forwarding headers count: those of the raw peer, and no one else's."""

from __future__ import annotations

import ipaddress

import pytest

from zmdm_plugin.web.proxies import peer_is_trusted, raw_peer, source_ip

NETWORKS = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8"))


def environ(
    peer: str, forwarded: str | None = None, original: str | None = None
) -> dict[str, object]:
    found: dict[str, object] = {"REMOTE_ADDR": peer}
    if forwarded is not None:
        found["HTTP_X_FORWARDED_FOR"] = forwarded
    if original is not None:
        found["werkzeug.proxy_fix.orig"] = {"REMOTE_ADDR": original}
    return found


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("203.0.113.9", None, "203.0.113.9"),
        ("203.0.113.9", "10.0.0.1", "203.0.113.9"),
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.7, 10.9.9.9", "198.51.100.7"),
        ("10.0.0.1", "<script>", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.7, junk", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("::ffff:10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("fd00::1", "[2001:db8::1]", "2001:db8::1"),
        ("", "198.51.100.7", None),
    ],
)
def test_the_source_is(peer: str, forwarded: str | None, expected: str | None) -> None:
    assert source_ip(environ(peer, forwarded), NETWORKS) == expected


def test_a_rewritten_address_is_no_peer() -> None:
    forged = environ("10.0.0.1", original="203.0.113.9")
    assert raw_peer(forged) == "203.0.113.9"
    assert not peer_is_trusted(forged, NETWORKS)


def test_proxy_fix_twice_is_seen_through() -> None:
    twice = environ("10.0.0.1")
    twice["werkzeug.proxy_fix.orig"] = environ("10.0.0.2", original="203.0.113.9")
    assert raw_peer(twice) == "203.0.113.9"
