"""Sealed values open where they were sealed, under any key of the ring, and nowhere else."""

from __future__ import annotations

import pytest

from zmdm_plugin.errors import SealError
from zmdm_plugin.secretbox import SecretBox, generate_key, parse_key

OLD, NEW = parse_key(generate_key()), parse_key(generate_key())
BOX = SecretBox.from_keys((NEW,))


def test_what_was_sealed_opens() -> None:
    sealed = BOX.seal(b"hush", label="device.unlock_token", uid="a")
    assert BOX.open(sealed, label="device.unlock_token", uid="a") == b"hush"


def test_the_text_does_not_show_the_value() -> None:
    assert "hush" not in BOX.seal(b"hush", label="x", uid="a")


@pytest.mark.parametrize(("label", "uid"), [("device.unlock_token", "b"), ("device.other", "a")])
def test_a_value_moved_to_another_row_or_column_does_not_open(label: str, uid: str) -> None:
    sealed = BOX.seal(b"hush", label="device.unlock_token", uid="a")
    with pytest.raises(SealError):
        BOX.open(sealed, label=label, uid=uid)


def test_a_changed_value_does_not_open() -> None:
    sealed = BOX.seal(b"hush", label="x", uid="a")
    other = "A" if sealed[-5] != "A" else "B"
    with pytest.raises(SealError):
        BOX.open(sealed[:-5] + other + sealed[-4:], label="x", uid="a")


@pytest.mark.parametrize("text", ["", "z1", "z1..", "z1.abc.%%%", "plain text"])
def test_junk_does_not_open(text: str) -> None:
    with pytest.raises(SealError):
        BOX.open(text, label="x", uid="a")


def test_an_older_key_of_the_ring_opens_what_it_sealed() -> None:
    sealed = SecretBox.from_keys((OLD,)).seal(b"hush", label="x", uid="a")
    ring = SecretBox.from_keys((NEW, OLD))
    assert ring.open(sealed, label="x", uid="a") == b"hush"
    assert not ring.is_current(sealed)


def test_the_newest_key_seals() -> None:
    sealed = SecretBox.from_keys((NEW, OLD)).seal(b"hush", label="x", uid="a")
    assert BOX.open(sealed, label="x", uid="a") == b"hush"


def test_a_missing_key_is_an_outage_of_ours() -> None:
    sealed = SecretBox.from_keys((OLD,)).seal(b"hush", label="x", uid="a")
    with pytest.raises(SealError, match="ZMDM_SEALING_KEYS") as raised:
        BOX.open(sealed, label="x", uid="a")
    assert raised.value.status == 503
