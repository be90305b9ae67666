"""Enrollments: what devices enroll through, who came that way, and how far they got."""

from __future__ import annotations

import io

import segno
import sqlalchemy as sa
from flask import Response, make_response, redirect, url_for
from flask_admin import expose

from zmdm_plugin import db
from zmdm_plugin.admin import ade, paging
from zmdm_plugin.admin.screen import HEADERS, Screen, acting, back, demand, row, session
from zmdm_plugin.errors import Conflict
from zmdm_plugin.models import Device, Enrollment, EnrollmentSession
from zmdm_plugin.services import access, audit
from zmdm_plugin.services.artifacts import assignment
from zmdm_plugin.services.enrollment import enrollments, manual

MOBILECONFIG = "application/x-apple-aspen-config"


class EnrollmentList(Screen):
    """All enrollments; there are few."""

    permission = access.VIEW_ENROLLMENTS

    @expose("/")
    def index(self) -> Response:
        """The list, with how many devices came through each."""
        found = session().scalars(sa.select(Enrollment).order_by(Enrollment.name)).all()
        return self.page("zmdm/enrollments.html", title="Enrollments", enrollments=found)


class EnrollmentPage(Screen):
    """One enrollment. What lets devices in is shown on request only, and that is audited."""

    permission = access.VIEW_ENROLLMENTS

    @expose("/")
    def index(self, enrollment_id: int) -> Response:
        """What it says, and its sessions; people's own devices have another page."""
        if row(Enrollment, enrollment_id).kind == enrollments.ACCOUNT:
            there = url_for("zmdm_account_enrollment.index", account_enrollment_id=enrollment_id)
            return make_response(redirect(there, code=303))
        return self._shown(enrollment_id)

    @expose("/link/", methods=("POST",))
    def link(self, enrollment_id: int) -> Response:
        """The link: whoever has it can enroll."""
        demand(access.ADD_ENROLLMENTS)
        with db.transaction():
            found: Enrollment = row(Enrollment, enrollment_id)
            url = enrollments.link(found)
            audit.record(acting(), "enrollment.reveal_link", found)
        return self._shown(enrollment_id, link=url)

    @expose("/qr.svg")
    def qr_code(self, enrollment_id: int) -> Response:
        """The link for a camera. It lets devices in as the link does, so that it is audited too."""
        demand(access.ADD_ENROLLMENTS)
        with db.transaction():
            found: Enrollment = row(Enrollment, enrollment_id)
            if found.revoked_at is not None:
                raise Conflict("The enrollment is revoked.")
            drawn = qr_svg(enrollments.link(found))
            audit.record(acting(), "enrollment.reveal_qr_code", found)
        return Response(drawn, mimetype="image/svg+xml", headers=HEADERS)

    @expose("/profile/", methods=("POST",))
    def profile(self, enrollment_id: int) -> Response:
        """The profile to install by hand; its challenge admits devices."""
        demand(access.ADD_ENROLLMENTS)
        with db.transaction():
            found: Enrollment = row(Enrollment, enrollment_id)
            if found.kind != enrollments.MANUAL:
                raise Conflict("Devices fetch the profile of this enrollment by its link.")
            body = manual.profile(found)
            audit.record(acting(), "enrollment.download_profile", found)
        disposition = 'attachment; filename="enrollment.mobileconfig"'
        headers = {**HEADERS, "Content-Disposition": disposition}
        return Response(body, mimetype=MOBILECONFIG, headers=headers)

    @expose("/revoke/", methods=("POST",))
    def revoke(self, enrollment_id: int) -> Response:
        """Nobody comes in this way any more."""
        demand(access.CHANGE_ENROLLMENTS)
        with db.transaction():
            found: Enrollment = row(Enrollment, enrollment_id)
            enrollments.revoke(found)
            after = {"revoked_at": found.revoked_at}
            audit.record(acting(), "enrollment.revoke", found, after=after)
        said = "The enrollment is revoked. Devices that came this way stay enrolled."
        return back(said, ".index", enrollment_id=enrollment_id)

    @expose("/delete/", methods=("POST",))
    def delete(self, enrollment_id: int) -> Response:
        """Gone, if no device has begun to come this way."""
        demand(access.CHANGE_ENROLLMENTS)
        with db.transaction():
            found: Enrollment = row(Enrollment, enrollment_id)
            audit.record(acting(), "enrollment.delete", found, before=audit.snapshot(found))
            enrollments.delete(found)
        return back("The enrollment is deleted.", "zmdm_enrollments.index")

    def _shown(self, enrollment_id: int, *, link: str = "") -> Response:
        enrollment: Enrollment = row(Enrollment, enrollment_id)
        query = sa.select(EnrollmentSession).where(EnrollmentSession.enrollment_id == enrollment.id)
        scope = access.row_scope(acting(), access.VIEW_DEVICES)
        if scope is not None:
            query = query.join(Device, Device.id == EnrollmentSession.device_id).where(scope)
        page = paging.newest_first(query, EnrollmentSession.id)
        ids = {one.device_id for one in page.items if one.device_id}
        devices = session().scalars(sa.select(Device).where(Device.id.in_(ids)))
        return self.page(
            "zmdm/enrollment.html",
            title=enrollment.name,
            enrollment=enrollment,
            blueprint=assignment.blueprint(enrollment.blueprint_id),
            link=link,
            page=page,
            devices={device.id: device for device in devices},
            **ade.standing(enrollment),
        )


def qr_svg(text: str) -> bytes:
    """A QR code as SVG, dark on white whatever the scheme: many cameras read no other.

    Four modules of quiet zone, as ISO/IEC 18004 asks; 15 % of it may be damaged.
    """
    drawn = io.BytesIO()
    segno.make(text, error="m", micro=False).save(
        drawn, kind="svg", border=4, light="#fff", omitsize=True, svgclass=None, lineclass=None
    )
    return drawn.getvalue()
