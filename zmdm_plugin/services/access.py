"""Who may do what: the host decides, tokens narrow it, row scopes narrow lists.

`demand()` asks the host's `authorize(actor, permission, subject)`. Inside a transaction() it asks
in an application context of its own, for the host may use (and commit) its session to answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.actors import Actor, TokenActor
from zmdm_plugin.commands import registry
from zmdm_plugin.commands.base import ANY_COMMAND, CUSTOM_COMMAND
from zmdm_plugin.db import is_open
from zmdm_plugin.errors import Denied
from zmdm_plugin.policy import covers as covers
from zmdm_plugin.policy import implying
from zmdm_plugin.state import apart, state

VIEW_DEVICES = "mdm.view_enrolleddevice"
CHANGE_DEVICES = "mdm.change_enrolleddevice"
UNENROLL_DEVICES = "mdm.change_enrolleddevice.unenroll"
ARCHIVE_DEVICES = "mdm.change_enrolleddevice.archive"
DELETE_DEVICES = "mdm.delete_enrolleddevice"
VIEW_COMMANDS = "mdm.view_devicecommand"
VIEW_RESULTS = "mdm.view_devicecommand_result"
ADD_COMMANDS = ANY_COMMAND
CHANGE_COMMANDS = "mdm.change_devicecommand"
VIEW_ENROLLMENTS = "mdm.view_enrollment"
ADD_ENROLLMENTS = "mdm.add_enrollment"
CHANGE_ENROLLMENTS = "mdm.change_enrollment"
VIEW_PUSH_CERTIFICATES = "mdm.view_pushcertificate"
ADD_PUSH_CERTIFICATES = "mdm.add_pushcertificate"
CHANGE_PUSH_CERTIFICATES = "mdm.change_pushcertificate"
DELETE_PUSH_CERTIFICATES = "mdm.delete_pushcertificate"
VIEW_SCEP_ISSUERS = "mdm.view_scepissuer"
CHANGE_SCEP_ISSUERS = "mdm.change_scepissuer"
VIEW_REALMS = "mdm.view_realm"
ADD_REALMS = "mdm.add_realm"
CHANGE_REALMS = "mdm.change_realm"
DELETE_REALMS = "mdm.delete_realm"
VIEW_PEOPLE = "mdm.view_realmuser"
ADD_PEOPLE = "mdm.add_realmuser"
CHANGE_PEOPLE = "mdm.change_realmuser"
DELETE_PEOPLE = "mdm.delete_realmuser"
VIEW_TOKENS = "mdm.view_apitoken"
ADD_TOKENS = "mdm.add_apitoken"
CHANGE_TOKENS = "mdm.change_apitoken"
VIEW_TAGS = "mdm.view_tag"
ADD_TAGS = "mdm.add_tag"
CHANGE_TAGS = "mdm.change_tag"
DELETE_TAGS = "mdm.delete_tag"
VIEW_WEBHOOKS = "mdm.view_webhook"
ADD_WEBHOOKS = "mdm.add_webhook"
CHANGE_WEBHOOKS = "mdm.change_webhook"
DELETE_WEBHOOKS = "mdm.delete_webhook"
VIEW_ALERTS = "mdm.view_alert"
CHANGE_ALERTS = "mdm.change_alert"
VIEW_UPDATES = "mdm.view_softwareupdate"
ADD_UPDATES = "mdm.add_softwareupdate"
CHANGE_UPDATES = "mdm.change_softwareupdate"
DELETE_UPDATES = "mdm.delete_softwareupdate"
SYNC_UPDATES = (ADD_UPDATES, CHANGE_UPDATES, DELETE_UPDATES)
"""What a fetch of Apple's list does: all three are needed to order one."""
VIEW_ENFORCEMENTS = "mdm.view_softwareupdateenforcement"
ADD_ENFORCEMENTS = "mdm.add_softwareupdateenforcement"
CHANGE_ENFORCEMENTS = "mdm.change_softwareupdateenforcement"
DELETE_ENFORCEMENTS = "mdm.delete_softwareupdateenforcement"
VIEW_DEP_SERVERS = "mdm.view_depvirtualserver"
ADD_DEP_SERVERS = "mdm.add_depvirtualserver"
CHANGE_DEP_SERVERS = "mdm.change_depvirtualserver"
VIEW_DEP_DEVICES = "mdm.view_depdevice"
CHANGE_DEP_DEVICES = "mdm.change_depdevice"
DISOWN_DEP_DEVICES = "mdm.disown_depdevice"
VIEW_BLUEPRINTS = "mdm.view_blueprint"
ADD_BLUEPRINTS = "mdm.add_blueprint"
CHANGE_BLUEPRINTS = "mdm.change_blueprint"
DELETE_BLUEPRINTS = "mdm.delete_blueprint"
VIEW_FILEVAULT_CONFIGS = "mdm.view_filevaultconfig"
ADD_FILEVAULT_CONFIGS = "mdm.add_filevaultconfig"
CHANGE_FILEVAULT_CONFIGS = "mdm.change_filevaultconfig"
DELETE_FILEVAULT_CONFIGS = "mdm.delete_filevaultconfig"
VIEW_RECOVERY_CONFIGS = "mdm.view_recoverypasswordconfig"
ADD_RECOVERY_CONFIGS = "mdm.add_recoverypasswordconfig"
CHANGE_RECOVERY_CONFIGS = "mdm.change_recoverypasswordconfig"
DELETE_RECOVERY_CONFIGS = "mdm.delete_recoverypasswordconfig"
CHANGE_SECRETS = "mdm.change_devicesecret"
RESEAL = "mdm.reseal_secrets"
VIEW_ARTIFACTS = "mdm.view_artifact"
VIEW_SOURCES = "mdm.view_artifact_source"
ADD_ARTIFACTS = "mdm.add_artifact"
CHANGE_ARTIFACTS = "mdm.change_artifact"
DELETE_ARTIFACTS = "mdm.delete_artifact"
VIEW_LOCATIONS = "mdm.view_location"
ADD_LOCATIONS = "mdm.add_location"
CHANGE_LOCATIONS = "mdm.change_location"
DELETE_LOCATIONS = "mdm.delete_location"
VIEW_ASSETS = "mdm.view_asset"
VIEW_LOCATION_ASSETS = "mdm.view_locationasset"
CHANGE_LOCATION_ASSETS = "mdm.change_locationasset"
VIEW_SYSTEM = "mdm.view_system"
VIEW_METRICS = "mdm.view_metrics"
VIEW_AUDIT = "mdm.view_auditentry"
VIEW_EVENTS = "mdm.view_event"
VIEW_RUNS = "mdm.view_jobrun"
CHANGE_RUNS = "mdm.change_jobrun"

