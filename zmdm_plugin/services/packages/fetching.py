"""Packages that a job fetches from where operators say, with the checksum that they know."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from zmdm_plugin.actors import Actor
from zmdm_plugin.clients import downloads
from zmdm_plugin.errors import Refused
from zmdm_plugin.models import JobRun
from zmdm_plugin.services import job_runs
from zmdm_plugin.services.storage import incoming
from zmdm_plugin.state import state

JOB = "packages.fetch"


def start(actor: Actor, *, url: str, sha256: str, name: str | None = None) -> JobRun:
    """Order it; Refused names the argument at fault."""
    if why := downloads.check(url, private=state().settings.private_networks):
        raise Refused("url", why)
    digest = sha256.strip().lower()
    if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
        raise Refused("sha256", "must be 64 hexadecimal digits")
    arguments = {"url": url, "sha256": digest, "name": name}
    shown = filename(url) or urlsplit(url).hostname or "a package"
    return job_runs.start(JOB, actor, title=f"Fetch {shown}", arguments=arguments)


def filename(url: str) -> str:
    """The last part of an address's path."""
    return unquote(urlsplit(url).path).rpartition("/")[2][:256]


def place(uid: str) -> Path:
    """Where the download of a run lies until it is whole."""
    return incoming.folder() / f"fetch-{uid}"
