"""Check-in messages: what a device says about itself, as frozen values.

Apple: https://developer.apple.com/documentation/devicemanagement/check-in
`parse()` looks the MessageType up in PARSERS; the replies a message may get stand at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from zmdm_plugin.errors import ProtocolError
from zmdm_plugin.protocol import fields, plist, who
from zmdm_plugin.protocol.fields import FieldError
from zmdm_plugin.protocol.who import SHARED_IPAD_USER_ID, ChannelKind, Who

__all__ = [
    "PARSERS",
    "SHARED_IPAD_USER_ID",
    "Authenticate",
    "ChannelKind",
    "CheckOut",
    "CheckinMessage",
    "DeclarativeManagement",
    "GetBootstrapToken",
    "GetToken",
    "ReturnToService",
    "SetBootstrapToken",
    "TokenUpdate",
    "UnknownMessage",
    "UserAuthenticate",
    "Who",
    "parse",
]


class UnknownMessage(ProtocolError):
    """A MessageType that this server has no parser for."""

    def __init__(self, message_type: str) -> None:
        self.message_type = message_type
        super().__init__(f"MessageType {message_type!r} is not known.")


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckinMessage:
    """What every check-in has: who sends it."""

    message_type: ClassVar[str] = ""
    who: Who


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticate(CheckinMessage):
    """A device asks to enroll (or presents a renewed identity).

    In a user enrollment nothing that names the hardware is read, should it be there.

    https://developer.apple.com/documentation/devicemanagement/authenticate-request
    """

    message_type: ClassVar[str] = "Authenticate"
    topic: str
    device_name: str | None = None
    model: str | None = None
    model_name: str | None = None
    product_name: str | None = None
    os_version: str | None = None
    build_version: str | None = None
    serial_number: str | None = None
    imei: str | None = None
    meid: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenUpdate(CheckinMessage):
    """How a channel is pushed; the first one ends the enrollment.

    `unlock_token` None means keep the one we have; `awaiting_configuration` None: not said.
    https://developer.apple.com/documentation/devicemanagement/tokenupdaterequest
    """

    message_type: ClassVar[str] = "TokenUpdate"
    topic: str
    token: bytes
    push_magic: str
    unlock_token: bytes | None = field(default=None, repr=False)
    awaiting_configuration: bool | None = None
    not_on_console: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOut(CheckinMessage):
    """The profile was removed; best effort, sent once.

    https://developer.apple.com/documentation/devicemanagement/checkoutrequest
    """

    message_type: ClassVar[str] = "CheckOut"
    topic: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetBootstrapToken(CheckinMessage):
    """A Mac escrows its bootstrap token; None means remove the one we have.

    https://developer.apple.com/documentation/devicemanagement/setbootstraptokenrequest
    """

    message_type: ClassVar[str] = "SetBootstrapToken"
    bootstrap_token: bytes | None = field(default=None, repr=False)
    awaiting_configuration: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GetBootstrapToken(CheckinMessage):
    """A Mac asks for its bootstrap token back.

    https://developer.apple.com/documentation/devicemanagement/getbootstraptokenrequest
    """

    message_type: ClassVar[str] = "GetBootstrapToken"
    awaiting_configuration: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UserAuthenticate(CheckinMessage):
    """A network user logs in to a Mac; the second pass brings a digest response.

    https://developer.apple.com/documentation/devicemanagement/userauthenticaterequest
    """

    message_type: ClassVar[str] = "UserAuthenticate"
    digest_response: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclarativeManagement(CheckinMessage):
    """Declarations: `endpoint` is a path, `data` the JSON of a status report.

    https://developer.apple.com/documentation/devicemanagement/declarativemanagementrequest
    """

    message_type: ClassVar[str] = "DeclarativeManagement"
    endpoint: str
    data: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class GetToken(CheckinMessage):
    """A device asks for a token of a service, e.g. com.apple.maid.

    https://developer.apple.com/documentation/devicemanagement/gettokenrequest
    """

    message_type: ClassVar[str] = "GetToken"
    service_type: str
    security_token: str | None = field(default=None, repr=False)
    phone_udid: str | None = None
    watch_udid: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnToService(CheckinMessage):
    """A device that is being reset asks how to come back (OS 26)."""

    message_type: ClassVar[str] = "ReturnToService"


def _authenticate(body: Mapping[str, Any], sender: Who) -> Authenticate:
    if sender.kind is ChannelKind.USER:
        raise FieldError("UserID", "has no place in Authenticate: only devices enroll")
    hardware = {} if sender.user_enrollment else body
    return Authenticate(
        who=sender,
        topic=fields.required_text(body, "Topic"),
        device_name=fields.name(body, "DeviceName"),
        model=fields.name(body, "Model"),
        model_name=fields.name(body, "ModelName"),
        product_name=fields.name(body, "ProductName"),
        os_version=fields.text(body, "OSVersion", 64),
        build_version=fields.text(body, "BuildVersion", 64),
        serial_number=fields.text(hardware, "SerialNumber", 64),
        imei=fields.text(hardware, "IMEI", 64),
        meid=fields.text(hardware, "MEID", 64),
    )


def _token_update(body: Mapping[str, Any], sender: Who) -> TokenUpdate:
    return TokenUpdate(
        who=sender,
        topic=fields.required_text(body, "Topic"),
        token=fields.required_data(body, "Token", fields.MAX_TOKEN),
        push_magic=fields.required_text(body, "PushMagic"),
        unlock_token=fields.data(body, "UnlockToken"),
        awaiting_configuration=fields.flag(body, "AwaitingConfiguration"),
        not_on_console=fields.flag(body, "NotOnConsole"),
    )


def _check_out(body: Mapping[str, Any], sender: Who) -> CheckOut:
    return CheckOut(who=sender, topic=fields.text(body, "Topic"))


def _set_bootstrap_token(body: Mapping[str, Any], sender: Who) -> SetBootstrapToken:
    return SetBootstrapToken(
        who=sender,
        bootstrap_token=fields.data(body, "BootstrapToken"),
        awaiting_configuration=fields.flag(body, "AwaitingConfiguration"),
    )


def _get_bootstrap_token(body: Mapping[str, Any], sender: Who) -> GetBootstrapToken:
    return GetBootstrapToken(
        who=sender, awaiting_configuration=fields.flag(body, "AwaitingConfiguration")
    )


def _user_authenticate(body: Mapping[str, Any], sender: Who) -> UserAuthenticate:
    if sender.kind is not ChannelKind.USER:
        raise FieldError("UserID", "is missing")
    return UserAuthenticate(
        who=sender, digest_response=fields.text(body, "DigestResponse", fields.MAX_DATA)
    )


def _declarative_management(body: Mapping[str, Any], sender: Who) -> DeclarativeManagement:
    endpoint = fields.required_text(body, "Endpoint", 512)
    return DeclarativeManagement(who=sender, endpoint=endpoint, data=_report(body.get("Data")))


def _report(given: Any) -> bytes | None:
    """The Data, whatever it is: a report that is none is kept by its reader, never refused."""
    return given if given is None or isinstance(given, bytes) else plist.dumps({"Data": given})


def _get_token(body: Mapping[str, Any], sender: Who) -> GetToken:
    parameters = fields.mapping(body, "TokenParameters")
    return GetToken(
        who=sender,
        service_type=fields.required_text(body, "TokenServiceType"),
        security_token=fields.text(parameters, "SecurityToken", 4096),
        phone_udid=fields.text(parameters, "PhoneUDID"),
        watch_udid=fields.text(parameters, "WatchUDID"),
    )


def _return_to_service(_body: Mapping[str, Any], sender: Who) -> ReturnToService:
    return ReturnToService(who=sender)


PARSERS: dict[str, Callable[[Mapping[str, Any], Who], CheckinMessage]] = {
    "Authenticate": _authenticate,
    "CheckOut": _check_out,
    "DeclarativeManagement": _declarative_management,
    "GetBootstrapToken": _get_bootstrap_token,
    "GetToken": _get_token,
    "ReturnToService": _return_to_service,
    "SetBootstrapToken": _set_bootstrap_token,
    "TokenUpdate": _token_update,
    "UserAuthenticate": _user_authenticate,
}


def parse(body: bytes | Mapping[str, Any]) -> CheckinMessage:
    """Read a check-in; UnknownMessage for a type without parser, else FieldError with its key."""
    message = plist.load_dict(body) if isinstance(body, bytes) else body
    message_type = fields.required_text(message, "MessageType")
    if (parser := PARSERS.get(message_type)) is None:
        raise UnknownMessage(message_type)
    return parser(message, who.read(message))


def bootstrap_token_reply(token: bytes | None) -> bytes:
    """The answer to GetBootstrapToken; an empty body says that there is none."""
    return plist.dumps({"BootstrapToken": token}) if token else b""


def digest_challenge_reply(challenge: str = "") -> bytes:
    """The answer to a first UserAuthenticate; an empty challenge asks for no password."""
    return plist.dumps({"DigestChallenge": challenge})


def auth_token_reply(token: str) -> bytes:
    """The answer to a second UserAuthenticate; an empty token says that the password is wrong."""
    return plist.dumps({"AuthToken": token})


def token_reply(token: bytes) -> bytes:
    """The answer to GetToken."""
    return plist.dumps({"TokenData": token})


def return_to_service(
    *,
    enabled: bool,
    wifi_profile: bytes | None = None,
    mdm_profile: bytes | None = None,
    bootstrap_token: bytes | None = None,
    retry: bool | None = None,
) -> dict[str, Any]:
    """How to come back, as EraseDevice and the answer to ReturnToService say it; None says nothing.

    The bootstrap token keeps the apps (OS 26); `retry`: enroll again should it fail (OS 27).
    """
    settings = {
        "Enabled": enabled,
        "WiFiProfileData": wifi_profile,
        "MDMProfileData": mdm_profile,
        "BootstrapToken": bootstrap_token,
        "ShouldRetryEnrollment": retry or None,
    }
    return {key: value for key, value in settings.items() if value is not None}


def return_to_service_reply(*, preserve_data_plan: bool | None = None, **settings: Any) -> bytes:
    """The answer to ReturnToService; `settings` as in `return_to_service`.

    `preserve_data_plan`: keep the eSIM (OS 26.4); None says nothing.
    """
    plan = {} if preserve_data_plan is None else {"PreserveDataPlan": preserve_data_plan}
    return plist.dumps({**plan, "ReturnToService": return_to_service(**settings)})
