"""Where an address that an operator gave leads: public places, and private ones that are allowed.

The name is resolved here and the connection goes to what was checked, so that a name cannot mean
one place when it is looked at and another one when it is used.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence

from zmdm_plugin.errors import ZmdmError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Unreachable(ZmdmError):
    """The name leads nowhere, or where it may not; in words."""

    status = 503


def resolve(host: str, port: int, *, private: Sequence[Network]) -> list[str]:
    """The addresses of a host, all of them allowed; Unreachable otherwise."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unreachable(f"the name {host} is not known here") from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for text in addresses:
        if not _allowed(text, private):
            raise Unreachable(
                f"{host} is at {text}, which is a private address; ZMDM_PRIVATE_NETWORKS may allow "
                "its network"
            )
    return addresses


def _allowed(text: str, private: Sequence[Network]) -> bool:
    address: Address = ipaddress.ip_address(text.partition("%")[0])
    address = getattr(address, "ipv4_mapped", None) or address
    if any(address in network for network in private):
        return True
    return address.is_global and not address.is_multicast
