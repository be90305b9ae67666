"""How a fleet comes in that Apple knows: each device asks what is assigned to it, as it starts."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx

from zmdm_simulator.device import SimulatedDevice
from zmdm_simulator.errors import EnrollmentFailed
from zmdm_simulator.web_view import Person

ComeIn = Callable[[SimulatedDevice], None]
TIMEOUT = httpx.Timeout(10, connect=5)


def by_profile(profile: str | bytes) -> ComeIn:
    """With a profile or its URL, over the air or by hand."""
    return lambda device: device.enroll(profile)


def by_apple(dep_url: str, people: Sequence[Person] = ()) -> ComeIn:
    """Through Setup Assistant; a person sits at each device, taken in turn from `people`."""

    def come_in(device: SimulatedDevice) -> None:
        device.set_up(_assigned(dep_url, device), _who(people, device))

    return come_in


def people_of(file: Path | None) -> list[Person]:
    """A JSON list of {"username": …, "password": …}."""
    return [Person(**one) for one in json.loads(file.read_text())] if file else []


def _assigned(dep_url: str, device: SimulatedDevice) -> dict[str, Any]:
    serial = device.facts.serial
    try:
        with httpx.Client(timeout=TIMEOUT, trust_env=False) as http:
            url = f"{dep_url.rstrip('/')}/played/activation"
            answer = http.get(url, params={"serial": serial}).raise_for_status().json()
    except (httpx.HTTPError, ValueError) as error:
        raise EnrollmentFailed(f"Apple: no answer ({error})") from error
    profile = answer.get("profile")
    if not isinstance(profile, dict):
        raise EnrollmentFailed("Apple has assigned no profile to it yet")
    return profile


def _who(people: Sequence[Person], device: SimulatedDevice) -> Person | None:
    if not people:
        return None
    number = int(device.facts.seed.rpartition("/")[2] or 0)
    return people[number % len(people)]
