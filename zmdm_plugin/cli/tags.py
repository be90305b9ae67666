"""flask zmdm tag …: words on devices."""

from __future__ import annotations

import click

from zmdm_plugin import db
from zmdm_plugin.cli.groups import Topic, zmdm
from zmdm_plugin.cli.operators import operator
from zmdm_plugin.cli.output import ask, asks, say, table
from zmdm_plugin.errors import NotFound
from zmdm_plugin.models import Tag
from zmdm_plugin.services import access, audit, tags

group = Topic("tag", help="Words on devices; `device tag` puts them there.")
zmdm.add_command(group)

_COLOR = click.Choice(tags.COLORS)


@group.command("list")
def list_tags() -> None:
    """List tags, and how many devices have each."""
    access.demand(operator(), access.VIEW_TAGS)
    counted = tags.counts(operator())
    rows = [{**_plain(tag), "devices": counted.get(tag.id, 0)} for tag in tags.every()]
    table(rows, ("id", "name", "color", "devices"), empty="there are no tags")


@group.command("create")
@click.argument("name")
@click.option("--color", type=_COLOR, default=tags.COLORS[0], show_default=True)
def create(name: str, *, color: str) -> None:
    """Make a tag."""
    access.demand(operator(), access.ADD_TAGS)
    with db.transaction():
        tag = tags.create(name, color=color)
        audit.record(operator(), "tag.create", tag, after=audit.snapshot(tag))
        made = _plain(tag)
    say(made, f"tag {name!r}")


@group.command("change")
@click.argument("name")
@click.option("--name", "new_name", help="Its new name.")
@click.option("--color", type=_COLOR)
def change(name: str, *, new_name: str | None, color: str | None) -> None:
    """Rename or recolor a tag; it stays on its devices."""
    access.demand(operator(), access.CHANGE_TAGS)
    with db.transaction():
        tag = _named(name)
        before = audit.snapshot(tag)
        tags.change(tag, name=new_name, color=color)
        audit.record(operator(), "tag.change", tag, before=before, after=audit.snapshot(tag))
        changed = _plain(tag)
    say(changed, f"tag {changed['name']!r}")


@group.command("delete")
@click.argument("name")
@asks
def delete(name: str, *, yes: bool) -> None:
    """Delete a tag, which takes it from its devices."""
    access.demand(operator(), access.DELETE_TAGS)
    ask(f"Delete the tag {_named(name).name!r}, also from its devices?", yes=yes)
    with db.transaction():
        tag = _named(name)
        audit.record(operator(), "tag.delete", tag, before=audit.snapshot(tag))
        taken = tags.delete(tag)
    say({"name": name, "devices": taken}, f"{name!r} is deleted, and was on {taken} devices")


def _named(name: str) -> Tag:
    tag = tags.named(name)
    if tag is None:
        raise NotFound(f"there is no tag {name!r}")
    return tag


def _plain(tag: Tag) -> dict[str, object]:
    return {"id": tag.id, "name": tag.name, "color": tag.color}
