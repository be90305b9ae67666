from __future__ import annotations

import itertools

import pytest
from h2.errors import ErrorCodes
from hyperframe.frame import DataFrame, Frame, GoAwayFrame, PingFrame, RstStreamFrame, SettingsFrame
from hypothesis import given
from hypothesis import strategies as st

from zmdm_plugin.clients.apns_engine import GoAwayFilter, H2Engine, PeerError, Ready, Reset
from zmdm_plugin.clients.apns_wire import Push

FRAMES: list[Frame] = [
    SettingsFrame(0),
    PingFrame(0, b"12345678"),
    GoAwayFrame(0, last_stream_id=7, additional_data=b"going"),
    DataFrame(5, b"x" * 300),
    GoAwayFrame(0, last_stream_id=5),
    DataFrame(3, b""),
]


@given(cuts=st.lists(st.integers(0, 400), max_size=8))
def test_goaway_is_taken_out_however_the_bytes_arrive(cuts: list[int]) -> None:
    wire = b"".join(frame.serialize() for frame in FRAMES)
    kept = b"".join(f.serialize() for f in FRAMES if not isinstance(f, GoAwayFrame))
    places = [0, *sorted(min(cut, len(wire)) for cut in cuts), len(wire)]
    frames, passed, seen = GoAwayFilter(), b"", []
    for start, end in itertools.pairwise(places):
        rest, last = frames.feed(wire[start:end])
        passed += rest
        seen.append(last)
    assert passed == kept
    assert [last for last in seen if last is not None][-1] == 5


def test_a_frame_beyond_the_limit_is_a_peer_error() -> None:
    head = (16_385).to_bytes(3) + b"\x00\x00" + (1).to_bytes(4)
    with pytest.raises(PeerError):
        GoAwayFilter().feed(head)


def test_nothing_may_be_sent_before_the_peers_settings() -> None:
    engine = H2Engine(authority="localhost", topic="com.apple.mgmt.External.x")
    assert engine.capacity() == 0
    assert engine.receive(SettingsFrame(0).serialize()) == [Ready()]
    assert engine.capacity() > 0


def test_the_peers_stream_limit_bounds_what_may_be_sent() -> None:
    engine = H2Engine(authority="localhost", topic="com.apple.mgmt.External.x")
    limit = SettingsFrame(0, {SettingsFrame.MAX_CONCURRENT_STREAMS: 2})
    engine.receive(limit.serialize())
    engine.send(Push(1, b"t", "magic", 0))
    assert engine.capacity() == 1


@given(noise=st.binary(min_size=1, max_size=300))
def test_noise_from_the_peer_is_a_peer_error_or_harmless(noise: bytes) -> None:
    engine = H2Engine(authority="localhost", topic="com.apple.mgmt.External.x")
    try:
        engine.receive(SettingsFrame(0).serialize() + noise)
    except PeerError:
        pass


def test_http_1_from_the_peer_is_a_peer_error() -> None:
    engine = H2Engine(authority="localhost", topic="com.apple.mgmt.External.x")
    with pytest.raises(PeerError):
        engine.receive(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n" * 400)


@pytest.mark.parametrize(
    ("code", "refused"), [(ErrorCodes.REFUSED_STREAM, True), (ErrorCodes.INTERNAL_ERROR, False)]
)
def test_a_refused_stream_is_told_from_a_broken_one(code: ErrorCodes, refused: bool) -> None:
    engine = H2Engine(authority="localhost", topic="com.apple.mgmt.External.x")
    engine.receive(SettingsFrame(0).serialize())
    stream_id = engine.send(Push(1, b"t", "magic", 0))
    end = RstStreamFrame(stream_id, error_code=code)
    assert engine.receive(end.serialize()) == [Reset(stream_id, refused)]
