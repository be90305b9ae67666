"""Files outside the database: the same behaviour of a folder and of an S3 service, over HTTP."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import boto3
import httpx
import pytest
from flask import Flask
from moto.server import ThreadedMotoServer

from zmdm_plugin import db
from zmdm_plugin.errors import Refused
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services.storage import backends, files, incoming
from zmdm_plugin.services.storage.backends import Storage
from zmdm_plugin.services.storage.failures import StorageFailed

CONTENT = b"a package of some length" * 1000
DIGEST = hashlib.sha256(CONTENT).hexdigest()
BUCKET = "packages"


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The address of an S3 server with a bucket."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    client = boto3.client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="key",
        aws_secret_access_key="secret",
    )
    client.create_bucket(Bucket=BUCKET)
    yield url
    server.stop()


def s3_settings(url: str) -> dict[str, str]:
    return {
        "ZMDM_STORAGE_S3_BUCKET": BUCKET,
        "ZMDM_STORAGE_S3_ENDPOINT": url,
        "ZMDM_STORAGE_S3_REGION": "us-east-1",
        "ZMDM_STORAGE_S3_ACCESS_KEY": "key",
        "ZMDM_STORAGE_S3_SECRET_KEY": "secret",
    }


@pytest.fixture(params=["folder", "s3"])
def app(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    sqlite_url: str,
    make_app: Callable[..., Flask],
) -> Flask:
    """An application with each storage."""
    given = {} if request.param == "folder" else s3_settings(request.getfixturevalue("s3"))
    return make_app(sqlite_url, ZMDM_STORAGE_FOLDER=str(tmp_path), **given)


def put(content: bytes = CONTENT) -> Storage:
    storage = backends.current()
    with incoming.receive([content], most=10**6) as received:
        storage.put(received.sha256, received.path)
    return storage


def test_what_was_put_is_read_whole_and_in_parts(app: Flask) -> None:
    with app.app_context():
        storage = put()
        assert storage.size(DIGEST) == len(CONTENT)
        assert b"".join(storage.read(DIGEST, 0, len(CONTENT))) == CONTENT
        assert b"".join(storage.read(DIGEST, 5, 100)) == CONTENT[5:105]


def test_what_was_deleted_is_missing(app: Flask) -> None:
    with app.app_context():
        storage = put()
        storage.delete(DIGEST)
        storage.delete(DIGEST)
        assert storage.size(DIGEST) is None
        with pytest.raises(FileNotFoundError):
            storage.read(DIGEST, 0, 1)


def test_nothing_of_an_upload_is_left_in_the_folder(app: Flask, tmp_path: Path) -> None:
    with app.app_context():
        put()
        assert list((tmp_path / "incoming").iterdir()) == []


def test_an_upload_that_is_too_long_leaves_nothing(app: Flask, tmp_path: Path) -> None:
    with app.app_context():
        with pytest.raises(Refused, match="too long"), incoming.receive([CONTENT], most=1000):
            raise AssertionError("it was taken")
        assert list((tmp_path / "incoming").iterdir()) == []


def test_a_bucket_hands_out_links_that_need_no_credentials(
    s3: str, tmp_path: Path, sqlite_url: str, make_app: Callable[..., Flask]
) -> None:
    app = make_app(sqlite_url, ZMDM_STORAGE_FOLDER=str(tmp_path), **s3_settings(s3))
    with app.app_context():
        link = put().link(DIGEST, seconds=60, content_type="application/octet-stream")
    assert link is not None
    assert httpx.get(link, headers={"Range": "bytes=5-9"}).content == CONTENT[5:10]


def test_a_service_that_is_away_is_an_outage_in_words_without_secrets(
    tmp_path: Path, sqlite_url: str, make_app: Callable[..., Flask]
) -> None:
    away = s3_settings("http://127.0.0.1:9")
    app = make_app(sqlite_url, ZMDM_STORAGE_FOLDER=str(tmp_path), **away)
    with app.app_context(), pytest.raises(StorageFailed, match="cannot be reached") as error:
        backends.current().size(DIGEST)
    assert "secret" not in str(error.value)


def test_what_nothing_uses_goes_after_a_day(app: Flask) -> None:
    with app.app_context():
        now = utcnow()
        with db.transaction():
            files.announce(DIGEST, len(CONTENT), now=now)
        storage = put()
        with db.transaction():
            assert files.unused(now=now + timedelta(hours=23), limit=9) == []
            later = now + files.KEPT + timedelta(seconds=1)
            assert files.unused(now=later, limit=9) == [DIGEST]
            assert files.delete(DIGEST, now=later)
        assert storage.size(DIGEST) is None


def test_another_upload_keeps_a_file_for_another_day(app: Flask) -> None:
    with app.app_context():
        now = utcnow()
        later = now + files.KEPT
        with db.transaction():
            files.announce(DIGEST, len(CONTENT), now=now)
            files.announce(DIGEST, len(CONTENT), now=later)
            assert not files.delete(DIGEST, now=later + timedelta(seconds=1))


def test_what_a_killed_upload_left_goes_after_a_day(app: Flask, tmp_path: Path) -> None:
    with app.app_context():
        with incoming.receive([CONTENT], most=10**6):
            pass
        left = tmp_path / "incoming" / "left"
        left.write_bytes(b"half of it")
        assert incoming.tidy() == 0
        yesterday = time.time() - 25 * 3600
        os.utime(left, (yesterday, yesterday))
        assert incoming.tidy() == 1
