"""Apple's device assignment service (Automated Device Enrollment).

https://developer.apple.com/documentation/devicemanagement/device-assignment
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, TypeVar

import httpx

from zmdm_plugin.clients import dep_values
from zmdm_plugin.clients.dep_errors import BadRequest, Unreadable
from zmdm_plugin.clients.dep_session import BASE_URL, DepSession, Manners, Question
from zmdm_plugin.clients.dep_values import (
    Account,
    BetaToken,
    DepDevice,
    DevicePage,
    Limit,
    Outcomes,
)
from zmdm_plugin.protocol.server_token import ServerToken

FETCH: Final = "/server/devices"
SYNC: Final = "/devices/sync"
DETAILS: Final = "/devices"
DISOWN: Final = "/devices/disown"
ASSIGN: Final = "/profile/devices"
_PROFILE: Final = "/profile"
_LOCK: Final = "/device/activationlock"
_BETAS: Final = "/os-beta-enrollment/tokens"
_ACCOUNT_DRIVEN: Final = "/account-driven-enrollment/profile"
LIMITS: Final[Mapping[str, Limit]] = MappingProxyType(
    {FETCH: Limit(100, 1000), SYNC: Limit(100, 1000)}
    | {path: Limit(1000, 1000) for path in (DETAILS, DISOWN, ASSIGN)}
)
"""What holds until the account has said otherwise."""
_UUID: Final = re.compile(r"[0-9A-Za-z-]{1,64}")
T = TypeVar("T")


class DepClient:
    """One device management service at Apple; threads may share it.

    `limits` are those that an account has said before; `account()` learns them anew.
    """

    def __init__(
        self,
        http: httpx.Client,
        token: ServerToken,
        *,
        manners: Manners,
        base_url: str = BASE_URL,
        limits: Mapping[str, Limit] | None = None,
    ) -> None:
        self._session = DepSession(http, token, base_url=base_url, manners=manners)
        self._limits: Mapping[str, Limit] = {**LIMITS, **(limits or {})}

    def account(self) -> Account:
        """The organization and the service; its limits hold for this client from now on."""
        account = self._read(dep_values.account, Question(method="GET", path="/account"))
        self._limits = {**LIMITS, **account.limits}
        return account

    def fetch_devices(self, cursor: str = "", limit: int = 0) -> DevicePage:
        """A page of all devices; as many as Apple gives at once, unless `limit` says fewer."""
        return self._page(FETCH, cursor, limit)

    def sync_devices(self, cursor: str, limit: int = 0) -> DevicePage:
        """A page of what changed since; the same device may come twice, the later `op_date` counts.

        Raises ExhaustedCursor (nothing new), ExpiredCursor and InvalidCursor (fetch everything).
        """
        return self._page(SYNC, cursor, limit)

    def device_details(self, serials: Sequence[str]) -> dict[str, DepDevice]:
        """What Apple knows of each; `response_status` says NOT_ACCESSIBLE for those not ours."""
        answer = self._read(dict, self._about(DETAILS, serials))
        listed = answer.get("devices")
        if not isinstance(listed, Mapping):
            raise Unreadable("Apple's answer lacks devices")
        found = {}
        for serial, given in listed.items():
            device = dep_values.device(given, serial=serial) if isinstance(given, Mapping) else None
            if device is not None:
                found[serial] = device
        return found

    def disown(self, serials: Sequence[str]) -> Outcomes:
        """Give devices up for ever; a lost answer is not asked for again, look at the details."""
        question = self._about(DISOWN, serials, again=False)
        return self._read(dep_values.outcomes, question)

    def define_profile(self, profile: Mapping[str, Any]) -> Outcomes:
        """A new profile under a UUID of its own; `profile` is in the words of the wire.

        Raises ProfileRejected. A lost answer is not asked for again: there would be two.
        """
        question = Question(method="POST", path=_PROFILE, body=profile, again=False)
        made = self._read(dep_values.outcomes, question)
        if not _UUID.fullmatch(made.profile_uuid):
            raise Unreadable("Apple's answer lacks profile_uuid")
        return made

    def get_profile(self, profile_uuid: str) -> dict[str, Any]:
        """A profile in the words of the wire; UnknownProfile if there is none."""
        params = {"profile_uuid": profile_uuid}
        return self._read(dict, Question(method="GET", path=_PROFILE, params=params))

    def assign_profile(self, profile_uuid: str, serials: Sequence[str]) -> Outcomes:
        """Assign a profile; some may be THROTTLED, with `retry_after`. Raises UnknownProfile."""
        question = self._about(ASSIGN, serials, more={"profile_uuid": profile_uuid})
        return self._read(dep_values.outcomes, question)

    def remove_profile(self, serials: Sequence[str], *, profile_uuid: str = "") -> Outcomes:
        """Take the profile from devices, whichever it is, or only this one."""
        more = {"profile_uuid": profile_uuid} if profile_uuid else {}
        question = self._about(ASSIGN, serials, method="DELETE", more=more)
        return self._read(dep_values.outcomes, question)

    def beta_tokens(self) -> tuple[BetaToken, ...]:
        """Tokens for beta versions; BetaTurnedOff where the organization has none."""
        question = Question(method="GET", path=_BETAS, version=1)
        return self._read(dep_values.betas, question)

    def discovery_url(self) -> str | None:
        """Where Apple sends devices whose domain does not answer service discovery."""
        said = self._read(dict, Question(method="GET", path=_ACCOUNT_DRIVEN))
        url = said.get("mdm_service_discovery_url")
        return url if isinstance(url, str) and url else None

    def tell_discovery_url(self, url: str) -> None:
        """Have Apple send them there, all of the organization; it takes the place of another."""
        body = {"mdm_service_discovery_url": url}
        self._read(dict, Question(method="POST", path=_ACCOUNT_DRIVEN, body=body))

    def activation_lock(self, serial: str, *, escrow_key: str = "", message: str = "") -> str:
        """Lock a device to the organization; Apple's word for what became of it.

        `escrow_key` is the hash of the bypass code (64 hex digits), which Apple keeps.
        """
        body = {"device": serial}
        if escrow_key:
            body["escrow_key"] = escrow_key
        if message:
            body["lost_message"] = message
        question = Question(method="POST", path=_LOCK, body=body, again=False)
        said = self._read(dict, question).get("response_status")
        if not isinstance(said, str) or not said:
            raise Unreadable("Apple's answer lacks response_status")
        return said

    def most(self, path: str) -> int:
        """How many devices one request may name (or ask for)."""
        return self._limits.get(path, Limit(1000, 1000)).maximum

    def batches(self, path: str, serials: Sequence[str]) -> Iterator[tuple[str, ...]]:
        """Serial numbers in portions that one request may name."""
        size = self.most(path)
        for start in range(0, len(serials), size):
            yield tuple(serials[start : start + size])

    def _about(
        self,
        path: str,
        serials: Sequence[str],
        *,
        method: str = "POST",
        again: bool = True,
        more: Mapping[str, str] = MappingProxyType({}),
    ) -> Question:
        if not 0 < len(serials) <= self.most(path):
            raise BadRequest(f"one request names 1 to {self.most(path)} devices")
        body = {"devices": list(serials), **more}
        return Question(method=method, path=path, body=body, again=again)

    def _page(self, path: str, cursor: str, limit: int) -> DevicePage:
        most = self.most(path)
        body: dict[str, Any] = {"limit": min(limit, most) if limit > 0 else most}
        if cursor:
            body["cursor"] = cursor
        return self._read(dep_values.page, Question(method="POST", path=path, body=body))

    def _read(self, reader: Callable[[dict[str, Any]], T], question: Question) -> T:
        answer = self._session.ask(question)
        try:
            return reader(answer)
        except ValueError as error:
            raise Unreadable(f"Apple's answer lacks {error}") from error
