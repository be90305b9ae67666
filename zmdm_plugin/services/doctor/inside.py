"""What the doctor finds in this process: database, keys, Redis, workers, certificates, routes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import redis
import sqlalchemy as sa

from zmdm_plugin import db, migrate, queues
from zmdm_plugin.db import session
from zmdm_plugin.errors import SealError
from zmdm_plugin.models import CertificateAuthority, Heartbeat, PushCertificate, Realm, ScepIssuer
from zmdm_plugin.models.base import Row
from zmdm_plugin.services import expiries, vault
from zmdm_plugin.services.doctor import locations
from zmdm_plugin.services.doctor.finding import Finding, bad, good, warn
from zmdm_plugin.services.realms import health
from zmdm_plugin.services.software_updates import feed
from zmdm_plugin.services.spans import ago

_FRESH = timedelta(seconds=120)
"""Beats come every half minute at most."""
_SOON = timedelta(days=30)
_STALE = timedelta(days=3)
_SKEW = 5.0
UNSIGNED = "the request is not signed"
"""How our own answer to an unsigned device request begins."""


def _database(now: datetime) -> list[Finding]:
    name = "Database"
    session().execute(sa.select(1))
    dialect = db.engine().dialect.name
    if dialect == "postgresql":
        return [good(name, "PostgreSQL answers.")]
    says = "SQLite answers; it is meant for demos and labs."
    return [warn(name, says, "For a fleet set SQLALCHEMY_DATABASE_URI to a PostgreSQL database.")]


def _migrations(now: datetime) -> list[Finding]:
    current, needed = migrate.current(db.engine()), migrate.head()
    if current == needed:
        return [good("Migrations", f"The tables are at {current}, as this release needs.")]
    says = f"The tables are at {current or 'nothing'}, this release needs {needed}."
    return [bad("Migrations", says, "Run `flask zmdm db upgrade`.", is_alert=True)]


def _keys(now: datetime) -> list[Finding]:
    """Whether the sealing keys open what is sealed: one of each kind is tried."""
    name, tried = "Sealing keys", 0
    for row, column in _sealed():
        try:
            vault.unseal(row, column)
        except SealError as error:
            do = "Put the key that is missing back into ZMDM_SEALING_KEYS, behind the newest one."
            return [bad(name, f"A stored secret cannot be opened: {error}.", do, is_alert=True)]
        tried += 1
    return [
        good(
            name,
            f"They open what is stored ({tried} tried)." if tried else "Nothing is sealed yet.",
        )
    ]


def _sealed() -> Iterator[tuple[Row, str]]:
    kinds: tuple[tuple[Any, str], ...] = (
        (PushCertificate, "private_key"),
        (CertificateAuthority, "private_key"),
        (ScepIssuer, "challenge"),
    )
    for model, column in kinds:
        query = sa.select(model).where(getattr(model, column).is_not(None))
        for row in session().scalars(query.order_by(model.id).limit(20)):
            yield row, column


def _redis(now: datetime) -> list[Finding]:
    name, client = "Redis", queues.connection()
    if client is None:
        do = "Set ZMDM_REDIS_URL and run `flask zmdm worker`."
        says = "ZMDM_REDIS_URL is empty: no job runs, so no device is woken."
        return [bad(name, says, do, is_alert=True)]
    try:
        client.ping()
    except redis.RedisError as error:
        says = f"It does not answer ({type(error).__name__})."
        do = "Start Redis, or correct ZMDM_REDIS_URL. Nothing is lost meanwhile."
        return [bad(name, says, do, is_alert=True)]
    return [good(name, "It answers.")]


def _processes(now: datetime) -> list[Finding]:
    rows = session().execute(sa.select(Heartbeat.name, Heartbeat.seen_at))
    seen = {name: moment for name, moment in rows}
    asked = (
        ("Scheduler", "scheduler", "Run `flask zmdm scheduler` and keep it running."),
        ("Worker for pushes", "worker:push", "Run `flask zmdm worker` and keep it running."),
        ("Worker for other jobs", "worker:default", "Run `flask zmdm worker` likewise."),
    )
    return [_beat(name, seen.get(key), now, do) for name, key, do in asked]


def _beat(name: str, seen_at: datetime | None, now: datetime, do: str) -> Finding:
    if seen_at is None:
        return bad(name, "It has never been seen.", do)
    age = now - seen_at
    said = f"Last sign of life {ago(seen_at, now)}."
    return good(name, said) if age < _FRESH else bad(name, said, do)


def _push_certificates(now: datetime) -> list[Finding]:
    rows = session().scalars(sa.select(PushCertificate).order_by(PushCertificate.name)).all()
    do = "Renew it in Apple's portal (Renew, never Create), then Update it here."
    found = []
    for row in rows:
        name = f"Push certificate {row.name}"
        if row.certificate is None and row.not_after is None:
            found.append(warn(name, "It has no certificate yet.", "Upload the one from Apple."))
        elif row.broken_at is not None:
            found.append(bad(name, f"Apple refuses it: {row.broken_reason}.", do))
        else:
            found.append(_validity(name, row.not_after, now, do))
    if not found:
        says = "There is none, so no device can be woken."
        found.append(bad("Push certificate", says, "Add the one that you have from Apple."))
    return found


def _authorities(now: datetime) -> list[Finding]:
    query = sa.select(CertificateAuthority).where(CertificateAuthority.issuing.is_(True))
    rows = session().scalars(query).all()
    found = [
        _validity(f"CA {row.name}", row.not_after, now, "Run `flask zmdm ca renew`.")
        for row in rows
    ]
    external = sa.select(sa.func.count(ScepIssuer.id)).where(ScepIssuer.kind == "external")
    if not found and not session().scalar(external):
        do = "Run `flask zmdm ca create`, or add an external SCEP issuer."
        found.append(bad("CA", "Nothing issues identities, so no device can enroll.", do))
    return found


def _configured(now: datetime) -> list[Finding]:
    """Certificates in settings: of issuers, of the vendor, of the one that signs profiles."""
    return [
        _validity(f"{one.kind} {one.name}", one.ends, now, f"Put a newer one into {one.setting}.")
        for one in expiries.of_settings()
    ]


def _validity(name: str, not_after: datetime | None, now: datetime, do: str) -> Finding:
    if not_after is None:
        return warn(name, "Its end is not known.", do)
    says = f"It holds until {not_after:%Y-%m-%d}."
    if not_after <= now:
        return bad(name, f"It expired on {not_after:%Y-%m-%d}.", do)
    return warn(name, says, do) if not_after < now + _SOON else good(name, says)


def _clock(now: datetime) -> list[Finding]:
    """Against the database's, which is another machine's where it matters."""
    if not db.is_postgresql():
        return []
    theirs: datetime | None = session().scalar(sa.select(sa.func.clock_timestamp()))
    if theirs is None:
        return []
    return [clock("Clock", abs((theirs - now).total_seconds()), "the database's")]


def clock(name: str, seconds: float, whose: str) -> Finding:
    """How far two clocks differ."""
    says = f"It differs from {whose} by {seconds:.0f} seconds."
    if seconds <= _SKEW:
        return good(name, f"It agrees with {whose}.")
    do = "Run an NTP client on both machines: certificates and waiting times depend on the clock."
    return bad(name, says, do, is_alert=True) if seconds > 60 else warn(name, says, do)


def _software_updates(now: datetime) -> list[Finding]:
    """Whether Apple's list is fresh; nothing to say while nobody has use for it."""
    name, known = "Apple's list of software updates", feed.state()
    if known.asked_at is None:
        return []
    if known.error is not None:
        do = "Open the way to ZMDM_SOFTWARE_LOOKUP_URL, or fetch it again on Software updates."
        return [warn(name, f"It could not be read: {known.error}.", do)]
    if known.read_at is None or now - known.read_at > _STALE:
        do = "See that scheduler and worker run; they read it once a day."
        read = f"since {known.read_at:%Y-%m-%d}" if known.read_at else "yet"
        return [warn(name, f"It has not been read {read}.", do)]
    return [good(name, f"It was read on {known.read_at:%Y-%m-%d}: {known.releases:,} releases.")]


