"""The cookie that binds a sign-in to one browser; the host's session has no part in it."""

from __future__ import annotations

from flask import Request, Response

from zmdm_plugin.services.realms.sign_ins import PATH
from zmdm_plugin.state import state

NAME = "zmdm_sign_in"
_SECONDS = 3600
_SHORTEST, _LONGEST = 32, 128


def browser_of(request: Request) -> str:
    """The cookie's value; empty without one that could be ours."""
    value = request.cookies.get(NAME, "")
    return value if _SHORTEST <= len(value) <= _LONGEST else ""


def bind(response: Response, browser: str, *, root: str) -> None:
    """Give it to the browser; Lax, for a provider sends the browser back from elsewhere."""
    response.set_cookie(
        NAME,
        browser,
        max_age=_SECONDS,
        path=root + PATH,
        secure=state().settings.base_url.startswith("https:"),
        httponly=True,
        samesite="Lax",
    )
