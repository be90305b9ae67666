"""Which blueprint a device has: its enrollment's, until an operator says otherwise."""

from __future__ import annotations

import sqlalchemy as sa

from zmdm_plugin.actors import Actor
from zmdm_plugin.db import session
from zmdm_plugin.errors import Refused
from zmdm_plugin.models import (
    Channel,
    ChannelArtifact,
    ChannelDeclarations,
    Device,
    EnrollmentSession,
    MDMBlueprint,
)
from zmdm_plugin.services import events, licence_marks, replan
from zmdm_plugin.services.artifacts import locking


def enrolled(device: Device, passing: EnrollmentSession) -> None:
    """With the first TokenUpdate of a new enrollment the blueprint is the enrollment's.

    What the former enrollment had brought went with its profile, so nothing is known to be there.
    """
    device.blueprint_id = passing.enrollment.blueprint_id
    device.blueprint_actor_id = None
    licence_marks.mark(device.serial_number)
    mine = sa.select(Channel.id).where(Channel.device_id == device.id)
    for model in (ChannelArtifact, ChannelDeclarations):
        session().execute(
            sa.delete(model).where(model.channel_id.in_(mine)),
            execution_options={"synchronize_session": "fetch"},
        )


def choose(
    device: Device, blueprint: MDMBlueprint | None, *, actor: Actor, bulk: bool = False
) -> bool:
    """An operator's choice, which no TokenUpdate undoes; None withdraws what was brought.

    False if the device has it already. The caller has locked the device.
    """
    wanted = blueprint.id if blueprint is not None else None
    device.blueprint_actor_id = actor.person.id[:128]
    if device.blueprint_id == wanted:
        return False
    device.blueprint_id = wanted
    replan.device(device, bulk=bulk)
    events.record(
        "device.blueprint_changed",
        device=device,
        blueprint=blueprint.name if blueprint is not None else None,
    )
    return True


def blueprint(row_id: int | None, *, field: str = "blueprint") -> MDMBlueprint | None:
    """The blueprint that an argument names, held so that it stays; None stays None."""
    if row_id is None:
        return None
    row = session().get(MDMBlueprint, row_id)
    if row is None:
        raise Refused(field, "there is no such blueprint")
    return locking.hold(row, keeps=True)
