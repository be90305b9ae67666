"""An Apple MDM server as a Flask extension; these names are public, the rest may change."""

from __future__ import annotations

from zmdm_plugin import errors, policy, signals
from zmdm_plugin.actors import SYSTEM, Actor
from zmdm_plugin.config import Settings
from zmdm_plugin.extension import Zmdm
from zmdm_plugin.migrate import include_name

__all__ = ["SYSTEM", "Actor", "Settings", "Zmdm", "errors", "include_name", "policy", "signals"]
