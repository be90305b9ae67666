"""What the doctor finds on the network: Apple, and our own address as devices reach it.

These run beside each other in threads: they touch neither the database nor the application.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from zmdm_plugin.clients import probe
from zmdm_plugin.config import Settings
from zmdm_plugin.services.doctor.finding import Finding, bad, good, warn
from zmdm_plugin.services.doctor.inside import UNSIGNED, clock

_SOON = timedelta(days=21)
_IDLE = b'<?xml version="1.0" encoding="UTF-8"?><plist version="1.0"><dict/></plist>'


def push_service(settings: Settings) -> Finding:
    """Whether a TLS connection to APNs can be opened from here."""
    name = "Apple's push service"
    try:
        probe.shake_hands(settings.apns_url, ca_pem=settings.apns_ca, proxy=settings.apns_proxy)
    except probe.Distrusted as error:
        do = "Something between here and Apple breaks TLS open; let it pass, or set ZMDM_APNS_CA."
        return bad(name, f"Its certificate does not hold here: {error}.", do, is_alert=True)
    except probe.Unreachable as error:
        do = f"Open the way to {settings.apns_url} (port 443 or 2197), or set ZMDM_APNS_PROXY."
        return bad(name, f"It cannot be reached: {error}.", do, is_alert=True)
    return good(name, "It can be reached.")


def address(settings: Settings, now: datetime) -> Finding:
    """Whether our own address answers, with a certificate that devices would accept."""
    name = "Address for devices"
    url = settings.base_url
    if url.startswith("http:"):
        return warn(name, f"{url} is not encrypted: for a lab on this machine only.", _HTTPS)
    try:
        seen = probe.ask(url + "/public/mdm/healthz")
    except probe.Distrusted as error:
        if error.own_root:
            do = "Serve the whole chain. With a root of your own, devices need that root first."
            return warn(name, f"This machine does not know the root of {url} ({error}).", do)
        return bad(name, f"Devices refuse the certificate of {url}: {error}.", _HTTPS)
    except probe.Unreachable as error:
        do = "Look at DNS, firewall and proxy. If only this machine cannot reach it, all is well."
        return warn(name, f"{url} cannot be reached from here: {error}.", do)
    return _answered(name, url, seen, now)


def _answered(name: str, url: str, seen: probe.Seen, now: datetime) -> Finding:
    if seen.status != 200 or seen.body.strip() != b"ok":
        do = "Let the proxy pass /public/mdm/ on to this application."
        return bad(name, f"{url} answers {seen.status}, but not with this application.", do)
    if seen.not_after is not None and seen.not_after < now + _SOON:
        says = f"The certificate of {url} ends on {seen.not_after:%Y-%m-%d}."
        return warn(name, says, "Renew it; devices refuse an expired one.")
    if seen.date is not None:
        skew = clock(name, abs((seen.date - now).total_seconds()) - 2, "the web server's")
        if skew.state != "good":
            return skew
    issuer = f", certificate by {seen.issuer}" if seen.issuer else ""
    return good(name, f"{url} answers{issuer}.")


def device_routes(settings: Settings) -> Finding:
    """Whether a device's request arrives: proxies like to answer such things themselves."""
    name = "Device routes, from outside"
    url = settings.device_url + "/public/mdm/connect/"
    try:
        seen = probe.ask(url, "PUT", _IDLE)
    except probe.Unreachable as error:
        do = "See the address for devices."
        return warn(name, f"{settings.device_url} cannot be reached from here: {error}.", do)
    text = seen.body.decode("utf-8", "replace")
    if seen.status == 400 and text.startswith(UNSIGNED):
        return good(name, "An unsigned request reaches this application.")
    if seen.status == 400 and settings.mtls_base_url:
        return good(name, "The mTLS front asks for a client certificate.")
    do = "Let the proxy pass PUT /public/mdm/ on, without login and without changing the answer: "
    do += "401, 403 and 410 make devices leave."
    return bad(name, f"Something before this application answers {seen.status}.", do, is_alert=True)


_HTTPS = "Give it a name and a certificate that devices trust, and set ZMDM_BASE_URL to it."
