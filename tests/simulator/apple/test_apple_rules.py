"""The played push service refuses what Apple's refuses, with its words."""

from __future__ import annotations

import ssl

import httpx
import pytest

from zmdm_simulator.apple.service import PlayedAppleThread

BODY = b'{"mdm":"magic"}'


def test_a_right_push_is_accepted_and_numbered(
    apple: PlayedAppleThread, push: httpx.Client
) -> None:
    answer = push.post("/3/device/AbCd", content=BODY)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.http_version == "HTTP/2"
    assert len(answer.headers["apns-id"]) == 36
    assert [(one.seq, one.accepted.token) for one in apple.pushes()] == [(1, "abcd")]


@pytest.mark.parametrize(
    ("changes", "status", "reason"),
    [
        ({"apns-topic": "com.apple.mgmt.External.other"}, 400, "TopicDisallowed"),
        ({"apns-topic": "com.example.app"}, 400, "BadTopic"),
        ({"apns-push-type": "alert"}, 400, "InvalidPushType"),
        ({"apns-priority": "7"}, 400, "BadPriority"),
        ({"apns-expiration": "tomorrow"}, 400, "BadExpirationDate"),
        ({"apns-id": "4711"}, 400, "BadMessageId"),
        ({"apns-collapse-id": "x" * 65}, 400, "BadCollapseId"),
    ],
)
def test_a_wrong_header_is_refused(
    push: httpx.Client, changes: dict[str, str], status: int, reason: str
) -> None:
    answer = push.post("/3/device/abcd", content=BODY, headers=changes)
    assert (answer.status_code, answer.json()["reason"]) == (status, reason)


@pytest.mark.parametrize(
    ("header", "reason"),
    [("apns-topic", "MissingTopic"), ("apns-push-type", "InvalidPushType")],
)
def test_a_missing_header_is_refused(push: httpx.Client, header: str, reason: str) -> None:
    del push.headers[header]
    answer = push.post("/3/device/abcd", content=BODY)
    assert (answer.status_code, answer.json()["reason"]) == (400, reason)


def test_a_header_given_twice_is_refused(push: httpx.Client) -> None:
    headers = [("apns-expiration", "5"), ("apns-expiration", "6")]
    answer = push.post("/3/device/abcd", content=BODY, headers=headers)
    assert answer.json()["reason"] == "DuplicateHeaders"


@pytest.mark.parametrize(
    ("method", "path", "status", "reason"),
    [
        ("POST", "/3/devices/abcd", 404, "BadPath"),
        ("POST", "/", 404, "BadPath"),
        ("PUT", "/3/device/abcd", 405, "MethodNotAllowed"),
        ("POST", "/3/device/", 400, "MissingDeviceToken"),
        ("POST", "/3/device/xyz", 400, "BadDeviceToken"),
        ("POST", "/3/device/abc", 400, "BadDeviceToken"),
        ("POST", "/3/device/" + "ab" * 101, 400, "BadDeviceToken"),
    ],
)
def test_a_wrong_target_is_refused(
    push: httpx.Client, method: str, path: str, status: int, reason: str
) -> None:
    answer = push.request(method, path, content=BODY)
    assert (answer.status_code, answer.json()["reason"]) == (status, reason)


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b"", 400, "PayloadEmpty"),
        (b"  ", 400, "PayloadEmpty"),
        (b'{"mdm":"' + b"m" * 4096 + b'"}', 413, "PayloadTooLarge"),
        (b'{"mdm":"magic","aps":{}}', 400, "NotAnMdmPayload"),
        (b'{"mdm":5}', 400, "NotAnMdmPayload"),
        (b'{"mdm":""}', 400, "NotAnMdmPayload"),
        (b"magic", 400, "NotAnMdmPayload"),
    ],
)
def test_a_wrong_body_is_refused(push: httpx.Client, body: bytes, status: int, reason: str) -> None:
    answer = push.post("/3/device/abcd", content=body)
    assert (answer.status_code, answer.json()["reason"]) == (status, reason)


def test_nothing_refused_reaches_a_device(apple: PlayedAppleThread, push: httpx.Client) -> None:
    push.post("/3/device/xyz", content=BODY)
    assert apple.pushes() == []
    assert apple.stats()["answers"] == {"BadDeviceToken": 1}


def test_no_client_certificate_means_no_connection(apple: PlayedAppleThread) -> None:
    context = ssl.create_default_context(cafile=str(apple.material.path("apns-ca.pem")))
    with httpx.Client(http2=True, verify=context) as stranger, pytest.raises(httpx.TransportError):
        stranger.post(f"{apple.url}/3/device/abcd", content=BODY)
    assert apple.stats()["connections"] == 0
