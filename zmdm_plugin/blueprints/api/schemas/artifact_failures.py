"""What failed, on every device."""

from __future__ import annotations

import marshmallow as ma

from zmdm_plugin.blueprints.api.schemas.artifacts import ArtifactStatus
from zmdm_plugin.blueprints.api.schemas.fields import PageQuery, described
from zmdm_plugin.services.keyset import MAX_ID


class ArtifactFailure(ArtifactStatus):
    """One channel on which an artifact failed."""

    artifact = ma.fields.Integer(attribute="artifact_id", required=True)
    name = ma.fields.String(required=True)


class FailuresQuery(PageQuery):
    """Filters of the list of failures."""

    artifact = ma.fields.Integer(
        validate=ma.validate.Range(min=1, max=MAX_ID), metadata=described("Only of this artifact.")
    )
