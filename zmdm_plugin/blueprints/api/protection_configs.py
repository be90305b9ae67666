"""/api/mdm/filevault_configs/ and /api/mdm/recovery_password_configs/."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from zmdm_plugin import db
from zmdm_plugin.blueprints.api import paging
from zmdm_plugin.blueprints.api.resource import ID, Resource
from zmdm_plugin.blueprints.api.schemas.protection_configs import (
    ConfigQuery,
    FileVaultConfigChange,
    FileVaultConfigSchema,
    NewFileVaultConfig,
    NewRecoveryPasswordConfig,
    RecoveryPasswordConfigChange,
    RecoveryPasswordConfigSchema,
)
from zmdm_plugin.services import access, audit
from zmdm_plugin.services.keyset import Page
from zmdm_plugin.services.protection import configs
from zmdm_plugin.services.protection.configs import Config, Kind
from zmdm_plugin.web.actor import api_actor

filevault = Resource(
    "filevault_configs", path="/filevault_configs", description="How disks are encrypted."
)
recovery = Resource(
    "recovery_password_configs",
    path="/recovery_password_configs",
    description="Recovery locks and firmware passwords.",
)


@dataclass(frozen=True, slots=True)
class _Resource:
    """What the operations on both kinds differ in."""

    kind: Kind
    word: str
    """In the audit and in permissions."""

    def demand(self, verb: str) -> None:
        access.demand(api_actor(), f"mdm.{verb}_{self.word}")


_FILEVAULT = _Resource(configs.FILEVAULT, "filevaultconfig")
_RECOVERY = _Resource(configs.RECOVERY, "recoverypasswordconfig")


@filevault.route("/")
@filevault.arguments(ConfigQuery, location="query")
@filevault.operation(access.VIEW_FILEVAULT_CONFIGS)
@filevault.response(200, FileVaultConfigSchema(many=True), headers=paging.HEADERS)
def list_filevault_configs(query: dict[str, Any]) -> Any:
    """List FileVault configurations"""
    return _list(_FILEVAULT, query)


@filevault.route("/", methods=["POST"])
@filevault.arguments(NewFileVaultConfig)
@filevault.operation(access.ADD_FILEVAULT_CONFIGS, 400, 413, 415)
@filevault.response(201, FileVaultConfigSchema)
def create_filevault_config(asked: dict[str, Any]) -> dict[str, Any]:
    """Make a FileVault configuration

    Macs of the blueprints that have it are told to encrypt their disks, and where their recovery
    key goes.
    """
    return _create(_FILEVAULT, asked)


@filevault.route(f"/<{ID}:config_id>/")
@filevault.operation(access.VIEW_FILEVAULT_CONFIGS, 404)
@filevault.response(200, FileVaultConfigSchema)
def get_filevault_config(config_id: int) -> dict[str, Any]:
    """Show a FileVault configuration"""
    return _get(_FILEVAULT, config_id)


@filevault.route(f"/<{ID}:config_id>/", methods=["PUT"])
@filevault.arguments(FileVaultConfigChange)
@filevault.operation(access.CHANGE_FILEVAULT_CONFIGS, 400, 404, 413, 415)
@filevault.response(200, FileVaultConfigSchema)
def change_filevault_config(asked: dict[str, Any], config_id: int) -> dict[str, Any]:
    """Change a FileVault configuration

    What is not named stays. Devices of its blueprints are told.
    """
    return _change(_FILEVAULT, config_id, asked)


@filevault.route(f"/<{ID}:config_id>/", methods=["DELETE"])
@filevault.operation(access.DELETE_FILEVAULT_CONFIGS, 404, 409)
@filevault.response(204)
def delete_filevault_config(config_id: int) -> None:
    """Delete a FileVault configuration

    One that is part of a blueprint is a 409.
    """
    _delete(_FILEVAULT, config_id)


@recovery.route("/")
@recovery.arguments(ConfigQuery, location="query")
@recovery.operation(access.VIEW_RECOVERY_CONFIGS)
@recovery.response(200, RecoveryPasswordConfigSchema(many=True), headers=paging.HEADERS)
def list_recovery_password_configs(query: dict[str, Any]) -> Any:
    """List recovery password configurations"""
    return _list(_RECOVERY, query)


@recovery.route("/", methods=["POST"])
@recovery.arguments(NewRecoveryPasswordConfig)
@recovery.operation(access.ADD_RECOVERY_CONFIGS, 400, 413, 415)
@recovery.response(201, RecoveryPasswordConfigSchema)
def create_recovery_password_config(asked: dict[str, Any]) -> dict[str, Any]:
    """Make a recovery password configuration

    Macs of the blueprints that have it get a recovery lock (Apple silicon) or a firmware password
    (Intel).
    """
    return _create(_RECOVERY, asked)


@recovery.route(f"/<{ID}:config_id>/")
@recovery.operation(access.VIEW_RECOVERY_CONFIGS, 404)
@recovery.response(200, RecoveryPasswordConfigSchema)
def get_recovery_password_config(config_id: int) -> dict[str, Any]:
    """Show a recovery password configuration"""
    return _get(_RECOVERY, config_id)


@recovery.route(f"/<{ID}:config_id>/", methods=["PUT"])
@recovery.arguments(RecoveryPasswordConfigChange)
@recovery.operation(access.CHANGE_RECOVERY_CONFIGS, 400, 404, 413, 415)
@recovery.response(200, RecoveryPasswordConfigSchema)
def change_recovery_password_config(asked: dict[str, Any], config_id: int) -> dict[str, Any]:
    """Change a recovery password configuration

    What is not named stays. Devices of its blueprints are told.
    """
    return _change(_RECOVERY, config_id, asked)


@recovery.route(f"/<{ID}:config_id>/", methods=["DELETE"])
@recovery.operation(access.DELETE_RECOVERY_CONFIGS, 404, 409)
@recovery.response(204)
def delete_recovery_password_config(config_id: int) -> None:
    """Delete a recovery password configuration

    One that is part of a blueprint is a 409.
    """
    _delete(_RECOVERY, config_id)


def _list(of: _Resource, query: dict[str, Any]) -> Any:
    of.demand("view")
    page = configs.page(of.kind, **query)
    return paging.answer(Page(_shown(of.kind, page.items), page.next_cursor), query["limit"])


def _create(of: _Resource, asked: dict[str, Any]) -> dict[str, Any]:
    of.demand("add")
    with db.transaction():
        row = configs.create(of.kind, asked)
        audit.record(api_actor(), f"{of.word}.create", row, after=audit.snapshot(row))
        (answer,) = _shown(of.kind, [row])
    return answer


def _get(of: _Resource, config_id: int) -> dict[str, Any]:
    of.demand("view")
    return _shown(of.kind, [configs.find(of.kind, config_id)])[0]


def _change(of: _Resource, config_id: int, asked: dict[str, Any]) -> dict[str, Any]:
    of.demand("change")
    with db.transaction():
        row = configs.find(of.kind, config_id)
        before = audit.snapshot(row)
        configs.change(of.kind, row, asked)
        audit.record(
            api_actor(), f"{of.word}.change", row, before=before, after=audit.snapshot(row)
        )
        (answer,) = _shown(of.kind, [row])
    return answer


def _delete(of: _Resource, config_id: int) -> None:
    of.demand("delete")
    with db.transaction():
        row = configs.find(of.kind, config_id)
        audit.record(api_actor(), f"{of.word}.delete", row, before=audit.snapshot(row))
        configs.delete(of.kind, row)


def _shown(kind: Kind, rows: Any) -> list[dict[str, Any]]:
    """Rows with the blueprints that have them; never a password."""
    used = configs.blueprints_of(kind, [row.id for row in rows])
    names = [name for name in kind.defaults if name != "static_password"]
    return [_one(row, names, used.get(row.id, [])) for row in rows]


def _one(row: Config, names: list[str], blueprints: list[Any]) -> dict[str, Any]:
    columns = ("id", "name", *names, "created_at", "updated_at")
    return {
        **{name: getattr(row, name) for name in columns},
        "blueprints": [blueprint.id for blueprint in blueprints],
    }
