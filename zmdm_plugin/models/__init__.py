"""SQLAlchemy rows on our own MetaData, one topic per file, no IO."""

from __future__ import annotations

from zmdm_plugin.models.account import AccessToken, AccountSettings
from zmdm_plugin.models.ade import AdeSettings
from zmdm_plugin.models.alerts import Alert, AlertNotice
from zmdm_plugin.models.apps_books import (
    Asset,
    Licence,
    LicenceMark,
    LicenceRequest,
    LicenceWalk,
    Location,
    LocationAsset,
    LocationNotification,
    RequestPace,
)
from zmdm_plugin.models.artifacts import (
    Artifact,
    ArtifactRequirement,
    ArtifactVersion,
    ChannelArtifact,
)
from zmdm_plugin.models.base import Base, metadata
from zmdm_plugin.models.blueprints import BlueprintArtifact, MDMBlueprint
from zmdm_plugin.models.channels import Channel, Revision
from zmdm_plugin.models.commands import FINAL, OUTSTANDING, ChannelCommand, RawAnswer
from zmdm_plugin.models.credentials import (
    CertificateAuthority,
    IssuedCertificate,
    PushCertificate,
    ScepIssuer,
)
from zmdm_plugin.models.declarations import ChannelDeclarations, Manifest
from zmdm_plugin.models.dep import AdeProfile, DepDevice, DepVirtualServer
from zmdm_plugin.models.devices import (
    Application,
    Device,
    Identity,
    InstalledApplication,
    InstalledCertificate,
    InstalledProfile,
    UnboundIdentity,
)
from zmdm_plugin.models.enrollments import Enrollment, EnrollmentSession
from zmdm_plugin.models.idempotency import IdempotentRequest
from zmdm_plugin.models.operations import ApiToken, Counter, Heartbeat, JobRun, Lease
from zmdm_plugin.models.packages import Package, StoredFile
from zmdm_plugin.models.realms import Realm, RealmUser, SignIn, SignInAttempt
from zmdm_plugin.models.records import AuditEntry, Event
from zmdm_plugin.models.secrets import (
    DeviceSecret,
    EscrowKey,
    FileVaultConfig,
    ProtectionTask,
    RecoveryPasswordConfig,
    RevealAllowance,
    SealingKey,
)
from zmdm_plugin.models.software_updates import (
    AdvertisedUpdate,
    BlueprintEnforcement,
    DeviceUpdate,
    EnforcementTag,
    SoftwareUpdate,
    SoftwareUpdateDevice,
    SoftwareUpdateEnforcement,
    SoftwareUpdateFeed,
)
from zmdm_plugin.models.tags import DeviceTag, SavedView, Tag
from zmdm_plugin.models.webhooks import Webhook, WebhookDelivery

__all__ = [
    "FINAL",
    "OUTSTANDING",
    "AccessToken",
    "AccountSettings",
    "AdeProfile",
    "AdeSettings",
    "AdvertisedUpdate",
    "Alert",
    "AlertNotice",
    "ApiToken",
    "Application",
    "Artifact",
    "ArtifactRequirement",
    "ArtifactVersion",
    "Asset",
    "AuditEntry",
    "Base",
    "BlueprintArtifact",
    "BlueprintEnforcement",
    "CertificateAuthority",
    "Channel",
    "ChannelArtifact",
    "ChannelCommand",
    "ChannelDeclarations",
    "Counter",
    "DepDevice",
    "DepVirtualServer",
    "Device",
    "DeviceSecret",
    "DeviceTag",
    "DeviceUpdate",
    "EnforcementTag",
    "Enrollment",
    "EnrollmentSession",
    "EscrowKey",
    "Event",
    "FileVaultConfig",
    "Heartbeat",
    "IdempotentRequest",
    "Identity",
    "InstalledApplication",
    "InstalledCertificate",
    "InstalledProfile",
    "IssuedCertificate",
    "JobRun",
    "Lease",
    "Licence",
    "LicenceMark",
    "LicenceRequest",
    "LicenceWalk",
    "Location",
    "LocationAsset",
    "LocationNotification",
    "MDMBlueprint",
    "Manifest",
    "Package",
    "ProtectionTask",
    "PushCertificate",
    "RawAnswer",
    "Realm",
    "RealmUser",
    "RecoveryPasswordConfig",
    "RequestPace",
    "RevealAllowance",
    "Revision",
    "SavedView",
    "ScepIssuer",
    "SealingKey",
    "SignIn",
    "SignInAttempt",
    "SoftwareUpdate",
    "SoftwareUpdateDevice",
    "SoftwareUpdateEnforcement",
    "SoftwareUpdateFeed",
    "StoredFile",
    "Tag",
    "UnboundIdentity",
    "Webhook",
    "WebhookDelivery",
    "metadata",
]
