"""flask zmdm identity …: certificates by their end, and those that we could not place."""

from __future__ import annotations

from datetime import timedelta

import click
import sqlalchemy as sa

from zmdm_plugin import db
from zmdm_plugin.blueprints.api.schemas.identities import IdentitySchema
from zmdm_plugin.cli.asking import LIMIT, called, one_device
from zmdm_plugin.cli.groups import Topic, zmdm
from zmdm_plugin.cli.operators import operator
from zmdm_plugin.cli.output import ask, asks, say
from zmdm_plugin.errors import NotFound
from zmdm_plugin.models import UnboundIdentity
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import access, audit, devices, renewals
from zmdm_plugin.services import identity as identities
from zmdm_plugin.services.device_filter import DeviceFilter
from zmdm_plugin.services.identity_filter import RENEWALS, STATES

identity = Topic("identity", help="Certificates of devices, and what waits.")
zmdm.add_command(identity)


@identity.command("list")
def listing() -> None:
    """Certificates of ours that are pinned to no device, and devices that want to re-enroll."""
    access.demand(operator(), access.VIEW_DEVICES)
    rows = db.session().scalars(sa.select(UnboundIdentity).order_by(UnboundIdentity.id)).all()
    lines = [
        f"{row.fingerprint[:16]} {row.reason} {row.serial_number or '-'} {row.udid or '-'} "
        f"seen {row.seen_count} times, last {row.last_seen_at:%Y-%m-%d %H:%M}"
        for row in rows
    ]
    say([_plain(row) for row in rows], lines or "nothing waits")


@identity.command("expiring")
@click.option("--state", type=click.Choice(STATES), default="in_use", show_default=True)
@click.option("--renewal", type=click.Choice(RENEWALS), help="Only where the renewal stands there.")
@click.option("--within", type=click.IntRange(0, 3650), help="Only what ends within these days.")
@click.option("--search", help="Free text, as in the list of devices.")
@LIMIT
def expiring(
    *, state: str, renewal: str | None, within: int | None, search: str | None, limit: int
) -> None:
    """Identities in use by their end, and what is in the way of their renewal."""
    access.demand(operator(), access.VIEW_DEVICES)
    asked = renewals.IdentityFilter(
        state=state,
        renewal=renewal,
        ends_before=utcnow() + timedelta(days=within) if within is not None else None,
        device=DeviceFilter(search=search),
    )
    page = renewals.page(operator(), asked, limit=limit)
    rows = [IdentitySchema().dump(one) for one in page.items]
    say(
        rows,
        [
            f"{row['not_after'][:10]} {row['serial_number'] or row['udid'] or row['device']} "
            f"{row['renewal']['state'] or 'not begun'}: {row['renewal']['why']}"
            for row in rows
        ]
        or "no identity matches",
    )


@identity.command("renew")
@click.argument("device")
def renew(device: str) -> None:
    """Renew the identity of a device now, due or not. `device bulk renew_identity` does many."""
    found = one_device(device, access.CHANGE_DEVICES)
    with db.transaction():
        ordered = renewals.renew(devices.locked(found.id), operator())
        audit.record(operator(), "identity.renew", ordered, after=audit.snapshot(ordered))
        plain = {"device": found.id, "command": ordered.uid}
    say(plain, f"{called(found)} is being woken, and gets a new identity")


@identity.command("adopt")
@click.argument("fingerprint")
@asks
def adopt(fingerprint: str, *, yes: bool) -> None:
    """Pin a certificate to the device it speaks for, after a database was restored."""
    access.demand(operator(), access.CHANGE_DEVICES)
    ask("Does this certificate really belong to that device?", yes=yes)
    with db.transaction():
        waiting = _waiting(fingerprint, "unknown_session")
        reason = f"certificate {waiting.fingerprint}"
        device = identities.adopt(waiting)
        audit.record(operator(), "identity.adopt", device, reason=reason)
        pinned = {"device": device.id, "serial_number": device.serial_number, "udid": device.udid}
    say(pinned, f"pinned to {pinned['serial_number'] or pinned['udid']}")


@identity.command("allow")
@click.argument("fingerprint")
@asks
def allow(fingerprint: str, *, yes: bool) -> None:
    """Let a device that is in use enroll anew through a by-hand profile."""
    access.demand(operator(), access.CHANGE_DEVICES)
    ask("Let this device enroll anew although it is in use?", yes=yes)
    with db.transaction():
        waiting = _waiting(fingerprint, "wants_to_reenroll")
        identities.allow_again(waiting)
        audit.record(operator(), "identity.allow", waiting)
        allowed = _plain(waiting)
    say(allowed, "it may enroll now")


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


def _plain(row: UnboundIdentity) -> dict[str, object]:
    return {
        "fingerprint": row.fingerprint,
        "reason": row.reason,
        "serial_number": row.serial_number,
        "udid": row.udid,
        "device": row.device_id,
        "seen_count": row.seen_count,
        "last_seen_at": row.last_seen_at.isoformat(),
        "approved_at": row.approved_at.isoformat() if row.approved_at else None,
    }
