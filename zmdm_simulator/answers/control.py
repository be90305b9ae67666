"""Lock, erase, restart, shut down, and the command that switches declarations on."""

from __future__ import annotations

import re
from collections.abc import Mapping

from zmdm_simulator.answers.replies import (
    INVALID_REQUEST_TYPE,
    Handler,
    Order,
    Reply,
    failed,
    malformed,
)
from zmdm_simulator.channel import After
from zmdm_simulator.declarative.engine import read_tokens
from zmdm_simulator.declarative.support import has_engine
from zmdm_simulator.return_to_service import read as read_return

PIN = re.compile(r"[0-9]{6}\Z")


def _pin_problem(order: Order, *, required: bool) -> Reply | None:
    """Macs take a six-digit PIN, Intel ones insist on it."""
    pin = order.command.get("PIN")
    if pin is None:
        return failed(12045, "A PIN is required.") if required else None
    if not isinstance(pin, str):
        return malformed()
    return None if PIN.match(pin) else failed(12045, "The PIN must have six digits.")


def device_lock(order: Order) -> Reply:
    """Lock; a Mac restarts into its lock screen and is away until somebody types the PIN."""
    model = order.device.facts.model
    if model.is_mac:
        problem = _pin_problem(order, required=not model.apple_silicon)
        return problem or Reply(after=After.LOCK)
    wants_text = order.command.get("Message") or order.command.get("PhoneNumber")
    return Reply(body={"MessageResult": "Success"} if wants_text else {})


def erase_device(order: Order) -> Reply:
    """Erase; the device answers once and then has never heard of this server.

    Unless it is told how to return to service: then it enrolls again by itself.
    """
    model = order.device.facts.model
    if model.is_mac:
        problem = _pin_problem(order, required=not (model.apple_silicon or model.t2))
        if problem:
            return problem
    try:
        order.device.returns = read_return(order.command.get("ReturnToService"))
    except (TypeError, ValueError):
        return malformed()
    return Reply(after=After.ERASE)


def restart_device(order: Order) -> Reply:
    """Restart; unless a Mac's user is asked first, and then later."""
    if order.is_mac and order.command.get("NotifyUser"):
        return Reply()
    return Reply(after=After.RESTART)


def shut_down_device(order: Order) -> Reply:
    """Shut down, until somebody presses the button."""
    return Reply(after=After.SHUT_DOWN)


def declarative_management(order: Order) -> Reply:
    """Switch declarations on; the synchronization follows when the conversation is over."""
    if not has_engine(order.device):
        return failed(INVALID_REQUEST_TYPE, "“DeclarativeManagement” is not a valid request type.")
    data = order.command.get("Data")
    if data is not None and (not isinstance(data, bytes) or read_tokens(data) is None):
        return malformed()
    order.channel.declarative = True
    order.channel.declared.asked, order.channel.declared.tokens = True, data
    return Reply()


HANDLERS: Mapping[str, Handler] = {
    "DeviceLock": device_lock,
    "EraseDevice": erase_device,
    "RestartDevice": restart_device,
    "ShutDownDevice": shut_down_device,
    "DeclarativeManagement": declarative_management,
}
