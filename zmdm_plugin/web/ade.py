"""What the edges of ADE enrollments share: to ask Apple what profile it has."""

from __future__ import annotations

from typing import Any

from zmdm_plugin.db import run_in_transaction
from zmdm_plugin.services.ade import comparing, settings
from zmdm_plugin.web import dep


def download(enrollment_id: int) -> dict[str, Any]:
    """The profile of an enrollment as Apple has it; open no transaction around this.

    Raises Conflict while Apple has none, and DepError with its words for people.
    """

    def look() -> tuple[int, str]:
        row = settings.find(enrollment_id)
        return settings.of(row).server_id, comparing.uuid_of(row)

    server_id, uuid = run_in_transaction(look)
    return dep.ask(server_id, lambda client: client.get_profile(uuid))
