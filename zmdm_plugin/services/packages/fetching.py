"""Packages that a job fetches from where operators say, with the checksum that they know.

The address may be a signed link: whole, it is sealed as long as the job runs, and nowhere else.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from zmdm_plugin.actors import Actor
from zmdm_plugin.clients import downloads
from zmdm_plugin.errors import Refused
from zmdm_plugin.models import JobRun
from zmdm_plugin.services import audit, job_runs, vault
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
    shown = plain(url)
    arguments = {"url": shown, "sha256": digest, "name": name}
    title = f"Fetch {filename(url) or urlsplit(url).hostname or 'a package'}"
    run = job_runs.start(JOB, actor, title=title, arguments=arguments)
    vault.seal(run, "secret_arguments", url.encode())
    audit.record(actor, "package.fetch", run, reason=shown[:200])
    return run


def plain(url: str) -> str:
    """An address without what may open it: no query, as signed links have, and no password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def address(uid: str) -> str:
    """Where the package of a run is fetched from, as it was ordered."""
    run = job_runs.find(uid)
    body = vault.unseal(run, "secret_arguments")
    return body.decode() if body is not None else str(run.arguments["url"])


def filename(url: str) -> str:
    """The last part of an address's path."""
    return unquote(urlsplit(url).path).rpartition("/")[2][:256]


def place(uid: str) -> Path:
    """Where the download of a run lies until it is whole."""
    return incoming.folder() / f"fetch-{uid}"