_NAMED = {
    VIEW_DEVICES: "See devices, their facts, and each one's timeline.",
    VIEW_EVENTS: "Search and export what happened: to devices, at Apple, on this server.",
    CHANGE_DEVICES: "Block, unblock, wake and tag devices, and choose their blueprint; implies the "
    "next two.",
    UNENROLL_DEVICES: "Ask devices to leave management, and release those that are gone.",
    ARCHIVE_DEVICES: "Put devices that are no longer in use into the archive, and take them out.",
    DELETE_DEVICES: "Delete devices that have left, with all that is known of them.",
    VIEW_COMMANDS: "See commands, and what was answered without what may be secret.",
    VIEW_RESULTS: "Fetch an answer as the device sent it, which may hold secrets; audited.",
    ADD_COMMANDS: "Queue every registered command.",
    CUSTOM_COMMAND: "Queue a RequestType that is not registered.",
    CHANGE_COMMANDS: "Cancel commands that wait.",
    VIEW_ENROLLMENTS: "See enrollments and their sessions.",
    ADD_ENROLLMENTS: "Create enrollments and download their profiles.",
    CHANGE_ENROLLMENTS: "Change, revoke and delete enrollments.",
    VIEW_PUSH_CERTIFICATES: "See push certificates.",
    ADD_PUSH_CERTIFICATES: "Add push certificates.",
    CHANGE_PUSH_CERTIFICATES: "Renew push certificates.",
    DELETE_PUSH_CERTIFICATES: "Delete push certificates that nothing uses.",
    VIEW_SCEP_ISSUERS: "See SCEP issuers.",
    CHANGE_SCEP_ISSUERS: "Add, change and delete SCEP issuers.",
    VIEW_REALMS: "See realms, and whether their providers do what they should.",
    ADD_REALMS: "Make realms.",
    CHANGE_REALMS: "Change realms and their secrets, test them, switch them off and on.",
    DELETE_REALMS: "Delete realms that nothing uses.",
    VIEW_PEOPLE: "See the people of realms, what is known of them, and their devices.",
    ADD_PEOPLE: "Make local accounts.",
    CHANGE_PEOPLE: "Change local accounts and their passwords; release usernames.",
    DELETE_PEOPLE: "Forget people who have no device.",
    VIEW_TOKENS: "See everybody's API tokens (never their text).",
    ADD_TOKENS: "Make API tokens of one's own, see and revoke them.",
    CHANGE_TOKENS: "Revoke everybody's API tokens.",
    VIEW_TAGS: "See tags.",
    ADD_TAGS: "Make tags.",
    CHANGE_TAGS: "Rename and recolor tags.",
    DELETE_TAGS: "Delete tags, which takes them from their devices.",
    VIEW_WEBHOOKS: "See webhooks, what they want and what was not told; never their secrets.",
    ADD_WEBHOOKS: "Make webhooks, which tell other programs what happens.",
    CHANGE_WEBHOOKS: "Change webhooks, give them other secrets, tell events again.",
    DELETE_WEBHOOKS: "Delete webhooks with what they were still to be told.",
    VIEW_ALERTS: "See what is wrong: alerts, and whether their mails get out.",
    CHANGE_ALERTS: "Acknowledge and snooze alerts, and send test mails.",
    VIEW_UPDATES: "See Apple's list of software updates.",
    ADD_UPDATES: "Fetch Apple's list of software updates, with the two that follow.",
    CHANGE_UPDATES: "Fetch Apple's list of software updates; see above.",
    DELETE_UPDATES: "Fetch Apple's list of software updates; see above.",
    VIEW_ENFORCEMENTS: "See which updates are enforced, and which device gets what.",
    ADD_ENFORCEMENTS: "Make enforcements of software updates.",
    CHANGE_ENFORCEMENTS: "Change enforcements of software updates, their tags and blueprints.",
    DELETE_ENFORCEMENTS: "Delete enforcements that no blueprint uses.",
    VIEW_DEP_SERVERS: "See virtual servers of Apple Business or School Manager; synchronize them.",
    ADD_DEP_SERVERS: "Connect virtual servers.",
    CHANGE_DEP_SERVERS: "Renew the token of virtual servers, choose their default enrollment.",
    VIEW_DEP_DEVICES: "See the devices that Apple has assigned to virtual servers.",
    CHANGE_DEP_DEVICES: "Assign enrollments to these devices, and refresh them from Apple.",
    DISOWN_DEP_DEVICES: "Disown these devices, which cannot be taken back.",
    VIEW_BLUEPRINTS: "See blueprints, and what they bring to whom.",
    ADD_BLUEPRINTS: "Make blueprints.",
    CHANGE_BLUEPRINTS: "Change blueprints, and what they bring to whom.",
    DELETE_BLUEPRINTS: "Delete blueprints that nothing uses.",
    VIEW_FILEVAULT_CONFIGS: "See how disks are encrypted.",
    ADD_FILEVAULT_CONFIGS: "Make FileVault configurations.",
    CHANGE_FILEVAULT_CONFIGS: "Change FileVault configurations.",
    DELETE_FILEVAULT_CONFIGS: "Delete FileVault configurations that no blueprint uses.",
    VIEW_RECOVERY_CONFIGS: "See how recovery passwords are set, never a password.",
    ADD_RECOVERY_CONFIGS: "Make configurations of recovery passwords.",
    CHANGE_RECOVERY_CONFIGS: "Change configurations of recovery passwords.",
    DELETE_RECOVERY_CONFIGS: "Delete configurations of recovery passwords that no blueprint uses.",
    RESEAL: "Seal all stored secrets with the newest key.",
    CHANGE_SECRETS: "Have secrets of devices replaced, fetched, cleared; set recovery passwords.",
    VIEW_ARTIFACTS: "See artifacts, their versions, and what became of them.",
    VIEW_SOURCES: "Download versions as they were uploaded, which may hold secrets; audited.",
    ADD_ARTIFACTS: "Make artifacts.",
    CHANGE_ARTIFACTS: "Change artifacts, upload versions and choose the current one.",
    DELETE_ARTIFACTS: "Delete artifacts and versions that nothing uses.",
    VIEW_LOCATIONS: "See locations of Apps and Books, and how they stand with Apple.",
    ADD_LOCATIONS: "Add locations of Apps and Books by their content token.",
    CHANGE_LOCATIONS: "Renew content tokens, sync locations, and take them from other servers.",
    DELETE_LOCATIONS: "Delete locations that have no apps.",
    VIEW_ASSETS: "See the apps and books of the store that locations own.",
    VIEW_LOCATION_ASSETS: "See how many licences there are, and which devices hold them.",
    CHANGE_LOCATION_ASSETS: "Assign licences to devices, and take them back.",
    VIEW_METRICS: "Fetch the numbers for Prometheus, with an API token.",
    VIEW_SYSTEM: "See the settings (never secrets) and what the doctor finds.",
    VIEW_AUDIT: "See and export who did what.",
    VIEW_RUNS: "See everybody's long work in the background; one's own needs no permission.",
    CHANGE_RUNS: "Stop long work in the background.",
    "mdm.view_device_lock_pin": "Reveal the PIN that a Mac was locked or erased with.",
    "mdm.view_device_location": "See where a device in Lost Mode was; audited.",
    "mdm.view_filevault_prk": "Reveal the FileVault recovery key.",
    "mdm.view_recovery_password": "Reveal the recovery lock or firmware password.",
    "mdm.view_admin_password": "Reveal the password of the administrator made by Setup Assistant.",
    "mdm.view_activation_lock_bypass_code": "Reveal the code that opens Activation Lock.",
    "mdm.view_unlock_token": "Reveal the token that takes the passcode off an iPhone or iPad.",
    "mdm.view_bootstrap_token": "Reveal the token that lets a Mac's accounts unlock its disk.",
}
_granted: ContextVar[list[tuple[str, Any]] | None] = ContextVar("zmdm_granted", default=None)


