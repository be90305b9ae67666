"""Declarations of declarative device management: what Apple knows, and whether one fits it."""

from zmdm_plugin.protocol.declarations.references import Reference, references, replace
from zmdm_plugin.protocol.declarations.schema import (
    Channel,
    DeclarationType,
    Key,
    Kind,
    Schema,
    Support,
    kind_of,
)
from zmdm_plugin.protocol.declarations.support import (
    key_supported,
    knows_declarations,
    supported,
    unsupported,
)
from zmdm_plugin.protocol.declarations.table import TABLE
from zmdm_plugin.protocol.declarations.validation import validate

__all__ = [
    "TABLE",
    "Channel",
    "DeclarationType",
    "Key",
    "Kind",
    "Reference",
    "Schema",
    "Support",
    "key_supported",
    "kind_of",
    "knows_declarations",
    "references",
    "replace",
    "supported",
    "unsupported",
    "validate",
]
