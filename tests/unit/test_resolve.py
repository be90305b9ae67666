"""What a channel should have: against a slow and obvious reference, and the cases that bite."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from zmdm_plugin.protocol.platform import Platform
from zmdm_plugin.protocol.scope import Facts, Scope, matches
from zmdm_plugin.protocol.who import ChannelKind
from zmdm_plugin.services.artifacts.compiled import Compiled, Item, Link, Version
from zmdm_plugin.services.artifacts.resolve import DECLARED_ONLY, Resolution, resolve, scope_key

MAC = Facts(platform=Platform.MACOS, os_version="14.2", serial_number="C02", declarations=True)
ALL = Scope.everything(list(Platform))
NONE = Scope(platforms=ALL.platforms, default_shard=0)


def version(number: int, scope: Scope = ALL, *, of: int = 1) -> Version:
    return Version(id=of * 100 + number, uid=f"v{of}.{number}", number=number, scope=scope)


def item(number: int, **values: object) -> Item:
    fields: dict[str, object] = {
        "id": number,
        "uid": f"a{number}",
        "name": f"Artifact {number}",
        "type": "profile",
        "identifier": f"com.example.{number}",
        "channel": ChannelKind.DEVICE,
        "platforms": frozenset(Platform),
        "versions": (version(1, of=number),),
    }
    return Item(**{**fields, **values})  # type: ignore[arg-type]


def blueprint(*items: Item, linked: tuple[int, ...] = (1,), scope: Scope = ALL) -> Compiled:
    return Compiled(
        blueprint_id=1,
        uid="b",
        revision=1,
        links={number: Link(f"l{number}", scope) for number in linked},
        items={one.id: one for one in items},
    )


def ids(resolution: Resolution) -> list[int]:
    return [one.item.id for one in resolution.chosen]


def test_prerequisites_come_along_and_come_first() -> None:
    found = resolve(blueprint(item(1, requires=(2,)), item(2, references=(3,)), item(3)), MAC)
    assert ids(found) == [3, 2, 1]


def test_the_highest_rank_whose_scope_includes_the_device_wins() -> None:
    versions = (version(3, NONE), version(1), version(2))
    found = resolve(blueprint(item(1, versions=versions)), MAC)
    assert found.chosen[0].version.number == 1


def test_a_prerequisite_that_cannot_be_had_holds_back_what_needs_it_and_nothing_else() -> None:
    missing = item(2, versions=(version(1, NONE),))
    found = resolve(blueprint(item(1, requires=(2,)), missing, item(3), linked=(1, 3)), MAC)
    assert ids(found) == [3]
    assert found.left_out[1].words == "it needs “Artifact 2”, which the device cannot have"


def test_a_circle_is_left_out_with_a_reason_and_blocks_nothing_else() -> None:
    circle = (item(1, requires=(2,)), item(2, requires=(1,)), item(3))
    found = resolve(blueprint(*circle, linked=(1, 3)), MAC)
    assert ids(found) == [3]
    assert found.left_out.keys() == {1, 2}
    assert "circle" in found.left_out[1].words


def test_in_setup_assistant_only_flagged_artifacts_and_what_they_need_are_there() -> None:
    flagged = item(1, install_during_setup_assistant=True, requires=(2,))
    found = resolve(
        blueprint(flagged, item(2), item(3), linked=(1, 3)), replace(MAC, awaiting=True)
    )
    assert ids(found) == [2, 1]
    assert found.left_out[3].rule == "setup_assistant"


def test_what_is_linked_out_of_scope_and_required_is_there() -> None:
    compiled = blueprint(item(1, requires=(2,)), item(2), linked=(1, 2))
    links = {**compiled.links, 2: Link("l2", NONE)}
    found = resolve(replace(compiled, links=links), MAC)
    assert ids(found) == [2, 1]
    assert not found.left_out


def test_a_declaration_is_not_for_a_device_without_declarations() -> None:
    found = resolve(blueprint(item(1, type="configuration")), replace(MAC, declarations=False))
    assert found.left_out[1].rule == "declarations"


def test_another_channel_gets_nothing_of_it() -> None:
    found = resolve(blueprint(item(1)), replace(MAC, channel=ChannelKind.USER))
    assert found.left_out[1].rule == "channel"


SCOPES = st.builds(
    Scope,
    platforms=st.dictionaries(
        st.sampled_from([Platform.MACOS, Platform.IOS]),
        st.sampled_from([(None, None), ("14", None), (None, "14")]),
        min_size=1,
    ),
    excluded_tags=st.frozensets(st.integers(1, 2), max_size=1),
    default_shard=st.sampled_from([0, 50, 100, 100, 100]),
    tag_shards=st.dictionaries(st.integers(3, 4), st.integers(1, 100), max_size=1),
)
FACTS = st.builds(
    Facts,
    platform=st.sampled_from([Platform.MACOS, Platform.IOS, None]),
    os_version=st.sampled_from(["13.4", "14.0", "14.2", None]),
    tags=st.frozensets(st.integers(1, 4)),
    serial_number=st.sampled_from([f"S{number}" for number in range(8)]),
    awaiting=st.booleans(),
    channel=st.sampled_from(ChannelKind),
    declarations=st.booleans(),
)


@st.composite
def compiled_blueprints(draw: st.DrawFn) -> Compiled:
    count = draw(st.integers(1, 7))
    needs = st.lists(st.integers(1, count), max_size=2).map(tuple)
    items = []
    for number in range(1, count + 1):
        scopes = draw(st.lists(SCOPES, max_size=3))
        items.append(
            item(
                number,
                type=draw(st.sampled_from(["profile", "configuration"])),
                channel=draw(st.sampled_from([ChannelKind.DEVICE, *ChannelKind])),
                platforms=frozenset(draw(st.sampled_from([tuple(Platform), (Platform.MACOS,)]))),
                install_during_setup_assistant=draw(st.booleans()),
                requires=draw(needs) if draw(st.booleans()) else (),
                references=draw(needs) if draw(st.booleans()) else (),
                versions=tuple(version(n, one, of=number) for n, one in enumerate(scopes)),
            )
        )
    linked = draw(st.frozensets(st.integers(1, count)))
    links = {number: Link(f"l{number}", draw(SCOPES)) for number in sorted(linked)}
    return replace(blueprint(*items), links=links)


def obvious(compiled: Compiled, facts: Facts) -> dict[int, int]:
    """Artifact id -> version id, by trying again until nothing changes any more."""

    def own(one: Item) -> Version | None:
        if one.channel != facts.channel:
            return None
        if facts.platform is not None and facts.platform not in one.platforms:
            return None
        if one.type in DECLARED_ONLY and not facts.declarations:
            return None
        fitting = [v for v in one.versions if matches(v.scope, facts, item=v.uid).ok]
        return fitting[0] if fitting else None

    wanted = {
        number
        for number, link in compiled.links.items()
        if compiled.items[number].channel == facts.channel
        and (compiled.items[number].install_during_setup_assistant or not facts.awaiting)
        and matches(link.scope, facts, item=link.uid).ok
    }
    while more := {n for w in wanted for n in compiled.items[w].needs} - wanted:
        wanted |= more
    had: dict[int, int] = {}
    while True:
        found_now = {
            n: found.id
            for n in wanted - had.keys()
            if (found := own(compiled.items[n])) and had.keys() >= set(compiled.items[n].needs)
        }
        if not found_now:
            return had
        had |= found_now


@settings(max_examples=400, deadline=None)
@given(compiled_blueprints(), FACTS)
def test_it_decides_as_a_slow_and_obvious_reference_does(compiled: Compiled, facts: Facts) -> None:
    found = resolve(compiled, facts)
    assert {one.item.id: one.version.id for one in found.chosen} == obvious(compiled, facts)
    places = {one.item.id: place for place, one in enumerate(found.chosen)}
    assert all(places[n] < places[one.item.id] for one in found.chosen for n in one.item.needs)
    assert compiled.links.keys() <= places.keys() | found.left_out.keys()
    assert not places.keys() & found.left_out.keys()


@settings(max_examples=300, deadline=None)
@given(compiled_blueprints(), FACTS, FACTS)
def test_channels_with_one_scope_key_should_have_the_same(
    compiled: Compiled, one: Facts, other: Facts
) -> None:
    other = replace(other, platform=one.platform, os_version=one.os_version, channel=one.channel)
    other = replace(other, awaiting=one.awaiting, declarations=one.declarations)
    if scope_key(compiled, one) == scope_key(compiled, other):
        assert resolve(compiled, one).chosen == resolve(compiled, other).chosen


def test_the_scope_key_tells_apart_what_may_differ() -> None:
    sharded = Scope(platforms=ALL.platforms, default_shard=50)
    compiled = blueprint(item(1), scope=sharded)
    facts = [replace(MAC, serial_number=f"S{number}") for number in range(50)]
    assert len({scope_key(compiled, one) for one in facts}) == 2
    assert scope_key(compiled, MAC) != scope_key(compiled, replace(MAC, supervised=True))
    assert scope_key(compiled, MAC) == scope_key(compiled, replace(MAC, tags=frozenset({9})))
