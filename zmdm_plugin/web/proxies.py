"""Whom a request came from: the raw TCP peer decides whether forwarding headers count.

A host's ProxyFix rewrites REMOTE_ADDR from headers that a client can send, so the peer is read
from what ProxyFix kept (`werkzeug.proxy_fix.orig`).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def raw_peer(environ: Mapping[str, Any]) -> str:
    """The address of the TCP connection; empty on a unix socket."""
    original = environ.get("werkzeug.proxy_fix.orig")
    while isinstance(original, Mapping):
        environ, original = original, original.get("werkzeug.proxy_fix.orig")
    return str(environ.get("REMOTE_ADDR") or "")


def is_trusted(address: str, networks: Sequence[Network]) -> bool:
    """Whether an address lies in one of the networks of ZMDM_TRUSTED_PROXIES."""
    parsed = _parsed(address)
    return parsed is not None and any(parsed in network for network in networks)


def peer_is_trusted(environ: Mapping[str, Any], networks: Sequence[Network]) -> bool:
    """Whether this request's headers about clients and their certificates may be believed."""
    return is_trusted(raw_peer(environ), networks)


def source_ip(environ: Mapping[str, Any], networks: Sequence[Network]) -> str | None:
    """The client's address: the last one in X-Forwarded-For that is no proxy of ours."""
    peer = raw_peer(environ)
    if not is_trusted(peer, networks):
        return peer[:64] or None
    for item in reversed(str(environ.get("HTTP_X_FORWARDED_FOR", "")).split(",")):
        address = _parsed(item)
        if address is None:
            break
        if not is_trusted(str(address), networks):
            return str(address)
    return peer[:64]


def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        parsed = ipaddress.ip_address(address.strip().strip("[]"))
    except ValueError:
        return None
    mapped = getattr(parsed, "ipv4_mapped", None)
    return mapped or parsed
