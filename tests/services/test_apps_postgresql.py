"""Packages and applications on PostgreSQL: the same one from several sides at once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import sqlalchemy as sa
from flask import Flask

from tests.hosts import ADMINISTRATOR
from tests.orders import Line, order, quiet
from tests.road import Road
from tests.services.test_artifacts_postgresql import at_once
from tests.software import pkg
from zmdm_plugin import db
from zmdm_plugin.models import Application, InstalledApplication, Package, StoredFile
from zmdm_plugin.services.storage import backends
from zmdm_plugin.web import packages

SIGNED = pkg(padding_bytes=300_000)


def test_the_same_file_uploaded_at_once_is_one_package(
    pg_url: str, make_app: Callable[..., Flask], tmp_path: Path
) -> None:
    app = make_app(pg_url, ZMDM_STORAGE_FOLDER=str(tmp_path))
    found: list[int] = []

    def upload() -> None:
        with app.app_context():
            found.append(packages.take([SIGNED], actor=ADMINISTRATOR, filename="editor.pkg"))

    at_once(*[upload] * 4)
    digest = hashlib.sha256(SIGNED).hexdigest()
    assert len(found) == 4 and len(set(found)) == 1
    with app.app_context():
        assert db.session().scalars(sa.select(Package.sha256)).all() == [digest]
        assert db.session().scalars(sa.select(StoredFile.sha256)).all() == [digest]
        assert backends.current().size(digest) == len(SIGNED)
    assert list((tmp_path / "incoming").iterdir()) == []


def test_devices_that_report_the_same_new_applications_at_once(pg_road: Road) -> None:
    macs = [quiet(pg_road, pg_road.enrolled(seed=number)) for number in range(4)]
    lines = [Line(mac) for mac in macs]
    for line in lines:
        order(pg_road, line.device, "InstalledApplicationList")
        assert line.idle() == "InstalledApplicationList"
    known = [
        {"Identifier": f"org.example.app{number}", "Name": f"App {number}", "Version": "1"}
        for number in range(60)
    ]
    told = [known, known[::-1], known[30:] + known[:30], known]
    at_once(
        *[
            partial(line.say, InstalledApplicationList=apps)
            for line, apps in zip(lines, told, strict=True)
        ]
    )
    with pg_road.rows() as session:
        count = sa.select(sa.func.count())
        assert session.scalar(count.select_from(Application)) == 60
        assert session.scalar(count.select_from(InstalledApplication)) == 240
