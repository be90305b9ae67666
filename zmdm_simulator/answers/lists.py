"""The lists of applications and certificates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID

from zmdm_simulator import pki
from zmdm_simulator.answers.replies import Handler, Order, Reply, malformed
from zmdm_simulator.models_of_devices import IOS, IPADOS, MACOS, TVOS, VISIONOS
from zmdm_simulator.profile import PEM, PKCS1, ROOT

# identifier, name, short version, version, size in MB
App = tuple[str, str, str, str, int]
MAC_APPS: tuple[App, ...] = (
    ("com.apple.Safari", "Safari", "26.1", "21622.2.11", 15),
    ("com.apple.iWork.Keynote", "Keynote", "14.5", "7043.0.92", 690),
    ("com.example.editor", "Example Editor", "4.12.1", "412010", 310),
    ("com.example.sync", "Example Sync", "9.0.4", "9.0.4.221", 96),
    ("org.example.terminal", "Beispiel – Terminal ✓", "1.0", "1", 12),
    ("com.example.vpn", "Example VPN", "2.3", "2.3.0", 44),
)
MOBILE_APPS: tuple[App, ...] = (
    ("com.example.mail", "Example Mail", "8.1.0", "8.1.0.3311", 210),
    ("com.example.docs", "Docs", "2026.11", "2026.1101", 388),
    ("com.example.scanner", "Scanner", "3.0", "301", 55),
    ("com.apple.Pages", "Pages", "14.5", "7043.0.92", 540),
)
TV_APPS: tuple[App, ...] = (("com.example.signage", "Signage", "5.2", "520", 77),)
APPS = {
    MACOS: MAC_APPS,
    IOS: MOBILE_APPS,
    IPADOS: MOBILE_APPS,
    TVOS: TV_APPS,
    VISIONOS: MOBILE_APPS[:2],
}
MEGABYTE = 1_000_000


def installed_application_list(order: Order) -> Reply:
    """List the applications, filtered as asked (only the managed ones: none are)."""
    identifiers, items = order.command.get("Identifiers"), order.command.get("Items")
    if not isinstance(identifiers, list | None) or not isinstance(items, list | None):
        return malformed()
    managed_only = bool(order.command.get("ManagedAppsOnly"))
    apps = () if managed_only else APPS[order.device.facts.model.platform]
    listed = [
        _application(order, app)
        for app in (*apps, *_brought(order, managed_only=managed_only))
        if identifiers is None or not identifiers or app[0] in identifiers
    ]
    if items and not order.is_mac:
        listed = [{key: app[key] for key in items if key in app} for app in listed]
    return Reply(body={"InstalledApplicationList": listed})


def _brought(order: Order, *, managed_only: bool) -> list[App]:
    """What device management has put there, as far as it is there."""
    return [
        (app.identifier, app.name, app.version, app.version, max(1, app.size // MEGABYTE))
        for app in order.device.apps.values()
        if app.present and (app.managed or not managed_only)
    ]


def _application(order: Order, app: App) -> dict[str, Any]:
    identifier, name, short_version, version, size = app
    known: dict[str, Any] = {
        "Identifier": identifier,
        "Name": name,
        "ShortVersion": short_version,
        "Version": version,
        "BundleSize": size * MEGABYTE,
        "Installing": False,
    }
    if order.is_mac:
        return known | {"HasUpdateAvailable": False}
    return known | {
        "DynamicSize": size * MEGABYTE // 10,
        "ExternalVersionIdentifier": 800_000_000 + size,
        "IsValidated": True,
        "AppStoreVendable": True,
        "DeviceBasedVPP": False,
        "BetaApp": False,
        "AdHocCodeSigned": False,
        "HasUpdateAvailable": False,
        **({"IsAppClip": False} if order.device.facts.model.platform != TVOS else {}),
    }


def certificate_list(order: Order) -> Reply:
    """List the identity and the certificates that profiles brought."""
    found = [(order.device.own_identity.certificate, True)]
    found += [(certificate, False) for certificate in _from_profiles(order)]
    listed = [
        {
            "CommonName": _common_name(certificate),
            "IsIdentity": is_identity,
            "Data": pki.der(certificate),
        }
        for certificate, is_identity in found
    ]
    return Reply(body={"CertificateList": listed})


def _from_profiles(order: Order) -> Iterable[x509.Certificate]:
    for profile in order.channel.profiles.values():
        for payload in profile.payloads:
            content = payload.get("PayloadContent")
            if payload["PayloadType"] in {ROOT, PKCS1, PEM} and isinstance(content, bytes):
                yield from _certificates(content)


def _certificates(content: bytes) -> list[x509.Certificate]:
    if content.lstrip().startswith(b"-----"):
        return x509.load_pem_x509_certificates(content)
    return [x509.load_der_x509_certificate(content)]


def _common_name(certificate: x509.Certificate) -> str:
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else certificate.subject.rfc4514_string()


HANDLERS: Mapping[str, Handler] = {
    "InstalledApplicationList": installed_application_list,
    "CertificateList": certificate_list,
}
