"""Names, versions and icons of assets, fetched from the store now and then and kept here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from zmdm_plugin.actors import Actor
from zmdm_plugin.clients import app_store
from zmdm_plugin.clients.app_store import Icon, Store, StoreFacts
from zmdm_plugin.clients.apps_books_errors import AppsBooksError
from zmdm_plugin.db import session
from zmdm_plugin.models import Asset, Location, LocationAsset
from zmdm_plugin.queues import defer
from zmdm_plugin.services import audit
from zmdm_plugin.services.apps_books import connection
from zmdm_plugin.state import state

FRESH: Final = timedelta(days=1)
AFTER_FAILURE: Final = timedelta(hours=2)
_LEASE: Final = timedelta(minutes=10)
_BATCH: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Assets that are asked about together, for they are of one location."""

    credentials: connection.Credentials
    country: str
    platform: str
    assets: Mapping[int, tuple[str, str | None]]
    """id -> (adam_id, where the kept icon came from)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the store said; `error` if it said nothing."""

    facts: Mapping[str, StoreFacts] = field(default_factory=dict)
    icons: Mapping[str, Icon] = field(default_factory=dict)
    icon_errors: Mapping[str, str] = field(default_factory=dict)
    error: str | None = None


def claim(*, now: datetime) -> Batch | None:
    """The next assets whose facts are old, put off for as long as this takes."""
    first = session().execute(
        sa.select(Location)
        .join(LocationAsset, LocationAsset.location_id == Location.id)
        .join(Asset, Asset.id == LocationAsset.asset_id)
        .where(
            Asset.metadata_due_at <= now,
            LocationAsset.withdrawn_at.is_(None),
            Location.server_token_expiration_date > now,
            Location.service_config_at.is_not(None),
        )
        .limit(1)
    )
    location = first.scalar()
    if location is None:
        return None
    mine = sa.select(LocationAsset.asset_id).where(
        LocationAsset.location_id == location.id, LocationAsset.withdrawn_at.is_(None)
    )
    rows = session().scalars(
        sa.select(Asset)
        .where(Asset.metadata_due_at <= now, Asset.id.in_(mine))
        .order_by(Asset.id)
        .limit(_BATCH)
        .with_for_update(skip_locked=True)
    )
    chosen = list(rows)
    if not chosen:
        return None
    for asset in chosen:
        asset.metadata_due_at = now + _LEASE
    session().flush()
    return Batch(
        credentials=connection.credentials(location.id),
        country=location.country_code,
        platform=location.platform,
        assets={asset.id: (asset.adam_id, asset.icon_url) for asset in chosen},
    )


def fetch(batch: Batch) -> Found:
    """Ask the store; no transaction is open."""
    url = batch.credentials.urls.get("contentMetadataLookup")
    if not url:
        return Found(error="Apple does not say where its store is asked")
    settings = state().settings
    asked = Store(
        service_url=settings.apps_books_url,
        hosts=settings.apps_books_hosts,
        private=settings.private_networks,
    )
    adam_ids = [adam_id for adam_id, _ in batch.assets.values()]
    try:
        facts = app_store.lookup(
            asked,
            url,
            adam_ids,
            country=batch.country,
            platform=batch.platform,
            token=batch.credentials.token,
        )
    except AppsBooksError as error:
        return Found(error=str(error))
    return _with_icons(asked, batch, facts)


def _with_icons(asked: Store, batch: Batch, facts: Mapping[str, StoreFacts]) -> Found:
    icons, wrong = {}, {}
    for adam_id, kept_url in batch.assets.values():
        one = facts.get(adam_id)
        if one is None or not one.icon_url or one.icon_url == kept_url:
            continue
        try:
            icons[adam_id] = app_store.icon(asked, one.icon_url)
        except AppsBooksError as error:
            wrong[adam_id] = str(error)
    return Found(facts=facts, icons=icons, icon_errors=wrong)


def store(batch: Batch, found: Found, *, now: datetime) -> None:
    """Keep it; what was known stays where the store says nothing."""
    query = sa.select(Asset).where(Asset.id.in_(batch.assets)).order_by(Asset.id)
    for asset in session().scalars(query.with_for_update()):
        error = found.error or found.icon_errors.get(asset.adam_id)
        facts = found.facts.get(asset.adam_id)
        if facts is not None:
            _keep(asset, facts, found.icons.get(asset.adam_id), now)
        elif error is None:
            error = "the store of the location's country does not list it"
        asset.metadata_error = error
        asset.metadata_due_at = now + (AFTER_FAILURE if found.error else FRESH)
    session().flush()


def _keep(asset: Asset, facts: StoreFacts, icon: Icon | None, now: datetime) -> None:
    asset.name = facts.name or asset.name
    asset.bundle_id = facts.bundle_id or asset.bundle_id
    asset.latest_version = facts.latest_version or asset.latest_version
    asset.store_url = facts.store_url or asset.store_url
    asset.store_metadata = dict(facts.document)
    asset.metadata_at = now
    if icon is not None:
        asset.icon, asset.icon_type, asset.icon_url = icon.body, icon.content_type, facts.icon_url


def is_due(*, now: datetime) -> bool:
    """Whether facts of any asset are old."""
    query = sa.select(Asset.id).where(Asset.metadata_due_at <= now).limit(1)
    return session().scalar(query) is not None


def refresh(actor: Actor, asset: Asset, *, now: datetime) -> None:
    """Have the facts of one asset fetched again."""
    asset.metadata_due_at = now
    audit.record(actor, "asset.refresh", asset)
    defer("apps_books.metadata", once="apps_books.metadata")
