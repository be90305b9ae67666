"""Screen: what every view of ours stands on; closed unless the host opens it, and never trusting.

flask-admin is open by default and checks no form. Here a view without a permission cannot be made,
every request asks the host who acts and whether they may, and every POST carries a token.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from typing import Any, cast

import flask
from flask import Blueprint, current_app, request
from flask.typing import ResponseReturnValue
from flask_admin import Admin, BaseView
from flask_wtf.csrf import generate_csrf, validate_csrf
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from wtforms import ValidationError

from zmdm_plugin import db
from zmdm_plugin.actors import Actor
from zmdm_plugin.admin import words
from zmdm_plugin.errors import Denied, NotFound, Overtaken, ZmdmError
from zmdm_plugin.models.base import Base, utcnow
from zmdm_plugin.origin import acts
from zmdm_plugin.services import access, audit
from zmdm_plugin.services.alerts import handling
from zmdm_plugin.web import origin
from zmdm_plugin.web.actor import screen_actor

log = logging.getLogger(__name__)

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
_READS = {"GET", "HEAD", "OPTIONS"}
_TOKEN_SECONDS = 365 * 86400  # a page may stay open for as long as its session lasts
_LARGEST_ID = 2**63 - 1
_UNWANTED = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


class Screen(BaseView):
    """A view of ours: `permission` is what its pages need; its POST methods demand their own."""

    permission: str

    def __init__(
        self,
        name: str,
        *,
        endpoint: str,
        url: str,
        group: str | None = None,
        below: Screen | None = None,
    ) -> None:
        """`group` is its heading in the menu; a screen `below` another has no entry of its own."""
        if not getattr(self, "permission", ""):
            raise TypeError(f"{type(self).__name__} names no permission")
        super().__init__(name, category=group, endpoint=endpoint, url=url)
        self.below = below

    def create_blueprint(self, admin: Admin) -> Blueprint:
        """flask-admin's, and the audit learns where each request comes from."""
        blueprint: Blueprint = super().create_blueprint(admin)
        origin.watch(blueprint)
        return blueprint

    def is_accessible(self) -> bool:
        """Whether whoever asks may see this screen, for the menu too."""
        return actor() is not None and self.permitted()

    def permitted(self) -> bool:
        """Whether the one who acts holds what this screen needs."""
        return may(self.permission)

    def is_visible(self) -> bool:
        return self.below is None

    def _handle_view(self, name: str, **kwargs: Any) -> ResponseReturnValue | None:
        """Before each view: a person, a permission, and a token if something is to change."""
        if (who := actor()) is None:
            return _sign_in(self)
        acts(who.person.id, who.person.label)
        if not self.permitted():
            return self.refuse(_lacking(self.permission))
        if request.method not in _READS and (fault := _token_fault()):
            log.info("a form was refused: %s", fault)
            return self.page(
                "zmdm/expired.html", title="This form is too old", status=400, name=name
            )
        return None

    def _run_view(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Run it once (flask-admin repeats after a TypeError) and put our errors into words."""
        try:
            answer = fn(self, *args, **kwargs)
        except ZmdmError as error:
            return self.refuse(error)
        except IntegrityError as error:
            if not db.is_race(error):
                raise
            return self.refuse(Overtaken())
        return answer if isinstance(answer, flask.Response) else flask.make_response(answer)

    def refuse(self, error: ZmdmError) -> flask.Response:
        """A page that says why not."""
        if isinstance(error, Denied) and error.permission:
            _write_down(error)
        titles = {403: "You may not do this", 404: "There is nothing here", 409: "Not any more"}
        return self.page(
            "zmdm/refused.html",
            title=titles.get(error.status, "That did not work"),
            why=words.sentence(str(getattr(error, "why", "") or error)),
            status=error.status,
        )

    def page(
        self, template: str, *, title: str, status: int = 200, **values: Any
    ) -> flask.Response:
        """One of our pages, with the headers that keep foreign script out of it."""
        html = self.render(
            template,
            title=title,
            words=words,
            now=utcnow(),
            may=may,
            access=access,
            actor=actor(),
            in_menu=self.below or self,
            csrf_token=generate_csrf,
            csrf_field=_token_name(),
            asset=_asset,
            arguments=request.args,
            standing=standing,
            **values,
        )
        response = flask.make_response(html, status)
        response.headers.update(HEADERS)
        return response


def actor() -> Actor | None:
    """Who acts, as the host says; asked once per request."""
    if "zmdm_actor" not in flask.g:
        flask.g.zmdm_actor = screen_actor()
    return cast("Actor | None", flask.g.zmdm_actor)


def acting() -> Actor:
    """Who acts, where `_handle_view` has made sure that somebody does."""
    found = actor()
    if found is None:
        raise Denied("Please sign in.")
    return found


def may(permission: str, subject: Any = None) -> bool:
    """Whether the one who acts holds this permission; answers are kept for the request."""
    asked: dict[tuple[str, Any], bool] = flask.g.setdefault("zmdm_may", {})
    key = (permission, getattr(subject, "uid", subject))
    if key not in asked:
        who = actor()
        asked[key] = who is not None and access.allowed(who, permission, subject)
    return asked[key]


def standing() -> handling.Standing | None:
    """What alerts there are, for those who may see them; asked once per request."""
    if "zmdm_standing" not in flask.g:
        seen = actor() is not None and may(access.VIEW_ALERTS)
        flask.g.zmdm_standing = handling.standing(now=utcnow()) if seen else None
    return cast("handling.Standing | None", flask.g.zmdm_standing)


def demand(permission: str, subject: Any = None) -> None:
    """Denied unless the one who acts holds this permission."""
    if not may(permission, subject):
        raise _lacking(permission, subject)


def back(said: str, endpoint: str, **values: Any) -> flask.Response:
    """To another page after a change (303, so that reloading repeats nothing), and say it there."""
    flask.flash(said)
    return flask.make_response(flask.redirect(flask.url_for(endpoint, **values), code=303))


def session() -> Session:
    """The session to read with; whoever writes opens `db.transaction()`."""
    return db.session()()


def row(model: type[Any], row_id: int) -> Any:
    """The row with this id; NotFound for one that is missing or that no database could hold."""
    found = session().get(model, row_id) if 0 < row_id <= _LARGEST_ID else None
    if found is None:
        raise NotFound("It does not exist, or does not exist any more.")
    return found


def text(name: str, *, most: int = 200, given: Mapping[str, Any] | None = None) -> str:
    """A query argument as clean text: one line, no control characters, not endless.

    `given`: instead of the arguments of the address.
    """
    found = request.args if given is None else given
    return _UNWANTED.sub("", str(found.get(name, ""))).strip()[:most]


def _lacking(permission: str, subject: Any = None) -> Denied:
    return Denied(
        f"You need the permission {permission}; an administrator can grant it.",
        permission=permission,
        subject=subject,
    )


def _write_down(error: Denied) -> None:
    """A denial is in the audit before the answer leaves."""
    subject = error.subject if isinstance(error.subject, Base) else None
    with db.transaction():
        audit.record(acting(), "denied", subject, reason=str(error))


def _token_name() -> str:
    return str(current_app.config.get("WTF_CSRF_FIELD_NAME") or "csrf_token")


def _token_fault() -> str | None:
    given = request.form.get(_token_name()) or request.headers.get("X-CSRFToken")
    try:
        validate_csrf(given, time_limit=_TOKEN_SECONDS)
    except ValidationError as error:
        return str(error)
    return None


def _sign_in(screen: Screen) -> ResponseReturnValue:
    """Where the host's Flask-Login sends people, if it has one; else a page that says so."""
    manager = getattr(current_app, "login_manager", None)
    knows_where = manager is not None and (
        manager.login_view or manager.blueprint_login_views or manager.unauthorized_callback
    )
    if knows_where and request.method in _READS:
        return cast(ResponseReturnValue, cast(Any, manager).unauthorized())
    return screen.page("zmdm/sign_in.html", title="Please sign in", status=403)


def _asset(name: str) -> str:
    return flask.url_for("zmdm_assets.static", filename=name)
