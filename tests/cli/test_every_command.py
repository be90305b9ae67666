"""Every command of ours, walked: with --json its result is JSON, and so is what goes wrong."""

from __future__ import annotations

import json
import plistlib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import sqlalchemy as sa
from click.testing import Result
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Flask

from tests import vendors
from tests.books import lay_rows
from tests.hosts import ADMINISTRATOR
from tests.orders import order, quiet
from tests.road import Road
from tests.services.test_push_certificate_cli import answer
from tests.software import pkg
from zmdm_plugin import db
from zmdm_plugin.cli.groups import zmdm
from zmdm_plugin.cli.mdmcerts import mdmcerts
from zmdm_plugin.models import DepVirtualServer, Identity, UnboundIdentity
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import job_runs
from zmdm_plugin.services.realms import realms

OWNER = ("--owner", ADMINISTRATOR.id, "--owner-label", ADMINISTRATOR.label)
_PROFILE = {
    "PayloadType": "Configuration",
    "PayloadVersion": 1,
    "PayloadIdentifier": "com.example.walked",
    "PayloadUUID": "",
    "PayloadContent": [],
}
UNTIL_STOPPED = {"zmdm worker", "zmdm scheduler"}
"""They run until they are stopped, and say so then; what they say of a wrong call is JSON."""


def commands(group: click.Group, *above: str) -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, *above, name)
        else:
            yield " ".join((*above, name))


EVERY = {*commands(zmdm, "zmdm"), *commands(mdmcerts, "mdmcerts")}


def run(app: Flask, words: str, *more: object) -> Result:
    """Run a command with --json; `mdmcerts` takes its folder before the command's own word."""
    given = [*words.split(), *map(str, more), "--json"]
    if given[0] == "mdmcerts":
        folder = given.pop(given.index("-d") + 1) if "-d" in given else "nowhere"
        given = [one for one in given if one != "-d"]
        given[1:1] = ["-d", folder]
    return app.test_cli_runner().invoke(args=given)


@pytest.fixture
def walk(road: Road, tmp_path: Path) -> Walk:
    """A server with a device that has a user, long work and certificates that wait."""
    mac = quiet(road, road.enrolled())
    with road.rows() as session:
        device = road.row(mac)
        der = session.scalars(sa.select(Identity.certificate)).first()
        waiting = {"a": "unknown_session", "b": "wants_to_reenroll"}
        for letter, reason in waiting.items():
            row = UnboundIdentity(fingerprint=letter * 64, certificate=der, reason=reason)
            row.udid, row.device_id = device.udid, device.id
            row.seen_count, row.last_seen_at = 1, utcnow()
            session.add(row)
        runs = [
            job_runs.start("test.count", ADMINISTRATOR, title="Count", total=2).uid for _ in "12"
        ]
        claimed = job_runs.claim(runs[0], now=utcnow())
        assert claimed is not None
        job_runs.advance(claimed, job_runs.Step(done=2, finished=True), now=utcnow())
        serial = device.serial_number or ""
    uuids = [order(road, mac, "SecurityInfo") for _ in "12"]
    return Walk(road.app, tmp_path, serial, runs, uuids)


class Walk:
    """The commands in an order that works, each with its arguments."""

    def __init__(
        self, app: Flask, folder: Path, serial: str, runs: list[str], uuids: list[str]
    ) -> None:
        self.app, self.folder, self.runs, self.uuids = app, folder, runs, uuids
        self.device = serial
        self.walked: set[str] = set()

    def go(self, words: str, *more: object) -> object:
        """Run it; its JSON."""
        self.walked.add(words)
        result = run(self.app, words, *more)
        assert result.exit_code == 0, (words, result.output)
        assert result.stderr == "", (words, result.stderr)
        return json.loads(result.stdout)

    def refused(self, words: str, *more: object) -> None:
        """Run it where it cannot do its work; the reason is JSON."""
        self.walked.add(words)
        result = run(self.app, words, *more)
        assert (result.exit_code, result.stdout) == (1, ""), (words, result.output)
        assert json.loads(result.stderr)["message"], words

    def file(self, name: str, text: str | bytes) -> Path:
        path = self.folder / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path


