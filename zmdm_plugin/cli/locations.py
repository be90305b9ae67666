"""flask zmdm location …: content tokens of Apps & Books, their syncs, and licences."""

from __future__ import annotations

from typing import Any

import click

from zmdm_plugin import db
from zmdm_plugin.cli.asking import ID, LIMIT
from zmdm_plugin.cli.groups import Topic, zmdm
from zmdm_plugin.cli.operators import operator
from zmdm_plugin.cli.output import ask, asks, card, say, table
from zmdm_plugin.errors import ZmdmError
from zmdm_plugin.jobs import apps_books as jobs
from zmdm_plugin.services import access, bulk_licences, job_runs
from zmdm_plugin.services.apps_books import connection, listing, locations, removal, syncing

group = Topic("location", help="Locations of Apps and Books, and their licences.")
zmdm.add_command(group)

_COLUMNS = ("id", "name", "organization_name", "country_code", "server_token_expiration_date")
_HEALTH = ("registered_at", "lost_at", "synced_at", "notified_at", "notification_error", "error")
_COUNTS = ("assigned_count", "available_count", "retired_count", "total_count", "short_at")


@group.command("list")
@LIMIT
def list_locations(limit: int) -> None:
    """List locations."""
    access.demand(operator(), access.VIEW_LOCATIONS)
    rows = listing.locations(ordering="name", limit=limit).items
    table([_values(row, _COLUMNS) for row in rows], _COLUMNS, empty="there is no location")


@group.command("show")
@click.argument("location_id", type=ID)
def show(location_id: int) -> None:
    """Show how a location stands with Apple."""
    access.demand(operator(), access.VIEW_LOCATIONS)
    row = connection.find(location_id)
    apps, number, short = listing.totals([row.id]).get(row.id, (0, 0, 0))
    owner = (row.owner or {}).get("name")
    counts = {"owner": owner, "apps": apps, "licences": number, "short": short}
    card({**_values(row, (*_COLUMNS, *_HEALTH)), **counts})


@group.command("add")
@click.argument("token", type=click.File("rb"))
@click.option("--take-over", is_flag=True, help="Take it from the server that manages it now.")
def add(token: Any, *, take_over: bool) -> None:
    """Add a location by its content token (a .vpptoken file); a worker then reads it."""
    access.demand(operator(), access.ADD_LOCATIONS)
    found = locations.inspect(token.read())
    with db.transaction():
        row = locations.create(operator(), found, take_over=take_over)
        uid = syncing.start(operator(), row, "full").uid
        answer = {"id": row.id, "name": row.name, "task_id": uid}
    say(answer, f"added location {answer['id']}: {answer['name']}")


@group.command("renew")
@click.argument("location_id", type=ID)
@click.argument("token", type=click.File("rb"))
@click.option("--take-over", is_flag=True, help="Take it from the server that manages it now.")
def renew(location_id: int, token: Any, *, take_over: bool) -> None:
    """Renew the content token of a location in place."""
    access.demand(operator(), access.CHANGE_LOCATIONS)
    found = locations.inspect(token.read())
    with db.transaction():
        row = connection.find(location_id, lock=True)
        locations.renew(operator(), row, found, take_over=take_over)
        until = row.server_token_expiration_date
    say({"id": location_id, "expires": until.isoformat()}, f"renewed until {until:%Y-%m-%d}")


@group.command("sync")
@click.argument("location_id", type=ID)
@click.option("--full", is_flag=True, help="Everything, not only what has changed.")
def sync(location_id: int, *, full: bool) -> None:
    """Sync a location now, in this process; it is synced every few hours anyway."""
    access.demand(operator(), access.CHANGE_LOCATIONS)
    with db.transaction():
        row = connection.find(location_id)
        uid = syncing.start(operator(), row, "full" if full else "incremental").uid
    _worked_off(uid, jobs.sync)


@group.command("take-over")
@click.argument("location_id", type=ID)
@asks
def take_over(location_id: int, *, yes: bool) -> None:
    """Take a location back from another server, and read it."""
    access.demand(operator(), access.CHANGE_LOCATIONS)
    ask("The other server then stops assigning its licences. Go on?", yes=yes)
    with db.transaction():
        row = locations.take_back(operator(), connection.find(location_id, lock=True))
        uid = syncing.start(operator(), row, "full").uid
    _worked_off(uid, jobs.sync)


@group.command("delete")
@click.argument("location_id", type=ID)
@click.option("--name", required=True, help="Its name once more, for it cannot be undone.")
@asks
def delete(location_id: int, *, name: str, yes: bool) -> None:
    """Delete a location and all that is known of its licences; they stay assigned at Apple."""
    access.demand(operator(), access.DELETE_LOCATIONS)
    lost = removal.losses(connection.find(location_id))
    ask(f"{lost.licences:,} devices keep a licence that is no longer known here. Go on?", yes=yes)
    with db.transaction():
        row = connection.find(location_id, lock=True)
        uid = removal.start(operator(), row, name=name).uid
    _worked_off(uid, jobs.forget)


@group.command("assets")
@click.option("--location", "location_id", type=ID, help="Of this location alone.")
@LIMIT
def assets(limit: int, *, location_id: int | None) -> None:
    """List what locations have, and how many licences are left."""
    access.demand(operator(), access.VIEW_LOCATION_ASSETS)
    rows = listing.location_assets(location_id=location_id, limit=limit).items
    shown = [
        {"id": row.id, "location": row.location_id, "asset": row.asset_id, **_values(row, _COUNTS)}
        for row in rows
    ]
    table(shown, ("id", "location", "asset", *_COUNTS), empty="no location has any app")


@group.command("assign")
@click.argument("location_asset_id", type=ID)
@click.argument("serial_numbers", nargs=-1, required=True)
def assign(location_asset_id: int, serial_numbers: tuple[str, ...]) -> None:
    """Have licences assigned to devices; a worker orders them of Apple."""
    _order("assign", location_asset_id, serial_numbers)


@group.command("revoke")
@click.argument("location_asset_id", type=ID)
@click.argument("serial_numbers", nargs=-1, required=True)
def revoke(location_asset_id: int, serial_numbers: tuple[str, ...]) -> None:
    """Take licences back from devices, whoever assigned them."""
    _order("revoke", location_asset_id, serial_numbers)


def _order(action: str, location_asset_id: int, numbers: tuple[str, ...]) -> None:
    access.demand(operator(), access.CHANGE_LOCATION_ASSETS)
    with db.transaction():
        row = listing.find_location_asset(location_asset_id)
        run = bulk_licences.start(operator(), row, action, numbers=numbers, confirmed=len(numbers))
        uid = run.uid
    _worked_off(uid, jobs.run_bulk)


def _worked_off(uid: str, job: Any) -> None:
    """Run the job here, and say what came of it."""
    job(uid)
    run = job_runs.find(uid)
    if run.state == "failed":
        raise ZmdmError(run.message or "it failed")
    say({"task_id": uid, "state": run.state, "result": run.result}, run.message or run.state)


def _values(row: Any, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}
