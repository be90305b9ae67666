"""Why a device has an artifact or has it not, rule by rule; and everything that failed anywhere."""

from __future__ import annotations

import flask
from flask import Response
from flask_admin import expose

from zmdm_plugin import db
from zmdm_plugin.admin import artifact_words, paging
from zmdm_plugin.admin import device_facts as facts
from zmdm_plugin.admin.device_artifacts import VIA
from zmdm_plugin.admin.device_page import head
from zmdm_plugin.admin.screen import Screen, acting, back, demand, may, text
from zmdm_plugin.admin.words import Badge
from zmdm_plugin.errors import NotFound, Refused
from zmdm_plugin.models import ChannelArtifact
from zmdm_plugin.services import access, audit, devices
from zmdm_plugin.services.artifacts import again, artifacts, failures, outcomes
from zmdm_plugin.services.artifacts.explain import UNREACHED, explain
from zmdm_plugin.services.artifacts.under_way import Step

PAGE, FAILURES = "zmdm_device_artifact", "zmdm_artifact_failures"
_RULES = {
    "enrolled": "Enrolled",
    "blueprint": "Blueprint",
    "linked": "In the blueprint",
    "link.platform": "Platform, by its scope",
    "link.os": "OS version, by its scope",
    "link.tags": "Tags",
    "link.shard": "Shard",
    "setup_assistant": "Setup Assistant",
    "channel": "Channel",
    "platform": "Platform",
    "declarations": "Declarations",
    "way": "Way",
    "supported": "Supported",
    "version": "Version",
    "requires": "Requirements",
    "variables": "Variables",
    "prerequisites": "Requirements",
    "licence": "Licence",
    "update": "Update",
    "retries": "Attempts",
    "queued": "Queue",
    "pushed": "Push",
    "not_now": "Not now",
    "delivered": "Delivery",
    "listed": "List of declarations",
    "fetched": "List fetched",
    "reported": "Report",
    "valid": "Valid",
    "active": "Active",
    "present": "On the device",
}


class DeviceArtifact(Screen):
    """One artifact on one device, explained."""

    permission = access.VIEW_DEVICES

    @expose("/")
    def index(self, device_id: int, artifact_id: int) -> Response:
        """Every rule in order; the first that stands in the way is said first."""
        device = facts.find(device_id)
        artifact = artifacts.find(artifact_id)
        talk = facts.conversation(device)
        found = explain(device, artifact, channel_id=_asked_channel())
        row = outcomes.rows_of(found.channel).get(artifact.id) if found.channel else None
        shown = head(device, talk, "artifacts")
        shown["title"] = f"{artifact.name} on {shown['device_name']}"
        return self.page(
            "zmdm/device_artifact.html",
            **shown,
            artifact=artifact,
            found=found,
            row=row,
            types=artifact_words.TYPES,
            via=VIA,
            rule=rule,
            verdict=lambda step: verdict(step, first=step is found.obstacle),
        )

    @expose("/retry/", methods=("POST",))
    def retry(self, device_id: int, artifact_id: int) -> Response:
        """Try it again at once, wherever on this device it should be and is not."""
        demand(access.CHANGE_DEVICES, facts.find(device_id))
        with db.transaction():
            device = devices.locked(device_id)
            artifact = artifacts.find(artifact_id)
            again.retry(device, artifact)
            audit.record(acting(), "device.retry_artifact", device, reason=artifact.name)
            said = f"“{artifact.name}” is tried again; the device is being woken."
        return back(said, "zmdm_device.artifacts", device_id=device_id)


class ArtifactFailures(Screen):
    """Every device on which an artifact failed."""

    permission = access.VIEW_ARTIFACTS

    def permitted(self) -> bool:
        """It shows both, so that both have to be allowed."""
        return may(access.VIEW_ARTIFACTS) and may(access.VIEW_DEVICES)

    @expose("/")
    def index(self) -> Response:
        """One artifact after the other; `artifact` in the address narrows to one."""
        demand(access.VIEW_DEVICES)
        names = failures.failing()
        asked = text("artifact", most=19)
        chosen = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 19 else None
        try:
            found = failures.page(
                acting(), artifact_id=chosen, cursor=paging.cursor(), limit=paging.PER_PAGE
            )
        except Refused:  # a cursor of another list
            found = failures.page(acting(), artifact_id=chosen, limit=paging.PER_PAGE)
        return self.page(
            "zmdm/artifact_failures.html",
            title="Artifact failures",
            page=paging.page(found.items, cursor=found.next_cursor),
            names=names,
            chosen=chosen,
            badge=artifact_words.status,
            why=why,
            name_of=facts.name_of,
            user_of=facts.user_of,
        )


def screens(devices_list: Screen) -> list[Screen]:
    """The screens of this area; the explanation lies below the list of devices."""
    one = "devices/<int:device_id>/artifacts/<int:artifact_id>"
    return [
        DeviceArtifact("Explain", endpoint=PAGE, url=one, below=devices_list),
        ArtifactFailures(
            "Artifact failures", endpoint=FAILURES, url="artifact_failures", group="Fleet"
        ),
    ]


def rule(name: str) -> str:
    """What a rule is called."""
    return _RULES.get(name) or name


def verdict(step: Step, *, first: bool) -> Badge:
    """What a rule says; only the first that stands in the way is what has to be mended."""
    if step.ok is None:
        return Badge("Not reached" if step.words.startswith(UNREACHED) else "–", "quiet")
    if step.ok:
        return Badge("OK", "good")
    return Badge("In the way" if first else "Not OK", "bad" if first else "warn")


def why(row: ChannelArtifact) -> str:
    """In the device's words or in ours; empty where no reason was given."""
    if row.unresolved:
        return f"This device has no value for {', '.join(row.unresolved)}."
    return f"{outcomes.joined(row)}." if outcomes.told(row) else ""


def _asked_channel() -> int | None:
    """The channel that the address names; NotFound for what is no number."""
    given = flask.request.args.get("channel", "")
    if not given:
        return None
    if not (given.isascii() and given.isdecimal() and len(given) < 19):
        raise NotFound("There is no such user of this device.")
    return int(given)
