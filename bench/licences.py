"""Licences of scopes on PostgreSQL: one app comes to a fleet, is looked at again, and leaves it.

python -m bench.licences --devices 100000

What is measured is the walk over the devices, in this process and in PostgreSQL; what it notes is
not ordered. A tenth of the devices has a tag that the link excludes, half of the others is in its
shard: each is decided for by itself, which is the dearest.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import sqlalchemy as sa
from flask import Flask

from bench import report
from bench.dep import Watch
from bench.push_flush import own_cpu
from bench.report import Row
from bench.staging import cpu, database_in
from tests import fleet, hosts
from tests.books import lay_rows
from zmdm_plugin import db
from zmdm_plugin.jobs import apps_books as jobs
from zmdm_plugin.models import Asset, Device, DeviceTag, Licence
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import tags
from zmdm_plugin.services.artifacts import artifacts, blueprints, versions

NAME = "licences"
MILLISECONDS, MEMORY = 0.2, 32.0
_ALL = ("macOS", "iOS", "iPadOS", "tvOS")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=100_000)
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="zmdm-bench-")))
        uri, pid = database_in("postgresql", folder, stack)
        hosts.migrate(uri)
        app = hosts.make_app(uri)
        stack.callback(hosts.close, app)
        lay(app, options.devices)
        app_id = link(app)
        walk(app, options.devices, pid, "one app comes to")
        with app.app_context(), db.transaction() as session:
            noted = session.scalar(sa.select(sa.func.count()).where(Licence.scoped)) or 0
            assert noted > options.devices * 0.3, noted
        change(app, lambda: artifacts.update(artifacts.find(app_id), {"auto_update": False}))
        walk(app, options.devices, pid, "nothing changes for")
        change(app, lambda: unlink(app_id))
        walk(app, options.devices, pid, "it leaves")


def lay(app: Flask, number: int) -> None:
    """A fleet that has a blueprint, and a tag on each tenth device."""
    fleet.fill(app, number)
    with app.app_context(), db.transaction() as session:
        blueprint, lab = blueprints.create("Staff").id, tags.create("Lab").id
        tagged = sa.select(Device.id, sa.literal(lab), sa.literal(utcnow(), Device.created_at.type))
        columns = ["device_id", "tag_id", "created_at"]
        session.execute(
            sa.insert(DeviceTag).from_select(columns, tagged.where(Device.id % 10 == 0))
        )
        session.execute(sa.update(Device).values(blueprint_id=blueprint))
        session.execute(sa.text("ANALYZE"))


def link(app: Flask) -> int:
    """The app in the blueprint, for a part of its devices; the artifact's id."""
    with app.app_context(), db.transaction() as session:
        asset = lay_rows(session)
        session.get_one(Asset, asset.asset_id).supported_platforms = list(_ALL)
        row = artifacts.create("store_app", "Pages", platforms=_ALL)
        source = b'{"location_asset": %d}' % asset.id
        versions.create(row, source, actor=hosts.ADMINISTRATOR)
        lab = tags.named("Lab")
        assert lab is not None
        scope = {
            "platforms": {name: {} for name in _ALL},
            "excluded_tags": [lab.id],
            "shard_modulo": 100,
            "default_shard": 50,
        }
        blueprint = blueprints.named("Staff")
        assert blueprint is not None
        blueprints.link(blueprint, row, scope=scope)
        return row.id


def unlink(app_id: int) -> None:
    blueprint = blueprints.named("Staff")
    assert blueprint is not None
    blueprints.unlink(blueprints.find_link(blueprint, artifacts.find(app_id)))


def change(app: Flask, how: Callable[[], object]) -> None:
    with app.app_context(), db.transaction():
        how()


def walk(app: Flask, number: int, pid: int | None, what: str) -> None:
    """All of it, slice after slice."""
    watch, own, theirs, began = Watch(), own_cpu(), cpu(pid), time.perf_counter()
    with watch.watching(), app.app_context():
        while True:
            jobs.walk_scopes()
            with db.transaction():
                if not jobs.walk.is_due(now=utcnow()):
                    break
    took = time.perf_counter() - began
    own, theirs = own_cpu() - own, cpu(pid) - theirs
    cost, grown = (own + theirs) * 1000 / number, watch.growth()
    report.add(
        Row(
            benchmark=NAME,
            what=f"{what} {number:,} devices",
            cpu_ms=cost,
            per_second=number / took,
            bar=f"{MILLISECONDS} ms, {MEMORY:.0f} MB ({grown:+.0f})",
            met=cost <= MILLISECONDS and grown <= MEMORY,
        ),
        f"{own:.1f} + {theirs:.1f} s CPU, {cost * 1000:.0f} µs a device, {took:.1f} s,"
        f" {grown:.0f} MB more",
    )


if __name__ == "__main__":
    main()
