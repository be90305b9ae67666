"""What stands between "should have it" and "has it": variables, prerequisites, queue, push, answer.

Pure: what is asked about was loaded before, so that a device's whole list can be explained.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from zmdm_plugin.models import ChannelArtifact
from zmdm_plugin.services.artifacts import outcomes
from zmdm_plugin.services.artifacts.compiled import Compiled
from zmdm_plugin.services.artifacts.outcomes import joined
from zmdm_plugin.services.artifacts.resolve import Chosen
from zmdm_plugin.services.artifacts.under_way import Step, UnderWay
from zmdm_plugin.services.artifacts.wanted import APP, INSTALL, PACKAGE, UNDER_WAY
from zmdm_plugin.services.spans import ago, counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A chosen artifact on its way to a channel."""

    chosen: Chosen
    compiled: Compiled
    rows: Mapping[int, ChannelArtifact]
    why_command: str | None
    """Why it goes by command, in words; None: it goes by declaration."""
    awaiting: bool
    """In Setup Assistant, where declarations rest."""
    under_way: UnderWay
    unlicensed: str | None = None
    """Of a store app: what its licence waits for at this moment; None where it is there."""

    @property
    def by_command(self) -> bool:
        return self.why_command is not None

    @property
    def row(self) -> ChannelArtifact | None:
        return self.rows.get(self.chosen.item.id)

    @property
    def has_it(self) -> bool:
        """Whether the very version that it should have is there."""
        row = self.row
        if row is None or row.status != "installed":
            return False
        return row.installed_version_id == self.chosen.version.id

    def since(self, moment: datetime | None) -> str:
        return ago(moment, self.under_way.now)


def steps(case: Case) -> Iterator[Step]:
    """In the order in which things can be stuck."""
    yield Step("way", True, case.why_command or "it goes by declaration")
    if not case.by_command:
        yield from _supported(case)
        if case.awaiting:
            words = "declarations rest until the device has left Setup Assistant"
            yield Step("setup_assistant", False, words)
            return
    yield _variables(case)
    yield from _prerequisites(case)
    if case.has_it:
        yield _present(case)
        return
    if case.chosen.version.location_asset is not None:
        yield Step("licence", case.unlicensed is None, case.unlicensed or "its licence is there")
    if case.unlicensed is not None:
        return
    if case.row is not None and case.row.status in UNDER_WAY:
        yield from _under_way(case, case.row)
        return
    before = [*_update(case), *_retries(case)]
    yield from before
    if all(step.ok for step in before):
        yield from (_command(case) if case.by_command else _declaration(case))


def _supported(case: Case) -> Iterator[Step]:
    """As the planner found when it last looked at the channel; nothing before that."""
    if (why := outcomes.obstacle(case.row, "NotSupported")) is not None:
        yield Step("supported", False, why)
    elif case.row is not None:
        yield Step("supported", True, "the device takes this type of declaration")


def _variables(case: Case) -> Step:
    used = case.chosen.version.variables
    if not used:
        return Step("variables", True, "it uses no variables")
    if missing := sorted(used - case.under_way.values.keys()):
        return Step("variables", False, f"the device has no value for {', '.join(missing)}")
    return Step("variables", True, f"every variable has a value ({', '.join(sorted(used))})")


def _prerequisites(case: Case) -> Iterator[Step]:
    """By command one waits for the other; declarations go together unless one is held back."""
    item = case.chosen.item
    if not item.needs:
        return
    words = None
    if not case.by_command:
        words = outcomes.obstacle(case.row, "Waiting")
    elif waits := outcomes.waits_for(item.id, rows=case.rows, known=case.compiled):
        words = f"it waits for {', '.join(f'“{name}”' for name in waits)} to be there"
    if words is not None:
        yield Step("prerequisites", False, words)
    else:
        yield Step("prerequisites", True, "what it needs is there, or comes with it")


def _under_way(case: Case, row: ChannelArtifact) -> Iterator[Step]:
    """An app that the device has taken: what it said last, and when it is asked again."""
    yield Step("delivered", True, f"the device took it {case.since(row.tried_at)}")
    again = f"; it is asked again {case.since(row.check_at)}" if row.check_at else ""
    yield Step("present", False, f"{joined(row)}{again}")


