"""Apple's Apps & Books service, played over HTTP, with a control plane of ours.

Under the root is what vpp.itunes.apple.com has below /mdm/v2, with the store's lookup and its
icons beside it; under `/played` what Apple has not:

    GET  /played/ready
    GET  /played/stats               counts by path and status; whether all orders are done and told
    GET  /played/books?location=L    who holds what, and how often somebody was booked twice
    POST /played/locations  {"name": …, "organization": …, "days": 365}    answers {"token"}
    POST /played/token      {"location": …, "days": 365}    the location's next token
    POST /played/assets     {"location": …, "adam_id": …, "total": …, "name": …, …}
    POST /played/assign     {"location": …, "adam_id": …, "serials": […], "kind": "ASSOCIATE"}
                            as somebody in the portal does it
    POST /played/count      {"location": …, "adam_id": …, "delta": …}      licences are bought
    POST /played/take       {"location": …, "name": …}      another server takes the location
    POST /played/faults     a fault document (zmdm_simulator.apple.vpp_faults); GET shows it
    GET  /moved?URL         a redirect, for an icon that is elsewhere
"""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
import uuid
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from zmdm_simulator.apple import vpp_kept
from zmdm_simulator.apple.dep_faults import BadFaults, Rule
from zmdm_simulator.apple.kept import Json
from zmdm_simulator.apple.played import PlayedHandler, PlayedService
from zmdm_simulator.apple.vpp_answers import ANSWERS, Call, service_config
from zmdm_simulator.apple.vpp_books import Books, Event, Refusal, Stock
from zmdm_simulator.apple.vpp_faults import VppFaults
from zmdm_simulator.apple.vpp_orders import Orders
from zmdm_simulator.apple.vpp_store import lookup, png

_SOON = timedelta(days=15)
_TIME = "%Y-%m-%dT%H:%M:%S+0000"


class PlayedVpp(PlayedService):
    """The service with its locations."""

    def __init__(self) -> None:
        super().__init__(_Handler)
        self.locations: dict[str, Books] = {}
        self.orders = Orders()
        self.counts: Counter[str] = Counter()
        self.busiest = 0
        """Requests in the busiest second so far."""
        self._tokens: dict[str, Books] = {}
        self._seconds: Counter[int] = Counter()
        self._allowance: tuple[float, float] = (0.0, 0.0)
        self._lock = threading.Lock()

    def stop(self) -> None:
        """Listen no more, carry out no more orders."""
        super().stop()
        self.orders.stop()

    @property
    def faults(self) -> VppFaults:
        return self.orders.faults

    def fail(self, **faults: Any) -> None:
        """Let something go wrong; without arguments: nothing any more."""
        self.orders.faults = VppFaults.read(faults)

    def rule(self, **rule: Any) -> None:
        """Add one rule of what goes wrong."""
        self.orders.faults.rules.append(Rule(**rule))

    def new_location(
        self, name: str = "Berlin", organization: str = "Example", *, days: float = 365
    ) -> str:
        """A location as the portal has it; its content token."""
        uid = str(uuid.uuid4().int)[:16]
        expires = datetime.now(UTC) + timedelta(days=days)
        self.locations[name] = Books(name, organization, "", expires, uid)
        return self.new_token(name, days=days)

    def new_token(self, name: str, *, days: float = 365) -> str:
        """The location's next token; those before go on to work."""
        books = self.locations[name]
        books.expires = datetime.now(UTC) + timedelta(days=days)
        content = {
            "token": secrets.token_urlsafe(48),
            "expDate": books.expires.strftime(_TIME),
            "orgName": books.organization,
        }
        books.token = base64.b64encode(json.dumps(content).encode()).decode()
        self._tokens[books.token] = books
        return books.token

    def kept(self) -> Json:
        """All locations with the tokens that are good for them; faults and counts are not kept."""
        known = list(self._tokens.items())
        return {
            name: {
                "books": vpp_kept.to_json(books),
                "tokens": [token for token, of in known if of is books],
            }
            for name, books in list(self.locations.items())
        }

    def restore(self, data: Json) -> None:
        """Go on from what `kept` said; what was ordered and not done is done now."""
        for name, location in data.items():
            books = vpp_kept.from_json(location["books"])
            self.locations[name] = books
            self._tokens |= dict.fromkeys(location["tokens"], books)
            for event in list(books.events.values()):
                if event.status == "PENDING":
                    self.orders.order(books, event)

    def find(self, authorization: str) -> Books:
        """Whose token this is, or Refusal."""
        scheme, _, token = authorization.partition(" ")
        if scheme != "Bearer" or not token:
            raise Refusal(9722, status=401)
        books = self._tokens.get(token)
        if books is None:
            raise Refusal(9622, status=401)
        if books.revoked:
            raise Refusal(9625, status=401)
        if books.expires <= datetime.now(UTC):
            raise Refusal(9621, status=401)
        return books

    def note_request(self) -> None:
        """Count it, or Refusal if there were too many in the last second."""
        now, rate = time.monotonic(), self.faults.rate
        with self._lock:
            self._seconds[int(now)] += 1
            self.busiest = max(self.busiest, self._seconds[int(now)])
            left, since = self._allowance
            left = min(rate, left + (now - since) * rate)
            self._allowance = max(0.0, left - 1), now
            if rate and left < 1:
                raise Refusal(9646, status=429)

    def assign(self, name: str, adam_id: str, *, serials: list[str], kind: str) -> Event:
        """What somebody does in the portal."""
        books = self.locations[name]
        event = Event(kind, [books.stock(adam_id)], serials)
        self.orders.order(books, event)
        return event

    def buy(self, name: str, adam_id: str, *, delta: int) -> None:
        """Licences are bought, or transferred away."""
        books = self.locations[name]
        stock = books.stock(adam_id)
        with books.lock:
            stock.total += delta
            books.assets_version += 1
        told = {"adamId": adam_id, "pricingParam": stock.pricing, "countDelta": delta}
        self.orders.notify(books, "ASSET_COUNT", told)

    def settle(self, *, within: float = 20.0) -> None:
        """Wait until all that was ordered is done and told."""
        end = time.monotonic() + within
        while not self.orders.idle():
            if time.monotonic() > end:
                raise TimeoutError("the played Apps & Books is still at work")
            time.sleep(0.01)


