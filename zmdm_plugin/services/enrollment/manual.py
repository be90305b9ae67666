"""By hand: the MDM profile itself, for Configurator, a lab, or a load test."""

from __future__ import annotations

from zmdm_plugin.models import Enrollment
from zmdm_plugin.services import ca
from zmdm_plugin.services.enrollment import enrollments, profiles, sessions


def profile(enrollment: Enrollment, *, sign: bool = True) -> bytes:
    """The profile to install; its challenge admits as many devices as the quota says.

    With an external issuer each download is for one device, which its subject names.
    """
    enrollments.check(enrollment)
    if enrollment.scep_issuer.kind == ca.BUILTIN:
        rendered = profiles.for_many(enrollment)
    else:
        enrollments.count(enrollment)
        row = sessions.start(enrollment, "manual", "profiled")
        row.expires_at = enrollment.expires_at
        rendered = profiles.for_session(row)
    return profiles.signed(rendered) if sign else rendered
