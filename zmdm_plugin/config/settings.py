"""Settings: every ZMDM_ key, its type, default, check and one line of documentation.

`Settings.from_mapping(app.config)` reads all of them once and reports every fault in a single
ConfigError. Values may contain `{{ file:PATH }}` and `{{ env:NAME }}`, replaced by the content of
the file (without its last newline) or the variable.
"""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zmdm_plugin.config import alerts
from zmdm_plugin.config.alerts import Alerts
from zmdm_plugin.config.apple import AppleServices
from zmdm_plugin.config.keeping import Keeping
from zmdm_plugin.config.outgoing import Outgoing
from zmdm_plugin.config.parsers import (
    base_url,
    flag,
    header,
    key,
    networks,
    number,
    optional_base_url,
    path,
    pem_text,
    sealing_keys,
    substitute,
    text,
)
from zmdm_plugin.config.storage import Storage
from zmdm_plugin.config.vault import Vault
from zmdm_plugin.config.watching import Watching
from zmdm_plugin.errors import ConfigError, ProtocolError
from zmdm_plugin.protocol import pem, push_request

PREFIX = "ZMDM_"


@dataclass(frozen=True, kw_only=True)
class Settings(AppleServices, Outgoing, Storage, Keeping, Vault, Alerts, Watching):
    """What a host configures; made once at `init_app`, never changed afterwards."""

    base_url: str = key(
        base_url,
        "Where devices reach this server, e.g. `https://mdm.example.com`; it is written into every "
        "profile and may not change while devices are enrolled.",
        required=True,
    )
    sealing_keys: tuple[bytes, ...] = key(
        sealing_keys,
        "Keys that seal secrets at rest, the newest first (base64url, 32 bytes each; "
        "`flask zmdm secrets new-key` makes one).",
        required=True,
        secret=True,
    )
    mtls_base_url: str = key(
        optional_base_url,
        "Where devices reach the mTLS front, if it has a name of its own; else `ZMDM_BASE_URL`.",
        default="",
    )
    organization: str = key(text, "Shown on devices as PayloadOrganization.", default="")
    admin_url: str = key(path, "Where the admin screens live.", default="/mdm")
    redis_url: str = key(
        text, "Redis for RQ; empty: jobs run only when a worker sweeps.", default="", secret=True
    )
    scep_ca_fullchain: str = key(
        pem_text,
        "PEM certificates of external SCEP issuers (issuer to root): device identities that chain "
        "to them are accepted beside those of the built-in CA.",
        default="",
    )
    scep_legacy_algorithms: bool = key(
        flag, "Accept SHA-1, DES and 3DES in SCEP requests.", default=False
    )
    mtls_proxy: bool = key(
        flag,
        "A reverse proxy verifies client certificates and passes them on. It counts only once "
        "`ZMDM_TRUSTED_PROXIES` names the proxy; until then profiles ask devices to sign.",
        default=True,
    )
    trusted_proxies: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = key(
        networks,
        "Addresses or networks whose client-certificate and X-Forwarded-For headers are believed.",
        default=(),
    )
    client_cert_header: str = key(
        header,
        "Header with the client certificate (URL-escaped PEM, or RFC 9440).",
        default="X-SSL-Client-Cert",
    )
    client_dn_header: str = key(
        header, "Header with the client certificate's subject DN.", default="X-SSL-Client-S-DN"
    )
    device_anchors: str = key(
        pem_text,
        "PEM certificates that devices' own signatures must chain to; empty: Apple's.",
        default="",
    )
    profile_signing_certificate: str = key(
        pem_text, "PEM certificate (and chain) that signs profiles; empty: unsigned.", default=""
    )
    profile_signing_key: str = key(
        pem_text, "PEM private key of that certificate.", default="", secret=True
    )
    vendor_certificate: str = key(
        pem_text,
        "PEM of an MDM vendor certificate: signs requests for push certificates; empty: none.",
        default="",
    )
    vendor_key: str = key(pem_text, "PEM private key of that certificate.", default="", secret=True)
    vendor_key_password: str = key(
        text, "Password of that key, if it has one.", default="", secret=True
    )
    vendor_chain: str = key(
        pem_text,
        "PEM of what issued the vendor certificate, up to Apple's root: nothing is downloaded.",
        default="",
    )
    identity_validity_days: int = key(
        number(1, 3650), "Validity of identities that the built-in CA issues.", default=365
    )
    identity_renew_before_days: int = key(
        number(1, 365),
        "How long before its end an identity is renewed (never earlier than a third of its life).",
        default=30,
    )
    identity_grace_days: int = key(
        number(0, 90),
        "How long the former identity of a renewed device goes on working.",
        default=7,
    )
    reenroll_silence: int = key(
        number(0, 86400),
        "Seconds a device must have been silent before a by-hand profile may enroll it anew.",
        default=600,
    )
    setup_assistant_minutes: int = key(
        number(1, 1440),
        "Minutes that a device waits in Setup Assistant at most, whatever it has not got yet.",
        default=15,
    )
    redeliver_after: int = key(
        number(1, 3600),
        "Seconds after which a delivered, unanswered command is sent again to an Idle.",
        default=30,
    )
    inventory_interval: int = key(
        number(3600, 30 * 86400), "Seconds between two collections of inventory.", default=86400
    )
    artifact_max_size: int = key(
        number(1024, 16 * 1024 * 1024),
        "Bytes, at most, of an uploaded profile, declaration or data asset.",
        default=16 * 1024 * 1024,
    )
    push_rate: int = key(
        number(1, 100_000), "Wakes per second, at most, of a bulk (per worker).", default=500
    )
    push_lease: int = key(
        number(2, 3600),
        "Seconds after which pushes that a killed worker had claimed are sent by another one; a "
        "batch of pushes is given up in half of that.",
        default=90,
    )
    sweep_interval: int = key(
        number(1, 3600), "Seconds between two sweeps for whatever is still due.", default=15
    )
    prepared_statements: bool = key(
        flag,
        "Prepare the poll's statement on PostgreSQL; turn off behind a PgBouncer that cannot.",
        default=True,
    )

    @classmethod
    def from_mapping(cls, config: Mapping[str, Any]) -> Settings:
        """Read every ZMDM_ key; raise one ConfigError that lists all faults."""
        values: dict[str, Any] = {}
        faults = [*_unknown_keys(config)]
        for item in dataclasses.fields(cls):
            name = key_name(item)
            try:
                if name in config:
                    values[item.name] = item.metadata["parse"](substitute(config[name]))
                elif item.metadata["required"]:
                    raise ValueError("is required")
            except ValueError as error:
                faults.append(f"{name}: {error}")
        if not faults:
            faults = _contradictions(values)
        if faults:
            raise ConfigError(faults)
        return cls(**values)

    @property
    def device_url(self) -> str:
        """Base of the URLs that speak with an identity (check-in, connect)."""
        return self.mtls_base_url or self.base_url

    @property
    def sign_message(self) -> bool:
        """Whether new profiles ask devices to sign: always but behind an mTLS proxy we trust."""
        return not (self.mtls_proxy and self.trusted_proxies)


