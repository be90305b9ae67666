"""flask zmdm worker | scheduler: the processes beside the web server."""

from __future__ import annotations

import click
from flask import current_app

from zmdm_plugin.cli.groups import wants_json, zmdm
from zmdm_plugin.cli.output import say
from zmdm_plugin.jobs import scheduler, worker


@zmdm.command("worker")
@click.option(
    "--queues",
    default="push,default",
    show_default=True,
    help="Which queues, separated by commas: push, default.",
)
def run_worker(queues: str) -> None:
    """Run deferred jobs until stopped."""
    names = [name.strip() for name in queues.split(",")]
    if unknown := [name for name in names if name not in worker.NAMES]:
        raise click.BadParameter(f"no queue {unknown[0]!r}; there are {', '.join(worker.NAMES)}")
    worker.work(current_app._get_current_object(), names)  # type: ignore[attr-defined]
    _ended("worker")


@zmdm.command("scheduler")
@click.option(
    "--lease",
    type=click.FloatRange(1, 3600),
    default=scheduler.LEASE,
    show_default=True,
    help="Seconds after which another scheduler takes over from one that was killed.",
)
def run_scheduler(lease: float) -> None:
    """Find what is due, every few seconds; several may run, one at a time works."""
    scheduler.schedule(current_app._get_current_object(), lease=lease)  # type: ignore[attr-defined]
    _ended("scheduler")


def _ended(what: str) -> None:
    """A supervisor that reads JSON is told; others see that the process is gone."""
    if wants_json():
        say({"process": what, "state": "stopped"}, "")
