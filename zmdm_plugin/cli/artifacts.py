"""flask zmdm artifact …: profiles, declarations and assets, with their versions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from zmdm_plugin import db
from zmdm_plugin.blueprints.api.schemas.artifacts import ArtifactSchema, ArtifactVersionSchema
from zmdm_plugin.cli.asking import LIMIT
from zmdm_plugin.cli.groups import Topic, zmdm
from zmdm_plugin.cli.operators import operator
from zmdm_plugin.cli.output import ask, asks, card, say, table
from zmdm_plugin.errors import NotFound
from zmdm_plugin.models import Artifact, ArtifactVersion
from zmdm_plugin.models.artifacts import TYPES
from zmdm_plugin.protocol.platform import Platform
from zmdm_plugin.services import access, audit
from zmdm_plugin.services.artifacts import artifacts, graph, versions

group = Topic("artifact", help="Profiles, declarations, assets; ARTIFACT is a name.")
zmdm.add_command(group)

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_OS_UPDATES = click.Choice(["no", "major", "minor", "patch"])


@group.command("list")
@click.option("--type", "kind", type=click.Choice(TYPES))
@LIMIT
def list_artifacts(*, kind: str | None, limit: int) -> None:
    """List artifacts."""
    access.demand(operator(), access.VIEW_ARTIFACTS)
    page = artifacts.page(type=kind, limit=limit)
    rows = [_plain(row) for row in page.items]
    table(rows, ("id", "name", "type", "channel", "platforms"), empty="there are no artifacts")
    if page.next_cursor is not None:
        click.echo(f"there are more than {limit}: see --limit", err=True)


@group.command("show")
@click.argument("name", metavar="ARTIFACT")
def show(name: str) -> None:
    """Show an artifact with its newest versions."""
    access.demand(operator(), access.VIEW_ARTIFACTS)
    row = named_artifact(name)
    found = versions.page(row).items
    card({**_plain(row), "versions": ArtifactVersionSchema(many=True).dump(found)})


@group.command("create")
@click.argument("name")
@click.argument("file", type=_FILE)
@click.option("--type", "kind", type=click.Choice(TYPES), default="profile", show_default=True)
@click.option("--channel", type=click.Choice(["device", "user"]), default="device")
@click.option(
    "--platform", "platforms", multiple=True, type=click.Choice([str(one) for one in Platform])
)
@click.option("--requires", multiple=True, metavar="ARTIFACT", help="What has to be there first.")
@click.option("--during-setup", is_flag=True, help="Install it in Setup Assistant already.")
@click.option("--auto-update/--no-auto-update", default=True, show_default=True)
@click.option("--reinstall-days", type=click.IntRange(0, 366), default=0, show_default=True)
@click.option("--reinstall-on-os-update", type=_OS_UPDATES, default="no", show_default=True)
def create(
    name: str,
    file: Path,
    *,
    kind: str,
    platforms: tuple[str, ...],
    requires: tuple[str, ...],
    during_setup: bool,
    reinstall_days: int,
    **settings: Any,
) -> None:
    """Make an artifact with FILE as its first version."""
    access.demand(operator(), access.ADD_ARTIFACTS)
    with db.transaction():
        row = artifacts.create(
            kind,
            name,
            platforms=platforms or None,
            requires=[named_artifact(one).id for one in requires],
            install_during_setup_assistant=during_setup,
            reinstall_interval=reinstall_days,
            **settings,
        )
        audit.record(operator(), "artifact.create", row, after=audit.snapshot(row))
        version = _upload(row, file)
        made = {**_plain(row), "version": _version(version)}
    say(made, [f"artifact {name!r}, version 1", *_warnings(made["version"])])


@group.command("upload")
@click.argument("name", metavar="ARTIFACT")
@click.argument("file", type=_FILE)
def upload(name: str, file: Path) -> None:
    """Add FILE as a version, which is the current one from now on."""
    access.demand(operator(), access.CHANGE_ARTIFACTS)
    with db.transaction():
        made = _version(_upload(named_artifact(name), file))
    say(made, [f"artifact {name!r}, version {made['number']}", *_warnings(made)])


@group.command("current")
@click.argument("name", metavar="ARTIFACT")
@click.argument("number", type=click.IntRange(1))
def current(name: str, number: int) -> None:
    """Make an older version the current one again."""
    access.demand(operator(), access.CHANGE_ARTIFACTS)
    with db.transaction():
        row = versions.numbered(named_artifact(name), number)
        before = audit.snapshot(row)
        versions.make_current(row)
        after = audit.snapshot(row)
        audit.record(operator(), "artifact.make_current", row, before=before, after=after)
        made = _version(row)
    say(made, f"artifact {name!r}: version {number} is the current one")


@group.command("delete")
@click.argument("name", metavar="ARTIFACT")
@asks
def delete(name: str, *, yes: bool) -> None:
    """Delete an artifact that nothing uses, with all its versions."""
    access.demand(operator(), access.DELETE_ARTIFACTS)
    ask(f"Delete {named_artifact(name).name!r} with all its versions?", yes=yes)
    with db.transaction():
        row = named_artifact(name)
        audit.record(operator(), "artifact.delete", row, before=audit.snapshot(row))
        artifacts.delete(row)
    say({"name": name}, f"{name!r} is deleted")


def named_artifact(name: str) -> Artifact:
    """The artifact of this name; NotFound says where to look."""
    row = artifacts.named(name)
    if row is None:
        raise NotFound(f"there is no artifact {name!r}; see `flask zmdm artifact list`")
    return row


def _upload(row: Artifact, file: Path) -> ArtifactVersion:
    version = versions.create(row, file.read_bytes(), actor=operator(), filename=file.name)
    audit.record(operator(), "artifact.upload", version, after=audit.snapshot(version))
    return version


def _warnings(version: dict[str, Any]) -> list[str]:
    return [f"warning: {one}" for one in version["content"].get("warnings", ())]


def _plain(row: Artifact) -> dict[str, Any]:
    plain: dict[str, Any] = ArtifactSchema().dump(row)
    return {**plain, "requires": graph.needed(row.id, "requires")}


def _version(row: ArtifactVersion) -> dict[str, Any]:
    plain: dict[str, Any] = ArtifactVersionSchema().dump(row)
    return plain