def devices(walk: Walk) -> None:
    mac, pin = walk.device, walk.file("pin", "123456\n")
    walk.go("zmdm device list", "--platform", "macOS")
    walk.go("zmdm tag create", "Lab", "--color", "red")
    walk.go("zmdm tag change", "lab", "--name", "Pool")
    walk.go("zmdm device tag", mac, "pool")
    walk.go("zmdm webhook create", "Desk", "https://example.com/hook", "--kind", "device.*")
    walk.go("zmdm webhook list")
    walk.go("zmdm webhook retry", "Desk")
    walk.go("zmdm webhook delete", "Desk", "--yes")
    walk.go("zmdm tag list")
    shown = walk.go("zmdm device show", mac)
    assert isinstance(shown, dict) and shown["tags"] == ["Pool"]
    walk.go("zmdm tag delete", "pool", "--yes")
    for words in ("users", "commands", "poke"):
        walk.go(f"zmdm device {words}", mac)
    walk.go("zmdm device lock", mac, "--new-pin", "--yes")
    walk.go("zmdm device pin", mac, "--all")
    walk.go("zmdm device secrets", mac)
    walk.go("zmdm device reveal", mac, "device_lock_pin")
    walk.refused("zmdm device replace", mac, "filevault_prk")
    walk.go("zmdm device set-recovery-password", mac, "--password", "correct horse")
    walk.go("zmdm device erase", mac, "--pin-file", pin, "--yes")
    walk.go("zmdm device send", mac, "RestartDevice", "--yes")
    walk.go("zmdm device bulk-actions")
    walk.go("zmdm device bulk", "poke", "--platform", "macOS", "--yes")
    walk.go("zmdm command list", "--outstanding")
    walk.go("zmdm command types")
    walk.go("zmdm command show", walk.uuids[0])
    walk.go("zmdm command cancel", walk.uuids[1])
    walk.go("zmdm identity list")
    walk.go("zmdm identity expiring", "--within", 400)
    walk.go("zmdm identity renew", mac)
    walk.go("zmdm device setup", mac)
    walk.refused("zmdm device release", mac)
    walk.go("zmdm identity adopt", "a" * 64, "--yes")
    walk.go("zmdm identity allow", "b" * 64, "--yes")
    walk.go("zmdm device block", mac, "--yes")
    walk.go("zmdm device unblock", mac)
    leaving(walk, mac)


def leaving(walk: Walk, mac: str) -> None:
    walk.go("zmdm device unenroll", mac, "--yes")
    walk.go("zmdm device stay", mac)
    walk.go("zmdm device let-go", mac, "--yes")
    walk.refused("zmdm device delete", mac, "--serial-number", "OTHER", "--yes")
    walk.go("zmdm device archive", mac, "--yes")
    walk.go("zmdm device unarchive", mac)


def enrollments(walk: Walk) -> None:
    walk.go("zmdm ca prepare")
    walk.go("zmdm ca list")
    walk.go("zmdm ca renew")
    walk.go("zmdm ca export")
    url = ("--url", "https://scep.example.com/scep")
    walk.go("zmdm issuer create", "Other", *url)
    walk.go("zmdm issuer update", "Other", "--ca-name", "It")
    walk.go("zmdm issuer show", "Other")
    walk.go("zmdm issuer delete", "Other", "--yes")
    walk.go("zmdm issuer list")
    walk.go("zmdm enrollment create", "Desk", "--kind", "manual")
    walk.go("zmdm enrollment create", "Link")
    with walk.app.app_context(), db.transaction():
        realms.create("Staff", "local")
    walk.go("zmdm account-enrollment create", "Own devices", "--domain", "example.com")
    walk.go("zmdm account-enrollment list")
    walk.go("zmdm account-enrollment show", "Own devices")
    walk.go("zmdm account-enrollment discover", "ada@example.com", "--model-family", "Mac")
    walk.refused("zmdm account-enrollment tell-apple", "Own devices", 99)
    walk.go("zmdm enrollment list")
    walk.go("zmdm enrollment link", "Link")
    walk.go("zmdm enrollment profile", "Desk")
    walk.go("zmdm enrollment revoke", "Desk", "--yes")


def automated_enrollments(walk: Walk) -> None:
    walk.refused("zmdm ade create", "Nowhere")
    with walk.app.app_context(), db.transaction() as session:
        session.add(DepVirtualServer(name="Not connected"))
    made = walk.go("zmdm ade create", "Staff", "--set", 'skip_setup_items=["Siri"]')
    assert isinstance(made, dict) and "not connected" in made["profile"]["error"]
    walk.go("zmdm ade change", "Staff", "--set", "department=IT")
    for words in ("list", "skip-items"):
        walk.go(f"zmdm ade {words}")
    walk.go("zmdm ade show", "Staff")
    for words in ("define", "test"):
        walk.refused(f"zmdm ade {words}", "Staff")


