"""Realms: where people sign in, whether that works, and what is configured for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import marshmallow as ma
import sqlalchemy as sa
from flask import Response, request
from flask_admin import expose
from sqlalchemy.orm import undefer

from zmdm_plugin import db
from zmdm_plugin.admin import forms, realm_forms
from zmdm_plugin.admin.screen import Screen, acting, back, demand, row, session, text
from zmdm_plugin.admin.words import Badge, sentence
from zmdm_plugin.errors import Conflict, Refused
from zmdm_plugin.models import Realm
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import access, audit
from zmdm_plugin.services.realms import health, listing, provider, realms
from zmdm_plugin.services.realms.sign_ins import PATH
from zmdm_plugin.state import state

LIST, NEW, ONE = "zmdm_realms", "zmdm_new_realm", "zmdm_realm"


class RealmList(Screen):
    """There are few."""

    permission = access.VIEW_REALMS

    @expose("/")
    def index(self) -> Response:
        """Each with what is wrong with it."""
        found = session().scalars(sa.select(Realm).order_by(Realm.name)).all()
        return self.page(
            "zmdm/realms.html",
            title="Realms",
            realms=found,
            people=listing.people_of(one.id for one in found),
            about=realm_forms.ABOUT,
            badge=badge,
            fault=health.fault,
        )


class NewRealm(Screen):
    """The backend first, then its form."""

    permission = access.ADD_REALMS

    @expose("/", methods=("GET", "POST"))
    def index(self) -> Response:
        """The address names the backend."""
        backend = text("backend", most=16)
        if backend not in provider.BACKENDS:
            return self.page(
                "zmdm/realm_choose.html",
                title="Add a realm",
                about=realm_forms.ABOUT,
                status=422 if request.method == "POST" else 200,
            )
        form = forms.Form(realm_forms.fields(backend, None))
        made: list[int] = []
        if request.method == "POST":
            if _sent(form, backend, lambda given: made.append(_create(backend, given))):
                said = "The realm is made. Test it before an enrollment uses it."
                return back(said, f"{ONE}.index", realm_id=made[0])
            form.fields = forms.typed(form.fields, request.form)
        return self.page(
            "zmdm/realm_form.html",
            title=f"Add a realm: {realm_forms.ABOUT[backend][0]}",
            form=form,
            realm=None,
            claim=realm_forms.CLAIM,
            status=422 if form.faults or form.fault else 200,
        )


class RealmPage(Screen):
    """One realm: does it work, who uses it, and its form."""

    permission = access.VIEW_REALMS

    @expose("/")
    def index(self, realm_id: int) -> Response:
        """What it is."""
        found: Realm = row(Realm, realm_id)
        return self.page(
            "zmdm/realm.html",
            title=found.name,
            realm=found,
            about=realm_forms.ABOUT,
            badge=badge(found),
            fault=health.fault(found),
            enrollments=listing.enrollments_of(realm_id),
            people=listing.people_of([realm_id]).get(realm_id, 0),
            callback=f"{state().settings.base_url}{PATH}/callback/",
        )

    @expose("/edit/", methods=("GET", "POST"))
    def edit(self, realm_id: int) -> Response:
        """Its form."""
        demand(access.CHANGE_REALMS)
        found = _with_secret(realm_id)
        backend, name = found.backend, found.name
        form = forms.Form(realm_forms.fields(backend, found, has_secret=found.secret is not None))
        if request.method == "POST":
            if _sent(form, backend, lambda given: _update(realm_id, given)):
                return back("The realm is kept.", f"{ONE}.index", realm_id=realm_id)
            form.fields = forms.typed(form.fields, request.form)
        return self.page(
            "zmdm/realm_form.html",
            title=f"Update {name}",
            form=form,
            realm=row(Realm, realm_id),
            claim=realm_forms.CLAIM,
            status=422 if form.faults or form.fault else 200,
        )

    @expose("/test/", methods=("POST",))
    def test(self, realm_id: int) -> Response:
        """Ask the provider now, with a bounded wait; what is wrong is kept with the realm."""
        demand(access.CHANGE_REALMS)
        with db.transaction():
            found: Realm = row(Realm, realm_id)
            asked = provider.of(found)
            audit.record(acting(), "realm.test", found)
        try:
            said, why = provider.test(asked), None
        except provider.ProviderFailed as error:
            said, why = "It does not work: see below.", str(error)
        with db.transaction():
            health.tested(row(Realm, realm_id), why, now=utcnow())
        return back(said, f"{ONE}.index", realm_id=realm_id)

    @expose("/switch/", methods=("POST",))
    def switch(self, realm_id: int) -> Response:
        """Off: nobody signs in through it; on again."""
        demand(access.CHANGE_REALMS)
        with db.transaction():
            found: Realm = row(Realm, realm_id)
            before = audit.snapshot(found)
            realms.update(found, {"enabled": not found.enabled})
            audit.record(
                acting(), "realm.change", found, before=before, after=audit.snapshot(found)
            )
            said = "is switched on" if found.enabled else "is switched off: nobody signs in"
        return back(f"The realm {said}.", f"{ONE}.index", realm_id=realm_id)

    @expose("/delete/", methods=("POST",))
    def delete(self, realm_id: int) -> Response:
        """Gone, if nothing uses it."""
        demand(access.DELETE_REALMS)
        with db.transaction():
            found: Realm = row(Realm, realm_id)
            audit.record(acting(), "realm.delete", found, before=audit.snapshot(found))
            realms.delete(found)
        return back("The realm is deleted.", f"{LIST}.index")


def screens(group: str) -> list[Screen]:
    """The screens of this area, for the menu."""
    listed = RealmList("Realms", endpoint=LIST, url="realms", group=group)
    return [
        listed,
        NewRealm("Add", endpoint=NEW, url="realms/new", below=listed),
        RealmPage("Realm", endpoint=ONE, url="realms/<int:realm_id>", below=listed),
    ]


def badge(realm: Realm) -> Badge:
    """Whether people can sign in, as far as is known."""
    if not realm.enabled:
        return Badge("Switched off", "quiet")
    if health.fault(realm):
        return Badge("Does not work", "bad")
    if realm.succeeded_at is None and realm.backend != provider.LOCAL:
        return Badge("Not tried yet", "warn")
    return Badge("Works", "good")


def _with_secret(realm_id: int) -> Realm:
    row(Realm, realm_id)
    query = sa.select(Realm).where(Realm.id == realm_id).options(undefer(Realm.secret))
    return session().scalars(query.execution_options(populate_existing=True)).one()


def _sent(form: forms.Form, backend: str, act: Callable[[dict[str, Any]], object]) -> bool:
    """Do what was sent; False when the form has to be shown again, with what is wrong with it."""
    try:
        given = realm_forms.SCHEMAS[backend]().load(forms.data(form.fields, request.form))
        with db.transaction():
            act(realm_forms.asked(backend, given))
    except ma.ValidationError as error:
        form.faults.update(forms.faults(error))
    except Refused as error:
        _blame(form, error)
    except Conflict as error:
        form.fault = sentence(str(error))
    return not form.faults and not form.fault


def _blame(form: forms.Form, error: Refused) -> None:
    """A fault of the configuration begins with the name of its field."""
    first = error.why.partition(" ")[0]
    place = first if error.field == "config" else error.field
    if error.field == "claim_mapping":
        place = f"{realm_forms.CLAIM}username"
    form.blame(place, error.why)


def _create(backend: str, asked: dict[str, Any]) -> int:
    made = realms.create(asked.pop("name"), backend, **asked)
    audit.record(acting(), "realm.create", made, after=audit.snapshot(made))
    return made.id


def _update(realm_id: int, asked: dict[str, Any]) -> None:
    found: Realm = row(Realm, realm_id)
    before = audit.snapshot(found)
    realms.update(found, asked)
    audit.record(acting(), "realm.change", found, before=before, after=audit.snapshot(found))
