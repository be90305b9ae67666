"""flask zmdm identity …: certificates that we could not place."""

from __future__ import annotations

import click
import sqlalchemy as sa
from flask.cli import AppGroup

from zmdm_plugin import db
from zmdm_plugin.cli.groups import speaks_plainly, zmdm
from zmdm_plugin.cli.operators import operator
from zmdm_plugin.errors import NotFound
from zmdm_plugin.models import UnboundIdentity
from zmdm_plugin.services import audit
from zmdm_plugin.services import identity as identities

identity = AppGroup("identity", help="Device certificates that wait for a decision.")
zmdm.add_command(identity)


@identity.command("list")
def listing() -> None:
    """Certificates of ours that are pinned to no device, and devices that want to re-enroll."""
    rows = db.session().scalars(sa.select(UnboundIdentity).order_by(UnboundIdentity.id)).all()
    for row in rows:
        click.echo(
            f"{row.fingerprint[:16]} {row.reason} {row.serial_number or '-'} {row.udid or '-'} "
            f"seen {row.seen_count} times, last {row.last_seen_at:%Y-%m-%d %H:%M}"
        )
    if not rows:
        click.echo("nothing waits")


@identity.command("adopt")
@click.argument("fingerprint")
@click.confirmation_option(prompt="Does this certificate really belong to that device?")
@speaks_plainly
def adopt(fingerprint: str) -> None:
    """Pin a certificate to the device it speaks for, after a database was restored."""
    with db.transaction():
        waiting = _waiting(fingerprint, "unknown_session")
        reason = f"certificate {waiting.fingerprint}"
        device = identities.adopt(waiting)
        audit.record(operator(), "identity.adopt", device, reason=reason)
        click.echo(f"pinned to {device.serial_number or device.udid}")


@identity.command("allow")
@click.argument("fingerprint")
@click.confirmation_option(prompt="Let this device enroll anew although it is in use?")
@speaks_plainly
def allow(fingerprint: str) -> None:
    """Let a device that is in use enroll anew through a by-hand profile."""
    with db.transaction():
        waiting = _waiting(fingerprint, "wants_to_reenroll")
        identities.allow_again(waiting)
        audit.record(operator(), "identity.allow", waiting)
    click.echo("it may enroll now")


def _waiting(fingerprint: str, reason: str) -> UnboundIdentity:
    rows = (
        db.session()
        .scalars(
            sa.select(UnboundIdentity).where(
                UnboundIdentity.fingerprint.startswith(fingerprint.lower(), autoescape=True),
                UnboundIdentity.reason == reason,
            )
        )
        .all()
    )
    if len(rows) != 1:
        raise NotFound(f"{len(rows)} certificates begin with {fingerprint!r}; see `identity list`")
    return rows[0]
