"""The pictures of the README, taken of these very screens: `make pictures` replaces them.

Every run takes them, so that a screen that cannot be shown any more fails here; only with
ZMDM_TEST_PICTURES, which names a folder, are they kept.
"""

from __future__ import annotations

import random
import re
import struct
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.browser.conftest import Visit
from tests.environment import given
from zmdm_plugin import Actor, db
from zmdm_plugin.models import Channel, Device
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import job_runs, tags
from zmdm_plugin.services.job_runs import Step

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.slow]
README = Path(__file__).parents[2] / "README.md"
ADA = Actor(id="user:1", label="ada@example.com")
PICTURES = {
    # name: path, width, height, scale, scheme
    "overview": ("/mdm/", 1280, 1040, 1.5, "light"),
    "devices": ("/mdm/devices/?state=enrolled&order=-last_seen", 1280, 800, 1.5, "light"),
    "device": ("/mdm/devices/1/", 1280, 980, 1.5, "dark"),
    "phone": ("/mdm/devices/", 390, 780, 2, "dark"),
}


@pytest.fixture
def devices() -> int:
    """Enough for charts with something to tell."""
    return 640


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where pictures go: to be kept, or to be forgotten."""
    return Path(given("ZMDM_TEST_PICTURES") or tmp_path)


@pytest.fixture
def lively(host: Flask) -> Iterator[Flask]:
    """The host with tags on some devices, and work under way."""
    with host.app_context(), db.transaction() as session:
        for name, color, every in (("Executives", "purple", 17), ("Loaner pool", "blue", 11)):
            tag = tags.create(name, color=color)
            for device_id in range(1, 640, every):
                tags.put(session.get_one(Device, device_id), tag)
        draw, now = random.Random(11), utcnow()
        for device in session.scalars(sa.select(Device).where(Device.enrolled_at.is_not(None))):
            device.enrolled_at = now - timedelta(days=int(draw.expovariate(1 / 25)), hours=1)
        session.get_one(Channel, 1).last_seen_at = session.get_one(Channel, 1).pushed_at = now
        uid = job_runs.start("test.count", ADA, title="Lock: 240 devices", total=240).uid
    with host.app_context(), db.transaction():
        claimed = job_runs.claim(uid, now=utcnow())
        assert claimed is not None
        job_runs.advance(claimed, Step(done=167), now=utcnow())
    yield host


def size(picture: bytes) -> tuple[int, int]:
    """Width and height of a PNG in pixels, from its IHDR."""
    width, height = struct.unpack(">II", picture[16:24])
    return width, height


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.usefixtures("lively")
def test_a_picture_is_taken(visit: Callable[..., Visit], folder: Path, name: str) -> None:
    path, width, height, scale, scheme = PICTURES[name]
    one = visit(width, height=height, color_scheme=scheme, device_scale_factor=scale)
    one.sign_in()
    page = one.open(path)
    taken = page.screenshot(path=folder / f"{name}.png", animations="disabled")
    assert size(taken) == (width * scale, height * scale)


def test_the_readme_shows_what_is_taken() -> None:
    text = README.read_text("utf-8")
    shown = re.findall(r'src="docs/images/([a-z]+)\.png"', text)
    assert sorted(shown) == sorted(PICTURES)
    assert all((README.parent / "docs" / "images" / f"{name}.png").is_file() for name in shown)
