"""Settings: every ZMDM_ key, its type, default, check and one line of documentation.

`Settings.from_mapping(app.config)` reads all of them once and reports every fault in a single
ConfigError. Values may contain `{{ file:PATH }}` and `{{ env:NAME }}`, replaced by the content of
the file (without its last newline) or the variable.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from zmdm_plugin.errors import ConfigError, ProtocolError
from zmdm_plugin.protocol import pem, push_request
from zmdm_plugin.secretbox import parse_key

PREFIX = "ZMDM_"
_SUBSTITUTION = re.compile(r"\{\{\s*(file|env):(.+?)\s*\}\}")
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("must be text")
    return value.strip()


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in {"1", "true", "yes", "on"}:
        return True
    if word in {"0", "false", "no", "off", ""}:
        return False
    raise ValueError("must be true or false")


def _number(low: int, high: int) -> Callable[[Any], int]:
    def parse(value: Any) -> int:
        try:
            number = int(value)
        except (TypeError, ValueError) as error:
            raise ValueError("must be a whole number") from error
        if isinstance(value, bool) or not low <= number <= high:
            raise ValueError(f"must lie between {low} and {high}")
        return number

    return parse


def _items(value: Any) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else list(value)
    return tuple(text for part in parts if (text := _text(part)))


def _base_url(value: Any) -> str:
    url = _text(value).rstrip("/")
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be a URL like https://mdm.example.com")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise ValueError("must begin with https:// (devices refuse http), unless it is localhost")
    return url


def _optional_base_url(value: Any) -> str:
    return _base_url(value) if value else ""


def _sealing_keys(value: Any) -> tuple[bytes, ...]:
    keys = tuple(parse_key(item) for item in _items(value))
    if not keys:
        raise ValueError("needs at least one key; make one with `flask zmdm secrets new-key`")
    return keys


def _networks(value: Any) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.ip_network(item, strict=False) for item in _items(value))


def _pem(value: Any) -> str:
    text = _text(value)
    if text and "-----BEGIN " not in text:
        raise ValueError("must be PEM, for example {{ file:/etc/zmdm/chain.pem }}")
    return text


def _header(value: Any) -> str:
    name = _text(value)
    if not re.fullmatch(r"[A-Za-z0-9-]+", name):
        raise ValueError("must be the name of an HTTP header")
    return name


def _path(value: Any) -> str:
    text = "/" + _text(value).strip("/")
    if text == "/":
        raise ValueError("must be a path below the root, like /mdm")
    return text


def _schema_folder(value: Any) -> str:
    text = _text(value)
    if text and not (Path(text) / "declarative" / "declarations").is_dir():
        raise ValueError("must be a folder with declarative/declarations in it")
    if text and find_spec("yaml") is None:
        raise ValueError("needs PyYAML: pip install 'zmdm-plugin[schema]'")
    return text


def _key(parse: Callable[[Any], Any], doc: str, **options: Any) -> Any:
    default = options.pop("default", dataclasses.MISSING)
    secret = options.pop("secret", False)
    metadata = {"parse": parse, "doc": doc, "secret": secret, "required": "required" in options}
    options.pop("required", None)
    if default is dataclasses.MISSING:
        return field(metadata=metadata, repr=not secret)
    return field(default=default, metadata=metadata, repr=not secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a host configures; made once at `init_app`, never changed afterwards."""

    base_url: str = _key(
        _base_url,
        "Where devices reach this server, e.g. `https://mdm.example.com`; it is written into every "
        "profile and may not change while devices are enrolled.",
        required=True,
    )
    sealing_keys: tuple[bytes, ...] = _key(
        _sealing_keys,
        "Keys that seal secrets at rest, the newest first (base64url, 32 bytes each; "
        "`flask zmdm secrets new-key` makes one).",
        required=True,
        secret=True,
    )
    mtls_base_url: str = _key(
        _optional_base_url,
        "Where devices reach the mTLS front, if it has a name of its own; else `ZMDM_BASE_URL`.",
        default="",
    )
    organization: str = _key(_text, "Shown on devices as PayloadOrganization.", default="")
    admin_url: str = _key(_path, "Where the admin screens live.", default="/mdm")
    redis_url: str = _key(
        _text, "Redis for RQ; empty: jobs run only when a worker sweeps.", default="", secret=True
    )
    scep_ca_fullchain: str = _key(
        _pem,
        "PEM certificates of external SCEP issuers (issuer to root): device identities that chain "
        "to them are accepted beside those of the built-in CA.",
        default="",
    )
    scep_legacy_algorithms: bool = _key(
        _flag, "Accept SHA-1, DES and 3DES in SCEP requests.", default=False
    )
    mtls_proxy: bool = _key(
        _flag,
        "A reverse proxy verifies client certificates and passes them on. It counts only once "
        "`ZMDM_TRUSTED_PROXIES` names the proxy; until then profiles ask devices to sign.",
        default=True,
    )
    trusted_proxies: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = _key(
        _networks,
        "Addresses or networks whose client-certificate and X-Forwarded-For headers are believed.",
        default=(),
    )
    client_cert_header: str = _key(
        _header,
        "Header with the client certificate (URL-escaped PEM, or RFC 9440).",
        default="X-SSL-Client-Cert",
    )
    client_dn_header: str = _key(
        _header, "Header with the client certificate's subject DN.", default="X-SSL-Client-S-DN"
    )
    device_anchors: str = _key(
        _pem,
        "PEM certificates that devices' own signatures must chain to; empty: Apple's.",
        default="",
    )
    profile_signing_certificate: str = _key(
        _pem, "PEM certificate (and chain) that signs profiles; empty: unsigned.", default=""
    )
    profile_signing_key: str = _key(
        _pem, "PEM private key of that certificate.", default="", secret=True
    )
    vendor_certificate: str = _key(
        _pem,
        "PEM of an MDM vendor certificate: signs requests for push certificates; empty: none.",
        default="",
    )
    vendor_key: str = _key(_pem, "PEM private key of that certificate.", default="", secret=True)
    vendor_key_password: str = _key(
        _text, "Password of that key, if it has one.", default="", secret=True
    )
    vendor_chain: str = _key(
        _pem,
        "PEM of what issued the vendor certificate, up to Apple's root: nothing is downloaded.",
        default="",
    )
    identity_validity_days: int = _key(
        _number(1, 3650), "Validity of identities that the built-in CA issues.", default=365
    )
    identity_renew_before_days: int = _key(
        _number(1, 365),
        "How long before its end an identity is renewed (never earlier than a third of its life).",
        default=30,
    )
    identity_grace_days: int = _key(
        _number(0, 90),
        "How long the former identity of a renewed device goes on working.",
        default=7,
    )
    reenroll_silence: int = _key(
        _number(0, 86400),
        "Seconds a device must have been silent before a by-hand profile may enroll it anew.",
        default=600,
    )
    redeliver_after: int = _key(
        _number(1, 3600),
        "Seconds after which a delivered, unanswered command is sent again to an Idle.",
        default=30,
    )
    inventory_interval: int = _key(
        _number(3600, 30 * 86400), "Seconds between two collections of inventory.", default=86400
    )
    artifact_max_size: int = _key(
        _number(1024, 16 * 1024 * 1024),
        "Bytes, at most, of an uploaded profile, declaration or data asset.",
        default=16 * 1024 * 1024,
    )
    apns_url: str = _key(_base_url, "Apple's push service.", default="https://api.push.apple.com")
    apns_ca: str = _key(_pem, "PEM roots for the push service; empty: the system's.", default="")
    apns_proxy: str = _key(
        _optional_base_url, "HTTP proxy (CONNECT) towards the push service.", default=""
    )
    software_lookup_url: str = _key(
        _base_url, "Apple's software lookup service.", default="https://gdmf.apple.com"
    )
    software_lookup_ca: str = _key(
        _pem,
        "PEM roots for the software lookup service; empty: the system's and Apple's own root.",
        default="",
    )
    software_update_notice_days: int = _key(
        _number(0, 60),
        "No device is first shown an enforced update whose date is nearer than this.",
        default=3,
    )
    apple_schema: str = _key(
        _schema_folder,
        "Folder with a checkout of Apple's `device-management`: declarations are checked against "
        "it; empty: against the table that comes with the plugin.",
        default="",
    )
    push_rate: int = _key(
        _number(1, 100_000), "Wakes per second, at most, of a bulk (per worker).", default=500
    )
    push_lease: int = _key(
        _number(2, 3600),
        "Seconds after which pushes that a killed worker had claimed are sent by another one; a "
        "batch of pushes is given up in half of that.",
        default=90,
    )
    sweep_interval: int = _key(
        _number(1, 3600), "Seconds between two sweeps for whatever is still due.", default=15
    )
    keep_commands_days: int = _key(
        _number(0, 36500),
        "Days that finished commands are kept, with their answers: 35 at least; 0: for ever.",
        default=90,
    )
    keep_runs_days: int = _key(_number(0, 36500), "The same for long work.", default=90)
    keep_events_days: int = _key(_number(0, 36500), "The same for events.", default=365)
    keep_audit_days: int = _key(_number(0, 36500), "The same for the audit.", default=0)
    prepared_statements: bool = _key(
        _flag,
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


def substitute(value: Any) -> Any:
    """Replace {{ file:… }} and {{ env:… }}; ValueError says which of them is missing."""
    if isinstance(value, str):
        return _SUBSTITUTION.sub(_replacement, value)
    if isinstance(value, list | tuple):
        return type(value)(substitute(item) for item in value)
    return value


def _replacement(match: re.Match[str]) -> str:
    kind, name = match.group(1), match.group(2)
    if kind == "env":
        if name not in os.environ:
            raise ValueError(f"the environment variable {name} is not set")
        return os.environ[name]
    try:
        return Path(name).read_text(encoding="utf-8").removesuffix("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"the file {name} cannot be read ({type(error).__name__})") from error


def _unknown_keys(config: Mapping[str, Any]) -> list[str]:
    known = {key_name(item) for item in dataclasses.fields(Settings)}
    return [
        f"{name}: unknown key (a misspelling?)"
        for name in sorted(config)
        if name.startswith(PREFIX) and name not in known
    ]


def _contradictions(values: dict[str, Any]) -> list[str]:
    faults = []
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


def document() -> str:
    """docs/settings.md, made from the fields so that it cannot differ from them."""
    lines = [
        "# Settings",
        "",
        "Keys of the host's Flask configuration. Values may contain `{{ file:PATH }}` and",
        "`{{ env:NAME }}`. A fault stops the application at start, all faults in one message.",
        "",
        "| key | default | meaning |",
        "|---|---|---|",
    ]
    for item in dataclasses.fields(Settings):
        lines.append(f"| `{key_name(item)}` | {_default(item)} | {item.metadata['doc']} |")
    return "\n".join(lines) + "\n"


def _default(item: dataclasses.Field[Any]) -> str:
    if item.metadata["required"]:
        return "required"
    value = cast(object, item.default)
    if value in ("", ()):
        return "empty"
    return f"`{str(value).lower()}`" if isinstance(value, bool) else f"`{value}`"
