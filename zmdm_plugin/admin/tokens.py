"""API tokens: made here and shown once, seen, revoked; and what each role may do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Response, request
from flask_admin import expose

from zmdm_plugin import db, policy
from zmdm_plugin.admin import paging
from zmdm_plugin.admin.screen import Screen, acting, back, may
from zmdm_plugin.errors import Refused
from zmdm_plugin.models import ApiToken
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import access, tokens
from zmdm_plugin.state import state

GROUP = "Administration"
EVERYTHING = "mdm.*"
LASTING = (("30", "30 days"), ("90", "90 days"), ("365", "a year"), ("", "until it is revoked"))


@dataclass(slots=True)
class Asked:
    """The form as it was sent, and what is wrong with it."""

    name: str = ""
    days: str = "90"
    permissions: Sequence[str] = ()
    field: str = ""
    fault: str = ""


class TokenList(Screen):
    """One's own tokens, or everybody's; whoever may make some may see those."""

    permission = access.ADD_TOKENS

    def permitted(self) -> bool:
        return may(access.ADD_TOKENS) or may(access.VIEW_TOKENS)

    @expose("/")
    def index(self) -> Response:
        """The newest first."""
        return self._shown()

    @expose("/<int:token_id>/revoke/", methods=("POST",))
    def revoke(self, token_id: int) -> Response:
        """End one at once."""
        tokens.find(token_id, actor=acting(), permission=access.CHANGE_TOKENS)
        with db.transaction():
            tokens.revoke(token_id, actor=acting())
        return back("The token is revoked: it ends at once.", ".index")

    def _shown(self) -> Response:
        try:
            found = tokens.page(acting(), cursor=paging.cursor(), limit=paging.PER_PAGE)
        except Refused:
            found = tokens.page(acting(), limit=paging.PER_PAGE)
        return self.page(
            "zmdm/tokens.html",
            title="API tokens",
            page=paging.page(found.items, cursor=found.next_cursor),
            revocable=_revocable,
            everything=EVERYTHING,
        )


class TokenForm(Screen):
    """The form of a new token. Its text is on the page that answers, and nowhere afterwards."""

    permission = access.ADD_TOKENS

    @expose("/", methods=("GET", "POST"))
    def index(self) -> Response:
        """The form, and the making."""
        asked = Asked()
        if request.method == "POST":
            asked = _asked()
            if answer := self._made(asked):
                return answer
        return self.page(
            "zmdm/token_form.html",
            title="Add an API token",
            asked=asked,
            lasting=LASTING,
            everything=EVERYTHING,
            groups=_groups(),
            status=422 if asked.fault else 200,
        )

    def _made(self, asked: Asked) -> Response | None:
        """The page with the text; None when the form has to be shown again."""
        expires_at = utcnow() + timedelta(days=int(asked.days)) if asked.days else None
        try:
            with db.transaction():
                row, text = tokens.create(
                    asked.name,
                    acting(),
                    permissions=asked.permissions,
                    actor=acting(),
                    expires_at=expires_at,
                )
                name, until = row.name, row.expires_at
        except Refused as error:
            asked.field, asked.fault = error.field, error.why
            return None
        return self.page(
            "zmdm/token_made.html",
            title=f"Token {name}",
            name=name,
            text=text,
            until=until,
            example=f"{state().settings.base_url}/api/mdm/devices/",
        )


class RoleList(Screen):
    """What may be allowed at all, to whom the ready policy allows it, and what one has oneself."""

    permission = access.VIEW_DEVICES

    @expose("/")
    def index(self) -> Response:
        """A table: permissions down, roles across."""
        return self.page(
            "zmdm/roles.html",
            title="Roles and permissions",
            roles=list(policy.ROLES.values()),
            permissions=sorted(access.permissions().items()),
        )


def screens() -> list[Screen]:
    """The screens of this area, for the menu."""
    listed = TokenList("API tokens", endpoint="zmdm_tokens", url="tokens", group=GROUP)
    return [
        listed,
        TokenForm("Add", endpoint="zmdm_token_form", url="tokens/new", below=listed),
        RoleList("Roles", endpoint="zmdm_roles", url="roles", group=GROUP),
    ]


def _asked() -> Asked:
    days = request.form.get("days", "")
    return Asked(
        name=request.form.get("name", "").replace("\0", "").strip(),
        days=days if days in dict(LASTING) else "30",
        permissions=request.form.getlist("permissions"),
    )


def _groups() -> list[tuple[str, list[tuple[str, str]]]]:
    """The permissions that one holds oneself: single commands apart, for there are many."""
    held = {name: about for name, about in access.permissions().items() if may(name)}
    single = f"{access.ADD_COMMANDS}."
    groups: dict[str, Any] = {"Permissions": [], "Single commands": []}
    for name, about in sorted(held.items()):
        groups["Single commands" if name.startswith(single) else "Permissions"].append(
            (name, about)
        )
    return [(title, names) for title, names in groups.items() if names]


def _revocable(row: ApiToken) -> bool:
    """Whether the button makes sense and would be obeyed."""
    own = row.owner_id == acting().person.id and may(access.ADD_TOKENS)
    return row.revoked_at is None and (own or may(access.CHANGE_TOKENS))