def push_certificates(walk: Walk) -> None:
    csr = walk.folder / "csr"
    walk.go("zmdm push-certificate create", "Made here")
    walk.go("zmdm push-certificate csr", "Made here", "-o", csr)
    topic = "com.apple.mgmt.External.walked"
    for words, days in (("upload", 10), ("renew", 365)):
        given = answer(csr, topic, days)
        walk.go(f"zmdm push-certificate {words}", "Made here", "--certificate", given)
    walk.go("zmdm push-certificate show", "Made here")
    walk.go("zmdm push-certificate delete", "Made here", "--yes")
    key = vendors.keys()[0]
    request = x509.CertificateSigningRequestBuilder(vendors.name("x")).sign(key, hashes.SHA256())
    csr.write_bytes(request.public_bytes(vendors.PEM))
    pair = ("--certificate", answer(csr, topic), "--key", walk.file("key", vendors.plain(key)))
    walk.go("zmdm push-certificate import", "Brought", *pair)
    walk.go("zmdm push-certificate list")


def certificates_as_files(walk: Walk) -> None:
    folder, password = walk.folder / "made", walk.file("password", "secret")
    walk.go("mdmcerts init", "-d", folder, "--password-file", password)
    public = x509.load_pem_x509_csr((folder / "vendor.csr").read_bytes()).public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    (folder / "vendor.crt").write_text(vendors.issue(public))
    chain = ("--chain", walk.file("chain", vendors.chain()))
    known = ("--vendor-password-file", password, *chain)
    walk.go("mdmcerts req", "-d", folder, "DE", "--password-file", password, *known)
    walk.go("mdmcerts sign_req", "-d", folder, walk.folder / "csr", *known)


def blueprints(walk: Walk) -> None:
    contents = [{**_PROFILE, "PayloadUUID": str(number) * 8 + "-0"} for number in (1, 2)]
    first, second = (
        walk.file(f"{number}.mobileconfig", plistlib.dumps(one))
        for number, one in enumerate(contents)
    )
    walk.go("zmdm artifact create", "Wi-Fi", first)
    walk.go("zmdm artifact upload", "Wi-Fi", second)
    walk.go("zmdm artifact current", "Wi-Fi", 1)
    walk.go("zmdm artifact list")
    walk.go("zmdm artifact show", "Wi-Fi")
    walk.go("zmdm blueprint create", "Office")
    walk.go("zmdm blueprint change", "Office", "--name", "Offices")
    walk.go("zmdm blueprint add", "Offices", "Wi-Fi")
    walk.go("zmdm blueprint assign", "Offices", walk.device)
    walk.go("zmdm blueprint list")
    walk.go("zmdm device artifacts", walk.device)
    walk.go("zmdm device explain", walk.device, "Wi-Fi")
    walk.refused("zmdm device retry", walk.device, "Wi-Fi")
    walk.go("zmdm blueprint remove", "Offices", "Wi-Fi", "--yes")
    walk.go("zmdm blueprint assign", "-", walk.device)
    walk.go("zmdm blueprint delete", "Offices", "--yes")
    walk.go("zmdm artifact delete", "Wi-Fi", "--yes")


def people(walk: Walk) -> None:
    walk.go("zmdm realm create", "Lab", "local")
    walk.go("zmdm realm test", "Lab")
    walk.go("zmdm realm show", "Lab")
    walk.go("zmdm realm list")
    password = ("--password", "correct horse battery")
    walk.go("zmdm realm add-account", "Lab", "ada", *password, "--email", "ada@example.com")
    walk.go("zmdm realm set-password", "Lab", "ada", *password)
    walk.go("zmdm realm disable-account", "Lab", "ada")
    walk.go("zmdm realm enable-account", "Lab", "ada")
    walk.go("zmdm realm people", "--realm", "Lab", "--search", "ADA")
    walk.refused("zmdm realm delete", "Lab", "--yes")
    walk.go("zmdm realm forget-person", "Lab", "ada", "--yes")
    walk.go("zmdm realm change", "Lab", "--not-enabled")
    walk.go("zmdm realm delete", "Lab", "--yes")


def packages(walk: Walk) -> None:
    walk.go("zmdm package upload", walk.file("editor.pkg", pkg()), "--name", "Editor")
    walk.go("zmdm package list")
    walk.go("zmdm package show", 1)
    walk.go("zmdm package delete", 1, "--yes")
    walk.go("zmdm package fetch", "https://example.com/a.pkg", "--sha256", "0" * 64)
    walk.go("zmdm application list", "--search", "editor")


def software_updates(walk: Walk) -> None:
    walk.go("zmdm alerts list")
    walk.go("zmdm alerts check")
    walk.refused("zmdm alerts test-mail")
    for words in ("status", "list", "enforcements"):
        walk.go(f"zmdm software-update {words}")
    walk.go("zmdm software-update device", walk.device)
    walk.refused("zmdm software-update preview", 99)
    walk.refused("zmdm software-update sync")


