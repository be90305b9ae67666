"""flask zmdm software-update …: Apple's list, and what is enforced."""

from __future__ import annotations

from typing import Any

import click

from zmdm_plugin import db
from zmdm_plugin.cli.asking import ID, LIMIT, called, one_device
from zmdm_plugin.cli.groups import Topic, zmdm
from zmdm_plugin.cli.operators import operator
from zmdm_plugin.cli.output import card, say, table
from zmdm_plugin.errors import ZmdmError
from zmdm_plugin.jobs import software_updates as job
from zmdm_plugin.models import AdvertisedUpdate, SoftwareUpdate, SoftwareUpdateEnforcement
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import access, job_runs
from zmdm_plugin.services.software_updates import enforcements, feed, listing, standing
from zmdm_plugin.services.software_updates.listing import UpdateFilter

group = Topic("software-update", help="Apple's list of updates, and what is enforced.")
zmdm.add_command(group)

_PLATFORM = click.Choice(enforcements.PLATFORMS)
_COLUMNS = (
    *("id", "platform", "version", "extra", "build", "prerequisite_build", "managed", "public"),
    *("posted_on", "expires_on", "withdrawn_at"),
)


@group.command("sync")
def sync() -> None:
    """Fetch Apple's list now, in this process; it is fetched once a day anyway."""
    for permission in access.SYNC_UPDATES:
        access.demand(operator(), permission)
    with db.transaction():
        uid = feed.start(operator(), now=utcnow()).uid
    job.sync(uid)
    run = job_runs.find(uid)
    if run.state == "failed":
        raise ZmdmError(run.message or "it failed")
    say({"task_id": uid, "state": run.state, "result": run.result}, run.message or run.state)


@group.command("status")
def status() -> None:
    """Show when the list was read last, and what went wrong."""
    access.demand(operator(), access.VIEW_UPDATES)
    found = feed.state()
    card(
        {
            "read_at": found.read_at,
            "asked_at": found.asked_at,
            "releases": found.releases,
            "error": found.error,
            "task_id": found.running,
        }
    )


@group.command("list")
@click.option("--platform", type=_PLATFORM)
@click.option("--version", help="Exactly this version.")
@click.option("--build", help="Exactly this build.")
@click.option("--device-id", help="A product name or a software update device id.")
@click.option("--available/--not-available", default=None, help="Can be asked for today.")
@LIMIT
def list_updates(limit: int, **asked: Any) -> None:
    """List Apple's releases, the newest first."""
    access.demand(operator(), access.VIEW_UPDATES)
    page = listing.page(UpdateFilter(**asked), today=utcnow().date(), limit=limit)
    columns = ("platform", "version", "extra", "build", "posted_on", "expires_on", "withdrawn_at")
    table([_release(row) for row in page.items], columns, empty="no release matches")


@group.command("enforcements")
@LIMIT
def list_enforcements(limit: int) -> None:
    """List enforcements, and how many devices are told, fail and have installed."""
    access.demand(operator(), access.VIEW_ENFORCEMENTS)
    rows = enforcements.page(ordering="name", limit=limit).items
    counts = standing.counts([row.id for row in rows])
    blueprints = enforcements.blueprints_of([row.id for row in rows])
    shown = [
        {
            **_enforcement(row),
            "blueprints": [one.name for one in blueprints.get(row.id, [])],
            "told": counts[row.id].told,
            "failing": counts[row.id].failing,
            "installed": counts[row.id].installed,
        }
        for row in rows
    ]
    columns = ("id", "name", "what", "platforms", "blueprints", "told", "failing", "installed")
    table(shown, columns, empty="nothing is enforced")


@group.command("preview")
@click.argument("enforcement_id", type=ID)
@LIMIT
def preview(enforcement_id: int, *, limit: int) -> None:
    """Show which device gets what from an enforcement, by when, and why."""
    access.demand(operator(), access.VIEW_ENFORCEMENTS)
    row = enforcements.find(enforcement_id)
    found = standing.preview(row, operator(), now=utcnow(), limit=limit)
    shown = [
        {
            "id": item.device.id,
            "device": called(item.device),
            "runs": item.device.os_version,
            "gets": [
                f"{one.os_version} by {one.local:%Y-%m-%d %H:%M}" for one in item.decision.targets
            ],
            "why": item.decision.why,
        }
        for item in found.items
    ]
    table(shown, ("id", "device", "runs", "gets", "why"), empty="no device is concerned")


@group.command("device")
@click.argument("device")
def of_device(device: str) -> None:
    """Show what a device is told to install, what it says, and what Apple offers it."""
    row = one_device(device, access.VIEW_DEVICES)
    found = standing.of_device(row, now=utcnow())
    card(
        {
            "device": called(row),
            "runs": row.os_version,
            "told": [_target(target) for target in found.targets],
            "why": found.decision.why,
            "says": found.doing,
            "failure": found.failure,
            "offered": [f"{one.version} {one.extra}".strip() for one in found.offered.values()],
        }
    )


def _release(row: SoftwareUpdate) -> dict[str, Any]:
    return {name: getattr(row, name) for name in _COLUMNS}


def _enforcement(row: SoftwareUpdateEnforcement) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "what": enforcements.words(row),
        "platforms": row.platforms,
    }


def _target(row: AdvertisedUpdate) -> str:
    return f"{row.os_version} by {row.local_datetime.replace('T', ' ')[:16]}"
