"""Sessions with Apple's device assignment service: opened, rotated, renewed once, tried again.

Threads may share one: all that changes are two attributes, each replaced as a whole. Two threads
that find the session over open two new ones, which costs one request and no lock.
"""

from __future__ import annotations

import json
import math
import random
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx

from zmdm_plugin.clients import dep_errors
from zmdm_plugin.clients.dep_errors import (
    DepError,
    Forbidden,
    Throttled,
    TokenRefused,
    Unreachable,
    Unreadable,
    VersionRefused,
)
from zmdm_plugin.clients.dep_oauth import authorization
from zmdm_plugin.clients.trust import roots
from zmdm_plugin.clients.waits import bounded, http_date, retry_after
from zmdm_plugin.protocol.server_token import ServerToken

BASE_URL: Final = "https://mdmenrollment.apple.com"
VERSIONS: Final = (10, 9, 8, 7, 3, 2)
"""Of the protocol, the newest first."""
MOST: Final = 32 * 1024 * 1024
"""Bytes of an answer; a page of a thousand devices has about one megabyte."""
TIMEOUT: Final = httpx.Timeout(30.0, connect=10.0)
_SESSION: Final = "X-ADM-Auth-Session"
_TRIES: Final = 3
_SESSIONS: Final = 3  # the one at hand, one that another thread got meanwhile, a new one of ours
_SKEW: Final = timedelta(minutes=5)
_RENEWED: Final = (Forbidden, TokenRefused)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How a client behaves; tests put their own clock and their own patience here."""

    user_agent: str
    patience: float = 20.0
    """Seconds between two tries at most; a longer wait is left to the caller."""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    pause: Callable[[float], None] = time.sleep
    dice: Callable[[], float] = random.random
    """Between 0 and 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One request; `again` says that doing it twice does no harm, so a lost answer is no loss."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    params: Mapping[str, str] | None = None
    again: bool = True
    version: int | None = None


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: httpx.Headers
    body: bytes


def http_client(ca_pem: str = "") -> httpx.Client:
    """An HTTP client that trusts these roots, or the system's."""
    return httpx.Client(verify=roots(ca_pem), timeout=TIMEOUT, follow_redirects=False)


