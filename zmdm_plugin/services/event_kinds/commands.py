"""Events about commands and what devices answer."""

from __future__ import annotations

from zmdm_plugin.services.event_kinds.base import CHANNEL, kind, maybe_number, maybe_text, text

_UUID = text("CommandUUID.")
_NAME = text("Name of the command, e.g. DeviceInformation.")

KINDS = (
    kind(
        "command.sent",
        "Command sent",
        "The device was given it; once more for each delivery.",
        command=_UUID,
        name=_NAME,
    ),
    kind(
        "command.answered",
        "Command answered",
        "The device's answer was taken.",
        command=_UUID,
        name=_NAME,
        status=text("The device's own word: Acknowledged, Error, CommandFormatError."),
        state=text("What the command is now."),
        error_domain=maybe_text("Of the first link of an ErrorChain."),
        error_code=maybe_number("Of the same."),
    ),
    kind(
        "command.failed",
        "Command could not be sent",
        "It could not be made for delivery; the device has not seen it.",
        command=_UUID,
        name=_NAME,
        why=text("The reason."),
    ),
    kind(
        "command.lost",
        "Command without an answer",
        "It expired, or nobody knows what became of it.",
        command=_UUID,
        name=_NAME,
        state=text("expired or unknown."),
    ),
    kind(
        "command.cancelled", "Command cancelled", "Taken back in time.", command=_UUID, name=_NAME
    ),
    kind(
        "command.note",
        "Note on a command",
        "Where the bare status would mislead.",
        channel=CHANNEL,
        command=_UUID,
        text=text("A sentence."),
    ),
    kind(
        "answer.unreadable",
        "Answer could not be read",
        "A part of an answer is missing or of the wrong type; it is kept.",
        channel=CHANNEL,
        command=_UUID,
        key=text("The key in the answer."),
    ),
    kind(
        "answer.unplaced",
        "Answer could not be placed",
        "A message that belongs to nothing that we know; it is kept.",
        reason=text("The reason."),
    ),
    kind(
        "status.error",
        "Device could not report a status item",
        "From a status report of Declarative Management.",
        channel=CHANNEL,
        item=text("The status item."),
        why=maybe_text("The device's reasons."),
    ),
    kind(
        "push.token_dead",
        "Push token is dead",
        "Apple says that the token is no longer valid: the device cannot be woken.",
        reason=text("APNs' reason."),
    ),
    kind(
        "push.token_refused",
        "Push token refused",
        "Apple does not take this token under this certificate.",
        reason=text("APNs' reason."),
    ),
)
