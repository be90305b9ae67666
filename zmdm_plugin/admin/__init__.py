"""flask-admin screens, in an Admin of our own; the host's gets a menu link."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Flask
from flask_admin import Admin
from flask_admin.menu import MenuLink
from flask_admin.theme import Bootstrap4Theme

from zmdm_plugin.admin import (
    account_enrollments,
    ade,
    alerts,
    artifact_explained,
    artifacts,
    audit,
    blueprints,
    bulk,
    dep_devices,
    dep_servers,
    device_blueprint,
    device_lifecycle,
    identities,
    issuers,
    job_runs,
    locations,
    packages,
    people,
    protection,
    realms,
    setup_assistant,
    software_updates,
    store_apps,
    system,
    tags,
    tokens,
    webhooks,
)
from zmdm_plugin.admin.commands import CommandList, CommandPage
from zmdm_plugin.admin.credentials import (
    PushCertificateForm,
    PushCertificateList,
    PushCertificatePage,
)
from zmdm_plugin.admin.device_actions import DeviceActions, DeviceSwitches
from zmdm_plugin.admin.device_list import DeviceList
from zmdm_plugin.admin.device_page import DevicePage
from zmdm_plugin.admin.device_secrets import PAGE as SECRET
from zmdm_plugin.admin.device_secrets import DeviceSecret
from zmdm_plugin.admin.device_whereabouts import DeviceWhereabouts
from zmdm_plugin.admin.enrollments import EnrollmentList, EnrollmentPage
from zmdm_plugin.admin.events import EventList
from zmdm_plugin.admin.new_enrollment import ChangeEnrollment, NewEnrollment
from zmdm_plugin.admin.overview import Overview
from zmdm_plugin.admin.screen import Screen
from zmdm_plugin.state import state_of
from zmdm_plugin.web.guest import exempt_from_csrf

NAME = "Device management"


def register_admin(app: Flask, admin: Any) -> None:
    """Register our Admin, and a link in the host's."""
    settings = state_of(app).settings
    app.register_blueprint(_assets(settings.admin_url))
    ours = Admin(
        app,
        name=settings.organization or NAME,
        url=settings.admin_url,
        endpoint="zmdm",
        index_view=Overview("Overview", endpoint="zmdm", url=settings.admin_url),
        theme=Bootstrap4Theme(base_template="zmdm/base.html"),
    )
    screens = _screens()
    for screen in screens:
        ours.add_view(screen)
    # Our forms carry tokens that we check ourselves, for as long as the session lasts.
    exempt_from_csrf(app, ["zmdm", *(screen.endpoint for screen in screens)])
    if admin is not None:
        admin.add_link(MenuLink(NAME, url=f"{settings.admin_url}/"))


def _assets(admin_url: str) -> Blueprint:
    """Style, script and icon; and the templates of every screen."""
    return Blueprint(
        "zmdm_assets",
        "zmdm_plugin",
        template_folder="templates",
        static_folder="static/zmdm",
        static_url_path=f"{admin_url}/assets",
    )


def _screens() -> list[Screen]:
    """Every screen in the order of the menu; those `below` another have no entry."""
    return [
        *alerts.screens(),
        *_fleet(),
        *blueprints.screens(),
        *artifacts.screens(),
        *packages.screens(),
        *protection.screens(),
        *store_apps.screens(),
        *software_updates.screens(),
        *_set_up(),
        *audit.screens(),
        *job_runs.screens(),
        *tokens.screens(),
        *webhooks.screens(),
        *system.screens(),
    ]


def _fleet() -> list[Screen]:
    devices = DeviceList("Devices", endpoint="zmdm_devices", url="devices", group="Fleet")
    one = "devices/<int:device_id>"
    commands = CommandList("Commands", endpoint="zmdm_commands", url="commands", group="Fleet")
    return [
        devices,
        DevicePage("Device", endpoint="zmdm_device", url=one, below=devices),
        DeviceActions("Send", endpoint="zmdm_send", url=f"{one}/send", below=devices),
        DeviceSwitches("Do", endpoint="zmdm_do", url=f"{one}/do", below=devices),
        DeviceWhereabouts("Where", endpoint="zmdm_where", url=f"{one}/where", below=devices),
        DeviceSecret("Secret", endpoint=SECRET, url=f"{one}/secret/<secret_name>", below=devices),
        commands,
        CommandPage("Command", endpoint="zmdm_command", url="commands/<uuid>", below=commands),
        EventList("Events", endpoint="zmdm_events", url="events", group="Fleet"),
        *people.screens("Fleet"),
        *dep_devices.screens("Fleet"),
        *identities.screens("Fleet", devices),
        *packages.application_screens("Fleet"),
        *artifact_explained.screens(devices),
        *device_blueprint.screens(devices),
        *device_lifecycle.screens(devices),
        *tags.screens(devices),
        *bulk.screens(devices),
        *setup_assistant.screens(devices),
    ]


def _set_up() -> list[Screen]:
    group = "Set-up"
    enrollments = EnrollmentList(
        "Enrollments", endpoint="zmdm_enrollments", url="enrollments", group=group
    )
    one = "enrollments/<int:enrollment_id>"
    push = PushCertificateList(
        "Push certificates", endpoint="zmdm_push_certificates", url="push_certificates", group=group
    )
    return [
        enrollments,
        NewEnrollment(
            "Add", endpoint="zmdm_new_enrollment", url="enrollments/new", below=enrollments
        ),
        EnrollmentPage("Enrollment", endpoint="zmdm_enrollment", url=one, below=enrollments),
        ChangeEnrollment(
            "Update", endpoint="zmdm_change_enrollment", url=f"{one}/edit", below=enrollments
        ),
        *account_enrollments.screens(group),
        *ade.screens(enrollments),
        *dep_servers.screens(group),
        push,
        PushCertificateForm(
            "Form", endpoint="zmdm_push_certificate_form", url="push_certificates/new", below=push
        ),
        PushCertificatePage(
            "Push certificate",
            endpoint="zmdm_push_certificate",
            url="push_certificates/<int:certificate_id>",
            below=push,
        ),
        *locations.screens(),
        *issuers.screens(group),
        *realms.screens(group),
    ]
