"""People of realms: who signed in, with which devices; and local accounts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import marshmallow as ma
import sqlalchemy as sa
from flask import Response, request
from flask_admin import expose

from zmdm_plugin import db
from zmdm_plugin.admin import forms, paging
from zmdm_plugin.admin.device_facts import name_of
from zmdm_plugin.admin.realm_forms import text as line
from zmdm_plugin.admin.screen import Screen, acting, back, demand, row, session, text
from zmdm_plugin.errors import Refused
from zmdm_plugin.models import Realm, RealmUser
from zmdm_plugin.services import access, audit, devices
from zmdm_plugin.services.realms import accounts, listing, naming, passwords, people, provider
from zmdm_plugin.services.realms.listing import PeopleFilter

LIST, NEW, ONE = "zmdm_people", "zmdm_new_account", "zmdm_person"
_MOST_DEVICES = 100


class _Known(ma.Schema):
    email = line("")
    first_name = line("")
    last_name = line("")
    full_name = line("")
    custom_attr_1 = line("", label="First attribute")
    custom_attr_2 = line("", label="Second attribute")


class ChangeArguments(_Known):
    """What can be changed of a local account."""

    username = line("What is typed to sign in.", required=True)
    password = ma.fields.String(
        validate=[ma.validate.Length(min=passwords.LEAST, max=passwords.MOST)],
        metadata={"description": "Empty: the password stays."},
    )


class NewArguments(_Known):
    """What a local account is made of."""

    username = line("What is typed to sign in.", required=True)
    password = ma.fields.String(
        required=True,
        validate=[ma.validate.Length(min=passwords.LEAST, max=passwords.MOST)],
        metadata={"description": f"At least {passwords.LEAST} characters."},
    )


class PeopleList(Screen):
    """Everybody who ever signed in, and local accounts."""

    permission = access.VIEW_PEOPLE

    @expose("/")
    def index(self) -> Response:
        """One page; a stale or foreign cursor begins anew."""
        found = _page(text("q"), text("realm", most=20))
        shown = session().scalars(sa.select(Realm).order_by(Realm.name)).all()
        return self.page(
            "zmdm/people.html",
            title="People",
            page=paging.page(found.items, cursor=found.next_cursor),
            counts=listing.devices_of(one.id for one in found.items),
            realms=shown,
            local=[one for one in shown if one.backend == provider.LOCAL],
            q=text("q"),
            realm=text("realm", most=20),
        )


class PersonPage(Screen):
    """What is known of somebody, and their devices."""

    permission = access.VIEW_PEOPLE

    @expose("/")
    def index(self, realm_user_id: int) -> Response:
        """Their devices are those that the one who acts may see."""
        found: RealmUser = row(RealmUser, realm_user_id)
        theirs = devices.DeviceFilter(realm_user=realm_user_id)
        owned = devices.page(acting(), theirs, limit=_MOST_DEVICES).items
        return self.page(
            "zmdm/person.html",
            title=found.full_name or found.username,
            person=found,
            local=found.realm.backend == provider.LOCAL,
            variables=naming.variables(found),
            owned=owned,
            name_of=name_of,
        )

    @expose("/edit/", methods=("GET", "POST"))
    def edit(self, realm_user_id: int) -> Response:
        """The form of a local account."""
        demand(access.CHANGE_PEOPLE)
        found: RealmUser = row(RealmUser, realm_user_id)
        form = forms.Form(_fields(ChangeArguments(), found))
        if request.method == "POST":
            if _sent(form, ChangeArguments(), lambda given: _change(realm_user_id, given)):
                return back("The account is kept.", f"{ONE}.index", realm_user_id=realm_user_id)
            form.fields = forms.typed(form.fields, request.form)
        return self.page(
            "zmdm/account_form.html",
            title=f"Update {row(RealmUser, realm_user_id).username}",
            form=form,
            person=row(RealmUser, realm_user_id),
            status=422 if form.faults or form.fault else 200,
        )

    @expose("/switch/", methods=("POST",))
    def switch(self, realm_user_id: int) -> Response:
        """A local account may sign in no more; or again."""
        demand(access.CHANGE_PEOPLE)
        with db.transaction():
            found: RealmUser = row(RealmUser, realm_user_id)
            disabled = found.disabled_at is None
            _audited(found, lambda: accounts.change(found, {"disabled": disabled}))
        said = "The account may sign in no more." if disabled else "The account may sign in again."
        return back(said, f"{ONE}.index", realm_user_id=realm_user_id)

    @expose("/release/", methods=("POST",))
    def release(self, realm_user_id: int) -> Response:
        """The provider gave the username to somebody else."""
        demand(access.CHANGE_PEOPLE)
        with db.transaction():
            found: RealmUser = row(RealmUser, realm_user_id)
            _audited(found, lambda: people.release(found), action="realm_user.release")
        said = "Released: whoever signs in with this username next keeps it."
        return back(said, f"{ONE}.index", realm_user_id=realm_user_id)

    @expose("/delete/", methods=("POST",))
    def delete(self, realm_user_id: int) -> Response:
        """Forgotten, if they have no device."""
        demand(access.DELETE_PEOPLE)
        with db.transaction():
            found: RealmUser = row(RealmUser, realm_user_id)
            audit.record(acting(), "realm_user.delete", found, before=audit.snapshot(found))
            people.delete(found)
        return back("The person is forgotten.", f"{LIST}.index")


class NewAccount(Screen):
    """A form of its own, so that its address can be linked to; `realm` says where."""

    permission = access.ADD_PEOPLE

    @expose("/", methods=("GET", "POST"))
    def index(self) -> Response:
        """The form, and the making."""
        given = text("realm", most=20)
        realm: Realm = row(Realm, int(given) if given.isdecimal() and given.isascii() else 0)
        name = realm.name
        form = forms.Form(_fields(NewArguments(), None))
        if request.method == "POST":
            if _sent(form, NewArguments(), lambda asked: _create(int(given), asked)):
                return back("The account is made.", f"{LIST}.index", realm=given)
            form.fields = forms.typed(form.fields, request.form)
        return self.page(
            "zmdm/account_form.html",
            title=f"Add an account to {name}",
            form=form,
            person=None,
            status=422 if form.faults or form.fault else 200,
        )


def screens(group: str) -> list[Screen]:
    """The screens of this area, for the menu."""
    listed = PeopleList("People", endpoint=LIST, url="people", group=group)
    return [
        listed,
        NewAccount("Add", endpoint=NEW, url="people/new", below=listed),
        PersonPage("Person", endpoint=ONE, url="people/<int:realm_user_id>", below=listed),
    ]


def _page(search: str, realm: str) -> Any:
    known = int(realm) if realm.isdecimal() and realm.isascii() and len(realm) < 19 else None
    asked = PeopleFilter(search=search or None, realm=known)
    how: dict[str, Any] = {"ordering": "username", "limit": paging.PER_PAGE}
    try:
        return listing.page(asked, cursor=paging.cursor(), **how)
    except Refused:
        return listing.page(asked, **how)


def _fields(schema: ma.Schema, person: RealmUser | None) -> list[forms.Field]:
    drawn = forms.of_schema(schema, secret=("password",))
    return [
        forms.replaced(item, kind="password")
        if item.name == "password"
        else forms.replaced(
            item, kind="text", value=getattr(person, item.name, None) or "" if person else ""
        )
        for item in drawn
    ]


def _sent(form: forms.Form, schema: ma.Schema, act: Callable[[dict[str, Any]], object]) -> bool:
    """Do what was sent; False when the form has to be shown again, with what is wrong with it."""
    try:
        given: dict[str, Any] = schema.load(forms.data(form.fields, request.form))
        with db.transaction():
            act(given)
    except ma.ValidationError as error:
        form.faults.update(forms.faults(error))
    except Refused as error:
        form.blame(error.field, error.why)
    return not form.faults and not form.fault


def _create(realm_id: int, asked: Mapping[str, Any]) -> None:
    values = dict(asked)
    made = accounts.create(row(Realm, realm_id), values, password=values.pop("password"))
    audit.record(acting(), "realm_user.create", made, after=audit.snapshot(made))


def _change(realm_user_id: int, asked: Mapping[str, Any]) -> None:
    """What a form leaves empty is emptied, but for the password, which it never shows."""
    found: RealmUser = row(RealmUser, realm_user_id)
    emptied: dict[str, Any] = dict.fromkeys(_Known().fields)
    _audited(found, lambda: accounts.change(found, {**emptied, **asked}))


def _audited(
    found: RealmUser, change: Callable[[], None], *, action: str = "realm_user.change"
) -> None:
    before = audit.snapshot(found)
    change()
    audit.record(acting(), action, found, before=before, after=audit.snapshot(found))
