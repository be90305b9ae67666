"""What devices say of managed apps: states and rejections, and what they mean in words.

Commands write states as `PromptingForLogin`, status items as `prompting-for-login`.
https://developer.apple.com/documentation/devicemanagement/managedapplicationlistresponse
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")

MANAGED_APPS: Final = "com.apple.configuration.app.managed"
PACKAGES: Final = "com.apple.configuration.package"
"""Declarations of apps and of installers for Macs."""
CONFIGURATION: Final = "LegacyAppConfigAssetReference"
"""Of the former: names the asset with the configuration that `Configuration` is in a command."""

INSTALLED, INSTALLING, AWAITING = "installed", "installing", "awaiting_confirmation"
FAILED, UNINSTALLED = "failed", "uninstalled"


@dataclass(frozen=True, slots=True)
class State:
    """A state of an app: what it is for us, and what people read."""

    name: str
    """As status items write it."""
    status: str
    """installed | installing | awaiting_confirmation | failed | uninstalled"""
    words: str


_KNOWN: Final[Mapping[str, tuple[str, str]]] = {
    "queued": (INSTALLING, "The device has put the app into its queue."),
    "needs-redemption": (FAILED, "The app needs a redemption code: it has no licence."),
    "redeeming": (INSTALLING, "The device is redeeming a code for the app."),
    "prompting": (AWAITING, "The user is asked whether to install the app."),
    "prompting-for-consent": (AWAITING, "The user is asked whether to install the app."),
    "prompting-for-login": (AWAITING, "The user is asked to sign in to the App Store."),
    "validating-purchase": (INSTALLING, "The device is checking the app's licence."),
    "prompting-for-update": (AWAITING, "The user is asked whether to update the app."),
    "prompting-for-update-login": (AWAITING, "The user is asked to sign in for the update."),
    "prompting-for-management": (AWAITING, "The user is asked whether the app may be managed."),
    "validating-update": (INSTALLING, "The device is checking the licence for the update."),
    "updating": (INSTALLING, "The device is updating the app."),
    "downloading": (INSTALLING, "The device is downloading the app."),
    "installing": (INSTALLING, "The device is installing the app."),
    "managed": (INSTALLED, "The app is installed and managed."),
    "installed": (INSTALLED, "It is installed."),
    "optional": (AWAITING, "The user may install the app, and has not yet."),
    "managed-but-uninstalled": (UNINSTALLED, "The user removed the app."),
    "not-present": (UNINSTALLED, "The app is not on the device."),
    "unknown": (INSTALLING, "The device does not know how far the app is."),
    "user-installed-app": (
        FAILED,
        "The user has installed the app: take over its management, or have them remove it.",
    ),
    "user-rejected": (FAILED, "The user refused to install the app."),
    "update-rejected": (FAILED, "The user refused to update the app."),
    "management-rejected": (FAILED, "The user refused to have the app managed."),
    "failed": (FAILED, "The installation failed on the device."),
}
REJECTIONS: Final[Mapping[str, str]] = {
    "AppAlreadyInstalled": "The app is installed already.",
    "AppAlreadyQueued": "The app is in the device's queue already.",
    "AppStoreDisabled": "The App Store is turned off on the device.",
    "CouldNotVerifyAppID": "The device could not find the app in the App Store.",
    "ManagementChangeNotSupported": "The device cannot take over the management of this app.",
    "NotAnApp": "What is to be installed is not an app.",
    "NotSupported": "The device does not support the app.",
    "Other": "The device gave no reason.",
    "PurchaseMethodNotSupported": "The device does not take this kind of licence.",
    "PurchaseMethodNotSupportedInMultiUser": "A Shared iPad does not take this kind of licence.",
}
UNDER_WAY: Final = frozenset({"AppAlreadyInstalled", "AppAlreadyQueued"})
"""Rejections that say no more than that it was asked for before."""


def state(name: object) -> State | None:
    """The state of this name, in either way of writing; None for what is none."""
    if not isinstance(name, str) or len(name) > 64:
        return None
    kebab = name if "-" in name else _CAPITAL.sub("-", name)
    kebab = kebab.lower()
    found = _KNOWN.get(kebab)
    return State(kebab, *found) if found else None


def rejection(reason: object) -> str | None:
    """Why a device refused an app, in words; None if it did not say."""
    if not isinstance(reason, str) or not reason:
        return None
    return REJECTIONS.get(reason, f"The device says {reason[:64]}.")


ATTRIBUTES: Final = {
    "vpn_uuid": "VPNUUID",
    "content_filter_uuid": "ContentFilterUUID",
    "dns_proxy_uuid": "DNSProxyUUID",
    "relay_uuid": "RelayUUID",
    "cellular_slice_uuid": "CellularSliceUUID",
    "associated_domains": "AssociatedDomains",
}
"""Those that are left out where they are empty."""
FLAGS: Final = {
    "associated_domains_enable_direct_downloads": ("AssociatedDomainsEnableDirectDownloads", False),
    "removable": ("Removable", True),
    "tap_to_pay_screen_lock": ("TapToPayScreenLock", False),
    "hideable": ("Hideable", True),
    "lockable": ("Lockable", True),
}
"""Those that are left out where they say what Apple's default says."""


def attributes(content: Mapping[str, Any]) -> dict[str, Any]:
    """Apple's Attributes, as far as the operator said more than Apple's defaults."""
    found = {key: content[name] for name, key in ATTRIBUTES.items() if content.get(name)}
    for name, (key, default) in FLAGS.items():
        if content.get(name, default) != default:
            found[key] = content[name]
    return found
