"""The order of it all: compare tokens, fetch what changed, put it into effect, report.

Whatever stops this (no answer, an answer that makes no sense) is done again another time; what was
fetched until then is kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from zmdm_simulator.channel import Channel
from zmdm_simulator.core import DeviceCore
from zmdm_simulator.declarative import apps, report, updates
from zmdm_simulator.declarative.judge import judge
from zmdm_simulator.declarative.support import kind_of
from zmdm_simulator.declarative.talk import Stopped, Sync, Talk
from zmdm_simulator.declared import KINDS, Held, Json

LONGEST_TOKEN, LONGEST_NAME = 256, 64


def token_of(answer: Any) -> str | None:
    """Return the DeclarationsToken of a TokensResponse, None if it is none."""
    tokens = answer.get("SyncTokens") if isinstance(answer, dict) else None
    token = tokens.get("DeclarationsToken") if isinstance(tokens, dict) else None
    timestamp = tokens.get("Timestamp") if isinstance(tokens, dict) else None
    if not isinstance(token, str) or not isinstance(timestamp, str):
        return None
    return token if 0 < len(token.encode()) <= LONGEST_TOKEN else None


def read_tokens(data: bytes) -> str | None:
    """Return the DeclarationsToken of a command's Data, None if it is no TokensResponse."""
    try:
        return token_of(json.loads(data))
    except ValueError:
        return None


def synchronize(device: DeviceCore, channel: Channel, *, now: datetime) -> Sync:
    """Do what a DeclarativeManagement command asks for."""
    talk = Talk(device, channel, Sync())
    channel.declared.asked = True
    _attempt(talk, lambda: _fetch(talk))
    if device.mdm is None or channel.declined:
        return talk.sync
    # What did arrive is put into effect, and told, even if the rest did not come.
    _apply_and_tell(talk, now=now, full=False)
    fetched, told = not channel.declared.asked, talk.sync.complete
    talk.sync.complete = fetched and told
    channel.declared.asked = not talk.sync.complete
    return talk.sync


def tell(device: DeviceCore, channel: Channel, *, now: datetime, full: bool = False) -> Sync:
    """Send a report if there is something to say: changes, or everything once a day."""
    talk = Talk(device, channel, Sync())
    _apply_and_tell(talk, now=now, full=full)
    return talk.sync


def progress(device: DeviceCore, channel: Channel, *, now: datetime) -> Sync:
    """Go one step on with a system update, and report what changed."""
    updates.step(device, channel, now)
    apps.step(device)
    return tell(device, channel, now=now)


def _attempt(talk: Talk, act: Callable[[], None]) -> bool:
    try:
        act()
    except Stopped as why:
        talk.device.tell(f"declarations: {why}")
        return False
    return True


# Fetching


def _fetch(talk: Talk) -> None:
    declared = talk.channel.declared
    token, declared.tokens = _offered(talk), None
    if token == declared.token:
        declared.asked = False
        return
    manifest = talk.ask("declaration-items")
    assert manifest is not None  # only a 404 that was asked for gives none
    wanted = dict(_entries(talk, manifest))
    listed_token = manifest.get("DeclarationsToken")
    if not isinstance(listed_token, str):
        raise talk.wrong("declaration-items have no DeclarationsToken")
    whole = True
    for name, (kind, entry_token) in wanted.items():
        held = declared.held.get(name)
        if held is None or held.token != entry_token or held.kind != kind:
            whole &= _fetch_one(talk, kind, name, entry_token)
    for name in set(declared.held) - set(wanted):
        del declared.held[name]
    if whole:
        declared.token, declared.asked = listed_token, False


def _offered(talk: Talk) -> str:
    data = talk.channel.declared.tokens
    token = read_tokens(data) if data else token_of(talk.ask("tokens"))
    if token is None:
        raise talk.wrong("tokens are no TokensResponse")
    return token


def _entries(talk: Talk, manifest: Json) -> Iterator[tuple[str, tuple[str, str]]]:
    sections = manifest.get("Declarations")
    for section, kind in KINDS.items():
        entries = sections.get(section) if isinstance(sections, dict) else None
        if not isinstance(entries, list):
            raise talk.wrong(f"declaration-items have no list of {section}")
        for entry in entries:
            name, token = entry.get("Identifier"), entry.get("ServerToken")
            if not _short(name) or not _short(token):
                raise talk.wrong(f"declaration-items have a bad entry in {section}")
            yield name, (kind, token)


def _short(text: object) -> bool:
    return isinstance(text, str) and 0 < len(text.encode()) <= LONGEST_NAME


def _fetch_one(talk: Talk, kind: str, name: str, token: str) -> bool:
    """Fetch one declaration; False if it is not what the manifest promised."""
    declared = talk.channel.declared
    answer = talk.ask(f"declaration/{kind}/{name}", or_none=True)
    former = declared.held.get(name)
    if answer is None:
        talk.sync.problems.append(f"{name} is listed, but answered 404")
        declared.held.pop(name, None)
        return False
    fault = _fault(answer, kind, name, token)
    if fault is not None:
        talk.sync.problems.append(f"{name}: {fault}")
        return False
    declared.held[name] = Held(
        kind,
        name,
        answer["Type"],
        token,
        answer["Payload"],
        former_token=former.token if former else None,
    )
    return True


def _fault(answer: Json, kind: str, name: str, token: str) -> str | None:
    """Return what is wrong with a declaration as a whole."""
    if answer.get("Identifier") != name:
        return "it has another Identifier"
    if answer.get("ServerToken") != token:
        return "it has another ServerToken than the manifest"
    if not isinstance(answer.get("Type"), str) or kind_of(answer["Type"]) != kind:
        return f"its Type is no {kind}"
    return None if isinstance(answer.get("Payload"), dict) else "it has no Payload"


# Putting into effect, and reporting


def _apply_and_tell(talk: Talk, *, now: datetime, full: bool) -> None:
    judge(talk.device, talk.channel)
    talk.sync.complete = _attempt(talk, lambda: _tell(talk, now=now, full=full))


def _tell(talk: Talk, *, now: datetime, full: bool) -> None:
    device, channel = talk.device, talk.channel
    full = full or report.due(channel, now)
    values, errors = report.current(device, channel)
    values = report.with_former_tokens(device, channel, values)
    content = report.make(device, channel, values, errors, full=full)
    if content is None:
        return
    talk.tell(content)
    channel.declared.reported, channel.declared.errors = values, errors
    if full:
        channel.declared.full_at = now
