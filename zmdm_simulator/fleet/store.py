"""Keeps devices between runs: one JSON file each, so that a second run goes on where it was.

The files hold private keys, as real devices' flash does; they are readable by their owner alone.
"""

from __future__ import annotations

import base64
import json
import os
import plistlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

from zmdm_simulator import apps
from zmdm_simulator.channel import After, Channel
from zmdm_simulator.condition import Condition
from zmdm_simulator.core import Life
from zmdm_simulator.declared import Declared
from zmdm_simulator.device import SimulatedDevice
from zmdm_simulator.facts import User
from zmdm_simulator.pki import Identity
from zmdm_simulator.profile import Profile, load, mdm_of
from zmdm_simulator.secrets import Secrets

Json = dict[str, Any]


def _text(data: bytes | None) -> str | None:
    return None if data is None else base64.b64encode(data).decode()


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)


def _profile_text(profile: Profile) -> str:
    # Signed profiles are kept as they came; decrypted ones as what was in them.
    encrypted = b"EncryptedPayloadContent" in profile.raw
    raw = plistlib.dumps(dict(profile.data)) if encrypted else profile.raw
    return base64.b64encode(raw).decode()


def _channel_json(channel: Channel) -> Json:
    return {
        "user": asdict(channel.user) if channel.user else None,
        "token": _text(channel.token),
        "magic": channel.magic,
        "profiles": [_profile_text(profile) for profile in channel.profiles.values()],
        "provisioning_profiles": {
            uuid: _text(raw) for uuid, raw in channel.provisioning_profiles.items()
        },
        "unaccepted": _text(channel.unaccepted),
        "after": channel.after.value if channel.after else None,
        "last_answer": _text(channel.last_answer),
        "notnow_last": channel.notnow_last,
        "announced": channel.announced,
        "declarative": channel.declarative,
        "declared": channel.declared.to_json() if channel.declarative else None,
        "awaiting": channel.awaiting,
        "declined": channel.declined,
    }


def _channel(data: Json) -> Channel:
    profiles = [load(base64.b64decode(text)) for text in data["profiles"]]
    return Channel(
        user=User(**data["user"]) if data["user"] else None,
        token=base64.b64decode(data["token"]),
        magic=data["magic"],
        profiles={profile.identifier: profile for profile in profiles},
        provisioning_profiles={
            uuid: base64.b64decode(text)
            for uuid, text in data.get("provisioning_profiles", {}).items()
        },
        unaccepted=_bytes(data["unaccepted"]),
        after=After(data["after"]) if data["after"] else None,
        last_answer=_bytes(data["last_answer"]),
        notnow_last=data["notnow_last"],
        announced=data["announced"],
        declarative=data["declarative"],
        declared=Declared.from_json(data.get("declared")),
        awaiting=bool(data.get("awaiting")),
        declined=data["declined"],
    )


def to_json(device: SimulatedDevice) -> Json:
    """Return everything about a device that its seed does not give."""
    return {
        "serial": device.facts.serial,
        "life": device.life.value,
        "powered": device.powered,
        "awaiting": device.awaiting,
        "accounts": _text(plistlib.dumps(dict(device.accounts))),
        "system": [device.facts.model.os_version, device.facts.model.build],
        "enrollment": device.enrollment_identifier,
        "identity": device.identity.to_pem() if device.identity else None,
        "former_identity": device.former_identity.to_pem() if device.former_identity else None,
        "factory": device.factory.to_pem() if device.has_factory else None,
        "bootstrap_token": _text(device.bootstrap_token),
        "unlock_token": _text(device.unlock_token),
        "secrets": device.secrets.to_json(),
        "name": device.name,
        "condition": device.condition.to_json(),
        "apps": apps.to_json(device.apps),
        "channels": [_channel_json(channel) for channel in device.channels.values()],
    }


def restore(device: SimulatedDevice, data: Json) -> None:
    """Make a device what it was when `to_json` was called; ValueError if it is another's."""
    if data["serial"] != device.facts.serial:
        raise ValueError(f"the state is of {data['serial']}, not {device.facts.serial}")
    device.life, device.powered = Life(data["life"]), data["powered"]
    device.awaiting = bool(data.get("awaiting"))
    if accounts := _bytes(data.get("accounts")):
        device.accounts = plistlib.loads(accounts)
    if "system" in data:
        device.update_system(*data["system"])
    for name in ("identity", "former_identity", "factory"):
        if data[name]:
            setattr(device, name, Identity.from_pem(data[name]))
    device.bootstrap_token = _bytes(data["bootstrap_token"])
    device.unlock_token = _bytes(data["unlock_token"]) or device.unlock_token
    if "secrets" in data:
        device.secrets = Secrets.from_json(data["secrets"])
    device.name = data.get("name", device.name)
    device.condition = Condition.from_json(data.get("condition"))
    device.apps = apps.from_json(data.get("apps"))
    channels = [_channel(item) for item in data["channels"]]
    device.channels = {channel.name: channel for channel in channels}
    device.enrollment_identifier = data["enrollment"]
    if device.life is Life.ENROLLED:
        profile = device.channel().profiles[data["enrollment"]]
        device.mdm = mdm_of(profile, allow_http=device.allow_http)


class Store:
    """The folder of a fleet; without one, nothing is kept."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        if folder:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def save(self, device: SimulatedDevice) -> None:
        """Write a device, all of it or nothing."""
        self._write(f"{device.facts.serial}.json", to_json(device))

    def restore(self, device: SimulatedDevice) -> None:
        """Read a device, if it was saved."""
        if (data := self._read(f"{device.facts.serial}.json")) is not None:
            restore(device, data)

    @property
    def pushes_seen(self) -> int:
        """Number of the last push that was listened to."""
        data = self._read("fleet.json") or {}
        return int(data.get("pushes_seen", 0))

    @pushes_seen.setter
    def pushes_seen(self, number: int) -> None:
        self._write("fleet.json", {"pushes_seen": number})

    def _read(self, name: str) -> Json | None:
        if self._folder is None:
            return None
        try:
            data: Json = json.loads((self._folder / name).read_text())
        except FileNotFoundError:
            return None
        return data

    def _write(self, name: str, data: Json) -> None:
        if self._folder is None:
            return
        path, draft = self._folder / name, self._folder / f"{name}.new"
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(data, file)
        draft.replace(path)
