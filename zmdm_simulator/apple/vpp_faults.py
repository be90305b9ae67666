"""How the played Apps & Books service misbehaves when it is told to.

A fault document is JSON, and replaces the one before; `{}` makes the service well again:

    rules         as in zmdm_simulator.apple.dep_faults; `code` is Apple's number (9646 …)
    devices       {"<serial>": [9709, …]}: what comes of a device's licence next, in place of it
    rate          requests a second; more are 9646. 0: any number
    page_size     records on a page
    event_delay   seconds until an order is carried out
    hold          orders are taken and stay PENDING until this is false again
    silent        no notification is sent
    twice         each notification is sent twice
    shuffle       a page of assignments later the books have changed, so many times
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from zmdm_simulator.apple.dep_faults import BadFaults, Rule


@dataclass(slots=True, kw_only=True)
class VppFaults:
    """The misbehaviour in force."""

    rules: list[Rule] = field(default_factory=list)
    devices: dict[str, list[int]] = field(default_factory=dict)
    rate: float = 15.0
    page_size: int = 1000
    event_delay: float = 0.0
    hold: bool = False
    silent: bool = False
    twice: bool = False
    shuffle: int = 0

    @classmethod
    def read(cls, document: object) -> VppFaults:
        """From JSON, all of it or, when it is wrong, nothing."""
        if not isinstance(document, Mapping):
            raise BadFaults("a fault document is an object")
        if unknown := set(document) - {item.name for item in fields(cls)}:
            raise BadFaults(f"there is no fault {sorted(unknown)[0]!r}")
        values: dict[str, Any] = dict(document)
        try:
            rules = [Rule(**rule) for rule in values.pop("rules", [])]
        except TypeError as error:
            raise BadFaults(str(error)) from error
        return cls(rules=rules, **values)

    def next_rule(self, method: str, path: str) -> Rule | None:
        """What goes wrong with this request; rules that are used up are gone."""
        for rule in self.rules:
            if rule.fits(method, path):
                rule.times -= 1
                if rule.times == 0:
                    self.rules.remove(rule)
                return rule
        return None

    def next_for(self, serial: str) -> int | None:
        """The number of the error that this device's licence meets."""
        script = self.devices.get(serial)
        return script.pop(0) if script else None
