"""What distinguishes one simulated device from the next, all of it drawn from a seed.

The same seed gives the same serial numbers, UDIDs and names on every run; only keys and push tokens
are new.
"""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass

from zmdm_simulator.models_of_devices import DeviceModel

SERIAL_ALPHABET = "CDFGHJKLMNPQRTVWXY0123456789"
FIRST_NAMES = (
    "Ada",
    "Amir",
    "Bea",
    "Chen",
    "Dana",
    "Elif",
    "Femi",
    "Greta",
    "Hugo",
    "Ines",
    "Jonas",
    "Kofi",
    "Lena",
    "Mira",
    "Nils",
    "Olga",
    "Priya",
    "Quinn",
    "Rosa",
    "Sami",
    "Tara",
    "Umar",
    "Vera",
    "Yuki",
)
LAST_NAMES = (
    "Abe",
    "Brandt",
    "Costa",
    "Diallo",
    "Engel",
    "Fischer",
    "Garcia",
    "Haddad",
    "Ivanova",
    "Jensen",
    "Keller",
    "Lopez",
    "Meyer",
    "Novak",
    "Okafor",
    "Peeters",
    "Rossi",
    "Singh",
    "Tanaka",
    "Vogel",
)


@dataclass(frozen=True, slots=True)
class User:
    """A person who logs in on a Mac (or a Managed Apple Account on a Shared iPad)."""

    short_name: str
    long_name: str
    guid: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything about one device that does not change while it lives."""

    seed: str
    model: DeviceModel
    serial: str
    udid: str
    name: str
    user: User
    imei: str
    meid: str
    eid: str
    iccid: str
    phone_number: str
    wifi_mac: str
    bluetooth_mac: str
    ethernet_mac: str
    eas_identifier: str


def make(model: DeviceModel, seed: object) -> Facts:
    """Draw a device's facts from a seed (anything with a stable text)."""
    dice = random.Random(f"{seed}/{model.identifier}")
    first, last = dice.choice(FIRST_NAMES), dice.choice(LAST_NAMES)
    return Facts(
        seed=str(seed),
        model=model,
        serial="".join(dice.choices(SERIAL_ALPHABET, k=12)),
        udid=_udid(model, dice),
        name=f"{first}\u2019s {model.family}",
        user=User(f"{first}{last}".lower(), f"{first} {last}", _uuid(dice)),
        imei=_imei(dice),
        meid=f"{dice.randrange(16**14):014d}"[:14],
        eid=f"8904{dice.randrange(10**28):028d}",
        iccid=f"8949{dice.randrange(10**15):015d}",
        phone_number=f"+4915{dice.randrange(10**9):09d}",
        wifi_mac=_mac_address(dice),
        bluetooth_mac=_mac_address(dice),
        ethernet_mac=_mac_address(dice),
        eas_identifier="".join(dice.choices("0123456789ABCDEFGHJKLMNPQRSTUV", k=26)),
    )


def _uuid(dice: random.Random) -> str:
    return str(uuid.UUID(int=dice.getrandbits(128), version=4)).upper()


def _udid(model: DeviceModel, dice: random.Random) -> str:
    """Intel Macs have a UUID, newer chips eight hex digits, a dash and sixteen."""
    if model.is_mac and not model.apple_silicon:
        return _uuid(dice)
    return f"0000{dice.randrange(0x6000, 0x8140):04X}-{dice.getrandbits(64):016X}"


def _imei(dice: random.Random) -> str:
    digits = f"35{dice.randrange(10**12):012d}"
    doubled = [int(d) * (2 if place % 2 else 1) for place, d in enumerate(digits)]
    total = sum(value // 10 + value % 10 for value in doubled)
    return f"{digits[:2]} {digits[2:8]} {digits[8:14]} {-total % 10}"


def _mac_address(dice: random.Random) -> str:
    return ":".join(f"{byte:02x}" for byte in (0xA4, 0x83, 0xE7, *dice.randbytes(3)))
