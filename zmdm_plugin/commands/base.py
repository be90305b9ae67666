"""What an MDM command is, and the registry of all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, TypeVar

import marshmallow as ma

from zmdm_plugin.commands.effects import Effect
from zmdm_plugin.commands.target import Refusal, Target
from zmdm_plugin.errors import Refused
from zmdm_plugin.protocol.connect import Answer, Status
from zmdm_plugin.protocol.platform import AccessRights, Platform
from zmdm_plugin.protocol.who import ChannelKind

#: Loaded arguments of a command, by field name.
Arguments = Mapping[str, Any]
#: What services load for `needs`, by name.
Material = Mapping[str, Any]

#: Holders may send every registered command; the endpoints of mission.md ask for it.
ANY_COMMAND = "mdm.add_devicecommand"
#: Needed to send a RequestType that has no file here.
CUSTOM_COMMAND = "mdm.add_customcommand"

DEVICE = frozenset({ChannelKind.DEVICE})
BOTH = frozenset(ChannelKind)
EVERYWHERE = frozenset(Platform)
MOBILE = frozenset({Platform.IOS, Platform.IPADOS})
#: First versions of what MDM could do as soon as a platform had it.
FROM_THE_START = {
    Platform.IOS: "4.0",
    Platform.MACOS: "10.7",
    Platform.TVOS: "9.0",
    Platform.VISIONOS: "1.1",
    Platform.WATCHOS: "10.0",
}
REDACTED = "<redacted>"

CommandType = TypeVar("CommandType", bound="type[Command]")


class Command:
    """One RequestType. A subclass declares; only what is particular to it needs a method."""

    request_type: ClassVar[str] = ""
    #: The registry's key: the RequestType, but for commands of ours that borrow one.
    name: ClassVar[str] = ""
    #: `mdm.add_devicecommand.<name>`: implied by `mdm.add_devicecommand`.
    permission: ClassVar[str] = ""
    #: Whether people and programs may order it; otherwise only the planner does.
    manual: ClassVar[bool] = True

    Args: ClassVar[type[ma.Schema]] = ma.Schema
    #: Argument -> Apple's key. A command that needs more overrides `payload`.
    keys: ClassVar[Mapping[str, str]] = {}
    #: Arguments that are sealed where stored, and shown nowhere.
    secret: ClassVar[frozenset[str]] = frozenset()
    #: Argument -> kind in the vault, where it is kept from before delivery on, for people to read.
    escrow: ClassVar[Mapping[str, str]] = {}
    #: Names of what services load before `payload()`.
    needs: ClassVar[tuple[str, ...]] = ()

    #: Delivered before everything else that waits.
    fast_lane: ClassVar[bool] = False
    #: False: delivered and unanswered it is "unknown", and only a person sends it again.
    repeat: ClassVar[bool] = True

    #: First OS version by platform (iOS says it for iPadOS); a platform left out does not have it.
    min_os: ClassVar[dict[Platform, str]] = {}
    #: The same for arguments: refused where they are given and the OS would not understand.
    args_min_os: ClassVar[Mapping[str, dict[Platform, str]]] = {}
    #: Channels by platform; the device channel where nothing is said.
    channels: ClassVar[Mapping[Platform, frozenset[ChannelKind]]] = {}
    supervised_on: ClassVar[frozenset[Platform]] = frozenset()
    user_enrollment_on: ClassVar[frozenset[Platform]] = EVERYWHERE
    access_right: ClassVar[AccessRights] = AccessRights(0)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" not in cls.__dict__:
            cls.name = cls.request_type
        cls.permission = f"{ANY_COMMAND}.{cls.name}"
        if "Args" not in cls.__dict__:
            cls.Args = type("Args", (ma.Schema,), {})
        # OpenAPI names schemas by their class, and sixty are called Args.
        cls.Args.__name__ = cls.Args.__qualname__ = f"{cls.name}Args"

    # Arguments

    @classmethod
    def load(cls, data: Mapping[str, Any]) -> dict[str, Any]:
        """Check what a person or a program sent; marshmallow's ValidationError names the fields."""
        loaded: dict[str, Any] = cls.Args().load(data, unknown=ma.RAISE)
        return loaded

    @classmethod
    def store(cls, args: Arguments) -> dict[str, Any]:
        """Arguments for a JSON column; the caller seals those in `secret`."""
        stored: dict[str, Any] = cls.Args().dump(args)
        return stored

    @classmethod
    def restore(cls, stored: Mapping[str, Any]) -> dict[str, Any]:
        """Stored arguments, checked again: fields that no longer exist are passed over.

        Refused if a later release would not take them any more.
        """
        try:
            loaded: dict[str, Any] = cls.Args().load(stored, unknown=ma.EXCLUDE)
        except ma.ValidationError as error:
            raise Refused(*first_fault(error)) from None
        return loaded

    @classmethod
    def shown(cls, args: Arguments) -> dict[str, Any]:
        """Arguments for lists and the audit: secrets are hidden, also when they are wrong."""
        return {
            key: REDACTED if key in cls.secret else value for key, value in cls.store(args).items()
        }

    @classmethod
    def unwrap(cls, args: Arguments) -> tuple[type[Command] | None, Arguments]:
        """The command whose permission and behaviour count; only Custom carries another one."""
        return cls, args

    @classmethod
    def permission_for(cls, args: Arguments) -> str:
        """The permission that this very order asks for."""
        return cls.permission

    @classmethod
    def wire_type(cls, args: Arguments) -> str:
        """The RequestType that the device will see."""
        return cls.request_type

    # Refusal

    @classmethod
    def unavailable(cls, target: Target) -> Refusal | None:
        """Why this command makes no sense for a channel, whatever its arguments."""
        for rule in (_not_on_platform, _not_on_channel, _not_in_enrollment, _not_supervised):
            if why := rule(cls, target):
                return Refusal("", why)
        if not target.has(cls.access_right):
            right = (cls.access_right.name or "").lower().replace("_", " ")
            return Refusal("", f"The enrollment profile does not grant the right “{right}”.")
        return None

    @classmethod
    def refusal(cls, target: Target, args: Arguments) -> Refusal | None:
        """Why this order cannot be carried out; None if it can."""
        if refusal := cls.unavailable(target):
            return refusal
        for field, since in cls.args_min_os.items():
            if args.get(field) and not target.knows(since):
                return Refusal(field, f"{target.label} does not know this.")
        return cls.refuse(target, args)

    @classmethod
    def refuse(cls, target: Target, args: Arguments) -> Refusal | None:
        """What is particular to this command."""
        return None

    # Delivery and answer

    @classmethod
    def supersedes_key(cls, args: Arguments) -> str | None:
        """A newer command with the same key replaces an older one that has not been answered."""
        return None

    @classmethod
    def payload(cls, args: Arguments, material: Material) -> dict[str, Any]:
        """The Command dictionary, made when it is delivered."""
        given = {key: args.get(field) for field, key in cls.keys.items()}
        kept = {key: value for key, value in given.items() if value not in (None, False, [], "")}
        return {"RequestType": cls.request_type, **kept}

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments that a hand-written Command dictionary amounts to, not yet checked."""
        return {field: payload[key] for field, key in cls.keys.items() if key in payload}

    @classmethod
    def answered(cls, args: Arguments, answer: Answer) -> list[Effect]:
        """What a final answer means; junk in it loses only itself."""
        if answer.status is Status.ACKNOWLEDGED:
            return cls.acknowledged(args, answer)
        if answer.status in (Status.ERROR, Status.COMMAND_FORMAT_ERROR):
            return cls.failed(args, answer)
        return []

    @classmethod
    def acknowledged(cls, args: Arguments, answer: Answer) -> list[Effect]:
        return []

    @classmethod
    def failed(cls, args: Arguments, answer: Answer) -> list[Effect]:
        return []


def first_fault(error: ma.ValidationError) -> tuple[str, str]:
    """The first field at fault and its reason: marshmallow nests dictionaries and lists."""
    field, found = "", error.messages
    while isinstance(found, Mapping | list) and found:
        if isinstance(found, Mapping):
            name, found = next(iter(found.items()))
            field = field or str(name)
        else:
            found = found[0]
    return field, str(found)


def why_failed(answer: Answer) -> str:
    """An error chain as one text for people."""
    return " / ".join(item.text for item in answer.error_chain) or f"{answer.status} without reason"


def _not_on_platform(command: type[Command], target: Target) -> str | None:
    if target.knows(command.min_os):
        return None
    minimum = command.min_os.get(target.family) if target.family else None
    since = f" before {target.platform} {minimum}" if minimum else ""
    return f"{command.request_type} does not exist on {target.platform}{since}."


def _not_on_channel(command: type[Command], target: Target) -> str | None:
    if target.platform is None:
        return None
    if target.channel in command.channels.get(target.platform, DEVICE):
        return None
    return f"{command.request_type} does not exist on the {target.channel} channel."


def _not_in_enrollment(command: type[Command], target: Target) -> str | None:
    if not target.user_enrollment or target.platform in command.user_enrollment_on:
        return None
    return f"{command.request_type} does not exist in user enrollments."


def _not_supervised(command: type[Command], target: Target) -> str | None:
    if target.supervised or target.platform not in command.supervised_on:
        return None
    return f"{command.request_type} needs a supervised device; this one has not said that it is."


class Registry:
    """All commands by name. Two with one name are a mistake that stops the program."""

    def __init__(self) -> None:
        self._commands: dict[str, type[Command]] = {}

    def add(self, command: CommandType) -> CommandType:
        """Register a command; used as a decorator."""
        if not command.request_type:
            raise TypeError(f"{command.__name__} has no request_type.")
        if command.name in self._commands:
            raise ValueError(f"Two commands are called {command.name}.")
        self._commands[command.name] = command
        return command

    def get(self, name: str) -> type[Command] | None:
        """The command of this name; None if there is none."""
        return self._commands.get(name)

    def __getitem__(self, name: str) -> type[Command]:
        return self._commands[name]

    def __contains__(self, name: object) -> bool:
        return name in self._commands

    def __iter__(self) -> Iterator[type[Command]]:
        """In the order of their names, so that menus and OpenAPI do not move about."""
        return iter(sorted(self._commands.values(), key=lambda command: command.name))

    def __len__(self) -> int:
        return len(self._commands)


registry = Registry()
