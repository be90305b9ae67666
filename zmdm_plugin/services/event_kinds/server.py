"""Events about this server: its alerts, its own work."""

from __future__ import annotations

from zmdm_plugin.services.event_kinds.base import Field, Kind, kind, maybe_text, number, text


def _alert(name: str, title: str, about: str, **more: Field) -> Kind:
    fields = {
        "alert": number("Id of the alert."),
        "condition": text("What is wrong, as a word."),
        "subject": maybe_text("What it is about."),
        "severity": text("How bad it is."),
        "title": text("What is wrong, for people."),
        "url": text("Its page."),
    }
    return Kind(name=name, title=title, about=about, fields={**fields, **more})


_TOLD = {"says": text("In a sentence."), "do": maybe_text("What to do.")}

KINDS = (
    _alert("alert.opened", "Alert", "Something is wrong.", **_TOLD),
    _alert("alert.worse", "Alert got worse", "It is more serious by now.", **_TOLD),
    _alert("alert.again", "Still so after a snooze", "Nobody has seen to it.", **_TOLD),
    _alert("alert.cleared", "Alert is over", "It is as it should be."),
    kind(
        "job.failed",
        "Long work failed",
        "It stopped with an error; its page says more.",
        job=text("Name of the job."),
        run=text("Uid of the run."),
        title=text("What it was to do."),
    ),
)
