"""One device: who it is, what it said, what waits for it and why, and what can be done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from flask import Response
from flask_admin import expose

from zmdm_plugin.admin import (
    device_artifacts,
    device_blueprint,
    device_lifecycle,
    device_secrets,
    device_updates,
    event_names,
    identities,
    paging,
    sending,
    setup_assistant,
)
from zmdm_plugin.admin import device_facts as facts
from zmdm_plugin.admin.events import page_of
from zmdm_plugin.admin.screen import Screen, demand, may
from zmdm_plugin.models import ChannelCommand, Device, Event
from zmdm_plugin.services import access, renewals, reveal, tags, whereabouts
from zmdm_plugin.services.artifacts import failures
from zmdm_plugin.services.dep import listing as dep
from zmdm_plugin.services.event_log import EventFilter
from zmdm_plugin.services.setup import awaiting

_LOCK_PIN = reveal.find("device_lock_pin")
SECTIONS = {
    "index": "Overview",
    "everything": "Facts",
    "artifacts": "Artifacts",
    "declarations": "Declarations",
    "commands": "Commands",
    "applications": "Applications",
    "profiles": "Profiles",
    "certificates": "Certificates",
    "users": "Users",
    "software_updates": "Updates",
    "secrets": "Secrets",
    "timeline": "Timeline",
}


class DevicePage(Screen):
    """The pages of one device; each part has an address of its own."""

    permission = access.VIEW_DEVICES

    @expose("/")
    def index(self, device_id: int) -> Response:
        """What somebody who opens a device wants to know first."""
        device = facts.find(device_id)
        talk = facts.conversation(device)
        seen = may(access.VIEW_COMMANDS, device)
        return self._section(
            "index",
            device,
            talk,
            waiting=facts.outstanding(device, talk) if seen else [],
            finished=facts.finished(device) if seen else [],
            setup=awaiting.of(device),
            release_permission=setup_assistant.RELEASE,
            identities=renewals.of_device(device),
            identity_why=renewals.why,
            renewal_badge=identities.badge,
            **_happened(facts.events(device)),
            failed_artifacts=failures.number_on([one.id for one in talk.every]),
            located=may(whereabouts.VIEW_LOCATION, device) and whereabouts.is_known(device),
            pin=may(reveal.VIEW_LOCK_PIN, device) and reveal.has_any(device, _LOCK_PIN),
            dep=dep.of_serial(device.serial_number)[:1] if may(access.VIEW_DEP_DEVICES) else [],
            tags=tags.of([device.id]).get(device.id, []),
            all_tags=tags.every() if may(access.CHANGE_DEVICES, device) else [],
        )

    @expose("/live/")
    def live(self, device_id: int) -> Response:
        """The part of the overview that moves; our script fetches it while somebody looks."""
        device = facts.find(device_id)
        demand(access.VIEW_COMMANDS, device)
        talk = facts.conversation(device)
        return self.page(
            "zmdm/device_live.html",
            title=facts.name_of(device),
            device=device,
            talk=talk,
            waiting=facts.outstanding(device, talk),
            finished=facts.finished(device),
            shown=sending.shown,
        )

    @expose("/facts/")
    def everything(self, device_id: int) -> Response:
        """All that it answered to DeviceInformation and SecurityInfo."""
        device = facts.find(device_id)
        return self._section("everything", device, facts.conversation(device))

    @expose("/applications/")
    def applications(self, device_id: int) -> Response:
        return self._installed("applications", device_id)

    @expose("/profiles/")
    def profiles(self, device_id: int) -> Response:
        return self._installed("profiles", device_id)

    @expose("/certificates/")
    def certificates(self, device_id: int) -> Response:
        return self._installed("certificates", device_id)

    @expose("/users/")
    def users(self, device_id: int) -> Response:
        """The accounts of a Mac or a Shared iPad."""
        device = facts.find(device_id)
        return self._section("users", device, facts.conversation(device))

    @expose("/artifacts/")
    def artifacts(self, device_id: int) -> Response:
        """What it should have, has and cannot have, each with the reason."""
        device = facts.find(device_id)
        talk = facts.conversation(device)
        return self._section("artifacts", device, talk, **device_artifacts.context(device))

    @expose("/declarations/")
    def declarations(self, device_id: int) -> Response:
        """What is offered to it, and what it reported."""
        device = facts.find(device_id)
        talk = facts.conversation(device)
        return self._section("declarations", device, talk, **device_artifacts.declared(talk))

    @expose("/software_updates/")
    def software_updates(self, device_id: int) -> Response:
        """What it is told to install, what it says, what Apple offers it."""
        device = facts.find(device_id)
        talk = facts.conversation(device)
        return self._section("software_updates", device, talk, **device_updates.context(device))

    @expose("/secrets/")
    def secrets(self, device_id: int) -> Response:
        """Which secrets are kept, which are missing and why; and buttons to see them."""
        device = facts.find(device_id)
        talk = facts.conversation(device)
        return self._section("secrets", device, talk, **device_secrets.context(device))

    @expose("/commands/")
    def commands(self, device_id: int) -> Response:
        """All its commands, the newest first."""
        device = facts.find(device_id)
        demand(access.VIEW_COMMANDS, device)
        query = sa.select(ChannelCommand).where(ChannelCommand.device_id == device.id)
        talk = facts.conversation(device)
        why = {command.id: said for command, said in facts.outstanding(device, talk)}
        page = paging.newest_first(query, ChannelCommand.id)
        return self._section("commands", device, talk, page=page, why=why)

    @expose("/timeline/")
    def timeline(self, device_id: int) -> Response:
        """All that happened, the newest first."""
        device = facts.find(device_id)
        found = page_of(EventFilter(device=device.id))
        events = [event for event, _ in found.items]
        page = paging.page(events, cursor=found.next_cursor)
        talk = facts.conversation(device)
        return self._section("timeline", device, talk, page=page, **_happened(events))

    def _installed(self, kind: str, device_id: int) -> Response:
        device = facts.find(device_id)
        talk = facts.conversation(device)
        return self._section(kind, device, talk, installed=facts.installed(kind, talk))

    def _section(
        self, section: str, device: Device, talk: facts.Conversation, **values: Any
    ) -> Response:
        return self.page(f"zmdm/device_{section}.html", **head(device, talk, section), **values)


def head(device: Device, talk: facts.Conversation, section: str) -> dict[str, Any]:
    """What the head that all pages of a device share has to be given."""
    part = "" if section == "index" else f" – {SECTIONS[section]}"
    return {
        "title": f"{facts.name_of(device)}{part}",
        "device": device,
        "device_name": facts.name_of(device),
        "talk": talk,
        "section": section,
        "sections": SECTIONS,
        "offers": sending.offers(talk.own),
        "shown": sending.shown,
        **device_blueprint.context(device),
        **device_lifecycle.context(device),
    }


def _happened(found: Sequence[Event]) -> dict[str, Any]:
    return {"events": found, "event_names": event_names.of(found)}
