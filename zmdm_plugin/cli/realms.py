"""flask zmdm realm …: where people are known, their local accounts, and who signed in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from zmdm_plugin import db
from zmdm_plugin.blueprints.api.schemas.realms import RealmSchema, RealmUserSchema
from zmdm_plugin.cli.asking import LIMIT
from zmdm_plugin.cli.groups import Topic, zmdm
from zmdm_plugin.cli.operators import operator
from zmdm_plugin.cli.output import ask, asks, card, say, table
from zmdm_plugin.errors import Refused
from zmdm_plugin.models import Realm, RealmUser
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import access, audit, credential_lists
from zmdm_plugin.services.realms import accounts, health, listing, people, provider, realms
from zmdm_plugin.services.realms.listing import PeopleFilter

realm = Topic("realm", help="Where people are known, and who signed in.")
zmdm.add_command(realm)

_PASSWORD = click.option(
    "--password",
    prompt=True,
    hide_input=True,
    confirmation_prompt=True,
    help="Asked for unless it is given.",
)


@realm.command("list")
@LIMIT
def list_realms(limit: int) -> None:
    """List realms, and what is wrong with them."""
    access.demand(operator(), access.VIEW_REALMS)
    rows = credential_lists.page(Realm, {}, ordering="name", limit=limit).items
    shown = [{**_realm(row), "fault": health.fault(row)} for row in rows]
    table(shown, ("id", "name", "backend", "enabled", "fault"), empty="there is no realm")


@realm.command("show")
@click.argument("name")
def show(name: str) -> None:
    """Show a realm, never its secret."""
    access.demand(operator(), access.VIEW_REALMS)
    card(_realm(realms.by_name(name)))


@realm.command("create")
@click.argument("name")
@click.argument("backend", type=click.Choice(provider.BACKENDS))
@click.option("--config", type=click.File(), help="JSON: what the backend asks for; - reads it.")
@click.option("--claim-mapping", help='JSON, like {"username": "email"}.')
@click.option("--secret-file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def create(
    name: str, backend: str, config: Any, claim_mapping: str | None, secret_file: Path | None
) -> None:
    """Make a realm: local, oidc or ldap."""
    access.demand(operator(), access.ADD_REALMS)
    given = _json(config.read(), "config") if config else {}
    mapping = _json(claim_mapping, "claim_mapping") if claim_mapping else {}
    secret = secret_file.read_text("utf-8").strip() if secret_file else None
    with db.transaction():
        row = realms.create(name, backend, config=given, secret=secret, claim_mapping=mapping)
        audit.record(operator(), "realm.create", row, after=audit.snapshot(row))
        made = _realm(row)
    say(made, f"{name} is made; try it: flask zmdm realm test {name!r}")


@realm.command("change")
@click.argument("name")
@click.option("--config", type=click.File(), help="JSON: what the backend asks for; - reads it.")
@click.option("--claim-mapping", help='JSON, like {"username": "email"}.')
@click.option("--secret-file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--enabled/--not-enabled", default=None, help="Whether people may sign in.")
def change(
    name: str,
    config: Any,
    claim_mapping: str | None,
    secret_file: Path | None,
    enabled: bool | None,
) -> None:
    """Change a realm; what is not named stays."""
    access.demand(operator(), access.CHANGE_REALMS)
    asked = {
        "config": _json(config.read(), "config") if config else None,
        "claim_mapping": _json(claim_mapping, "claim_mapping") if claim_mapping else None,
        "secret": secret_file.read_text("utf-8").strip() if secret_file else None,
        "enabled": enabled,
    }
    with db.transaction():
        row = realms.by_name(name)
        before = audit.snapshot(row)
        realms.update(row, {key: value for key, value in asked.items() if value is not None})
        audit.record(operator(), "realm.change", row, before=before, after=audit.snapshot(row))
        changed = _realm(row)
    say(changed, f"{name} is changed")


@realm.command("test")
@click.argument("name")
def test(name: str) -> None:
    """Ask a realm's provider now; nobody signs in."""
    access.demand(operator(), access.CHANGE_REALMS)
    with db.transaction():
        row = realms.by_name(name)
        asked = provider.of(row)
        audit.record(operator(), "realm.test", row)
    try:
        found = provider.test(asked)
    except provider.ProviderFailed as error:
        with db.transaction():
            health.tested(realms.by_name(name), str(error), now=utcnow())
        raise
    with db.transaction():
        health.tested(realms.by_name(name), None, now=utcnow())
    say({"ok": True, "message": found}, found)


