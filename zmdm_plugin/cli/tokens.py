"""flask zmdm token …: tokens of programs for the HTTP API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click

from zmdm_plugin import db
from zmdm_plugin.actors import Actor
from zmdm_plugin.cli.asking import ID
from zmdm_plugin.cli.groups import Topic, zmdm
from zmdm_plugin.cli.operators import operator
from zmdm_plugin.cli.output import ask, asks, say
from zmdm_plugin.models import ApiToken
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import access, tokens

group = Topic("token", help="Tokens of programs for the HTTP API.")
zmdm.add_command(group)


@group.command("create")
@click.argument("name")
@click.option("--owner", required=True, help="Id of the actor it belongs to, e.g. user:1.")
@click.option("--owner-label", help="How that actor is shown; the id unless told.")
@click.option(
    "--permission",
    "permissions",
    multiple=True,
    required=True,
    help="A permission or a pattern like mdm.view_*; repeat it for more.",
)
@click.option("--days", type=click.IntRange(1, 3650), help="Days until it expires; else never.")
def create(
    name: str,
    owner: str,
    owner_label: str | None,
    permissions: tuple[str, ...],
    days: int | None,
) -> None:
    """Make a token for its owner and print it: this is the only time that it is shown."""
    access.demand(operator(), access.ADD_TOKENS)
    expires_at = utcnow() + timedelta(days=days) if days else None
    with db.transaction():
        row, text = tokens.create(
            name,
            Actor(id=owner, label=owner_label or owner),
            permissions=permissions,
            actor=operator(),
            expires_at=expires_at,
        )
        made = {**_plain(row), "token": text}
    say(made, text)


@group.command("list")
def list_tokens() -> None:
    """List tokens, the newest first; never their text."""
    access.demand(operator(), access.VIEW_TOKENS)
    rows = [_plain(row) for row in tokens.all_tokens()]
    say(
        rows,
        [
            f"{row['id']}\t{row['prefix']}…\t{row['state']}\t{row['name']}\t{row['owner']}\t"
            f"{' '.join(row['permissions'])}"
            for row in rows
        ],
    )


@group.command("revoke")
@click.argument("token_id", type=ID)
@asks
def revoke(token_id: int, *, yes: bool) -> None:
    """End a token at once."""
    access.demand(operator(), access.CHANGE_TOKENS)
    ask(f"End token {token_id} at once?", yes=yes)
    with db.transaction():
        tokens.revoke(token_id, actor=operator())
    say({"id": token_id, "state": "revoked"}, f"Token {token_id} is revoked.")


@group.command("permissions")
def list_permissions() -> None:
    """List every permission that a token may have."""
    known = sorted(access.permissions().items())
    listed = [{"name": name, "meaning": meaning} for name, meaning in known]
    say(listed, [f"{name}\t{meaning}" for name, meaning in known])


def _plain(row: ApiToken) -> dict[str, Any]:
    now = utcnow()
    expired = row.expires_at is not None and row.expires_at <= now
    return {
        "id": row.id,
        "prefix": row.prefix,
        "name": row.name,
        "owner": row.owner_label,
        "state": "revoked" if row.revoked_at else "expired" if expired else "good",
        "permissions": row.permissions,
        "expires_at": row.expires_at.isoformat() if row.expires_at else None,
        "last_used_at": row.last_used_at.isoformat() if row.last_used_at else None,
    }
