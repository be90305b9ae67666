"""A notice as a mail, and the server that takes it."""

from __future__ import annotations

from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from urllib.parse import urlsplit

from zmdm_plugin.clients.mail import MailServer
from zmdm_plugin.config import Settings
from zmdm_plugin.services.alerts import kinds
from zmdm_plugin.services.alerts.notices import Letter, url
from zmdm_plugin.state import state

_BEGINS = {
    "opened": "{severity}",
    "worse": "{severity}, worse",
    "again": "{severity}, still so",
    "cleared": "Over",
}


def server(settings: Settings) -> MailServer:
    """The one that the settings name."""
    return MailServer(
        host=settings.smtp_host,
        port=settings.smtp_port,
        security=settings.smtp_security,
        ca_pem=settings.smtp_ca,
        user=settings.smtp_user,
        password=settings.smtp_password,
    )


def message(letter: Letter) -> EmailMessage:
    """The mail of a notice. Sent twice it has the same Message-ID; all mails about one alert are
    answers to the same first one, so that mail programs show them together."""
    kind = kinds.of(letter.kind)
    begins = _BEGINS[letter.what].format(severity=letter.severity.capitalize())
    about = f"{kind.title}: {letter.name}" if letter.name else kind.title
    mail = _addressed(f"{begins}: {about}", at=letter.at)
    mail["Message-ID"] = f"<{letter.uid}@{_domain()}>"
    thread = f"<alert-{letter.alert_uid}@{_domain()}>"
    mail["In-Reply-To"] = mail["References"] = thread
    mail.set_content("\n".join([*_body(letter, about), "", "-- ", state().settings.base_url]))
    return mail


def test_message(*, now: datetime, uid: str) -> EmailMessage:
    """What the button sends."""
    mail = _addressed("Test: mails of alerts arrive", at=now)
    mail["Message-ID"] = f"<{uid}@{_domain()}>"
    mail.set_content(
        "Somebody has asked for this test. Alerts will come the same way.\n\n"
        f"{state().settings.base_url}\n"
    )
    return mail


def _addressed(subject: str, *, at: datetime) -> EmailMessage:
    settings = state().settings
    mail = EmailMessage()
    whose = settings.organization or urlsplit(settings.base_url).hostname
    mail["Subject"] = " ".join(f"[{whose} MDM] {subject}".split())
    mail["From"] = settings.alert_from
    mail["To"] = ", ".join(settings.alert_to)
    mail["Date"] = format_datetime(at)
    mail["Auto-Submitted"] = "auto-generated"
    return mail


def _body(letter: Letter, about: str) -> list[str]:
    since = f"{letter.opened_at:%Y-%m-%d %H:%M} UTC"
    if letter.what == "cleared":
        return [f"{about}.", f"It was so since {since}, and is over.", "", url(letter.alert_id)]
    settings = state().settings
    path = kinds.path(letter.kind, letter.facts)
    return [
        f"{about}.",
        kinds.says(letter.kind, letter.facts),
        "",
        "What to do:",
        kinds.do(letter.kind, letter.facts),
        f"{settings.base_url}{settings.admin_url}/{path}",
        "",
        f"Since {since}. Acknowledge or snooze it:",
        url(letter.alert_id),
    ]


def _domain() -> str:
    return urlsplit(state().settings.base_url).hostname or "localhost"
