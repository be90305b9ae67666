"""Settings of alerts: when one is raised, and the mail server that tells of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zmdm_plugin.config.parsers import LOOPBACK, choice, items, key, mailbox, number, pem_text, text


@dataclass(frozen=True, kw_only=True)
class Alerts:
    """Limits, and the way out."""

    smtp_host: str = key(text, "Mail server for alerts; empty: no mail is sent.", default="")
    smtp_port: int = key(number(1, 65535), "Its port.", default=587)
    smtp_security: str = key(
        choice("starttls", "tls", "none"),
        "How it is spoken to: `starttls` (587), `tls` from the first byte (465), or `none`.",
        default="starttls",
    )
    smtp_ca: str = key(pem_text, "PEM roots for the mail server; empty: the system's.", default="")
    smtp_user: str = key(text, "Name to sign in with at the mail server, if it asks.", default="")
    smtp_password: str = key(text, "Password of that name.", default="", secret=True)
    alert_from: str = key(
        mailbox, "Address that mails of alerts come from, e.g. `mdm@example.com`.", default=""
    )
    alert_to: tuple[str, ...] = key(
        lambda value: tuple(mailbox(item) for item in items(value)),
        "Addresses that are told of alerts by mail.",
        default=(),
    )
    alert_silence: int = key(
        number(90, 86400),
        "Seconds without a sign of life after which a worker or the scheduler counts as dead.",
        default=300,
    )
    alert_queue_minutes: int = key(
        number(1, 1440),
        "Minutes that work, a push or an event for a webhook may wait to be taken up.",
        default=15,
    )
    alert_sync_hours: int = key(
        number(1, 720),
        "Hours for which Apple, or a webhook's address, may refuse or not answer.",
        default=6,
    )
    alert_unreachable_days: int = key(
        number(1, 365), "Days after which an enrolled device that is not seen counts.", default=7
    )
    alert_unreachable_percent: int = key(
        number(0, 100),
        "Share of the enrolled devices that may be so before it is an alert; 0: never one.",
        default=20,
    )
    alert_dead_tokens: int = key(
        number(0, 100_000),
        "So many devices that cannot be woken (dead push token) are an alert; 0: never one.",
        default=10,
    )
    alert_tls_file: str = key(
        text,
        "File with this server's public certificate (PEM), read instead of connecting to "
        "`ZMDM_BASE_URL`.",
        default="",
    )


def contradictions(values: Mapping[str, Any]) -> list[str]:
    """What of these settings cannot be meant together."""
    given = {name: values.get(name) for name in ("smtp_host", "alert_from", "alert_to")}
    faults = []
    if any(given.values()) and not all(given.values()):
        faults.append("ZMDM_SMTP_HOST, ZMDM_ALERT_FROM and ZMDM_ALERT_TO go together")
    if bool(values.get("smtp_user")) != bool(values.get("smtp_password")):
        faults.append("ZMDM_SMTP_USER and ZMDM_SMTP_PASSWORD go together")
    in_the_clear = values.get("smtp_security") == "none" and values.get("smtp_user")
    if in_the_clear and values.get("smtp_host") not in LOOPBACK:
        faults.append("ZMDM_SMTP_SECURITY: `none` would send ZMDM_SMTP_PASSWORD in the clear")
    return faults
