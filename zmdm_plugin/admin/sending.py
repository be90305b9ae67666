"""Which commands can be sent to a channel, and in which words they are offered."""

from __future__ import annotations

from dataclasses import dataclass

from zmdm_plugin.admin.screen import may
from zmdm_plugin.admin.words import label
from zmdm_plugin.commands import Command, registry
from zmdm_plugin.models import Channel
from zmdm_plugin.services.targets import target

DESTRUCTIVE = {
    "EraseDevice": "This erases the device: everything on it is lost, and it cannot be called back "
    "once the device has the command.",
    "DeleteUser": "The account goes with all its data, which cannot be brought back.",
    "DeviceLock": "The screen locks at once; a Mac can be used again only with the PIN.",
    "ShutDownDevice": "Somebody has to switch the device on again by hand.",
    "RestartDevice": "The device restarts at once; unsaved work may be lost.",
    "RemoveProfile": "What the profile configured, perhaps the network, goes with it.",
}
"""Commands that ask for a second look, and what to say before it."""

TYPE_TO_CONFIRM = {"EraseDevice"}
_NAMES = {
    "CertificateList": "List certificates",
    "Custom": "Custom command",
    "DeviceInformation": "Device information",
    "DeviceLock": "Lock",
    "EraseDevice": "Erase",
    "InstallProfile": "Install a profile",
    "InstalledApplicationList": "List applications",
    "ProfileList": "List profiles",
    "RemoveProfile": "Remove a profile",
    "RestartDevice": "Restart",
    "SecurityInfo": "Security information",
    "ShutDownDevice": "Shut down",
}
_ABOUT = {
    "CertificateList": "Asks which certificates are on it.",
    "Custom": "Any command, written by hand as a property list.",
    "DeviceInformation": "Asks for its name, model, OS, network addresses and the like.",
    "DeviceLock": "Locks the screen, with a message if you like.",
    "EraseDevice": "Erases everything on it.",
    "InstallProfile": "Installs a configuration profile.",
    "InstalledApplicationList": "Asks which applications are on it.",
    "ProfileList": "Asks which profiles are on it.",
    "RemoveProfile": "Removes a profile that device management has installed.",
    "RestartDevice": "Restarts it.",
    "SecurityInfo": "Asks for encryption, passcode, firewall and the like.",
    "ShutDownDevice": "Switches it off.",
}
_QUESTIONS = (
    "DeviceInformation",
    "SecurityInfo",
    "InstalledApplicationList",
    "ProfileList",
    "CertificateList",
)


@dataclass(frozen=True, slots=True)
class Offer:
    """One command as a choice: `why_not` says what speaks against it, empty if nothing does."""

    name: str
    shown: str
    about: str
    why_not: str = ""
    at_once: bool = False
    """It asks something and changes nothing, so that one click sends it."""
    destructive: bool = False


def offers(channel: Channel | None) -> list[Offer]:
    """Every command that the one who acts may send, those that only ask first."""
    found = [
        _offer(command, channel)
        for command in registry
        if command.manual and allowed(command, channel)
    ]
    return sorted(found, key=lambda offer: (not offer.at_once, offer.destructive, offer.shown))


def allowed(command: type[Command], channel: Channel | None) -> bool:
    """Whether the host lets the one who acts send this command to this device."""
    return may(command.permission, channel.device if channel else None)


def can_send(name: str, channel: Channel) -> bool:
    """Whether the one who acts may send a command of this name to this channel, as things are."""
    command = registry.get(name)
    if command is None or not command.manual or not allowed(command, channel):
        return False
    return not _why_not(command, channel)


def shown(name: str) -> str:
    """What a command is called on a button or in a list."""
    return _NAMES.get(name) or label(name)


def _offer(command: type[Command], channel: Channel | None) -> Offer:
    return Offer(
        name=command.name,
        shown=shown(command.name),
        about=_ABOUT.get(command.name) or _first_sentence(command),
        why_not=_why_not(command, channel),
        at_once=command.name in _QUESTIONS,
        destructive=command.name in DESTRUCTIVE,
    )


def _why_not(command: type[Command], channel: Channel | None) -> str:
    if channel is None or channel.enrolled_at is None or channel.ended_at is not None:
        return "The device is not enrolled, so nothing can be sent to it."
    if channel.device.dismissed:
        return "The device is told to leave at its next request, and gets nothing else."
    refusal = command.unavailable(target(channel))
    return refusal.why if refusal else ""


def _first_sentence(command: type[Command]) -> str:
    return (command.__doc__ or "").strip().split(" https://")[0].split("\n")[0]


def every() -> list[tuple[str, str]]:
    """All commands by name, for a filter."""
    return [(command.name, shown(command.name)) for command in registry]


def secret_names(name: str) -> list[str]:
    """The arguments of a command that are never shown."""
    command = registry.get(name)
    return sorted(command.secret) if command else []
