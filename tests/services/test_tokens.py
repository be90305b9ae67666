"""The text of a token, and what is kept of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from tests.hosts import ADMINISTRATOR
from zmdm_plugin import db
from zmdm_plugin.errors import Refused, Unauthorized
from zmdm_plugin.models import ApiToken
from zmdm_plugin.services import tokens

NOW = datetime.now(UTC)


@pytest.fixture
def inside(app: Flask) -> Iterator[None]:
    """These are calls of a service, not of HTTP: the context is the edge's."""
    with app.app_context():
        yield


def create(name: str = "robot", **more: object) -> tuple[ApiToken, str]:
    values: dict[str, object] = {"permissions": ["mdm.*"], "actor": ADMINISTRATOR, **more}
    with db.transaction():
        return tokens.create(name, ADMINISTRATOR, **values)  # type: ignore[arg-type]


def test_two_tokens_differ_and_are_long(inside: None) -> None:
    first, second = create()[1], create()[1]
    assert first != second and len(first) == len(second) == 5 + 43 + 8


def test_only_the_hash_is_kept(inside: None) -> None:
    _, text = create()
    row = db.session().execute(sa.select(sa.text("* FROM zmdm_api_token"))).one()
    assert text not in str(row)
    assert hashlib.sha256(text.encode()).hexdigest() in str(row)


def test_a_token_without_its_checksum_is_not_even_looked_up(inside: None) -> None:
    _, text = create()
    with pytest.raises(Unauthorized):
        tokens.verify(text[:-1] + ("0" if text[-1] != "0" else "1"), at=NOW)


def test_a_token_dies_with_its_last_second(inside: None) -> None:
    _, text = create(expires_at=NOW + timedelta(days=1))
    assert tokens.verify(text, at=NOW + timedelta(hours=23)).name == "robot"
    with pytest.raises(Unauthorized, match="expired"):
        tokens.verify(text, at=NOW + timedelta(days=1))


@given(st.text())
def test_no_text_is_more_than_unauthorized(text: str) -> None:
    with pytest.raises(Unauthorized):
        tokens.verify(text, at=NOW)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 129}, "name"),
        ({"permissions": []}, "permissions"),
        ({"permissions": ["host.*"]}, "permissions"),
        ({"expires_at": NOW - timedelta(days=1)}, "expires_at"),
    ],
)
def test_a_senseless_token_is_refused(inside: None, change: dict[str, object], field: str) -> None:
    with pytest.raises(Refused) as refused:
        create(**change)  # type: ignore[arg-type]
    assert refused.value.field == field
