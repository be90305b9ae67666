"""Erased, by order or by its user; and back by itself, if it was told how."""

from __future__ import annotations

import plistlib
from typing import TYPE_CHECKING

import httpx

from zmdm_simulator import checkins, return_to_service, secrets
from zmdm_simulator.condition import Condition
from zmdm_simulator.core import Life
from zmdm_simulator.errors import EnrollmentFailed, ProfileRefused, ScepFailed
from zmdm_simulator.return_to_service import Return

if TYPE_CHECKING:
    from zmdm_simulator.device import SimulatedDevice


def erase(device: SimulatedDevice) -> None:
    """As it is unpacked, but for what it was told about its way back."""
    returns, device.returns = device.returns, None
    kept = device.apps if returns and returns.keeps_apps(device.bootstrap_token) else {}
    device.forget("erased")
    device.apps = kept
    device.life, device.unlock_token = Life.ERASED, secrets.new_unlock_token()
    ever, device.secrets = device.secrets.ever, secrets.of_new(device.facts.model)
    device.secrets.ever = ever
    device.name, device.condition = device.facts.name, Condition()
    if returns is not None:
        _return(device, returns)


def reset(device: SimulatedDevice) -> httpx.Response:
    """It asks how to come back first; the answer, as it came."""
    response = device.check_in(checkins.return_to_service(device, device.channel()))
    if response.status_code == 200:
        settings = plistlib.loads(response.content)["ReturnToService"]
        device.returns = return_to_service.read(settings)
    erase(device)
    return response


def _return(device: SimulatedDevice, returns: Return) -> None:
    """Enroll again; where that fails, somebody has to go through Setup Assistant."""
    device.tell("returns to service")
    try:
        if returns.mdm_profile is not None:
            device.enroll(returns.mdm_profile)
        elif device.assigned is not None:
            device.set_up(device.assigned)
    except (EnrollmentFailed, ProfileRefused, ScepFailed) as error:
        device.tell(f"could not return to service: {error}")
