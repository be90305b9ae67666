from __future__ import annotations

from typing import Any

import marshmallow as ma

from zmdm_plugin.commands.arguments import described
from zmdm_plugin.commands.base import (
    CUSTOM_COMMAND,
    REDACTED,
    Arguments,
    Command,
    Material,
    first_fault,
    registry,
)
from zmdm_plugin.commands.effects import Effect
from zmdm_plugin.commands.target import Refusal, Target
from zmdm_plugin.errors import ProtocolError
from zmdm_plugin.protocol import plist
from zmdm_plugin.protocol.connect import Answer


def _check(text: str) -> None:
    _read(text)


@registry.add
class Custom(Command):
    """A Command dictionary written by hand.

    It asks for the permission, the refusal and the redaction of the command that it carries
    (`unwrap`); a RequestType without a file here asks for `mdm.add_customcommand`.
    """

    request_type = "Custom"
    secret = frozenset({"command"})

    class Args(ma.Schema):
        command = ma.fields.String(
            required=True,
            validate=_check,
            metadata=described(
                "The Command dictionary as an XML property list, with its RequestType.",
                format="textarea",
            ),
        )

    @classmethod
    def wire_type(cls, args: Arguments) -> str:
        """The RequestType inside."""
        return str(_read(args["command"])["RequestType"])

    @classmethod
    def unwrap(cls, args: Arguments) -> tuple[type[Command] | None, Arguments]:
        payload = _read(args["command"])
        carried = registry.get(payload["RequestType"])
        if carried is None or carried is cls or carried.name != carried.request_type:
            return None, {}
        return carried, carried.from_payload(payload)

    @classmethod
    def permission_for(cls, args: Arguments) -> str:
        carried, _ = cls.unwrap(args)
        return carried.permission if carried else CUSTOM_COMMAND

    @classmethod
    def shown(cls, args: Arguments) -> dict[str, Any]:
        payload = _read(args["command"])
        keys = {key: REDACTED for key in payload if key != "RequestType"}
        return {"command": {"RequestType": payload["RequestType"], **keys}}

    @classmethod
    def unavailable(cls, target: Target) -> Refusal | None:
        """What it carries decides, and that is not known without arguments."""
        return None

    @classmethod
    def refusal(cls, target: Target, args: Arguments) -> Refusal | None:
        carried, inner = cls.unwrap(args)
        if carried is None:
            return None
        try:
            checked = carried.load(inner)
        except ma.ValidationError as error:
            field, why = first_fault(error)
            return Refusal("command", f"{carried.request_type}: {field}: {why}")
        if refusal := carried.refusal(target, checked):
            return Refusal("command", refusal.why)
        return None

    @classmethod
    def supersedes_key(cls, args: Arguments) -> str | None:
        carried, inner = cls._checked(args)
        return carried.supersedes_key(inner) if carried else None

    @classmethod
    def payload(cls, args: Arguments, material: Material) -> dict[str, Any]:
        return _read(args["command"])

    @classmethod
    def answered(cls, args: Arguments, answer: Answer) -> list[Effect]:
        carried, inner = cls._checked(args)
        return carried.answered(inner, answer) if carried else []

    @classmethod
    def _checked(cls, args: Arguments) -> tuple[type[Command] | None, Arguments]:
        """Like `unwrap`, with nothing carried if its arguments are not (or no longer) valid."""
        carried, inner = cls.unwrap(args)
        try:
            return carried, carried.load(inner) if carried else {}
        except ma.ValidationError:
            return None, {}


def _read(text: str) -> dict[str, Any]:
    """The Command dictionary; a whole command with its CommandUUID around it is taken too."""
    try:
        found = plist.load_dict(text.strip().encode())
        inner = found.get("Command")
        payload = inner if isinstance(inner, dict) and "RequestType" not in found else found
        request_type = payload.get("RequestType")
        plist.dumps(payload)
    except (ProtocolError, UnicodeEncodeError) as error:
        raise ma.ValidationError(str(error)) from None
    if not isinstance(request_type, str) or not 0 < len(request_type) <= 64:
        raise ma.ValidationError("RequestType is missing.")
    if len(text) > 1024 * 1024:
        raise ma.ValidationError("A command may have 1 MB.")
    return payload
