"""Packages and installed applications as JSON."""

from __future__ import annotations

import marshmallow as ma

from zmdm_plugin.blueprints.api.schemas.fields import (
    Moment,
    NamedPageQuery,
    PageQuery,
    described,
    text_argument,
)

_HASH = ma.validate.Regexp(r"[0-9A-Fa-f]{64}\Z", error="64 hexadecimal digits.")
_EXAMPLE = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


class _Bundle(ma.Schema):
    """An application in a package."""

    identifier = ma.fields.String(required=True)
    version = ma.fields.String(required=True)
    short_version = ma.fields.String(required=True)
    path = ma.fields.String(required=True)


class PackageSchema(ma.Schema):
    """A package as it says of itself."""

    id = ma.fields.Integer(required=True)
    uid = ma.fields.String(required=True)
    name = ma.fields.String(required=True)
    kind = ma.fields.String(required=True, validate=ma.validate.OneOf(("pkg", "ipa")))
    product_id = ma.fields.String(required=True)
    product_version = ma.fields.String(required=True)
    platforms = ma.fields.List(ma.fields.String(), required=True)
    bundles = ma.fields.List(ma.fields.Nested(_Bundle), required=True)
    signer = ma.fields.String(
        required=True, allow_none=True, metadata=described("Who signed it (pkg).")
    )
    minimum_os = ma.fields.String(required=True, allow_none=True)
    filename = ma.fields.String(required=True, allow_none=True)
    sha256 = ma.fields.String(required=True, metadata=described("Hex.", example=_EXAMPLE))
    size = ma.fields.Integer(required=True, metadata=described("Bytes."))
    source_url = ma.fields.String(
        required=True, allow_none=True, metadata=described("Where it was fetched.")
    )
    actor = ma.fields.String(attribute="actor_id", required=True, allow_none=True)
    created_at = Moment(required=True)
    updated_at = Moment(required=True)


class PackageQuery(NamedPageQuery):
    """Filters of the list of packages."""

    product_id = text_argument("Of this product.")
    kind = ma.fields.String(validate=ma.validate.OneOf(("pkg", "ipa")), metadata=described("Only."))
    sha256 = ma.fields.String(validate=_HASH, metadata=described("This very file."))


class PackageChange(ma.Schema):
    """What may change of a package."""

    name = ma.fields.String(required=True, validate=ma.validate.Length(min=1, max=256))


class PackageFetch(ma.Schema):
    """A package that is fetched by a job."""

    url = ma.fields.String(
        required=True,
        validate=ma.validate.Length(min=1, max=2048),
        metadata=described("https, to a public address.", example="https://example.com/editor.pkg"),
    )
    sha256 = ma.fields.String(
        required=True, validate=_HASH, metadata=described("Of the file, hex.", example=_EXAMPLE)
    )
    name = ma.fields.String(
        load_default=None, allow_none=True, validate=ma.validate.Length(min=1, max=256)
    )


class ApplicationSchema(ma.Schema):
    """An application on a device."""

    id = ma.fields.Integer(attribute="row.id", required=True)
    device = ma.fields.Integer(attribute="device.id", required=True)
    serial_number = ma.fields.String(
        attribute="device.serial_number", required=True, allow_none=True
    )
    channel = ma.fields.Integer(attribute="channel.id", required=True)
    user_short_name = ma.fields.String(
        attribute="channel.user_short_name", required=True, allow_none=True
    )
    identifier = ma.fields.String(attribute="row.identifier", required=True, allow_none=True)
    name = ma.fields.String(attribute="row.name", required=True, allow_none=True)
    version = ma.fields.String(attribute="row.version", required=True, allow_none=True)
    short_version = ma.fields.String(attribute="row.short_version", required=True, allow_none=True)
    bundle_size = ma.fields.Integer(attribute="row.bundle_size", required=True, allow_none=True)
    managed = ma.fields.String(
        attribute="row.managed",
        required=True,
        allow_none=True,
        metadata=described("Apple's state of a managed app; null: not managed, or not told."),
    )
    source = ma.fields.String(
        attribute="row.source",
        required=True,
        allow_none=True,
        metadata=described("What told of it last: list, managed or status."),
    )
    seen_at = Moment(attribute="row.seen_at", required=True, allow_none=True)


class _ApplicationFilter(ma.Schema):
    search = text_argument("Words of the name or the identifier.")
    identifier = text_argument("Exactly this bundle identifier.", 512)
    version = text_argument("Exactly this version, or short version.", 128)
    device = ma.fields.Integer(
        validate=ma.validate.Range(min=1, max=2**63 - 1), metadata=described("On this device.")
    )
    managed = ma.fields.Boolean(metadata=described("Only managed ones, or only others."))


class ApplicationQuery(PageQuery, _ApplicationFilter):
    """Filters of the list of installed applications."""


class ApplicationExportQuery(_ApplicationFilter):
    """The same for an export."""

    format = ma.fields.String(
        load_default="csv",
        validate=ma.validate.OneOf(("csv", "jsonl")),
        metadata=described("csv or jsonl."),
    )
