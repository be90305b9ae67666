"""Installers for macOS: signed distribution archives.

https://developer.apple.com/library/archive/documentation/DeveloperTools/Reference/DistributionDefinitionRef/
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final

from zmdm_plugin.protocol.packages import tree, xar
from zmdm_plugin.protocol.packages.tree import Node
from zmdm_plugin.protocol.packages.values import (
    PKG,
    Bundle,
    Package,
    PackageError,
    optional,
    text,
)

DISTRIBUTION: Final = "Distribution"
_ROOTS: Final = ("installer-gui-script", "installer-script")
_MOST_BUNDLES: Final = 200


def read(file: BinaryIO) -> Package:
    """What an installer says of itself; PackageError if a device would not take it, and why."""
    archive = xar.Archive(file)
    member = next((one for one in archive.members() if one.name == DISTRIBUTION), None)
    if member is None:
        raise PackageError(_no_distribution(archive))
    signer = archive.signer()
    if signer is None:
        raise PackageError(
            "it is not signed: device management installs signed packages only. Sign it with "
            "productsign and a Developer ID Installer certificate"
        )
    root = tree.parse(archive.read(member), "its Distribution")
    if root.tag not in _ROOTS:
        raise PackageError("its Distribution is no installer script")
    product_id, version = _product(root)
    title = root.find("title")
    return Package(
        kind=PKG,
        product_id=product_id,
        product_version=version,
        title=optional(title.text if title is not None else "") or product_id,
        platforms=("macOS",),
        bundles=tuple(_bundles(root)),
        signer=signer,
        minimum_os=_minimum_os(root),
        facts={"architectures": _architectures(root)},
    )


def _no_distribution(archive: xar.Archive) -> str:
    if archive.has_folder_or_file("PackageInfo"):
        return (
            "it is a component package, which device management does not install: make a "
            "distribution of it with productbuild --package"
        )
    return "it has no Distribution: it is no installer package"


def _product(root: Node) -> tuple[str, str]:
    """What the whole is called: <product>, else the first <pkg-ref> with both."""
    candidates = [*root.all("product"), *(one for one in root.walk() if one.tag == "pkg-ref")]
    for node in candidates:
        name, version = node.attributes.get("id"), node.attributes.get("version")
        if name and version:
            return text(name, "product identifier"), text(version, "product version")
    raise PackageError("its Distribution names no product with a version")


def _bundles(root: Node) -> Iterator[Bundle]:
    """The bundles of all its parts, each once."""
    seen: set[tuple[str, str]] = set()
    for node in root.walk():
        identifier = optional(node.attributes.get("id")) if node.tag == "bundle" else ""
        path = optional(node.attributes.get("path"))
        if not identifier or (identifier, path) in seen:
            continue
        seen.add((identifier, path))
        if len(seen) > _MOST_BUNDLES:
            return
        yield Bundle(
            identifier=identifier,
            version=optional(node.attributes.get("CFBundleVersion")),
            short_version=optional(node.attributes.get("CFBundleShortVersionString")),
            path=path,
        )


def _minimum_os(root: Node) -> str | None:
    for node in root.walk():
        if node.tag == "os-version" and (least := optional(node.attributes.get("min"))):
            return least
    return None


def _architectures(root: Node) -> list[str]:
    options = root.find("options")
    given = options.attributes.get("hostArchitectures", "") if options is not None else ""
    return [one for part in given.split(",")[:8] if (one := optional(part))]
