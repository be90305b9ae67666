"""The page that says who may do what: `python -m tests.matrix_page > docs/permissions.md`."""

from __future__ import annotations

import sys

from tests.matrix import Walked, walk_api, walk_screens
from zmdm_plugin import policy
from zmdm_plugin.services import access

_HEAD = """# Who may do what

Made by `make docs`, by trying every operation of the API and every screen as every role of
`zmdm_plugin.policy`; tests compare it. A host with rules of its own decides otherwise; the
permissions are the same. "own" things (one's tokens, the work one ordered) need no permission but
the one that lets one make them.
"""


def page_permissions() -> str:
    """What each permission allows, and which roles have it."""
    titles = [role.title for role in policy.ROLES.values()]
    lines = ["## Permissions", "", _row(["permission", "what it allows", *titles])]
    lines.append(_line(2 + len(titles)))
    for name, about in sorted(access.permissions().items()):
        marks = [_mark(role.allows(name)) for role in policy.ROLES.values()]
        lines.append(_row([f"`{name}`", about, *marks]))
    return "\n".join(lines) + "\n"


def page_api(walked: Walked) -> str:
    """Every operation of the HTTP API."""
    return _page("HTTP API", walked, with_permission=True)


def page_screens(walked: Walked) -> str:
    """Every screen."""
    return _page("Screens", walked, with_permission=False)


def _page(title: str, walked: Walked, *, with_permission: bool) -> str:
    titles = [role.title for role in policy.ROLES.values()]
    head = ["", "path", *(["permission"] if with_permission else []), *titles]
    lines = [f"## {title}", "", _row(head), _line(len(head))]
    for method, path in sorted(walked.allowed, key=lambda item: (item[1], item[0])):
        let_in = walked.allowed[method, path]
        cells = [method, f"`{path}`"]
        if with_permission:
            cells.append(f"`{walked.permissions[method, path]}`")
        lines.append(_row([*cells, *(_mark(name in let_in) for name in policy.ROLES)]))
    return "\n".join(lines) + "\n"


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _line(number: int) -> str:
    return "|" + "---|" * number


def _mark(allowed: bool) -> str:
    return "yes" if allowed else "–"


def document() -> str:
    """The whole page."""
    api, seen = page_api(walk_api()), page_screens(walk_screens())
    return "\n".join((_HEAD, page_permissions(), api, seen))


if __name__ == "__main__":
    sys.stdout.write(document())
