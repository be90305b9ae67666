"""A fleet of any size around a device that really enrolled: its rows, copied in the database."""

from __future__ import annotations

import sqlalchemy as sa

from tests.road import Road
from zmdm_plugin import db
from zmdm_simulator.device import SimulatedDevice

_RANDOM = {
    "sqlite": "lower(hex(randomblob(16)))",
    "postgresql": "replace(gen_random_uuid()::text, '-', '')",
}
_DEVICE = "(SELECT d.id FROM zmdm_device d WHERE d.udid = 'COPY-' || n)"


def copy_device(road: Road, device: SimulatedDevice, *, first: int, last: int) -> None:
    """Devices, channels and identities like this one's, with numbers of their own."""
    if last < first:
        return
    with road.rows() as session:
        value = _RANDOM[db.engine().dialect.name]
        numbers = {"original": road.row(device).id, "first": first, "last": last}
        for table, key, changed in (
            ("zmdm_device", "id", {"udid": "'COPY-' || n", "serial_number": "'C' || n"}),
            ("zmdm_channel", "device_id", {"device_id": _DEVICE, "push_due_at": "NULL"}),
            ("zmdm_identity", "device_id", {"device_id": _DEVICE, "fingerprint": f"{value} || n"}),
        ):
            changed |= {"uid": value}
            session.execute(sa.text(_copy(table, key, changed)), numbers)


def _copy(table: str, key: str, changed: dict[str, str]) -> str:
    columns = sa.inspect(db.engine()).get_columns(table)
    stored = [one["name"] for one in columns if one["name"] != "id" and "computed" not in one]
    kept = {name: changed.get(name, f't."{name}"') for name in stored}
    return (
        f"INSERT INTO {table} ({', '.join(kept)}) "
        "WITH RECURSIVE series(n) AS (SELECT CAST(:first AS BIGINT) "
        "UNION ALL SELECT n + 1 FROM series WHERE n < :last) "
        f"SELECT {', '.join(kept.values())} FROM {table} t, series WHERE t.{key} = :original"
    )
