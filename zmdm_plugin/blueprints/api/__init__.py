"""The HTTP API under /api/mdm/: tokens only, OpenAPI 3.1, one file per resource."""

from __future__ import annotations

from flask import Flask

from zmdm_plugin.blueprints.api import (
    account_at_apple,
    account_enrollments,
    alerts,
    applications,
    artifact_failures,
    artifact_versions,
    artifacts,
    audit,
    blueprints,
    bulk,
    commands,
    dep,
    dep_devices,
    dep_enrollments,
    device_artifacts,
    device_commands,
    device_secrets,
    device_whereabouts,
    devices,
    docs,
    enrollments,
    events,
    identities,
    location_assets,
    locations,
    lost,
    packages,
    protection_configs,
    push_certificates,
    realm_users,
    realms,
    scep_issuers,
    setup_assistant,
    software_updates,
    tags,
    task_results,
    tokens,
    webhooks,
)
from zmdm_plugin.blueprints.api.resource import ID, REST
from zmdm_plugin.blueprints.api.routing import Rest, RowId, row_id_schema
from zmdm_plugin.web.guest import exempt_from_csrf

RESOURCES = (
    devices.blueprint,
    device_commands.blueprint,
    setup_assistant.blueprint,
    device_secrets.blueprint,
    device_whereabouts.blueprint,
    commands.blueprint,
    enrollments.blueprint,
    identities.blueprint,
    account_enrollments.blueprint,
    account_at_apple.blueprint,
    dep.blueprint,
    dep_devices.blueprint,
    dep_enrollments.blueprint,
    push_certificates.blueprint,
    scep_issuers.blueprint,
    realms.blueprint,
    realm_users.blueprint,
    tokens.blueprint,
    tokens.permissions,
    audit.blueprint,
    events.blueprint,
    task_results.blueprint,
    task_results.tasks,
    tags.blueprint,
    tags.on_devices,
    bulk.blueprint,
    blueprints.blueprint,
    blueprints.on_devices,
    artifacts.blueprint,
    artifact_failures.blueprint,
    artifact_versions.blueprint,
    packages.blueprint,
    applications.blueprint,
    device_artifacts.blueprint,
    protection_configs.filevault,
    protection_configs.recovery,
    software_updates.blueprint,
    software_updates.enforced,
    software_updates.on_blueprints,
    software_updates.on_devices,
    alerts.blueprint,
    webhooks.blueprint,
    locations.blueprint,
    location_assets.assets,
    location_assets.blueprint,
)


def register_api(app: Flask) -> None:
    """Register the API, its documentation, and JSON answers for everything else below it."""
    app.url_map.converters.update({ID: RowId, REST: Rest})
    api = docs.make_api(app)
    api.register_converter(RowId, row_id_schema)
    for resource in RESOURCES:
        api.register_blueprint(resource)
    app.register_blueprint(docs.blueprint)
    app.register_blueprint(lost.blueprint)
    exempt_from_csrf(app, [*(resource.name for resource in RESOURCES), lost.blueprint.name])