class DepSession:
    """Asks, with the credentials of one server token; the HTTP client is handed in."""

    def __init__(
        self, http: httpx.Client, token: ServerToken, *, base_url: str, manners: Manners
    ) -> None:
        if not manners.user_agent.strip():
            raise ValueError("Apple refuses requests without a User-Agent")
        self._http = http
        self._token = token
        self._base = base_url.rstrip("/")
        self._manners = manners
        self._session = ""
        self._version = VERSIONS[0]

    def ask(self, question: Question) -> dict[str, Any]:
        """The answer as JSON, or the DepError that says what is wrong."""
        attempt = 0
        while True:
            try:
                return self._spoken(question)
            except DepError as error:
                attempt += 1
                wait = self._wait(error, attempt, question.again)
                if wait is None:
                    raise
            self._manners.pause(wait)

    def _wait(self, error: DepError, attempt: int, again: bool) -> float | None:
        """Seconds until the next try, None if there shall be none."""
        unheard = isinstance(error, Throttled) or (isinstance(error, Unreachable) and error.unsent)
        if not error.transient or attempt >= _TRIES or not (again or unheard):
            return None
        # Full jitter above half a second: workers that failed together come back apart.
        wait = float(error.retry_after or 0) + 0.5 + self._manners.dice() * 2**attempt
        return wait if wait <= self._manners.patience else None

    def _spoken(self, question: Question) -> dict[str, Any]:
        """Ask in the newest version that Apple accepts; a refused one is not tried again."""
        while True:
            version = question.version or self._version
            try:
                return self._authorized(question, version)
            except VersionRefused:
                older = [one for one in VERSIONS if one < version]
                if question.version is not None or not older:
                    raise
                self._version = older[0]

    def _authorized(self, question: Question, version: int) -> dict[str, Any]:
        """Ask in a session; one that Apple refuses is renewed, one time."""
        for turn in range(1, _SESSIONS + 1):
            session = self._session if turn < _SESSIONS else ""
            fresh = not session
            if fresh:
                session = self._open()
            try:
                return _json(self._send(question, version, session))
            except _RENEWED:
                if fresh:
                    raise
                if self._session == session:  # else another thread has a newer one already
                    self._session = ""
        raise AssertionError("the last turn returns or raises")

    def _open(self) -> str:
        url = f"{self._base}/session"
        now = self._manners.now()
        stamp = math.floor(now.timestamp())
        header = authorization(
            self._token, "GET", url=url, timestamp=stamp, nonce=secrets.token_hex(16)
        )
        try:
            answer = self._checked(self._exchange("GET", url, {"Authorization": header}, {}))
        except TokenRefused as error:
            raise self._explained(error) from error
        token = _json(answer).get("auth_session_token")
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise Unreadable("Apple's answer holds no session")
        return token

    def _explained(self, error: TokenRefused) -> TokenRefused:
        """Why a token is refused, as far as can be told from here."""
        now = self._manners.now()
        if self._token.expires_at <= now:
            why = f"the server token expired on {self._token.expires_at:%Y-%m-%d}: renew it"
        elif error.skew:
            minutes = round(error.skew.total_seconds() / 60)
            why = f"Apple refuses the server token; this clock is {minutes:+d} minutes off Apple's"
        else:
            return error
        return TokenRefused(why, code=error.code, http_status=error.http_status)

    def _send(self, question: Question, version: int, session: str) -> _Answer:
        headers = {_SESSION: session, "X-Server-Protocol-Version": str(version)}
        more: dict[str, Any] = {"params": question.params} if question.params else {}
        if question.body is not None:
            headers["Content-Type"] = "application/json;charset=UTF8"
            more["content"] = json.dumps(question.body).encode()
        url = self._base + question.path
        answer = self._exchange(question.method, url, headers, more)
        if answer.status not in (401, 403):
            # A new session stays with its thread until here: no other one can have rotated it.
            following = answer.headers.get(_SESSION) or session
            if following != session or not self._session:
                self._session = following
        return self._checked(answer, question.path)

    def _exchange(
        self, method: str, url: str, headers: dict[str, str], more: Mapping[str, Any]
    ) -> _Answer:
        headers |= {"User-Agent": self._manners.user_agent, "Accept": "application/json"}
        try:
            with self._http.stream(method, url, headers=headers, **more) as got:
                answer = _Answer(got.status_code, got.headers, _bounded(got))
        except httpx.TimeoutException as error:
            raise _unreachable("Apple did not answer in time", error) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _unreachable(f"Apple cannot be reached: {error}", error) from error
        return answer

    def _checked(self, answer: _Answer, path: str = "") -> _Answer:
        """The answer itself, or the error that it is."""
        if answer.status < 400:
            return answer
        now = self._manners.now()
        wait = retry_after(answer.headers.get("Retry-After"), now)
        code = dep_errors.code_of(answer.body)
        error = dep_errors.error(answer.status, code, path=path, retry_after=wait)
        if isinstance(error, TokenRefused) and (theirs := http_date(answer.headers.get("Date"))):
            skew = now - theirs
            error.skew = skew if abs(skew) > _SKEW else None
        raise error


def _unreachable(message: str, error: Exception) -> Unreachable:
    made = Unreachable(message)
    made.unsent = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
    return made


def _bounded(answer: httpx.Response) -> bytes:
    body = bounded(answer, MOST)
    if body is None:
        raise Unreadable("Apple's answer is too long")
    return body


def _json(answer: _Answer) -> dict[str, Any]:
    try:
        found = json.loads(answer.body) if answer.status == 200 else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Unreadable("the answer is not Apple's", http_status=answer.status)
    return found
