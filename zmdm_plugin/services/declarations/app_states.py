"""How far apps are that declarations bring: their declaration being valid does not say it.

`app.managed.list` and `package.list` tell of each app; as long as a device that reports one of
them does not name an app, it has not begun with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zmdm_plugin.models import ChannelDeclarations
from zmdm_plugin.protocol import apps, ddm
from zmdm_plugin.services.declarations import reasons

_ITEMS = {apps.MANAGED_APPS: "app.managed.list", apps.PACKAGES: "package.list"}


@dataclass(frozen=True, slots=True)
class AppState:
    """What counts for the app's artifact, and why in words."""

    outcome: str
    reasons: list[dict[str, str]]


def of(held: ChannelDeclarations, types: Mapping[str, str]) -> dict[str, AppState]:
    """By identifier of the declaration; `types` are those of the declarations in question."""
    known = ddm.item(held.capabilities or {}, "supported-payloads.status-items")
    reports = known if isinstance(known, list) else []
    found: dict[str, AppState] = {}
    for type_, item in _ITEMS.items():
        told = ddm.item(held.status or {}, item)
        if not isinstance(told, list) and item not in reports:
            continue  # the device never will report it: then its declaration has to do
        wanted = {name for name, other in types.items() if other == type_}
        found |= dict.fromkeys(wanted, _NOT_BEGUN)
        for one in told if isinstance(told, list) else ():
            if not isinstance(one, Mapping):
                continue
            name = one.get("declaration-identifier") or one.get("identifier")
            if name in wanted:
                found[str(name)] = _state(one)
    return found


_NOT_BEGUN = AppState(
    apps.INSTALLING,
    [{"code": "not-begun", "description": "The device has not begun with the app yet."}],
)


def _state(one: Mapping[str, Any]) -> AppState:
    state = apps.state(one.get("state")) or apps.state("unknown")
    assert state is not None
    told = one.get("reasons")
    given = (
        [reason for reason in told if isinstance(reason, dict)] if isinstance(told, list) else []
    )
    words = reasons.explained(given)
    if state.status != apps.INSTALLED:
        words = [{"code": state.name, "description": state.words}, *words]
    return AppState(state.status, words)
