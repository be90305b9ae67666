"""The applications that device management puts on a device: downloaded, checked, there, gone.

device.apps["org.example.editor"].state      # as ManagedApplicationList spells it
device.app_steps = 3                         # how often it says Installing before it is there
device.store.licensed = lambda serial, number: False
"""

from __future__ import annotations

import hashlib
import plistlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any
from xml.parsers.expat import ExpatError

from zmdm_simulator.errors import SimulatorError
from zmdm_simulator.packages import App, NotInstallable, apps_in

if TYPE_CHECKING:
    from zmdm_simulator.channel import Channel
    from zmdm_simulator.core import DeviceCore

COMMAND, DECLARATION, USER = "command", "declaration", "user"
QUEUED, INSTALLING, MANAGED = "Queued", "Installing", "Managed"
UNINSTALLED, USER_INSTALLED = "ManagedButUninstalled", "UserInstalledApp"
TRANSIENT = frozenset({"UserRejected", "UpdateRejected", "ManagementRejected", "Failed"})


class DownloadFailed(SimulatorError):
    """A manifest or a package did not arrive as it was promised."""


@dataclass(slots=True)
class Installed:
    """One application as the device keeps it."""

    identifier: str
    name: str
    version: str
    size: int = 1000
    via: str = USER
    state: str = MANAGED
    managed: bool = True
    flags: int = 0
    steps: int = 0  # looks until it is there
    declaration: str | None = None
    store_number: int | None = None
    package: bool = False
    configuration: dict[str, Any] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)
    reason: str = ""

    @property
    def present(self) -> bool:
        """Whether a person finds it on the device."""
        return self.state in {MANAGED, USER_INSTALLED} or not self.managed

    def look(self) -> str:
        """What the device says now; the next time it may have come further."""
        said = self.state
        if self.state in {QUEUED, INSTALLING}:
            self.steps -= 1
            self.state = MANAGED if self.steps < 0 else INSTALLING
            said = self.state
        return said


@dataclass(slots=True)
class AppStore:
    """What is in the App Store, and who has a licence: shared by devices, or each its own."""

    apps: dict[int, App] = field(default_factory=dict)
    licensed: Callable[[str, int], bool] = lambda _serial, _number: True

    def find(self, number: int) -> App:
        """The app of this number; one that nobody has put there is made up."""
        found = self.apps.get(number)
        return found or App(f"com.example.store.app{number}", f"App {number}", "1.0")


def to_json(apps: Mapping[str, Installed]) -> list[dict[str, Any]]:
    """Everything, for a file."""
    return [asdict(app) for app in apps.values()]


def from_json(data: list[dict[str, Any]] | None) -> dict[str, Installed]:
    """What `to_json` wrote."""
    return {item["identifier"]: Installed(**item) for item in data or ()}


def fetch_manifest(device: DeviceCore, url: str) -> Mapping[str, Any]:
    """A manifest by its address."""
    response = device.wire.get(url, proven=False)
    if response.status_code != 200:
        raise DownloadFailed(f"the manifest was answered {response.status_code}")
    try:
        manifest = plistlib.loads(response.content)
    except (ValueError, ExpatError, plistlib.InvalidFileException) as error:
        raise DownloadFailed(f"the manifest cannot be read: {error}") from error
    if not isinstance(manifest, dict):
        raise DownloadFailed("the manifest is no dictionary")
    return manifest


def fetch_package(device: DeviceCore, manifest: Mapping[str, Any]) -> list[App]:
    """Download what a manifest names in two ranges, check every hash, and open it."""
    try:
        (item,) = manifest["items"]
        asset = next(one for one in item["assets"] if one["kind"] == "software-package")
        url, size, hashes = asset["url"], asset["sha256-size"], asset["sha256s"]
        metadata = item["metadata"]
        if metadata["kind"] != "software" or not metadata["title"]:
            raise DownloadFailed("the manifest describes no software")
    except (LookupError, TypeError, ValueError, StopIteration) as error:
        raise DownloadFailed(f"the manifest lacks {error}") from error
    data = _download(device, url)
    found = [
        hashlib.sha256(data[start : start + size]).hexdigest()
        for start in range(0, len(data), size)
    ]
    if found != hashes:
        raise DownloadFailed("a part of the package has another hash than the manifest says")
    try:
        return apps_in(data)
    except NotInstallable as error:
        raise DownloadFailed(str(error)) from error


def _download(device: DeviceCore, url: str) -> bytes:
    first = device.wire.get(url, proven=False, headers={"Range": "bytes=0-99"})
    if first.status_code == 200:
        return first.content
    if first.status_code != 206:
        raise DownloadFailed(f"the package was answered {first.status_code}")
    rest = device.wire.get(url, proven=False, headers={"Range": "bytes=100-"})
    if rest.status_code == 416:
        return first.content
    if rest.status_code != 206:
        raise DownloadFailed(f"the rest of the package was answered {rest.status_code}")
    return first.content + rest.content


def sweep(device: DeviceCore, channel: Channel, wanted: set[str]) -> None:
    """Remove the apps whose declaration is no longer in effect; packages stay where they are."""
    if channel.user is not None:
        return
    for name, app in list(device.apps.items()):
        if app.via == DECLARATION and app.declaration not in wanted:
            if app.package:
                app.via, app.declaration, app.managed = USER, None, False
            else:
                del device.apps[name]


def left(device: DeviceCore) -> None:
    """The enrollment is gone: so are the apps that it was to take along."""
    for name, app in list(device.apps.items()):
        if (app.via == DECLARATION and not app.package) or (app.managed and app.flags & 1):
            del device.apps[name]
        else:
            app.via, app.managed, app.declaration = USER, False, None
