"""One connection to ServerURL: Idle, then command and answer until the server has no more.

What a device does with the server's status: 2xx accepts its answer; 401, 410 and 403
"unrecognized device" make it remove the MDM profile; anything else (or no answer) makes it keep the
answer and send the same bytes again next time, instead of Idle.
"""

from __future__ import annotations

import plistlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from xml.parsers.expat import ExpatError

import httpx

from zmdm_simulator import answers, checkins
from zmdm_simulator.answers.replies import Reply, failed, malformed, not_now
from zmdm_simulator.channel import Channel
from zmdm_simulator.declarative.talk import Sync
from zmdm_simulator.pki import Identity
from zmdm_simulator.script import IDLE, Do, Rule
from zmdm_simulator.wire import dumps, unenrolls

if TYPE_CHECKING:
    from zmdm_simulator.device import SimulatedDevice

# A server that never runs out of commands is broken, and the test should end.
MOST_COMMANDS = 500
HANGS_UP = frozenset({Do.SILENT, Do.REBOOT})


@dataclass(frozen=True, slots=True)
class Handled:
    """One command, and what the device answered (or tried to: see `Conversation.unfinished`)."""

    uuid: str
    request_type: str
    command: Mapping[str, Any]
    status: str
    answer: Mapping[str, Any]


@dataclass
class Conversation(list[Handled]):
    """The commands of one connection, in order, and how it ended."""

    statuses: list[int] = field(default_factory=list)  # HTTP statuses, 0 for no answer
    unfinished: bool = False  # the server did not accept something; it will be sent again
    silent: bool = False  # the device is off, rebooting, or was scripted to say nothing
    left: bool = False  # the server made the device leave
    sync: Sync | None = None  # what followed for the declarations
    polls_again: bool = False  # NotNow was its last word, so it comes back by itself

    @property
    def request_types(self) -> list[str]:
        """The commands' request types, in order."""
        return [handled.request_type for handled in self]

    def answer_to(self, request_type: str) -> Mapping[str, Any]:
        """Return the answer to the first command of a type; KeyError if there was none."""
        for handled in self:
            if handled.request_type == request_type:
                return handled.answer
        raise KeyError(request_type)


def idle(device: SimulatedDevice, channel: Channel) -> bytes:
    """Return the body that begins a conversation."""
    return dumps({"Status": "Idle", **checkins.who(device, channel)})


def converse(device: SimulatedDevice, channel: Channel) -> Conversation:
    """Hold one conversation on a channel."""
    talk = Conversation()
    if channel.unaccepted is None:
        channel.notnow_last = False
    body = channel.unaccepted or idle(device, channel)
    rule = device.script.choose(device.facts, IDLE, channel.kind)
    while len(talk) < MOST_COMMANDS:
        if _hangs_up(device, rule):
            talk.silent = True
            break
        response = _exchange(device, channel, body, rule, talk)
        if response is None or not _accepted(device, channel, response, talk):
            break
        after, channel.unaccepted, channel.after = channel.after, None, None
        if after is not None:
            device.perform(after)
        if not response.content or not device.reachable:
            break
        body, rule = _answer(device, channel, _read(response.content), talk)
    talk.polls_again = channel.notnow_last and not talk.left
    return talk


def _hangs_up(device: SimulatedDevice, rule: Rule | None) -> bool:
    if rule is None or rule.do not in HANGS_UP:
        return False
    if rule.do is Do.REBOOT:
        device.go_silent(rule.seconds)
    return True


def _exchange(
    device: SimulatedDevice, channel: Channel, body: bytes, rule: Rule | None, talk: Conversation
) -> httpx.Response | None:
    """Send a body; None if no reply was read, so that the body must be sent again."""
    do = rule.do if rule else None
    if do is Do.DELAY and rule:
        device.sleep(rule.seconds)
    try:
        if do is Do.LOSE_REPLY:
            device.wire.send_and_hang_up(body)
            talk.statuses.append(0)
            talk.unfinished = True
            return None
        if do is Do.DUPLICATE:
            device.wire.connect(body)
        response = device.wire.connect(body, identity=_identity(device, do))
    except httpx.TransportError:
        talk.statuses.append(0)
        talk.unfinished = True
        return None
    talk.statuses.append(response.status_code)
    return response


def _identity(device: SimulatedDevice, do: Do | None) -> Identity | None:
    """Return the identity that a fault puts in place of the device's own."""
    if do is Do.OLD_IDENTITY:
        return device.former_identity
    if do is Do.NEIGHBOUR:
        return device.neighbour.identity if device.neighbour else None
    if do in {Do.STRANGER, Do.EXPIRED}:
        return device.stranger(expired=do is Do.EXPIRED)
    return None


def _accepted(
    device: SimulatedDevice, channel: Channel, response: httpx.Response, talk: Conversation
) -> bool:
    """Tell whether the server took the body; leave if it says so."""
    if 200 <= response.status_code < 300:
        return True
    if response.status_code == 410 and channel.user is not None:
        channel.declined = True
    elif unenrolls(response, device):
        talk.left = True
        device.forget(f"the server answered {response.status_code}")
    else:
        talk.unfinished = True
    return False


def _read(content: bytes) -> dict[str, Any]:
    try:
        command = plistlib.loads(content)
    except (ValueError, ExpatError, plistlib.InvalidFileException):
        return {}
    return command if isinstance(command, dict) else {}


def _answer(
    device: SimulatedDevice, channel: Channel, command: dict[str, Any], talk: Conversation
) -> tuple[bytes, Rule | None]:
    """Carry out a command (or fail to, as scripted) and write the answer.

    A device that is about to hang up carries nothing out.
    """
    inner = command.get("Command")
    inner = inner if isinstance(inner, dict) else {}
    request_type, uuid = str(inner.get("RequestType", "")), command.get("CommandUUID", "")
    rule = device.script.choose(device.facts, request_type, channel.kind)
    if rule is not None and rule.do in HANGS_UP:
        return b"", rule
    reply = _scripted(rule) or answers.answer(device, channel, inner)
    body = {"Status": reply.status, **checkins.who(device, channel), "CommandUUID": uuid}
    body |= reply.body
    if reply.error_chain:
        body["ErrorChain"] = list(reply.error_chain)
    if not uuid:
        del body["CommandUUID"]
    channel.notnow_last = reply.status == "NotNow"
    written = dumps(body)
    channel.last_answer = channel.unaccepted = written
    channel.after = reply.after
    talk.append(Handled(uuid, request_type, inner, reply.status, body))
    device.tell(f"{request_type} {reply.status}")
    if rule is not None and rule.do is Do.LOSE_ANSWER:
        channel.unaccepted = channel.after = None
        return b"", Rule(Do.SILENT)
    return written, rule


def _scripted(rule: Rule | None) -> Reply | None:
    if rule is None:
        return None
    if rule.do is Do.NOTNOW:
        return not_now()
    if rule.do is Do.ERROR:
        return failed(rule.code, rule.description, domain=rule.domain)
    if rule.do is Do.FORGET:
        return Reply()
    return malformed() if rule.do is Do.FORMAT_ERROR else None