def key_name(item: dataclasses.Field[Any]) -> str:
    return PREFIX + item.name.upper()


def _unknown_keys(config: Mapping[str, Any]) -> list[str]:
    known = {key_name(item) for item in dataclasses.fields(Settings)}
    return [
        f"{name}: unknown key (a misspelling?)"
        for name in sorted(config)
        if name.startswith(PREFIX) and name not in known
    ]


def _contradictions(values: dict[str, Any]) -> list[str]:
    faults = alerts.contradictions(values)
    for what in ("PROFILE_SIGNING", "VENDOR"):
        both = [bool(values.get(f"{what.lower()}_{part}")) for part in ("certificate", "key")]
        if any(both) and not all(both):
            faults.append(f"ZMDM_{what}_CERTIFICATE and ZMDM_{what}_KEY go together")
    return faults or _vendor_faults(values)


def _vendor_faults(values: dict[str, Any]) -> list[str]:
    """A vendor key that does not fit is found at start, not on the day of a renewal."""
    if not (certificate := values.get("vendor_certificate")):
        return []
    password = values.get("vendor_key_password", "").encode() or None
    try:
        key = pem.private_key(values["vendor_key"], password)
        push_request.vendor_key(pem.certificates(certificate)[0], key)
    except ProtocolError as error:
        return [f"ZMDM_VENDOR_CERTIFICATE, ZMDM_VENDOR_KEY: {error}"]
    return []
