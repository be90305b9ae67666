"""What is only known by asking: the certificate that devices are shown, and the doctor's findings.

Loaded outside of any transaction, since it waits for the network. Where nothing answers, nothing is
known, and the alerts about it stay as they are: many servers cannot reach their own public address.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from zmdm_plugin.clients import probe
from zmdm_plugin.errors import ProtocolError
from zmdm_plugin.protocol import pem, x509
from zmdm_plugin.services.alerts.condition import Condition, Severity, ending
from zmdm_plugin.services.doctor import Finding
from zmdm_plugin.state import state

TLS = frozenset({"tls.expires", "tls.refused"})
DOCTOR = frozenset({"doctor"})


@dataclass(frozen=True, slots=True)
class Tls:
    """What was learnt of the server's own certificate."""

    not_before: datetime | None = None
    not_after: datetime | None = None
    refused: str = ""
    """Why a device would not take it."""


def ask() -> Tls | None:
    """Read the file that a setting names, else connect as a device would; None: not known.

    A private root is one that devices are handed in Setup Assistant, or nothing is known.
    """
    settings = state().settings
    if settings.alert_tls_file:
        return _read(settings.alert_tls_file)
    if settings.base_url.startswith("http:"):
        return Tls()
    return _shown(settings.base_url, "", *filter(None, [settings.ade_anchors]))


def _shown(url: str, *roots: str) -> Tls | None:
    """The first of these roots (PEM; empty: this machine's) that the certificate has says it."""
    for ca_pem in roots:
        try:
            seen = probe.shake_hands(url, ca_pem=ca_pem)
        except probe.Distrusted as error:
            if not error.own_root:
                return Tls(refused=str(error))
        except probe.Unreachable:
            return None
        else:
            return Tls(seen.not_before, seen.not_after)
    return None


def _read(path: str) -> Tls:
    try:
        facts = x509.facts(pem.certificates(Path(path).read_bytes())[0])
    except (OSError, ProtocolError, IndexError) as error:
        return Tls(refused=f"the file {path} cannot be read ({type(error).__name__})")
    return Tls(facts.not_before, facts.not_after)


def tls(known: Tls, *, now: datetime) -> Iterator[Condition]:
    """Whether it holds, and for how long."""
    name = state().settings.base_url.partition("://")[2]
    if known.refused:
        yield Condition(
            kind="tls.refused",
            name=name,
            severity=Severity.CRITICAL,
            facts={"error": known.refused},
        )
    elif known.not_after is not None:
        lives = known.not_after - known.not_before if known.not_before else None
        found = ending("tls.expires", name, known.not_after, now=now, subject="tls", lives=lives)
        if found is not None:
            yield found


def doctor(findings: Iterable[Finding]) -> Iterator[Condition]:
    """What the doctor calls broken, and no other kind tells of."""
    for one in findings:
        if one.is_alert:
            yield Condition(
                kind="doctor",
                subject=one.name,
                name=one.name,
                severity=Severity.CRITICAL,
                facts={"says": one.says, "do": one.do.replace("`", "")},
            )
