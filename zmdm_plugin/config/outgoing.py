"""Settings of connections to addresses that operators give."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from zmdm_plugin.config.parsers import key, networks


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """Where such an address may lead."""

    private_networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = key(
        networks,
        "Private networks where providers and directories of realms may be, e.g. `10.0.0.0/8`. "
        "Other addresses that are not public are never connected to.",
        default=(),
    )