def permissions() -> dict[str, str]:
    """Every permission the plugin ever asks for, and what it allows."""
    named = dict(_NAMED)
    for command in registry:
        named[command.permission] = f"Queue {command.name} commands."
    return named


def allowed(actor: Actor, permission: str, subject: Any = None) -> bool:
    """Whether the host lets `actor` do this; `subject` None asks once for a whole list."""
    names = tuple(implying(permission))
    if actor.kind == "system":
        return True
    if isinstance(actor, TokenActor):
        if not any(covers(actor.permissions, name) for name in names):
            return False
        actor = actor.owner
    with apart() if is_open() else nullcontext():
        return any(bool(state().authorize(actor, name, subject)) for name in names)


def demand(actor: Actor, permission: str, subject: Any = None) -> None:
    """Raise Denied, which names the permission that is missing."""
    if not allowed(actor, permission, subject):
        raise Denied(
            f"this needs the permission {permission}", permission=permission, subject=subject
        )
    if (granted := _granted.get()) is not None:
        granted.append((permission, subject))


@contextmanager
def noting() -> Iterator[list[tuple[str, Any]]]:
    """Collect what is demanded meanwhile and granted: (permission, subject)."""
    granted: list[tuple[str, Any]] = []
    token = _granted.set(granted)
    try:
        yield granted
    finally:
        _granted.reset(token)


def row_scope(actor: Actor, permission: str) -> sa.ColumnElement[bool] | None:
    """The host's SQL condition on zmdm_device for this actor's lists; None: every row."""
    scope = state().row_scope
    if scope is None or actor.kind == "system":
        return None
    if isinstance(actor, TokenActor):
        actor = actor.owner
    with apart() if is_open() else nullcontext():
        condition: sa.ColumnElement[bool] | None = scope(actor, permission)
    return condition
