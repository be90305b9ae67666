"""The control plane: what devices wait on and testers turn."""

from __future__ import annotations

import threading
import time

import httpx
import pytest

from zmdm_simulator.apple.service import PlayedAppleThread

BODY = b'{"mdm":"magic"}'


def test_it_says_when_it_is_ready(control: httpx.Client) -> None:
    assert control.get("/ready").status_code == 200


def test_pushes_are_given_with_the_number_to_ask_next(
    apple: PlayedAppleThread, push: httpx.Client, control: httpx.Client
) -> None:
    for token in ("aa", "bb", "cc"):
        push.post(f"/3/device/{token}", content=BODY)
    page = control.get("/pushes", params={"after": 1}).json()
    assert page["next"] == 3
    assert [(item["seq"], item["token"]) for item in page["pushes"]] == [(2, "bb"), (3, "cc")]
    assert page["pushes"][0]["magic"] == "magic"
    assert page["pushes"][0]["topic"] == apple.material.topic()


def test_a_waiting_device_is_told_at_once(push: httpx.Client, control: httpx.Client) -> None:
    timer = threading.Timer(0.3, push.post, ("/3/device/aa",), {"content": BODY})
    timer.start()
    began = time.monotonic()
    page = control.get("/pushes", params={"after": 0}, timeout=15).json()
    timer.join()
    assert [item["token"] for item in page["pushes"]] == ["aa"]
    assert 0.2 < time.monotonic() - began < 12


def test_waiting_in_vain_keeps_the_number(control: httpx.Client) -> None:
    page = control.get("/pushes", params={"after": 0, "wait": 0.05}).json()
    assert page == {"next": 0, "pushes": []}


def test_a_number_from_before_a_restart_begins_anew(
    push: httpx.Client, control: httpx.Client
) -> None:
    push.post("/3/device/aa", content=BODY)
    page = control.get("/pushes", params={"after": 500}).json()
    assert (page["next"], len(page["pushes"])) == (1, 1)


def test_a_scripted_answer_is_given_so_often_and_then_no_more(
    push: httpx.Client, control: httpx.Client
) -> None:
    script = [{"reason": "Unregistered", "timestamp": 5}, {"reason": "TooManyRequests", "times": 2}]
    control.post("/faults", json={"tokens": {"AA": script}}).raise_for_status()
    answers = [push.post("/3/device/aa", content=BODY) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [410, 429, 429, 200]
    assert answers[0].json() == {"reason": "Unregistered", "timestamp": 5}


def test_the_count_by_answer_is_told(push: httpx.Client, control: httpx.Client) -> None:
    control.post("/faults", json={"every": ["InternalServerError"]})
    push.post("/3/device/aa", content=BODY)
    push.post("/3/device/aa", content=BODY)
    assert control.get("/stats").json()["answers"] == {"InternalServerError": 1, "ok": 1}


def test_reset_ends_all_faults(apple: PlayedAppleThread, control: httpx.Client) -> None:
    apple.faults(stall=True, latency=3, every=["Forbidden"])
    in_force = control.post("/faults", json={"reset": True}).json()
    assert (in_force["stall"], in_force["latency"], in_force["every"]) == (False, 0, [])


@pytest.mark.parametrize(
    "document",
    [
        {"no_such": 1},
        {"latency": "long"},
        {"latency": -1},
        {"every": "Forbidden"},
        {"every": ["NoSuchReason"]},
        {"every": [{"reason": "Forbidden", "often": 2}]},
        {"tokens": []},
        [],
    ],
)
def test_a_wrong_fault_document_changes_nothing(control: httpx.Client, document: object) -> None:
    before = control.get("/faults").json()
    answer = control.post("/faults", json=document)
    assert answer.status_code == 400 and answer.json()["error"]
    assert control.get("/faults").json() == before


@pytest.mark.parametrize("path", ["/pushes?after=x", "/pushes?wait=x"])
def test_a_wrong_question_is_a_400(control: httpx.Client, path: str) -> None:
    assert control.get(path).status_code == 400


def test_an_unknown_path_is_a_404(control: httpx.Client) -> None:
    assert control.get("/nothing").status_code == 404


@pytest.mark.parametrize("path", ["/drop", "/goaway"])
def test_connections_can_be_ended_at_will(
    push: httpx.Client, control: httpx.Client, path: str
) -> None:
    push.post("/3/device/aa", content=BODY)
    assert control.post(path).json() == {"connections": 1}
    time.sleep(0.1)
    assert control.post(path).json() == {"connections": 0}
