"""Applications of one's own on Apple TV and Vision Pro, as far as Apple's schema has it."""

from __future__ import annotations

import pytest

from tests.apple_schema import validate_command
from tests.orders import quiet
from tests.road import Road
from tests.services.test_apps_by_command import given, wait
from tests.services.test_apps_by_declaration import settle
from tests.software import Counter
from zmdm_plugin.errors import Refused
from zmdm_simulator import packages as built
from zmdm_simulator.packages import App

SIGNAGE = App("org.example.signage", "Signage", "1.4")
TV, VISION = "AppleTV14,1", "RealityDevice14,1"


@pytest.mark.needs("apple_schema")
@pytest.mark.parametrize(
    ("model", "family", "platform"), [(TV, 3, "tvOS"), (VISION, 7, "visionOS")]
)
def test_an_application_of_ones_own_is_installed_by_its_manifest(
    road: Road, model: str, family: int, platform: str
) -> None:
    counter = Counter(road)
    device = counter.assign(quiet(road, road.enrolled(model, seed=2)))
    package = counter.package(built.ipa(SIGNAGE, families=(family,)), "signage.ipa")
    signage = counter.enterprise("Signage", package, platforms=(platform,), remove_on_unenroll=True)
    counter.due(device)
    (command,) = [one.command for one in device.connect() if "ManifestURL" in one.command]
    assert validate_command("InstallApplication", command, platform=platform) == []
    assert command["ManifestURL"].startswith("http")
    wait(counter, device)
    assert given(device, counter) == ["ManagedApplicationList"]
    assert counter.state(device, signage).status == "installed"
    assert device.apps[SIGNAGE.identifier].version == "1.4"


@pytest.mark.parametrize(("model", "family", "platform", "via"), [
    (TV, 3, "tvOS", "command"),
    (VISION, 7, "visionOS", "declaration"),
])  # fmt: skip
def test_by_declaration_where_the_platform_knows_it(
    road: Road, model: str, family: int, platform: str, via: str
) -> None:
    counter = Counter(road, apps_via_ddm=True)
    device = counter.assign(quiet(road, road.enrolled(model, seed=2, allow_http=True)))
    package = counter.package(built.ipa(SIGNAGE, families=(family,)), "signage.ipa")
    counter.enterprise("Signage", package, platforms=(platform,))
    settle(counter, device)
    assert device.apps[SIGNAGE.identifier].via == via


def test_an_application_for_phones_is_refused_for_a_television_in_words(road: Road) -> None:
    counter = Counter(road)
    package = counter.package(built.ipa(SIGNAGE), "signage.ipa")
    with pytest.raises(Refused, match="take tvOS from the platforms") as refused:
        counter.enterprise("Signage", package, platforms=("iOS", "tvOS"))
    assert refused.value.field == "platforms"
