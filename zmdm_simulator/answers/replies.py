"""What a device can answer to a command.

https://developer.apple.com/documentation/devicemanagement/commandresponse
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from zmdm_simulator.channel import After, Channel

if TYPE_CHECKING:
    from zmdm_simulator.device import SimulatedDevice

MDM_DOMAIN = "MCMDMErrorDomain"
PROFILE_DOMAIN = "MCProfileErrorDomain"
INVALID_REQUEST_TYPE = 12021
NOT_AUTHORIZED = 12007


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: status, the keys beside it, and what the device does once it is delivered."""

    status: str = "Acknowledged"
    body: Mapping[str, Any] = field(default_factory=dict)
    error_chain: tuple[Mapping[str, Any], ...] = ()
    after: After | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """One command as a handler sees it."""

    device: SimulatedDevice
    channel: Channel
    command: Mapping[str, Any]

    @property
    def is_mac(self) -> bool:
        """Macs answer many commands in their own way."""
        return self.device.facts.model.is_mac


Handler = Callable[[Order], Reply]


def link(code: int, description: str, *, domain: str = MDM_DOMAIN) -> Mapping[str, Any]:
    """Return one link of an ErrorChain."""
    return {
        "ErrorCode": code,
        "ErrorDomain": domain,
        "LocalizedDescription": description,
        "USEnglishDescription": description,
    }


def failed(code: int, description: str, *, domain: str = MDM_DOMAIN) -> Reply:
    """Answer that the command could not be carried out."""
    return Reply("Error", error_chain=(link(code, description, domain=domain),))


def malformed() -> Reply:
    """Answer that the command itself makes no sense."""
    return Reply("CommandFormatError")


def not_now() -> Reply:
    """Answer that the device cannot do this at the moment."""
    return Reply("NotNow")
