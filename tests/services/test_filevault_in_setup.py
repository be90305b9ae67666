"""FileVault in Setup Assistant: a Mac that enrolls automatically is encrypted when it is let go."""

from __future__ import annotations

from typing import Any

from tests.ade import Ade
from tests.people import ADA, PASSWORD, lay_realm
from tests.protecting import Protected, lay_protection
from zmdm_plugin.services import vault
from zmdm_plugin.services.protection import configs, health
from zmdm_simulator.device import SimulatedDevice
from zmdm_simulator.web_view import Person

FORCED = "ForceEnableInSetupAssistant"


def unpacked(
    ade: Ade, protected: Protected, person: Person | None = None, **asked: Any
) -> SimulatedDevice:
    """A Mac out of its box, its disk open, that waits in Setup Assistant."""
    asked |= {"await_device_configured": True, "blueprint_id": protected.blueprint}
    mac = ade.boxed(enrollment_id=ade.enrollment(**asked))
    mac.secrets.filevault, mac.secrets.recovery_key = False, None
    mac.set_up(ade.assigned(mac), person)
    assert mac.awaiting
    return mac


def settings(mac: SimulatedDevice) -> dict[str, Any]:
    """What the profile on the Mac says of FileVault."""
    (found,) = mac.installed_profiles["zmdm.filevault"].of_type("com.apple.MCX.FileVault2")
    return dict(found)


def test_a_mac_leaves_setup_assistant_encrypted_and_its_key_is_kept(ade: Ade) -> None:
    protected = lay_protection(ade.road)
    mac = unpacked(ade, protected)
    types = mac.connect().request_types
    assert types.index("InstallProfile") < types.index("DeviceConfigured")
    assert settings(mac)[FORCED] is True and "DeferDontAskAtUserLogout" not in settings(mac)
    assert mac.secrets.filevault and mac.secrets.recovery_key
    with protected.later(minutes=11):
        protected.talk(mac)
    assert protected.confirmed(mac, vault.FILEVAULT_PRK) == mac.secrets.recovery_key


def test_it_is_left_to_the_login_where_the_configuration_says_so(ade: Ade) -> None:
    protected = lay_protection(ade.road)
    with ade.road.rows():
        row = configs.find(configs.FILEVAULT, 1)
        configs.change(configs.FILEVAULT, row, {"enforce_in_setup_assistant": False})
    mac = unpacked(ade, protected)
    mac.connect()
    assert FORCED not in settings(mac) and not mac.secrets.filevault


def test_a_standard_account_is_not_asked_and_the_page_says_why(ade: Ade) -> None:
    protected = lay_protection(ade.road)
    mac = unpacked(
        ade,
        protected,
        Person(ADA["username"], PASSWORD),
        realm_id=lay_realm(ade.road),
        use_realm_user=True,
        username_pattern="$REALM_USER.DEVICE_USERNAME",
        admin_full_name="Support",
        admin_short_name="support",
    )
    mac.connect()
    assert settings(mac)[FORCED] is True and not mac.secrets.filevault
    with ade.road.rows():
        said = " ".join(health.warnings(ade.road.row(mac)))
        assert health.standard_users(configs.find(configs.FILEVAULT, 1)) == ["Staff"]
    assert "a standard account" in said and "bootstrap token was not escrowed" in said
    mac.settle()
    with ade.road.rows():
        assert "bootstrap token" not in " ".join(health.warnings(ade.road.row(mac)))
