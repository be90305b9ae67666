"""The built-in CA: its generations, and what it issued.

The newest generation signs; the former ones go on opening SCEP requests that were sealed to them
and vouch for what they issued, so that renewing the CA locks nobody out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
from cryptography.hazmat.primitives import serialization
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
    """Make the next generation, with a new key; it signs from now on."""
    former = session().scalar(
        sa.select(CertificateAuthority)
        .where(CertificateAuthority.issuing.is_(True))
        .with_for_update()
    )
    if former is None:
        raise Conflict("there is no built-in CA to renew")
    former.issuing = False
    key = issuance.new_rsa_key(_KEY_BITS)
    certificate = issuance.renew_ca(former.certificate, key, at=utcnow())
    return _add(former.name, former.generation + 1, certificate, key)


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
    key = serialization.load_der_private_key(der, password=None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return Generation(row.id, Authority(row.certificate, key))
