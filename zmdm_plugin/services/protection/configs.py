"""Configurations of FileVault and of recovery passwords: made, changed, put into blueprints."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.errors import Conflict, NotFound, Refused
from zmdm_plugin.models import FileVaultConfig, MDMBlueprint, RecoveryPasswordConfig
from zmdm_plugin.services import vault, wake
from zmdm_plugin.services.keyset import DEFAULT_LIMIT, MAX_ID, Keyset, Page
from zmdm_plugin.services.protection import passwords

LONGEST_INTERVAL = 366
"""Days."""
SHORTEST_DELAY, LONGEST_DELAY = 5, 1440
"""Minutes; 0 is: never."""
MOST_ATTEMPTS = 9999
DEFAULT_DELAY = 60
Config = FileVaultConfig | RecoveryPasswordConfig
Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the two kinds: its rows, the column of blueprints that names them, its rules."""

    model: type[FileVaultConfig] | type[RecoveryPasswordConfig]
    column: str
    title: str
    defaults: Mapping[str, Any]
    check: Callable[[Values, Config | None], None]

    @property
    def keyset(self) -> Keyset:
        return Keyset(self.model.id, {"name": self.model.name})


def page(
    kind: Kind,
    *,
    name: str | None = None,
    ordering: str = "id",
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Config]:
    """A page of all configurations of a kind."""
    query: sa.Select[Any] = sa.select(kind.model)
    if name is not None:
        query = query.where(kind.model.name == name)
    return kind.keyset.entities(query, ordering=ordering, cursor=cursor, limit=limit)


def find(kind: Kind, config_id: int) -> Config:
    """The configuration; NotFound."""
    known = 0 < config_id <= MAX_ID
    row: Any = session().get(kind.model, config_id) if known else None
    if row is None:
        raise NotFound(f"there is no such {kind.title}")
    found: Config = row
    return found


def create(kind: Kind, asked: Mapping[str, Any]) -> Config:
    """A new configuration; Refused names the field."""
    values = {**kind.defaults, **asked}
    secret = values.pop("static_password", None)
    _checked(kind, values, secret, None)
    row = kind.model(**values)
    _keep_password(row, secret)
    session().add(row)
    session().flush()
    return row


def change(kind: Kind, row: Config, asked: Mapping[str, Any]) -> None:
    """Change what is named; devices whose blueprint has it are told."""
    columns = [name for name in kind.defaults if name != "static_password"]
    values = {**{name: getattr(row, name) for name in ("name", *columns)}, **asked}
    secret = values.pop("static_password", None)
    _checked(kind, values, secret, row)
    for name, value in values.items():
        setattr(row, name, value)
    _keep_password(row, secret)
    session().flush()
    for blueprint in blueprints_of(kind, [row.id]).get(row.id, []):
        wake.blueprint(blueprint.id)


def delete(kind: Kind, row: Config) -> None:
    """Forget it; Conflict while a blueprint has it."""
    used = blueprints_of(kind, [row.id]).get(row.id, [])
    if used:
        names = ", ".join(f"“{blueprint.name}”" for blueprint in used[:3])
        raise Conflict(f"it is part of {names}; take it out first")
    session().delete(row)
    session().flush()


def blueprints_of(kind: Kind, ids: Iterable[int]) -> dict[int, list[MDMBlueprint]]:
    """The blueprints that have some configurations, by configuration."""
    column = MDMBlueprint.__table__.c[kind.column]
    rows = session().scalars(
        sa.select(MDMBlueprint).where(column.in_(list(ids))).order_by(MDMBlueprint.name)
    )
    found: dict[int, list[MDMBlueprint]] = {}
    for row in rows:
        found.setdefault(getattr(row, kind.column), []).append(row)
    return found


def chosen(kind: Kind, field: str, config_id: Any) -> int | None:
    """The id of a configuration for a blueprint, locked so that nobody deletes it meanwhile."""
    if config_id is None:
        return None
    if type(config_id) is not int or not 0 < config_id <= MAX_ID:
        raise Refused(field, f"there is no such {kind.title}")
    query = sa.select(kind.model.id).where(kind.model.id == config_id)
    found = session().scalar(query.with_for_update(key_share=True))
    if found is None:
        raise Refused(field, f"there is no such {kind.title}")
    return found


