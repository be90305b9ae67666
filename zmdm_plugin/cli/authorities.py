"""flask zmdm ca | issuer …: who signs the identities of devices."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any, TextIO

import click
import sqlalchemy as sa

from zmdm_plugin import db
from zmdm_plugin.blueprints.api.schemas.issuers import ScepIssuerSchema
from zmdm_plugin.cli.groups import Topic, zmdm
from zmdm_plugin.cli.operators import operator
from zmdm_plugin.cli.output import ask, asks, card, say, table
from zmdm_plugin.errors import NotFound
from zmdm_plugin.models import CertificateAuthority, ScepIssuer
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import access, audit, ca, issuers

authority = Topic("ca", help="The built-in certificate authority for device identities.")
issuer = Topic("issuer", help="Where devices get their identities.")
for _group in (authority, issuer):
    zmdm.add_command(_group)

_ABOUT_ISSUER = (
    click.option("--challenge-file", type=click.File("r"), help="File with its static challenge."),
    click.option("--key-size", type=click.Choice(["2048", "3072", "4096"])),
    click.option("--key-usage", type=click.Choice(["1", "4", "5"]), help="1 sign, 4 encrypt, 5."),
    click.option("--ca-name", help="The SCEP instance name, where the service asks for one."),
    click.option("--ca-fingerprint", help="Fingerprint (hex) that devices check the CA against."),
)


def _about_issuer(command: Any) -> Any:
    for option in reversed(_ABOUT_ISSUER):
        command = option(command)
    return command


@authority.command("create")
@click.argument("name")
def create_ca(name: str) -> None:
    """Make the built-in CA, once."""
    access.demand(operator(), access.CHANGE_SCEP_ISSUERS)
    with db.transaction():
        row = ca.create(name)
        audit.record(operator(), "ca.create", row, after=audit.snapshot(row))
        made = _authority(row)
    say(made, f"CA {made['name']!r}, valid until {made['not_after'][:10]}")


@authority.command("renew")
def renew_ca() -> None:
    """Let the next generation sign from now on; identities of the former ones go on working."""
    access.demand(operator(), access.CHANGE_SCEP_ISSUERS)
    with db.transaction():
        row = ca.renew()
        audit.record(operator(), "ca.renew", row, after=audit.snapshot(row))
        made = _authority(row)
    say(made, f"generation {made['generation']}, valid until {made['not_after'][:10]}")


@authority.command("prepare")
@click.option(
    "--days",
    type=click.IntRange(0, 3650),
    default=ca.LEAD.days,
    show_default=True,
    help="After so many days it takes over by itself.",
)
def prepare_ca(days: int) -> None:
    """Make the next generation ready: export it to your proxies before it signs anything.

    The scheduler does the same in time; `ca renew` lets it take over at once.
    """
    access.demand(operator(), access.CHANGE_SCEP_ISSUERS)
    with db.transaction():
        row = ca.prepare(issues_from=utcnow() + timedelta(days=days))
        audit.record(operator(), "ca.prepare", row, after=audit.snapshot(row))
        made = _authority(row)
    say(made, f"generation {made['generation']} takes over on {made['issues_from'][:10]}")


@authority.command("export")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="A file; else it is shown.")
def export_ca(output: Path | None) -> None:
    """The certificates of every generation as PEM, for proxies that verify chains."""
    access.demand(operator(), access.VIEW_SCEP_ISSUERS)
    pem = ca.bundle()
    if output is not None:
        output.write_text(pem, "ascii")
    number = pem.count("BEGIN CERTIFICATE")
    said = f"{number} certificates in {output}" if output else pem.rstrip()
    say({"certificates": number, "pem": pem}, said)


@authority.command("list")
def list_ca() -> None:
    """Every generation, the one that signs marked with a star."""
    access.demand(operator(), access.VIEW_SCEP_ISSUERS)
    query = sa.select(CertificateAuthority).order_by(CertificateAuthority.id)
    rows = [_authority(row) for row in db.session().scalars(query)]
    say(
        rows,
        [
            f"{'*' if row['issuing'] else ' '} {row['generation']} {row['name']} "
            f"until {row['not_after'][:10]}"
            + (f", takes over on {row['issues_from'][:10]}" if row["issues_from"] else "")
            for row in rows
        ],
    )


@issuer.command("create")
@click.argument("name")
@click.option("--url", required=True, help="URL of the SCEP service.")
@_about_issuer
def create_issuer(name: str, *, url: str, **given: Any) -> None:
    """Add an external SCEP issuer; its chain belongs into ZMDM_SCEP_CA_FULLCHAIN."""
    access.demand(operator(), access.CHANGE_SCEP_ISSUERS)
    with db.transaction():
        row = issuers.create(name, url, **_changes(given))
        audit.record(operator(), "issuer.create", row, after=audit.snapshot(row))
        made = _issuer(row)
    say(made, f"issuer {name!r}")


@issuer.command("update")
@click.argument("name")
@click.option("--name", "new_name", help="Its new name.")
@click.option("--url", help="URL of the SCEP service.")
@_about_issuer
def update_issuer(name: str, *, new_name: str | None, url: str | None, **given: Any) -> None:
    """Change an issuer; what is not named stays."""
    access.demand(operator(), access.CHANGE_SCEP_ISSUERS)
    changes = _changes({**given, "name": new_name, "url": url})
    with db.transaction():
        row = _named(name)
        before = audit.snapshot(row)
        issuers.update(row, changes)
        audit.record(operator(), "issuer.change", row, before=before, after=audit.snapshot(row))
        changed = _issuer(row)
    say(changed, f"issuer {changed['name']!r}")


@issuer.command("delete")
@click.argument("name")
@asks
def delete_issuer(name: str, *, yes: bool) -> None:
    """Delete an external issuer that no enrollment names."""
    access.demand(operator(), access.CHANGE_SCEP_ISSUERS)
    ask(f"Delete the issuer {_named(name).name!r}?", yes=yes)
    with db.transaction():
        row = _named(name)
        audit.record(operator(), "issuer.delete", row, before=audit.snapshot(row))
        issuers.delete(row)
    say({"name": name}, f"{name!r} is deleted")


@issuer.command("show")
@click.argument("name")
def show_issuer(name: str) -> None:
    """Show an issuer; never its challenge."""
    access.demand(operator(), access.VIEW_SCEP_ISSUERS)
    card(_issuer(_named(name)))


@issuer.command("list")
def list_issuers() -> None:
    """Every issuer, with its URL."""
    access.demand(operator(), access.VIEW_SCEP_ISSUERS)
    query = sa.select(ScepIssuer).order_by(ScepIssuer.id)
    rows = [_issuer(row) for row in db.session().scalars(query)]
    table(rows, ("id", "name", "kind", "url"), empty="there is no issuer")


def _changes(given: dict[str, Any]) -> dict[str, Any]:
    """The options that were given, as the service takes them."""
    changes = {name: value for name, value in given.items() if value is not None}
    file: TextIO | None = changes.pop("challenge_file", None)
    if file is not None:
        changes["challenge"] = file.read().strip()
    for number in ("key_size", "key_usage"):
        if number in changes:
            changes[number] = int(changes[number])
    return changes


def _named(name: str) -> ScepIssuer:
    row = db.session().scalar(sa.select(ScepIssuer).where(ScepIssuer.name == name))
    if row is None:
        raise NotFound(f"there is no issuer {name!r}")
    return row


def _issuer(row: ScepIssuer) -> dict[str, Any]:
    plain: dict[str, Any] = ScepIssuerSchema().dump(row)
    return plain


def _authority(row: CertificateAuthority) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "generation": row.generation,
        "issuing": row.issuing,
        "fingerprint": row.fingerprint,
        "not_before": row.not_before.isoformat(),
        "not_after": row.not_after.isoformat(),
        "issues_from": row.issues_from.isoformat() if row.issues_from else None,
    }
