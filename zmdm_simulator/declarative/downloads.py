"""Fetches what declarations point to, and checks that it is what was promised."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx

from zmdm_simulator.channel import Channel
from zmdm_simulator.declarative.problem import Problem
from zmdm_simulator.profile import LOOPBACK
from zmdm_simulator.script import Do

if TYPE_CHECKING:
    from zmdm_simulator.core import DeviceCore

STEP = "download"
FAULTS = frozenset({Do.DELAY, Do.CORRUPT, Do.INTERRUPT})
DOWNLOAD, VERIFY = "Error.AssetCannotBeDownloaded", "Error.AssetCannotBeVerified"


def check_url(device: DeviceCore, url: object, code: str) -> str:
    """Return a URL that a device would use: https, or this very machine under test."""
    if not isinstance(url, str):
        raise Problem(code, "The URL is not a string.")
    parts = urlsplit(url)
    near = device.allow_http or parts.hostname in LOOPBACK
    if parts.scheme != "https" and not (parts.scheme == "http" and near):
        raise Problem(code, f"“{url}” is not an https URL.")
    return url


def get(
    device: DeviceCore, channel: Channel, url: str, *, code: str, proven: bool = True
) -> tuple[bytes, str]:
    """Return content and media type; Problem (with this code) if the server does not give it."""
    rule = device.script.choose(device.facts, STEP, channel.kind, among=FAULTS)
    if rule is not None and rule.do is Do.DELAY:
        device.sleep(rule.seconds)
    try:
        response = device.wire.get(url, proven=proven)
        content = response.content
        if rule is not None and rule.do is Do.INTERRUPT:
            content = _taken_up(device, url, content, code, proven=proven)
    except httpx.HTTPError as error:
        raise Problem(code, f"There was no answer: {error}") from error
    if response.status_code != 200:
        raise Problem(code, f"The server answered {response.status_code}.", URL=url)
    if rule is not None and rule.do is Do.CORRUPT and content:
        content = bytes([content[0] ^ 0xFF]) + content[1:]
    return content, _media_type(response.headers.get("content-type", ""))


def _media_type(header: str) -> str:
    return header.partition(";")[0].strip().lower()


def _taken_up(device: DeviceCore, url: str, content: bytes, code: str, *, proven: bool) -> bytes:
    """Ask for the second half again; a server without ranges sends everything."""
    half = len(content) // 2
    response = device.wire.get(url, proven=proven, headers={"Range": f"bytes={half}-"})
    if response.status_code == 200:
        return response.content
    wanted = f"bytes {half}-{len(content) - 1}/{len(content)}"
    if response.status_code != 206 or response.headers.get("content-range") != wanted:
        raise Problem(code, f"The rest was answered {response.status_code}.", URL=url)
    return content[:half] + response.content


def asset(device: DeviceCore, channel: Channel, payload: Mapping[str, Any]) -> bytes:
    """Return the data of an asset, of the type, size and hash that its declaration promised."""
    reference = payload["Reference"]
    authentication = payload.get("Authentication") or {}
    url = check_url(device, reference.get("DataURL"), DOWNLOAD)
    proven = authentication.get("Type", "MDM") == "MDM"
    content, media_type = get(device, channel, url, code=DOWNLOAD, proven=proven)
    promised = reference.get("ContentType")
    if promised is not None and _media_type(promised) != media_type:
        raise Problem(VERIFY, f"The media type is {media_type or 'missing'}, not {promised}.")
    size, digest = reference.get("Size"), reference.get("Hash-SHA-256")
    if size is not None and size != len(content):
        raise Problem(VERIFY, f"There are {len(content)} bytes, not {size}.")
    if digest and size != 0 and hashlib.sha256(content).hexdigest() != digest.lower():
        raise Problem(VERIFY, "The hash is another one.")
    return content
