"""Where an address that an operator gave leads: public places, and private ones that are allowed.

The name is resolved here and the connection goes to what was checked, so that a name cannot mean
one place when it is looked at and another one when it is used.
"""

from __future__ import annotations

import ipaddress
import queue
import socket
import threading
from collections.abc import Callable, Sequence

from zmdm_plugin.errors import ZmdmError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
WITHIN = 5.0
"""Seconds for a name to be looked up."""


class Unreachable(ZmdmError):
    """The name leads nowhere, or where it may not; in words."""

    status = 503


def _asked(host: str, port: int) -> list[str]:
    """What the system knows."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def look_up(
    host: str,
    port: int,
    *,
    within: float = WITHIN,
    ask: Callable[[str, int], list[str]] = _asked,
) -> list[str]:
    """The addresses of a host; Unreachable if it has none, or nobody says so in time.

    The system's resolver takes no limit and may wait for a minute: it is asked by a thread, which
    is left to itself.
    """
    answer: queue.SimpleQueue[list[str] | None] = queue.SimpleQueue()

    def run() -> None:
        try:
            answer.put(ask(host, port))
        except (OSError, UnicodeError):
            answer.put(None)

    threading.Thread(target=run, name="zmdm-name", daemon=True).start()
    try:
        addresses = answer.get(timeout=max(within, 0.0))
    except queue.Empty:
        raise Unreachable(f"the name {host} could not be looked up in time") from None
    if not addresses:
        raise Unreachable(f"the name {host} is not known here")
    return addresses


def resolve(
    host: str, port: int, *, private: Sequence[Network], within: float = WITHIN
) -> list[str]:
    """The addresses of a host, all of them allowed; Unreachable otherwise."""
    addresses = look_up(host, port, within=within)
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
