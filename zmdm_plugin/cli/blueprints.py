"""flask zmdm blueprint …: what groups of devices should have."""

from __future__ import annotations

import json
from typing import Any

import click

from zmdm_plugin import db
from zmdm_plugin.blueprints.api.schemas.blueprints import BlueprintSchema
from zmdm_plugin.cli.artifacts import named_artifact
from zmdm_plugin.cli.asking import called, one_device
from zmdm_plugin.cli.groups import Topic, zmdm
from zmdm_plugin.cli.operators import operator
from zmdm_plugin.cli.output import ask, asks, say, table
from zmdm_plugin.errors import NotFound
from zmdm_plugin.models import MDMBlueprint
from zmdm_plugin.models.blueprints import COLLECT
from zmdm_plugin.services import access, audit, devices
from zmdm_plugin.services.artifacts import assignment, blueprints

group = Topic("blueprint", help="What groups of devices should have; BLUEPRINT is a name.")
zmdm.add_command(group)

_COLUMNS = ("id", "name", "devices", "inventory_interval")
_HOURS = click.IntRange(4, 168)


def _settings(command: Any) -> Any:
    lists = click.Choice(COLLECT)
    for option in (
        click.option("--inventory-hours", type=_HOURS, help="Between two inventories."),
        click.option("--collect-apps", type=lists),
        click.option("--collect-certificates", type=lists),
        click.option("--collect-profiles", type=lists),
        click.option(
            "--profiles-by-declaration/--profiles-by-command",
            "legacy_profiles_via_ddm",
            default=None,
            help="How profiles go to devices that know declarations.",
        ),
        click.option(
            "--apps-by-declaration/--apps-by-command",
            "apps_via_ddm",
            default=None,
            help="How apps and packages go to devices that know declarations of them.",
        ),
    ):
        command = option(command)
    return command


@group.command("list")
def list_blueprints() -> None:
    """List blueprints, and how many devices have each."""
    access.demand(operator(), access.VIEW_BLUEPRINTS)
    counts = blueprints.device_counts(operator())
    rows = [{**_plain(one), "devices": counts.get(one.id, 0)} for one in blueprints.every()]
    table(rows, _COLUMNS, empty="there are no blueprints")


@group.command("create")
@click.argument("name")
@_settings
def create(name: str, **settings: Any) -> None:
    """Make a blueprint."""
    access.demand(operator(), access.ADD_BLUEPRINTS)
    with db.transaction():
        row = blueprints.create(name, **_given(settings))
        audit.record(operator(), "blueprint.create", row, after=audit.snapshot(row))
        made = _plain(row)
    say(made, f"blueprint {name!r}")


@group.command("change")
@click.argument("name", metavar="BLUEPRINT")
@click.option("--name", "new_name", help="Its new name.")
@_settings
def change(name: str, *, new_name: str | None, **settings: Any) -> None:
    """Change a blueprint; its devices are woken for it."""
    access.demand(operator(), access.CHANGE_BLUEPRINTS)
    with db.transaction():
        row = _named(name)
        before = audit.snapshot(row)
        blueprints.update(row, _given({"name": new_name, **settings}))
        audit.record(operator(), "blueprint.change", row, before=before, after=audit.snapshot(row))
        changed = _plain(row)
    say(changed, f"blueprint {changed['name']!r}")


@group.command("delete")
@click.argument("name", metavar="BLUEPRINT")
@asks
def delete(name: str, *, yes: bool) -> None:
    """Delete a blueprint that nothing uses."""
    access.demand(operator(), access.DELETE_BLUEPRINTS)
    ask(f"Delete the blueprint {_named(name).name!r}?", yes=yes)
    with db.transaction():
        row = _named(name)
        audit.record(operator(), "blueprint.delete", row, before=audit.snapshot(row))
        blueprints.delete(row)
    say({"name": name}, f"{name!r} is deleted")


@group.command("add")
@click.argument("name", metavar="BLUEPRINT")
@click.argument("artifact")
@click.option("--scope", help="Who gets it, as the API takes it (JSON); without: all devices.")
def add(name: str, artifact: str, *, scope: str | None) -> None:
    """Bring an artifact to the devices of a blueprint, or change who of them gets it."""
    access.demand(operator(), access.CHANGE_BLUEPRINTS)
    wanted = _json(scope)
    with db.transaction():
        row, found = _named(name), named_artifact(artifact)
        try:
            link = blueprints.find_link(row, found)
        except NotFound:
            link = blueprints.link(row, found, scope=wanted)
            audit.record(operator(), "blueprint.link", link, after=audit.snapshot(link))
        else:
            before = audit.snapshot(link)
            blueprints.change_link(link, wanted)
            after = audit.snapshot(link)
            audit.record(operator(), "blueprint.change_link", link, before=before, after=after)
        said = {"blueprint": row.name, "artifact": found.name, "scope": link.scope}
    say(said, f"{said['blueprint']!r} brings {said['artifact']!r}")


@group.command("remove")
@click.argument("name", metavar="BLUEPRINT")
@click.argument("artifact")
@asks
def remove(name: str, artifact: str, *, yes: bool) -> None:
    """Bring an artifact no longer: it is taken off the devices that have it by this blueprint."""
    access.demand(operator(), access.CHANGE_BLUEPRINTS)
    number = blueprints.device_counts(operator()).get(_named(name).id, 0)
    ask(f"Take {artifact!r} off the {number} devices of {name!r}?", yes=yes)
    with db.transaction():
        link = blueprints.find_link(_named(name), named_artifact(artifact))
        audit.record(operator(), "blueprint.unlink", link, before=audit.snapshot(link))
        blueprints.unlink(link)
    said = {"blueprint": name, "artifact": artifact}
    say(said, f"{name!r} does not bring {artifact!r} any more")


@group.command("assign")
@click.argument("name", metavar="BLUEPRINT")
@click.argument("names", nargs=-1, required=True, metavar="DEVICE…")
def assign(name: str, names: tuple[str, ...]) -> None:
    """Give devices a blueprint; `-` takes away the one they have, and what it brought."""
    row = None if name == "-" else _named(name)
    changed = []
    for word in names:
        found = one_device(word, access.CHANGE_DEVICES)
        with db.transaction():
            device = devices.locked(found.id)
            before = {"blueprint_id": device.blueprint_id}
            if assignment.choose(device, row, actor=operator()):
                after = {"blueprint_id": device.blueprint_id}
                audit.record(operator(), "device.blueprint", device, before=before, after=after)
                changed.append(called(device))
    said = [f"{one} has {name!r} now" for one in changed] or ["nothing to change"]
    say({"blueprint": row.name if row else None, "devices": changed}, said)


def _json(given: str | None) -> Any:
    if given is None:
        return None
    try:
        return json.loads(given)
    except ValueError as error:
        raise click.BadParameter(f"is not JSON: {error}", param_hint="scope") from None


def _given(settings: dict[str, Any]) -> dict[str, Any]:
    """The options that were used, under the names of services."""
    found = {name: value for name, value in settings.items() if value is not None}
    if (hours := found.pop("inventory_hours", None)) is not None:
        found["inventory_interval"] = hours * 3600
    return found


def _named(name: str) -> MDMBlueprint:
    row = blueprints.named(name)
    if row is None:
        raise NotFound(f"there is no blueprint {name!r}; see `flask zmdm blueprint list`")
    return row


def _plain(row: MDMBlueprint) -> dict[str, Any]:
    plain: dict[str, Any] = BlueprintSchema().dump(row)
    return plain
