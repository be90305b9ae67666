"""Apps by command: ordered when they can be had, asked about until they are there, taken away."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.apple_schema import validate_command
from tests.orders import later, quiet
from tests.road import Road
from tests.software import EDITOR, Counter, pkg
from zmdm_plugin import clock
from zmdm_plugin.models import ChannelArtifact, Licence
from zmdm_plugin.services import release
from zmdm_simulator import apps as on_device
from zmdm_simulator import packages as built
from zmdm_simulator.device import SimulatedDevice
from zmdm_simulator.packages import App
from zmdm_simulator.script import Script

OLD_MAC = ("15.6", "24G84")
NOTES = 361285480
VPN = "0F0C3C6E-59C5-4CF0-A3F6-4B7C5E2B1C3D"


@pytest.fixture
def mac(road: Road, counter: Counter) -> SimulatedDevice:
    return counter.assign(quiet(road, road.enrolled(system=OLD_MAC)))


def wait(counter: Counter, device: SimulatedDevice, seconds: float = 70) -> None:
    """Time passes, for the app, too."""
    later(counter.road, device, seconds)
    with counter.road.rows() as session:
        for row in session.scalars(sa.select(ChannelArtifact)):
            for name in ("tried_at", "check_at", "next_try_at", "installed_at"):
                if moment := getattr(row, name):
                    setattr(row, name, moment - timedelta(seconds=seconds))
    counter.due(device)


def given(device: SimulatedDevice, counter: Counter) -> list[str]:
    """Commands of one conversation but for those that tell of declarations."""
    counter.due(device)
    return [name for name in device.connect().request_types if name != "DeclarativeManagement"]


def test_a_package_is_ordered_downloaded_in_parts_and_found_by_its_bundle(
    counter: Counter, mac: SimulatedDevice
) -> None:
    editor = counter.enterprise("Editor", counter.package(pkg(padding_bytes=30_000)))
    assert given(mac, counter) == ["InstallEnterpriseApplication"]
    assert mac.apps[EDITOR.identifier].version == "4.2.1"
    assert counter.state(mac, editor).status == "installing"
    wait(counter, mac)
    assert given(mac, counter) == ["InstalledApplicationList"]
    state = counter.state(mac, editor)
    assert (state.status, state.via, state.install_count) == ("installed", "command", 1)
    assert given(mac, counter) == []


def test_a_package_comes_with_configuration_values_and_management(
    counter: Counter, mac: SimulatedDevice
) -> None:
    options = {
        "configuration": {"Serial": "$ENROLLED_DEVICE.SERIAL_NUMBER"},
        "install_as_managed": True,
        "remove_on_unenroll": True,
        "take_over": True,
    }
    counter.enterprise("Editor", counter.package(pkg()), **options)
    talk = mac.connect()
    command = next(one for one in talk if one.request_type == "InstallEnterpriseApplication")
    wire = command.command
    assert validate_command(command.request_type, wire, platform="macOS") == []
    assert command.command["ManagementFlags"] == 1
    assert command.command["InstallAsManaged"] is True
    assert command.command["ChangeManagementState"] == "Managed"
    assert mac.apps[EDITOR.identifier].configuration == {"Serial": mac.facts.serial}


def test_a_package_that_was_not_installed_is_ordered_again_after_a_day(
    counter: Counter, mac: SimulatedDevice
) -> None:
    editor = counter.enterprise("Editor", counter.package(pkg()))
    mac.connect()
    del mac.apps[EDITOR.identifier]  # the installer failed, and a Mac does not say so
    for _ in range(7):
        wait(counter, mac, 3600)
        given(mac, counter)
    assert counter.state(mac, editor).status == "installing"
    wait(counter, mac, 86400)
    assert "InstallEnterpriseApplication" in given(mac, counter)


def test_a_newer_package_replaces_the_older_one(counter: Counter, mac: SimulatedDevice) -> None:
    editor = counter.enterprise("Editor", counter.package(pkg()))
    mac.connect()
    wait(counter, mac)
    mac.connect()
    newer = pkg(App(EDITOR.identifier, EDITOR.name, "5.0"))
    version = counter.version(editor, b'{"package": %d}' % counter.package(newer))
    assert given(mac, counter) == ["InstallEnterpriseApplication"]
    wait(counter, mac)
    assert given(mac, counter) == ["InstalledApplicationList"]
    assert counter.state(mac, editor).installed_version_id == version


def test_a_managed_package_is_removed_when_it_leaves_scope(
    counter: Counter, mac: SimulatedDevice
) -> None:
    package = counter.package(pkg())
    editor = counter.enterprise("Editor", package, install_as_managed=True)
    mac.connect()
    wait(counter, mac)
    mac.connect()
    counter.unlink(editor)
    assert given(mac, counter) == ["RemoveApplication"]
    assert EDITOR.identifier not in mac.apps
    assert counter.found(mac, editor) is None


def test_what_is_not_managed_stays_when_it_leaves_scope(
    counter: Counter, mac: SimulatedDevice
) -> None:
    editor = counter.enterprise("Editor", counter.package(pkg()))
    mac.connect()
    wait(counter, mac)
    mac.connect()
    counter.unlink(editor)
    assert given(mac, counter) == []
    assert EDITOR.identifier in mac.apps
    assert counter.found(mac, editor) is None
    assert "artifact.left" in counter.road.events(mac)


def test_an_application_of_ones_own_goes_to_a_phone_by_its_manifest(
    counter: Counter, phone: SimulatedDevice
) -> None:
    app = App("org.example.notes", "Notes", "2.0")
    package = counter.package(built.ipa(app), "notes.ipa")
    notes = counter.enterprise("Notes", package, platforms=("iOS", "iPadOS"))
    assert given(phone, counter) == ["InstallApplication"]
    wait(counter, phone)
    assert given(phone, counter) == ["ManagedApplicationList"]
    assert counter.state(phone, notes).status == "installed"
    assert phone.apps["org.example.notes"].version == "2.0"


def test_a_store_app_waits_for_its_licence_and_says_so(
    counter: Counter, phone: SimulatedDevice
) -> None:
    notes = counter.store_app("Notes", NOTES)
    assert given(phone, counter) == []
    (reason,) = counter.state(phone, notes).reasons or [{}]
    assert reason["code"] == "Licence"
    assert "licence" in reason["description"]
    with counter.road.rows() as session:  # to note who needs one is left to a job
        assert session.scalars(sa.select(Licence.serial_number)).all() == []


def test_a_store_app_is_installed_once_its_licence_is_there(
    counter: Counter, phone: SimulatedDevice
) -> None:
    phone.app_steps = 1
    notes = counter.store_app("Notes", NOTES)
    counter.grant(phone, notes)
    assert given(phone, counter) == ["InstallApplication"]
    assert counter.state(phone, notes).status == "installing"
    wait(counter, phone)
    assert given(phone, counter) == ["ManagedApplicationList"]
    assert counter.state(phone, notes).status == "installing"
    wait(counter, phone, 200)
    assert given(phone, counter) == ["ManagedApplicationList"]
    assert counter.state(phone, notes).status == "installed"


def test_a_store_app_carries_every_attribute(counter: Counter, phone: SimulatedDevice) -> None:
    uuid = VPN
    options: dict[str, Any] = {
        "associated_domains": ["example.com"],
        "associated_domains_enable_direct_downloads": True,
        "removable": False,
        "prevent_backup": True,
        "take_over": True,
        "vpn_uuid": uuid,
        "content_filter_uuid": uuid,
        "dns_proxy_uuid": uuid,
        "configuration": {"Serial": "$ENROLLED_DEVICE.SERIAL_NUMBER"},
    }
    notes = counter.store_app("Notes", NOTES, **options)
    counter.grant(phone, notes)
    (command,) = [one.command for one in phone.connect() if "iTunesStoreID" in one.command]
    assert validate_command("InstallApplication", command, platform="iOS") == []
    assert command == {
        **{"RequestType": "InstallApplication", "iTunesStoreID": NOTES},
        "Options": {"PurchaseMethod": 1},
        "Configuration": {"Serial": phone.facts.serial},
        "ManagementFlags": 5,
        "ChangeManagementState": "Managed",
        "Attributes": {
            **dict.fromkeys(("VPNUUID", "ContentFilterUUID", "DNSProxyUUID"), uuid),
            "AssociatedDomains": ["example.com"],
            "AssociatedDomainsEnableDirectDownloads": True,
            "Removable": False,
        },
    }


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"do": "reject_app", "reason": "AppStoreDisabled"}, "The App Store is turned off"),
        ({"do": "user_rejects"}, "The user refused to install the app"),
    ],
)
def test_a_refused_app_fails_with_the_reason_and_is_tried_again_later(
    counter: Counter, phone: SimulatedDevice, rule: dict[str, Any], words: str
) -> None:
    phone.script = Script.load({"rules": [{**rule, "command": str(NOTES), "times": 2}]})
    notes = counter.store_app("Notes", NOTES)
    counter.grant(phone, notes)
    phone.connect()
    state = counter.state(phone, notes)
    assert state.status == "failed"
    assert (state.reasons or [{}])[0]["description"].startswith(words)
    assert "InstallApplication" not in given(phone, counter)
    phone.script = Script()
    wait(counter, phone, 1000)
    assert given(phone, counter) == ["InstallApplication"]


def test_an_app_that_its_user_removed_is_installed_again(
    counter: Counter, phone: SimulatedDevice
) -> None:
    notes = counter.store_app("Notes", NOTES)
    counter.grant(phone, notes)
    phone.connect()
    wait(counter, phone)
    phone.connect()
    (app,) = phone.apps.values()
    app.state = on_device.UNINSTALLED
    wait(counter, phone, 90_000)
    assert given(phone, counter)[-2:] == ["ManagedApplicationList", "InstallApplication"]


def test_an_app_that_leaves_scope_is_removed(counter: Counter, phone: SimulatedDevice) -> None:
    notes = counter.store_app("Notes", NOTES)
    counter.grant(phone, notes)
    phone.connect()
    wait(counter, phone)
    phone.connect()
    counter.unlink(notes)
    assert given(phone, counter) == ["RemoveApplication"]
    assert phone.apps == {}


def test_an_app_that_is_still_on_its_way_is_removed_too(
    counter: Counter, phone: SimulatedDevice
) -> None:
    phone.app_steps = 9
    notes = counter.store_app("Notes", NOTES)
    counter.grant(phone, notes)
    phone.connect()
    counter.unlink(notes)
    assert given(phone, counter) == ["RemoveApplication"]
    assert counter.found(phone, notes) is None


def link(mac: SimulatedDevice) -> str:
    """Where the package of the command is that a Mac is given now."""
    talk = mac.connect()
    (command,) = [one.command for one in talk if "Manifest" in one.command]
    return str(command["Manifest"]["items"][0]["assets"][0]["url"])


def test_a_link_to_a_package_holds_for_its_time_and_for_its_channel(
    counter: Counter, mac: SimulatedDevice
) -> None:
    other = counter.assign(quiet(counter.road, counter.road.enrolled(system=OLD_MAC, seed=9)))
    counter.enterprise("Editor", counter.package(pkg()))
    url, foreign = link(mac), link(other)
    assert mac.http.get(url).status_code == 200
    *base, channel, _version, moment, _name = url.split("/")
    for one in (
        url.replace(f"/{moment}/", f"/{int(moment) + 1}/"),
        url.replace(f"/{moment}/", "/0/"),
        url.replace(channel, foreign.split("/")[len(base)]),
    ):
        assert mac.http.get(one).status_code == 404
    with clock.shifted(timedelta(seconds=int(moment)) - timedelta(seconds=time.time() - 60)):
        assert mac.http.get(url).status_code == 404


def test_a_package_is_served_in_the_ranges_that_are_asked_for(
    counter: Counter, mac: SimulatedDevice
) -> None:
    content = pkg()
    counter.enterprise("Editor", counter.package(content))
    url, size = link(mac), len(content)
    whole = mac.http.get(url)
    assert (whole.status_code, whole.content) == (200, content)
    for asked, answered in {
        "bytes=5-9": (206, content[5:10], f"bytes 5-9/{size}"),
        "bytes=-7": (206, content[-7:], f"bytes {size - 7}-{size - 1}/{size}"),
        f"bytes=9-{size * 2}": (206, content[9:], f"bytes 9-{size - 1}/{size}"),
        f"bytes={size}-": (416, b"Range Not Satisfiable\n", f"bytes */{size}"),
        "bytes=9-5": (200, content, None),
        "bytes=0-1,5-6": (200, content, None),
    }.items():
        found = mac.http.get(url, headers={"Range": asked})
        assert (found.status_code, found.content, found.headers.get("content-range")) == answered
    late = mac.http.get(url, headers={"Range": "bytes=5-9", "If-Range": '"another"'})
    assert late.status_code == 200


def test_a_blocked_device_downloads_no_package(counter: Counter, mac: SimulatedDevice) -> None:
    counter.enterprise("Editor", counter.package(pkg()))
    url = link(mac)
    assert mac.http.get(url).status_code == 200
    with counter.road.rows():
        release.block(counter.road.row(mac))
    assert mac.http.get(url).status_code == 404
