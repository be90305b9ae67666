"""Fields that several resources share."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import marshmallow as ma

from zmdm_plugin.services import export_formats
from zmdm_plugin.services.keyset import DEFAULT_LIMIT, MAX_LIMIT, Keyset

EXPORTED = {
    "application/x-ndjson": {"schema": {"type": "string"}},
    "text/csv": {"schema": {"type": "string"}},
}
"""What an export answers, for the documentation."""


class Moment(ma.fields.AwareDateTime):
    """RFC 3339 in UTC with a Z, microseconds included; a time without a zone is refused."""

    def _serialize(
        self, value: datetime | None, attr: str | None, obj: Any, **_: Any
    ) -> str | None:
        if value is None:
            return None
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> datetime:
        try:
            moment: datetime = super()._deserialize(value, attr, data, **kwargs)
            return moment.astimezone(UTC)
        except (OverflowError, TypeError) as error:
            raise self.make_error("invalid", input=value, obj_type="datetime") from error


def described(text: str, **extra: Any) -> dict[str, Any]:
    """Field metadata for the documentation."""
    return {"description": text, **extra}


def text_argument(about: str, longest: int = 256, **extra: Any) -> ma.fields.String:
    """A text in the query, never empty: an empty filter is a mistake, not "all"."""
    return ma.fields.String(
        validate=ma.validate.Length(min=1, max=longest), metadata=described(about, **extra)
    )


class PageQuery(ma.Schema):
    """How much of a list, and from where on."""

    limit = ma.fields.Integer(
        load_default=DEFAULT_LIMIT,
        validate=ma.validate.Range(min=1, max=MAX_LIMIT),
        metadata=described("How many items at most."),
    )
    cursor = ma.fields.String(
        validate=ma.validate.Length(min=1, max=2000),
        metadata=described("Where to go on: from the Link or X-Pagination header of a page."),
    )


class NamedPageQuery(PageQuery):
    """The same for rows that have a name."""

    ordering = ma.fields.String(
        load_default="id",
        validate=ma.validate.OneOf(("id", "-id", "name", "-name")),
        metadata=described("By what to sort; a minus reverses."),
    )


class DatedQuery(ma.Schema):
    """From when to when, for rows that are never changed."""

    created_after = Moment(metadata=described("Not earlier than this."))
    created_before = Moment(metadata=described("Earlier than this."))


class ExportQuery(DatedQuery):
    """The same for an export, and its form."""

    format = ma.fields.String(
        load_default="jsonl",
        validate=ma.validate.OneOf(export_formats.KINDS),
        metadata=described("JSON Lines, or CSV whose cells no spreadsheet takes for formulas."),
    )


def newest_first(keyset: Keyset) -> ma.fields.String:
    """The orderings of a list that begins with the newest."""
    return ma.fields.String(
        validate=ma.validate.OneOf(keyset.orderings),
        metadata=described("The newest first unless told."),
    )
