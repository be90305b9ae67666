"""One HTTP/2 connection of the played push service."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings
import hyperframe.frame

from zmdm_simulator.apple.faults import Faults
from zmdm_simulator.apple.ledger import Ledger
from zmdm_simulator.apple.rules import Accepted, Refused, judge
from zmdm_simulator.apple.tls import TlsTransport

CONNECTION_WINDOW = 2**24  # bytes; Apple's, too, is large


@dataclass(slots=True)
class _Request:
    headers: list[tuple[bytes, bytes]]
    body: bytearray


def topic_of(certificate: Mapping[str, object]) -> str:
    """Read the UID of a verified client certificate, as `getpeercert` gives it."""
    subject = certificate.get("subject")
    if isinstance(subject, tuple):
        for relative_name in subject:
            for kind, value in relative_name:
                if kind in ("userId", "UID"):
                    return str(value)
    return ""


class PushConnection:
    """Reads requests, judges them, answers; misbehaves as the faults in force say."""

    def __init__(self, faults: Faults, ledger: Ledger, peers: set[PushConnection]) -> None:
        self._faults = faults
        self._ledger = ledger
        self._peers = peers
        self._loop = asyncio.get_running_loop()
        self._requests: dict[int, _Request] = {}
        self._open = 0  # requests that are taken and not answered
        self._streams = 0
        self._highest = 0
        self._last_stream: int | None = None
        self._flushing = False
        self._transport: TlsTransport
        self._h2 = _server_side(faults)

    # -- for the transport

    def connection_made(self, transport: TlsTransport) -> None:
        """Greet with our SETTINGS; the handshake has already checked the certificate."""
        self._transport = transport
        self._topic = topic_of(transport.client_certificate())
        self._ledger.connections += 1
        self._peers.add(self)
        self._h2.initiate_connection()
        self._h2.increment_flow_control_window(CONNECTION_WINDOW)
        self._flush()

    def connection_lost(self) -> None:
        """Forget the connection."""
        self._peers.discard(self)
        self._requests.clear()

    def data_received(self, data: bytes) -> None:
        """Take what came, answer what is whole, write once."""
        try:
            events = self._h2.receive_data(data)
        except h2.exceptions.ProtocolError:
            self._flush()  # h2 has prepared the GOAWAY that names the error
            self._transport.close()
            return
        received = 0
        for event in events:
            if isinstance(event, h2.events.DataReceived):
                received += event.flow_controlled_length
            self._handle(event)
        if self._transport.is_closing():
            return
        if received:
            self._h2.increment_flow_control_window(received)
        self._flush()
        self._rest()

    # -- events

    def _handle(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.RequestReceived):
            self._begin(event.stream_id, event.headers)
        elif isinstance(event, h2.events.DataReceived):
            if request := self._requests.get(event.stream_id):
                request.body += event.data
            if event.stream_ended is None and event.flow_controlled_length:
                self._h2.increment_flow_control_window(
                    event.flow_controlled_length, event.stream_id
                )
        elif isinstance(event, h2.events.StreamEnded):
            self._complete(event.stream_id)
        elif isinstance(event, h2.events.StreamReset):
            self._requests.pop(event.stream_id, None)
        elif isinstance(event, h2.events.ConnectionTerminated):
            self._transport.close()

    def _begin(self, stream_id: int, headers: Sequence[tuple[bytes, bytes]]) -> None:
        faults = self._faults
        if self._last_stream is not None and stream_id > self._last_stream:
            return  # behind our GOAWAY: the sender has to come again
        self._streams += 1
        self._ledger.streams += 1
        self._highest = stream_id
        if faults.refuse_streams:
            faults.refuse_streams -= 1
            self._h2.reset_stream(stream_id, h2.errors.ErrorCodes.REFUSED_STREAM)
            return
        self._requests[stream_id] = _Request(list(headers), bytearray())
        if faults.close_after and self._streams >= faults.close_after:
            faults.close_after = 0
            self._transport.abort()
        elif faults.goaway_after and self._streams >= faults.goaway_after:
            self._say_goaway()

    def _say_goaway(self) -> None:
        """Write the frame past h2, which would otherwise end the connection at once."""
        if self._last_stream is None:
            self._last_stream = self._highest
            frame = hyperframe.frame.GoAwayFrame(0, last_stream_id=self._highest)
            self._flush()
            self._transport.write(frame.serialize())

    def _complete(self, stream_id: int) -> None:
        request = self._requests.pop(stream_id, None)
        if request is None or self._faults.stall:
            return
        self._open += 1
        if self._faults.latency:
            self._loop.call_later(self._faults.latency, self._answer_later, stream_id, request)
        else:
            self._answer(stream_id, request)

    def _answer_later(self, stream_id: int, request: _Request) -> None:
        if self._transport.is_closing():
            return
        self._answer(stream_id, request)
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def _answer(self, stream_id: int, request: _Request) -> None:
        self._open -= 1
        headers = [(name.decode(), value.decode()) for name, value in request.headers]
        verdict: Accepted | Refused = judge(
            headers, bytes(request.body), certificate_topic=self._topic
        )
        if isinstance(verdict, Accepted):
            verdict = self._faults.answer_for(verdict.token) or verdict
        try:
            self._send(stream_id, verdict, dict(headers).get("apns-id"))
        except h2.exceptions.ProtocolError:
            return  # reset by the sender while we were slow
        self._ledger.take(verdict)
        if self._last_stream is not None and not self._open and not self._requests:
            self._loop.call_soon(self._finish)

    def _send(self, stream_id: int, verdict: Accepted | Refused, apns_id: str | None) -> None:
        push_id = apns_id or str(uuid.uuid4()).upper()
        if isinstance(verdict, Accepted):
            fields = [(":status", "200"), ("apns-id", push_id)]
            self._h2.send_headers(stream_id, fields, end_stream=True)
        else:
            body: dict[str, object] = {"reason": verdict.reason}
            if verdict.timestamp is not None:
                body["timestamp"] = verdict.timestamp
            fields = [(":status", str(verdict.status)), ("apns-id", push_id)]
            self._h2.send_headers(stream_id, fields)
            self._h2.send_data(stream_id, json.dumps(body).encode(), end_stream=True)
        if self._faults.reset_after_answer:
            frame = hyperframe.frame.RstStreamFrame(stream_id, error_code=0)
            self._flush()
            self._transport.write(frame.serialize())

    # -- writing and resting

    def _flush(self) -> None:
        self._flushing = False
        if (data := self._h2.data_to_send()) and not self._transport.is_closing():
            self._transport.write(data)

    def _finish(self) -> None:
        self._flush()
        self._transport.close()

    def _rest(self) -> None:
        if self._faults.deaf:
            self._transport.pause_reading()
        elif self._faults.slow_reads:
            self._transport.pause_reading()
            self._loop.call_later(self._faults.slow_reads, self._resume)

    def _resume(self) -> None:
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def drop(self) -> None:
        """End the connection at once, without a word."""
        self._transport.abort()

    def leave(self) -> None:
        """Say GOAWAY and end once what is open is answered."""
        self._say_goaway()
        if not self._open:
            self._finish()


def _server_side(faults: Faults) -> h2.connection.H2Connection:
    config = h2.config.H2Configuration(
        client_side=False,
        header_encoding=None,
        validate_outbound_headers=False,
        normalize_outbound_headers=False,
    )
    connection = h2.connection.H2Connection(config)
    codes = h2.settings.SettingCodes
    connection.local_settings = h2.settings.Settings(
        client=False,
        initial_values={
            codes.MAX_CONCURRENT_STREAMS: faults.max_concurrent_streams,
            codes.INITIAL_WINDOW_SIZE: faults.initial_window,
            codes.MAX_HEADER_LIST_SIZE: 8000,
        },
    )
    return connection
