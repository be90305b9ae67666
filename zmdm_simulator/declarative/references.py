"""Which other declarations a declaration names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

# Every key of Apple's that names assets ends so, but two.
ENDINGS = ("AssetReference", "AssetReferences")
OTHERS = frozenset({"ManagementStatusCertificateReference", "PublicKeyData"})


def assets(payload: Mapping[str, Any]) -> list[str]:
    """Return the identifiers of the assets that a payload names, however deep, in order."""
    return list(dict.fromkeys(_named(payload)))


def _named(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _named(item)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if key.endswith(ENDINGS) or key in OTHERS:
                yield from _strings(item)
            else:
                yield from _named(item)


def _strings(value: Any) -> Iterator[str]:
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, str):
            yield item
