"""Why a command is not finished yet, in one sentence that an operator can act upon.

Pure: rows in, words out. The order of the questions is the order in which things can be stuck.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from zmdm_plugin.services.spans import ago, counted


@dataclass(frozen=True, slots=True)
class Waiting:
    """One outstanding command, its channel, how many stand before it, and its certificate."""

    command: Any
    channel: Any
    now: datetime
    ahead: int = 0
    resting: str = ""
    """Why nothing is pushed with the device's push certificate; empty if pushes go out."""

    def since(self, moment: datetime | None) -> str:
        return ago(moment, self.now)


def why(command: Any, channel: Any, now: datetime, *, ahead: int = 0, resting: str = "") -> str:
    """The sentence; empty for a finished command."""
    if command.finished_at is not None:
        return ""
    waiting = Waiting(command, channel, now, ahead, resting)
    said = next(sentence for question in _QUESTIONS if (sentence := question(waiting)))
    if command.expires_at and command.expires_at > now:
        said += f" It expires {ago(command.expires_at, now)}."
    return said


def _ended(waiting: Waiting) -> str:
    if waiting.channel.ended_at is None:
        return ""
    return "The channel has ended (checked out, blocked or enrolled anew): it will not be sent."


def _delivered(waiting: Waiting) -> str:
    command = waiting.command
    if command.state != "delivered":
        return ""
    times = (
        f", {counted(command.delivery_count, 'time')} in all" if command.delivery_count > 1 else ""
    )
    return f"Delivered {waiting.since(command.delivered_at)}{times}; the answer has not come yet."


def _put_off(waiting: Waiting) -> str:
    command = waiting.command
    if command.state != "not_now":
        return ""
    times = counted(command.not_now_count, "time")
    said = f"The device said NotNow {times}, first {waiting.since(command.not_now_at)}."
    again = min(
        filter(None, (waiting.channel.push_due_at, waiting.channel.plan_due_at)), default=None
    )
    if again and again > waiting.now:
        return f"{said} It is woken again {waiting.since(again)}."
    return f"{said} It gets it again when it next comes by."


def _held(waiting: Waiting) -> str:
    start = waiting.command.not_before
    if start is None or start <= waiting.now:
        return ""
    return f"Held back; it may be sent {waiting.since(start)}."


def _behind(waiting: Waiting) -> str:
    if not waiting.ahead:
        return ""
    return f"Waits behind {counted(waiting.ahead, 'other command')} of this channel."


def _unpushable(waiting: Waiting) -> str:
    channel = waiting.channel
    if channel.push_token is None:
        return (
            "We cannot wake the device: it has not sent a push token. It waits until it comes by."
        )
    if channel.push_dead_at:
        return (
            f"Apple said {waiting.since(channel.push_dead_at)} that the push token is no longer "
            "valid (410). It waits until the device comes by itself with a new one."
        )
    if channel.push_suspended_certificate_id:
        return (
            f"Apple refuses the push ({channel.push_reason}); tried again daily, "
            "and when the push certificate changes."
        )
    return ""


def _resting(waiting: Waiting) -> str:
    if waiting.channel.push_due_at is None:
        return ""
    return waiting.resting


def _not_pushed(waiting: Waiting) -> str:
    channel = waiting.channel
    due = channel.push_due_at
    if due is None:
        return ""
    if channel.push_attempts:
        reason = channel.push_reason or "the push service cannot be reached"
        tries = counted(channel.push_attempts, "attempt")
        return f"Not pushed: APNs said {reason} ({tries}); tried again {waiting.since(due)}."
    if due > waiting.now:
        return f"Not pushed yet; the push goes out {waiting.since(due)}."
    return f"Not pushed yet; due {waiting.since(due)}."


def _refused(waiting: Waiting) -> str:
    channel = waiting.channel
    if channel.push_status in (None, 200):
        return ""
    reason = channel.push_reason or f"status {channel.push_status}"
    return f"APNs refused the last push {waiting.since(channel.push_answered_at)}: {reason}."


def _pushed(waiting: Waiting) -> str:
    channel = waiting.channel
    if channel.pushed_at is None:
        return "Not pushed yet."
    pushed = f"Pushed {waiting.since(channel.pushed_at)}, APNs took it"
    if channel.last_seen_at is None or channel.last_seen_at < channel.pushed_at:
        return f"{pushed}; the device has not come by yet (asleep, off or without network)."
    return (
        f"{pushed}; the device polled {waiting.since(channel.last_seen_at)} and gets it next time."
    )


_QUESTIONS: tuple[Callable[[Waiting], str], ...] = (
    _ended,
    _delivered,
    _put_off,
    _held,
    _behind,
    _unpushable,
    _resting,
    _not_pushed,
    _refused,
    _pushed,
)
