"""Locations, assets and licences as JSON; tokens go in and never come out."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from zmdm_plugin.blueprints.api.schemas.fields import (
    Moment,
    NamedPageQuery,
    PageQuery,
    described,
    text_argument,
)
from zmdm_plugin.blueprints.api.schemas.tags import BulkFilter
from zmdm_plugin.commands.arguments import Base64
from zmdm_plugin.models import Asset, Location
from zmdm_plugin.protocol.content_token import MAX_SIZE
from zmdm_plugin.services.apps_books import listing, syncing
from zmdm_plugin.services.apps_books.listing import Held
from zmdm_plugin.services.bulk_licences import MOST
from zmdm_plugin.services.keyset import MAX_ID

_ROW_ID = ma.validate.Range(min=1, max=MAX_ID)


class AppsLocationSchema(ma.Schema):
    """A location of Apple Business or School Manager."""

    id = ma.fields.Integer(required=True)
    server_token_expiration_date = Moment(
        required=True, metadata=described("Renew the content token well before.")
    )
    organization_name = ma.fields.String(required=True, metadata={"example": "Example Ltd"})
    name = ma.fields.String(required=True, metadata={"example": "Berlin"})
    country_code = ma.fields.String(required=True, metadata={"example": "DE"})
    library_uid = ma.fields.String(
        required=True, metadata={"example": "1dc05825-af1d-422a-9b26-72a2f8c2aae5"}
    )
    platform = ma.fields.String(required=True, metadata={"example": "enterprisestore"})
    website_url = ma.fields.String(
        required=True, metadata={"example": "https://business.apple.com"}
    )
    mdm_info_id = ma.fields.String(required=True, metadata=described("Names this server at Apple."))
    created_at = Moment(required=True)
    updated_at = Moment(required=True)


class LocationQuery(NamedPageQuery):
    """Filters of the list of locations."""

    name = text_argument("Exactly this name.")
    organization_name = text_argument("Exactly this organization.")


class LocationName(ma.Schema):
    """Says that it is meant."""

    name = text_argument("The location's name once more, for it cannot be undone.")


class LocationHealthSchema(ma.Schema):
    """How a location stands with Apple."""

    registered_at = Moment(
        required=True,
        allow_none=True,
        metadata=described("Since when it is managed from here."),
    )
    lost_at = Moment(
        required=True,
        allow_none=True,
        metadata=described("Since when another server manages it.", example=None),
    )
    owner = ma.fields.String(
        required=True,
        allow_none=True,
        metadata=described("What that server calls itself.", example=None),
    )
    synced_at = Moment(required=True, allow_none=True)
    full_sync_at = Moment(required=True, allow_none=True)
    notified_at = Moment(required=True, allow_none=True)
    notification_error = ma.fields.String(
        required=True,
        allow_none=True,
        metadata=described("Why Apple does not notify this server.", example=None),
    )
    error = ma.fields.String(
        required=True,
        allow_none=True,
        metadata=described("What went wrong last; null when nothing did.", example=None),
    )
    error_number = ma.fields.Integer(
        required=True, allow_none=True, metadata=described("Apple's number.", example=None)
    )
    apps = ma.fields.Integer(required=True)
    licences = ma.fields.Integer(required=True)
    short = ma.fields.Integer(
        required=True, metadata=described("Apps of which devices wait for licences.")
    )
    task_id = ma.fields.UUID(
        required=True, allow_none=True, metadata=described("The sync that is under way.")
    )


class ContentTokenUpload(ma.Schema):
    """A content token, as Apple Business or School Manager gives it."""

    token = Base64(
        required=True,
        validate=ma.validate.Length(min=1, max=MAX_SIZE),
        metadata=described("The .vpptoken file."),
    )
    take_over = ma.fields.Boolean(
        load_default=False,
        metadata=described(
            "Another server manages the location: take it over. Without this such a location is "
            "a 409 that names the server."
        ),
    )


class NewSync(ma.Schema):
    """A sync to be."""

    mode = ma.fields.String(
        load_default="incremental",
        validate=ma.validate.OneOf(syncing.MODES[:2]),
        metadata=described("incremental: what has changed. full: everything."),
    )


class AssetSchema(ma.Schema):
    """An app or book of the store."""

    id = ma.fields.Integer(required=True)
    adam_id = ma.fields.String(required=True, metadata={"example": "361309726"})
    pricing_param = ma.fields.String(required=True, metadata={"example": "STDQ"})
    product_type = ma.fields.String(required=True, metadata={"example": "App"})
    device_assignable = ma.fields.Boolean(required=True)
    revocable = ma.fields.Boolean(required=True)
    supported_platforms = ma.fields.List(
        ma.fields.String(), required=True, metadata={"example": ["iOS", "macOS"]}
    )
    name = ma.fields.String(required=True, allow_none=True, metadata={"example": "Pages"})
    bundle_id = ma.fields.String(
        required=True, allow_none=True, metadata={"example": "com.apple.Pages"}
    )
    latest_version = ma.fields.String(required=True, allow_none=True, metadata={"example": "14.4"})
    store_url = ma.fields.String(
        required=True,
        allow_none=True,
        metadata={"example": "https://apps.apple.com/de/app/pages/id361309726"},
    )
    has_icon = ma.fields.Boolean(required=True, metadata=described("icon/ has it."))
    metadata_at = Moment(required=True, allow_none=True)
    metadata_error = ma.fields.String(
        required=True,
        allow_none=True,
        metadata=described("Why the store said nothing; null when it did.", example=None),
    )
    created_at = Moment(required=True)
    updated_at = Moment(required=True)


class AssetQuery(PageQuery):
    """Filters of the list of assets."""

    adam_id = text_argument("Exactly this one.", 32)
    pricing_param = text_argument("STDQ or PLUS.", 8)
    product_type = text_argument("App or Book.", 16)
    bundle_id = text_argument("Exactly this one.")
    search = text_argument("In the name.", 100)
    short = ma.fields.Boolean(metadata=described("Whether devices wait for licences."))
    ordering = ma.fields.String(
        load_default="id", validate=ma.validate.OneOf(listing.ASSETS.orderings)
    )


class LocationAssetSchema(ma.Schema):
    """How many licences of an asset a location has."""

    id = ma.fields.Integer(required=True)
    assigned_count = ma.fields.Integer(required=True)
    available_count = ma.fields.Integer(required=True)
    retired_count = ma.fields.Integer(required=True)
    total_count = ma.fields.Integer(required=True)
    created_at = Moment(required=True)
    updated_at = Moment(required=True)
    location = ma.fields.Integer(required=True, attribute="location_id")
    asset = ma.fields.Integer(required=True, attribute="asset_id")


class LocationAssetQuery(PageQuery):
    """Filters of the list of what locations have."""

    adam_id = text_argument("Exactly this one.", 32)
    pricing_param = text_argument("STDQ or PLUS.", 8)
    location_id = ma.fields.Integer(strict=False, validate=_ROW_ID)
    ordering = ma.fields.String(load_default="id", validate=ma.validate.OneOf(("id", "-id")))


class AssignmentSchema(ma.Schema):
    """A device that holds or waits for a licence."""

    serial_number = ma.fields.String(required=True, metadata={"example": "C02XXXXXXXXX"})
    device = ma.fields.Integer(
        required=True, allow_none=True, metadata=described("null: not known here.")
    )
    state = ma.fields.String(required=True, validate=ma.validate.OneOf(listing.STATES))
    ours = ma.fields.Boolean(required=True, metadata=described("Whether this server assigned it."))
    scoped = ma.fields.Boolean(
        required=True, metadata=described("A blueprint brings the app to the device.")
    )
    by_hand = ma.fields.Boolean(
        required=True, metadata=described("An operator, or a program, assigned it.")
    )
    error = ma.fields.String(
        required=True, allow_none=True, metadata=described("Why not.", example=None)
    )
    changed_at = Moment(required=True)


class AssignmentQuery(PageQuery):
    """Filters of who has licences."""

    serial_number = text_argument("Exactly this one.", 128)
    state = ma.fields.String(validate=ma.validate.OneOf(listing.STATES))


class LicenceOrder(ma.Schema):
    """Devices by `serial_numbers`, or by `filter` with the `count` that was seen."""

    serial_numbers = ma.fields.List(
        ma.fields.String(validate=ma.validate.Length(min=1, max=128)),
        validate=ma.validate.Length(min=1, max=MOST),
        metadata={"example": ["C02XXXXXXXXX"]},
    )
    filter = ma.fields.Nested(BulkFilter)
    count = ma.fields.Integer(
        strict=True,
        validate=_ROW_ID,
        metadata=described("With a filter: what devices/count/ said. More by now is a 409."),
    )
    up_to = ma.fields.Integer(
        strict=True, validate=_ROW_ID, metadata=described("With a filter: as devices/count/ said.")
    )


def health(location: Location, totals: tuple[int, int, int], task: str | None) -> dict[str, Any]:
    """As LocationHealthSchema wants it."""
    plain = ("registered_at", "lost_at", "synced_at", "full_sync_at", "notified_at")
    wrong = ("notification_error", "error", "error_number")
    apps, number, short = totals
    return {
        **{name: getattr(location, name) for name in (*plain, *wrong)},
        "owner": (location.owner or {}).get("name"),
        "apps": apps,
        "licences": number,
        "short": short,
        "task_id": task,
    }


def asset(row: Asset) -> dict[str, Any]:
    """As AssetSchema wants it; the icon stays where it is."""
    names = [name for name in AssetSchema().fields if name != "has_icon"]
    return {**{name: getattr(row, name) for name in names}, "has_icon": row.icon_type is not None}


def assignment(row: Held) -> dict[str, Any]:
    """As AssignmentSchema wants it."""
    licence = row.licence
    return {
        "serial_number": licence.serial_number,
        "device": row.device_id,
        "state": row.state,
        "ours": licence.ours,
        "scoped": licence.scoped,
        "by_hand": licence.by_hand,
        "error": licence.error,
        "changed_at": licence.changed_at,
    }
