"""Apps by declaration where the device knows it, with states of their own; else by command."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from tests.apple_schema import validate_declaration
from tests.orders import quiet
from tests.road import Road
from tests.services.test_apps_by_command import given, wait
from tests.software import EDITOR, Counter, pkg
from zmdm_plugin.models import InstalledApplication
from zmdm_simulator import packages as built
from zmdm_simulator.device import SimulatedDevice
from zmdm_simulator.packages import App
from zmdm_simulator.script import Script

NOTES = 361285480


@pytest.fixture
def counter(road: Road) -> Counter:
    return Counter(road, apps_via_ddm=True)


def enrolled(counter: Counter, model: str) -> SimulatedDevice:
    road = counter.road
    return counter.assign(quiet(road, road.enrolled(model, seed=2, allow_http=True)))


def settle(counter: Counter, device: SimulatedDevice) -> None:
    """Told, fetched, reported; then once more, for what it can report is known by then."""
    for _ in range(2):
        counter.due(device)
        device.connect()
    device.progress()


@pytest.mark.needs("apple_schema")
def test_a_store_app_is_declared_with_its_licence_and_installed_in_steps(
    counter: Counter,
) -> None:
    phone = enrolled(counter, "iPhone15,2")
    phone.app_steps = 2
    notes = counter.store_app("Notes", NOTES, associated_domains=["example.com"])
    counter.grant(phone, notes)
    settle(counter, phone)
    declared = phone.declarations[counter.identifier(notes)]
    assert validate_declaration(declared.type, declared.payload) == []
    assert counter.state(phone, notes).status == "installing"
    phone.progress()
    phone.progress()
    state = counter.state(phone, notes)
    assert (state.status, state.via) == ("installed", "declaration")
    assert [app.state for app in phone.apps.values()] == ["Managed"]


def test_an_app_is_not_declared_before_its_licence_is_there(counter: Counter) -> None:
    phone = enrolled(counter, "iPhone15,2")
    notes = counter.store_app("Notes", NOTES)
    settle(counter, phone)
    assert counter.identifier(notes) not in phone.declarations
    (reason,) = counter.state(phone, notes).reasons or [{}]
    assert reason["code"] == "Licence"


def test_a_package_is_declared_to_a_mac_and_its_manifest_leads_to_the_file(
    counter: Counter,
) -> None:
    mac = enrolled(counter, "MacBookPro18,3")
    editor = counter.enterprise("Editor", counter.package(pkg(padding_bytes=5000)))
    settle(counter, mac)
    assert mac.apps[EDITOR.identifier].declaration == counter.identifier(editor)
    assert counter.state(mac, editor).status == "installed"
    assert "InstallEnterpriseApplication" not in given(mac, counter)


def test_an_application_of_ones_own_is_declared_by_its_manifest(counter: Counter) -> None:
    phone = enrolled(counter, "iPhone15,2")
    package = counter.package(built.ipa(App("org.example.notes", "Notes", "1.0")), "notes.ipa")
    notes = counter.enterprise("Notes", package, platforms=("iOS", "iPadOS"))
    settle(counter, phone)
    phone.progress()
    assert counter.state(phone, notes).status == "installed"


def test_a_user_who_refuses_is_told_in_words(counter: Counter) -> None:
    phone = enrolled(counter, "iPhone15,2")
    rules = {"rules": [{"do": "user_rejects", "command": f"com.example.store.app{NOTES}"}]}
    phone.script = Script.load(rules)
    notes = counter.store_app("Notes", NOTES)
    counter.grant(phone, notes)
    settle(counter, phone)
    state = counter.state(phone, notes)
    assert state.status == "failed"
    assert "The user refused." in [one["description"] for one in state.reasons or ()]


def test_what_a_declaration_cannot_say_goes_by_command(counter: Counter) -> None:
    phone = enrolled(counter, "iPhone15,2")
    notes = counter.store_app("Notes", NOTES, configuration={"Server": "example.com"})
    counter.grant(phone, notes)
    assert given(phone, counter) == ["InstallApplication"]


def test_where_the_os_knows_no_such_declaration_it_goes_by_command(counter: Counter) -> None:
    tv = enrolled(counter, "AppleTV14,1")
    signage = counter.store_app("Signage", NOTES, platforms=("tvOS",))
    counter.grant(tv, signage)
    assert given(tv, counter) == ["InstallApplication"]


def test_a_declaration_takes_over_what_a_command_had_brought(counter: Counter) -> None:
    counter.change(apps_via_ddm=False)
    phone = enrolled(counter, "iPhone15,2")
    notes = counter.store_app("Notes", NOTES)
    counter.grant(phone, notes)
    phone.connect()
    wait(counter, phone)
    phone.connect()
    assert counter.state(phone, notes).via == "command"
    counter.change(apps_via_ddm=True)
    settle(counter, phone)
    state = counter.state(phone, notes)
    assert (state.status, state.via) == ("installed", "declaration")
    assert [app.via for app in phone.apps.values()] == ["declaration"]


def test_without_its_link_a_declared_app_goes(counter: Counter) -> None:
    phone = enrolled(counter, "iPhone15,2")
    notes = counter.store_app("Notes", NOTES)
    counter.grant(phone, notes)
    settle(counter, phone)
    counter.unlink(notes)
    settle(counter, phone)
    assert phone.apps == {}
    assert counter.found(phone, notes) is None


def test_status_reports_fill_the_inventory(counter: Counter) -> None:
    phone = enrolled(counter, "iPhone15,2")
    notes = counter.store_app("Notes", NOTES)
    counter.grant(phone, notes)
    settle(counter, phone)
    phone.progress()
    with counter.road.rows() as session:
        (row,) = session.scalars(sa.select(InstalledApplication))
        assert (row.identifier, row.managed, row.source, row.version) == (
            f"com.example.store.app{NOTES}",
            "managed",
            "status",
            "1.0",
        )
