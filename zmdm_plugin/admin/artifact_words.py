"""Types and states of artifacts as people say them."""

from __future__ import annotations

from zmdm_plugin.admin.words import Badge, Tone, label

TYPES = {
    "profile": "Configuration profile",
    "provisioning_profile": "Provisioning profile",
    "data_asset": "Data asset",
    "cert_asset": "Certificate asset",
    "store_app": "Store app",
    "enterprise_app": "App or package of your own",
    "configuration": "Configuration",
    "activation": "Activation",
    "asset": "Asset",
    "management": "Management",
}
ABOUT = {
    "profile": "A .mobileconfig file, signed or not: Wi-Fi, certificates, restrictions and so on.",
    "provisioning_profile": "Lets apps run that are signed for in-house use.",
    "data_asset": "A property list or a zip archive that configurations refer to.",
    "cert_asset": "An identity that each device gets from a SCEP issuer.",
    "store_app": "An app of the App Store that a location of Apps & Books has licences for.",
    "enterprise_app": "A signed installer for Macs, or an application (.ipa) for other devices.",
    "configuration": "A declaration: passcode rules, accounts, services, updates and so on.",
    "activation": "A declaration that says when configurations apply, by a predicate.",
    "asset": "A declaration of what configurations refer to, such as user names.",
    "management": "A declaration about the organization and the server.",
}
CHANNELS = {"device": "Devices", "user": "Users"}
REINSTALL = {
    "no": "Never",
    "major": "With a major update, as from 14 to 15",
    "minor": "With a minor update too, as from 14.1 to 14.2",
    "patch": "With every update",
}
GROUPS: dict[str, tuple[str, Tone]] = {
    "installed": ("Installed", "good"),
    "waiting": ("Under way", "busy"),
    "failed": ("Failed", "bad"),
}
_STATUSES: dict[str, tuple[str, Tone]] = {
    "pending": ("Pending", "busy"),
    "installing": ("Installing", "busy"),
    "installed": ("Installed", "good"),
    "failed": ("Failed", "bad"),
    "awaiting_confirmation": ("Awaits confirmation", "busy"),
    "uninstalled": ("Missing on the device", "warn"),
    "removing": ("Being removed", "busy"),
    "removal_failed": ("Removal failed", "bad"),
}


def status(name: str) -> Badge:
    """What became of an artifact on a channel."""
    words, tone = _STATUSES.get(name, (label(name), "quiet"))
    return Badge(words, tone)


def count(number: int, most: int) -> str:
    """A number of devices that is not counted to its end."""
    return f"{number:,}" if number <= most else f"{most:,}+"
