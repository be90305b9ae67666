"""Setup Assistant: the accounts it makes, and that it may go on.

An administrator exists from AccountConfiguration on; the primary account is what the person will
see (and be able to change) in the window that follows.
"""

from __future__ import annotations

import plistlib
import uuid
from collections.abc import Mapping
from typing import Any
from xml.parsers.expat import ExpatError

from zmdm_simulator.answers import escrow
from zmdm_simulator.answers.replies import Handler, Order, Reply, failed, malformed
from zmdm_simulator.secrets import Administrator

NOT_WAITING = 12070
_HASH = "SALTED-SHA512-PBKDF2"
_SALT, _FEWEST, _MOST = 32, 20_000, 200_000


def account_configuration(order: Order) -> Reply:
    """Keep what is said of the primary account, and make the first administrator that is named."""
    device, command = order.device, order.command
    if not device.awaiting:
        return failed(NOT_WAITING, "The Mac does not wait in Setup Assistant.")
    named = command.get("AutoSetupAdminAccounts") or []
    needs = ("SkipPrimarySetupAccountCreation", "SetPrimarySetupAccountAsRegularUser")
    if any(command.get(key) for key in needs) and not named:
        return malformed()
    if named:
        made = _administrator(named[0])
        if made is None:
            return malformed()
        device.secrets.administrator = made
    device.accounts = {key: value for key, value in command.items() if key != "RequestType"}
    return Reply()


def _administrator(item: Any) -> Administrator | None:
    """None unless it has a short name, and a hash such as macOS can read."""
    if not isinstance(item, Mapping) or not item.get("shortName"):
        return None
    data = item.get("passwordHash")
    try:
        found = plistlib.loads(data)[_HASH]  # type: ignore[arg-type]
        good = len(found["salt"]) == _SALT and _FEWEST <= found["iterations"] <= _MOST
    except (ValueError, KeyError, TypeError, ExpatError, plistlib.InvalidFileException):
        return None
    if not good or not isinstance(data, bytes) or not found["entropy"]:
        return None
    return Administrator(str(uuid.uuid4()).upper(), str(item["shortName"]), data)


def device_configured(order: Order) -> Reply:
    """Go on."""
    if not order.device.awaiting:
        return failed(NOT_WAITING, "The device does not wait in Setup Assistant.")
    order.device.awaiting = False
    escrow.goes_on(order.device)
    return Reply()


def user_configured(order: Order) -> Reply:
    """Let the person in."""
    if not order.channel.awaiting:
        return failed(NOT_WAITING, "The user does not wait.")
    order.channel.awaiting = False
    return Reply()


HANDLERS: Mapping[str, Handler] = {
    "AccountConfiguration": account_configuration,
    "DeviceConfigured": device_configured,
    "UserConfigured": user_configured,
}
