"""Enrollments: what devices enroll through, who came that way, and how far they got."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Response
from flask_admin import expose

from zmdm_plugin.admin import paging
from zmdm_plugin.admin.screen import Screen, row, session
from zmdm_plugin.models import Device, Enrollment, EnrollmentSession
from zmdm_plugin.services import access


class EnrollmentList(Screen):
    """All enrollments; there are few."""

    permission = access.VIEW_ENROLLMENTS

    @expose("/")
    def index(self) -> Response:
        """The list, with how many devices came through each."""
        found = session().scalars(sa.select(Enrollment).order_by(Enrollment.name)).all()
        return self.page("zmdm/enrollments.html", title="Enrollments", enrollments=found)


class EnrollmentPage(Screen):
    """One enrollment."""

    permission = access.VIEW_ENROLLMENTS

    @expose("/")
    def index(self, enrollment_id: int) -> Response:
        """What it says, and its sessions."""
        enrollment: Enrollment = row(Enrollment, enrollment_id)
        query = sa.select(EnrollmentSession).where(EnrollmentSession.enrollment_id == enrollment.id)
        page = paging.newest_first(query, EnrollmentSession.id)
        ids = {one.device_id for one in page.items if one.device_id}
        devices = session().scalars(sa.select(Device).where(Device.id.in_(ids)))
        return self.page(
            "zmdm/enrollment.html",
            title=enrollment.name,
            enrollment=enrollment,
            page=page,
            devices={device.id: device for device in devices},
        )
