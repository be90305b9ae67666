"""Packages of software: built for tests and demonstrations, and read as a device installs them.

pkg(App("org.example.editor", "Editor", "4.2"), signer=self_signed(name([("CN", "Example")])))
ipa(App("org.example.notes", "Notes", "1.0"), families=(1, 2))
apps_in(data)                     # what a device would have once it is installed
"""

from __future__ import annotations

import base64
import hashlib
import io
import plistlib
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree
from xml.parsers.expat import ExpatError
from xml.sax.saxutils import escape, quoteattr

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.x509 import load_der_x509_certificate

from zmdm_simulator import pki
from zmdm_simulator.errors import SimulatorError
from zmdm_simulator.pki import Identity

HEADER = struct.Struct(">4sHHQQL")
SHA1 = 1


class NotInstallable(SimulatorError):
    """A device would not install this."""


@dataclass(frozen=True, slots=True)
class App:
    """An application in a package."""

    identifier: str
    name: str
    version: str
    size: int = 1000


# Building


def distribution(
    apps: Iterable[App], *, product: str, version: str, title: str = "", extra: str = ""
) -> bytes:
    """The Distribution of an installer with these applications."""
    bundles = "".join(
        f"<bundle id={quoteattr(app.identifier)} path={quoteattr(f'Applications/{app.name}.app')}"
        f" CFBundleVersion={quoteattr(app.version)}"
        f" CFBundleShortVersionString={quoteattr(app.version)}/>"
        for app in apps
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<installer-gui-script minSpecVersion="1">'
        f"<title>{escape(title)}</title>"
        f"<product id={quoteattr(product)} version={quoteattr(version)}/>{extra}"
        f"<pkg-ref id={quoteattr(product)} version={quoteattr(version)}>"
        f"<bundle-version>{bundles}</bundle-version></pkg-ref></installer-gui-script>"
    ).encode()


def pkg(
    *apps: App,
    signer: Identity | None,
    product: str = "",
    version: str = "",
    title: str = "",
    padding_bytes: int = 0,
) -> bytes:
    """A distribution archive; unsigned without a signer."""
    first = apps[0] if apps else App(product, title, version)
    script = distribution(
        apps,
        product=product or first.identifier,
        version=version or first.version,
        title=title or first.name,
    )
    payload = hashlib.shake_256(script).digest(padding_bytes + 1)  # does not compress
    return xar({"Distribution": script, "Payload": payload}, signer=signer)


