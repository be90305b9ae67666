"""Sign-ins at once: a handle is used once, a person gets one row, guessing is counted exactly."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from tests.people import ADA, PASSWORD, Browser, handle_of, lay_realm, said
from tests.road import Road
from zmdm_plugin.models import RealmUser
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services.realms import guessing, people, provider, realms, sign_ins

AT_ONCE = 6


@pytest.fixture
def realm_id(pg_road: Road) -> int:
    return lay_realm(pg_road)


def begun(road: Road, realm_id: int) -> str:
    with road.rows():
        then = "/public/mdm/somewhere/"
        return sign_ins.begin(realms.find(realm_id), purpose="test", then=then, data={})


def test_a_handle_is_used_by_one_of_many(pg_road: Road, realm_id: int) -> None:
    handle = handle_of(Browser(pg_road.app).sign_in(begun(pg_road, realm_id)))

    def use(_number: int) -> bool:
        try:
            with pg_road.rows():
                return sign_ins.finish(handle, purpose="test").realm_user is not None
        except sign_ins.SignInRefused:
            return False

    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert sum(pool.map(use, range(AT_ONCE))) == 1


def test_a_new_person_gets_one_row(pg_road: Road, realm_id: int) -> None:
    new = provider.Known(claims={**ADA, "username": "new"}, subject="s-1")

    def take(_number: int) -> int:
        with pg_road.rows():
            return people.take(realms.find(realm_id), new, now=utcnow()).id

    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert len(set(pool.map(take, range(AT_ONCE)))) == 1
    with pg_road.rows() as session:
        query = sa.select(sa.func.count()).select_from(RealmUser)
        assert session.scalar(query.where(RealmUser.username == "new")) == 1


def test_many_guesses_at_once_do_not_slip_through(pg_road: Road, realm_id: int) -> None:
    url, browser = begun(pg_road, realm_id), Browser(pg_road.app)
    browser.get(url)

    def guess(number: int) -> bool:
        answer = browser.send(url, username="bob", password=f"guess {number}")
        return "too many" in said(answer).lower()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        refused = sum(pool.map(guess, range(guessing.FROM_HERE + AT_ONCE)))
    assert refused == AT_ONCE
    answer = browser.send(url, username="bob", password=PASSWORD)
    assert "too many" in said(answer).lower()
