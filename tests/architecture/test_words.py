"""What must not stand in the tree: other people's machines, promises, patched tests."""

from __future__ import annotations

import re

import pytest

from tests.architecture.tree import Source, sources, texts

_PLACES = re.compile(
    r"/(?:root|home/\w+|Users/\w+|work|opt/pypi\S*|private/tmp)/"
    r"|\.\./shared|/shared/"
    r"|(?:extra-)?index-url"
)
# They find Apple's schema where a checkout of it may lie beside this one.
_MAY_LOOK_BESIDE = (".ci/run", "tests/requirements.py", "tests/apple_schema.py")
_PROMISES = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b|raise NotImplementedError|\bfor now\b")
_PATCHES = re.compile(
    r"\bunittest\.mock\b|\bMagicMock\b|\bmock\.patch\b|monkeypatch\.setattr"
    r"|pytest\.skip|importorskip|mark\.(?:skip|xfail)"
)
_THIS = "tests/architecture/test_words.py"


def found(pattern: re.Pattern[str], source: Source) -> list[str]:
    return [
        f"{source.path}:{number}: {line.strip()[:80]}"
        for number, line in enumerate(source.text.splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_page_names_a_path_or_a_host_of_one_machine() -> None:
    exempt = (*_MAY_LOOK_BESIDE, _THIS)
    assert [
        hit for text in texts() if text.path not in exempt for hit in found(_PLACES, text)
    ] == []


def test_nothing_is_left_for_later() -> None:
    vendored = re.compile(r"/static/.*(?:vendor|swagger)")
    own = (text for text in texts() if text.path != _THIS and not vendored.search(text.path))
    assert [hit for text in own for hit in found(_PROMISES, text)] == []


def test_no_test_patches_or_skips() -> None:
    own = (source for source in sources("tests") if source.path != _THIS)
    assert [hit for source in own for hit in found(_PATCHES, source)] == []


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        (_PLACES, "see /home/somebody/project/file"),
        (_PLACES, "pip install --extra-index-url https://packages.internal"),
        (_PROMISES, "# TODO: finish"),
        (_PATCHES, "monkeypatch.setattr(module, 'name', fake)"),
    ],
)
def test_the_patterns_find_what_they_look_for(pattern: re.Pattern[str], line: str) -> None:
    assert found(pattern, Source("x.py", line)) == [f"x.py:1: {line}"]
