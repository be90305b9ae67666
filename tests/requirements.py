"""What some tests need and no wheel brings: reported as NOT RUN, or an error where all must run.

A test says `@pytest.mark.needs("nginx")`. On a machine without it the test is not collected and the
last lines of the run say so, with the command that brings it. With `CI` or `ZMDM_TEST_REQUIRE=all`
the same is an error at collection.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.environment import given

ROOT = Path(__file__).resolve().parent.parent


def apple_schema() -> Path | None:
    """Apple's YAML of commands, check-in and profiles, a separate checkout beside this one."""
    place = Path(given("ZMDM_APPLE_SCHEMA") or ROOT.parent / "shared" / "apple-schema")
    return place if place.is_dir() else None


def services_schema() -> Path | None:
    """JSON Schemas of Apple's web services, beside the YAML of commands."""
    beside = ROOT.parent / "shared" / "apple-services-schema"
    place = Path(given("ZMDM_TEST_SERVICES_SCHEMA") or beside)
    return place if place.is_dir() else None


def nginx() -> str | None:
    """The nginx binary; Debian keeps it out of an ordinary user's PATH."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


def slapd() -> str | None:
    """Debian's LDAP server, which it too keeps out of an ordinary user's PATH."""
    return shutil.which("slapd") or shutil.which("slapd", path="/usr/sbin:/usr/local/sbin")


def chromium() -> str | None:
    """A browser of the Chromium family."""
    names = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
    return given("ZMDM_TEST_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing a machine may lack, and the line that helps."""

    find: Callable[[], Path | str | None]
    help: str


REQUIREMENTS = {
    "nginx": Requirement(nginx, "apt-get install nginx-light"),
    "slapd": Requirement(slapd, "apt-get install slapd"),
    "chromium": Requirement(chromium, "apt-get install chromium"),
    "apple_schema": Requirement(
        apple_schema, "git clone https://github.com/apple/device-management, ZMDM_APPLE_SCHEMA=…"
    ),
    "services_schema": Requirement(
        services_schema, "JSON Schemas of Apple's services, ZMDM_TEST_SERVICES_SCHEMA=…"
    ),
}


def everything_is_required() -> bool:
    """True where a test that cannot run must fail the run."""
    return bool(os.environ.get("CI")) or given("ZMDM_TEST_REQUIRE") == "all"


def missing(names: tuple[str, ...]) -> list[str]:
    """Those of `names` that this machine lacks."""
    return [name for name in names if REQUIREMENTS[name].find() is None]
