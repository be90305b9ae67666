"""Apps by declaration where the device knows it, with states of their own; else by command."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from tests.apple_schema import validate_declaration
from tests.orders import quiet
from tests.road import Road
from tests.services.test_apps_by_command import VPN, given, wait
from tests.software import EDITOR, Counter, pkg
from zmdm_plugin.models import InstalledApplication
from zmdm_plugin.services.artifacts import artifacts
from zmdm_plugin.services.artifacts.explain import explain
from zmdm_plugin.services.declarations import seen
from zmdm_simulator import packages as built
from zmdm_simulator.device import SimulatedDevice
from zmdm_simulator.packages import App
from zmdm_simulator.script import Script

NOTES = 361285480
CONFIGURATION = {"Serial": "$ENROLLED_DEVICE.SERIAL_NUMBER", "Server": "example.com"}


@pytest.fixture
def counter(road: Road) -> Counter:
    return Counter(road, apps_via_ddm=True)


def enrolled(counter: Counter, model: str, **more: Any) -> SimulatedDevice:
    road = counter.road
    return counter.assign(quiet(road, road.enrolled(model, seed=2, allow_http=True, **more)))


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
    uuids = {name: VPN for name in ("vpn_uuid", "content_filter_uuid", "dns_proxy_uuid")}
    notes = counter.store_app("Notes", NOTES, associated_domains=["example.com"], **uuids)
    counter.grant(phone, notes)
    settle(counter, phone)
    declared = phone.declarations[counter.identifier(notes)]
    assert validate_declaration(declared.type, declared.payload) == []
    assert declared.payload["Attributes"] == {
        "AssociatedDomains": ["example.com"],
        **dict.fromkeys(("VPNUUID", "ContentFilterUUID", "DNSProxyUUID"), VPN),
    }
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


def test_an_application_of_ones_own_is_declared_by_its_manifest_with_its_configuration(
    counter: Counter,
) -> None:
    phone = enrolled(counter, "iPhone15,2")
    package = counter.package(built.ipa(App("org.example.notes", "Notes", "1.0")), "notes.ipa")
    options = {"platforms": ("iOS", "iPadOS"), "configuration": CONFIGURATION}
    notes = counter.enterprise("Notes", package, **options)
    settle(counter, phone)
    phone.progress()
    assert counter.state(phone, notes).status == "installed"
    assert phone.apps["org.example.notes"].configuration["Serial"] == phone.facts.serial


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


@pytest.mark.needs("apple_schema")
def test_a_configuration_is_an_asset_with_the_values_of_the_device(counter: Counter) -> None:
    phone = enrolled(counter, "iPhone15,2")
    notes = counter.store_app("Notes", NOTES, configuration=CONFIGURATION)
    counter.grant(phone, notes)
    settle(counter, phone)
    app = phone.declarations[counter.identifier(notes)]
    asset = phone.declarations[app.payload["LegacyAppConfigAssetReference"]]
    for one in (app, asset):
        assert validate_declaration(one.type, one.payload) == []
    (installed,) = phone.apps.values()
    assert installed.configuration == {"Serial": phone.facts.serial, "Server": "example.com"}
    assert counter.state(phone, notes).via == "declaration"
    with counter.road.rows():
        shown = seen.of_channel(counter.road.channel(phone))
        assert shown is not None
        (line,) = [one for one in shown.lines if one.identifier == asset.identifier]
    told = (line.title, line.type, line.version, line.fetched, line.valid)
    assert told == ("Configuration of Notes", asset.type, 1, True, "valid")


def test_a_configuration_is_fetched_again_when_a_variable_has_another_value(
    counter: Counter,
) -> None:
    phone = enrolled(counter, "iPhone15,2")
    notes = counter.store_app("Notes", NOTES, configuration={"For": "$MANAGED_APPLE_ID.EMAIL"})
    counter.grant(phone, notes)
    forms = set()
    for mail in ("one@example.com", "two@example.com"):
        with counter.road.rows():
            counter.road.row(phone).payload = {"assigned_managed_apple_id": mail}
        settle(counter, phone)
        (installed,) = phone.apps.values()
        assert installed.configuration == {"For": mail}
        asset = phone.declarations[f"{counter.identifier(notes)}.config"]
        forms.add((asset.token, asset.payload["Reference"]["Hash-SHA-256"]))
    assert len({token for token, _ in forms}) == len({digest for _, digest in forms}) == 2


def test_a_configuration_is_neither_logged_nor_shown_and_its_link_ends_with_the_app(
    counter: Counter, caplog: pytest.LogCaptureFixture
) -> None:
    phone = enrolled(counter, "iPhone15,2")
    with caplog.at_level("DEBUG"):
        notes = counter.store_app("Notes", NOTES, configuration={"Key": "very-secret"})
        counter.grant(phone, notes)
        settle(counter, phone)
    assert "very-secret" not in caplog.text
    link = phone.declarations[f"{counter.identifier(notes)}.config"].payload["Reference"]["DataURL"]
    assert b"very-secret" in phone.wire.get(link).content
    assert phone.wire.get(f"{link[:-1]}_").status_code == 404
    counter.unlink(notes)
    settle(counter, phone)
    assert phone.wire.get(link).status_code == 404


@pytest.mark.parametrize(
    ("options", "system", "why"),
    [
        ({"configuration": CONFIGURATION}, ("18.3", "22D60"), "needs iOS 18.4"),
        ({"remove_on_unenroll": False}, ("26.1", "23B85"), "how it is to be managed"),
    ],
)
def test_what_a_declaration_cannot_say_goes_by_command_and_says_why(
    counter: Counter, options: dict[str, Any], system: tuple[str, str], why: str
) -> None:
    phone = enrolled(counter, "iPhone15,2", system=system)
    notes = counter.store_app("Notes", NOTES, **options)
    counter.grant(phone, notes)
    with counter.road.rows():
        steps = explain(counter.road.row(phone), artifacts.find(notes)).steps
    assert [step.words for step in steps if step.rule == "way" and why in step.words]
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
