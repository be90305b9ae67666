"""Certificates of the built-in CA for certificate assets: no identities, no session, one each."""

from __future__ import annotations

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.errors import EnrollmentRefused, Refused
from zmdm_plugin.models import IssuedCertificate
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.protocol import issuance, names, x509
from zmdm_plugin.protocol.scep import ScepRequest
from zmdm_plugin.services import ca
from zmdm_plugin.services.declarations import credentials

SLOT = "asset"


def certificate(request: ScepRequest, *, challenge_hash: str, key_hash: str) -> tuple[bytes, bytes]:
    """The certificate for a request, and that of the CA; the same again after a lost reply."""
    try:
        named = credentials.named_by(request.challenge or "", now=utcnow())
    except Refused as refusal:
        raise EnrollmentRefused(refusal.why) from refusal
    former = session().scalar(
        sa.select(IssuedCertificate).where(
            IssuedCertificate.challenge_hash == challenge_hash, IssuedCertificate.slot == SLOT
        )
    )
    if former is not None:
        if (former.transaction_id, former.key_hash) != (request.transaction_id, key_hash):
            raise EnrollmentRefused("the challenge was used already, for another key")
        authorities = {one.id: one.authority.certificate for one in ca.generations()}
        return former.certificate, authorities[former.ca_id]
    return _issue(request, named, challenge_hash=challenge_hash, key_hash=key_hash)


def _issue(
    request: ScepRequest, named: credentials.Named, *, challenge_hash: str, key_hash: str
) -> tuple[bytes, bytes]:
    generation = ca.issuing()
    issued = issuance.issue(
        request.csr.spki,
        generation.authority,
        subject=named.subject,
        at=utcnow(),
        lifetime=ca.lifetime(),
        alternative_names=names.alternative_names(named.alternative_names),
    )
    facts = x509.facts(issued)
    session().add(
        IssuedCertificate(
            ca_id=generation.id,
            slot=SLOT,
            challenge_hash=challenge_hash,
            transaction_id=request.transaction_id,
            key_hash=key_hash,
            serial=facts.serial,
            fingerprint=facts.fingerprint,
            certificate=issued,
            not_before=facts.not_before,
            not_after=facts.not_after,
        )
    )
    session().flush()
    return issued, generation.authority.certificate
