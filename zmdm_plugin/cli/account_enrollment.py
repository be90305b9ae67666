"""flask zmdm account-enrollment …: how people enroll with their account."""

from __future__ import annotations

from typing import Any

import click

from zmdm_plugin import db
from zmdm_plugin.blueprints.api.schemas.account_enrollments import AccountEnrollmentSchema
from zmdm_plugin.cli.enrollment import id_of, one_of
from zmdm_plugin.cli.groups import Topic, zmdm
from zmdm_plugin.cli.operators import operator
from zmdm_plugin.cli.output import say
from zmdm_plugin.errors import NoService, NotFound
from zmdm_plugin.models import (
    AccountSettings,
    DepVirtualServer,
    MDMBlueprint,
    PushCertificate,
    Realm,
    ScepIssuer,
)
from zmdm_plugin.protocol.account_driven import BYOD, FAMILIES, MODES
from zmdm_plugin.services import access, audit
from zmdm_plugin.services.account import accounts, discovery, listing
from zmdm_plugin.services.enrollment import enrollments
from zmdm_plugin.web import dep

account_enrollment = Topic("account-enrollment", help="How people enroll with their account.")
zmdm.add_command(account_enrollment)


@account_enrollment.command("create")
@click.argument("name")
@click.option("--mode", type=click.Choice(MODES), default=BYOD, show_default=True)
@click.option("--domain", "domains", multiple=True, help="Of the accounts that people type.")
@click.option("--default", "is_default", is_flag=True, help="Also for every other domain.")
@click.option("--model-family", "families", multiple=True, type=click.Choice(FAMILIES))
@click.option("--realm", "realm_name", help="Name; needed when there are several.")
@click.option("--managed-account", default=accounts.PATTERN, show_default=True)
@click.option("--reauthenticate-days", type=click.IntRange(1, 3650), help="Sign in again after.")
@click.option("--virtual-server", help="Name of the one that vouches for its people's accounts.")
@click.option("--push-certificate", help="Name; needed when there are several.")
@click.option("--issuer", "issuer_name", help="Name; needed when there are several.")
@click.option("--blueprint", help="Name of what its devices get.")
@click.option("--quota", type=click.IntRange(1), help="How many devices it admits.")
def create(name: str, **given: Any) -> None:
    """Make one and print what to publish."""
    access.demand(operator(), access.ADD_ENROLLMENTS)
    with db.transaction():
        row = accounts.create(
            name,
            push_certificate=one_of(PushCertificate, given["push_certificate"], "push certificate"),
            issuer=one_of(ScepIssuer, given["issuer_name"], "issuer"),
            realm=one_of(Realm, given["realm_name"], "realm"),
            settings={
                "mode": given["mode"],
                "domains": list(given["domains"]),
                "is_default": given["is_default"],
                "model_families": list(given["families"]),
                "managed_account": given["managed_account"],
                "reauthenticate_days": given["reauthenticate_days"],
                "server_id": id_of(DepVirtualServer, given["virtual_server"], "virtual server"),
            },
            quota=given["quota"],
            blueprint_id=id_of(MDMBlueprint, given["blueprint"], "blueprint"),
        )
        audit.record(operator(), "account_enrollment.create", row, after=audit.snapshot(row))
        made = _plain(row)
    say(made, _published(made))


@account_enrollment.command("list")
def list_all() -> None:
    """Every one, with whom it is for."""
    access.demand(operator(), access.VIEW_ENROLLMENTS)
    rows: list[AccountSettings] = []
    cursor: str | None = None
    while True:
        page = listing.page(cursor=cursor)
        rows += page.items
        if (cursor := page.next_cursor) is None:
            break
    say(
        [_plain(row) for row in rows],
        [
            f"{row.name} ({row.mode}) {', '.join(row.domains) or 'default'}"
            f"{' revoked' if row.enrollment.revoked_at else ''}"
            for row in rows
        ],
    )


@account_enrollment.command("show")
@click.argument("name")
def show(name: str) -> None:
    """Print what to publish for it."""
    access.demand(operator(), access.VIEW_ENROLLMENTS)
    row = enrollments.by_name(name)
    if row.kind != enrollments.ACCOUNT:
        raise NotFound(f"{name!r} is not an account-driven enrollment")
    plain = _plain(accounts.settings_of(row))
    say(plain, _published(plain))


@account_enrollment.command("discover")
@click.argument("account")
@click.option("--model-family", type=click.Choice(FAMILIES), default="iPhone", show_default=True)
def discover(account: str, *, model_family: str) -> None:
    """Tell what a device of this account would be told."""
    access.demand(operator(), access.VIEW_ENROLLMENTS)
    try:
        found = discovery.find(account, model_family)
    except NoService as error:
        raise NotFound(error.description) from error
    answer = {"enrollment": found.name, "mode": found.mode, "url": found.url}
    say(answer, f"{found.mode} through {found.name}: {found.url}")


@account_enrollment.command("tell-apple")
@click.argument("name")
@click.argument("virtual_server", type=click.IntRange(1))
def tell_apple(name: str, virtual_server: int) -> None:
    """Have Apple send people there whose domain does not answer, by a virtual server's id."""
    access.demand(operator(), access.CHANGE_DEP_SERVERS)
    row = enrollments.by_name(name)
    if row.kind != enrollments.ACCOUNT:
        raise NotFound(f"{name!r} is not an account-driven enrollment")
    url = dep.tell_discovery_url(row.id, virtual_server, actor=operator())
    say({"name": name, "discovery_url": url}, f"Apple sends people to {url}")


def _published(plain: dict[str, Any]) -> list[str]:
    return [
        f"redirect the domains' {discovery.PATH}, query included, to {plain['well_known_url']}",
        f"where the query is lost, to {plain['discovery_url']}",
    ]


def _plain(row: AccountSettings) -> dict[str, Any]:
    plain: dict[str, Any] = AccountEnrollmentSchema().dump(row)
    return plain
