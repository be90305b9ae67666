"""What CHECK=1 says, over tables with only the columns it reads (tests/e2e has the real ones)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from host_app.demo.check import PACKAGE, STORE_APP, Check
from host_app.demo.folder import DemoFolder, Ports
from host_app.demo.processes import Stage

TABLES = """
CREATE TABLE zmdm_device (id, name, model, serial_number, enrolled_at,
                          device_information_at, security_info_at, session_id,
                          platform, os_version, blueprint_id);
CREATE TABLE zmdm_blueprint (id, apps_via_ddm);
CREATE TABLE zmdm_artifact (id, type);
CREATE TABLE zmdm_licence (serial_number, held, ours);
CREATE TABLE zmdm_enrollment_session (id, kind, realm_user_id);
CREATE TABLE zmdm_dep_device (serial_number, assignment);
CREATE TABLE zmdm_event (device_id, kind);
CREATE TABLE zmdm_channel (id, device_id, kind, push_status);
CREATE TABLE zmdm_channel_artifact (channel_id, artifact_id, status, via);
CREATE TABLE zmdm_identity (device_id, state, fingerprint);
CREATE TABLE zmdm_issued_certificate (fingerprint);
INSERT INTO zmdm_device VALUES (1, 'Ada', 'Mac14,2', 'SERIAL000001', 1, 1, 1, 1,
                                'macOS', '26.1', 1);
INSERT INTO zmdm_blueprint VALUES (1, 1);
INSERT INTO zmdm_artifact VALUES (1, 'store_app'), (2, 'enterprise_app');
INSERT INTO zmdm_licence VALUES ('SERIAL000001', 1, 1);
INSERT INTO zmdm_enrollment_session VALUES (1, 'ota', NULL);
INSERT INTO zmdm_channel VALUES (1, 1, 'device', 200);
INSERT INTO zmdm_channel_artifact VALUES (1, 1, 'installed', 'declaration'),
                                         (1, 2, 'installed', 'declaration');
INSERT INTO zmdm_identity VALUES (1, 'active', 'f');
INSERT INTO zmdm_issued_certificate VALUES ('f');
"""


class Place:
    """A demo's folder with one device that has done everything."""

    def __init__(self, folder: Path, database: sqlite3.Connection) -> None:
        self.folder, self.database = DemoFolder(folder), database

    def check(self, *, devices: int = 1) -> tuple[bool, list[str]]:
        """Whether it passes, and the lines it prints."""
        check = Check(Stage(self.folder, Ports(1, 2, 3, 4, 5, 6), devices, None))
        return check.passed(), list(check.report())


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with closing(sqlite3.connect(tmp_path / "host.sqlite3", isolation_level=None)) as database:
        database.executescript(TABLES)
        yield Place(tmp_path, database)


def test_a_device_that_has_done_everything_passes(place: Place) -> None:
    passed, lines = place.check()
    assert passed
    apps = ["yes", "declaration", "declaration"]
    assert lines[1].split() == ["Ada", "Mac14,2", "SERIAL000001", *["yes"] * 5, *apps, "-", "-"]
    assert lines[-1] == "all devices (1) have done everything"


@pytest.mark.parametrize(
    ("change", "step"),
    [
        ("UPDATE zmdm_device SET enrolled_at = NULL", "enrolled over SCEP"),
        ("DELETE FROM zmdm_issued_certificate", "enrolled over SCEP"),
        ("UPDATE zmdm_channel SET push_status = 410", "pushed"),
        ("UPDATE zmdm_channel SET kind = 'user'", "pushed"),
        (
            "UPDATE zmdm_device SET device_information_at = NULL",
            "answered DeviceInformation",
        ),
        ("UPDATE zmdm_device SET security_info_at = NULL", "answered SecurityInfo"),
        (
            "INSERT INTO zmdm_channel_artifact VALUES (1, 3, 'failed', 'declaration')",
            "installed what its blueprint brings",
        ),
        (
            "DELETE FROM zmdm_channel_artifact",
            f"installed what its blueprint brings, {STORE_APP}, {PACKAGE}",
        ),
        ("DELETE FROM zmdm_licence", "got a licence for the store app"),
        ("UPDATE zmdm_licence SET ours = 0", "got a licence for the store app"),
        ("UPDATE zmdm_channel_artifact SET via = 'command' WHERE artifact_id = 1", STORE_APP),
        ("UPDATE zmdm_channel_artifact SET via = 'command' WHERE artifact_id = 2", PACKAGE),
        ("UPDATE zmdm_blueprint SET apps_via_ddm = 0", f"{STORE_APP}, {PACKAGE}"),
    ],
)
def test_a_missing_step_is_named_with_its_device(place: Place, change: str, step: str) -> None:
    place.database.execute(change)
    passed, lines = place.check()
    assert not passed
    assert lines[-1] == f"SERIAL000001 (Ada) has not: {step}"


