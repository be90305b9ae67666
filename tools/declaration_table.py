"""Make our table of declarations anew from a checkout of Apple's description of them.

    python -m tools.declaration_table /path/to/device-management

It writes zmdm_plugin/protocol/declarations/table_*.py: names, kinds, ranges and versions, in the
notation of zmdm_plugin/protocol/declarations/notation.py; nothing that Apple wrote as text.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from zmdm_plugin.protocol.declarations import notation
from zmdm_plugin.protocol.declarations.schema import Schema
from zmdm_plugin.services import schema_folder

PACKAGE = Path(__file__).resolve().parent.parent / "zmdm_plugin" / "protocol" / "declarations"
#: Modules by the words that follow `com.apple.`; the first that fits has the type.
MODULES = {
    "vpn": ("configuration.network.vpn.",),
    "network": ("configuration.network.", "configuration.extensible-sso", "configuration.web"),
    "accounts": ("configuration.account.", "configuration.app.", "configuration.package"),
    "settings": ("configuration.",),
    "basics": ("",),
}
WIDTH = 98
HEADER = '''"""Declarations, {name}: made by tools/declaration_table.py, not by hand."""

from __future__ import annotations

TEXT = """\\
{text}
"""
'''


def module_of(name: str) -> str:
    """The module that a type (or the shape `configuration/Name`) stands in."""
    return next(module for module, words in MODULES.items() if name.startswith(words))


def texts(schema: Schema) -> dict[str, str]:
    """The notation of each module."""
    lines: dict[str, list[str]] = {module: [] for module in MODULES}
    for name, declaration in schema.types.items():
        lines[module_of(name.removeprefix("com.apple."))] += notation.write_type(declaration)
    for name, keys in schema.shapes.items():
        owner = name.partition("/")[0]
        full = owner if f"com.apple.{owner}" in schema else f"configuration.{owner}"
        lines[module_of(full)] += notation.write_shape(name, keys)
    return {module: "\n".join(map(wrapped, parts)) for module, parts in lines.items()}


def wrapped(line: str) -> str:
    """A long line in pieces that Python puts together again."""
    if len(line) <= WIDTH:
        return line
    at = max(line.rfind(" ", 0, WIDTH), line.rfind("|", 0, WIDTH)) + 1
    return f"{line[:at]}\\\n{wrapped(line[at:])}"


def main(arguments: Iterable[str]) -> None:
    """Write the modules and say how long they are."""
    [folder] = arguments
    for module, text in texts(schema_folder.load(Path(folder))).items():
        path = PACKAGE / f"table_{module}.py"
        path.write_text(HEADER.format(name=module, text=text), encoding="utf-8")
        print(f"{path.name}: {text.count(chr(10)) + 8} lines")


if __name__ == "__main__":
    main(sys.argv[1:])
