"""What a command needs beyond its arguments, loaded at delivery: `needs` -> LOADERS."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from zmdm_plugin.services import targets
from zmdm_plugin.services.enrollment import renewal


def load(needs: Iterable[str], args: Mapping[str, Any], *, channel_id: int) -> dict[str, Any]:
    """The material by name; NotFound or Refused when a part of it is gone."""
    return {name: LOADERS[name](channel_id, args) for name in needs}


def _target(channel_id: int, _args: Mapping[str, Any]) -> Any:
    return targets.target(targets.conversing(channel_id))


def _renewal_profile(_channel_id: int, args: Mapping[str, Any]) -> bytes:
    profile: bytes = renewal.render(str(args["session"]))
    return profile


def _sync_tokens(_channel_id: int, _args: Mapping[str, Any]) -> None:
    """Nothing goes along: the device asks for the tokens itself."""


LOADERS: dict[str, Callable[[int, Mapping[str, Any]], Any]] = {
    "target": _target,
    "renewal_profile": _renewal_profile,
    "sync_tokens": _sync_tokens,
}
