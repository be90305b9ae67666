"""Settings of Apple's services, each of which may be played by something else."""

from __future__ import annotations

from dataclasses import dataclass

from zmdm_plugin.config.parsers import (
    base_url,
    items,
    key,
    number,
    optional_base_url,
    pem_text,
    schema_folder,
)


@dataclass(frozen=True, kw_only=True)
class AppleServices:
    """Where Apple's services are, and what is believed of them."""

    apns_url: str = key(base_url, "Apple's push service.", default="https://api.push.apple.com")
    apns_ca: str = key(pem_text, "PEM roots for the push service; empty: the system's.", default="")
    apns_proxy: str = key(
        optional_base_url, "HTTP proxy (CONNECT) towards the push service.", default=""
    )
    dep_url: str = key(
        base_url,
        "Apple's device assignment service (Automated Device Enrollment).",
        default="https://mdmenrollment.apple.com",
    )
    dep_ca: str = key(
        pem_text, "PEM roots for the device assignment service; empty: the system's.", default=""
    )
    dep_sync_minutes: int = key(
        number(5, 1440),
        "How often Apple is asked which devices were assigned to us, or are no more.",
        default=30,
    )
    dep_full_sync_days: int = key(
        number(0, 365),
        "After so many days the whole list of devices is fetched again; 0: only when asked.",
        default=7,
    )
    apps_books_url: str = key(
        base_url, "Apple's Apps and Books service.", default="https://vpp.itunes.apple.com/mdm/v2"
    )
    apps_books_poll_after: int = key(
        number(1, 600),
        "Seconds without a notification after which Apple is asked what became of an assignment; "
        "at most 30 while a location has never been notified.",
        default=300,
    )
    apps_books_sync_hours: int = key(
        number(1, 168), "Hours between two syncs of a location of Apps and Books.", default=6
    )
    apps_books_hosts: tuple[str, ...] = key(
        items,
        "Hosts, with all below them, where names and icons of store apps may be fetched from, by "
        "https; beside the service itself. Apple's answers say where they are.",
        default=("apple.com", "mzstatic.com"),
    )
    software_lookup_url: str = key(
        base_url, "Apple's software lookup service.", default="https://gdmf.apple.com"
    )
    software_lookup_ca: str = key(
        pem_text,
        "PEM roots for the software lookup service; empty: the system's and Apple's own root.",
        default="",
    )
    software_update_notice_days: int = key(
        number(0, 60),
        "No device is first shown an enforced update whose date is nearer than this.",
        default=3,
    )
    ade_anchors: str = key(
        pem_text,
        "PEM certificates that devices in Setup Assistant shall trust for this server's TLS, where "
        "an ADE enrollment includes them: for a certificate of a private authority.",
        default="",
    )
    apple_schema: str = key(
        schema_folder,
        "Folder with a checkout of Apple's `device-management`: declarations are checked against "
        "it; empty: against the table that comes with the plugin.",
        default="",
    )
