"""Store apps of a demo, once and while a worker runs: `python -m host_app.demo.shop FOLDER`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from flask import Flask

from host_app.app import create_app
from host_app.demo import asking, samples
from host_app.demo.asking import Api, PlayedPortal, StepFailed
from host_app.demo.folder import DemoFolder
from host_app.demo.setup import flask

READ_WITHIN = 120.0
"""Seconds for a worker to read the location, and what the store says of its apps."""


def open_location(app: Flask, folder: DemoFolder) -> None:
    """What an administrator does: buys licences, takes the content token, and uploads it."""
    portal = PlayedPortal(app.config["ZMDM_APPS_BOOKS_URL"])
    token = portal.content_token(samples.LOCATION, samples.STORE_APPS)
    folder.write(folder.content_token.name, token)
    flask(app, "zmdm", "location", "add", str(folder.content_token))


def bring_store_app(app: Flask, folder: DemoFolder) -> None:
    """To every blueprint, so that it goes by declaration to some devices, by command to others."""
    asset = _read_by_a_worker(Api(app, folder))
    folder.write("store-app.json", json.dumps({"location_asset": asset}))
    name, _ = samples.STORE_APPS[samples.STORE_APP]
    source = str(folder.path / "store-app.json")
    kind = ("--type", "store_app", *(f"--platform={one}" for one in samples.STORE_PLATFORMS))
    flask(app, "zmdm", "artifact", "create", name, source, *kind)
    for one in Api(app, folder).list("blueprints/"):
        flask(app, "zmdm", "blueprint", "add", one["name"], name)


def _read_by_a_worker(api: Api) -> int:
    """Wait until the location's licences and the app's name are known; which asset it is there."""
    deadline = time.monotonic() + READ_WITHIN
    while time.monotonic() < deadline:
        named = {
            one["id"]
            for one in api.list("assets/")
            if one["adam_id"] == samples.STORE_APP and one["bundle_id"]
        }
        for one in api.list("location_assets/"):
            if one["asset"] in named:
                found: int = one["id"]
                return found
        time.sleep(0.25)
    raise StepFailed(f"no worker has read the location {samples.LOCATION}")


STEPS: tuple[Callable[[Flask, DemoFolder], None], ...] = (open_location, bring_store_app)


def main(path: Path) -> None:
    """Take every step that has not been taken."""
    folder = DemoFolder(path)
    app = create_app()
    for step in STEPS:
        if step.__name__ not in folder.done():
            step(app, folder)
            folder.mark_done(step.__name__)
    folder.mark_done(asking.SHOP)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except StepFailed as failed:
        sys.exit(str(failed))
