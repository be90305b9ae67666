"""docs/settings.md, made from the fields so that it cannot differ from them."""

from __future__ import annotations

import dataclasses
from typing import Any, cast

from zmdm_plugin.config.settings import Settings, key_name


def document() -> str:
    """The page as text."""
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
    if isinstance(value, tuple):
        return "`" + ", ".join(map(_item, value)) + "`"
    return f"`{str(value).lower()}`" if isinstance(value, bool) else f"`{value}`"


def _item(value: object) -> str:
    """A word of a list, or a name with its number."""
    return "=".join(map(str, value)) if isinstance(value, tuple) else str(value)
