"""flask zmdm device artifacts, explain and retry: what a device has, and why it has it not."""

from __future__ import annotations

from typing import Any

import click

from zmdm_plugin import db
from zmdm_plugin.blueprints.api.schemas.artifacts import DeviceArtifact, ExplanationSchema
from zmdm_plugin.cli.artifacts import named_artifact
from zmdm_plugin.cli.asking import called, one_device
from zmdm_plugin.cli.devices import group
from zmdm_plugin.cli.operators import operator
from zmdm_plugin.cli.output import say, table
from zmdm_plugin.services import access, audit, devices
from zmdm_plugin.services.artifacts import again, artifacts, standing
from zmdm_plugin.services.artifacts.explain import Explanation
from zmdm_plugin.services.artifacts.explain import explain as explained

_COLUMNS = ("name", "status", "installed", "wanted", "reason")
_MARKS = {True: "ok", False: "NO", None: "-"}


@group.command("artifacts")
@click.argument("device")
def list_artifacts(device: str) -> None:
    """List what a device should have and has, and why they differ."""
    row = one_device(device, access.VIEW_DEVICES)
    found: list[dict[str, Any]] = DeviceArtifact(many=True).dump(standing.of(row))
    for one in found:
        for name in ("installed", "wanted"):
            version = one[f"{name}_version"]
            one[name] = version["number"] if version else None
    table(found, _COLUMNS, empty="its blueprint brings nothing to it")


@group.command("explain")
@click.argument("device")
@click.argument("artifact")
@click.option("--channel", type=int, help="Id of a user channel of it, where it has several.")
def explain(device: str, artifact: str, *, channel: int | None) -> None:
    """Explain why a device has an artifact, or has it not: every rule in order."""
    row = one_device(device, access.VIEW_DEVICES)
    found = explained(row, named_artifact(artifact), channel_id=channel)
    say(ExplanationSchema().dump(found), _lines(found))


@group.command("retry")
@click.argument("device")
@click.argument("artifact")
def retry(device: str, artifact: str) -> None:
    """Try an artifact again at once, wherever on a device it should be and is not."""
    found = one_device(device, access.CHANGE_DEVICES)
    wanted = named_artifact(artifact)
    with db.transaction():
        row = devices.locked(found.id)
        again.retry(row, artifacts.find(wanted.id))
        audit.record(operator(), "device.retry_artifact", row, reason=wanted.name)
    said = f"{wanted.name} is tried again on {called(found)}, which is being woken"
    say({"device": found.id, "artifact": wanted.id}, said)


def _lines(found: Explanation) -> list[str]:
    width = max(len(step.rule) for step in found.steps)
    lines = [f"{_MARKS[step.ok]:2}  {step.rule:{width}}  {step.words}" for step in found.steps]
    first = found.obstacle
    said = f"In the way: {first.words}" if first else "Nothing stands in the way."
    return [said, "", *lines]
