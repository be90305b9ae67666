"""Applications: installed from the App Store or by manifest, told of, removed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import httpx

from zmdm_simulator import apps
from zmdm_simulator.answers.replies import Handler, Order, Reply, failed, malformed
from zmdm_simulator.apps import COMMAND, DECLARATION, Installed
from zmdm_simulator.packages import App
from zmdm_simulator.script import Do

if TYPE_CHECKING:
    from zmdm_simulator.script import Rule

FAULTS = frozenset({Do.REJECT_APP, Do.USER_REJECTS})
NO_LICENCE, NOT_FOUND, NOT_MANAGED, DECLARED = 12064, 12026, 12070, 12089


def install_application(order: Order) -> Reply:
    """From the App Store by number, or an application of one's own by the URL of its manifest."""
    command = order.command
    number, url = command.get("iTunesStoreID"), command.get("ManifestURL")
    if isinstance(number, int) and url is None:
        return _from_store(order, number)
    if isinstance(url, str) and number is None and not order.is_mac:
        return _from_manifest(order, url)
    return malformed()


def _from_store(order: Order, number: int) -> Reply:
    device = order.device
    app = device.store.find(number)
    if (refusal := _refusal(order, app.identifier)) is not None:
        return refusal
    options = order.command.get("Options")
    purchase = options.get("PurchaseMethod", 0) if isinstance(options, dict) else 0
    if purchase != 1:
        return _rejected("PurchaseMethodNotSupported")
    if not device.store.licensed(device.facts.serial, number):
        return failed(NO_LICENCE, f"The license for app “{number}” could not be found.")
    return _begun(order, app, number=number)


def _from_manifest(order: Order, url: str) -> Reply:
    if not url.startswith("https:") and not order.device.allow_http:
        return malformed()
    try:
        (app,) = apps.fetch_package(order.device, apps.fetch_manifest(order.device, url))
    except (apps.DownloadFailed, httpx.HTTPError, ValueError) as error:
        return failed(NOT_FOUND, f"The app could not be downloaded: {error}")
    return _refusal(order, app.identifier) or _begun(order, app)


def install_enterprise_application(order: Order) -> Reply:
    """Acknowledged at once, as Macs do: what becomes of the download shows in the lists."""
    command = order.command
    manifest, url = command.get("Manifest"), command.get("ManifestURL")
    if not isinstance(manifest, dict) and not isinstance(url, str):
        return malformed()
    try:
        if not isinstance(manifest, dict):
            manifest = apps.fetch_manifest(order.device, str(url))
        found = apps.fetch_package(order.device, manifest)
    except (apps.DownloadFailed, httpx.HTTPError) as error:
        order.device.tell(f"package not installed: {error}")
        return Reply()
    for app in found:
        _put(order, app, state=apps.MANAGED, package=True)
    return Reply()


def _begun(order: Order, app: App, *, number: int | None = None) -> Reply:
    rule = _rule(order, app.identifier, number)
    state = "UserRejected" if rule is not None and rule.do is Do.USER_REJECTS else apps.QUEUED
    kept = order.device.apps.get(app.identifier)
    takes = order.command.get("ChangeManagementState") == "Managed"
    if kept is not None and kept.via == apps.USER and not takes:
        state = apps.USER_INSTALLED
    _put(order, app, state=state, number=number)
    named = {"Identifier": app.identifier} if order.device.names_apps else {}
    return Reply(body={**named, "State": state})


def _put(
    order: Order, app: App, *, state: str, number: int | None = None, package: bool = False
) -> None:
    command, device = order.command, order.device
    managed = not order.is_mac or command.get("InstallAsManaged") is True
    device.apps[app.identifier] = Installed(
        identifier=app.identifier,
        name=app.name,
        version=app.version,
        size=app.size,
        via=COMMAND,
        state=state if managed or state in apps.TRANSIENT else apps.MANAGED,
        managed=managed,
        flags=int(command.get("ManagementFlags", 0)),
        steps=device.app_steps,
        store_number=number,
        package=package,
        configuration=_dictionary(command.get("Configuration")),
        attributes=_dictionary(command.get("Attributes")),
    )


def _dictionary(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}


def _refusal(order: Order, identifier: str) -> Reply | None:
    app = order.device.apps.get(identifier)
    if app is not None and app.via == DECLARATION:
        return failed(DECLARED, f"“{identifier}” is managed by a declaration.")
    rule = _rule(order, identifier, order.command.get("iTunesStoreID"))
    if rule is not None and rule.do is Do.REJECT_APP:
        return _rejected("Other" if order.is_mac else rule.reason)
    return None


def _rule(order: Order, identifier: str, number: Any) -> Rule | None:
    device = order.device
    for name in (identifier, str(number)):
        rule = device.script.choose(device.facts, name, order.channel.kind, among=FAULTS)
        if rule is not None:
            return rule
    return None


def _rejected(reason: str) -> Reply:
    refused = failed(NOT_FOUND, f"The app could not be installed ({reason}).")
    return Reply(refused.status, {"RejectionReason": reason}, refused.error_chain)


def managed_application_list(order: Order) -> Reply:
    """How far each managed app is; what declarations manage is not in it."""
    wanted = order.command.get("Identifiers")
    if not isinstance(wanted, list | None):
        return malformed()
    listed: dict[str, Any] = {}
    for name, app in list(order.device.apps.items()):
        if app.via != COMMAND or not app.managed or (wanted and name not in wanted):
            continue
        listed[name] = _told(order, app)
        if app.state in apps.TRANSIENT:
            del order.device.apps[name]
    return Reply(body={"ManagedApplicationList": listed})


def _told(order: Order, app: Installed) -> dict[str, Any]:
    told: dict[str, Any] = {
        "Status": app.look(),
        "ManagementFlags": app.flags,
        "HasConfiguration": bool(app.configuration),
    }
    if not order.is_mac:
        told |= {"HasFeedback": False, "IsValidated": True}
    if app.store_number is not None:
        told["ExternalVersionIdentifier"] = 800_000_000
    return told


def remove_application(order: Order) -> Reply:
    """Only what a command has made managed."""
    name = order.command.get("Identifier")
    if not isinstance(name, str):
        return malformed()
    app = order.device.apps.get(name)
    if app is None or not app.managed or app.via != COMMAND:
        return failed(NOT_MANAGED, f"The app “{name}” is not managed.")
    del order.device.apps[name]
    return Reply()


HANDLERS: Mapping[str, Handler] = {
    "InstallApplication": install_application,
    "InstallEnterpriseApplication": install_enterprise_application,
    "ManagedApplicationList": managed_application_list,
    "RemoveApplication": remove_application,
}
