"""One event as an HTTP request, signed, and what its answer means.

    POST <url>
    Content-Type: application/json
    Zmdm-Event: device.enrolled
    Zmdm-Delivery: 4711                      the event's id: the same for each try
    Zmdm-Signature: t=1764410400,v1=<hex>    HMAC-SHA256 over "<t>.<body>" with the secret

Any 2xx takes it. It may come twice: whoever takes it looks whether the id is known.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import httpx

from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services.webhooks.outbox import Batch, Letter, Told

VERSION = 1
"""Of the body's shape: keys are added without a new one, never taken away or given a new sense."""
_SHORT = 16 * 1024
"""Bytes."""


def body(letter: Letter) -> bytes:
    """The event as JSON."""
    at = letter.created_at.astimezone(UTC).isoformat(timespec="microseconds")
    document = {
        "version": VERSION,
        "id": letter.event_id,
        "type": letter.kind,
        "time": at.replace("+00:00", "Z"),
        "device": letter.device,
        "data_version": letter.data_version,
        "data": letter.payload,
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def signature(secret: bytes, content: bytes, *, at: datetime) -> str:
    """What proves that we sent it, and when; a receiver refuses old ones."""
    moment = int(at.timestamp())
    made = hmac.new(secret, f"{moment}.".encode() + content, hashlib.sha256).hexdigest()
    return f"t={moment},v1={made}"


def send(batch: Batch, http: httpx.Client, *, go_on: Callable[[], bool]) -> Iterator[Told]:
    """Send a batch one by one: the first, and more as long as `go_on` says so.

    Ends early when nobody answers, for the rest would wait as long; what was not taken holds back
    what comes later of its stream.
    """
    held: set[int] = set()
    for number, letter in enumerate(batch.letters):
        if number and not go_on():
            return
        if letter.stream in held:
            continue
        told = _send(letter, batch, http)
        yield told
        if told.error is not None:
            held.add(letter.stream)
        if not told.reached:
            return


def _send(letter: Letter, batch: Batch, http: httpx.Client) -> Told:
    content = body(letter)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "zmdm-plugin",
        "Zmdm-Event": letter.kind,
        "Zmdm-Delivery": str(letter.event_id),
        "Zmdm-Signature": signature(batch.secret, content, at=utcnow()),
    }
    try:
        with http.stream("POST", batch.url, content=content, headers=headers) as response:
            code = response.status_code
            _read_out(response)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Told(
            letter, f"no answer ({str(error)[:200] or type(error).__name__})", reached=False
        )
    if 200 <= code < 300:
        return Told(letter)
    away = code in (429, 502, 503, 504)
    return Told(letter, f"answered {code}", reached=not away)


def _read_out(response: httpx.Response) -> None:
    """A short answer is read, which nobody needs: the connection takes the next one then."""
    read = 0
    with contextlib.suppress(httpx.HTTPError):
        for part in response.iter_raw():
            read += len(part)
            if read > _SHORT:
                return
