"""The steps of a sync: what each asks of Apple, what it stores, and which one follows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from zmdm_plugin.clients.apps_books import AppsBooksClient
from zmdm_plugin.clients.apps_books_errors import NotificationRefused, PageGone, VersionGone
from zmdm_plugin.clients.apps_books_values import AssetPage, AssignmentPage, Paging
from zmdm_plugin.db import session
from zmdm_plugin.models import Asset, Licence, Location, LocationAsset
from zmdm_plugin.services import vault
from zmdm_plugin.services.apps_books import books, connection, locations
from zmdm_plugin.services.apps_books.connection import Credentials
from zmdm_plugin.state import state

_RESTARTS: Final = 3
_SERVER: Final = "zmdm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a sync is; kept in its run between two steps."""

    phase: str = "register"
    page: int = 0
    version: str = ""
    """Of the list that is being read: another one means that it has changed meanwhile."""
    restarts: int = 0
    dirty: bool = False
    """The list did not hold still: what has gone cannot be told from it."""
    unsettled: bool = False
    """Some list did not."""
    generation: int = 0
    started: str = ""
    after: int = 0
    asset: int = 0
    """The location's asset that is read anew."""
    adam_id: str = ""
    pricing_param: str = ""
    users: dict[str, int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def counting(self, **more: int) -> dict[str, int]:
        """The sums so far, and these."""
        names = self.counts.keys() | more.keys()
        return {name: self.counts.get(name, 0) + more.get(name, 0) for name in sorted(names)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a step needs to know before Apple is asked."""

    credentials: Credentials
    registered: bool
    name: str
    """What this server is called at Apple."""
    notification_url: str
    notification_token: str = field(repr=False)
    since: str = ""


def given(location_id: int) -> Given:
    """Read it, in a transaction of its own: while Apple is asked, none is open."""
    location = connection.find(location_id)
    settings = state().settings
    token = vault.unseal(location, "notification_token") or b""
    return Given(
        credentials=connection.credentials(location_id),
        registered=location.registered_at is not None,
        name=settings.organization or settings.base_url.partition("://")[2],
        notification_url=locations.notification_url(location),
        notification_token=token.decode("ascii"),
        since=location.assignments_version or "",
    )


def ask(place: Place, known: Given, client: AppsBooksClient) -> Any:
    """What Apple says to this step; None where it is not asked."""
    asking = _ASK.get(place.phase)
    try:
        return asking(place, known, client) if asking else None
    except (PageGone, VersionGone) as gone:
        return gone


def following(place: Place, answer: Any) -> Place | None:
    """The page behind this answer, which may be asked for before the answer is stored."""
    paging: Paging | None = getattr(answer, "paging", None)
    if paging is None or paging.next_page is None or paging.next_page <= place.page:
        return None
    return replace(place, page=paging.next_page)


def question(place: Place) -> tuple[object, ...]:
    """What is asked there."""
    return place.phase, place.page, place.adam_id, place.pricing_param


# -- asking -----------------------------------------------------------------------------------


def _ask_registration(_place: Place, known: Given, client: AppsBooksClient) -> str | None:
    """Register if nobody has yet; what is wrong with notifications, empty if nothing is."""
    if known.registered:
        return None
    told = {"name": known.name, "metadata": _SERVER}
    if not known.notification_url:
        client.register(**told)
        return "notifications need an https address that Apple can reach; Apple is asked instead"
    try:
        client.register(
            **told, notification_url=known.notification_url, token=known.notification_token
        )
    except NotificationRefused as refused:
        client.register(**told)
        return f"no notifications, Apple is asked instead: {refused}"
    return ""


def _ask_assets(place: Place, _known: Given, client: AppsBooksClient) -> AssetPage:
    return client.assets(place.page, adam_id=place.adam_id, pricing_param=place.pricing_param)


def _ask_assignments(place: Place, _known: Given, client: AppsBooksClient) -> AssignmentPage:
    return client.assignments(place.page, adam_id=place.adam_id, pricing_param=place.pricing_param)


def _ask_since(place: Place, known: Given, client: AppsBooksClient) -> AssignmentPage:
    return client.assignments(place.page, since=known.since)


_ASK: Mapping[str, Callable[[Place, Given, AppsBooksClient], Any]] = {
    "register": _ask_registration,
    "config": lambda _place, _known, client: client.service_config(),
    "assets": _ask_assets,
    "assignments": _ask_assignments,
    "since": _ask_since,
    "asset": _ask_assets,
    "asset_assignments": _ask_assignments,
}


# -- storing ----------------------------------------------------------------------------------


def _registered(place: Place, location: Location, answer: Any, now: datetime, _mode: str) -> Place:
    if answer is not None:
        locations.registered(location, now=now, error=answer or None)
    return replace(place, phase="config")


def _configured(place: Place, location: Location, answer: Any, now: datetime, mode: str) -> Place:
    connection.keep_config(location, answer, now=now)
    location.generation += 1
    begun = replace(place, generation=location.generation, started=now.isoformat())
    if mode == "stale":
        return _next_stale(begun, location)
    return replace(begun, phase="assets")


def _assets(place: Place, location: Location, answer: Any, now: datetime, mode: str) -> Place:
    if (again := _restarted(place, location, answer)) is not None:
        return again
    new = books.store_assets(location.id, answer.assets, generation=place.generation, now=now)
    following = _turned(place, answer.paging, assets=len(answer.assets), new=new)
    if following is not None:
        return following
    version = place.version or answer.paging.version
    counts = place.counting(assets=len(answer.assets), new=new)
    if not place.dirty:
        books.withdraw(location.id, generation=place.generation, now=now)
    location.assets_version = version
    since = mode != "full" and location.assignments_version is not None
    phase = "since" if since else "assignments"
    return replace(_afresh(place, phase), counts=counts)


def _assignments(place: Place, location: Location, answer: Any, now: datetime, _mode: str) -> Place:
    if (again := _restarted(place, location, answer)) is not None:
        return again
    stored, unknown = books.store_assignments(
        location.id, answer, generation=place.generation, now=now
    )
    users = dict(place.users)
    for (adam_id, pricing), count in answer.users.items():
        users[f"{adam_id}|{pricing}"] = users.get(f"{adam_id}|{pricing}", 0) + count
    place = replace(place, users=users)
    more = {"licences": stored, "unreadable": answer.paging.unreadable, "unknown": len(unknown)}
    following = _turned(place, answer.paging, **more)
    if following is not None:
        return following
    books.keep_user_counts(location.id, users, sa.true())
    location.assignments_version = place.version or answer.paging.version
    return replace(
        _afresh(place, "check" if place.dirty else "sweep"), counts=place.counting(**more)
    )


def _swept(place: Place, location: Location, _answer: Any, _now: datetime, _mode: str) -> Place:
    mine = sa.select(LocationAsset.id).where(LocationAsset.location_id == location.id)
    return _sweep(place, Licence.location_asset_id.in_(mine), "check")


def _sweep(place: Place, which: sa.ColumnElement[bool], following: str) -> Place:
    gone, after = books.sweep(
        which,
        generation=place.generation,
        since=datetime.fromisoformat(place.started),
        after=place.after,
    )
    counts = place.counting(gone=gone)
    if after is not None:
        return replace(place, after=after, counts=counts)
    return replace(_afresh(place, following), counts=counts)


def _newer(place: Place, location: Location, answer: Any, now: datetime, _mode: str) -> Place:
    """Licences that came since the last sync; a version that Apple forgot means a full reading."""
    if isinstance(answer, VersionGone):
        return _afresh(place, "assignments")
    if (again := _restarted(place, location, answer)) is not None:
        return again
    stored, unknown = books.store_assignments(
        location.id, answer, generation=place.generation, now=now
    )
    more = {"licences": stored, "unreadable": answer.paging.unreadable, "unknown": len(unknown)}
    following = _turned(place, answer.paging, **more)
    if following is not None:
        return following
    location.assignments_version = place.version or answer.paging.version
    return replace(_afresh(place, "check"), counts=place.counting(**more))


def _checked(place: Place, location: Location, _answer: Any, now: datetime, _mode: str) -> Place:
    books.mark_inconsistent(location.id, now=now)
    return _next_stale(place, location)


def _next_stale(place: Place, location: Location) -> Place:
    """The next asset that is to be read anew, each once in a sync."""
    query = (
        sa.select(LocationAsset.id, Asset.adam_id, Asset.pricing_param)
        .join(Asset, Asset.id == LocationAsset.asset_id)
        .where(
            LocationAsset.location_id == location.id,
            LocationAsset.stale_at.is_not(None),
            LocationAsset.id > place.asset,
        )
        .order_by(LocationAsset.id)
        .limit(1)
    )
    row = session().execute(query).one_or_none()
    if row is None:
        return replace(place, phase="done")
    location.generation += 1
    return replace(
        _afresh(place, "asset"),
        asset=row[0],
        adam_id=row[1],
        pricing_param=row[2],
        generation=location.generation,
    )


def _asset(place: Place, location: Location, answer: Any, now: datetime, _mode: str) -> Place:
    """The numbers of one asset; its licences follow."""
    if not isinstance(answer, PageGone):
        books.store_assets(location.id, answer.assets, generation=place.generation, now=now)
    return replace(_afresh(place, "asset_assignments"), started=now.isoformat())


def _asset_licences(
    place: Place, location: Location, answer: Any, now: datetime, _mode: str
) -> Place:
    if (again := _restarted(place, location, answer, phase="asset")) is not None:
        return again
    stored, _ = books.store_assignments(location.id, answer, generation=place.generation, now=now)
    key = f"{place.adam_id}|{place.pricing_param}"
    users = {key: place.users.get(key, 0) + sum(answer.users.values())}
    following = _turned(replace(place, users=users), answer.paging, reread_licences=stored)
    if following is not None:
        return following
    books.keep_user_counts(location.id, users, LocationAsset.id == place.asset)
    counts = place.counting(reread_licences=stored, reread=1)
    phase = "asset_next" if place.dirty else "asset_sweep"
    return replace(_afresh(place, phase), counts=counts)


def _asset_swept(place: Place, _location: Location, _a: Any, _now: datetime, _mode: str) -> Place:
    return _sweep(place, Licence.location_asset_id == place.asset, "asset_next")


def _asset_next(place: Place, location: Location, _a: Any, _now: datetime, _mode: str) -> Place:
    return _next_stale(replace(place, adam_id="", pricing_param=""), location)


def _restarted(place: Place, location: Location, answer: Any, *, phase: str = "") -> Place | None:
    """Back to the first page if the list is not the one that it was; None if it is."""
    gone = isinstance(answer, PageGone)
    if not gone:
        paging: Paging = answer.paging
        if not place.version or paging.version == place.version or place.dirty:
            return None
    location.generation += 1  # what was read of the former state does not count as met
    begun = _afresh(place, phase or place.phase)
    return replace(
        begun,
        generation=location.generation,
        restarts=place.restarts + 1,
        dirty=place.restarts + 1 >= _RESTARTS,
        unsettled=place.unsettled or place.restarts + 1 >= _RESTARTS,
    )


def _turned(place: Place, paging: Paging, **more: int) -> Place | None:
    """The next page; None behind the last one."""
    if paging.next_page is None or paging.next_page <= place.page:
        return None
    version = place.version or paging.version
    return replace(place, page=paging.next_page, version=version, counts=place.counting(**more))


def _afresh(place: Place, phase: str) -> Place:
    """The first page of something."""
    return replace(
        place, phase=phase, page=0, version="", restarts=0, dirty=False, after=0, users={}
    )


STORE: Mapping[str, Callable[[Place, Location, Any, datetime, str], Place]] = {
    "register": _registered,
    "config": _configured,
    "assets": _assets,
    "assignments": _assignments,
    "sweep": _swept,
    "since": _newer,
    "check": _checked,
    "asset": _asset,
    "asset_assignments": _asset_licences,
    "asset_sweep": _asset_swept,
    "asset_next": _asset_next,
}
