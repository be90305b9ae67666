"""Pages on PostgreSQL while others write: nobody who stays is left out or shown twice."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.api.world import add_device, program
from zmdm_plugin import db
from zmdm_plugin.models import Device

STAY = 40


@contextmanager
def others_write(app: Flask) -> Iterator[None]:
    """Devices come, and those that are there change what no ordering looks at."""
    over = threading.Event()

    def write() -> None:
        number = 1000
        while not over.is_set():
            add_device(app, number, name=f"Mac {number % 70:03}")
            with app.app_context(), db.transaction() as session:
                session.execute(sa.update(Device).values(build_version=str(number)))
            number += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        over.set()
        writer.join()


@pytest.mark.parametrize("ordering", ["-id", "name", "-last_seen"])
def test_pages_are_stable_under_concurrent_writes(pg_app: Flask, ordering: str) -> None:
    stay = {
        add_device(pg_app, number, name=f"Mac {number:03}" if number % 5 else None)
        for number in range(STAY)
    }
    api = program(pg_app)
    with others_write(pg_app):
        pages = list(api.pages("devices/", limit=7, ordering=ordering))
    shown = [device["id"] for page in pages for device in page]
    assert len(shown) == len(set(shown))
    assert stay <= set(shown)
