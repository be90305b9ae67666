"""flask zmdm token …: tokens of programs for the HTTP API."""

from __future__ import annotations

import json
from datetime import timedelta

import click
from flask.cli import AppGroup

from zmdm_plugin import db
from zmdm_plugin.actors import Actor
from zmdm_plugin.cli.groups import zmdm
from zmdm_plugin.cli.operators import operator
from zmdm_plugin.errors import ZmdmError
from zmdm_plugin.models import ApiToken
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import access, tokens

group = AppGroup("token", help="Tokens of programs for the HTTP API.")
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
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def create(
    name: str,
    owner: str,
    owner_label: str | None,
    permissions: tuple[str, ...],
    days: int | None,
    as_json: bool,
) -> None:
    """Make a token for its owner and print it: this is the only time that it is shown."""
    expires_at = utcnow() + timedelta(days=days) if days else None
    try:
        with db.transaction():
            row, text = tokens.create(
                name,
                Actor(id=owner, label=owner_label or owner),
                permissions=permissions,
                actor=operator(),
                expires_at=expires_at,
            )
            token_id = row.id
    except ZmdmError as error:
        raise click.ClickException(str(error)) from error
    click.echo(json.dumps({"id": token_id, "token": text}) if as_json else text)


@group.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_tokens(as_json: bool) -> None:
    """List tokens, the newest first; never their text."""
    rows = [_plain(row) for row in tokens.all_tokens()]
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        permissions = " ".join(row["permissions"])  # type: ignore[arg-type]
        click.echo(
            f"{row['id']}\t{row['prefix']}…\t{row['state']}\t{row['name']}\t"
            f"{row['owner']}\t{permissions}"
        )


@group.command("revoke")
@click.argument("token_id", type=click.IntRange(1, 2**63 - 1))
def revoke(token_id: int) -> None:
    """End a token at once."""
    try:
        with db.transaction():
            tokens.revoke(token_id, actor=operator())
    except ZmdmError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"Token {token_id} is revoked.")


@group.command("permissions")
def list_permissions() -> None:
    """List every permission that a token may have."""
    for name, meaning in sorted(access.permissions().items()):
        click.echo(f"{name}\t{meaning}")


def _plain(row: ApiToken) -> dict[str, object]:
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
