"""Webhooks: who is told of events, what was not told yet, and why."""

from __future__ import annotations

from typing import Any

from flask import Response, request
from flask_admin import expose

from zmdm_plugin import db
from zmdm_plugin.admin import forms, paging
from zmdm_plugin.admin.screen import Screen, acting, back, demand, text
from zmdm_plugin.admin.words import counted
from zmdm_plugin.errors import Refused
from zmdm_plugin.models import Webhook
from zmdm_plugin.services import access, audit
from zmdm_plugin.services.webhooks import hooks, outbox

GROUP = "Administration"


class WebhookList(Screen):
    """All webhooks; there are few."""

    permission = access.VIEW_WEBHOOKS

    @expose("/")
    def index(self) -> Response:
        """Each with what it wants and whether it answers."""
        return self.page("zmdm/webhooks.html", title="Webhooks", webhooks=hooks.every())


class WebhookForm(Screen):
    """A new webhook, or one to change; `webhook` in the address says which."""

    permission = access.VIEW_WEBHOOKS

    @expose("/", methods=("GET", "POST"))
    def index(self) -> Response:
        """The form, and the page with the secret of a new one."""
        hook = _asked()
        demand(access.CHANGE_WEBHOOKS if hook else access.ADD_WEBHOOKS)
        form = forms.Form(_fields(hook))
        if request.method == "POST":
            if answer := self._save(hook, form):
                return answer
            form.fields = forms.typed(form.fields, request.form)
        return self.page(
            "zmdm/webhook_form.html",
            title=f"Update {hook.name}" if hook else "Add a webhook",
            status=422 if form.faults or form.fault else 200,
            hook=hook,
            form=form,
        )

    def _save(self, hook: Webhook | None, form: forms.Form) -> Response | None:
        given = _given(form)
        try:
            with db.transaction():
                if hook is None:
                    given.pop("enabled", None)
                    row, secret = hooks.create(**given)
                    audit.record(acting(), "webhook.create", row, after=audit.snapshot(row))
                    made = (row.id, row.name, secret)
                else:
                    row = hooks.find(hook.id)
                    before = audit.snapshot(row)
                    hooks.change(row, given)
                    after = audit.snapshot(row)
                    audit.record(acting(), "webhook.change", row, before=before, after=after)
                    made = None
        except Refused as error:
            form.blame(error.field, error.why)
            return None
        if made:
            return secret_page(self, *made)
        return back("The webhook is kept.", "zmdm_webhook.index", webhook_id=row.id)


class WebhookPage(Screen):
    """One webhook, and what it was not told."""

    permission = access.VIEW_WEBHOOKS

    @expose("/")
    def index(self, webhook_id: int) -> Response:
        """What waits, or with `dead` what was given up."""
        hook = hooks.find(webhook_id)
        dead = text("dead", most=1) == "1"
        try:
            found = outbox.page(hook.id, dead=dead, cursor=paging.cursor(), limit=paging.PER_PAGE)
        except Refused:
            found = outbox.page(hook.id, dead=dead, limit=paging.PER_PAGE)
        waits, given_up = outbox.waiting(hook.id)
        return self.page(
            "zmdm/webhook.html",
            title=f"Webhook {hook.name}",
            hook=hook,
            dead=dead,
            waits=waits,
            given_up=given_up,
            page=paging.page(found.items, cursor=found.next_cursor),
        )

    @expose("/again/", methods=("POST",))
    def again(self, webhook_id: int) -> Response:
        """Try again what was given up."""
        demand(access.CHANGE_WEBHOOKS)
        with db.transaction():
            hook = hooks.find(webhook_id)
            number = outbox.retry_dead(hook)
            audit.record(acting(), "webhook.replay", hook, after={"number": number})
        said = f"{counted(number, 'event')} will be told again."
        return back(said, "zmdm_webhook.index", webhook_id=webhook_id)

    @expose("/secret/", methods=("POST",))
    def secret(self, webhook_id: int) -> Response:
        """Another secret, shown once."""
        demand(access.CHANGE_WEBHOOKS)
        with db.transaction():
            hook = hooks.find(webhook_id)
            secret = hooks.new_secret_of(hook)
            audit.record(acting(), "webhook.renew_secret", hook)
            name = hook.name
        return secret_page(self, webhook_id, name, secret)

    @expose("/delete/", methods=("POST",))
    def delete(self, webhook_id: int) -> Response:
        """Delete it."""
        demand(access.DELETE_WEBHOOKS)
        with db.transaction():
            hook = hooks.find(webhook_id)
            audit.record(acting(), "webhook.delete", hook, before=audit.snapshot(hook))
            hooks.delete(hook)
        return back("The webhook is deleted.", "zmdm_webhooks.index")


def secret_page(screen: Screen, webhook_id: int, name: str, secret: str) -> Response:
    """The one page that shows a secret."""
    return screen.page(
        "zmdm/webhook_secret.html",
        title=f"Webhook {name}",
        webhook_id=webhook_id,
        name=name,
        secret=secret,
    )


def screens() -> list[Screen]:
    """The screens of this area, for the menu."""
    listed = WebhookList("Webhooks", endpoint="zmdm_webhooks", url="webhooks", group=GROUP)
    one = "webhooks/<int:webhook_id>"
    return [
        listed,
        WebhookForm("Form", endpoint="zmdm_webhook_form", url="webhooks/edit", below=listed),
        WebhookPage("Webhook", endpoint="zmdm_webhook", url=one, below=listed),
    ]


def _asked() -> Webhook | None:
    given = text("webhook", most=19)
    if not given:
        return None
    return hooks.find(int(given) if given.isascii() and given.isdecimal() else 0)


def _given(form: forms.Form) -> dict[str, Any]:
    read = forms.data(form.fields, request.form)
    return {name: read.get(name, _EMPTY[name]) for name in _EMPTY}


_EMPTY: dict[str, Any] = {"name": "", "url": "", "kinds": [], "tags": [], "enabled": False}


def _fields(hook: Webhook | None) -> list[forms.Field]:
    fields = [
        forms.Field(
            name="name", label="Name", required=True, most=128, value=hook.name if hook else ""
        ),
        forms.Field(
            name="url",
            label="Address",
            required=True,
            most=2000,
            help="Events are sent there by POST. Private addresses need ZMDM_PRIVATE_NETWORKS.",
            value=hook.url if hook else "https://",
        ),
        forms.Field(
            name="kinds",
            label="Events",
            kind="lines",
            help="One kind on a line, like device.enrolled, or device.* for all of them. "
            "Empty: every event.",
            value="\n".join(hook.kinds) if hook else "",
        ),
        forms.Field(
            name="tags",
            label="Tags",
            kind="lines",
            help="One name on a line: only events of devices that have one of these tags.",
            value="\n".join(hook.tags) if hook else "",
        ),
    ]
    if hook is not None:
        about = "What happens while it is off is told only if somebody asks for it."
        fields.append(
            forms.Field(name="enabled", label="On", kind="check", help=about, value=hook.enabled)
        )
    return fields
