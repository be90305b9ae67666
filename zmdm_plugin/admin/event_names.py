"""Events name artifacts and versions by id; people are told names and numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from zmdm_plugin.admin.screen import session
from zmdm_plugin.models import Artifact, ArtifactVersion, Event

_ON_DEVICES = frozenset(
    {"artifact.installed", "artifact.failed", "artifact.missing", "artifact.not_removed"}
)


@dataclass(frozen=True, slots=True)
class EventNames:
    """The names that a page of events needs."""

    artifacts: Mapping[int, str] = field(default_factory=dict)
    versions: Mapping[int, int] = field(default_factory=dict)

    def details(self, event: Event) -> Iterator[tuple[str, Any, int | None]]:
        """Name, value and, for an artifact that exists, its id."""
        for key, value in event.payload.items():
            if key == "artifact" and isinstance(value, int):
                if value in self.artifacts:
                    yield key, self.artifacts[value], value
                else:
                    yield key, event.payload.get("name") or f"{value} (deleted)", None
            elif key == "version" and event.kind in _ON_DEVICES:
                yield key, self.versions.get(value, value), None
            elif key != "name" or "artifact" not in event.payload:
                yield key, _plain(value), None


def of(events: Sequence[Event]) -> EventNames:
    """Two statements at most, none where no event is about an artifact."""
    about = [event for event in events if isinstance(event.payload.get("artifact"), int)]
    if not about:
        return EventNames()
    found = session().execute(
        sa.select(Artifact.id, Artifact.name).where(
            Artifact.id.in_({event.payload["artifact"] for event in about})
        )
    )
    ids = {event.payload.get("version") for event in about if event.kind in _ON_DEVICES}
    numbers = session().execute(
        sa.select(ArtifactVersion.id, ArtifactVersion.number).where(
            ArtifactVersion.id.in_({one for one in ids if isinstance(one, int)})
        )
    )
    return EventNames(
        {artifact_id: name for artifact_id, name in found},
        {version_id: number for version_id, number in numbers},
    )


def _plain(value: Any) -> Any:
    return ", ".join(map(str, value)) if isinstance(value, list) else value
