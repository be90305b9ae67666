"""What a version of an app is to be installed with, and its configuration for one channel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zmdm_plugin.models import ArtifactVersion, Channel
from zmdm_plugin.services import app_configuration
from zmdm_plugin.services.artifacts import values


def configuration(version: ArtifactVersion, channel: Channel) -> dict[str, Any] | None:
    """The app's configuration on a channel; Refused names the variables without a value."""
    return app_configuration.of(version, values.of(channel) if version.variables else {})


def flags(content: Mapping[str, Any]) -> int:
    """Apple's ManagementFlags: 1, goes with the enrollment; 4, stays out of backups."""
    return int(bool(content.get("remove_on_unenroll"))) + 4 * bool(content.get("prevent_backup"))
