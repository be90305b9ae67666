"""What makes a declaration invalid."""

from __future__ import annotations

from typing import Any

from zmdm_simulator.declared import Reason


class Problem(Exception):
    """A declaration cannot be what it should be; the reason goes into the status report."""

    def __init__(self, code: str, description: str, **details: Any) -> None:
        super().__init__(f"{code}: {description}")
        self.reason = Reason(code, description, details)
