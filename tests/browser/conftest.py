"""A real browser on a real server: the example host, its login, and the screens."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, sync_playwright

from host_app.app import create_app
from host_app.models import User, db
from tests import fleet, hosts, requirements

EMAIL, PASSWORD = "ada@example.com", "correct horse battery staple"
_OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for a module; each test gets a context of its own.

    No longer than that: Playwright's event loop runs in this thread, where other tests run theirs.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=requirements.chromium(), args=list(_OPTIONS)
        )
        yield browser
        browser.close()


@pytest.fixture
def devices() -> int:
    """How many devices the host has; a module may say otherwise."""
    return 40


@pytest.fixture
def settings() -> dict[str, object]:
    """What the host is set to besides; a module may say otherwise."""
    return {}


@pytest.fixture(scope="module")
def fleets() -> dict[int, Path]:
    """Databases with an administrator and so many devices: the first test fills one, others copy.

    No longer than a module, so that what has just happened there has still just happened.
    """
    return {}


@pytest.fixture
def host(
    sqlite_url: str,
    redis_url: str,
    devices: int,
    settings: dict[str, object],
    fleets: dict[int, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Flask]:
    """The example host with an administrator and some devices."""
    database = Path(sqlite_url.removeprefix("sqlite:///"))
    if devices in fleets:
        shutil.copy(fleets[devices], database)
    app = create_app(
        SECRET_KEY="tests only",
        SQLALCHEMY_DATABASE_URI=sqlite_url,
        ZMDM_BASE_URL="http://localhost",
        ZMDM_REDIS_URL=redis_url,
        ZMDM_SEALING_KEYS=hosts.DEFAULTS["ZMDM_SEALING_KEYS"],
        **settings,
    )
    if devices not in fleets:
        _fill(app, devices)
        fleets[devices] = tmp_path_factory.mktemp("fleet") / "filled"
        connection = sqlite3.connect(database)
        connection.execute("VACUUM INTO ?", (str(fleets[devices]),))
        connection.close()
    yield app
    hosts.close(app)


def _fill(app: Flask, devices: int) -> None:
    with app.app_context():
        db.create_all()
        user = User(email=EMAIL, role="administrator")
        user.set_password(PASSWORD)
        db.session.add(user)
        db.session.commit()
    fleet.fill(app, devices)
    fleet.live(app)


@dataclass(slots=True)
class Visit:
    """A page, and all that went wrong or elsewhere while it was looked at."""

    page: Page
    base: str
    complaints: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        self.page.goto(self.base + path)
        return self.page

    def sign_in(self) -> Page:
        """Ask for the devices, be sent to the login of the host, and come back."""
        page = self.open("/mdm/devices/")
        page.get_by_label("E-mail address").fill(EMAIL)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/mdm/devices/")
        return page

    def watch(self) -> None:
        origin = urlsplit(self.base).netloc

        def note(url: str) -> None:
            if urlsplit(url).netloc not in ("", origin):
                self.foreign.append(url)

        self.page.on("request", lambda request: note(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on(
            "console",
            lambda message: (
                self.complaints.append(message.text)
                if message.type in ("error", "warning")
                else None
            ),
        )


@pytest.fixture
def visit(
    chromium: Browser, host: Flask, live_server: Callable[[Flask], str]
) -> Iterator[Callable[..., Visit]]:
    """`visit(width=390, color_scheme="dark")`: a window on the host; nothing may go wrong in it."""
    made: list[Visit] = []
    base = live_server(host)

    def start(width: int = 1280, **options: Any) -> Visit:
        viewport = {"width": width, "height": options.pop("height", 900)}
        context = chromium.new_context(viewport=viewport, **options)
        context.set_default_timeout(15_000)
        found = Visit(context.new_page(), base)
        found.watch()
        made.append(found)
        return found

    yield start
    for one in made:
        one.page.context.close()
        assert one.complaints == []
        assert one.foreign == []
