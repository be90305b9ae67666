"""Packages that lie in a bucket: devices are sent there, and fetch what they were promised."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import boto3
import httpx
import pytest
from flask import Flask
from moto.server import ThreadedMotoServer

from tests.orders import quiet
from tests.road import Road, factory_anchor, lay_road
from tests.services.test_apps_by_command import OLD_MAC, given
from tests.software import EDITOR, Counter, pkg
from zmdm_simulator import packages as built
from zmdm_simulator.packages import App

BUCKET = "packages"


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The address of an S3 server with a bucket."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    key = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}
    boto3.client("s3", endpoint_url=url, region_name="us-east-1", **key).create_bucket(
        Bucket=BUCKET
    )
    yield url
    server.stop()


@pytest.fixture
def road(
    make_app: Callable[..., Flask], sqlite_url: str, tmp_path: Path, s3: str
) -> Iterator[Road]:
    app = make_app(
        sqlite_url,
        ZMDM_DEVICE_ANCHORS=factory_anchor(),
        ZMDM_STORAGE_FOLDER=str(tmp_path),
        ZMDM_STORAGE_S3_BUCKET=BUCKET,
        ZMDM_STORAGE_S3_ENDPOINT=s3,
        ZMDM_STORAGE_S3_REGION="us-east-1",
        ZMDM_STORAGE_S3_ACCESS_KEY="key",
        ZMDM_STORAGE_S3_SECRET_KEY="secret",
    )
    with lay_road(app) as laid:
        yield laid


Sent = tuple[Road, list[httpx.Request]]


@pytest.fixture
def sent(road: Road, s3: str) -> Iterator[Sent]:
    """A road whose devices ask the bucket by the network, and what they ask of it."""
    asked: list[httpx.Request] = []

    def note(request: httpx.Request) -> None:
        if str(request.url).startswith(s3):
            asked.append(request)

    server = httpx.WSGITransport(app=road.app)
    mounts = {s3: httpx.HTTPTransport(), "all://": server}
    with httpx.Client(mounts=mounts, event_hooks={"request": [note]}) as http:
        yield replace(road, http=http), asked


def test_a_mac_follows_to_the_bucket_and_asks_it_for_ranges(sent: Sent) -> None:
    road, fetched = sent
    counter = Counter(road)
    mac = counter.assign(quiet(road, road.enrolled(system=OLD_MAC)))
    counter.enterprise("Editor", counter.package(pkg(padding_bytes=30_000)))
    assert given(mac, counter) == ["InstallEnterpriseApplication"]
    assert mac.apps[EDITOR.identifier].version == "4.2.1"
    assert [one.headers["range"] for one in fetched] == ["bytes=0-99", "bytes=100-"]
    assert all("X-Amz-Signature" in one.url.params for one in fetched)
    assert not any("mdm-signature" in one.headers for one in fetched)


def test_a_phone_gets_its_manifest_here_and_the_application_there(sent: Sent) -> None:
    road, fetched = sent
    counter = Counter(road, apps_via_ddm=True)
    phone = counter.assign(quiet(road, road.enrolled("iPhone15,2", seed=2, allow_http=True)))
    package = counter.package(built.ipa(App("org.example.notes", "Notes", "2.0")), "notes.ipa")
    counter.enterprise("Notes", package, platforms=("iOS", "iPadOS"))
    for _ in range(2):
        counter.due(phone)
        phone.connect()
    assert phone.apps["org.example.notes"].via == "declaration"
    assert {one.url.params["response-content-type"] for one in fetched} == {
        "application/octet-stream"
    }
