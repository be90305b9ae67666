"""Who acts: a host's user, an API token, or the system itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Actor:
    """Names who did something in audit entries; a string id, for the host's tables are not ours."""

    id: str
    label: str
    kind: Literal["user", "token", "system"] = "user"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenActor(Actor):
    """A program with an API token: what the token lists, and never more than its owner may."""

    owner: Actor
    permissions: tuple[str, ...]


SYSTEM = Actor(id="system", label="zmdm", kind="system")
