"""What a simulated device does wrong, and when: a list of rules, tried in order.

A script is JSON, `{"rules": [{"do": "notnow", "command": "InstallProfile", "times": 2}, …]}`; the
README of this package lists every key. The same seed makes the same choices on every run.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from enum import Enum
from fnmatch import fnmatchcase
from typing import Any

from zmdm_simulator.facts import Facts
from zmdm_simulator.models_of_devices import IOS, IPADOS, MACOS

# What the systems answer at any time; a rule for "*" leaves these alone.
NEVER_NOTNOW_IOS = frozenset(
    {
        "DeviceInformation",
        "ProfileList",
        "DeviceLock",
        "EraseDevice",
        "ClearPasscode",
        "ProvisioningProfileList",
        "InstalledApplicationList",
        "Restrictions",
    }
)
NEVER_NOTNOW_MAC = frozenset(
    {
        "DeleteUser",
        "DeviceLock",
        "EraseDevice",
        "RestartDevice",
        "ShutDownDevice",
        "UserList",
        "ActivationLockBypassCode",
        "ClearActivationLockBypassCode",
        "UnlockUserAccount",
    }
)
NEVER_NOTNOW = {IOS: NEVER_NOTNOW_IOS, IPADOS: NEVER_NOTNOW_IOS, MACOS: NEVER_NOTNOW_MAC}
IDLE = "Idle"
# What a device does for its declarations; a rule names them where it would name a command.
STEPS = frozenset({"tokens", "declaration-items", "declaration", "status", "download"})


class Do(Enum):
    """The faults. On an Idle, NOTNOW, ERROR and FORMAT_ERROR mean nothing."""

    NOTNOW = "notnow"
    ERROR = "error"
    FORMAT_ERROR = "format_error"
    FORGET = "forget"  # acknowledges, and does nothing
    SILENT = "silent"  # hangs up without an answer; the command stays outstanding
    REBOOT = "reboot"  # hangs up and is away for `seconds`
    LOSE_ANSWER = "lose_answer"  # carries the command out, and its answer never arrives
    LOSE_REPLY = "lose_reply"  # sends, hangs up before the reply, sends the same again later
    DUPLICATE = "duplicate"  # sends the same answer twice
    STRANGER = "stranger"  # proves itself with a certificate that the server never issued
    EXPIRED = "expired"  # the same, and it ended a month ago
    NEIGHBOUR = "neighbour"  # proves itself with the certificate of another device of the fleet
    OLD_IDENTITY = "old_identity"  # proves itself with the identity before the last renewal
    DELAY = "delay"  # takes `seconds` to answer
    STATUS_LOST = "status_lost"  # a report never arrives, and the device does not know
    STALE_TOKENS = "stale_tokens"  # reports the declarations' former server tokens
    CORRUPT = "corrupt"  # a download arrives with another first byte
    INTERRUPT = "interrupt"  # a download breaks off halfway and is taken up from there
    INVALID = "invalid"  # a declaration of this type is refused, with `reason`
    UPDATE_FAILS = "update_fails"  # the update to this version fails
    REJECT_APP = "reject_app"  # an app (identifier or number) is refused, with `reason`
    USER_REJECTS = "user_rejects"  # the user does not want this app


# These happen to declarations; every other fault to commands, or to a step that the rule names.
DECLARATIVE = frozenset(
    {Do.STATUS_LOST, Do.STALE_TOKENS, Do.CORRUPT, Do.INTERRUPT, Do.INVALID, Do.UPDATE_FAILS}
    | {Do.REJECT_APP, Do.USER_REJECTS}
)
ORDINARY = frozenset(Do) - DECLARATIVE


@dataclass(frozen=True, slots=True)
class Rule:
    """One fault: which devices, commands and channels, how often, and with what."""

    do: Do
    devices: tuple[str, ...] = ("*",)  # serial number, model, platform or name, * and ? allowed
    command: str = "*"  # or a step, a declaration type, a system version
    channel: str = "*"  # device, user
    after: int = 0  # let so many pass first
    times: int | None = None
    probability: float = 1.0
    seconds: float = 20.0
    code: int = 12000
    domain: str = "MCMDMErrorDomain"
    description: str = "This was scripted to fail."
    reason: str = "Error.ConfigurationCannotBeApplied"

    def concerns(self, facts: Facts, command: str, channel: str) -> bool:
        """Tell whether this rule speaks of this command on this device."""
        names = (facts.serial, facts.model.identifier, facts.model.platform, facts.name)
        return (
            any(fnmatchcase(name, pattern) for name in names for pattern in self.devices)
            and fnmatchcase(channel, self.channel)
            and self._names(command, facts)
        )

    def _names(self, command: str, facts: Facts) -> bool:
        if self.command != "*":
            return fnmatchcase(command, self.command)
        if self.do is Do.NOTNOW and command in NEVER_NOTNOW.get(facts.model.platform, ()):
            return False
        return self.do in DECLARATIVE or (command != IDLE and command not in STEPS)


@dataclass(slots=True)
class Script:
    """The rules and their tallies; shared by a fleet, each device counts for itself."""

    rules: tuple[Rule, ...] = ()
    _met: Counter[tuple[str, int]] = field(default_factory=Counter)
    _used: Counter[tuple[str, int]] = field(default_factory=Counter)
    _dice: dict[str, random.Random] = field(default_factory=dict)

    @classmethod
    def load(cls, document: str | Mapping[str, Any]) -> Script:
        """Read a script from JSON text or its parsed form; ValueError names a bad rule."""
        data = json.loads(document) if isinstance(document, str) else document
        return cls(tuple(_rules(data.get("rules", []))))

    def choose(
        self, facts: Facts, command: str, channel: str, *, among: frozenset[Do] = ORDINARY
    ) -> Rule | None:
        """Return the rule that applies to this command (or step) now, and count it."""
        for number, rule in enumerate(self.rules):
            if rule.do not in among or not rule.concerns(facts, command, channel):
                continue
            self._met[facts.serial, number] += 1
            if self._met[facts.serial, number] <= rule.after:
                continue
            if rule.times is not None and self._used[facts.serial, number] >= rule.times:
                continue
            dice = self._dice.setdefault(facts.serial, random.Random(facts.seed))
            if rule.probability < 1 and dice.random() >= rule.probability:
                continue
            self._used[facts.serial, number] += 1
            return rule
        return None


def _rules(items: Iterable[Mapping[str, Any]]) -> Iterable[Rule]:
    known = {item.name for item in fields(Rule)}
    for number, item in enumerate(items, 1):
        if unknown := set(item) - known:
            raise ValueError(f"rule {number} has unknown keys: {', '.join(sorted(unknown))}")
        values = dict(item)
        devices = values.pop("devices", ["*"])
        try:
            do = Do(values.pop("do", None))
        except ValueError as error:
            raise ValueError(f"rule {number}: do is none of {[d.value for d in Do]}") from error
        names = (devices,) if isinstance(devices, str) else tuple(devices)
        yield Rule(do=do, devices=names, **values)
