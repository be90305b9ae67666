"""Check-in: one handler per message, found in HANDLERS; answers are bytes for a 200.

Apple: https://developer.apple.com/documentation/devicemanagement/check-in
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zmdm_plugin.db import session
from zmdm_plugin.errors import IdentityError, ProtocolError
from zmdm_plugin.models import Channel, Device
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.protocol import checkin as wire
from zmdm_plugin.services import (
    admission,
    channels,
    claims,
    events,
    identity,
    release,
    replan,
    return_to_service,
    returning,
    unenroll,
    vault,
    wake,
)
from zmdm_plugin.services.account import maid
from zmdm_plugin.services.declarations import status, sync
from zmdm_plugin.services.identity import Evidence, Known
from zmdm_plugin.services.planner import plan_channel
from zmdm_plugin.services.setup import awaiting


class NotManaged(ProtocolError):
    """410 to UserAuthenticate: this user is not managed in this login session."""

    status = 410


def handle(evidence: Evidence, message: wire.CheckinMessage) -> bytes:
    """Take one check-in message; the edge holds the transaction."""
    return HANDLERS[type(message)](evidence, message)


def _authenticate(evidence: Evidence, message: wire.Authenticate) -> bytes:
    admission.authenticate(evidence, message)
    return b""


def _token_update(evidence: Evidence, message: wire.TokenUpdate) -> bytes:
    known = _enrolled(evidence, message)
    device = known.device
    if known.pending:
        if message.who.user_key:
            raise IdentityError("the device channel has to send its TokenUpdate first")
        admission.complete(device, known.identity)
    elif device.checkout_at is not None:
        if message.who.user_key:
            raise IdentityError("the device has checked out; its users are not managed")
        device.checkout_at = None
        returning.came_back(device)
        events.record("device.returned", device=device)
    channel = channels.ensure(device, message.who)
    first = channel.push_token is None
    _take_push(channel, message)
    before = replan.facts(device)
    if not message.who.user_key:
        _take_device_tokens(device, message)
    awaiting.said(channel, message.awaiting_configuration)
    session().flush()
    replan.if_facts_changed(device, before)
    claims.let_redeliver(channel.id)
    if first or message.awaiting_configuration:
        channel.plan_due_at = utcnow()
    wake.channel(channel)
    return b""


def _take_push(channel: Channel, message: wire.TokenUpdate) -> None:
    """Token and magic may change at any time; a dead or suspended token has a new chance."""
    channel.push_token, channel.push_magic = message.token, message.push_magic
    channel.push_token_at = utcnow()
    channel.push_dead_at = channel.push_suspended_certificate_id = None
    channel.push_attempts = 0
    channel.not_on_console = message.not_on_console
    channel.last_seen_at = utcnow()


def _take_device_tokens(device: Device, message: wire.TokenUpdate) -> None:
    """A missing UnlockToken keeps the one we have: it comes once, perhaps years ago."""
    if message.awaiting_configuration is not None:
        device.awaiting_configuration = message.awaiting_configuration
    if message.unlock_token:
        _take_token(device, vault.UNLOCK_TOKEN, message.unlock_token)


def _check_out(evidence: Evidence, message: wire.CheckOut) -> bytes:
    known = identity.require(evidence, message.who, lock=True)
    device, now = known.device, utcnow()
    if message.who.user_key:
        if (channel := channels.find(device, message.who, lock=True)) is not None:
            channel.ended_at = channel.ended_at or now
            channel.push_token = channel.push_magic = channel.push_due_at = None
            channel.plan_due_at = None
        return b""
    if device.checkout_at is None and not known.pending:
        unenroll.left(device, kind="device.checked_out")
    return b""


def _set_bootstrap_token(evidence: Evidence, message: wire.SetBootstrapToken) -> bytes:
    device = _enrolled(evidence, message).device
    if message.bootstrap_token:
        _take_token(device, vault.BOOTSTRAP_TOKEN, message.bootstrap_token)
    else:
        if device.bootstrap_token_escrowed:
            events.record("secret.cleared", device=device, secret=vault.BOOTSTRAP_TOKEN)
        vault.drop_token(device, vault.BOOTSTRAP_TOKEN)
    return b""


def _take_token(device: Device, kind: str, value: bytes) -> None:
    if vault.take_token(device, kind, value):
        events.record("secret.kept", device=device, secret=kind)


def _get_bootstrap_token(evidence: Evidence, message: wire.GetBootstrapToken) -> bytes:
    device = _enrolled(evidence, message).device
    if evidence.expired(utcnow()):
        raise IdentityError("this certificate has expired: it gets a new one, and nothing else")
    return wire.bootstrap_token_reply(vault.unseal(device, vault.BOOTSTRAP_TOKEN))


def _user_authenticate(evidence: Evidence, message: wire.UserAuthenticate) -> bytes:
    _enrolled(evidence, message)
    raise NotManaged("network users are not managed here")


def _declarative_management(evidence: Evidence, message: wire.DeclarativeManagement) -> bytes:
    """A fetch reads what was handed out before; everything else takes the channel's turn."""
    reads = message.endpoint.startswith(f"{sync.FETCH}/")
    known = identity.require(evidence, message.who, lock=not reads)
    release.unless_allowed(known.device, anew=known.pending)
    if evidence.expired(utcnow()) and message.endpoint != sync.STATUS:
        raise IdentityError("this certificate has expired: it gets a new one, and nothing else")
    return sync.answer(known, message, plan=plan_channel)


def keep_report(evidence: Evidence, message: wire.DeclarativeManagement) -> bytes:
    """A status report that we stumbled over: kept as it is, for it would come again for ever."""
    known = _enrolled(evidence, message)
    status.keep_raw(known.device, message.data, reason="status report: it could not be taken")
    return b""


def _get_token(evidence: Evidence, message: wire.GetToken) -> bytes:
    """A token of a service; only that for Managed Apple Accounts is ours to give."""
    device = _enrolled(evidence, message).device
    if evidence.expired(utcnow()):
        raise IdentityError("this certificate has expired: it gets a new one, and nothing else")
    if message.service_type != maid.SERVICE:
        raise ProtocolError(f"the service {message.service_type[:100]!r} is not offered here")
    return wire.token_reply(maid.token(device))


def _return_to_service(evidence: Evidence, message: wire.ReturnToService) -> bytes:
    """A device that its user resets, or that resets itself, asks how to come back."""
    device = _enrolled(evidence, message).device
    if evidence.expired(utcnow()):
        raise IdentityError("this certificate has expired: it gets a new one, and nothing else")
    return wire.return_to_service_reply(**return_to_service.on_reset(device))


HANDLERS: dict[type[wire.CheckinMessage], Callable[[Evidence, Any], bytes]] = {
    wire.Authenticate: _authenticate,
    wire.TokenUpdate: _token_update,
    wire.CheckOut: _check_out,
    wire.SetBootstrapToken: _set_bootstrap_token,
    wire.GetBootstrapToken: _get_bootstrap_token,
    wire.UserAuthenticate: _user_authenticate,
    wire.DeclarativeManagement: _declarative_management,
    wire.GetToken: _get_token,
    wire.ReturnToService: _return_to_service,
}


def _enrolled(evidence: Evidence, message: wire.CheckinMessage) -> Known:
    """The device of this message, unless it shall leave."""
    known = identity.require(evidence, message.who, lock=True)
    release.unless_allowed(known.device, anew=known.pending)
    return known
