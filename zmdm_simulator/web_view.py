"""The web view of Setup Assistant, and the person in front of it: pages, forms, cookies, no script.

A page is gone through as a person would: a form that has fields for a password is filled in and
sent, a link that looks like a button is followed where there is no form. The view closes when it
is given a configuration profile, which must come from the host that it was opened with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import httpx

from zmdm_simulator.errors import EnrollmentFailed

PROFILE_TYPE = "application/x-apple-aspen-config"
USER_AGENT = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 26_1 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Mobile/15E148"
)
MOST_PAGES = 25
WEB = frozenset({"http", "https"})


@dataclass(frozen=True, slots=True)
class Person:
    """Who sits at the device; without a username they go on without signing in, if they may."""

    username: str = ""
    password: str = field(default="", repr=False)

    def value_of(self, name: str, kind: str) -> str | None:
        """What they type into a field; None for one that they leave as it is."""
        if kind == "password":
            return self.password
        login = any(word in name.lower() for word in ("user", "login", "email", "sub"))
        return self.username if kind in ("text", "email") and login else None


@dataclass(slots=True)
class Form:
    """One form of a page."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)

    @property
    def asks_who(self) -> bool:
        """Whether it wants to know who sits there."""
        return any(kind in ("text", "email", "password") for kind in self.kinds.values())


class Page(HTMLParser):
    """The forms and the buttons of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.buttons: list[str] = []
        self._form: Form | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._form = Form(given.get("action", ""), given.get("method", "get").lower())
            self.forms.append(self._form)
        elif tag in ("input", "button") and self._form is not None and given.get("name"):
            self._form.fields[given["name"]] = given.get("value", "")
            self._form.kinds[given["name"]] = given.get("type", "text" if tag == "input" else tag)
        elif tag == "a" and "button" in given.get("class", "").split():
            self.buttons.append(given.get("href", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None


class WebView:
    """A view with cookies of its own, whatever the client keeps."""

    def __init__(self, client: httpx.Client, person: Person | None) -> None:
        self._client, self._person = client, person or Person()
        self._cookies = httpx.Cookies()
        self._tries = 0
        self.visited: list[str] = []

    def visit(self, url: str, headers: Mapping[str, str]) -> httpx.Response:
        """Open a page and go on until the view closes, or until there is no way on."""
        home = urlsplit(url).hostname
        request = self._client.build_request("GET", url, headers=headers)
        for _ in range(MOST_PAGES):
            response = self._send(request)
            if _kind(response) == PROFILE_TYPE and response.status_code == 200:
                if urlsplit(str(response.url)).hostname != home:
                    raise EnrollmentFailed("the profile came from another host")
                return response
            on = self._next(response)
            if on is None:
                return response
            request = on
        raise EnrollmentFailed(f"the web view went through {MOST_PAGES} pages and found no end")

    def _send(self, request: httpx.Request) -> httpx.Response:
        request.headers.pop("Cookie", None)
        request.headers["User-Agent"] = USER_AGENT
        self._cookies.set_cookie_header(request)
        response = self._client.send(request, follow_redirects=False)
        self._cookies.extract_cookies(response)
        self.visited.append(f"{request.method} {request.url.path} {response.status_code}")
        return response

    def _next(self, response: httpx.Response) -> httpx.Request | None:
        here = str(response.url)
        if response.is_redirect:
            if urlsplit(urljoin(here, response.headers["Location"])).scheme not in WEB:
                return None  # into an app: whoever opened the view goes on
            return self._client.build_request("GET", urljoin(here, response.headers["Location"]))
        if response.status_code != 200 or _kind(response) != "text/html":
            return None
        page = Page(response.text)
        if (form := self._choose(page.forms)) is not None:
            return self._filled(form, here)
        if page.buttons and self._person.username:
            return self._client.build_request("GET", urljoin(here, page.buttons[0]))
        return None

    def _choose(self, forms: list[Form]) -> Form | None:
        """The form that asks who it is, for somebody who says so; else one that asks nothing.

        A wrong password is not typed twice, so that a page that asks again is the last one.
        """
        says_who = bool(self._person.username)
        found = next((form for form in forms if form.asks_who is says_who), None)
        if found is not None and says_who:
            self._tries += 1
        return found if self._tries <= 1 else None

    def _filled(self, form: Form, here: str) -> httpx.Request:
        values = dict(form.fields)
        for name, kind in form.kinds.items():
            typed = self._person.value_of(name, kind)
            if typed is not None:
                values[name] = typed
        url = urljoin(here, form.action) if form.action else here
        if form.method == "post":
            return self._client.build_request("POST", url, data=values)
        return self._client.build_request("GET", url, params=values)


def _kind(response: httpx.Response) -> str:
    kind: str = response.headers.get("content-type", "")
    return kind.split(";")[0].strip()
