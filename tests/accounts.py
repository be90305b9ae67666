"""Account-driven enrollment on the road: an enrollment, and people who sign in on their devices.

enrollment_id = lay_account(road)                    # user enrollment for example.com
phone = road.device("iPhone15,2")
phone.enroll_with_account(ADA_ACCOUNT, ADA, site=SITE)
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from tests import people
from tests.road import Road
from zmdm_plugin import db
from zmdm_plugin.models import PushCertificate, Realm, ScepIssuer
from zmdm_plugin.services.account import accounts
from zmdm_plugin.services.realms import realms
from zmdm_simulator.device import SimulatedDevice
from zmdm_simulator.web_view import Person

SITE = "https://mdm.example.com"
ACCOUNT = people.ADA["email"]
ADA = Person(people.ADA["username"], people.PASSWORD)
BOB = Person(people.BOB["username"], people.PASSWORD)


def lay_account(
    road: Road, name: str = "Own devices", *, realm_id: int | None = None, **more: Any
) -> int:
    """A realm and an account-driven enrollment for example.com; the id of the enrollment."""
    known = realm_id or people.lay_realm(road, f"Realm of {name}")
    with road.rows() as session:
        return make(session, name, session.get_one(Realm, known), **more)


def make(session: Session, name: str, realm: Realm, **more: Any) -> int:
    """The same inside a transaction, with the push certificate and the issuer that there are."""
    own = {key: more.pop(key) for key in ("quota", "expires_at", "blueprint_id") if key in more}
    row = accounts.create(
        name,
        push_certificate=session.scalars(sa.select(PushCertificate)).first(),
        issuer=session.scalars(sa.select(ScepIssuer).order_by(ScepIssuer.id)).first(),
        realm=realm,
        settings={"domains": ["example.com"], **more},
        **own,
    )
    return row.enrollment_id


def lay(app: Flask, name: str = "Own devices", **more: Any) -> int:
    """A realm and an enrollment for an application that has no road."""
    with app.app_context(), db.transaction() as session:
        return make(session, name, realms.create(f"Realm of {name}", "local"), **more)


def came_in(
    road: Road, model: str = "iPhone15,2", *, person: Person = ADA, **more: Any
) -> SimulatedDevice:
    """A device that its person has enrolled."""
    device = road.device(model, **more)
    device.enroll_with_account(ACCOUNT, person, site=SITE)
    return device
