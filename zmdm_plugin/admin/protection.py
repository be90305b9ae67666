"""Configurations of FileVault and of recovery passwords: two areas, made of the same screens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import flask
from flask import Response, request
from flask_admin import expose

from zmdm_plugin import db
from zmdm_plugin.admin import forms, paging
from zmdm_plugin.admin.screen import Screen, acting, back, demand, may, text
from zmdm_plugin.errors import Refused
from zmdm_plugin.models import FileVaultConfig, RecoveryPasswordConfig
from zmdm_plugin.services import access, audit
from zmdm_plugin.services.protection import configs, health
from zmdm_plugin.services.protection.configs import Config

GROUP = "Configuration"


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """What the two differ in."""

    kind: configs.Kind
    word: str
    """In permissions and in the audit."""
    url: str
    title: str
    about: str
    fields: Callable[[Config | None], list[forms.Field]]
    says: Callable[[Any], list[tuple[str, str]]]

    @property
    def listed(self) -> str:
        return f"zmdm_{self.url}"

    @property
    def one(self) -> str:
        return f"zmdm_{self.url}_one"

    @property
    def form(self) -> str:
        return f"zmdm_{self.url}_form"

    def permission(self, verb: str) -> str:
        return f"mdm.{verb}_{self.word}"


class _ConfigScreen(Screen):
    permission = access.VIEW_FILEVAULT_CONFIGS

    def __init__(self, area: Area, name: str, **place: Any) -> None:
        self.area, self.permission = area, area.permission("view")
        super().__init__(name, **place)


class ConfigList(_ConfigScreen):
    """Every configuration."""

    @expose("/")
    def index(self) -> Response:
        """Each with the blueprints that have it."""
        kind = self.area.kind
        found = configs.page(kind, ordering="name", cursor=paging.cursor(), limit=paging.PER_PAGE)
        return self.page(
            "zmdm/protection_configs.html",
            title=self.area.title,
            area=self.area,
            page=paging.page(found.items, cursor=found.next_cursor),
            blueprints=configs.blueprints_of(kind, [row.id for row in found.items]),
            addable=may(self.area.permission("add")),
        )


class ConfigPage(_ConfigScreen):
    """One configuration."""

    @expose("/")
    def index(self, config_id: int) -> Response:
        """What it says, and where it is used."""
        row = configs.find(self.area.kind, config_id)
        disks = isinstance(row, FileVaultConfig)
        return self.page(
            "zmdm/protection_config.html",
            title=row.name,
            area=self.area,
            row=row,
            says=self.area.says(row),
            others=health.escrowing_artifacts() if disks else [],
            standard=health.standard_users(row) if isinstance(row, FileVaultConfig) else [],
            blueprints=configs.blueprints_of(self.area.kind, [row.id]).get(row.id, []),
            changeable=may(self.area.permission("change")),
            deletable=may(self.area.permission("delete")),
        )

    @expose("/delete/", methods=("POST",))
    def delete(self, config_id: int) -> Response:
        """Forget it, unless a blueprint has it."""
        demand(self.area.permission("delete"))
        with db.transaction():
            row = configs.find(self.area.kind, config_id)
            audit.record(acting(), f"{self.area.word}.delete", row, before=audit.snapshot(row))
            configs.delete(self.area.kind, row)
        return back("The configuration is deleted.", f"{self.area.listed}.index")


class ConfigForm(_ConfigScreen):
    """A new configuration, or one to change."""

    @expose("/", methods=("GET", "POST"))
    def index(self) -> Response:
        """The form; `config` in the address says which one."""
        given = text("config", most=19)
        demand(self.area.permission("change" if given else "add"))
        row = configs.find(self.area.kind, _number(given)) if given else None
        form = forms.Form(self.area.fields(row))
        if request.method == "POST":
            form.fields = forms.typed(form.fields, request.form)
            if answer := self._save(row, form):
                return answer
        area = self.area
        return self.page(
            "zmdm/protection_config_form.html",
            title=f"Update {row.name}" if row else "Add a configuration",
            status=422 if form.faults or form.fault else 200,
            area=area,
            row=row,
            form=form,
            cancel=flask.url_for(f"{area.one}.index", config_id=row.id)
            if row
            else flask.url_for(f"{area.listed}.index"),
        )

    def _save(self, row: Config | None, form: forms.Form) -> Response | None:
        """None when the form has to be shown again."""
        kind, word = self.area.kind, self.area.word
        try:
            with db.transaction():
                asked = _order(form)
                if row is None:
                    kept = configs.create(kind, asked)
                    audit.record(acting(), f"{word}.create", kept, after=audit.snapshot(kept))
                else:
                    kept = configs.find(kind, row.id)
                    before = audit.snapshot(kept)
                    configs.change(kind, kept, asked)
                    after = audit.snapshot(kept)
                    audit.record(acting(), f"{word}.change", kept, before=before, after=after)
                number = kept.id
        except Refused as error:
            form.blame(error.field, error.why)
            return None
        return back("The configuration is kept.", f"{self.area.one}.index", config_id=number)


def screens() -> list[Screen]:
    """The screens of both areas, for the menu."""
    made: list[Screen] = []
    for area in (FILEVAULT, RECOVERY):
        listed = ConfigList(area, area.title, endpoint=area.listed, url=area.url, group=GROUP)
        edit, one = f"{area.url}/edit", f"{area.url}/<int:config_id>"
        made += [
            listed,
            ConfigForm(area, "Form", endpoint=area.form, url=edit, below=listed),
            ConfigPage(area, "Configuration", endpoint=area.one, url=one, below=listed),
        ]
    return made


def choices(kind: configs.Kind) -> tuple[tuple[str, str], ...]:
    """What a blueprint may have."""
    found = configs.page(kind, ordering="name", limit=200).items
    return (("", "None"), *((str(row.id), row.name) for row in found))


def _order(form: forms.Form) -> dict[str, Any]:
    """What the API would get."""
    asked: dict[str, Any] = {}
    for item in form.fields:
        value = item.value
        if item.kind == "number":
            value = _whole(item.name, str(value).strip())
        if item.name == "static_password":
            value = request.form.get(item.name) or None
        asked[item.name] = value
    if asked.get("at_login_only") is False:
        asked["bypass_attempts"] = -1
    if asked.get("dynamic_password") is False:
        asked.update(rotation_interval_days=0, reveal_rotation_delay=0)
        asked["rotate_firmware_password"] = False
    return asked


def _whole(name: str, given: str) -> int:
    if not given.removeprefix("-").isdecimal() or not given.isascii() or len(given) > 9:
        raise Refused(name, "must be a whole number")
    return int(given)


def _number(given: str) -> int:
    return int(given) if given.isascii() and given.isdecimal() else 0


def _of(row: Config | None, kind: configs.Kind, name: str) -> Any:
    return getattr(row, name) if row is not None else kind.defaults.get(name, "")


def _filevault_fields(row: Config | None) -> list[forms.Field]:
    def of(name: str) -> Any:
        return _of(row, configs.FILEVAULT, name)

    checks = {name: of(name) for name in _CHECKS}
    return [
        forms.Field(name="name", label="Name", required=True, most=256, value=of("name")),
        forms.Field(
            name="escrow_location_display_name",
            label="Where the recovery key goes",
            required=True,
            most=256,
            value=of("escrow_location_display_name"),
            help="People are told so when FileVault is turned on, e.g. the name of your company.",
        ),
        *(
            forms.Field(name=name, label=_CHECKS[name][0], kind="check", value=value, help=said)
            for name, value in checks.items()
            for said in _CHECKS[name][1:]
        ),
        forms.Field(
            name="bypass_attempts",
            label="How often it may be put off at login",
            kind="number",
            value=max(0, of("bypass_attempts")),
            help="0: not at all. It counts only where people are asked at login only.",
        ),
        *_rotation(
            of("prk_rotation_interval_days"),
            of("prk_reveal_rotation_delay"),
            names=("prk_rotation_interval_days", "prk_reveal_rotation_delay"),
        ),
    ]


_CHECKS = {
    "enforce_in_setup_assistant": (
        "Turn it on in Setup Assistant",
        "From macOS 14 on, after automated enrollment. It needs an administrator with a secure "
        "token: if the first account is a standard one, it comes at a login instead.",
    ),
    "at_login_only": ("Ask at login only, not at logout", ""),
    "show_recovery_key": ("Show people the recovery key", ""),
    "destroy_key_on_standby": ("Forget the key in standby", ""),
}


def _recovery_fields(row: Config | None) -> list[forms.Field]:
    def of(name: str) -> Any:
        return _of(row, configs.RECOVERY, name)

    return [
        forms.Field(name="name", label="Name", required=True, most=256, value=of("name")),
        forms.Field(
            name="dynamic_password",
            label="Draw a password for each Mac",
            kind="check",
            value=of("dynamic_password"),
            help="Otherwise all have the one below, and it is not replaced by itself.",
        ),
        forms.Field(
            name="static_password",
            label="Password of all Macs",
            kind="password",
            most=32,
            secret=True,
            help="8 to 32 characters that any keyboard has. It is not shown again; leave it empty "
            "to keep the one there is.",
        ),
        *_rotation(
            of("rotation_interval_days"),
            of("reveal_rotation_delay"),
            names=("rotation_interval_days", "reveal_rotation_delay"),
        ),
        forms.Field(
            name="rotate_firmware_password",
            label="Replace firmware passwords of Intel Macs too",
            kind="check",
            value=of("rotate_firmware_password"),
            help="Each change takes a restart, which people are asked for.",
        ),
    ]


def _rotation(days: Any, minutes: Any, *, names: tuple[str, str]) -> list[forms.Field]:
    return [
        forms.Field(
            name=names[0],
            label="Days until it is replaced",
            kind="number",
            value=days,
            help="0 to 366; 0: never.",
        ),
        forms.Field(
            name=names[1],
            label="Minutes from a reveal until it is replaced",
            kind="number",
            value=minutes,
            help="5 to 1440; 0: not for that.",
        ),
    ]


def _when(days: int, minutes: int) -> str:
    parts = [f"every {days} days" if days else "", f"{minutes} minutes after a reveal"]
    return " and ".join(filter(None, parts if minutes else parts[:1])) or "never"


def _filevault_says(row: FileVaultConfig) -> list[tuple[str, str]]:
    asked = "at login and logout"
    if row.at_login_only:
        asked = f"at login only, put off {row.bypass_attempts} times at most"
    return [
        ("Recovery key goes to", row.escrow_location_display_name),
        ("People are asked", asked),
        ("In Setup Assistant", "turned on" if row.enforce_in_setup_assistant else "not turned on"),
        ("Recovery key", "shown to people" if row.show_recovery_key else "not shown to people"),
        ("In standby", "the key is forgotten" if row.destroy_key_on_standby else "the key is kept"),
        (
            "Replaced",
            _when(row.prk_rotation_interval_days, row.prk_reveal_rotation_delay),
        ),
    ]


def _recovery_says(row: RecoveryPasswordConfig) -> list[tuple[str, str]]:
    dynamic = row.dynamic_password
    return [
        ("Password", "drawn for each Mac" if dynamic else "one for all Macs"),
        ("Replaced", _when(row.rotation_interval_days, row.reveal_rotation_delay)),
        (
            "Firmware of Intel Macs",
            "replaced too, with a restart that people are asked for"
            if row.rotate_firmware_password
            else "set once",
        ),
    ]


FILEVAULT = Area(
    kind=configs.FILEVAULT,
    word="filevaultconfig",
    url="filevault_configs",
    title="FileVault",
    about="How disks of Macs are encrypted, and what happens to their recovery keys.",
    fields=_filevault_fields,
    says=_filevault_says,
)
RECOVERY = Area(
    kind=configs.RECOVERY,
    word="recoverypasswordconfig",
    url="recovery_password_configs",
    title="Recovery passwords",
    about="Recovery locks of Macs with Apple silicon, firmware passwords of the others.",
    fields=_recovery_fields,
    says=_recovery_says,
)
