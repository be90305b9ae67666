"""Push certificates and the built-in CA: what there is, and how long it will still do."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Response
from flask_admin import expose

from zmdm_plugin.admin.screen import Screen, session
from zmdm_plugin.models import CertificateAuthority, Enrollment, PushCertificate
from zmdm_plugin.services import access


class PushCertificateList(Screen):
    """Without one of these no device can be woken."""

    permission = access.VIEW_PUSH_CERTIFICATES

    @expose("/")
    def index(self) -> Response:
        """All of them; there are few."""
        certificates = session().scalars(sa.select(PushCertificate).order_by(PushCertificate.name))
        used = session().execute(
            sa.select(Enrollment.push_certificate_id, sa.func.count()).group_by(
                Enrollment.push_certificate_id
            )
        )
        authorities = session().scalars(
            sa.select(CertificateAuthority).order_by(CertificateAuthority.id.desc())
        )
        return self.page(
            "zmdm/push_certificates.html",
            title="Push certificates",
            certificates=certificates.all(),
            used={certificate_id: count for certificate_id, count in used},
            authorities=authorities.all(),
        )