def _realms(now: datetime) -> list[Finding]:
    """Nobody can enroll where a sign-in is demanded and its realm does not work."""
    rows = session().scalars(sa.select(Realm).where(Realm.enabled).order_by(Realm.name)).all()
    faults = {row.name: fault for row in rows if (fault := health.fault(row))}
    if faults:
        says = "; ".join(f"{name}: {fault}" for name, fault in faults.items())
        says, do = f"People cannot sign in. {says}.", "Test the realm on its page."
        return [bad("Realms", says, do, is_alert=True)]
    return [good("Realms", f"{len(rows)} in use, nothing is known to be wrong.")] if rows else []


def own_routes(status: int, text: str) -> Finding:
    """The answer to an unsigned device request through the application, the host's hooks too."""
    name = "Device routes, inside"
    if status == 400 and text.startswith(UNSIGNED):
        return good(name, "An unsigned request gets our own answer.")
    do = "Exempt the endpoints that begin with zmdm_ from the hook (login, CSRF, rate limit)."
    do += " The log names the hook's endpoint."
    return bad(
        name, f"Something in the application answers for us, with {status}.", do, is_alert=True
    )


CHECKS: dict[str, Callable[[datetime], list[Finding]]] = {
    "Database": _database,
    "Migrations": _migrations,
    "Sealing keys": _keys,
    "Redis": _redis,
    "Processes": _processes,
    "Push certificates": _push_certificates,
    "CA": _authorities,
    "Certificates in settings": _configured,
    "Software updates": _software_updates,
    "Realms": _realms,
    "Locations": locations.check,
    "Clock": _clock,
}
