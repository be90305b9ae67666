"""The facts of a channel that scopes are tested against."""

from __future__ import annotations

from zmdm_plugin.commands.declarative_management import DeclarativeManagement
from zmdm_plugin.models import Channel
from zmdm_plugin.protocol.scope import Facts
from zmdm_plugin.services import tags
from zmdm_plugin.services.targets import target


def of(channel: Channel) -> Facts:
    """Facts of a channel and its device; one statement, for the tags."""
    device, aim = channel.device, target(channel)
    names = {tag.id: tag.name for tag in tags.of([device.id]).get(device.id, ())}
    return Facts(
        platform=aim.platform,
        os_version=device.os_version,
        tags=frozenset(names),
        tag_names=names,
        serial_number=device.serial_number or device.uid,
        supervised=bool(device.supervised),
        user_enrollment=aim.user_enrollment,
        awaiting=aim.awaiting,
        channel=aim.channel,
        declarations=DeclarativeManagement.refusal(aim, {}) is None,
    )
