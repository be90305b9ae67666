"""Sessions that came to nothing: begun, and no certificate was ever issued for them.

Whatever names a certificate stays, however old: a restored database, or a device back from repair,
is known by it.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.models import (
    AccessToken,
    Device,
    EnrollmentSession,
    Event,
    Identity,
    IssuedCertificate,
    UnboundIdentity,
)
from zmdm_plugin.models.base import utcnow

_S = EnrollmentSession
_OVER = ("completed", "authenticated")
"""States that only a certificate leads to."""


def condition() -> sa.ColumnElement[bool]:
    """Which sessions may go, once they are old enough."""
    named_by = (
        Identity.session_id,
        Identity.renewal_session_id,
        IssuedCertificate.session_id,
        UnboundIdentity.session_id,
        Device.session_id,
    )
    return sa.and_(
        _S.state.not_in(_OVER),
        sa.or_(_S.expires_at.is_(None), _S.expires_at < utcnow()),
        *(~sa.exists().where(column == _S.id).correlate(_S) for column in named_by),
    )


def let_go(ids: Sequence[int]) -> None:
    """Events about them stay, and name none; the tokens of sign-ins open nothing any more."""
    session().execute(
        sa.delete(AccessToken).where(AccessToken.session_id.in_(ids)),
        execution_options={"synchronize_session": False},
    )
    session().execute(
        sa.update(Event).where(Event.session_id.in_(ids)).values(session_id=None),
        execution_options={"synchronize_session": False},
    )
