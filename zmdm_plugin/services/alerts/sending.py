"""Who is told by mail, and a test of whether they are."""

from __future__ import annotations

from datetime import datetime

from zmdm_plugin.clients import mail
from zmdm_plugin.errors import Conflict
from zmdm_plugin.models.base import new_uid
from zmdm_plugin.services.alerts import mails
from zmdm_plugin.state import state


def recipients() -> list[str]:
    """Who is told of alerts by mail; nobody where no mail server is named."""
    settings = state().settings
    return list(settings.alert_to) if settings.smtp_host else []


def test(*, now: datetime) -> None:
    """Send a test to all of them, while somebody waits for it; Conflict says why it failed."""
    settings = state().settings
    if not settings.smtp_host:
        raise Conflict(
            "no mail server is named: set ZMDM_SMTP_HOST, ZMDM_ALERT_FROM and ZMDM_ALERT_TO"
        )
    message = mails.test_message(now=now, uid=new_uid())
    try:
        with mail.connected(mails.server(settings)) as connection:
            refused = connection.send(message)
    except mail.MailError as error:
        raise Conflict(str(error)) from error
    if refused:
        raise Conflict(refused)
