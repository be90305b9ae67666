"""Account-driven enrollments: for whom, what to publish, a trial of it, and who came in."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from flask import Response, request
from flask_admin import expose
from sqlalchemy.orm import joinedload

from zmdm_plugin import db
from zmdm_plugin.admin import paging
from zmdm_plugin.admin.account_enrollment_forms import (
    ChangeAccountEnrollment,
    NewAccountEnrollment,
)
from zmdm_plugin.admin.screen import Screen, acting, back, demand, row, session, text
from zmdm_plugin.admin.words import sentence
from zmdm_plugin.clients.dep_errors import DepError
from zmdm_plugin.errors import Conflict, NoService, NotFound
from zmdm_plugin.models import (
    AccountSettings,
    Device,
    Enrollment,
    EnrollmentSession,
    Realm,
)
from zmdm_plugin.protocol.account_driven import BYOD, FAMILIES
from zmdm_plugin.services import access, audit
from zmdm_plugin.services.account import accounts, discovery, listing, maid
from zmdm_plugin.services.artifacts import assignment
from zmdm_plugin.services.dep import listing as dep_listing
from zmdm_plugin.services.enrollment import enrollments
from zmdm_plugin.services.realms import health
from zmdm_plugin.web import dep as talking


@dataclass(frozen=True, slots=True)
class Trial:
    """What a device would be told, and which enrollment that is."""

    account: str = ""
    family: str = "iPhone"
    mode: str = ""
    name: str = ""
    url: str = ""
    why: str = ""
    shown: str = ""


def screens(group: str) -> list[Screen]:
    """The list in the menu, and what is below it."""
    every = AccountEnrollmentList(
        "User enrollments",
        endpoint="zmdm_account_enrollments",
        url="account_enrollments",
        group=group,
    )
    one = "account_enrollments/<int:account_enrollment_id>"
    return [
        every,
        NewAccountEnrollment(
            "Add",
            endpoint="zmdm_new_account_enrollment",
            url="account_enrollments/new",
            below=every,
        ),
        AccountEnrollmentPage(
            "Enrollment", endpoint="zmdm_account_enrollment", url=one, below=every
        ),
        ChangeAccountEnrollment(
            "Update", endpoint="zmdm_change_account_enrollment", url=f"{one}/edit", below=every
        ),
    ]


class AccountEnrollmentList(Screen):
    """All of them; and what a device of somebody would be told."""

    permission = access.VIEW_ENROLLMENTS

    @expose("/")
    def index(self) -> Response:
        """The list, a page at a time."""
        query = sa.select(AccountSettings).options(
            joinedload(AccountSettings.enrollment).joinedload(Enrollment.realm)
        )
        page = paging.newest_first(query, AccountSettings.id)
        return self.page(
            "zmdm/account_enrollments.html",
            title="User enrollments",
            page=page,
            byod=BYOD,
            trial=_trial(),
            families=FAMILIES,
            well_known=discovery.root_url(),
            realms=bool(listing.realms()),
        )


class AccountEnrollmentPage(Screen):
    """One enrollment: its settings, its addresses, and the sessions of people's devices."""

    permission = access.VIEW_ENROLLMENTS

    @expose("/")
    def index(self, account_enrollment_id: int) -> Response:
        """What it says, and who came."""
        return self._shown(account_enrollment_id)

    @expose("/apple/", methods=("POST",))
    def apple(self, account_enrollment_id: int) -> Response:
        """Ask Apple where it sends people; or, with `do` of "tell", have it send them here."""
        tells = request.form.get("do") == "tell"
        demand(access.CHANGE_DEP_SERVERS if tells else access.VIEW_DEP_SERVERS)
        row_id = _find(account_enrollment_id).enrollment_id
        given = request.form.get("virtual_server", "")
        server_id = int(given) if given.isascii() and given.isdecimal() and len(given) < 19 else 0
        try:
            if tells:
                talking.tell_discovery_url(row_id, server_id, actor=acting())
                said = "Apple sends people here."
                return back(said, ".index", account_enrollment_id=account_enrollment_id)
            found = talking.ask(server_id, lambda client: client.discovery_url())
        except (DepError, Conflict) as error:
            fault = sentence(str(error))
            return self._shown(account_enrollment_id, at_apple_fault=fault, status=error.status)
        return self._shown(account_enrollment_id, at_apple=found or "nowhere")

    def _shown(
        self,
        account_enrollment_id: int,
        *,
        at_apple: str = "",
        at_apple_fault: str = "",
        status: int = 200,
    ) -> Response:
        settings = _find(account_enrollment_id)
        enrollment = settings.enrollment
        realm = session().get(Realm, enrollment.realm_id)
        page = paging.newest_first(listing.sessions_of(enrollment, acting()), EnrollmentSession.id)
        ids = {one.device_id for one in page.items if one.device_id}
        devices = session().scalars(sa.select(Device).where(Device.id.in_(ids)))
        return self.page(
            "zmdm/account_enrollment.html",
            title=enrollment.name,
            status=status,
            at_apple=at_apple,
            at_apple_fault=at_apple_fault,
            servers=dep_listing.connected(),
            vouches=maid.voucher(settings.server_id),
            settings=settings,
            enrollment=enrollment,
            realm=realm,
            fault=health.fault(realm) if realm is not None else None,
            byod=BYOD,
            blueprint=assignment.blueprint(enrollment.blueprint_id),
            well_known=discovery.root_url(),
            discovery_url=discovery.url_of(enrollment),
            page=page,
            devices={device.id: device for device in devices},
        )

    @expose("/revoke/", methods=("POST",))
    def revoke(self, account_enrollment_id: int) -> Response:
        """Nobody comes in this way any more."""
        demand(access.CHANGE_ENROLLMENTS)
        with db.transaction():
            found = _find(account_enrollment_id).enrollment
            enrollments.revoke(found)
            after = {"revoked_at": found.revoked_at}
            audit.record(acting(), "enrollment.revoke", found, after=after)
        said = "The enrollment is revoked. Devices that came this way stay enrolled."
        return back(said, ".index", account_enrollment_id=account_enrollment_id)

    @expose("/delete/", methods=("POST",))
    def delete(self, account_enrollment_id: int) -> Response:
        """Gone, if no device has begun to come this way."""
        demand(access.CHANGE_ENROLLMENTS)
        with db.transaction():
            found = _find(account_enrollment_id).enrollment
            audit.record(acting(), "enrollment.delete", found, before=audit.snapshot(found))
            enrollments.delete(found)
        return back("The enrollment is deleted.", "zmdm_account_enrollments.index")


def _find(enrollment_id: int) -> AccountSettings:
    enrollment: Enrollment = row(Enrollment, enrollment_id)
    if enrollment.kind != enrollments.ACCOUNT:
        raise NotFound("It does not exist, or does not exist any more.")
    return accounts.settings_of(enrollment)


def _trial() -> Trial:
    """Asked with a device's own words; nothing is begun."""
    account, family = text("account", most=254), text("family", most=40) or "iPhone"
    if "account" not in request.args:
        return Trial()
    try:
        found = discovery.find(account, family)
    except NoService as error:
        return Trial(account, family, why=error.description, shown=error.message)
    return Trial(account, family, found.mode, found.name, found.url)
