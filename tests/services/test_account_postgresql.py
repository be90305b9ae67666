"""Account-driven enrollment on PostgreSQL: several at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import sqlalchemy as sa

from tests.accounts import ACCOUNT, came_in, lay_account
from tests.road import Road
from tests.services.test_account_bearer import due, says_nothing
from tests.services.test_account_enrollment import service, signed_in
from zmdm_plugin.models import AccessToken, Enrollment
from zmdm_simulator import account_driven
from zmdm_simulator.device import SimulatedDevice


def at_once(road: Road, device: SimulatedDevice, token: str, times: int) -> list[int]:
    """So many requests with one token, at the same time."""
    found, together = service(road, device), threading.Barrier(times)

    def ask(_number: int) -> int:
        together.wait()
        answer: httpx.Response = account_driven.introduce(device, found, token=token)
        return answer.status_code

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(ask, range(times)))


def test_a_token_that_comes_four_times_at_once_opens_one_session(pg_road: Road) -> None:
    lay_account(pg_road, quota=1)
    phone = pg_road.device("iPhone15,2")
    token = signed_in(phone, service(pg_road, phone))
    assert at_once(pg_road, phone, token, 4) == [200] * 4
    with pg_road.rows() as session:
        assert len(pg_road.sessions("account")) == 1
        used = sa.select(Enrollment.request_count).where(Enrollment.kind == "account")
        assert session.scalars(used).one() == 1


def test_two_people_and_one_place(pg_road: Road) -> None:
    lay_account(pg_road, quota=1)
    phones = [pg_road.device("iPhone15,2", seed=number) for number in (1, 2)]
    found = service(pg_road, phones[0])
    tokens = [signed_in(phone, found) for phone in phones]
    together = threading.Barrier(2)

    def ask(number: int) -> int:
        together.wait()
        answer = account_driven.introduce(phones[number], found, token=tokens[number])
        return answer.status_code

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(ask, range(2))) == [200, 400]


def test_a_phone_enrolls_is_asked_and_signs_in_again(pg_road: Road) -> None:
    lay_account(pg_road, reauthenticate_days=30)
    phone = came_in(pg_road)
    phone.connect()
    person = phone.account
    says_nothing(phone)
    due(pg_road)
    assert phone.connect().statuses == [401]
    phone.account = person
    due(pg_road)
    assert phone.connect().statuses[-1] == 200
    with pg_road.rows() as session:
        (token,) = session.scalars(sa.select(AccessToken))
        assert token.managed_account == ACCOUNT and token.asked_at is None
