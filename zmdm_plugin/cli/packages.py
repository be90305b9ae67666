"""flask zmdm package …: installers and applications; flask zmdm application …: who has what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from zmdm_plugin import db
from zmdm_plugin.blueprints.api.schemas.packages import ApplicationSchema, PackageSchema
from zmdm_plugin.cli.asking import LIMIT
from zmdm_plugin.cli.groups import Topic, zmdm
from zmdm_plugin.cli.operators import operator
from zmdm_plugin.cli.output import ask, asks, card, say, table
from zmdm_plugin.models import Package
from zmdm_plugin.services import access, audit
from zmdm_plugin.services.applications import search
from zmdm_plugin.services.applications.search import ApplicationFilter
from zmdm_plugin.services.packages import fetching, packages
from zmdm_plugin.services.storage import incoming
from zmdm_plugin.web import packages as taking

group = Topic("package", help="Installers (.pkg) and applications (.ipa); PACKAGE is an id.")
zmdm.add_command(group)
found = Topic("application", help="What is installed on devices.")
zmdm.add_command(found)

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_ID = click.argument("package_id", metavar="PACKAGE", type=click.IntRange(1))


@group.command("list")
@click.option("--product", "product_id", help="Of this product identifier.")
@LIMIT
def list_packages(*, product_id: str | None, limit: int) -> None:
    """List packages, the newest first."""
    access.demand(operator(), access.VIEW_ARTIFACTS)
    page = packages.page(product_id=product_id, limit=limit)
    columns = ("id", "name", "kind", "product_id", "product_version", "size")
    table([_plain(row) for row in page.items], columns, empty="there are no packages")


@group.command("show")
@_ID
def show(package_id: int) -> None:
    """Show a package."""
    access.demand(operator(), access.VIEW_ARTIFACTS)
    card(_plain(packages.find(package_id)))


@group.command("upload")
@click.argument("file", type=_FILE)
@click.option("--name", help="Instead of its title.")
@click.option("--sha256", help="Refuse any other file.")
def upload(file: Path, *, name: str | None, sha256: str | None) -> None:
    """Upload a signed installer or an application."""
    actor = operator()
    access.demand(actor, access.CHANGE_ARTIFACTS)
    with file.open("rb") as stream:
        package_id = taking.take(
            incoming.pieces(stream), actor=actor, filename=file.name, name=name, sha256=sha256
        )
    row = packages.find(package_id)
    say(_plain(row), f"package {row.id}: {row.name} {row.product_version}")


@group.command("fetch")
@click.argument("url")
@click.option("--sha256", required=True, help="Of the file, hex.")
@click.option("--name", help="Instead of its title.")
def fetch(url: str, *, sha256: str, name: str | None) -> None:
    """Have a job download a package."""
    actor = operator()
    access.demand(actor, access.CHANGE_ARTIFACTS)
    with db.transaction():
        uid = fetching.start(actor, url=url, sha256=sha256, name=name).uid
    say({"task_id": uid}, f"task {uid}: see flask zmdm task show")


@group.command("delete")
@_ID
@asks
def delete(package_id: int, *, yes: bool) -> None:
    """Delete a package that no version installs."""
    actor = operator()
    access.demand(actor, access.DELETE_ARTIFACTS)
    name = packages.find(package_id).name
    ask(f"Delete the package “{name}”?", yes=yes)
    with db.transaction():
        row = packages.find(package_id)
        audit.record(actor, "package.delete", row, before=audit.snapshot(row))
        packages.delete(row)
    say({"id": package_id}, f"deleted: {name}")


@found.command("list")
@click.option("--search", "words", help="Words of the name or identifier.")
@click.option("--identifier", help="Exactly this bundle identifier.")
@click.option("--version", help="Exactly this version.")
@LIMIT
def list_applications(
    *, words: str | None, identifier: str | None, version: str | None, limit: int
) -> None:
    """List which devices have an application."""
    actor = operator()
    access.demand(actor, access.VIEW_DEVICES)
    wanted = ApplicationFilter(search=words, identifier=identifier, version=version)
    page = search.page(actor, wanted, limit=limit)
    rows: list[dict[str, Any]] = ApplicationSchema(many=True).dump(page.items)
    columns = ("serial_number", "name", "identifier", "short_version", "managed")
    table(rows, columns, empty="no device has told of such an application")


def _plain(row: Package) -> dict[str, Any]:
    plain: dict[str, Any] = PackageSchema().dump(row)
    return plain
