"""The declarative base on a MetaData of our own, so that the host's autogenerate never sees us."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from zmdm_plugin.clock import utcnow as utcnow

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """Aware UTC datetimes on every database; a naive one is a bug and raises."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("naive datetime")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


BigInt = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Json = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def new_uid() -> str:
    return str(uuid.uuid4())


def as_utc(moment: datetime) -> datetime:
    """A naive moment that was meant as UTC (a command line, a form) made aware."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


class Base(DeclarativeBase):
    metadata = metadata
    type_annotation_map = {
        datetime: UtcDateTime(),
        int: BigInt,
        dict[str, Any]: Json,
        list[Any]: Json,
        list[str]: Json,
        bytes: sa.LargeBinary(),
    }


class Row(Base):
    """What each of our rows has: a BIGINT id, and a uid that is known before any flush."""

    __abstract__ = True

    id: Mapped[int] = mapped_column(BigInt, primary_key=True, sort_order=-2)
    uid: Mapped[str] = mapped_column(sa.String(36), unique=True, sort_order=-1)
    created_at: Mapped[datetime] = mapped_column(sort_order=90)
    updated_at: Mapped[datetime] = mapped_column(onupdate=utcnow, sort_order=91)

    def __init__(self, **values: Any) -> None:
        now = utcnow()
        values.setdefault("uid", new_uid())
        values.setdefault("created_at", now)
        values.setdefault("updated_at", now)
        super().__init__(**values)


def sealed(label: str) -> Mapped[str | None]:
    """A column that holds `secretbox` text only; rotation finds it by its label."""
    return mapped_column(sa.Text(), info={"sealed": label}, deferred=True)