def _present(case: Case) -> Step:
    row = case.row
    at = case.since(row.installed_at) if row is not None and row.installed_at else "before"
    words = f"version {case.chosen.version.number} is there, installed {at}"
    if row is not None and row.active is False:
        return Step("active", False, f"{words}, but it is not active; {joined(row)}")
    if row is not None and outcomes.told(row):
        return Step("present", True, f"{words}; {joined(row)}")
    return Step("present", True, words)


def _update(case: Case) -> Iterator[Step]:
    row = case.row
    if row is None or row.installed_version_id in (None, case.chosen.version.id):
        return
    if case.chosen.item.auto_update:
        yield Step("update", True, "another version is there, and is brought up to date")
    else:
        yield Step("update", False, "another version is there, and updates are turned off for it")


def _retries(case: Case) -> Iterator[Step]:
    """What the device answered to the last attempt, or that it is gone since."""
    row = case.row
    if row is None or row.status not in ("failed", "removal_failed", "uninstalled"):
        return
    if row.tried_version_id not in (None, case.chosen.version.id):
        yield Step("retries", True, "a former version failed; this one is new")
        return
    if row.status == "uninstalled":
        yield from _gone(case, row)
        return
    times = f"it failed {counted(max(row.attempts, row.retry_count, 1), 'time')}: {joined(row)}"
    if row.next_try_at is None:
        yield Step("retries", False, f"{times}; tried again by hand, or with a new version")
    elif row.next_try_at > case.under_way.now:
        yield Step("retries", False, f"{times}; tried again {case.since(row.next_try_at)}")
    else:
        yield Step("retries", True, f"{times}; it may be tried again")


def _gone(case: Case, row: ChannelArtifact) -> Iterator[Step]:
    words = f"it was there and is not any more: {joined(row)}"
    if row.next_try_at is not None and row.next_try_at > case.under_way.now:
        yield Step("retries", False, f"{words}; brought again {case.since(row.next_try_at)}")
    elif row.next_try_at is None and not case.by_command:
        yield Step("retries", False, f"{words}; brought again by hand, or with a new version")
    else:
        yield Step("retries", True, f"{words}; it is brought again")


def _command(case: Case) -> Iterator[Step]:
    item = case.chosen.item
    kinds = (PACKAGE, APP) if item.type == "enterprise_app" else (item.type,)
    found = (case.under_way.about(INSTALL[kind], item.id) for kind in kinds)
    command = next((one for one in found if one is not None), None)
    if command is None:
        yield case.under_way.unplanned()
        return
    yield Step("queued", True, f"the command was queued {case.since(command.created_at)}")
    yield case.under_way.step(command)


def _declaration(case: Case) -> Iterator[Step]:
    held = case.under_way.held
    if held is None or held.token is None or case.row is None:
        yield case.under_way.unplanned()
        return
    if held.token != held.offered_token:
        yield Step("listed", True, "the list of declarations was made anew")
        command = case.under_way.synchronizing()
        if command is not None:
            yield case.under_way.step(command)
        else:
            yield Step("fetched", False, "the device has not fetched the new list yet")
        return
    yield Step("fetched", True, f"the device fetched the list {case.since(held.offered_at)}")
    yield from _reported(case.row)


def _reported(row: ChannelArtifact) -> Iterator[Step]:
    """What the device says of it; what it said of a former version does not count."""
    if row.active is None and row.valid is None and row.reasons:
        yield Step("listed", False, joined(row))
        return
    if (row.active is None and row.valid is None) or (row.status == "pending" and row.active):
        yield Step("reported", False, "the device has not reported on it yet")
        return
    valid = {"valid": True, "unknown": None}.get(row.valid or "unknown", False)
    why = f"; {joined(row)}" if row.reasons else ""
    yield Step("valid", valid, f"the device says it is {row.valid or 'unknown'}{why}")
    if row.active is not None:
        words = "active" if row.active else "not active"
        yield Step("active", row.active, f"the device says it is {words}{why}")