class _Handler(PlayedHandler):
    the_service: PlayedVpp

    def do_GET(self) -> None:
        self._take()

    do_POST = do_PUT = do_DELETE = do_GET  # PUT, DELETE: none of Apple's, refused in its words

    def _take(self) -> None:
        body = self.read_body()
        if body is None:
            self.send_json(413, {"error": "too long"})
            return
        path = urlsplit(self.path).path
        if path == "/moved":
            self.send(302, b"", {"Location": urlsplit(self.path).query})
            return
        if path.startswith("/played/"):
            self._control(path.removeprefix("/played/"), body)
            return
        rule = self.the_service.faults.next_rule(self.command, path)
        if rule is None or rule.after or not self._goes_wrong(rule):
            self._serve(path, body, wrong=rule)

    def _goes_wrong(self, rule: Rule) -> bool:
        """Whether the rule has answered, or cut the line."""
        time.sleep(rule.latency)
        if rule.drop:
            self.close_connection = True
            return True
        wait = {} if rule.retry_after is None else {"Retry-After": str(rule.retry_after)}
        if rule.body is not None:
            self.send(rule.status or 200, rule.body.encode(), {"Content-Type": "text/html"})
        elif rule.status:
            self.send_json(rule.status, Refusal(int(rule.code or 9603)).document(), wait)
        else:
            return False
        return True

    def _serve(self, path: str, body: bytes, *, wrong: Rule | None) -> None:
        try:
            found = self._answer(path, body)
        except Refusal as refusal:
            self.send_json(refusal.status, refusal.document())
            return
        if wrong is not None and wrong.after and self._goes_wrong(wrong):
            return
        if isinstance(found, bytes):
            self.send(200, found, {"Content-Type": "image/png"})
        else:
            self.send_json(200, found)

    def _answer(self, path: str, body: bytes) -> dict[str, Any] | bytes:
        played = self.the_service
        query = dict(parse_qsl(urlsplit(self.path).query))
        base = f"http://{self.headers.get('Host')}"
        if path == "/service/config":
            return service_config(base, played.faults.rate)
        if path == "/lookup":
            return lookup(played.locations.values(), query.get("id", "").split(","), base)
        if path.startswith("/icon/"):
            return png(zlib.crc32(path.split("/")[2].encode()))
        played.note_request()
        answer = ANSWERS.get((self.command, path))
        if answer is None:
            known = any(path == other for _, other in ANSWERS)
            raise Refusal(9726 if known else 9602, status=405 if known else 404)
        books = played.find(self.headers.get("Authorization", ""))
        given = self._body(body)
        found = answer(Call(books, played.orders, query, given))
        if books.expires - datetime.now(UTC) < _SOON:
            found["tokenExpirationDate"] = books.expires.isoformat(timespec="seconds")
        if books.mdm_info is not None:
            found["mdmInfo"] = books.mdm_info
        return {**found, "uId": books.uid}

    def _body(self, body: bytes) -> dict[str, Any]:
        if self.command == "GET":
            return {}
        if not self.headers.get("Content-Type", "").startswith("application/json"):
            raise Refusal(9727, status=415)
        try:
            found = json.loads(body)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise Refusal(9602)
        return found

    def _control(self, name: str, body: bytes) -> None:
        action = CONTROLS.get((self.command, name))
        try:
            if action is None:
                raise BadFaults(f"no {self.command} {self.path} here")
            query = dict(parse_qsl(urlsplit(self.path).query))
            self.send_json(200, action(self.the_service, json.loads(body) if body else query))
        except Refusal as refusal:
            self.send_json(400, {"error": refusal.document()["errorMessage"]})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            self.send_json(400, {"error": str(error)})

    def send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.the_service.counts[f"{self.command} {urlsplit(self.path).path} {status}"] += 1
        super().send(status, body, headers)


