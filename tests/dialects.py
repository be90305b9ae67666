"""Dialects that are equal to their like: SQL compiled for one application serves the next.

SQLAlchemy keeps compiled SQL per engine, by the dialect object. A process has one engine, and
compiles once; the tests have thousands, each with a dialect of its own, and would compile each
statement thousands of times: a third of what they cost.
"""

from __future__ import annotations

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.util import LRUCache

COMPILED: LRUCache[object, object] = LRUCache(4000)
"""For `execution_options={"compiled_cache": …}` of every engine."""


class _Alike:
    """All dialects of this class are made with the same options."""

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self)

    def __hash__(self) -> int:
        return hash(type(self))


class Sqlite(_Alike, SQLiteDialect_pysqlite):
    """SQLite."""

    supports_statement_cache = True


class Psycopg(_Alike, PGDialect_psycopg):
    """PostgreSQL."""

    supports_statement_cache = True


registry.register("sqlite", __name__, Sqlite.__name__)
registry.register("postgresql.psycopg", __name__, Psycopg.__name__)
