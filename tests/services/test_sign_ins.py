"""A sign-in: one browser, one purpose, once, in time; and who came out of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from tests.people import ADA, BOB, PASSWORD, Browser, handle_of, lay_realm, said
from tests.road import Road
from tests.services.test_retention import forget, left
from zmdm_plugin import db
from zmdm_plugin.errors import Refused
from zmdm_plugin.models import Event, RealmUser, SignIn, SignInAttempt
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.origin import NOWHERE, Origin, came_from
from zmdm_plugin.services.realms import accounts, realms, sign_ins

THEN = "/public/mdm/somewhere/"


@pytest.fixture
def realm_id(road: Road) -> int:
    return lay_realm(road)


def begun(road: Road, realm_id: int, **more: object) -> str:
    with road.rows():
        options = {"purpose": "test", "then": THEN, "data": {"serial": "C02"}, **more}
        return sign_ins.begin(realms.find(realm_id), **options)  # type: ignore[arg-type]


def finished(
    road: Road, handle: str, purpose: str = "test"
) -> tuple[str | None, dict[str, object]]:
    with road.rows():
        done = sign_ins.finish(handle, purpose=purpose)
        return done.realm_user and done.realm_user.username, done.data


def events(road: Road) -> list[tuple[str, object]]:
    with road.rows() as session:
        kinds = sa.select(Event).where(Event.kind.like("sign_in.%")).order_by(Event.id)
        return [(row.kind, row.payload.get("why")) for row in session.scalars(kinds)]


def expire(road: Road) -> None:
    with road.rows() as session:
        past = utcnow() - timedelta(seconds=1)
        session.execute(sa.update(SignIn).values(expires_at=past))


def test_a_person_signs_in_and_what_was_begun_is_known_again(road: Road, realm_id: int) -> None:
    there = Browser(road.app).sign_in(begun(road, realm_id))
    assert there.startswith(f"https://mdm.example.com{THEN}?sign_in=")
    assert finished(road, handle_of(there)) == (ADA["username"], {"serial": "C02"})
    assert events(road) == [("sign_in.succeeded", None)]


def test_a_handle_is_used_once(road: Road, realm_id: int) -> None:
    handle = handle_of(Browser(road.app).sign_in(begun(road, realm_id)))
    finished(road, handle)
    with pytest.raises(sign_ins.SignInRefused, match="used already"):
        finished(road, handle)


def test_a_handle_is_good_for_its_purpose_alone(road: Road, realm_id: int) -> None:
    handle = handle_of(Browser(road.app).sign_in(begun(road, realm_id)))
    with pytest.raises(sign_ins.SignInRefused, match="for this step"):
        finished(road, handle, "other")
    assert finished(road, handle)[0] == ADA["username"]


def test_a_handle_ends(road: Road, realm_id: int) -> None:
    handle = handle_of(Browser(road.app).sign_in(begun(road, realm_id)))
    expire(road)
    with pytest.raises(sign_ins.SignInRefused, match="too old"):
        finished(road, handle)


def test_a_guessed_handle_is_refused(road: Road, realm_id: int) -> None:
    with pytest.raises(sign_ins.SignInRefused, match="no sign-in"):
        finished(road, "guess")


def test_a_page_that_was_left_open_too_long_is_closed(road: Road, realm_id: int) -> None:
    url = begun(road, realm_id)
    expire(road)
    answer = Browser(road.app).get(url)
    assert (answer.status_code, "too long" in said(answer)) == (400, True)


def test_another_browser_cannot_take_over_a_sign_in(road: Road, realm_id: int) -> None:
    url = begun(road, realm_id)
    Browser(road.app).get(url)
    other = Browser(road.app)
    assert "another browser" in said(other.get(url))
    answer = other.send(url, username=ADA["username"], password=PASSWORD)
    assert (answer.status_code, "Location" in answer.headers) == (400, False)


def test_a_browser_without_cookies_is_told_so(road: Road, realm_id: int) -> None:
    url = begun(road, realm_id)
    browser = Browser(road.app)
    browser.get(url)
    browser.http.cookies.clear()
    assert "cookies" in said(browser.send(url, username="bob", password=PASSWORD))


def test_two_sign_ins_in_one_browser_do_not_disturb_each_other(road: Road, realm_id: int) -> None:
    browser = Browser(road.app)
    first, second = begun(road, realm_id), begun(road, realm_id)
    browser.get(first)
    assert finished(road, handle_of(browser.sign_in(second, "bob")))[0] == "bob"
    assert finished(road, handle_of(browser.sign_in(first)))[0] == ADA["username"]


@pytest.mark.parametrize("username", [ADA["username"], "nobody"])
def test_a_wrong_password_and_an_unknown_name_read_alike(
    road: Road, realm_id: int, username: str
) -> None:
    url, browser = begun(road, realm_id), Browser(road.app)
    browser.get(url)
    answer = browser.send(url, username=username, password="wrong password")
    assert (answer.status_code, said(answer)) == (422, "The username or the password is wrong.")
    assert events(road) == [("sign_in.failed", "the username or the password is wrong")]


def test_a_disabled_account_does_not_sign_in(road: Road, realm_id: int) -> None:
    with road.rows() as session:
        accounts.disable(session.scalars(sa.select(RealmUser).filter_by(username="bob")).one())
    url, browser = begun(road, realm_id), Browser(road.app)
    browser.get(url)
    assert browser.send(url, username="bob", password=PASSWORD).status_code == 422


def test_guessing_is_stopped_and_the_right_password_waits_too(road: Road, realm_id: int) -> None:
    url, browser = begun(road, realm_id), Browser(road.app)
    browser.get(url)
    for _ in range(10):
        browser.send(url, username="bob", password="wrong password")
    answer = browser.send(url, username="BOB", password=PASSWORD)
    assert "too many wrong passwords" in said(answer).lower()
    assert browser.send(url, username=ADA["username"], password=PASSWORD).status_code == 303


def test_the_right_password_takes_the_wrong_ones_away(road: Road, realm_id: int) -> None:
    for _ in range(2):
        url, browser = begun(road, realm_id), Browser(road.app)
        browser.get(url)
        for _ in range(9):
            browser.send(url, username="bob", password="wrong password")
        assert browser.send(url, username="bob", password=PASSWORD).status_code == 303


def test_an_optional_sign_in_may_be_passed_over(road: Road, realm_id: int) -> None:
    url, browser = begun(road, realm_id, optional=True), Browser(road.app)
    assert "Go on without" in browser.get(url).text
    answer = browser.send(url, skip="yes")
    assert finished(road, handle_of(answer.headers["Location"])) == (None, {"serial": "C02"})


def test_a_required_sign_in_may_not_be_passed_over(road: Road, realm_id: int) -> None:
    url, browser = begun(road, realm_id), Browser(road.app)
    assert "Go on without" not in browser.get(url).text
    assert browser.send(url, skip="yes").status_code == 400


@pytest.mark.parametrize(
    "then",
    ["https://evil.example/", "//evil.example/", "/public/mdm/../x/", "/mdm/", "/public/mdm/a?b="],
)
def test_a_browser_is_sent_to_paths_of_ours_alone(road: Road, realm_id: int, then: str) -> None:
    with pytest.raises(ValueError, match="then must be a path"):
        begun(road, realm_id, then=then)


def test_a_realm_that_is_switched_off_lets_nobody_in(road: Road, realm_id: int) -> None:
    url = begun(road, realm_id)
    with road.rows():
        realms.update(realms.find(realm_id), {"enabled": False})
    assert "switched off" in said(Browser(road.app).get(url))
    with pytest.raises(Refused, match="switched off"):
        begun(road, realm_id)


def test_the_page_is_safe_by_its_headers(road: Road, realm_id: int) -> None:
    answer = Browser(road.app).get(begun(road, realm_id))
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "script" not in answer.text
    cookie = answer.headers["Set-Cookie"]
    for word in ("HttpOnly", "SameSite=Lax", "Secure", f"Path={sign_ins.PATH}"):
        assert word in cookie


def test_passwords_are_kept_as_scrypt(road: Road, realm_id: int) -> None:
    with road.rows():
        realm = realms.find(realm_id)
        made = [accounts.create(realm, {"username": n}, password=PASSWORD) for n in ("eve", "joe")]
        kept = [one.password_hash or "" for one in made]
    assert all(one.startswith("scrypt$") for one in kept)
    assert len(set(kept)) == 2


def test_secrets_of_a_sign_in_are_kept_as_hashes(road: Road, realm_id: int) -> None:
    url, browser = begun(road, realm_id), Browser(road.app)
    there = browser.sign_in(url, BOB["username"])
    with road.app.app_context():
        row = db.session().execute(sa.select(SignIn.__table__)).one()
    secrets = [url.rsplit("/", 2)[1], handle_of(there), browser.http.cookies["zmdm_sign_in"]]
    assert not [one for one in secrets if one in str(row)]


def test_sign_ins_are_forgotten_after_a_day(road: Road, realm_id: int) -> None:
    Browser(road.app).sign_in(begun(road, realm_id))
    begun(road, realm_id)
    with road.rows() as session:
        past = utcnow() - timedelta(days=2)
        first = sa.select(sa.func.min(SignIn.id)).scalar_subquery()
        session.execute(sa.update(SignIn).where(SignIn.id == first).values(expires_at=past))
    run = forget(road.app)
    assert run is not None and (run.result or {})["sign_ins"] == 1
    assert left(road.app, SignIn) == 1


def test_the_wrong_passwords_of_a_while_ago_count_no_more(road: Road, realm_id: int) -> None:
    url, browser = begun(road, realm_id), Browser(road.app)
    browser.get(url)
    for _ in range(10):
        browser.send(url, username="bob", password="wrong password")
    with road.rows() as session:
        past = utcnow() - timedelta(minutes=16)
        session.execute(sa.update(SignInAttempt).values(created_at=past))
    assert browser.send(url, username="bob", password=PASSWORD).status_code == 303


def flood(road: Road, realm_id: int, count: int, **more: object) -> None:
    """So many sign-ins of strangers, one after the other."""
    now = utcnow()
    row = {"realm_id": realm_id, "purpose": "test", "then": THEN, "data": {}, "optional": False}
    row |= {"expires_at": now + timedelta(minutes=30), "created_at": now, "updated_at": now, **more}
    with road.rows() as session:
        before = session.scalar(sa.select(sa.func.count(SignIn.id))) or 0
        numbers = range(before, before + count)
        rows = [{**row, "uid": str(one), "ticket_hash": f"{one:064}"} for one in numbers]
        session.execute(sa.insert(SignIn), rows)


def test_strangers_cannot_fill_the_table_of_sign_ins(road: Road, realm_id: int) -> None:
    flood(road, realm_id, sign_ins.MOST_UNFINISHED + 50)
    there = Browser(road.app).sign_in(begun(road, realm_id))
    with road.rows() as session:
        kept = list(session.scalars(sa.select(SignIn.ticket_hash).order_by(SignIn.id)))
    assert len(kept) == sign_ins.MOST_UNFINISHED and f"{50:064}" not in kept
    assert finished(road, handle_of(there))[0] == ADA["username"]


def test_a_person_who_is_at_the_page_keeps_it_in_a_flood(road: Road, realm_id: int) -> None:
    url, browser = begun(road, realm_id), Browser(road.app)
    assert browser.get(url).status_code == 200
    flood(road, realm_id, sign_ins.MOST_UNFINISHED)
    begun(road, realm_id)
    answer = browser.send(url, username=ADA["username"], password=PASSWORD)
    assert answer.status_code == 303


def test_a_flood_from_one_address_leaves_the_sign_ins_of_others(road: Road, realm_id: int) -> None:
    flood(road, realm_id, 1, address="203.0.113.7")
    flood(road, realm_id, sign_ins.MOST_OF_ADDRESS + 20, address="198.51.100.1")
    came_from(Origin(source_ip="198.51.100.1"))
    begun(road, realm_id)
    came_from(NOWHERE)
    with road.rows() as session:
        kept = list(session.scalars(sa.select(SignIn.address)))
    assert kept.count("198.51.100.1") == sign_ins.MOST_OF_ADDRESS and "203.0.113.7" in kept
