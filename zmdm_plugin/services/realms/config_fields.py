"""Fields of a realm's configuration as operators give them; Refused names `config`."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

from zmdm_plugin.errors import ProtocolError, Refused
from zmdm_plugin.protocol import pem

LONGEST = 2000
_LONGEST_PEM = 64 * 1024


def only(config: Mapping[str, Any], known: Set[str]) -> None:
    """No key but the known ones: a misspelled one would have no effect."""
    if unknown := sorted(str(name) for name in config.keys() - known):
        raise Refused("config", f"knows {', '.join(sorted(known))}, not {', '.join(unknown)[:200]}")


def text(config: Mapping[str, Any], name: str) -> str:
    """One line, which must be there."""
    value = config.get(name)
    if not isinstance(value, str) or not value.strip():
        raise Refused("config", f"{name} is required")
    if len(value) > LONGEST or not value.strip().isprintable():
        raise Refused("config", f"{name} must be one line of at most {LONGEST} characters")
    return value.strip()


def certificates(config: Mapping[str, Any], name: str) -> str:
    """PEM certificates."""
    value = config.get(name)
    try:
        if not isinstance(value, str) or len(value) > _LONGEST_PEM:
            raise Refused("config", f"{name} must be PEM certificates")
        pem.certificates(value)
    except (ProtocolError, ValueError) as error:
        raise Refused("config", f"{name} must be PEM certificates: {error}") from error
    return value.strip() + "\n"
