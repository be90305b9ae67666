"""Artifacts by command as values: what a channel should have, what it has, how long to wait."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from zmdm_plugin.commands.install_profile import profile_key

STORE, PACKAGE, APP = "store_app", "package", "app"
"""Kinds of apps by the command that brings them: an enterprise app is one of the latter two."""
INSTALL = {
    "profile": "InstallArtifactProfile",
    "provisioning_profile": "InstallArtifactProvisioningProfile",
    STORE: "InstallArtifactStoreApp",
    PACKAGE: "InstallArtifactPackage",
    APP: "InstallArtifactApp",
}
REMOVE = {
    "profile": "RemoveArtifactProfile",
    "provisioning_profile": "RemoveArtifactProvisioningProfile",
    **dict.fromkeys((STORE, PACKAGE, APP), "RemoveArtifactApp"),
}
APPS = frozenset({STORE, PACKAGE, APP})
UNDER_WAY = frozenset({"installing", "awaiting_confirmation"})
"""Statuses of an app that the device has taken, and not installed yet."""
_WAITS = (
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=4),
    timedelta(hours=12),
    timedelta(days=1),
)


def wait_after(failures: int) -> timedelta:
    """How long to wait after so many failures in a row: from 15 minutes to a day."""
    return _WAITS[min(max(failures, 1), len(_WAITS)) - 1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """An artifact that the channel should have by command, prerequisites first."""

    artifact: int
    version: int
    kind: str
    """profile | provisioning_profile | store_app | package | app"""
    identifier: str
    requires: tuple[int, ...] = ()
    auto_update: bool = True
    reinstall_interval: timedelta | None = None
    reinstall_on_os_update: str = "no"
    values: str | None = None
    """Digest of what its variables stand for at this moment; None: it has none."""
    blocked: bool = False
    """A variable in it has no value here: it is not sent, and what is there stays."""

    @property
    def key(self) -> str:
        return profile_key(self.identifier)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What became of an artifact on the channel so far."""

    artifact: int
    kind: str
    identifier: str
    status: str
    by_command: bool
    installed_version: int | None = None
    installed_at: datetime | None = None
    installed_os: str | None = None
    installed_values: str | None = None
    tried_version: int | None = None
    tried_at: datetime | None = None
    next_try_at: datetime | None = None
    check_at: datetime | None = None
    """Of an app: when the device is asked next whether it is there."""
    bundles: tuple[str, ...] = ()
    """Of a package: the bundle identifiers by which it is found on the device."""
    removable: bool = True
    """Whether a command takes it off; a package that is not managed stays."""

    @property
    def key(self) -> str:
        return profile_key(self.identifier)

    @property
    def is_app(self) -> bool:
        return self.kind in APPS
