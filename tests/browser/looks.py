"""What is asked of every screen: that axe-core finds nothing serious, and that it fits."""

from __future__ import annotations

from collections.abc import Iterable

from axe_playwright_python.sync_playwright import Axe

from tests.browser.conftest import Visit

_AXE = Axe()


def serious(visit: Visit) -> list[str]:
    """What axe-core calls serious or critical on the present page; in the dark, colors alone."""
    options: dict[str, object] = {"resultTypes": ["violations"]}
    if visit.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches"):
        options["runOnly"] = ["color-contrast"]
    found = _AXE.run(visit.page, options=options).response["violations"]
    return [
        f"{item['id']}: {[node['target'] for node in item['nodes']][:3]}"
        for item in found
        if item["impact"] in ("serious", "critical")
    ]


def faults(visit: Visit, paths: Iterable[str]) -> dict[str, list[str]]:
    """The screens of these with something serious, and what."""
    found = {}
    for path in paths:
        visit.open(path)
        found[path] = serious(visit)
    return {path: why for path, why in found.items() if why}


def too_wide(visit: Visit, paths: Iterable[str]) -> dict[str, int]:
    """The screens of these that are wider than the window, and by how many pixels."""
    found = {}
    for path in paths:
        page = visit.open(path)
        found[path] = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return {path: pixels for path, pixels in found.items() if pixels > 0}
