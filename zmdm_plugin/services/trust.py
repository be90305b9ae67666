"""Which certificates count: as ours the built-in CA's and those of external SCEP services, as a
device's own those that chain to Apple."""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.errors import ProtocolError
from zmdm_plugin.models import CertificateAuthority
from zmdm_plugin.protocol import apple_trust, cms, pem, x509
from zmdm_plugin.protocol.chain import Anchor, ChainPolicy, verify_chain
from zmdm_plugin.state import state

SUBJECT_TOKEN = "OU"
"""Where an external issuer's certificate carries the random value of its session."""

_OLD_CERTIFICATES = ChainPolicy(ignore_ca_expiry=True, ignore_leaf_expiry=True)


class Validity(TypedDict):
    not_before: datetime
    not_after: datetime


def validity(certificate: bytes) -> Validity:
    """From when to when a certificate (DER) holds."""
    facts = x509.facts(certificate)
    return {"not_before": facts.not_before, "not_after": facts.not_after}


def external_subject_token(certificate: bytes, *, at: datetime) -> str | None:
    """The session's value in a certificate that chains to ZMDM_SCEP_CA_FULLCHAIN, else None."""
    chain = _external_chain()
    if not chain or not _chains(certificate, chain, chain, at=at, policy=ChainPolicy()):
        return None
    return x509.facts(certificate).subject_part(SUBJECT_TOKEN)


def is_ours(certificate: bytes, *, at: datetime) -> bool:
    """Whether any issuer of ours signed this certificate, expired or not."""
    builtin = list(session().scalars(sa.select(CertificateAuthority.certificate)))
    external = _external_chain()
    return _chains(certificate, external, [*builtin, *external], at=at, policy=_OLD_CERTIFICATES)


def check_factory_key(message: cms.Attached, *, at: datetime) -> None:
    """Whether a device signed with the key that Apple gave it: UntrustedCertificate if not."""
    configured = state().settings.device_anchors
    anchors = [Anchor(certificate=der) for der in pem.certificates(configured)]
    verify_chain(
        message.signer.certificate,
        message.certificates,
        anchors=anchors or list(apple_trust.DEVICE_ANCHORS),
        at=at,
        policy=apple_trust.DEVICE_POLICY,
    )


def _external_chain() -> list[bytes]:
    bundle = state().settings.scep_ca_fullchain
    return list(pem.certificates(bundle)) if bundle else []


def _chains(
    certificate: bytes,
    intermediates: list[bytes],
    anchors: list[bytes],
    *,
    at: datetime,
    policy: ChainPolicy,
) -> bool:
    try:
        verify_chain(
            certificate,
            intermediates,
            anchors=[Anchor(certificate=der) for der in anchors],
            at=at,
            policy=policy,
        )
    except ProtocolError:  # a key too weak to judge is as good as a stranger's
        return False
    return True
