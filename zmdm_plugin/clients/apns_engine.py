"""HTTP/2 for the push service, without IO: pushes in, bytes out; bytes in, events out.

`Engine` is all that the connection knows, so that a faster one can take this one's place.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings
from hpack import HeaderTuple, NeverIndexedHeaderTuple

from zmdm_plugin.clients.apns_wire import PRIORITY, Push

MAX_STREAMS = 500  # in flight, whatever a peer allows: h2 counts them anew at each push
MAX_ANSWER = 65_536  # bytes kept of an answer's body; Apple's have less than a hundred
RECEIVE_WINDOW = 2**20  # bytes
MAX_FRAME = 16_384  # bytes, HTTP/2's default, which we leave as it is
FRAME_HEADER = 9  # bytes
GOAWAY = 7  # frame type


@dataclass(frozen=True, slots=True)
class Answered:
    """A stream's answer is whole."""

    stream_id: int
    status: int
    apns_id: str | None
    body: bytes


@dataclass(frozen=True, slots=True)
class Reset:
    """A stream ended without an answer; refused: the peer has not looked at it."""

    stream_id: int
    refused: bool


@dataclass(frozen=True, slots=True)
class GoAway:
    """No new streams; those above `last_stream_id` were not looked at."""

    last_stream_id: int


@dataclass(frozen=True, slots=True)
class Ready:
    """The peer's first SETTINGS are here: pushes may be sent."""


@dataclass(frozen=True, slots=True)
class Pong:
    """The peer answered our PING."""


Event = Answered | Reset | GoAway | Ready | Pong


class PeerError(Exception):
    """The peer broke HTTP/2; the connection is of no more use."""


class Engine(Protocol):
    """What a connection needs of an HTTP/2 implementation."""

    def capacity(self) -> int:
        """Count the pushes that may be sent now."""
        ...

    def send(self, push: Push) -> int:
        """Queue a push's frames and give its stream's id."""
        ...

    def cancel(self, stream_id: int) -> None:
        """Queue the end of a stream whose answer nobody waits for any more."""
        ...

    def ping(self) -> None:
        """Queue a PING."""
        ...

    def goodbye(self) -> None:
        """Queue the connection's end."""
        ...

    def receive(self, data: bytes) -> Iterable[Event]:
        """Take the peer's bytes; PeerError when they are not HTTP/2."""
        ...

    def pending(self) -> bytes:
        """Take the bytes to write."""
        ...


@dataclass(slots=True)
class _Answer:
    status: int = 0
    apns_id: str | None = None
    body: bytearray = field(default_factory=bytearray)


