"""What our clients call themselves, which Apple asks for."""

from __future__ import annotations

from importlib import metadata


def user_agent() -> str:
    """Name and version of this plugin."""
    try:
        return f"zmdm-plugin/{metadata.version('zmdm-plugin')}"
    except metadata.PackageNotFoundError:  # run from a source tree
        return "zmdm-plugin/0"
