"""What an answer means for us. Commands return these values; services apply them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Effect:
    """One consequence of an answer."""


@dataclass(frozen=True, slots=True)
class SetFacts(Effect):
    """Facts about the device: typed columns, and the section of the answer they come from.

    `columns` has only what the device said (and said in the right type); None is never a value.
    `body` is the section in JSON's types, without secrets.
    """

    section: str
    columns: Mapping[str, Any]
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """One installed application; sizes in bytes."""

    identifier: str
    name: str | None = None
    version: str | None = None
    short_version: str | None = None
    bundle_size: int | None = None
    dynamic_size: int | None = None
    external_version: int | None = None
    installing: bool | None = None
    validated: bool | None = None
    beta: bool | None = None
    app_clip: bool | None = None
    ad_hoc_signed: bool | None = None
    app_store: bool | None = None
    device_vpp: bool | None = None
    update_available: bool | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """One certificate on the device; `data` is its DER."""

    common_name: str
    is_identity: bool
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfilePayload:
    """One payload of an installed profile."""

    payload_type: str
    identifier: str | None = None
    uuid: str | None = None
    display_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledProfile:
    """One installed profile; `signers` are DER certificates, the signer's first."""

    identifier: str
    uuid: str
    display_name: str | None = None
    organization: str | None = None
    description: str | None = None
    removal_disallowed: bool | None = None
    has_removal_passcode: bool | None = None
    encrypted: bool | None = None
    managed: bool | None = None
    source: str | None = None
    signers: tuple[bytes, ...] = field(default=(), repr=False)
    payloads: tuple[ProfilePayload, ...] = ()


@dataclass(frozen=True, slots=True)
class ReplaceApps(Effect):
    """The applications of this channel. Not `complete`: only some were asked for."""

    apps: tuple[App, ...]
    managed_only: bool = False
    complete: bool = True
    asked: tuple[str, ...] = ()
    """Bundle identifiers that were asked for, where not all were."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedApp:
    """What a device says of one managed app; `state` as it wrote it."""

    identifier: str
    state: str
    flags: int | None = None
    has_configuration: bool | None = None
    has_feedback: bool | None = None
    validated: bool | None = None
    external_version: int | None = None


@dataclass(frozen=True, slots=True)
class ManagedApps(Effect):
    """The managed apps of this channel; all of them, unless some were asked for."""

    apps: tuple[ManagedApp, ...]
    asked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReplaceCertificates(Effect):
    """The certificates of this channel."""

    certificates: tuple[Certificate, ...]
    managed_only: bool = False


@dataclass(frozen=True, slots=True)
class ReplaceProfiles(Effect):
    """The profiles of this channel."""

    profiles: tuple[InstalledProfile, ...]
    managed_only: bool = False


@dataclass(frozen=True, slots=True)
class LocalUsers(Effect):
    """The accounts of the device, each with what it said of them (`user_name` always)."""

    users: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class SecretSeen(Effect):
    """An answer brought a secret, e.g. `filevault_prk_cms`; silence of a later one removes none."""

    kind: str
    value: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SecretConfirmed(Effect):
    """The device has this version of a secret (by its uid) in force, or has proved so."""

    version: str


@dataclass(frozen=True, slots=True)
class SecretTaken(Effect):
    """The device has this version, but not in force before it restarts."""

    version: str


@dataclass(frozen=True, slots=True)
class SecretWrong(Effect):
    """The device says that this version is not what it has."""

    version: str


@dataclass(frozen=True, slots=True)
class SecretCleared(Effect):
    """The device has no such secret any more."""

    kind: str


@dataclass(frozen=True, slots=True)
class RecoveryKeyRotated(Effect):
    """FileVault has a new recovery key, in a CMS envelope; None: the device did not send it."""

    envelope: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class ProtectionDone(Effect):
    """A piece of work on the device's protection went well; `digest` is of what is in place now."""

    task: str
    digest: str | None = None


@dataclass(frozen=True, slots=True)
class ProtectionFailed(Effect):
    """It did not; `why` is the device's error chain."""

    task: str
    why: str


@dataclass(frozen=True, slots=True)
class ProfileInstalled(Effect):
    """A profile is on the channel now."""

    identifier: str
    uuid: str | None = None


@dataclass(frozen=True, slots=True)
class ProfileRemoved(Effect):
    """A profile is no longer on the channel."""

    identifier: str


@dataclass(frozen=True, slots=True)
class ProfileFailed(Effect):
    """A profile could not be installed (or removed); `why` is the device's error chain."""

    identifier: str
    why: str


@dataclass(frozen=True, slots=True)
class ArtifactInstalled(Effect):
    """A version of an artifact is on the channel now; both by their ids."""

    artifact: int
    version: int


@dataclass(frozen=True, slots=True)
class ArtifactNotInstalled(Effect):
    """It could not be installed; `why` is the device's error chain."""

    artifact: int
    version: int
    why: str


@dataclass(frozen=True, slots=True)
class AppTaken(Effect):
    """The device has begun to install an app; `state` as it wrote it, if it did."""

    artifact: int
    version: int
    state: str | None
    identifier: str | None


@dataclass(frozen=True, slots=True)
class ArtifactRemoved(Effect):
    """An artifact is no longer on the channel."""

    artifact: int


@dataclass(frozen=True, slots=True)
class ArtifactNotRemoved(Effect):
    """It could not be removed; `why` is the device's error chain."""

    artifact: int
    why: str


@dataclass(frozen=True, slots=True)
class IdentityRenewed(Effect):
    """The renewal profile was taken; the device will come back with its new certificate."""

    session: str


@dataclass(frozen=True, slots=True)
class RenewalFailed(Effect):
    """The renewal profile was not taken; the old identity stays in use."""

    session: str
    why: str


@dataclass(frozen=True, slots=True)
class SetupReleased(Effect):
    """Setup Assistant goes on: the channel waits for us no longer."""


@dataclass(frozen=True, slots=True)
class DeclarationsEnabled(Effect):
    """The channel speaks Declarative Management from now on."""


@dataclass(frozen=True, slots=True)
class Locked(Effect):
    """The device took the lock; an Idle soon after proves nothing."""


@dataclass(frozen=True, slots=True)
class NotLocked(Effect):
    """The device did not take the lock, so its PIN opens nothing."""


@dataclass(frozen=True, slots=True)
class DeviceGone(Effect):
    """The device left without a CheckOut; `why` is e.g. `erased`."""

    why: str
    returns: bool = False
    """It enrolls again by itself."""


@dataclass(frozen=True, slots=True)
class Unenrolled(Effect):
    """The device removes its enrollment profile, as it was told to."""


@dataclass(frozen=True, slots=True)
class LeaveRefused(Effect):
    """The device keeps its enrollment profile; `why` is its error chain."""

    why: str


@dataclass(frozen=True, slots=True)
class Note(Effect):
    """A sentence for the device's timeline, where the bare status would mislead."""

    text: str


@dataclass(frozen=True, slots=True)
class FollowUp(Effect):
    """Another command, after a while (seconds), e.g. to see what the first one did."""

    name: str
    args: Mapping[str, Any] = field(default_factory=dict)
    after: int = 0


@dataclass(frozen=True, slots=True)
class Unreadable(Effect):
    """The part of an answer that the command is about is missing or of the wrong type."""

    key: str