class H2Engine:
    """`Engine` on the h2 library; the connection's greeting is pending from the start."""

    def __init__(self, *, authority: str, topic: str) -> None:
        self._h2 = _client_side()
        self._ready = False
        self._leaving = False
        self._answers: dict[int, _Answer] = {}
        self._frames = GoAwayFilter()
        self._waiting: dict[int, bytes] = {}  # bodies, or ends of them, that wait for a window
        self._head = [
            HeaderTuple(":method", "POST"),
            HeaderTuple(":scheme", "https"),
            HeaderTuple(":authority", authority),
        ]
        self._tail = [
            HeaderTuple("apns-topic", topic),
            HeaderTuple("apns-push-type", "mdm"),
            HeaderTuple("apns-priority", PRIORITY),
        ]
        self._h2.initiate_connection()
        self._h2.increment_flow_control_window(RECEIVE_WINDOW)

    def capacity(self) -> int:
        """Count free streams; none before the peer's SETTINGS or while a window is closed."""
        if not self._ready or self._leaving or self._waiting:
            return 0
        if self._h2.outbound_flow_control_window <= 0:
            return 0
        allowed = min(self._h2.remote_settings.max_concurrent_streams, MAX_STREAMS)
        return max(0, allowed - len(self._answers))

    def send(self, push: Push) -> int:
        """Queue HEADERS and as much of the body as the windows allow."""
        stream_id = self._h2.get_next_available_stream_id()
        # The path differs each time: kept out of the compression table it leaves the rest there.
        path = NeverIndexedHeaderTuple(":path", f"/3/device/{push.token.hex()}")
        expiration = HeaderTuple("apns-expiration", str(push.expiration))
        self._h2.send_headers(stream_id, [*self._head, path, *self._tail, expiration])
        self._answers[stream_id] = _Answer()
        self._send_body(stream_id, push.body())
        return stream_id

    def cancel(self, stream_id: int) -> None:
        """Queue RST_STREAM(CANCEL)."""
        self._forget(stream_id)
        try:
            self._h2.reset_stream(stream_id, h2.errors.ErrorCodes.CANCEL)
        except h2.exceptions.ProtocolError:
            pass  # it ended by itself meanwhile

    def ping(self) -> None:
        """Queue a PING; its content means nothing to us, for one is under way at most."""
        self._h2.ping(b"are you?")

    def goodbye(self) -> None:
        """Queue GOAWAY."""
        self._leaving = True
        try:
            self._h2.close_connection()
        except h2.exceptions.ProtocolError:
            pass  # the peer was quicker

    def pending(self) -> bytes:
        """Take what h2 has queued."""
        return self._h2.data_to_send()

    def receive(self, data: bytes) -> list[Event]:
        """Feed h2, answer its flow control, translate its events."""
        rest, last_stream_id = self._frames.feed(data)
        try:
            seen = self._h2.receive_data(rest)
        except h2.exceptions.ProtocolError as error:
            raise PeerError(type(error).__name__) from error
        found: list[Event] = []
        for event in seen:
            self._translate(event, found)
        if last_stream_id is not None:
            self._leaving = True
            found.append(GoAway(last_stream_id))
        if self._waiting:
            self._send_waiting()
        return found

    def _translate(self, event: h2.events.Event, found: list[Event]) -> None:
        match event:
            case h2.events.ResponseReceived():
                self._take_head(event)
            case h2.events.DataReceived():
                self._take_data(event)
            case h2.events.StreamEnded(stream_id=int(stream_id)):
                if answer := self._forget(stream_id):
                    body = bytes(answer.body)
                    found.append(Answered(stream_id, answer.status, answer.apns_id, body))
            case h2.events.StreamReset(stream_id=int(stream_id)):
                # nginx sends one behind each whole answer; that stream is forgotten already.
                if self._forget(stream_id):
                    refused = event.error_code == h2.errors.ErrorCodes.REFUSED_STREAM
                    found.append(Reset(stream_id, refused))
            case h2.events.RemoteSettingsChanged() if not self._ready:
                self._ready = True
                found.append(Ready())
            case h2.events.PingAckReceived():
                found.append(Pong())

    def _take_head(self, event: h2.events.ResponseReceived) -> None:
        answer = self._answers.get(event.stream_id)
        if answer is None:
            return
        for name, value in event.headers:
            if name == b":status":
                answer.status = int(value)
            elif name == b"apns-id":
                answer.apns_id = value.decode("latin-1")

    def _take_data(self, event: h2.events.DataReceived) -> None:
        answer = self._answers.get(event.stream_id)
        if answer is not None and len(answer.body) + len(event.data) <= MAX_ANSWER:
            answer.body += event.data
        if event.flow_controlled_length:
            self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)

    def _forget(self, stream_id: int) -> _Answer | None:
        self._waiting.pop(stream_id, None)
        return self._answers.pop(stream_id, None)

    def _send_body(self, stream_id: int, body: bytes) -> None:
        room = self._h2.local_flow_control_window(stream_id)
        room = max(0, min(room, self._h2.max_outbound_frame_size))
        if room >= len(body):
            self._h2.send_data(stream_id, body, end_stream=True)
            return
        if room:
            self._h2.send_data(stream_id, body[:room])
        self._waiting[stream_id] = body[room:]

    def _send_waiting(self) -> None:
        for stream_id, body in list(self._waiting.items()):
            del self._waiting[stream_id]
            try:
                self._send_body(stream_id, body)
            except h2.exceptions.ProtocolError:
                pass  # the stream or connection has ended; its event says so


class GoAwayFilter:
    """Takes GOAWAY frames out of the peer's bytes.

    h2 would take no frame behind one, but the answers to the streams that the peer has accepted
    are still to come (RFC 9113, section 6.8). All other frames pass as they are, and whole.
    """

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> tuple[bytes, int | None]:
        """Give the whole frames but GOAWAY, and the last stream id of a GOAWAY among them.

        PeerError: a frame longer than we allow, which is also what bytes of another protocol are.
        """
        data = self._rest + data
        passed: list[bytes] = []
        last_stream_id = None
        start = copied = 0
        while start + FRAME_HEADER <= len(data):
            length = int.from_bytes(data[start : start + 3])
            if length > MAX_FRAME:
                raise PeerError("a frame is too long")
            body = start + FRAME_HEADER
            if body + length > len(data):
                break
            if data[start + 3] == GOAWAY and length >= 8:
                passed.append(data[copied:start])
                copied = body + length
                last_stream_id = int.from_bytes(data[body : body + 4]) & 0x7FFFFFFF
            start = body + length
        self._rest = data[start:]
        return b"".join([*passed, data[copied:start]]), last_stream_id


def _client_side() -> h2.connection.H2Connection:
    # Our own header list is right by construction: h2 need not look at each again.
    config = h2.config.H2Configuration(
        client_side=True,
        header_encoding=None,
        validate_outbound_headers=False,
        normalize_outbound_headers=False,
    )
    return h2.connection.H2Connection(config)
