"""Service discovery: which enrollment a person's device is sent to.

https://developer.apple.com/documentation/devicemanagement/discover-authentication-servers
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.errors import NoService, NotFound
from zmdm_plugin.models import AccountSettings, Enrollment
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.protocol import account_driven
from zmdm_plugin.services.enrollment import enrollments
from zmdm_plugin.state import state

PATH = "/.well-known/com.apple.remotemanagement"


@dataclass(frozen=True, slots=True)
class Service:
    """What the device is told: how it enrolls, and where."""

    mode: str
    url: str
    name: str
    """Of the enrollment; no device hears it."""


def find(user_identifier: str, model_family: str) -> Service:
    """The service for what a device asked with; NoService says why there is none.

    An enrollment that names the domain is before a default one, one that names the model family
    before one for all of them.
    """
    domain = account_driven.domain_of(user_identifier)
    fitting = [
        one
        for one in _open()
        if (domain in one.domains or one.is_default)
        and (not one.model_families or model_family in one.model_families)
    ]
    if not fitting:
        _refuse(domain, model_family)
    return _service(min(fitting, key=lambda one: _rank(one, domain)))


def of_enrollment(secret: str) -> Service:
    """The service of one enrollment, whoever asks: for a redirect that drops the query."""
    row = enrollments.by_secret(secret, enrollments.ACCOUNT)
    settings = session().scalar(
        sa.select(AccountSettings).where(AccountSettings.enrollment_id == row.id)
    )
    if settings is None:
        raise NotFound("there is no such enrollment")
    if row.revoked_at is not None or (row.expires_at is not None and row.expires_at <= utcnow()):
        raise NoService(
            f"The enrollment {row.name} is over.",
            "Your organization does not enroll devices this way any more.",
        )
    return _service(settings)


def url_of(row: Enrollment) -> str:
    """Where to send the well-known URL of a domain that can redirect without the query only."""
    return f"{enrollments.link(row)}com.apple.remotemanagement"


def root_url() -> str:
    """Our own well-known URL, which knows every enrollment."""
    return state().settings.base_url + PATH


def _open() -> list[AccountSettings]:
    """The settings of enrollments that admit somebody; there are few."""
    now = utcnow()
    found = session().scalars(
        sa.select(AccountSettings)
        .join(Enrollment, Enrollment.id == AccountSettings.enrollment_id)
        .where(
            Enrollment.revoked_at.is_(None),
            sa.or_(Enrollment.expires_at.is_(None), Enrollment.expires_at > now),
        )
        .order_by(AccountSettings.id)
    )
    return list(found)


def _rank(one: AccountSettings, domain: str | None) -> tuple[bool, bool, int]:
    return (domain not in one.domains, not one.model_families, one.id)


def _service(settings: AccountSettings) -> Service:
    return Service(settings.mode, enrollments.link(settings.enrollment), settings.name)


def _refuse(domain: str | None, model_family: str) -> None:
    if domain is None:
        raise NoService(
            "The request carries no user-identifier with a domain; a redirect must hand on the "
            "query.",
            "Enter your whole work account, like name@example.com.",
        )
    raise NoService(
        f"No account-driven enrollment is open for {domain[:100]} and {model_family[:40] or '-'}.",
        "Your organization does not manage this kind of device with this account.",
    )
