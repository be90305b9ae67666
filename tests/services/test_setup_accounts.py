"""The accounts that Setup Assistant makes on a Mac, and the administrator's password."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.ade import Ade
from tests.apple_schema import validate_command
from tests.people import ADA, PASSWORD, lay_realm
from zmdm_plugin.models import ChannelCommand, DeviceSecret, RealmUser
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import vault
from zmdm_plugin.services.protection import replacing
from zmdm_simulator.conversation import Conversation
from zmdm_simulator.device import SimulatedDevice
from zmdm_simulator.script import Do, Rule, Script
from zmdm_simulator.web_view import Person

SOMEBODY, NOBODY = Person(ADA["username"], PASSWORD), Person()
ADMINISTRATOR = {"admin_full_name": "Support", "admin_short_name": "support"}


def set_up(ade: Ade, person: Person | None = None, **asked: Any) -> SimulatedDevice:
    """A Mac that waits; `person` went through the sign-in of an optional realm."""
    if person is not None:
        asked |= {"realm_id": lay_realm(ade.road), "use_realm_user": True}
        asked.setdefault("username_pattern", "$REALM_USER.DEVICE_USERNAME")
    staff = ade.enrollment(await_device_configured=True, **asked)
    mac = ade.boxed(enrollment_id=staff)
    mac.set_up(ade.assigned(mac), person)
    return mac


def told(talk: Conversation) -> dict[str, Any]:
    """The first AccountConfiguration of a conversation."""
    found = next(one for one in talk if one.request_type == "AccountConfiguration")
    return dict(found.command)


def passwords(ade: Ade, mac: SimulatedDevice) -> list[tuple[str, str]]:
    """Every version of the administrator's password, with its state."""
    with ade.road.rows():
        kept = vault.versions(ade.road.row(mac).id, [vault.ADMIN_PASSWORD])
        return [(row.state, vault.text(row)) for row in kept]


def test_the_person_who_signed_in_gets_the_account(ade: Ade) -> None:
    mac = set_up(ade, SOMEBODY, realm_user_is_admin=True, lock_primary_account_info=True)
    talk = mac.connect()
    assert told(talk) == {
        "RequestType": "AccountConfiguration",
        "PrimaryAccountFullName": "Ada Lovelace",
        "PrimaryAccountUserName": "adalovelace",
        "LockPrimaryAccountInfo": True,
    }
    assert talk.request_types[0] == "AccountConfiguration"
    assert talk.request_types[-1] == "DeviceConfigured"


def test_the_name_may_come_from_the_address(ade: Ade) -> None:
    pattern = "$REALM_USER.EMAIL_PREFIX"
    mac = set_up(ade, SOMEBODY, realm_user_is_admin=True, username_pattern=pattern)
    assert told(mac.connect())["PrimaryAccountUserName"] == "ada"


def test_what_no_account_may_be_called_is_left_out_of_its_name(ade: Ade) -> None:
    mac = set_up(ade, SOMEBODY, realm_user_is_admin=True)
    with ade.road.rows() as session:
        ada = sa.update(RealmUser).where(RealmUser.username == ADA["username"])
        session.execute(ada.values(username="Adá O'Neil/ü@example.com"))
    assert told(mac.connect())["PrimaryAccountUserName"] == "AdONeil"


def test_a_person_who_is_no_administrator_gets_one_beside(ade: Ade) -> None:
    mac = set_up(ade, SOMEBODY, **ADMINISTRATOR)
    found = told(mac.connect())
    assert found["SetPrimarySetupAccountAsRegularUser"] is True
    assert found["AutoSetupAdminAccounts"][0]["shortName"] == "support"


def test_who_did_not_sign_in_types_a_name(ade: Ade) -> None:
    mac = set_up(ade, NOBODY, lock_primary_account_info=True, **ADMINISTRATOR)
    found = told(mac.connect())
    assert {"PrimaryAccountFullName", "LockPrimaryAccountInfo"}.isdisjoint(found)
    assert "AutoSetupAdminAccounts" in found


def test_no_primary_account_where_people_sign_in_at_the_login_window(ade: Ade) -> None:
    mac = set_up(ade, skip_primary_account=True, hidden_admin=True, **ADMINISTRATOR)
    found = told(mac.connect())
    assert found["SkipPrimarySetupAccountCreation"] is True
    assert found["ManagedLocalUserShortName"] == "support"
    assert found["AutoSetupAdminAccounts"][0]["hidden"] is True