def _checked(kind: Kind, values: Values, secret: str | None, row: Config | None) -> None:
    values["name"] = _name(kind, values.get("name"), row)
    kind.check({**values, "static_password": secret}, row)


def _name(kind: Kind, value: Any, row: Config | None) -> str:
    name = str(value or "").strip()
    if not 0 < len(name) <= 256 or not name.isprintable():
        raise Refused("name", "must have 1 to 256 printable characters")
    with session().no_autoflush:
        other = session().scalar(sa.select(kind.model.id).where(kind.model.name == name))
    if other is not None and (row is None or other != row.id):
        raise Refused("name", "another one has this name")
    return name


def _keep_password(row: Config, secret: str | None) -> None:
    if not isinstance(row, RecoveryPasswordConfig):
        return
    if row.dynamic_password:
        vault.seal(row, "static_password", None)
    elif secret:
        row.generation = (row.generation or 0) + 1
        vault.seal(row, "static_password", secret.encode())


def _interval(values: Values, field: str) -> None:
    if not 0 <= values[field] <= LONGEST_INTERVAL:
        raise Refused(field, f"must be 0 (never) to {LONGEST_INTERVAL} days")


def _delay(values: Values, field: str) -> None:
    if values[field] and not SHORTEST_DELAY <= values[field] <= LONGEST_DELAY:
        raise Refused(field, f"must be 0 (never), or {SHORTEST_DELAY} to {LONGEST_DELAY} minutes")


def _check_filevault(values: Values, _row: Config | None) -> None:
    location = str(values["escrow_location_display_name"]).strip()
    if not 0 < len(location) <= 256 or not location.isprintable():
        raise Refused("escrow_location_display_name", "must have 1 to 256 printable characters")
    attempts, at_login = values["bypass_attempts"], values["at_login_only"]
    if at_login and not 0 <= attempts <= MOST_ATTEMPTS:
        why = f"must be 0 to {MOST_ATTEMPTS} where people are asked at login only"
        raise Refused("bypass_attempts", why)
    if not at_login and attempts != -1:
        raise Refused("bypass_attempts", "must be -1 unless people are asked at login only")
    _interval(values, "prk_rotation_interval_days")
    _delay(values, "prk_reveal_rotation_delay")


def _check_recovery(values: Values, row: Config | None) -> None:
    secret = values["static_password"]
    _interval(values, "rotation_interval_days")
    _delay(values, "reveal_rotation_delay")
    if values["dynamic_password"]:
        if secret:
            raise Refused("static_password", "does not go with passwords that are drawn")
        rotates = values["rotation_interval_days"] or values["reveal_rotation_delay"]
        if values["rotate_firmware_password"] and not rotates:
            why = "needs an interval, or a rotation after a reveal"
            raise Refused("rotate_firmware_password", why)
        return
    had_one = isinstance(row, RecoveryPasswordConfig) and not row.dynamic_password
    if not secret and not had_one:
        raise Refused("static_password", "is needed where passwords are not drawn")
    if secret and not passwords.can_be_typed(secret):
        raise Refused("static_password", passwords.TYPED)
    for field in ("rotation_interval_days", "reveal_rotation_delay", "rotate_firmware_password"):
        if values[field]:
            raise Refused(field, "does not go with one password for all")


FILEVAULT = Kind(
    FileVaultConfig,
    "filevault_config_id",
    "FileVault configuration",
    {
        "escrow_location_display_name": "",
        "at_login_only": False,
        "bypass_attempts": -1,
        "show_recovery_key": False,
        "destroy_key_on_standby": False,
        "enforce_in_setup_assistant": True,
        "prk_rotation_interval_days": 0,
        "prk_reveal_rotation_delay": DEFAULT_DELAY,
    },
    _check_filevault,
)
RECOVERY = Kind(
    RecoveryPasswordConfig,
    "recovery_password_config_id",
    "recovery password configuration",
    {
        "dynamic_password": True,
        "static_password": None,
        "rotation_interval_days": 0,
        "reveal_rotation_delay": DEFAULT_DELAY,
        "rotate_firmware_password": False,
    },
    _check_recovery,
)