def _books(played: PlayedVpp, asked: dict[str, Any]) -> Books:
    name = asked.get("location") or next(iter(played.locations), "")
    if name not in played.locations:
        raise BadFaults(f"there is no location {name!r}")
    return played.locations[name]


def _stats(played: PlayedVpp, asked: dict[str, Any]) -> dict[str, Any]:
    return {**played.counts, "busiest": played.busiest, "idle": played.orders.idle()}


def _show(played: PlayedVpp, asked: dict[str, Any]) -> dict[str, Any]:
    books = _books(played, asked)
    with books.lock:
        assets = [
            {**stock.as_asset(), "serials": list(stock.places)} for stock in books.stocks.values()
        ]
    return {"assets": assets, "repeated": books.repeated, "mdmInfo": books.mdm_info}


def _locate(played: PlayedVpp, asked: dict[str, Any]) -> dict[str, Any]:
    organization = asked.get("organization", "Example")
    days = float(asked.get("days", 365))
    return {"token": played.new_location(asked["name"], organization, days=days)}


def _renew(played: PlayedVpp, asked: dict[str, Any]) -> dict[str, Any]:
    name = _books(played, asked).name
    return {"token": played.new_token(name, days=float(asked.get("days", 365)))}


def _stock(played: PlayedVpp, asked: dict[str, Any]) -> dict[str, Any]:
    values = {name: value for name, value in asked.items() if name != "location"}
    return _books(played, asked).put(Stock(**values)).as_asset()


def _assign(played: PlayedVpp, asked: dict[str, Any]) -> dict[str, Any]:
    name, kind = _books(played, asked).name, asked.get("kind", "ASSOCIATE")
    event = played.assign(name, asked["adam_id"], serials=asked["serials"], kind=kind)
    return {"eventId": event.id}


def _count(played: PlayedVpp, asked: dict[str, Any]) -> dict[str, Any]:
    played.buy(_books(played, asked).name, asked["adam_id"], delta=int(asked["delta"]))
    return {}


def take(played: PlayedVpp, asked: dict[str, Any]) -> dict[str, Any]:
    """Another server takes the location: its notifications go elsewhere."""
    books = _books(played, asked)
    name = asked.get("name", "Another MDM")
    books.mdm_info = {"id": str(uuid.uuid4()), "name": name, "metadata": "played"}
    books.notification_url, books.notification_types = "", []
    return {"mdmInfo": books.mdm_info}


def _set_faults(played: PlayedVpp, asked: dict[str, Any]) -> dict[str, Any]:
    played.orders.faults = VppFaults.read(asked)
    return asdict(played.faults)


CONTROLS: dict[tuple[str, str], Callable[[PlayedVpp, dict[str, Any]], dict[str, Any]]] = {
    ("GET", "ready"): lambda played, asked: {"ready": True},
    ("GET", "stats"): _stats,
    ("GET", "books"): _show,
    ("GET", "faults"): lambda played, asked: asdict(played.faults),
    ("POST", "locations"): _locate,
    ("POST", "token"): _renew,
    ("POST", "assets"): _stock,
    ("POST", "assign"): _assign,
    ("POST", "count"): _count,
    ("POST", "take"): take,
    ("POST", "faults"): _set_faults,
}
