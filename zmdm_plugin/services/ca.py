"""The built-in CA: its generations, and what it issued.

The newest generation signs; the former ones go on opening SCEP requests that were sealed to them
and vouch for what they issued, so that renewing the CA locks nobody out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric import rsa

from zmdm_plugin.db import session
from zmdm_plugin.errors import Conflict, Unavailable
from zmdm_plugin.models import CertificateAuthority, ScepIssuer
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.protocol import issuance, pem, x509
from zmdm_plugin.protocol.issuance import Authority
from zmdm_plugin.services import events, vault
from zmdm_plugin.state import state

_KEY_BITS = 3072
BUILTIN = "builtin"
LEAD = timedelta(days=30)
"""So long before it takes over, a successor lies ready."""


@dataclass(frozen=True, slots=True)
class Generation:
    """One generation of the CA, with its key open."""

    id: int
    authority: Authority


def create(name: str, *, key: rsa.RSAPrivateKey | None = None) -> CertificateAuthority:
    """Make the CA (with a new key, or this one) and the issuer that profiles refer to.

    Conflict when there is one.
    """
    if session().scalar(sa.select(CertificateAuthority.id).limit(1)) is not None:
        raise Conflict("there is a built-in CA already; renew it instead")
    key = key or issuance.new_rsa_key(_KEY_BITS)
    certificate = issuance.make_ca([("CN", name)], key, at=utcnow())
    session().add(ScepIssuer(name="Built-in CA", kind=BUILTIN))
    return _add(name, 1, certificate, key)


def renew() -> CertificateAuthority:
    """The next generation signs from now on: the one that lies ready, or a new one."""
    present = _signing()
    now = utcnow()
    return _take_over(present, successor() or _prepare(present, now, made_at=now))


def prepare(*, issues_from: datetime) -> CertificateAuthority:
    """Make the next generation, with a new key; it lies ready and takes over at that time."""
    present = _signing()
    if successor() is not None:
        raise Conflict("the next generation lies ready already")
    return _prepare(present, issues_from, made_at=utcnow())


def keep_going(*, now: datetime) -> int:
    """Make the successor, and let it take over, in time; returns how many steps were taken.

    No identity outlives its CA: the present one signs no longer once less is left of it than an
    identity lasts. Proxies that verify chains have `LEAD` to learn of the successor.
    """
    ends = session().scalar(
        sa.select(CertificateAuthority.not_after).where(CertificateAuthority.issuing.is_(True))
    )
    if ends is None or now < (takes_over := ends - _reserve()) - LEAD:
        return 0
    present, ready = _signing(), successor()
    if present.not_after != ends:
        return 0  # another process was faster
    if ready is None:
        begins = max(takes_over, now + LEAD) if ends > now + LEAD else now
        _prepare(present, begins, made_at=now)
        return 1
    if now >= min(ready.issues_from or takes_over, ends):
        _take_over(present, ready)
        return 1
    return 0


def successor() -> CertificateAuthority | None:
    """The generation that lies ready to take over."""
    return session().scalar(
        sa.select(CertificateAuthority).where(CertificateAuthority.issues_from.is_not(None))
    )


def bundle() -> str:
    """Every generation's certificate as PEM, the newest first: what a proxy has to trust."""
    query = sa.select(CertificateAuthority.certificate).order_by(CertificateAuthority.id.desc())
    return "".join(pem.certificate_pem(der) for der in session().scalars(query))


def _reserve() -> timedelta:
    return min(lifetime(), issuance.CA_LIFETIME / 2)


def _signing() -> CertificateAuthority:
    present = session().scalar(
        sa.select(CertificateAuthority)
        .where(CertificateAuthority.issuing.is_(True))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if present is None:
        raise Conflict("there is no built-in CA to renew")
    return present


def _prepare(
    present: CertificateAuthority, issues_from: datetime, *, made_at: datetime
) -> CertificateAuthority:
    key = issuance.new_rsa_key(_KEY_BITS)
    certificate = issuance.renew_ca(present.certificate, key, at=made_at)
    row = _add(present.name, present.generation + 1, certificate, key)
    row.issuing, row.issues_from = False, issues_from
    session().flush()
    return row


def _take_over(present: CertificateAuthority, ready: CertificateAuthority) -> CertificateAuthority:
    present.issuing, ready.issuing, ready.issues_from = False, True, None
    session().flush()
    events.record("ca.took_over", name=ready.name, generation=ready.generation)
    return ready


def generations() -> tuple[Generation, ...]:
    """All generations, the signing one first; keys stay open in this process."""
    known = tuple(
        session()
        .execute(
            sa.select(CertificateAuthority.id).order_by(
                CertificateAuthority.issuing.desc(), CertificateAuthority.id.desc()
            )
        )
        .scalars()
    )
    cached: tuple[tuple[int, ...], tuple[Generation, ...]] | None = state().cache.get("ca")
    if cached is None or cached[0] != known:
        rows = {row.id: row for row in session().scalars(sa.select(CertificateAuthority))}
        cached = (known, tuple(_open(rows[ident]) for ident in known))
        state().cache["ca"] = cached
    return cached[1]


def issuing() -> Generation:
    """The generation that signs; Unavailable when the CA was never made."""
    found = generations()
    if not found:
        raise Unavailable("there is no built-in CA; make one with `flask zmdm ca create`")
    return found[0]


def lifetime() -> timedelta:
    return timedelta(days=state().settings.identity_validity_days)


def _add(
    name: str, generation: int, certificate: bytes, key: rsa.RSAPrivateKey
) -> CertificateAuthority:
    facts = x509.facts(certificate)
    row = CertificateAuthority(
        name=name,
        generation=generation,
        certificate=certificate,
        fingerprint=facts.fingerprint,
        not_before=facts.not_before,
        not_after=facts.not_after,
        issuing=True,
    )
    vault.seal(row, "private_key", pem.private_key_der(key))
    session().add(row)
    session().flush()
    events.record("ca.created", name=name, generation=generation, fingerprint=facts.fingerprint)
    return row


def _open(row: CertificateAuthority) -> Generation:
    der = vault.unseal(row, "private_key")
    assert der is not None
    key = pem.kept_key(der)
    assert isinstance(key, rsa.RSAPrivateKey)
    return Generation(row.id, Authority(row.certificate, key))