def test_the_password_of_the_vault_opens_the_administrator(ade: Ade) -> None:
    mac = set_up(ade, **ADMINISTRATOR)
    mac.connect()
    ((state, password),) = passwords(ade, mac)
    assert state == "confirmed"
    assert len(password) == 27 and mac.secrets.administrator is not None
    assert mac.secrets.administrator.opens(password)
    assert not mac.secrets.administrator.opens(f"{password}x")


@pytest.mark.parametrize(("complexity", "length"), [(1, 13), (2, 20), (3, 27)])
def test_the_password_is_as_long_as_is_asked_for(ade: Ade, complexity: int, length: int) -> None:
    mac = set_up(ade, admin_password_complexity=complexity, **ADMINISTRATOR)
    mac.connect()
    assert len(passwords(ade, mac)[0][1]) == length


def test_each_mac_has_a_password_of_its_own(ade: Ade) -> None:
    staff = ade.enrollment(await_device_configured=True, **ADMINISTRATOR)
    macs = [ade.boxed(enrollment_id=staff, seed=seed) for seed in (1, 2)]
    for mac in macs:
        mac.set_up(ade.assigned(mac))
        mac.connect()
    assert passwords(ade, macs[0])[0] != passwords(ade, macs[1])[0]


def test_the_password_is_in_the_vault_before_the_mac_has_it(ade: Ade) -> None:
    mac = set_up(ade, **ADMINISTRATOR)
    mac.script = Script((Rule(Do.SILENT, command="AccountConfiguration", times=1),))
    assert mac.connect().silent
    assert [state for state, _ in passwords(ade, mac)] == ["pending"]


def test_a_lost_answer_changes_no_password(ade: Ade) -> None:
    mac = set_up(ade, **ADMINISTRATOR)
    mac.script = Script((Rule(Do.LOSE_REPLY, command="AccountConfiguration", times=1),))
    mac.connect()
    first = passwords(ade, mac)
    mac.connect()
    assert [text for _, text in passwords(ade, mac)] == [text for _, text in first]
    assert passwords(ade, mac)[0][0] == "confirmed"


def test_accounts_that_were_refused_hold_nobody_and_their_password_is_none(ade: Ade) -> None:
    mac = set_up(ade, **ADMINISTRATOR)
    mac.script = Script((Rule(Do.ERROR, command="AccountConfiguration"),))
    types = mac.connect().request_types
    assert types.count("AccountConfiguration") == 1 and not mac.awaiting
    assert [state for state, _ in passwords(ade, mac)] == ["refused"]
    assert "command.note" in ade.road.events(mac)


def test_the_password_is_nowhere_but_in_the_vault(ade: Ade) -> None:
    mac = set_up(ade, **ADMINISTRATOR)
    mac.connect()
    password = passwords(ade, mac)[0][1]
    with ade.road.rows() as session:
        rows = session.scalars(sa.select(ChannelCommand)).all()
        asked = next(row for row in rows if row.name == "AccountConfiguration")
        assert list(asked.args) == ["version"] and asked.secret_args is None
        everything = [session.execute(sa.text(f"SELECT * FROM {name}")).all() for name in _tables()]
    assert password not in json.dumps(everything, default=str)


def test_a_mac_without_such_an_enrollment_is_told_nothing(ade: Ade) -> None:
    mac = set_up(ade)
    assert "AccountConfiguration" not in mac.connect().request_types


def test_a_phone_is_told_nothing(ade: Ade) -> None:
    staff = ade.enrollment(await_device_configured=True, **ADMINISTRATOR)
    phone = ade.boxed("iPhone15,2", staff)
    phone.set_up(ade.assigned(phone))
    assert "AccountConfiguration" not in phone.connect().request_types


@pytest.mark.needs("apple_schema")
def test_all_of_it_is_as_apple_writes_it(ade: Ade) -> None:
    mac = set_up(ade, SOMEBODY, lock_primary_account_info=True, hidden_admin=True, **ADMINISTRATOR)
    for one in mac.connect():
        if one.request_type in ("AccountConfiguration", "DeviceConfigured"):
            assert validate_command(one.request_type, dict(one.command), platform="macOS") == []


def _tables() -> list[str]:
    return [table.name for table in DeviceSecret.metadata.sorted_tables]


def test_a_password_that_was_seen_is_replaced_when_the_enrollment_says(ade: Ade) -> None:
    mac = set_up(ade, admin_password_rotation_delay=30, **ADMINISTRATOR)
    mac.connect()
    now = utcnow()
    with ade.road.rows():
        shown = vault.versions(ade.road.row(mac).id, [vault.ADMIN_PASSWORD])
        replacing.after_reveal(ade.road.row(mac), shown, now=now)
        [row] = shown
        assert row.rotate_at == now + timedelta(minutes=30)
