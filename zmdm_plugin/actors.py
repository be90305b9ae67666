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

    @property
    def person(self) -> Actor:
        """Whose doing it is: the actor, or the owner of the token that acts."""
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenActor(Actor):
    """A program with an API token: what the token lists, and never more than its owner may."""

    owner: Actor
    permissions: tuple[str, ...]

    @property
    def person(self) -> Actor:
        return self.owner

    @property
    def token_id(self) -> int:
        """The row of the token: its number in the actor's id, `token:17`."""
        return int(self.id.removeprefix("token:"))


SYSTEM = Actor(id="system", label="zmdm", kind="system")
