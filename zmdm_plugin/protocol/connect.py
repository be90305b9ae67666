"""The command channel: what a device answers, and the command it gets next.

Apple: https://developer.apple.com/documentation/devicemanagement/sending-mdm-commands-to-a-device
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from zmdm_plugin.errors import ProtocolError
from zmdm_plugin.protocol import checkin, fields, plist, who
from zmdm_plugin.protocol.checkin import CheckinMessage
from zmdm_plugin.protocol.fields import FieldError
from zmdm_plugin.protocol.who import Who


class Status(StrEnum):
    """What a device says about the command it was given; the last one is ours."""

    ACKNOWLEDGED = "Acknowledged"
    ERROR = "Error"
    COMMAND_FORMAT_ERROR = "CommandFormatError"
    IDLE = "Idle"
    NOT_NOW = "NotNow"
    #: An authenticated answer that we cannot read: kept raw, never refused.
    UNREADABLE = "Unreadable"


_STATUSES = {status.value: status for status in Status if status is not Status.UNREADABLE}


@dataclass(frozen=True, slots=True)
class ChainItem:
    """One error of an ErrorChain; codes are for people, Apple changes them."""

    code: int | None = None
    domain: str | None = None
    description: str | None = None
    us_description: str | None = None

    @property
    def text(self) -> str:
        """One line in English where the device gave it, e.g. `MCMDMErrorDomain 12021: …`."""
        said = self.us_description or self.description or ""
        return f"{self.domain or '?'} {self.code if self.code is not None else '?'}: {said}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One message on the command channel; `body` has all of its keys.

    `who` is None and `fault` says why only for an answer that could not be read.
    """

    who: Who | None
    status: Status
    command_uuid: str | None = None
    error_chain: tuple[ChainItem, ...] = ()
    need_sync_response: bool = False
    user_configuration: bool = False
    not_on_console: bool | None = None
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)
    raw: bytes = field(default=b"", repr=False)
    fault: str | None = None

    @property
    def idle(self) -> bool:
        return self.status is Status.IDLE

    @property
    def final(self) -> bool:
        """Whether this settles a command: all but Idle and NotNow do, also what we cannot read."""
        return self.status not in (Status.IDLE, Status.NOT_NOW)


def is_checkin(body: Mapping[str, Any]) -> bool:
    """Tell the two kinds of body apart, since a device without CheckInURL uses one URL for both."""
    return "MessageType" in body


def load(body: bytes) -> dict[str, Any]:
    """The dictionary of either kind of body, by the short path where it is an Idle one."""
    return plist.flat_strings(body) or plist.load_dict(body)


def parse_either(body: bytes) -> CheckinMessage | Answer:
    """Read a body of either kind."""
    message = load(body)
    return checkin.parse(message) if is_checkin(message) else parse(message)


def parse(body: bytes | Mapping[str, Any]) -> Answer:
    """Read a message of the command channel; ProtocolError names the key at fault."""
    message = load(body) if isinstance(body, bytes) else body
    status = _STATUSES.get(fields.required_text(message, "Status"))
    if status is None:
        raise FieldError("Status", "is none that Apple documents")
    uuid = fields.text(message, "CommandUUID")
    if uuid is None and status is not Status.IDLE:
        raise FieldError("CommandUUID", "is missing")
    return Answer(
        who=who.read(message),
        status=status,
        command_uuid=uuid,
        error_chain=error_chain(message.get("ErrorChain")),
        need_sync_response=message.get("NeedSyncResponse") is True,
        user_configuration=message.get("UserConfiguration") is True,
        not_on_console=_flag(message, "NotOnConsole"),
        body=message,
    )


def parse_leniently(body: bytes) -> Answer:
    """Read an *authenticated* answer; never raises, for the device would repeat it for ever."""
    try:
        return parse(body)
    except ProtocolError as error:
        fault = str(error)
    message = _salvage(body)
    uuid = message.get("CommandUUID")
    return Answer(
        who=who.read_leniently(message),
        status=_STATUSES.get(str(message.get("Status")), Status.UNREADABLE),
        command_uuid=uuid if isinstance(uuid, str) and uuid and len(uuid) <= 255 else None,
        error_chain=error_chain(message.get("ErrorChain")),
        need_sync_response=message.get("NeedSyncResponse") is True,
        user_configuration=message.get("UserConfiguration") is True,
        body=message,
        raw=body,
        fault=fault,
    )


def error_chain(value: Any) -> tuple[ChainItem, ...]:
    """Read an ErrorChain as far as it is one; junk in it loses no other item."""
    if not isinstance(value, list):
        return ()
    return tuple(_chain_item(item) for item in value[:32] if isinstance(item, dict))


def command(uuid: str, payload: Mapping[str, Any]) -> bytes:
    """A command as the device gets it; `payload` has the RequestType and its keys."""
    if not isinstance(payload.get("RequestType"), str):
        raise FieldError("RequestType", "is missing")
    return plist.dumps({"CommandUUID": uuid, "Command": payload})


def _chain_item(item: dict[str, Any]) -> ChainItem:
    code = item.get("ErrorCode")
    return ChainItem(
        code=code if isinstance(code, int) and not isinstance(code, bool) else None,
        domain=_shown(item, "ErrorDomain"),
        description=_shown(item, "LocalizedDescription"),
        us_description=_shown(item, "USEnglishDescription"),
    )


def _shown(item: Mapping[str, Any], key: str) -> str | None:
    value = item.get(key)
    return value[:4096] if isinstance(value, str) and value else None


def _flag(body: Mapping[str, Any], key: str) -> bool | None:
    value = body.get(key)
    return value if isinstance(value, bool) else None


_SALVAGED = re.compile(
    rb"<key>(Status|CommandUUID|UDID|EnrollmentID|UserID|EnrollmentUserID|UserShortName)</key>"
    rb"\s*<string>([!-%'-;=?-~]{1,255})</string>"
)


def _salvage(body: bytes) -> dict[str, Any]:
    """The dictionary if there is one, else the identifiers that stand readable in broken XML."""
    try:
        return plist.load_dict(body)
    except ProtocolError:
        pairs = _SALVAGED.findall(body)
    # The first of each counts: the same words inside a later, nested answer are not about it.
    return {key.decode("ascii"): value.decode("ascii") for key, value in reversed(pairs)}