@realm.command("delete")
@click.argument("name")
@asks
def delete(name: str, *, yes: bool) -> None:
    """Delete a realm that no enrollment uses and that has no people."""
    access.demand(operator(), access.DELETE_REALMS)
    ask(f"Delete the realm {name}?", yes=yes)
    with db.transaction():
        row = realms.by_name(name)
        audit.record(operator(), "realm.delete", row, before=audit.snapshot(row))
        realms.delete(row)
    say({"name": name, "deleted": True}, f"{name} is deleted")


@realm.command("people")
@click.option("--realm", "realm_name", help="Only of this realm.")
@click.option("--search", help="In the username, email address or full name.")
@LIMIT
def list_people(realm_name: str | None, search: str | None, limit: int) -> None:
    """List people who signed in, and local accounts."""
    access.demand(operator(), access.VIEW_PEOPLE)
    realm_id = realms.by_name(realm_name).id if realm_name else None
    asked = PeopleFilter(realm=realm_id, search=search)
    rows = listing.page(asked, ordering="username", limit=limit).items
    counts = listing.devices_of([row.id for row in rows])
    shown = [{**_person(row), "devices": counts.get(row.id, 0)} for row in rows]
    columns = ("id", "username", "full_name", "email", "devices", "last_signed_in_at")
    table(shown, columns, empty="nobody is known")


@realm.command("add-account")
@click.argument("name")
@click.argument("username")
@_PASSWORD
@click.option("--email")
@click.option("--first-name")
@click.option("--last-name")
@click.option("--full-name")
@click.option("--custom-attr-1", "custom_attr_1")
@click.option("--custom-attr-2", "custom_attr_2")
def add_account(name: str, username: str, password: str, **known: str | None) -> None:
    """Make an account in a realm of local accounts."""
    access.demand(operator(), access.ADD_PEOPLE)
    values = {key: value for key, value in known.items() if value is not None}
    with db.transaction():
        row = accounts.create(
            realms.by_name(name), {"username": username, **values}, password=password
        )
        audit.record(operator(), "realm_user.create", row, after=audit.snapshot(row))
        made = _person(row)
    say(made, f"{username} can sign in")


@realm.command("set-password")
@click.argument("name")
@click.argument("username")
@_PASSWORD
def set_password(name: str, username: str, password: str) -> None:
    """Give a local account another password."""
    say(_changed(name, username, {"password": password}), f"{username} has another password")


@realm.command("disable-account")
@click.argument("name")
@click.argument("username")
def disable_account(name: str, username: str) -> None:
    """Let a local account sign in no more; its devices stay."""
    say(_changed(name, username, {"disabled": True}), f"{username} may sign in no more")


@realm.command("enable-account")
@click.argument("name")
@click.argument("username")
def enable_account(name: str, username: str) -> None:
    """Let a local account sign in again."""
    say(_changed(name, username, {"disabled": False}), f"{username} may sign in again")


@realm.command("forget-person")
@click.argument("name")
@click.argument("username")
@asks
def forget_person(name: str, username: str, *, yes: bool) -> None:
    """Forget a person who has no device."""
    access.demand(operator(), access.DELETE_PEOPLE)
    ask(f"Forget {username}?", yes=yes)
    with db.transaction():
        row = listing.by_username(realms.by_name(name), username)
        audit.record(operator(), "realm_user.delete", row, before=audit.snapshot(row))
        people.delete(row)
    say({"username": username, "forgotten": True}, f"{username} is forgotten")


def _changed(name: str, username: str, changes: dict[str, Any]) -> dict[str, Any]:
    access.demand(operator(), access.CHANGE_PEOPLE)
    with db.transaction():
        row = listing.by_username(realms.by_name(name), username)
        before = audit.snapshot(row)
        accounts.change(row, changes)
        audit.record(operator(), "realm_user.change", row, before=before, after=audit.snapshot(row))
        return _person(row)


def _json(text: str, name: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Refused(name, "must be JSON") from error
    if not isinstance(found, dict):
        raise Refused(name, "must be a JSON object")
    return found


def _realm(row: Realm) -> dict[str, Any]:
    plain: dict[str, Any] = RealmSchema().dump(row)
    return plain


def _person(row: RealmUser) -> dict[str, Any]:
    plain: dict[str, Any] = RealmUserSchema().dump(row)
    return plain
