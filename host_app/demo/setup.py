"""The set-up of a demo, in one process: `python -m host_app.demo.setup FOLDER`.

Every step is a command that an operator would type (`flask zmdm …`) or a request of the API; here
they run inside one interpreter, for each of them alone would cost a second of start.
"""

from __future__ import annotations

import base64
import json
import secrets
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from flask import Flask

from host_app.app import create_app
from host_app.demo import samples
from host_app.demo.asking import Api, PlayedPortal, StepFailed
from host_app.demo.folder import ADMINISTRATOR, DemoFolder
from host_app.models import find_user

CA, PUSH, BY_LINK, BY_HAND = "Demo CA", "Demo", "Demo over the air", "Demo by hand"


def flask(app: Flask, *args: str, env: dict[str, str] | None = None) -> str:
    """Run a command of the application and return what it prints."""
    result = app.test_cli_runner().invoke(args=args, env=env or {})
    if result.exit_code != 0:
        lines = (result.output or "").strip().splitlines()
        why = repr(result.exception) if not lines else lines[-1]
        raise StepFailed(f"flask {' '.join(args[:3])}: {why}") from result.exception
    return result.output


def prepare_tables(app: Flask, folder: DemoFolder) -> None:
    """The host's tables, then ours; both times a no-op if they are there."""
    flask(app, "create-tables")
    flask(app, "zmdm", "db", "upgrade")


def make_administrator(app: Flask, folder: DemoFolder) -> None:
    """The password is written down first, so that no interruption can lose it."""
    password = folder.read_credentials().get("password") or secrets.token_urlsafe(12)
    folder.keep_credential("email", ADMINISTRATOR)
    folder.keep_credential("password", password)
    env = {"HOST_APP_PASSWORD": password}
    flask(app, "users", "set", ADMINISTRATOR, "--role", "administrator", env=env)


def make_authority(app: Flask, folder: DemoFolder) -> None:
    """The built-in CA that devices get their identities from."""
    flask(app, "zmdm", "ca", "create", CA)


def import_push_certificate(app: Flask, folder: DemoFolder) -> None:
    """The one that the played Apple has issued."""
    certificate, key = (str(folder.path / "apple" / f"push-{part}.pem") for part in ("cert", "key"))
    flask(
        app, "zmdm", "push-certificate", "import", "--certificate", certificate, "--key", key, PUSH
    )


def make_blueprint(app: Flask, folder: DemoFolder) -> None:
    """What every device of the fleet gets: a profile, and a declaration where its OS knows them."""
    folder.write("demo.mobileconfig", samples.profile().decode())
    folder.write("passcode.json", samples.declaration().decode())
    profile, passcode = (str(folder.path / name) for name in ("demo.mobileconfig", "passcode.json"))
    ways = {samples.BLUEPRINT: "declaration", samples.BY_COMMAND: "command"}
    for blueprint, way in ways.items():
        collects = ("--collect-profiles", "all", f"--apps-by-{way}")
        flask(app, "zmdm", "blueprint", "create", blueprint, *collects)
    flask(app, "zmdm", "artifact", "create", samples.PROFILE_NAME, profile)
    kind = ("--type", "configuration", "--platform", "macOS", "--platform", "iOS")
    more = ("--platform", "iPadOS", "--platform", "visionOS", "--platform", "watchOS")
    flask(app, "zmdm", "artifact", "create", samples.DECLARATION_NAME, passcode, *kind, *more)
    make_package(app, folder)
    for name in (samples.PROFILE_NAME, samples.DECLARATION_NAME, samples.PACKAGE_NAME):
        for blueprint in ways:
            flask(app, "zmdm", "blueprint", "add", blueprint, name)


def make_package(app: Flask, folder: DemoFolder) -> None:
    """A signed installer for Macs: the same one, whichever way it goes."""
    installer = folder.path / "editor.pkg"
    made = [sys.executable, "-m", "zmdm_simulator.packages", str(installer)]
    subprocess.run(made, check=True, timeout=60)
    kept = json.loads(flask(app, "zmdm", "package", "upload", str(installer), "--json"))
    folder.write("editor.json", json.dumps({"package": kept["id"]}))
    source = str(folder.path / "editor.json")
    kind = ("--type", "enterprise_app", "--platform", "macOS")
    flask(app, "zmdm", "artifact", "create", samples.PACKAGE_NAME, source, *kind)