@pytest.mark.parametrize(
    "change",
    ["UPDATE zmdm_blueprint SET apps_via_ddm = 0", "UPDATE zmdm_device SET os_version = '15.7.2'"],
)
def test_apps_may_come_by_command_where_the_blueprint_or_the_mac_knows_no_other(
    place: Place, change: str
) -> None:
    place.database.executescript(f"{change}; UPDATE zmdm_channel_artifact SET via = 'command'")
    passed, lines = place.check()
    assert passed
    assert lines[-3:-1] == [
        "the store app came by command to 1",
        "the package came by command to 1",
    ]


def test_an_apple_tv_gets_neither_the_store_app_nor_the_package(place: Place) -> None:
    place.database.executescript(
        "UPDATE zmdm_device SET platform = 'tvOS'; DELETE FROM zmdm_licence;"
        "UPDATE zmdm_artifact SET type = 'profile'"
    )
    passed, lines = place.check()
    assert passed
    assert lines[1].split()[-5:] == ["-"] * 5


ASSIGNED = """
UPDATE zmdm_enrollment_session SET kind = 'ade', realm_user_id = 7;
INSERT INTO zmdm_dep_device VALUES ('SERIAL000001', 'assigned');
INSERT INTO zmdm_event VALUES (1, 'setup.waits'), (1, 'setup.released');
"""


def test_a_device_of_apples_that_has_signed_in_and_was_let_go_passes(place: Place) -> None:
    place.database.executescript(ASSIGNED)
    passed, lines = place.check()
    assert passed
    assert lines[1].split()[-2:] == ["yes"] * 2


@pytest.mark.parametrize(
    ("change", "step"),
    [
        ("UPDATE zmdm_enrollment_session SET realm_user_id = NULL", "signed in on a device"),
        ("UPDATE zmdm_dep_device SET assignment = 'pending'", "signed in on a device"),
        ("DELETE FROM zmdm_event WHERE kind = 'setup.waits'", "waited in Setup Assistant"),
        ("DELETE FROM zmdm_event WHERE kind = 'setup.released'", "waited in Setup Assistant"),
    ],
)
def test_what_a_device_of_apples_has_not_done_is_named(
    place: Place, change: str, step: str
) -> None:
    place.database.executescript(f"{ASSIGNED};{change}")
    passed, lines = place.check()
    assert (passed, step in lines[-1]) == (False, True)


def test_devices_that_came_another_way_than_apples_are_counted(place: Place) -> None:
    assert "1 of 1 devices of Apple's have not: enrolled over SCEP" in place.check(devices=3)[1]


def test_devices_that_never_came_are_counted(place: Place) -> None:
    passed, lines = place.check(devices=3)
    assert not passed
    assert "2 of 3 devices have not: enrolled over SCEP" in lines


def test_a_device_that_never_came_is_named_with_what_it_logged_last(place: Place) -> None:
    (place.folder.path / "log").mkdir()
    words = "booting\nSERIAL000009 not enrolled: once\nSERIAL000009 not enrolled: refused\n"
    (place.folder.path / "log" / "devices-ota.log").write_text(words)
    lines = place.check(devices=2)[1]
    told = "SERIAL000009 is not known to the server; it says: not enrolled: refused"
    assert lines[-1] == told
