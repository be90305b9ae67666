"""Every kind of alert: its title, what it says, what to do, and the screen where that is done.

The one home of these words: screens, mails, webhooks, API and command line all take them here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from zmdm_plugin.services.spans import counted

Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """Words of one kind. `path` is below the admin screens; `{id}` comes from the facts."""

    title: str
    says: Callable[[Facts], str]
    do: str
    path: str
    by_mail: bool = True


def _ends(facts: Facts) -> str:
    day = datetime.fromisoformat(facts["ends"]).strftime("%Y-%m-%d")
    if facts["ended"]:
        return f"It ended on {day}."
    if facts["days"] == 0:
        return f"It ends on {day}, within a day."
    return f"It ends on {day}, in {counted(facts['days'], 'day')}."


def _silent(facts: Facts) -> str:
    if not facts.get("seen"):
        return "It has never been seen."
    moment = datetime.fromisoformat(facts["seen"])
    return f"Its last sign of life came at {moment:%Y-%m-%d %H:%M} UTC."


def _refused(facts: Facts) -> str:
    return f"The last answer: {_stop(facts['error'])}"


def _waits(what: str) -> Callable[[Facts], str]:
    return lambda facts: f"{what} for more than {counted(facts['minutes'], 'minute')}."


def _short(facts: Facts) -> str:
    names, apps = facts["names"], facts["apps"]
    more = f" and {counted(apps - len(names), 'other')}" if apps > len(names) else ""
    listed = ", ".join(names) + more
    return f"Devices wait because no licence is left of {counted(apps, 'app')}: {listed}."


def _unreachable(facts: Facts) -> str:
    silent, enrolled = counted(facts["silent"], "device"), f"{facts['enrolled']:,}"
    days = counted(facts["days"], "day")
    return f"{silent} of {enrolled} ({facts['percent']} %) have not been seen for {days}."


def _stop(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else text + "."


_SEE_WORKERS = "See that it runs, and what it logged last. Nothing is lost meanwhile."

KINDS: dict[str, Kind] = {
    "push_certificate.expires": Kind(
        title="Push certificate ends",
        says=_ends,
        do="Renew it in Apple's portal (Renew, never Create) with the same Apple Account, and "
        "upload the new one here. With another certificate every device has to enroll anew.",
        path="push_certificates/{id}/",
    ),
    "push_certificate.refused": Kind(
        title="Push certificate is refused",
        says=lambda facts: f"Apple says {facts['error']}: no device can be woken with it.",
        do="Renew it in Apple's portal (Renew, never Create), and upload the new one here.",
        path="push_certificates/{id}/",
    ),
    "dep_token.expires": Kind(
        title="Server token of Automated Device Enrollment ends",
        says=_ends,
        do="Download a new server token in Apple Business or School Manager, and upload it here. "
        "Until then new devices are not seen.",
        path="dep/servers/{id}/",
    ),
    "dep.terms": Kind(
        title="Apple's terms are not signed",
        says=lambda facts: (
            "Apple has new terms and conditions, and answers nothing until an "
            "administrator has accepted them."
        ),
        do="Sign in to Apple Business or School Manager as an administrator, accept the terms, "
        "and synchronize here.",
        path="dep/servers/{id}/",
    ),
    "dep.failing": Kind(
        title="Automated Device Enrollment does not synchronize",
        says=_refused,
        do="Look at the reason, mend it, and synchronize here.",
        path="dep/servers/{id}/",
    ),
    "content_token.expires": Kind(
        title="Content token of Apps and Books ends",
        says=_ends,
        do="Download a new content token in Apple Business or School Manager, and upload it here. "
        "Until then no licence is assigned.",
        path="locations/{id}/",
    ),
    "location.failing": Kind(
        title="Apps and Books do not synchronize",
        says=_refused,
        do="Look at the reason, mend it, and synchronize here.",
        path="locations/{id}/",
    ),
    "location.taken": Kind(
        title="Apps and Books were taken over",
        says=lambda facts: (
            "Another server manages this location now"
            + (f" ({facts['owner']})." if facts.get("owner") else ".")
        ),
        do="If that is a mistake, take the location back here; if not, delete it here.",
        path="locations/{id}/",
    ),
    "licences.short": Kind(
        title="Licences are short",
        says=_short,
        do="Buy more in Apple Business or School Manager, or take some back from devices that "
        "need them no more.",
        path="locations/{id}/",
    ),
    "ca.expires": Kind(
        title="CA for device identities ends",
        says=_ends,
        do="Its successor should have taken over by itself. Run `flask zmdm ca renew`, and see "
        "that the scheduler runs.",
        path="scep_issuers/",
    ),
    "issuer.expires": Kind(
        title="Certificate of a SCEP issuer ends",
        says=_ends,
        do="Get the issuer's next certificate, and put it into ZMDM_SCEP_CA_FULLCHAIN beside "
        "this one.",
        path="settings/",
    ),
    "signing_certificate.expires": Kind(
        title="Certificate that signs profiles ends",
        says=_ends,
        do="Put a newer one into ZMDM_PROFILE_SIGNING_CERTIFICATE and ZMDM_PROFILE_SIGNING_KEY. "
        "Profiles are shown as unverified otherwise.",
        path="settings/",
    ),
    "vendor_certificate.expires": Kind(
        title="MDM vendor certificate ends",
        says=_ends,
        do="Renew it at Apple, and put it into ZMDM_VENDOR_CERTIFICATE: push certificates cannot "
        "be renewed without it.",
        path="settings/",
    ),
    "tls.expires": Kind(
        title="TLS certificate of this server ends",
        says=_ends,
        do="Renew it where TLS ends (the reverse proxy), and see why that did not happen by "
        "itself. No device connects to an expired one.",
        path="doctor/",
    ),
    "tls.refused": Kind(
        title="TLS certificate of this server does not hold",
        says=_refused,
        do="Serve a certificate with the name of ZMDM_BASE_URL that devices trust, with its "
        "whole chain.",
        path="doctor/",
    ),
    "renewals.overdue": Kind(
        title="Identities of devices are not renewed",
        says=lambda facts: (
            f"{counted(facts['devices'], 'device')} should have got a new identity "
            "by now. A device whose identity has ended has to enroll anew."
        ),
        do="Look at the reasons, switch the devices on, and have them renewed.",
        path="identities/?renewal=overdue",
    ),
    "scheduler.silent": Kind(
        title="The scheduler is dead",
        says=_silent,
        do=f"Run `flask zmdm scheduler` and keep it running. {_SEE_WORKERS}",
        path="doctor/",
    ),
    "worker.silent": Kind(
        title="A worker is dead",
        says=_silent,
        do=f"Run `flask zmdm worker` and keep it running. {_SEE_WORKERS}",
        path="doctor/",
    ),
    "jobs.waiting": Kind(
        title="Work waits",
        says=_waits("Work in the background has been waiting"),
        do="See that workers run and are enough of them, and what the work that runs is doing.",
        path="jobs/?state=open",
    ),
    "pushes.waiting": Kind(
        title="Pushes wait",
        says=_waits("Devices that should have been woken have been waiting"),
        do="See that a worker runs, that it reaches Apple's push service, and that the push "
        "certificate is taken.",
        path="doctor/",
    ),
    "webhooks.waiting": Kind(
        title="Events for webhooks wait",
        says=_waits("Events that could have been delivered have been waiting"),
        do="See that a worker runs, and that the programs behind the webhooks answer at once: they "
        "are told one event after another.",
        path="webhooks/",
    ),
    "webhook.failing": Kind(
        title="A webhook takes nothing",
        says=_refused,
        do="See that the program behind it runs and is reached from here. What it was not told "
        "is told later, for three days.",
        path="webhooks/{id}/",
    ),
    "webhook.given_up": Kind(
        title="A webhook was not told of events",
        says=lambda facts: f"{counted(facts['events'], 'event')} were given up after three days.",
        do="Look at the reasons, mend the program behind it, and try them again here.",
        path="webhooks/{id}/?dead=1",
    ),
    "mail.failing": Kind(
        title="Mails of alerts cannot be sent",
        says=_refused,
        do="Look at ZMDM_SMTP_… and ZMDM_ALERT_…, and send a test on the page of alerts.",
        path="alerts/",
        by_mail=False,
    ),
    "devices.unreachable": Kind(
        title="Many devices are not seen",
        says=_unreachable,
        do="Look whether they have something in common: a network, a platform, a push "
        "certificate. Wake them; block or archive what is gone for good.",
        path="devices/?state=enrolled&order=last_seen",
    ),
    "devices.push_dead": Kind(
        title="Devices cannot be woken",
        says=lambda facts: (
            f"Apple calls the push token of {counted(facts['devices'], 'device')} "
            "dead: they were erased, or have removed the profile, without telling us."
        ),
        do="Enroll them anew, or block those that are gone for good.",
        path="devices/?push=dead",
    ),
    "doctor": Kind(
        title="The doctor found something broken",
        says=lambda facts: _stop(facts["says"]),
        do="Do what the doctor says.",
        path="doctor/",
    ),
}
"""Name -> words. An alert of a kind that a later release has dropped is shown by `of()`."""

_UNKNOWN = Kind(
    title="Alert of an older release",
    says=lambda facts: "This release does not look for it any more.",
    do="Nothing: it will be cleared.",
    path="alerts/",
)


def of(name: str) -> Kind:
    """The words of a kind."""
    return KINDS.get(name, _UNKNOWN)


def says(name: str, facts: Facts) -> str:
    """What is wrong, in a sentence; what a fact is missing for stays unsaid."""
    try:
        return of(name).says(facts)
    except (KeyError, TypeError, ValueError):
        return of(name).title + "."


def do(name: str, facts: Facts) -> str:
    """What to do: the kind's words, or those of the facts where only they know."""
    return str(facts.get("do") or of(name).do)


def path(name: str, facts: Facts) -> str:
    """The screen that mends it, below the admin screens."""
    return of(name).path.replace("{id}", str(facts.get("id", "")))