def xar(files: Mapping[str, bytes], *, signer: Identity | None = None) -> bytes:
    """A xar archive with these files in its topmost folder."""
    heap, offset = [], 20 + (signer.key.key_size // 8 if signer else 0)
    entries = []
    for number, (name, content) in enumerate(files.items(), 1):
        packed = zlib.compress(content)
        entries.append(
            f'<file id="{number}"><data><length>{len(packed)}</length><offset>{offset}</offset>'
            f'<size>{len(content)}</size><encoding style="application/x-gzip"/>'
            f'<extracted-checksum style="sha1">{_sha1(content).hex()}</extracted-checksum>'
            f'<archived-checksum style="sha1">{_sha1(packed).hex()}</archived-checksum></data>'
            f"<type>file</type><name>{escape(name)}</name></file>"
        )
        heap.append(packed)
        offset += len(packed)
    return sealed("".join(entries), heap, signer=signer)


def sealed(entries: str, heap: Iterable[bytes], *, signer: Identity | None) -> bytes:
    """An archive around a table of contents that was written by hand."""
    signature = ""
    if signer is not None:
        certificate = base64.b64encode(pki.der(signer.certificate)).decode()
        signature = (
            f'<signature style="RSA"><offset>20</offset><size>{signer.key.key_size // 8}</size>'
            '<KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data>'
            f"<X509Certificate>{certificate}</X509Certificate></X509Data></KeyInfo></signature>"
        )
    toc = (
        '<?xml version="1.0" encoding="UTF-8"?><xar><toc><creation-time>2026-01-01T00:00:00'
        '</creation-time><checksum style="sha1"><offset>0</offset><size>20</size></checksum>'
        f"{signature}{entries}</toc></xar>"
    ).encode()
    packed = zlib.compress(toc)
    digest = _sha1(packed)
    signed = b""
    if signer is not None:
        signed = signer.key.sign(digest, padding.PKCS1v15(), Prehashed(hashes.SHA1()))
    header = HEADER.pack(b"xar!", HEADER.size, 1, len(packed), len(toc), SHA1)
    return b"".join([header, packed, digest, signed, *heap])


def ipa(app: App, *, families: tuple[int, ...] = (1, 2), padding_bytes: int = 0) -> bytes:
    """An application archive for iPhone (1), iPad (2), Apple TV (3), Vision (7)."""
    info = {
        "CFBundleIdentifier": app.identifier,
        "CFBundleName": app.name,
        "CFBundleExecutable": app.name.replace(" ", ""),
        "CFBundleVersion": app.version,
        "CFBundleShortVersionString": app.version,
        "MinimumOSVersion": "15.0",
        "UIDeviceFamily": list(families),
    }
    folder = f"Payload/{app.name.replace(' ', '')}.app"
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w") as archive:
        archive.writestr(f"{folder}/Info.plist", plistlib.dumps(info))
        archive.writestr(f"{folder}/embedded.mobileprovision", b"profile")
        archive.writestr(f"{folder}/{app.name}", app.version.encode().ljust(padding_bytes, b"."))
    return kept.getvalue()


def _sha1(data: bytes) -> bytes:
    return hashlib.sha1(data, usedforsecurity=False).digest()


# Installing


def apps_in(data: bytes) -> list[App]:
    """The applications that a package brings; NotInstallable says why it would be refused."""
    try:
        return _pkg_apps(data) if data.startswith(b"xar!") else [_ipa_app(data)]
    except (LookupError, ValueError, TypeError, AttributeError, ExpatError) as error:
        raise NotInstallable(f"the package cannot be read: {error}") from error
    except (zipfile.BadZipFile, zlib.error, struct.error, ElementTree.ParseError) as error:
        raise NotInstallable(f"the package cannot be read: {error}") from error


def _pkg_apps(data: bytes) -> list[App]:
    _, size, _, packed, _, _ = HEADER.unpack_from(data)
    table = data[size : size + packed]
    toc = ElementTree.fromstring(zlib.decompress(table)).find("toc")
    assert toc is not None
    heap = size + packed
    _check_signature(toc, data, heap, _sha1(table))
    entry = next(one for one in toc.iter("file") if one.findtext("name") == "Distribution")
    start = heap + int(entry.findtext("data/offset") or 0)
    script = zlib.decompress(data[start : start + int(entry.findtext("data/length") or 0)])
    return [
        App(
            bundle.attrib["id"],
            bundle.attrib["path"].rpartition("/")[2].removesuffix(".app"),
            bundle.attrib["CFBundleShortVersionString"],
        )
        for bundle in ElementTree.fromstring(script).iter("bundle")
    ]


def _check_signature(toc: ElementTree.Element, data: bytes, heap: int, digest: bytes) -> None:
    signature = toc.find("signature")
    if signature is None:
        raise NotInstallable("the package is not signed")
    text = next(one.text for one in signature.iter() if one.tag.endswith("X509Certificate"))
    start = heap + int(signature.findtext("offset") or 0)
    signed = data[start : start + int(signature.findtext("size") or 0)]
    key = load_der_x509_certificate(base64.b64decode(text or "")).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    try:
        key.verify(signed, digest, padding.PKCS1v15(), Prehashed(hashes.SHA1()))
    except InvalidSignature as error:
        raise NotInstallable("the package was changed after signing") from error


def _ipa_app(data: bytes) -> App:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        name = next(one for one in archive.namelist() if one.endswith(".app/Info.plist"))
        info = plistlib.loads(archive.read(name))
    return App(info["CFBundleIdentifier"], info["CFBundleName"], info["CFBundleVersion"])


def main(path: Path) -> None:
    """Write an installer to try things with."""
    subject = pki.name([("CN", "Developer ID Installer: Example")])
    signer = pki.self_signed(subject, key=pki.new_key())
    app = App("org.example.editor", "Corporate Editor", "4.2.1")
    path.write_bytes(pkg(app, signer=signer, padding_bytes=200_000))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
