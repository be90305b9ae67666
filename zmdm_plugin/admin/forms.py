"""A form from a command's Args, so that screen, API and stored arguments can never differ."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import marshmallow as ma
from werkzeug.datastructures import MultiDict

from zmdm_plugin.admin.words import label, sentence
from zmdm_plugin.commands.arguments import Base64

_MISSING = ma.fields.Field.default_error_messages["required"]
_LONG = 255  # longer texts get more than one line


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """What a template needs to draw one input; `kind` names the macro."""

    name: str
    label: str
    kind: str = "text"
    """text | digits | number | lines | area | check | choice | moment | file"""
    help: str = ""
    required: bool = False
    value: Any = ""
    choices: tuple[tuple[str, str], ...] = ()
    most: int | None = None
    secret: bool = False
    error: str = ""


@dataclass(slots=True)
class Form:
    """Fields with what was typed and what was wrong with it."""

    fields: list[Field]
    fault: str = ""
    """What is wrong with the order as a whole."""
    faults: dict[str, str] = field(default_factory=dict)

    def blame(self, name: str, why: str) -> None:
        """Put a fault where it belongs, or above the form if no field has that name."""
        if any(item.name == name for item in self.fields):
            self.faults[name] = sentence(why)
        else:
            self.fault = f"{label(name)}: {why}" if name else sentence(why)

    @property
    def drawn(self) -> list[Field]:
        """The fields, each with its fault."""
        return [replaced(item, error=self.faults.get(item.name, "")) for item in self.fields]


def replaced(item: Field, **changes: Any) -> Field:
    """The same field with other values."""
    values = {name: getattr(item, name) for name in Field.__slots__}
    return Field(**{**values, **changes})


def of_schema(schema: ma.Schema, secret: Iterable[str] = ()) -> list[Field]:
    """The fields of a marshmallow schema, required ones first."""
    hidden = set(secret)
    drawn = [
        _field(name, item, name in hidden)
        for name, item in schema.fields.items()
        if not item.dump_only
    ]
    return sorted(drawn, key=lambda item: not item.required)


def typed(
    fields: list[Field], form: MultiDict[str, str], files: Mapping[str, Any] | None = None
) -> list[Field]:
    """The fields with what was typed, so that nobody types it twice (secrets apart)."""
    return [
        replaced(item, value=_kept(item, form)) if item.kind != "file" else item for item in fields
    ]


def data(
    fields: list[Field], form: MultiDict[str, str], files: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What was typed, as the API would get it; an empty field is an absent argument."""
    read: dict[str, Any] = {}
    for item in fields:
        value = _read(item, form, files or {})
        if value not in (None, "", []):
            read[item.name] = value
    return read


def faults(error: ma.ValidationError) -> dict[str, str]:
    """marshmallow's messages, one sentence per field."""
    messages: Any = error.messages
    if not isinstance(messages, Mapping):
        return {"": _sentence(messages)}
    return {str(name): _sentence(value) for name, value in messages.items()}


def _sentence(value: Any) -> str:
    if isinstance(value, Mapping):
        return " ".join(_sentence(part) for part in value.values())
    said = " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return "This is needed." if said == _MISSING else said


def _field(name: str, item: ma.fields.Field[Any], secret: bool) -> Field:
    default = item.load_default
    choices = _choices(item)
    return Field(
        name=name,
        label=str(item.metadata.get("label") or label(name)),
        kind="choice" if choices else _kind(item),
        help=str(item.metadata.get("description", "")),
        required=item.required,
        value="" if default is ma.missing or callable(default) else default,
        choices=choices,
        most=_most(item),
        secret=secret,
    )


def _choices(item: ma.fields.Field[Any]) -> tuple[tuple[str, str], ...]:
    for rule in item.validators:
        if isinstance(rule, ma.validate.OneOf):
            shown = list(rule.labels) or list(rule.choices)
            given = tuple(
                (str(one), str(two)) for one, two in zip(rule.choices, shown, strict=True)
            )
            return given if item.required else (("", "–"), *given)
    return ()


def _most(item: ma.fields.Field[Any]) -> int | None:
    found = (
        rule.max or rule.equal for rule in item.validators if isinstance(rule, ma.validate.Length)
    )
    return next(found, None)


def _kind(item: ma.fields.Field[Any]) -> str:
    for kind, types in _KINDS:
        if isinstance(item, types):
            return kind
    if any(
        isinstance(rule, ma.validate.Regexp) and str(rule.regex.pattern).startswith("[0-9]")
        for rule in item.validators
    ):
        return "digits"
    return (
        "area"
        if item.metadata.get("format") == "textarea" or (_most(item) or 0) > _LONG
        else "text"
    )


_KINDS: tuple[tuple[str, tuple[type, ...]], ...] = (
    ("check", (ma.fields.Boolean,)),
    ("number", (ma.fields.Number,)),
    ("moment", (ma.fields.DateTime,)),
    ("file", (Base64,)),
    ("lines", (ma.fields.List,)),
    ("json", (ma.fields.Dict, ma.fields.Nested, ma.fields.Raw)),
)


def _kept(item: Field, form: MultiDict[str, str]) -> Any:
    if item.secret:
        return ""
    return item.name in form if item.kind == "check" else form.get(item.name, "")


def _read(item: Field, form: MultiDict[str, str], files: Mapping[str, Any]) -> Any:
    given = form.get(item.name, "").strip()
    match item.kind:
        case "check":
            return item.name in form
        case "file":
            upload = files.get(item.name)
            return upload.read() if upload else None
        case "lines":
            return [line.strip() for line in given.splitlines() if line.strip()]
        case "moment":
            return _moment(given)
        case "json":
            return _json(given)
        case "area":
            return form.get(item.name, "").replace("\r\n", "\n").strip()
        case _:
            return given


def _moment(given: str) -> Any:
    """`datetime-local` has no zone; the form says that it means UTC."""
    try:
        return datetime.fromisoformat(given).replace(tzinfo=UTC).isoformat()
    except ValueError:
        return given


def _json(given: str) -> Any:
    try:
        return json.loads(given)
    except ValueError:
        return given
