"""flask zmdm webhook …: who is told of events."""

from __future__ import annotations

import click

from zmdm_plugin import db
from zmdm_plugin.cli.groups import Topic, zmdm
from zmdm_plugin.cli.operators import operator
from zmdm_plugin.cli.output import ask, asks, say, table
from zmdm_plugin.errors import NotFound
from zmdm_plugin.models import Webhook
from zmdm_plugin.services import access, audit
from zmdm_plugin.services.webhooks import hooks, outbox

group = Topic("webhook", help="Programs that are told of events.")
zmdm.add_command(group)


@group.command("list")
def list_webhooks() -> None:
    """List webhooks, with what they were not told yet."""
    access.demand(operator(), access.VIEW_WEBHOOKS)
    rows = []
    for row in hooks.every():
        waits, given_up = outbox.waiting(row.id)
        rows.append({**_plain(row), "waiting": waits, "given_up": given_up})
    table(rows, ("id", "name", "url", "enabled", "waiting", "given_up"), empty="there are none")


@group.command("create")
@click.argument("name")
@click.argument("url")
@click.option("--kind", "kinds", multiple=True, help="A kind of event, or device.*; several times.")
@click.option("--tag", "tags", multiple=True, help="Only devices with this tag; several times.")
def create(name: str, url: str, *, kinds: tuple[str, ...], tags: tuple[str, ...]) -> None:
    """Make a webhook; prints its secret, this once."""
    access.demand(operator(), access.ADD_WEBHOOKS)
    with db.transaction():
        row, secret = hooks.create(name, url, kinds=kinds, tags=tags)
        audit.record(operator(), "webhook.create", row, after=audit.snapshot(row))
        made = {**_plain(row), "secret": secret}
    say(made, f"webhook {name!r}; its secret, shown this once: {secret}")


@group.command("retry")
@click.argument("name")
def retry(name: str) -> None:
    """Tell again what was given up."""
    access.demand(operator(), access.CHANGE_WEBHOOKS)
    with db.transaction():
        row = _named(name)
        number = outbox.retry_dead(row)
        audit.record(operator(), "webhook.replay", row, after={"number": number})
    say({"name": name, "number": number}, f"{number} events will be told again")


@group.command("delete")
@click.argument("name")
@asks
def delete(name: str, *, yes: bool) -> None:
    """Delete a webhook, with what it was still to be told."""
    access.demand(operator(), access.DELETE_WEBHOOKS)
    ask(f"Delete the webhook {_named(name).name!r}?", yes=yes)
    with db.transaction():
        row = _named(name)
        audit.record(operator(), "webhook.delete", row, before=audit.snapshot(row))
        left = hooks.delete(row)
    say({"name": name, "untold": left}, f"{name!r} is deleted; {left} events were not told")


def _named(name: str) -> Webhook:
    for row in hooks.every():
        if row.name == name:
            return row
    raise NotFound(f"there is no webhook {name!r}")


def _plain(row: Webhook) -> dict[str, object]:
    return {
        "id": row.id,
        "name": row.name,
        "url": row.url,
        "enabled": row.enabled,
        "kinds": row.kinds,
        "tags": row.tags,
        "last_error": row.last_error,
    }