def make_enrollments(app: Flask, folder: DemoFolder) -> None:
    """Both ways into the fleet: a link to open on the device, and a profile to hand to it."""
    create = ("zmdm", "enrollment", "create")
    brings = ("--blueprint", samples.BLUEPRINT)
    link = flask(app, *create, BY_LINK, "--kind", "ota", *brings)
    folder.write("ota.link", link)
    flask(app, *create, BY_HAND, "--kind", "manual", "--blueprint", samples.BY_COMMAND)
    output = str(folder.by_hand_profile)
    flask(app, "zmdm", "enrollment", "profile", BY_HAND, "--output", output)


def read_software_updates(app: Flask, folder: DemoFolder) -> None:
    """Apple's list, so that there is something to enforce."""
    flask(app, "zmdm", "software-update", "sync")


def make_people(app: Flask, folder: DemoFolder) -> None:
    """Those who sign in at new devices; their passwords stand in a file of the folder."""
    flask(app, "zmdm", "realm", "create", samples.REALM, "local")
    people = [
        {"username": username, "password": secrets.token_urlsafe(9)} for username in samples.PEOPLE
    ]
    for one in people:
        known = ("--full-name", samples.PEOPLE[one["username"]], "--email", one["username"])
        words = (samples.REALM, one["username"], "--password", one["password"], *known)
        flask(app, "zmdm", "realm", "add-account", *words)
    folder.write(folder.people.name, json.dumps(people))


def make_token(app: Flask, folder: DemoFolder) -> None:
    """Of the administrator, who may do everything; only its hash is stored, so it is kept here."""
    with app.app_context():
        user = find_user(ADMINISTRATOR)
        owner = f"user:{user.id}" if user else ""
    words = ("--owner", owner, "--owner-label", ADMINISTRATOR, "--permission", "mdm.*")
    folder.keep_credential("token", flask(app, "zmdm", "token", "create", "demo", *words).strip())


def connect_apple(app: Flask, folder: DemoFolder) -> None:
    """A service of the played organization, and the enrollment of the devices it assigns."""
    apple, api = PlayedPortal(app.config["ZMDM_DEP_URL"]), Api(app, folder)
    server = api.send("POST", "dep/virtual_servers/", {"name": samples.SERVER})["id"]
    public_key = api.text(f"dep/virtual_servers/{server}/public_key/")
    token = apple.token_for(samples.SERVER, public_key)
    upload = {"token": base64.b64encode(token).decode()}
    api.send("PUT", f"dep/virtual_servers/{server}/token/", upload)
    blueprints = {one["name"]: one["id"] for one in api.list("blueprints/")}
    settings = {
        "blueprint": blueprints[samples.BLUEPRINT],
        "realm": api.list("realms/")[0]["id"],
        **samples.SETUP_ASSISTANT,
    }
    given = [f"--set={name}={json.dumps(value)}" for name, value in settings.items()]
    made = flask(app, "zmdm", "ade", "create", samples.FROM_APPLE, *given, "--json")
    default = {"default_enrollment": json.loads(made)["id"]}
    api.send("PUT", f"dep/virtual_servers/{server}/", default)


def assign_devices(app: Flask, folder: DemoFolder, count: int) -> None:
    """What somebody buys: devices that the played Apple assigns to our service."""
    PlayedPortal(app.config["ZMDM_DEP_URL"]).assign(samples.SERVER, count)


ALWAYS: tuple[Callable[[Flask, DemoFolder], None], ...] = (prepare_tables, make_administrator)
ONCE: tuple[Callable[[Flask, DemoFolder], None], ...] = (
    make_authority,
    import_push_certificate,
    make_blueprint,
    make_enrollments,
    read_software_updates,
    make_people,
    make_token,
    connect_apple,
)


def main(path: Path, assigned: int) -> None:
    """Take every step that has not been taken."""
    folder = DemoFolder(path)
    app = create_app()
    for step in ALWAYS:
        step(app, folder)
    for step in ONCE:
        if step.__name__ not in folder.done():
            step(app, folder)
            folder.mark_done(step.__name__)
    assign_devices(app, folder, assigned)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), int(sys.argv[2]))
    except StepFailed as failed:
        sys.exit(str(failed))
