"""An operator has something tried once more, without waiting for the time that is set."""

from __future__ import annotations

from zmdm_plugin.errors import Conflict
from zmdm_plugin.models import Artifact, Channel, ChannelArtifact, Device
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import channels, events, wake
from zmdm_plugin.services.artifacts import outcomes, present, standing
from zmdm_plugin.services.artifacts.resolve import Chosen


def retry(device: Device, artifact: Artifact) -> list[Channel]:
    """Try an artifact again where it should be and is not; Conflict if that is nowhere.

    The caller has locked the device. Returns the channels that are woken for it.
    """
    tried = [
        channel
        for channel in channels.open_channels(device)
        if channel.kind == artifact.channel and _retry(channel, artifact)
    ]
    if not tried:
        raise Conflict("the device has it, or should not have it: there is nothing to try again")
    for channel in tried:
        wake.channel(channel)
    events.record("artifact.retried", device=device, artifact=artifact.id, name=artifact.name)
    return tried


def _retry(channel: Channel, artifact: Artifact) -> bool:
    """Whether it should be there and is not, or should go and has not; then it is due now."""
    wanted = standing.decide(channel)[1].of(artifact.id)
    row = outcomes.rows_of(channel).get(artifact.id)
    if row is None:
        return False
    if wanted is None:
        return _remove(channel, row)
    return _install(channel, row, wanted)


def _install(channel: Channel, row: ChannelArtifact, wanted: Chosen) -> bool:
    there = row.installed_version_id
    if row.status == "installed" and there == wanted.version.id:
        return False
    present.retry(channel, row.artifact_id)
    if there not in (None, wanted.version.id):
        row.installed_version_id = there  # an older version that has to go should the new one not
    return True


def _remove(channel: Channel, row: ChannelArtifact) -> bool:
    if row.status != "removal_failed":
        return False
    row.attempts, row.next_try_at = 0, None
    channel.plan_due_at = utcnow()
    return True
