"""The played Apps & Books: what it says, and what we say to it, judged by Apple's schemas."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.service_schema import faults
from zmdm_plugin.clients.apps_books import AppsBooksClient, Manners
from zmdm_simulator.apple.vpp import PlayedVpp
from zmdm_simulator.apple.vpp_books import Stock

pytestmark = pytest.mark.needs("services_schema")
PAGES, BOOK = "361309726", "480"
ASSET = {"adamId": PAGES, "pricingParam": "STDQ"}
Ask = Callable[..., httpx.Response]


@pytest.fixture
def played() -> Iterator[PlayedVpp]:
    """Berlin, managed by somebody, whose token ends soon; an app and a book that stays."""
    service = PlayedVpp().start()
    service.fail(rate=0)
    service.new_location(days=10)
    books = service.locations["Berlin"]
    books.mdm_info = {"id": "1", "name": "MDM", "metadata": "test"}
    books.put(Stock(PAGES, total=2, name="Pages"))
    books.put(Stock(BOOK, total=2, product_type="Book", revocable=False, device_assignable=False))
    yield service
    service.stop()


@pytest.fixture
def ask(played: PlayedVpp) -> Iterator[Ask]:
    """`ask(method, path, body)` with the location's token."""
    token = {"Authorization": f"Bearer {played.locations['Berlin'].token}"}
    with httpx.Client(base_url=played.url, headers=token) as http:
        yield lambda method, path, body=None: http.request(method, path, json=body)


@pytest.mark.parametrize("path", ["/assets/associate", "/assets/disassociate", "/assets/revoke"])
def test_an_order_is_answered_with_an_event(ask: Ask, path: str) -> None:
    answer = ask("POST", path, {"assets": [ASSET], "serialNumbers": ["C02A"]})
    assert answer.status_code == 200
    assert faults("anb", "EventResponse", answer.json(), closed=True) == []
    assert set(answer.json()) == {"eventId", "mdmInfo", "tokenExpirationDate", "uId"}


@pytest.mark.parametrize(
    ("method", "path", "body", "number"),
    [
        ("GET", "/assets?pageIndex=9", None, 9650),
        ("GET", "/assignments?sinceVersionId=none", None, 9721),
        ("GET", "/status?eventId=unknown", None, 9708),
        ("POST", "/assets/associate", {"serialNumbers": ["A"]}, 9718),
        ("POST", "/assets/associate", {"assets": [ASSET]}, 9719),
        ("POST", "/assets/associate", {"assets": [ASSET], "serialNumbers": [*"ABC"]}, 9709),
        (
            "POST",
            "/assets/associate",
            {"assets": [{"adamId": BOOK}], "serialNumbers": ["A"]},
            9707,
        ),
        (
            "POST",
            "/assets/disassociate",
            {"assets": [{"adamId": BOOK}], "serialNumbers": ["A"]},
            9706,
        ),
        ("PUT", "/assets", {}, 9726),
        ("POST", "/client/config", {"mdmInfo": {}}, 9723),
    ],
)
def test_a_refusal_is_as_apple_says_it(
    ask: Ask, method: str, path: str, body: Any, number: int
) -> None:
    answer = ask(method, path, body)
    assert answer.status_code >= 400
    assert answer.json()["errorNumber"] == number
    assert faults("anb", "ErrorResponse", answer.json(), closed=True) == []


def test_failures_and_owners_within_answers_are_as_apple_says_them(
    played: PlayedVpp, ask: Ask
) -> None:
    played.fail(rate=0, devices={"C02B": [9709]})
    order = {"assets": [ASSET], "serialNumbers": ["C02A", "C02B"]}
    event = ask("POST", "/assets/associate", order).json()["eventId"]
    played.settle()
    status = ask("GET", f"/status?eventId={event}").json()
    assert [faults("anb", "ErrorResponse", one, closed=True) for one in status["failures"]] == [[]]
    for path in ("/client/config", "/assets", "/assignments"):
        found = ask("GET", path).json()
        assert faults("anb", "MdmInfo", found["mdmInfo"], closed=True) == []
    assert [faults("anb", "Asset", one) for one in ask("GET", "/assets").json()["assets"]] == [
        [],
        [],
    ]


def test_what_we_order_is_as_apple_reads_it(played: PlayedVpp) -> None:
    sent: list[Any] = []
    hooks = {"request": [lambda request: sent.append(json.loads(request.content))]}
    token = played.locations["Berlin"].token
    with httpx.Client(event_hooks=hooks) as http:  # type: ignore[arg-type]
        client = AppsBooksClient(
            http, token, manners=Manners(user_agent="t/1"), mdm_info_id="1", base_url=played.url
        )
        for kind in ("associate", "disassociate"):
            client.order(kind, PAGES, pricing_param="STDQ", serials=["C02A"])
    assert [faults("anb", "ManageAssetsRequest", one, closed=True) for one in sent] == [[], []]


def test_the_judge_finds_faults() -> None:
    assert faults("anb", "EventResponse", {"eventId": 7}, closed=True)
    assert faults("anb", "EventResponse", {"event": "7"}, closed=True)
    assert faults("anb", "EventResponse", {"tokenExpirationDate": "soon"}, closed=True)
