"""/public/mdm/sign_in/<ticket>/: the page of one sign-in, for the one browser that opened it."""

from __future__ import annotations

from functools import cache
from importlib import resources

from flask import Blueprint, Response, request, url_for

from zmdm_plugin import db
from zmdm_plugin.blueprints.signin import cookies, leaving, trying
from zmdm_plugin.models import SignIn
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services.realms import provider, sign_ins
from zmdm_plugin.services.secret_text import new_secret
from zmdm_plugin.web import public_pages
from zmdm_plugin.web.public import made, to

blueprint = Blueprint("zmdm_sign_in", __name__, url_prefix=sign_ins.PATH)

_MOST_BODY = 16 * 1024
TITLE = "Sign in"


@blueprint.get("/assets/zmdm.css")
def style() -> Response:
    """The style of our screens; here, since a proxy need not pass those on."""
    response = Response(_style(), content_type="text/css; charset=utf-8")
    response.headers["Cache-Control"] = "public, max-age=3600"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return made(response)


@blueprint.get("/<ticket>/")
def show(ticket: str) -> Response:
    """The form; or straight to the provider, where there is nothing to choose."""
    browser = cookies.browser_of(request) or new_secret()
    with db.outages(), db.transaction():
        row = sign_ins.opened(ticket, browser, first=True)
        asks = provider.module(row.realm.backend)
        straight = asks.REDIRECTS and not row.optional
        response = (
            to(url_for("zmdm_sign_in.leave", ticket=ticket))
            if straight
            else form(row, ticket, redirects=asks.REDIRECTS)
        )
    cookies.bind(response, browser, root=request.script_root)
    return response


@blueprint.get("/<ticket>/provider/")
def leave(ticket: str) -> Response:
    """To the provider."""
    return leaving.leave(ticket)


@blueprint.get("/callback/")
def come_back() -> Response:
    """From the provider; one address for every realm, since providers want to know it before."""
    return leaving.come_back()


@blueprint.post("/<ticket>/")
def send(ticket: str) -> Response:
    """A username and a password; or on without, where that is allowed."""
    request.max_content_length = _MOST_BODY
    browser = cookies.browser_of(request)
    if request.form.get("skip"):
        with db.outages(), db.transaction():
            return to(sign_ins.skip(sign_ins.opened(ticket, browser), now=utcnow()))
    username, password = request.form.get("username", ""), request.form.get("password", "")
    tried = trying.with_password(ticket, browser, username, password)
    if tried.then is not None:
        return to(tried.then)
    with db.outages(), db.transaction():
        row = sign_ins.opened(ticket, browser)
        return form(row, ticket, fault=tried.fault, username=username, status=tried.status)


def form(
    row: SignIn,
    ticket: str,
    *,
    redirects: bool = False,
    fault: str = "",
    username: str = "",
    status: int = 200,
) -> Response:
    """The page; a form for a password, or a link to the provider."""
    return public_pages.page(
        "zmdm/public_sign_in.html",
        title=TITLE,
        status=status,
        realm=row.realm.name,
        optional=row.optional,
        fault=fault,
        username=username,
        provider_url=url_for("zmdm_sign_in.leave", ticket=ticket) if redirects else None,
    )


@cache
def _style() -> bytes:
    return resources.files("zmdm_plugin").joinpath("static/zmdm/zmdm.css").read_bytes()
