"""docs/events.md, made from the catalogue so that it cannot differ from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from zmdm_plugin.services.event_kinds import AREAS
from zmdm_plugin.services.event_kinds.base import Kind

_HEAD = """# Events

Every fact worth knowing is an event, written in the transaction of the fact: what is rolled back
never happened, and what is committed is told. The screen *Activity › Events* and
`GET /api/mdm/events/` find them by kind, device, actor and time; a device's page shows its own;
[webhooks](webhooks.md) carry them to other programs.

An event has

- `kind`, one of those below; filters take `device.*` for all that begin so;
- `version`, of what `payload` holds: it counts up when a key goes, or gets another sense or type,
  and stays when a key is only added. Old events keep the version that they were written under.
  A webhook calls them `type`, `data_version` and `data`;
- `device_id`, and the device's serial number and name, if it is about one;
- `actor_id` and `actor_label` of who did it, as in the audit; empty where a device, Apple or the
  server itself did;
- `request_id`, the same as in log lines, in the audit and in the answer's `X-Request-Id`;
- `payload`, whose keys are listed below. A key in *italics* is left out where there is nothing to
  say. No event holds a secret, nor what a device answered.

How long they are kept: `ZMDM_KEEP_EVENTS_DAYS`, and `ZMDM_KEEP_EVENTS_BY_KIND` for kinds that
begin alike, e.g. `{"command.": 14}`; see [settings](settings.md).

This page is made by `make docs`; a test compares it.
"""


def document() -> str:
    """The page as text."""
    lines = [_HEAD]
    for name, kinds in AREAS.items():
        lines += [
            f"## {name}",
            "",
            "| kind | version | what happened | payload |",
            "|---|---|---|---|",
        ]
        lines += _rows(kinds)
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _rows(kinds: Iterable[Kind]) -> Iterator[str]:
    for one in kinds:
        keys = "<br>".join(_key(one, name) for name in one.fields) or "–"
        yield f"| `{one.name}` | {one.version} | **{one.title}.** {one.about} | {keys} |"


def _key(one: Kind, name: str) -> str:
    field = one.fields[name]
    shown = f"`{name}`" if field.required else f"*`{name}`*"
    return f"{shown} ({field.type}): {field.about}"
