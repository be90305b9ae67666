"""Apple's software lookup service, played: `GET /v2/pmv` over TLS, and what goes wrong with it.

    GET  /v2/pmv     the list
    POST /releases   {"releases": [{"platform": …, "version": …, "build": …, "devices": […]}]}
    POST /withdraw   {"version": …}
    POST /faults     a fault document, see Faults; GET shows what is in force
    GET  /stats      how often the list was asked for

The last four are ours; Apple has no such thing. The list begins with what the played devices run
and what is a little newer.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from zmdm_simulator.apple.material import Material
from zmdm_simulator.apple.played import PlayedHandler, PlayedService
from zmdm_simulator.apple.playing import on_signals, until
from zmdm_simulator.models_of_devices import MODELS

PATH = "/v2/pmv"
_FAMILY = {"macOS": "macOS", "visionOS": "visionOS"}  # everything else is listed as iOS
_OLD_MACS = {"MacBookPro14,1": 13, "iMac19,1": 15, "MacBookPro16,1": 26}
_NEW = (
    # platform, version, build, posted so many days ago
    ("macOS", "26.2", "25C56", 5),
    ("macOS", "15.7.3", "24G419", 5),
    ("macOS", "14.8.3", "23J220", 5),
    ("iOS", "26.2", "23C55", 5),
    ("iOS", "18.7.3", "22H217", 5),
    ("iPadOS", "26.2", "23C55", 5),
    ("tvOS", "26.2", "23K51", 5),
    ("visionOS", "26.2", "23N301", 5),
)
_IMPROVEMENTS = (("macOS", "26.1", "25B78"), ("iOS", "26.1", "23B85"))


class BadFaults(ValueError):
    """A control request that says something unknown; the message names it."""


@dataclass(slots=True, kw_only=True)
class Release:
    """One entry of the list, as this service keeps it."""

    platform: str
    version: str
    build: str
    devices: list[str]
    posted: date | None = None
    expires: date | None = None
    extra: str = ""
    prerequisite: str = ""
    managed: bool = True

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> Release:
        """From JSON, the dates as `2026-11-20`."""
        known = {item.name for item in fields(cls)}
        if unknown := set(value) - known:
            raise BadFaults(f"a release has no {sorted(unknown)[0]!r}")
        dates = {
            name: date.fromisoformat(value[name])
            for name in ("posted", "expires")
            if value.get(name)
        }
        try:
            return cls(**{**value, **dates})
        except TypeError as error:
            raise BadFaults(str(error)) from error

    def entry(self) -> dict[str, Any]:
        """As the wire has it."""
        found: dict[str, Any] = {
            "ProductVersion": self.version,
            "Build": self.build,
            "SupportedDevices": sorted(self.devices),
        }
        if self.posted:
            found["PostingDate"] = self.posted.isoformat()
        if self.expires:
            found["ExpirationDate"] = self.expires.isoformat()
        if self.extra:
            found["ProductVersionExtra"] = self.extra
            found["PrerequisiteBuild"] = self.prerequisite
        return found


@dataclass(slots=True, kw_only=True)
class Faults:
    """What goes wrong, `times` times (0: until told otherwise)."""

    status: int = 0
    """This status instead of the list."""
    answer: str = ""
    """garbage | truncated | empty | without_macos | page: another body than the list."""
    latency: float = 0.0
    """Seconds before the answer."""
    drop: bool = False
    """The connection ends without an answer."""
    redirect: str = ""
    times: int = 0

    def apply(self, document: Any) -> None:
        """Replace all of it; {} makes the service well again."""
        if not isinstance(document, Mapping):
            raise BadFaults("a fault document is an object")
        names = {item.name for item in fields(self)}
        if unknown := set(document) - names:
            raise BadFaults(f"there is no fault {sorted(unknown)[0]!r}")
        for item in fields(self):
            setattr(self, item.name, document.get(item.name, item.default))


@dataclass(slots=True)
class Shelf:
    """The releases and faults of one service; handlers come from many threads."""

    releases: list[Release]
    faults: Faults = field(default_factory=Faults)
    asked: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def document(self) -> dict[str, Any]:
        """The list: what anybody is offered, what device management may ask for, improvements."""
        sets: dict[str, dict[str, list[Any]]] = {
            "PublicAssetSets": {},
            "AssetSets": {},
            "PublicBackgroundSecurityImprovements": {},
        }
        for one in self.releases:
            name = _FAMILY.get(one.platform, "iOS")
            if one.extra:
                sets["PublicBackgroundSecurityImprovements"].setdefault(name, []).append(
                    one.entry()
                )
                continue
            sets["PublicAssetSets"].setdefault(name, []).append(one.entry())
            if one.managed:
                sets["AssetSets"].setdefault(name, []).append(one.entry())
        return sets

    def take_fault(self) -> Faults | None:
        """What goes wrong with this request."""
        faults = self.faults
        wrong = Faults(**asdict(faults))
        if not any((wrong.status, wrong.answer, wrong.latency, wrong.drop, wrong.redirect)):
            return None
        if faults.times == 1:
            faults.apply({})
        elif faults.times:
            faults.times -= 1
        return wrong


def releases(today: date) -> list[Release]:
    """What the played devices run, and what is newer, as of this day."""
    made: dict[tuple[str, str, str], Release] = {}
    for model in MODELS.values():
        key = (model.platform, model.os_version, model.build)
        made[key] = Release(
            platform=key[0],
            version=key[1],
            build=key[2],
            devices=[],
            posted=today - timedelta(days=40),
            expires=today + timedelta(days=90),
        )
    for platform, version, build, days in _NEW:
        posted = today - timedelta(days=days)
        made[platform, version, build] = Release(
            platform=platform, version=version, build=build, devices=[], posted=posted
        )
    for platform, version, build in _IMPROVEMENTS:
        made[platform, version, f"{build}a"] = Release(
            platform=platform,
            version=version,
            build=f"{build}a",
            devices=[],
            posted=today - timedelta(days=10),
            extra="(a)",
            prerequisite=build,
        )
    for release in made.values():
        release.devices = _hardware(release)
    return list(made.values())


def _hardware(release: Release) -> list[str]:
    """Product names and update ids of the models that this release runs on."""
    major = int(release.version.partition(".")[0])
    found = []
    for model in MODELS.values():
        shipped = model.version[0]
        newest = _OLD_MACS.get(model.identifier, 99)
        if model.platform == release.platform and shipped <= major <= newest:
            found += [model.software_update_id, *([] if model.is_mac else [model.identifier])]
    return found


class PlayedSoftwareLookup(PlayedService):
    """The service with its shelf of releases."""

    def __init__(self, folder: Path, *, today: date | None = None, tls: bool = True) -> None:
        self.material = Material(folder).prepare()
        super().__init__(_Handler, tls=self.material if tls else None)
        self.shelf = Shelf(releases(today or datetime.now(UTC).date()))

    @property
    def roots(self) -> str:
        """PEM of what its certificate hangs below."""
        return self.material.path("apns-ca.pem").read_text()

    def post(self, platform: str, version: str, build: str, **more: Any) -> Release:
        """Release something today, for all hardware of the platform that can take it."""
        values = {"posted": datetime.now(UTC).date(), **more}
        made = Release(platform=platform, version=version, build=build, **{"devices": [], **values})
        made.devices = made.devices or _hardware(made)
        with self.shelf.lock:
            self.shelf.releases.append(made)
        return made

    def withdraw(self, version: str) -> None:
        """Take every release of this version back."""
        with self.shelf.lock:
            self.shelf.releases = [one for one in self.shelf.releases if one.version != version]

    def fail(self, **faults: Any) -> None:
        """Let something go wrong; without arguments: nothing any more."""
        self.shelf.faults.apply(faults)


class _Handler(PlayedHandler):
    the_service: PlayedSoftwareLookup

    def do_GET(self) -> None:
        shelf = self.the_service.shelf
        if self.path == PATH:
            with shelf.lock:
                shelf.asked += 1
                wrong, document = shelf.take_fault(), shelf.document()
            self._list(wrong or Faults(), document)
        elif self.path == "/faults":
            self.send_json(200, asdict(shelf.faults))
        elif self.path == "/stats":
            self.send_json(200, {"asked": shelf.asked, "releases": len(shelf.releases)})
        else:
            self.send_json(404, {"error": "there is nothing here"})

    def do_POST(self) -> None:
        body = self.read_body()
        try:
            if body is None:
                raise BadFaults("the body is too long")
            self._control(json.loads(body))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            self.send_json(400, {"error": str(error)})

    def _control(self, asked: Any) -> None:
        shelf = self.the_service.shelf
        with shelf.lock:
            if self.path == "/faults":
                shelf.faults.apply(asked)
            elif self.path == "/releases":
                made = [Release.read(one) for one in asked["releases"]]
                for one in made:
                    one.devices = one.devices or _hardware(one)
                shelf.releases += made
            elif self.path == "/withdraw":
                version = asked["version"]
                shelf.releases = [one for one in shelf.releases if one.version != version]
            else:
                raise BadFaults(f"no POST {self.path} here")
        self.send_json(200, {"releases": len(shelf.releases)})

    def _list(self, wrong: Faults, document: dict[str, Any]) -> None:
        time.sleep(wrong.latency)
        if wrong.drop:
            self.close_connection = True
            return
        if wrong.redirect:
            self.send(302, b"", {"Location": wrong.redirect})
            return
        if wrong.status:
            self.send_json(wrong.status, {"error": "played"})
            return
        body = json.dumps(document).encode()
        bodies = {
            "garbage": b"\x00\xff not JSON",
            "truncated": body[: len(body) // 2],
            "empty": b'{"PublicAssetSets": {}, "AssetSets": {}}',
            "page": b"<html><body>Sign in to the network</body></html>",
            "without_macos": json.dumps(_without(document, "macOS")).encode(),
        }
        self.send(200, bodies.get(wrong.answer, body), {"Content-Type": "application/json"})


def _without(document: Mapping[str, Any], platform: str) -> dict[str, Any]:
    return {
        name: {key: value for key, value in platforms.items() if key != platform}
        for name, platforms in document.items()
    }


def main(argv: Sequence[str]) -> int:
    """Play until SIGINT, SIGTERM or SIGHUP; 2 says that the arguments or ports are no good."""
    parser = argparse.ArgumentParser(
        prog="zmdm_simulator lookup", description="Play Apple's software lookup service."
    )
    parser.add_argument("--dir", type=Path, required=True, help="folder of keys and certificates")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="port; 0 is any free one")
    parser.add_argument("--http", action="store_true", help="without TLS")
    options = parser.parse_args(argv)
    stopped = on_signals()
    try:
        played = PlayedSoftwareLookup(options.dir, tls=not options.http)
        played.start(host=options.host, port=options.port)
    except OSError as error:
        print(f"lookup: {error}", file=sys.stderr)
        return 2
    print(f"lookup: {played.url}{PATH}", flush=True)
    until(stopped)
    played.stop()
    return 0
