"""A password that is tried: written down first, asked outside of a transaction, then settled."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from zmdm_plugin import db
from zmdm_plugin.errors import ConfigError
from zmdm_plugin.models import SignIn
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services.realms import guessing, health, provider, sign_ins

log = logging.getLogger(__name__)

_LONGEST = {"username": 256, "password": 1024}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """Where to go on, or what to say on the form."""

    then: str | None = None
    fault: str = ""
    status: int = 200


def with_password(ticket: str, browser: str, username: str, password: str) -> Tried:
    """Ask the realm's backend; each outcome is an event, an outage is in the realm's health."""
    username = username.strip()
    if not username or not password or not username.isprintable():
        return Tried(fault="type your username and your password", status=422)
    if len(username) > _LONGEST["username"] or len(password) > _LONGEST["password"]:
        return Tried(fault="the username or the password is wrong", status=422)
    with db.outages(), db.transaction():
        row = sign_ins.opened(ticket, browser)
        asked = provider.of(row.realm)
        try:
            attempt = guessing.note(asked.realm_id, username, now=utcnow())
        except guessing.TooManyAttempts as error:
            return _note(row, str(error), username)
    try:
        known = provider.module(asked.backend).check(asked, username, password)
    except (provider.WrongPassword, provider.ProviderFailed, ConfigError) as error:
        with db.outages(), db.transaction():
            row = sign_ins.opened(ticket, browser)
            if not isinstance(error, provider.WrongPassword):
                guessing.withdraw(attempt)
            return _failed(row, error, username)
    with db.outages(), db.transaction():
        row = sign_ins.opened(ticket, browser)
        try:
            then = sign_ins.complete(row, known, now=utcnow())
        except provider.PersonRefused as error:
            return _note(row, str(error), username)
        guessing.forgive(asked.realm_id, username)
        health.worked(row.realm, now=utcnow())
        return Tried(then=then)


def _failed(row: SignIn, error: Exception, username: str) -> Tried:
    """A wrong password is the person's affair, everything else the realm's."""
    if isinstance(error, provider.WrongPassword):
        health.worked(row.realm, now=utcnow())
    else:
        health.failed(row.realm, str(error), now=utcnow())
    return _note(row, str(error), username)


def _note(row: SignIn, why: str, username: str) -> Tried:
    sign_ins.failed(row, why, username=username)
    return Tried(fault=why, status=422)
