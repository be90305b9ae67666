"""Which update a device is told to install, and by when: a pure function over values.

Platforms and tags choose one enforcement. A target that was advertised stays until it is installed
or taken back; a newer release is added beside it, else each release would move the date and nothing
would ever be enforced. No date that a device is first shown lies nearer than the minimum notice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from zmdm_plugin.protocol.platform import Platform, at_least, version
from zmdm_plugin.services.software_updates.values import (
    Decision,
    Ended,
    Enforcement,
    Facts,
    Feed,
    Latest,
    OneTime,
    Release,
    Target,
    build_order,
    family,
    identifier,
)

KNOWN_SINCE = {
    Platform.IOS: "17.0",
    Platform.IPADOS: "17.0",
    Platform.MACOS: "14.0",
    Platform.TVOS: "18.4",
    Platform.VISIONOS: "26.0",
}
"""From which OS version on a device understands an enforcement."""
_EARLIEST = timezone(timedelta(hours=14))
"""Where a local time comes first: a device whose zone is unknown gets no less notice there."""


def targets(
    facts: Facts,
    enforcements: Sequence[Enforcement],
    *,
    feed: Feed,
    advertised: Iterable[Target],
    now: datetime,
    minimum_notice: timedelta,
) -> Decision:
    """All that the device should be told now, what ends, and why; never raises."""
    present = list(advertised)
    if reason := incapable(facts):
        return _nothing(present, reason)
    chosen, conflict = choose(facts, enforcements)
    if chosen is None:
        return _nothing(present, "no enforcement of its blueprint concerns it")
    earliest = _local(now, facts.time_zone) + minimum_notice
    wanted, why = _wanted(chosen, facts, feed, now=now, earliest=earliest)
    kept, ended = [], []
    for target in present:
        end = _ending(target, chosen, facts, feed, wanted=wanted, today=now.date())
        if end is None:
            kept.append(_renewed(target, chosen, feed, earliest))
        else:
            ended.append(end)
    if wanted is not None and all(target.identifier != wanted.identifier for target in kept):
        kept, replaced = _beside(kept, wanted)
        ended += replaced
    return Decision(
        targets=tuple(sorted(kept, key=lambda target: (target.local, version(target.os_version)))),
        ended=tuple(ended),
        enforcement=chosen,
        conflict=conflict,
        why=_words(chosen, conflict, why),
    )


def incapable(facts: Facts) -> str:
    """Why no enforcement can be declared to this device; empty if one can."""
    platform = facts.platform or ""
    if platform not in KNOWN_SINCE:
        return f"{platform or 'its platform'} knows no enforced updates"
    since = KNOWN_SINCE[Platform(platform)]
    if not facts.os_version:
        return "its OS version is not known yet"
    if not at_least(facts.os_version, since):
        return f"enforced updates need {platform} {since}"
    if facts.user_enrollment:
        return "updates cannot be enforced in a user enrollment"
    if platform == Platform.MACOS and facts.supervised is False:
        return "updates are enforced on supervised Macs only"
    return ""


def choose(
    facts: Facts, enforcements: Iterable[Enforcement]
) -> tuple[Enforcement | None, tuple[str, ...]]:
    """The enforcement with most tags in common, else one without tags; and who ties with it."""
    able = [one for one in enforcements if facts.platform in one.platforms]
    common = {one.id: len(one.tags & facts.tags) for one in able}
    most = max(common.values(), default=0)
    tied = [one for one in able if common[one.id] == most and (most or not one.tags)]
    tied.sort(key=lambda one: one.id)
    return (tied[0] if tied else None), tuple(one.name for one in tied[1:])


def reached(facts: Facts, os_version: str, build: str) -> bool:
    """Whether the device runs this already, or something newer."""
    runs, asked = version(facts.os_version), version(os_version)
    if runs != asked:
        return runs > asked
    if not build or build in facts.builds:
        return True
    wanted = build_order(build)
    present = [order for one in facts.builds if (order := build_order(one))]
    return wanted is None or not present or max(present) >= wanted


def newest(facts: Facts, releases: Iterable[Release], *, below: str, today: date) -> Release | None:
    """The newest release that could be installed today; it may be the one that runs."""
    limit = version(below)
    able = [
        one
        for one in releases
        if one.platform == family(facts.platform)
        and (one.managed or one.extra)
        and (not limit or version(one.version) < limit)
        and (not one.prerequisite_build or one.prerequisite_build in facts.builds)
        and one.live(today)
    ]
    return max(able, key=lambda one: one.order, default=None)


def _nothing(present: Iterable[Target], why: str) -> Decision:
    dropped = tuple(Ended(identifier=one.identifier, how="dropped", why=why) for one in present)
    return Decision(ended=dropped, why=why)


def _wanted(
    chosen: Enforcement, facts: Facts, feed: Feed, *, now: datetime, earliest: datetime
) -> tuple[Target | None, str]:
    if isinstance(chosen.what, OneTime):
        return _one_time(chosen, chosen.what, facts, feed, today=now.date(), earliest=earliest)
    return _latest(chosen, chosen.what, facts, feed, today=now.date(), earliest=earliest)


def _one_time(
    chosen: Enforcement,
    what: OneTime,
    facts: Facts,
    feed: Feed,
    *,
    today: date,
    earliest: datetime,
) -> tuple[Target | None, str]:
    if reached(facts, what.os_version, what.build):
        return None, f"it runs {facts.os_version}, which is not older than {what.os_version}"
    if _gone(what.os_version, what.build, feed, today):
        return None, f"Apple offers {what.os_version} to it no more"
    local, moved = _noticed(what.local, earliest)
    why = f"{what.os_version} by the date that was given{moved}"
    return _target(chosen, what.os_version, what.build, local, why), why


def _latest(
    chosen: Enforcement,
    what: Latest,
    facts: Facts,
    feed: Feed,
    *,
    today: date,
    earliest: datetime,
) -> tuple[Target | None, str]:
    if not feed.read:
        return None, "Apple's list of updates has not been read yet"
    if not facts.device_ids:
        return None, "it has not said yet what Apple's list of updates calls it"
    if not feed.releases:
        return None, f"Apple's list of updates does not know {' or '.join(facts.device_ids)}"
    found = newest(facts, feed.releases, below=what.below, today=today)
    if found is None:
        return None, f"Apple offers nothing below {what.below} to it"
    if reached(facts, found.version, found.build):
        return None, f"it is up to date: the newest below {what.below} is {found.version}"
    local, moved = _noticed(_due(what, found.posted_on or today), earliest)
    posted = f"posted {found.posted_on}" if found.posted_on else "posted some day"
    why = (
        f"{_name(found)} is the newest below {what.below}, {posted}, {what.delay_days} days"
        f" later{moved}"
    )
    return _target(chosen, found.version, found.build, local, why), why


def _target(chosen: Enforcement, os_version: str, build: str, local: datetime, why: str) -> Target:
    return Target(
        enforcement_id=chosen.id,
        identifier=identifier(chosen.uid, os_version, build),
        os_version=os_version,
        build=build,
        local=local,
        basis=_basis(chosen),
        details_url=chosen.details_url,
        why=why,
    )


def _ending(
    target: Target,
    chosen: Enforcement,
    facts: Facts,
    feed: Feed,
    *,
    wanted: Target | None,
    today: date,
) -> Ended | None:
    """How and why an advertised target ends now; None: it stays."""
    name = target.identifier
    if reached(facts, target.os_version, target.build):
        return Ended(identifier=name, how="installed", why=f"it runs {facts.os_version}")
    if target.enforcement_id != chosen.id:
        return Ended(identifier=name, how="dropped", why=f"“{chosen.name}” applies now")
    if _gone(target.os_version, target.build, feed, today):
        why = f"Apple offers {target.os_version} to it no more"
        return Ended(identifier=name, how="withdrawn", why=why)
    what = chosen.what
    if isinstance(what, OneTime):
        if wanted is None or wanted.identifier != name:
            return Ended(identifier=name, how="dropped", why="now another version is asked for")
    elif version(target.os_version) >= version(what.below):
        return Ended(identifier=name, how="dropped", why=f"it is not below {what.below}")
    return None


def _gone(os_version: str, build: str, feed: Feed, today: date) -> bool:
    """Whether the feed knew this version and lists it no more; what it never knew is not gone."""
    numbers = version(os_version)
    known = [
        one
        for one in feed.releases
        if version(one.version) == numbers and (not build or one.build == build)
    ]
    return bool(known) and not any(one.live(today) for one in known)


def _renewed(target: Target, chosen: Enforcement, feed: Feed, earliest: datetime) -> Target:
    """The target as it was, but with what the operator has changed since."""
    if target.basis == _basis(chosen):
        return replace(target, details_url=chosen.details_url)
    what = chosen.what
    if isinstance(what, OneTime):
        local = what.local
    else:
        local = _due(what, _posted(target, feed) or earliest.date())
    local, moved = _noticed(local, earliest)
    return replace(
        target,
        local=local,
        basis=_basis(chosen),
        details_url=chosen.details_url,
        why=f"{target.os_version}, the date was changed{moved}",
    )


def _beside(kept: list[Target], wanted: Target) -> tuple[list[Target], list[Ended]]:
    """Add a newer target; an older one ends only where that brings its date no later."""
    stays, ended = [wanted], []
    for one in kept:
        older = version(one.os_version) <= version(wanted.os_version)
        if older and wanted.local <= one.local:
            why = f"{wanted.os_version} is due no later"
            ended.append(Ended(identifier=one.identifier, how="replaced", why=why))
        else:
            stays.append(one)
    return stays, ended


def _posted(target: Target, feed: Feed) -> date | None:
    dates = [
        one.posted_on
        for one in feed.releases
        if one.version == target.os_version and one.build == target.build and one.posted_on
    ]
    return min(dates, default=None)


def _basis(chosen: Enforcement) -> str:
    what = chosen.what
    if isinstance(what, OneTime):
        return what.local.isoformat(timespec="seconds")
    return f"{what.delay_days}@{what.at.isoformat(timespec='seconds')}"


def _due(what: Latest, posted: date) -> datetime:
    return datetime.combine(posted + timedelta(days=what.delay_days), what.at)


def _noticed(local: datetime, earliest: datetime) -> tuple[datetime, str]:
    """The date, or the first one at the same time of day that gives notice enough."""
    if local >= earliest:
        return local, ""
    moved = datetime.combine(earliest.date(), local.time())
    if moved < earliest:
        moved += timedelta(days=1)
    return moved, ", moved so that it is announced early enough"


def _local(now: datetime, time_zone: str | None) -> datetime:
    """What a clock at the device shows, without zone."""
    try:
        zone = ZoneInfo(time_zone) if time_zone else _EARLIEST
    except (ZoneInfoNotFoundError, ValueError, OSError):
        zone = _EARLIEST
    return now.astimezone(UTC).astimezone(zone).replace(tzinfo=None)


def _name(release: Release) -> str:
    return f"{release.version} {release.extra}".strip()


def _words(chosen: Enforcement, conflict: tuple[str, ...], why: str) -> str:
    said = f"“{chosen.name}”: {why}"
    if conflict:
        others = ", ".join(f"“{name}”" for name in conflict)
        said += f"; {others} would apply just as well, the oldest counts"
    return said
