from __future__ import annotations

import pytest

from zmdm_plugin.protocol.declarations import TABLE, notation
from zmdm_plugin.protocol.platform import Platform

TEXT = """\
configuration.example multiple i15.0-18.0:SDUL:d:0 m13.0
 Key Usage* int =1|2 3..9 m!
 Ratio real ..1.5
 Pair arr #2..2
  - str @data,credential.scep ~plist
 Tree dict &example/Tree
shape example/Tree
 ANY dict &example/Tree
"""


def test_the_notation_says_everything_about_a_key():
    schema = notation.read(TEXT)
    usage, ratio, pair, tree = schema["com.apple.configuration.example"].keys
    assert (usage.name, usage.kind, usage.required) == ("Key Usage", "integer", True)
    assert (usage.values, usage.minimum, usage.maximum) == ((1, 2), 3, 9)
    assert usage.support[Platform.MACOS].never
    assert (ratio.minimum, ratio.maximum) == (None, 1.5)
    assert (pair.items, pair.keys[0].name) == ((2, 2), "")
    assert pair.keys[0].assets == ("com.apple.asset.data", "com.apple.asset.credential.scep")
    assert "text/xml" in pair.keys[0].content_types
    assert schema.inside(schema.inside(tree)[0]) == schema.inside(tree)


def test_the_notation_says_who_knows_a_type():
    declaration = notation.read(TEXT)["com.apple.configuration.example"]
    phone, mac = declaration.support[Platform.IOS], declaration.support[Platform.MACOS]
    assert (declaration.apply, declaration.kind) == ("multiple", "configuration")
    assert (phone.introduced, phone.removed) == ("15.0", "18.0")
    assert phone.enrollments == {"supervised", "device", "user", "local"}
    assert (phone.channels, phone.shared_ipad) == ({"device"}, frozenset())
    assert (mac.introduced, mac.enrollments, mac.channels) == ("13.0", None, None)


@pytest.mark.parametrize("text", [TEXT, *(f"\n{TEXT}\n",)])
def test_what_is_read_is_written_again(text):
    schema = notation.read(text)
    lines = [line for name in schema for line in notation.write_type(schema[name])]
    lines += [
        line for name, keys in schema.shapes.items() for line in notation.write_shape(name, keys)
    ]
    assert "\n".join(lines) + "\n" == TEXT


def test_our_table_survives_writing_and_reading():
    lines = [line for name in TABLE for line in notation.write_type(TABLE[name])]
    lines += [
        line for name, keys in TABLE.shapes.items() for line in notation.write_shape(name, keys)
    ]
    assert notation.read("\n".join(lines)) == TABLE


@pytest.mark.parametrize("line", [" Key", " Key number", " Key str x15.0", " Key str ~music"])
def test_a_line_that_says_nothing_is_refused(line):
    with pytest.raises((ValueError, KeyError)):
        notation.read(f"configuration.example\n{line}")