def dep(walk: Walk) -> None:
    """As far as it goes without Apple; tests/services/test_dep_cli.py has the rest."""
    made = walk.go("zmdm dep connect", "Lab")
    assert isinstance(made, dict)
    number = made["id"]
    walk.go("zmdm dep stage-key", number)
    walk.go("zmdm dep public-key", number)
    walk.go("zmdm dep servers")
    walk.go("zmdm dep devices")
    walk.refused("zmdm dep token", number, walk.file("p7m", "nonsense"))
    for words in ("sync", "beta-tokens"):
        walk.refused(f"zmdm dep {words}", number)
    walk.refused("zmdm dep default", number, "Nobody")
    walk.refused("zmdm dep assign", "Nobody", "C02NONE")
    for words in ("device", "refresh"):
        walk.refused(f"zmdm dep {words}", "C02NONE")
    walk.refused("zmdm dep disown", "C02NONE", "--yes")
    walk.refused("zmdm dep disconnect", number, "--yes")
    walk.go("zmdm dep cancel-key", number, "--yes")


def store_apps(walk: Walk) -> None:
    with walk.app.app_context(), db.transaction() as session:
        row = lay_rows(session)
        location, licences = row.location_id, row.id
    token = walk.file("x.vpptoken", "hello")
    walk.go("zmdm location list")
    walk.go("zmdm location show", location)
    walk.go("zmdm location assets", "--location", location)
    walk.go("zmdm location assign", licences, "C02A", "C02B")
    walk.go("zmdm location revoke", licences, "C02A")
    walk.refused("zmdm location add", token)
    walk.refused("zmdm location renew", location, token)
    walk.refused("zmdm location take-over", location, "--yes")
    walk.refused("zmdm location sync", location)
    walk.refused("zmdm location delete", location, "--name", "Hamburg", "--yes")
    walk.go("zmdm location delete", location, "--name", "Berlin", "--yes")


def the_rest(walk: Walk) -> None:
    walk.go("zmdm audit list")
    walk.go("zmdm audit export")
    walk.go("zmdm audit export", "-o", walk.folder / "audit")
    made = walk.go("zmdm token create", "robot", *OWNER, "--permission", "mdm.view_*")
    assert isinstance(made, dict)
    walk.go("zmdm token list")
    walk.go("zmdm token permissions")
    walk.go("zmdm token revoke", made["id"], "--yes")
    walk.go("zmdm job list")
    for words in ("show", "watch", "wait"):
        walk.go(f"zmdm job {words}", walk.runs[0])
    walk.go("zmdm job stop", walk.runs[1])
    walk.go("zmdm secrets new-key")
    walk.go("zmdm secrets rotate")
    walk.go("zmdm db upgrade")
    walk.go("zmdm db current")


@pytest.mark.settings(ZMDM_SOFTWARE_LOOKUP_URL="http://127.0.0.1:9")
def test_every_command_speaks_json(walk: Walk) -> None:
    parts = (
        devices,
        enrollments,
        automated_enrollments,
        push_certificates,
        certificates_as_files,
    )
    rest = (blueprints, packages, people, software_updates, dep, store_apps, the_rest)
    for part in (*parts, *rest):
        part(walk)
    assert EVERY - walk.walked == {*UNTIL_STOPPED, "zmdm ca create", "zmdm doctor"}


def test_so_do_those_of_a_server_without_anything(app: Flask) -> None:
    doctor = run(app, "zmdm doctor")
    assert json.loads(doctor.stdout)["state"] == "bad" and doctor.exit_code == 1
    assert json.loads(run(app, "zmdm ca create", "Test CA").stdout)["generation"] == 1


def test_a_wrong_call_is_an_object_on_standard_error(app: Flask) -> None:
    for words in EVERY:
        result = run(app, words, "--no-such-option")
        said = json.loads(result.stderr)
        assert (result.exit_code, said["exit_code"], result.stdout) == (2, 2, ""), words
        assert "--no-such-option" in said["message"]


def test_a_refusal_names_the_field(walk: Walk) -> None:
    result = run(walk.app, "zmdm device lock", walk.device, "--yes")
    said = json.loads(result.stderr)
    assert (result.exit_code, said["exit_code"]) == (1, 1) and list(said["errors"]) == ["pin"]


def test_with_json_nothing_is_asked(walk: Walk) -> None:
    result = run(walk.app, "zmdm device block", walk.device)
    assert result.exit_code == 2 and "--yes" in json.loads(result.stderr)["message"]
