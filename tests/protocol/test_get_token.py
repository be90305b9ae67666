"""GetToken: the word for Managed Apple Accounts, signed with the key that Apple knows."""

from __future__ import annotations

import json
import plistlib
from base64 import urlsafe_b64decode
from datetime import UTC, datetime

import httpx
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from tests import dep
from tests.accounts import came_in, lay_account
from tests.road import Road
from zmdm_plugin.models import AccountSettings, DepDevice, DepVirtualServer
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.protocol import mobileconfig, pem
from zmdm_plugin.services import vault
from zmdm_plugin.services.account import accounts
from zmdm_simulator import checkins
from zmdm_simulator.device import SimulatedDevice

MAID = "com.apple.maid"
UUID = "0A1B2C3D4E5F60718293A4B5C6D7E8F9"


@pytest.fixture
def connected(road: Road) -> Road:
    """The road with a service at Apple, and an account-driven enrollment made after it."""
    with road.rows() as session:
        server = DepVirtualServer(name="MDM", uuid=UUID, certificate=dep.certificate())
        session.add(server)
        session.flush()
        vault.seal(server, "private_key", pem.private_key_der(dep.key()))
    lay_account(road)
    return road


def asked(phone: SimulatedDevice, service: str = MAID) -> httpx.Response:
    return phone.check_in(checkins.get_token(phone, phone.channel(), service))


def part(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_a_token_for_managed_accounts_is_signed_with_the_services_key(connected: Road) -> None:
    phone = came_in(connected)
    assert mobileconfig.TOKENS in phone.installed.capabilities
    answer = asked(phone)
    token = plistlib.loads(answer.content)["TokenData"].decode()
    head, claims, signature = token.split(".")
    assert json.loads(part(head)) == {"alg": "RS256", "typ": "JWT"}
    said = json.loads(part(claims))
    assert (said["iss"], said["service_type"], set(said)) == (
        UUID,
        MAID,
        {"iss", "iat", "jti", "service_type"},
    )
    assert abs(said["iat"] - datetime.now(UTC).timestamp()) < 60
    signed = f"{head}.{claims}".encode()
    dep.key().public_key().verify(part(signature), signed, padding.PKCS1v15(), hashes.SHA256())


def test_no_two_tokens_are_the_same(connected: Road) -> None:
    phone = came_in(connected)
    assert asked(phone).content != asked(phone).content


def test_an_unknown_service_is_a_400(connected: Road) -> None:
    phone = came_in(connected)
    assert asked(phone, "com.apple.watch.pairing").status_code == 400


def test_without_a_service_at_apple_tokens_are_neither_offered_nor_given(road: Road) -> None:
    lay_account(road)
    phone = came_in(road)
    assert mobileconfig.TOKENS not in phone.installed.capabilities
    assert asked(phone).status_code == 400


def test_of_several_services_that_of_the_device_signs(connected: Road) -> None:
    """Each organization vouches for the accounts on its own devices."""
    mac, other = connected.enrolled(), connected.enrolled(seed=2)
    with connected.rows() as session:
        second = DepVirtualServer(name="Second", uuid="B" * 32, certificate=dep.certificate())
        session.add(second)
        session.flush()
        vault.seal(second, "private_key", pem.private_key_der(dep.key()))
        known = {"server_id": second.id, "serial_number": mac.facts.serial, "seen_at": utcnow()}
        session.add(DepDevice(**known))
    assert (issuer(mac), issuer(other)) == ("B" * 32, UUID)
    with connected.rows() as session:
        session.query(DepDevice).update({"deleted_at": utcnow()})
    assert issuer(mac) == UUID


def test_of_several_services_the_enrollment_of_a_persons_own_device_names_one(
    connected: Road,
) -> None:
    phone = came_in(connected)
    with connected.rows() as session:
        second = DepVirtualServer(name="Second", uuid="B" * 32, certificate=dep.certificate())
        session.add(second)
        session.flush()
        vault.seal(second, "private_key", pem.private_key_der(dep.key()))
        second_id = second.id
    assert issuer(phone) == UUID
    with connected.rows() as session:
        accounts.update(session.query(AccountSettings).one(), {"server_id": second_id})
    assert issuer(phone) == "B" * 32


def issuer(device: SimulatedDevice) -> str:
    token = plistlib.loads(asked(device).content)["TokenData"].decode()
    said: dict[str, str] = json.loads(part(token.split(".")[1]))
    return said["iss"]
