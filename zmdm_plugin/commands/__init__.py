"""MDM commands, one file each: what an operator may say, when it is refused, what the device gets
and what its answer means. Pure: no rows, no services, no clock.

    enqueue   Command.load(data) -> args; effective = command.unwrap(args) gives the command whose
              permission, redaction, fast lane and repetition count (Custom carries another one);
              command.refusal(target, args)
    store     command.store(args): JSON; `secret` and `escrow` name the fields to seal
    deliver   command.restore(stored); material for `needs`; command.payload(args, material)
    answer    command.answered(args, answer) -> effects, which services apply

Every module of this package is imported here, so a new command is a new file and nothing else.
"""

from __future__ import annotations

import importlib
import pkgutil

from zmdm_plugin.commands.base import Command, registry
from zmdm_plugin.commands.target import Refusal, Target

__all__ = ["Command", "Refusal", "Target", "registry"]

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
