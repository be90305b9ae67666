"""flask zmdm dep …: virtual servers of Apple Business or School Manager, and their devices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa

from zmdm_plugin import db
from zmdm_plugin.blueprints.api.schemas import dep as shown
from zmdm_plugin.cli.asking import ID, LIMIT
from zmdm_plugin.cli.groups import Topic, zmdm
from zmdm_plugin.cli.operators import operator
from zmdm_plugin.cli.output import ask, asks, card, say, table
from zmdm_plugin.errors import NotFound, ZmdmError
from zmdm_plugin.jobs import dep as jobs
from zmdm_plugin.models import DepDevice, Enrollment
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import access, job_runs
from zmdm_plugin.services.dep import connection, leaving, listing, orders, setup
from zmdm_plugin.services.dep import sync as syncing
from zmdm_plugin.services.dep.listing import DepFilter
from zmdm_plugin.web import dep as talking

group = Topic("dep", help="Automated Device Enrollment: virtual servers and their devices.")
zmdm.add_command(group)

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_NEW_FILE = click.Path(dir_okay=False, path_type=Path)
_DEVICE = (
    *("id", "serial_number", "device_family", "description", "virtual_server", "enrollment"),
    *("assignment", "assignment_reason", "profile_status"),
)


@group.command("servers")
@LIMIT
def servers(limit: int) -> None:
    """List virtual servers and how they stand."""
    access.demand(operator(), access.VIEW_DEP_SERVERS)
    rows = listing.servers(ordering="name", limit=limit).items
    columns = ("id", "name", "organization", "connected", "access_token_expiry", "last_synced_at")
    table([shown.server(row) for row in rows], (*columns, "error"), empty="none is connected")


@group.command("connect")
@click.argument("name")
def connect(name: str) -> None:
    """Begin to connect a virtual server; `public-key` gives what the portal wants."""
    access.demand(operator(), access.ADD_DEP_SERVERS)
    with db.transaction():
        made = shown.server(setup.begin(name, actor=operator(), now=utcnow()))
    say(made, f"{made['id']}: fetch its key with `flask zmdm dep public-key {made['id']}`")


@group.command("stage-key")
@click.argument("server", type=ID)
def stage_key(server: int) -> None:
    """Make a key for the next token; the present token works on."""
    access.demand(operator(), access.CHANGE_DEP_SERVERS)
    with db.transaction():
        row = shown.server(setup.stage(server, actor=operator(), now=utcnow()))
    say(row, f"fetch its public key with `flask zmdm dep public-key {server}`")


@group.command("cancel-key")
@click.argument("server", type=ID)
@asks
def cancel_key(server: int, *, yes: bool) -> None:
    """Give up the key that waits for its token."""
    access.demand(operator(), access.CHANGE_DEP_SERVERS)
    ask("A token that was made for this key cannot be opened any more. Go on?", yes=yes)
    with db.transaction():
        setup.cancel(server, actor=operator())
    say({"id": server}, "the key is given up")


@group.command("public-key")
@click.argument("server", type=ID)
@click.option("-o", "--output", type=_NEW_FILE, help="A file; else it is printed.")
def public_key(server: int, output: Path | None) -> None:
    """Show the public key (a certificate) for the portal."""
    access.demand(operator(), access.VIEW_DEP_SERVERS)
    text = setup.public_key(connection.find(server)).decode()
    if output is not None:
        output.write_text(text)
    say({"public_key": text}, str(output) if output else text.rstrip())


@group.command("token")
@click.argument("server", type=ID)
@click.argument("file", type=_FILE)
def token(server: int, file: Path) -> None:
    """Take the server token (.p7m) that the portal gave, the first or a renewed one."""
    access.demand(operator(), access.CHANGE_DEP_SERVERS)
    row = shown.server(talking.take_token(server, file.read_bytes(), actor=operator()))
    say(row, f"{row['name']} is connected, its token is good until {row['access_token_expiry']}")


@group.command("disconnect")
@click.argument("server", type=ID)
@click.option("--forget-devices", is_flag=True, help="Forget its devices too; a worker does it.")
@asks
def disconnect(server: int, *, forget_devices: bool, yes: bool) -> None:
    """Forget the token and the keys of a virtual server; nothing changes at Apple."""
    access.demand(operator(), access.CHANGE_DEP_SERVERS)
    name = connection.find(server).name
    more = (
        " Its devices here are forgotten, and what was wanted for them." if forget_devices else ""
    )
    ask(f"{name} is asked nothing any more; enrolled devices stay enrolled.{more} Go on?", yes=yes)
    with db.transaction():
        row = shown.server(
            leaving.disconnect(
                server, name=name, forget=forget_devices, actor=operator(), now=utcnow()
            )
        )
    say(row, f"{name} is disconnected")


@group.command("sync")
@click.argument("server", type=ID)
@click.option("--full", is_flag=True, help="Fetch the whole list again.")
def sync(server: int, *, full: bool) -> None:
    """Synchronize the devices of a virtual server now, in this process."""
    access.demand(operator(), access.VIEW_DEP_SERVERS)
    with db.transaction():
        uid = syncing.start(server, operator(), full=full, now=utcnow()).uid
    jobs.sync(uid)
    run = job_runs.find(uid)
    if run.state == "failed":
        raise ZmdmError(run.message or "it failed")
    say({"task_id": uid, "state": run.state, "result": run.result}, run.message or run.state)


@group.command("default")
@click.argument("server", type=ID)
@click.argument("enrollment")
def default(server: int, enrollment: str) -> None:
    """Choose the default ENROLLMENT of a virtual server by name; `-` for none."""
    access.demand(operator(), access.CHANGE_DEP_SERVERS)
    chosen = None if enrollment == "-" else _enrollment(enrollment)
    with db.transaction():
        row = orders.set_default(server, chosen, actor=operator(), now=utcnow())
        said = shown.server(row)
    say(said, "devices without a profile get it in the background" if chosen else "there is none")


@group.command("beta-tokens")
@click.argument("server", type=ID)
def beta_tokens(server: int) -> None:
    """Ask Apple for the beta enrollment tokens of the organization."""
    access.demand(operator(), access.VIEW_DEP_SERVERS)
    found = talking.ask(server, lambda client: client.beta_tokens())
    table([shown.beta(one) for one in found], ("os", "title", "token"), empty="there are none")


@group.command("devices")
@click.option("--virtual-server", type=ID)
@click.option("--device-family", help="Exactly this family, e.g. Mac.")
@click.option("--profile-status", type=click.Choice(listing.STATUSES))
@click.option("--assignment", type=click.Choice(listing.ASSIGNMENTS))
@click.option("--deleted/--not-deleted", default=None, help="Apple reports it no more.")
@click.option("--search", help="Part of the serial number, the description or the asset tag.")
@LIMIT
def devices(limit: int, **asked: Any) -> None:
    """List DEP devices."""
    access.demand(operator(), access.VIEW_DEP_DEVICES)
    rows = listing.devices(DepFilter(**asked), limit=limit).items
    table(_shown(rows), _DEVICE, empty="no device matches")


@group.command("device")
@click.argument("serial_number")
def device(serial_number: str) -> None:
    """Show what Apple says of a device, and what it is meant to have."""
    card(_shown([_device(serial_number, access.VIEW_DEP_DEVICES)])[0])


@group.command("refresh")
@click.argument("serial_number")
def refresh(serial_number: str) -> None:
    """Read a device from Apple again."""
    number = _device(serial_number, access.CHANGE_DEP_DEVICES).id
    card(_shown([talking.refresh(number, actor=operator())])[0])


@group.command("assign")
@click.argument("enrollment")
@click.argument("serial_numbers", nargs=-1, required=True)
def assign(enrollment: str, serial_numbers: tuple[str, ...]) -> None:
    """Assign an ENROLLMENT, by name, to devices, or `-` for none; a worker tells Apple."""
    ids = [_device(one, access.CHANGE_DEP_DEVICES).id for one in serial_numbers]
    chosen = None if enrollment == "-" else _enrollment(enrollment)
    with db.transaction():
        orders.assign(ids, chosen, actor=operator(), now=utcnow())
        rows = _shown([listing.device(one) for one in ids])
    said = "to be assigned" if chosen else "to have no profile"
    say(rows, f"{len(rows)} {said}; a worker does it")


@group.command("disown")
@click.argument("serial_number")
@asks
def disown(serial_number: str, *, yes: bool) -> None:
    """Give a device up for ever: it leaves the organization at Apple."""
    row = _device(serial_number, access.DISOWN_DEP_DEVICES)
    number = row.id
    ask(f"{serial_number} leaves the organization; nobody can take that back. Go on?", yes=yes)
    word = talking.disown(number, actor=operator())
    say({"serial_number": serial_number, "result": word}, word)


def _device(serial_number: str, permission: str) -> DepDevice:
    """The present one of this serial number."""
    access.demand(operator(), permission)
    found = listing.of_serial(serial_number)
    if not found:
        raise NotFound(
            f"Apple has assigned no device {serial_number}; see `flask zmdm dep devices`"
        )
    return found[0]


def _enrollment(name: str) -> int:
    row_id = db.session().scalar(sa.select(Enrollment.id).where(Enrollment.name == name))
    if row_id is None:
        raise NotFound(f"there is no enrollment {name}; see `flask zmdm enrollment list`")
    return row_id


def _shown(rows: list[DepDevice]) -> list[dict[str, Any]]:
    enrolled = listing.enrolled((row.serial_number for row in rows), actor=operator())
    return [shown.device(row, enrolled) for row in rows]
