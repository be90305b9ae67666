"""A file from an address that an operator gave, in as many requests as it takes."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx

from zmdm_plugin.clients import places
from zmdm_plugin.clients.outbound import TIMEOUT, Outbound
from zmdm_plugin.errors import ZmdmError

ONE_GO = 600.0
"""Seconds for a server that cannot take up a download where it broke off."""
_HOPS = 5
_TOTAL = re.compile(r"bytes [0-9]+-[0-9]+/([0-9]{1,18})\Z")
_PIECE = 256 * 1024


class DownloadFailed(ZmdmError):
    """The file cannot be had; the message is for operators."""

    status = 503


@dataclass(frozen=True, slots=True)
class Part:
    """How far a download came: bytes on the disk, and of how many (None: nobody said)."""

    have: int
    total: int | None

    @property
    def finished(self) -> bool:
        return self.total is not None and self.have >= self.total


def check(url: str, *, private: Sequence[places.Network]) -> str | None:
    """What is wrong with an address; whether it may be used shows when it is."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "is no address"
    if parts.scheme == "http" and private:
        return None  # within networks that were allowed there may be no certificates
    if parts.scheme != "https" or not parts.hostname:
        return "must begin with https://"
    return "must not contain a password" if parts.password else None


def continue_(
    url: str, path: Path, *, most: int, seconds: float, private: Sequence[places.Network]
) -> Part:
    """Go on with a download for so many seconds; DownloadFailed says why it cannot.

    Where the server sends on, as those of releases do, each address is checked as the first one.
    """
    until = time.monotonic() + seconds
    for _ in range(_HOPS):
        transport = Outbound(private=private, most=most, whole=ONE_GO)
        found = _asked(url, path, transport, most=most, until=until)
        if isinstance(found, Part):
            return found
        url = found
        if why := check(url, private=private):
            raise DownloadFailed(f"the server sends on to an address that {why}")
    raise DownloadFailed("the server sends on and on")


def _asked(url: str, path: Path, transport: Outbound, *, most: int, until: float) -> Part | str:
    """How far it came, or where the file is instead."""
    have = path.stat().st_size if path.exists() else 0
    headers = {"Accept-Encoding": "identity", "Range": f"bytes={have}-"}
    try:
        with (
            httpx.Client(transport=transport, timeout=TIMEOUT * 4, follow_redirects=False) as http,
            http.stream("GET", url, headers=headers) as answer,
        ):
            if answer.has_redirect_location:
                return urljoin(url, answer.headers["location"])
            return _write(answer, path, have, most=most, until=until)
    except (httpx.HTTPError, httpx.InvalidURL, places.Unreachable, ValueError) as error:
        raise DownloadFailed(f"the download failed: {error}") from error


def _write(answer: httpx.Response, path: Path, have: int, *, most: int, until: float) -> Part:
    if answer.status_code == 416 and have:
        return Part(have, have)
    if answer.status_code not in (200, 206):
        raise DownloadFailed(f"the server answered {answer.status_code}")
    if answer.status_code == 200:
        have = 0
    total = _total(answer)
    if (total or 0) > most:
        raise DownloadFailed(f"the file has {total} bytes; at most {most} are taken")
    with path.open("ab" if have else "wb") as file:
        for piece in answer.iter_raw(_PIECE):
            file.write(piece)
            have += len(piece)
            if have > most:
                raise DownloadFailed(f"the file is too long; at most {most} bytes are taken")
            if answer.status_code == 206 and time.monotonic() > until:
                return Part(have, total)
    return Part(have, total if total is not None else have)


def _total(answer: httpx.Response) -> int | None:
    if answer.status_code == 206:
        found = _TOTAL.match(answer.headers.get("content-range", ""))
        return int(found[1]) if found else None
    length = answer.headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() else None
