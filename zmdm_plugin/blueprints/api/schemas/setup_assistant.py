"""Setup Assistant as JSON."""

from __future__ import annotations

import marshmallow as ma

from zmdm_plugin.blueprints.api.schemas.fields import Moment, described


class SetupAssistantSchema(ma.Schema):
    """Whether a device waits in Setup Assistant; null where it does not."""

    awaiting = ma.fields.Boolean(required=True)
    since = Moment(allow_none=True)
    until = Moment(allow_none=True, metadata=described("The limit: it is let go then."))
    stalled = ma.fields.Boolean(required=True, metadata=described("The limit has passed."))
    waits_for = ma.fields.String(
        required=True,
        metadata=described(
            "In words; empty where it does not wait.",
            example="SecurityInfo: Delivered 2 minutes ago; the answer has not come yet.",
        ),
    )
