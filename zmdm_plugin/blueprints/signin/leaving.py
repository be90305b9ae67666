"""To the provider and back: what is asked of others is asked outside of transactions."""

from __future__ import annotations

from flask import Response, request, url_for

from zmdm_plugin import db
from zmdm_plugin.blueprints.signin.cookies import browser_of
from zmdm_plugin.errors import ConfigError, ZmdmError
from zmdm_plugin.models import SignIn
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services.realms import health, provider, sign_ins
from zmdm_plugin.web import public_pages
from zmdm_plugin.web.public import to

_TICKET = "ticket"


def leave(ticket: str) -> Response:
    """Send the browser to the provider of the realm."""
    browser = browser_of(request)
    with db.outages(), db.transaction():
        asked = provider.of(sign_ins.opened(ticket, browser).realm)
    try:
        leaving = provider.module(asked.backend).leave(asked)
    except (provider.ProviderFailed, ConfigError) as error:
        with db.outages(), db.transaction():
            return _failed(sign_ins.opened(ticket, browser), error, ticket)
    with db.outages(), db.transaction():
        row = sign_ins.opened(ticket, browser)
        sign_ins.remember(row, leaving.state, {**leaving.flow, _TICKET: ticket})
    return to(leaving.url)


def come_back() -> Response:
    """The provider sent the browser back: who is it?"""
    browser = browser_of(request)
    with db.outages(), db.transaction():
        row = sign_ins.returned(request.args.get("state", ""), browser)
        row_id, asked, flow = row.id, provider.of(row.realm), sign_ins.flow_of(row)
    ticket = str(flow.pop(_TICKET))
    try:
        query = request.args.to_dict()
        known = provider.module(asked.backend).returned(asked, flow, query)
    except (provider.ProviderFailed, provider.PersonRefused, ConfigError) as error:
        with db.outages(), db.transaction():
            return _failed(sign_ins.again(row_id, browser), error, ticket)
    with db.outages(), db.transaction():
        row = sign_ins.again(row_id, browser)
        health.worked(row.realm, now=utcnow())
        try:
            return to(sign_ins.complete(row, known, now=utcnow()))
        except provider.PersonRefused as error:
            return _failed(row, error, ticket)


def _failed(row: SignIn, error: ZmdmError, ticket: str) -> Response:
    """In words on the page, as an event, and in the realm's health if it is the provider's fault.

    What is wrong with our own installation is the administrator's affair.
    """
    why = str(error)
    sign_ins.failed(row, why)
    if not isinstance(error, provider.PersonRefused):
        health.failed(row.realm, why, now=utcnow())
    return public_pages.stopped(
        f"{row.realm.name}: {why}",
        title="You are not signed in",
        again=url_for("zmdm_sign_in.leave", ticket=ticket),
    )
