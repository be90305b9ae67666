"""What does not get out: webhooks that take nothing or were given up on, and our own mails."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.db import session
from zmdm_plugin.models import AlertNotice, Webhook, WebhookDelivery
from zmdm_plugin.services.alerts.condition import Condition
from zmdm_plugin.state import state

KINDS = frozenset({"webhook.failing", "webhook.given_up", "mail.failing"})
_TRIES = 3
"""Of a mail, before it is an alert: mail servers have bad minutes."""
_N, _W = AlertNotice, Webhook


def look(*, now: datetime) -> Iterator[Condition]:
    """Webhooks are few; deliveries that were given up are counted along their own index."""
    dead = _given_up()
    for hook in session().scalars(sa.select(_W).where(_W.enabled.is_(True))):
        if fails(hook, now=now):
            yield _about("webhook.failing", hook, error=hook.last_error or "no answer")
        if number := dead.get(hook.id):
            yield _about("webhook.given_up", hook, events=number)
    if (error := _mail_error()) is not None:
        yield Condition(kind="mail.failing", facts={"error": error})


def _about(kind: str, hook: Webhook, **facts: Any) -> Condition:
    return Condition(
        kind=kind, subject=str(hook.id), name=hook.name, facts={"id": hook.id, **facts}
    )


def fails(hook: Webhook, *, now: datetime) -> bool:
    """Whether it has refused or not answered for long, and not taken anything since."""
    if hook.last_error_at is None:
        return False
    good_at = hook.last_success_at or hook.created_at
    allowed = timedelta(hours=state().settings.alert_sync_hours)
    return good_at < hook.last_error_at and now - good_at > allowed


def _given_up() -> dict[int, int]:
    query = sa.select(WebhookDelivery.webhook_id, sa.func.count()).where(
        WebhookDelivery.dead_at.is_not(None)
    )
    rows = session().execute(query.group_by(WebhookDelivery.webhook_id))
    return {webhook_id: number for webhook_id, number in rows}


def _mail_error() -> str | None:
    """Of a mail that did not get out after some tries, or was given up."""
    if not state().settings.smtp_host:
        return None
    waits = sa.select(_N.error).where(_N.sent_at.is_(None), _N.attempts >= _TRIES)
    return session().scalar(waits.order_by(_N.due_at, _N.id).limit(1))
