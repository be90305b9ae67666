"""`Idempotency-Key` around a view: carry out once, answer as often as asked, for 24 hours."""

from __future__ import annotations

import hashlib
import logging
import re
import time
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

from flask import Response, current_app, request
from sqlalchemy.exc import DBAPIError

from zmdm_plugin import db
from zmdm_plugin.errors import Conflict, Refused, ZmdmError
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import access, idempotency
from zmdm_plugin.services.idempotency import HEADER, Asked, Demand, Kept
from zmdm_plugin.web.actor import api_actor

log = logging.getLogger(__name__)

REPLAYED = "Idempotency-Replayed"
_FORM = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?", re.ASCII)
_PATIENCE, _STEP = 3.0, 0.05
"""Seconds to wait for the answer of a request that was carried out this very moment."""

View = Callable[..., Any]


def once_per_key(view: View) -> View:
    """Have a view be carried out once per token and key; errors are not kept, for they do nothing.

    The view's first transaction begins with the claim of the key.
    """

    @wraps(view)
    def guarded(*args: Any, **values: Any) -> Any:
        if HEADER not in request.headers:
            return view(*args, **values)
        asked = _asked()
        if (answer := idempotency.kept(asked, now=utcnow())) is not None:
            return _replay(asked, answer)
        claims: list[int] = []
        begin = db.opening(lambda: claims.append(idempotency.claim(asked, now=utcnow())))
        try:
            with begin, access.noting() as granted:
                response = current_app.make_response(view(*args, **values))
        except idempotency.Taken:
            return _replay(asked, None)
        if claims:
            _keep(claims[0], response, idempotency.demanded(granted))
        return response

    return guarded


def _asked() -> Asked:
    values = request.headers.getlist(HEADER)
    if len(values) != 1 or not _FORM.fullmatch(values[0]):
        raise Refused(HEADER, "must be given once, with 1 to 255 printable ASCII characters")
    digest = hashlib.sha256()
    for part in _parts():
        digest.update(b"%d:" % len(part))
        digest.update(part)
    return Asked(api_actor().token_id, values[0], digest.hexdigest())


def _parts() -> Iterator[bytes]:
    """All that a request says; the boundaries of multipart bodies differ from try to try."""
    yield request.method.encode()
    yield request.path.rstrip("/").encode("utf-8", "surrogatepass")
    for name, value in sorted(request.args.items(multi=True)):
        yield name.encode("utf-8", "surrogatepass")
        yield value.encode("utf-8", "surrogatepass")
    body = request.get_data(cache=True)
    if request.mimetype != "multipart/form-data":
        yield body
        return
    for name, value in sorted(request.form.items(multi=True)):
        yield name.encode("utf-8", "surrogatepass")
        yield value.encode("utf-8", "surrogatepass")
    for name, file in request.files.items(multi=True):
        yield name.encode("utf-8", "surrogatepass")
        yield file.stream.read()
        file.stream.seek(0)


def _replay(asked: Asked, answer: Kept | None) -> Response:
    """The kept answer; between an action and its answer lie milliseconds, which are waited for."""
    ends = time.monotonic() + _PATIENCE
    while answer is None or answer.body is None:
        if time.monotonic() > ends:
            raise Conflict(
                "a request with this key was carried out, but its answer was lost; look at what "
                "it did before you send it with another key"
            )
        time.sleep(_STEP)
        db.session().rollback()  # a new look: the snapshot of the last one is old
        answer = idempotency.kept(asked, now=utcnow())
    idempotency.demand_again(api_actor(), answer)
    response = Response(answer.body, status=answer.status, content_type=answer.content_type)
    response.headers[REPLAYED] = "true"
    return response


def _keep(claimed: int, response: Response, demands: tuple[Demand, ...]) -> None:
    """The action is done: an outage now costs the replay, not the answer."""
    body = response.get_data()
    try:
        with db.transaction():
            kept = Kept(response.status_code, response.content_type or "", body, demands)
            idempotency.keep(claimed, kept)
    except (DBAPIError, ZmdmError) as error:
        log.warning("the answer to request %s was not kept: %s", claimed, type(error).__name__)
