"""Pages for the person at a device: no script, nothing from elsewhere, no menu, no cookie needed.

They are shown by Safari, by the web view of the Setup Assistant and by that of an account's
sign-in, so they are narrow, work without script and open no window. The host's context processors
have no part in them.
"""

from __future__ import annotations

from typing import Any

from flask import Response, current_app, url_for

from zmdm_plugin.state import state
from zmdm_plugin.web.public import made

ACCOUNT_SCHEME = "apple-remotemanagement-user-login:"
"""Where an account-driven enrollment takes its token to; a form's answer may lead there."""
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def page(template: str, *, title: str, status: int = 200, **values: Any) -> Response:
    """One of `templates/zmdm/public_*.html`, marked as our own answer."""
    html = current_app.jinja_env.get_template(template).render(
        title=title,
        organization=state().settings.organization,
        style=url_for("zmdm_sign_in.style"),
        **values,
    )
    response = Response(html, status, content_type="text/html; charset=utf-8")
    response.headers.update(_HEADERS)
    # A browser asks this of where a form's answer leads, too: on to ZMDM_BASE_URL.
    forms = f"'self' {state().settings.base_url} {ACCOUNT_SCHEME}"
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'self'; form-action {forms}; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
    return made(response)


def stopped(
    why: str, *, title: str = "This did not work", status: int = 400, again: str | None = None
) -> Response:
    """A page that says why it does not go on; `again` is where one may try once more."""
    return page("zmdm/public_stopped.html", title=title, status=status, why=why, again=again)
