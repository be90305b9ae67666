"""People who sign in: a realm with local accounts, and a browser that goes through the pages.

realm = lay_realm(road)                           # name of a local realm with two accounts
with road.rows(): url = sign_ins.begin(realm_of(realm), purpose="ota", then=…, data={})
browser = Browser(road.app)
there = browser.sign_in(url)                      # as ADA; where the browser went, `then?sign_in=…`
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
from flask import Flask

from tests.road import Road
from zmdm_plugin.models import RealmUser
from zmdm_plugin.services.realms import passwords, realms

LAB = "Lab"
ADA = {
    "username": "ada.lovelace@example.com",
    "email": "ada@example.com",
    "first_name": "Ada",
    "last_name": "Lovelace",
    "full_name": "Ada Lovelace",
    "custom_attr_1": "Analysis",
    "custom_attr_2": "London",
}
BOB = {"username": "bob", "email": "bob@example.com"}
BASE = "https://mdm.example.com"
PASSWORD = "correct horse battery"


@cache
def _password_hash() -> str:
    """Made once: it is meant to be slow, and each realm would make two."""
    return passwords.hashed(PASSWORD)


def lay_realm(road: Road, name: str = LAB) -> int:
    """A realm with accounts of our own for ADA and BOB; its id."""
    with road.rows() as session:
        realm = realms.create(name, "local")
        session.add_all(
            RealmUser(realm_id=realm.id, password_hash=_password_hash(), **one)
            for one in (ADA, BOB)
        )
        return realm.id


class Browser:
    """Cookies and redirects, one step at a time."""

    def __init__(self, app: Flask, **headers: str) -> None:
        self.http = httpx.Client(transport=httpx.WSGITransport(app=app), headers=headers)

    def get(self, url: str) -> httpx.Response:
        return self.http.get(urljoin(BASE, url))

    def send(self, url: str, **form: str) -> httpx.Response:
        return self.http.post(urljoin(BASE, url), data=form)

    def sign_in(self, url: str, username: str = ADA["username"], password: str = PASSWORD) -> str:
        """Where the browser is sent after the right password."""
        assert self.get(url).status_code == 200
        answer = self.send(url, username=username, password=password)
        assert answer.status_code == 303, said(answer)
        return urljoin(BASE, answer.headers["Location"])


def handle_of(address: str) -> str:
    """The handle in the address that a browser is sent to."""
    return parse_qs(urlsplit(address).query)["sign_in"][0]


def said(answer: httpx.Response) -> str:
    """What the page says is wrong."""
    found = re.search(r'role="alert"[^>]*>(.*?)</p>', answer.text, re.S)
    return html.unescape(found[1]) if found else ""


def person(**changes: Any) -> Mapping[str, Any]:
    """ADA with other values."""
    return {**ADA, **changes}
