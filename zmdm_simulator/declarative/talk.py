"""The check-ins that a device sends about its declarations.

https://developer.apple.com/documentation/devicemanagement/declarative-management-request
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import httpx

from zmdm_simulator import checkins
from zmdm_simulator.channel import Channel
from zmdm_simulator.core import DeviceCore
from zmdm_simulator.declared import Json
from zmdm_simulator.script import Do
from zmdm_simulator.wire import dumps, unenrolls

FAULTS = frozenset({Do.DELAY, Do.SILENT, Do.LOSE_REPLY})
STATUS_FAULTS = FAULTS | {Do.STATUS_LOST}


class Stopped(Exception):
    """The server did not answer as it must: what was begun is done again another time."""


@dataclass(slots=True)
class Sync:
    """What one synchronization asked and told, and how that went."""

    endpoints: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)  # HTTP statuses, 0 for no answer
    reports: list[Json] = field(default_factory=list)  # as they were sent
    problems: list[str] = field(default_factory=list)  # what the server did wrong
    complete: bool = False  # nothing of it has to be done again

    @property
    def fetched(self) -> list[str]:
        """The identifiers of the declarations that were fetched."""
        return [name.split("/", 2)[2] for name in self.endpoints if name.startswith("declaration/")]


@dataclass(slots=True)
class Talk:
    """One device asks and tells, on one channel."""

    device: DeviceCore
    channel: Channel
    sync: Sync

    def ask(self, endpoint: str, *, or_none: bool = False) -> Json | None:
        """Return the JSON object behind an endpoint; None for a 404, if that is an answer."""
        response = self._send(endpoint, None)
        if response.status_code == 404 and or_none:
            return None
        if not 200 <= response.status_code < 300:
            raise self.wrong(f"{endpoint} was answered {response.status_code}")
        try:
            answer: Any = json.loads(response.content)
        except ValueError as error:
            raise self.wrong(f"{endpoint} is not JSON") from error
        if not isinstance(answer, dict):
            raise self.wrong(f"{endpoint} is not a JSON object")
        return answer

    def tell(self, report: Json) -> None:
        """Send a status report; only 200 says that it was taken."""
        self.sync.reports.append(report)
        response = self._send("status", json.dumps(report).encode())
        if response.status_code != 200:
            raise self.wrong(f"status was answered {response.status_code}")

    def wrong(self, problem: str) -> Stopped:
        """Note what the server did wrong, and return the exception that ends this."""
        self.sync.problems.append(problem)
        return Stopped(problem)

    def _send(self, endpoint: str, data: bytes | None) -> httpx.Response:
        device, step = self.device, endpoint.partition("/")[0]
        among = STATUS_FAULTS if step == "status" else FAULTS
        rule = device.script.choose(device.facts, step, self.channel.kind, among=among)
        do = rule.do if rule else None
        if rule is not None and do is Do.DELAY:
            device.sleep(rule.seconds)
        if do is Do.SILENT:
            raise Stopped("switched off")
        if do is Do.STATUS_LOST:
            return httpx.Response(200)
        body = checkins.declarative_management(device, self.channel, endpoint, data)
        self.sync.endpoints.append(endpoint)
        try:
            response = device.wire.check_in(dumps(body))
        except httpx.TransportError as error:
            self.sync.statuses.append(0)
            raise self.wrong(f"{endpoint}: no answer ({error})") from error
        self.sync.statuses.append(response.status_code)
        self._stay_or_go(response)
        if do is Do.LOSE_REPLY:
            raise Stopped("the reply was lost")
        return response

    def _stay_or_go(self, response: httpx.Response) -> None:
        if response.status_code == 410 and self.channel.user is not None:
            self.channel.declined = True
            raise self.wrong("this user is not managed")
        if unenrolls(response, self.device):
            self.device.forget(f"the server answered {response.status_code}")
            raise self.wrong(f"un-enrolled by {response.status_code}")
