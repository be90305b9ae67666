"""What is known of a package once it was read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from zmdm_plugin.errors import ProtocolError

PKG: Final = "pkg"
IPA: Final = "ipa"
LONGEST: Final = 255
"""Characters of an identifier, a version or a title."""


class PackageError(ProtocolError):
    """An archive that is broken, hostile, or not what a device would install; says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """An application (or another bundle) that a package installs."""

    identifier: str
    version: str = ""
    """CFBundleVersion"""
    short_version: str = ""
    """CFBundleShortVersionString"""
    path: str = ""

    def to_json(self) -> dict[str, str]:
        return {
            "identifier": self.identifier,
            "version": self.version,
            "short_version": self.short_version,
            "path": self.path,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """What a package says of itself."""

    kind: str
    """pkg | ipa"""
    product_id: str
    product_version: str
    title: str
    platforms: tuple[str, ...]
    bundles: tuple[Bundle, ...] = ()
    signer: str | None = None
    """Common name of the certificate that signed it (pkg)."""
    minimum_os: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


def text(value: object, what: str, *, least: int = 1) -> str:
    """A short printable text; PackageError names what is none."""
    if not isinstance(value, str) or not least <= len(value.strip()) <= LONGEST:
        raise PackageError(f"its {what} is missing or longer than {LONGEST} characters")
    if not value.isprintable():
        raise PackageError(f"its {what} has characters that cannot be shown")
    return value.strip()


def optional(value: object) -> str:
    """The same where it may be missing: what cannot be shown counts as missing."""
    usable = isinstance(value, str) and value.isprintable() and len(value) <= LONGEST
    return str(value).strip() if usable else ""
