"""Locations of Apps & Books: whose they are, how they stand with Apple, renewed and synced."""

from __future__ import annotations

from collections.abc import Callable

from flask import Response, request
from flask_admin import expose

from zmdm_plugin import db
from zmdm_plugin.admin import forms, paging
from zmdm_plugin.admin.screen import Screen, acting, back, demand
from zmdm_plugin.clients.apps_books_errors import AppsBooksError
from zmdm_plugin.errors import Conflict, Refused
from zmdm_plugin.models import Location
from zmdm_plugin.services import access
from zmdm_plugin.services.apps_books import connection, listing, locations, removal, syncing
from zmdm_plugin.services.apps_books.locations import Inspected, OwnedElsewhere

GROUP = "Set-up"
_LIST, _PAGE = "zmdm_locations", "zmdm_location"
_TOKEN = forms.Field(
    name="token",
    label="Content token",
    kind="file",
    required=True,
    help="The .vpptoken file. In Apple Business or School Manager: your name, Preferences, "
    "Payments and Billing, Apps and Books, Content Tokens.",
)
_NAME = forms.Field(
    name="name",
    label="Name of the location",
    required=True,
    help="Type it to say that it is meant.",
)
_NONE = (0, 0, 0)


class LocationList(Screen):
    """Without one of these no app of the store can be assigned."""

    permission = access.VIEW_LOCATIONS

    @expose("/")
    def index(self) -> Response:
        """Each with what it owns and what is wrong."""
        found = listing.locations(ordering="name", cursor=paging.cursor(), limit=paging.PER_PAGE)
        return self.page(
            "zmdm/locations.html",
            title="Locations",
            page=paging.page(found.items, cursor=found.next_cursor),
            totals=listing.totals([row.id for row in found.items]),
            none=_NONE,
        )


class LocationForm(Screen):
    """Adds one by its token; who manages it now is shown, and asked about, before it changes."""

    permission = access.ADD_LOCATIONS

    @expose("/", methods=("GET", "POST"))
    def index(self) -> Response:
        """The form, and the adding."""

        def create(found: Inspected, take_over: bool) -> Location:
            row = locations.create(acting(), found, take_over=take_over)
            syncing.start(acting(), row, "full")
            return row

        said = "The location is added and being read."
        return _upload(self, None, create, said=said)


class LocationPage(Screen):
    """One location: its owner, its health, its syncs."""

    permission = access.VIEW_LOCATIONS

    @expose("/")
    def index(self, location_id: int) -> Response:
        """What Apple says of it, and what to do next."""
        row = connection.find(location_id)
        return self.page(
            "zmdm/location.html",
            title=row.name,
            location=row,
            totals=listing.totals([row.id]).get(row.id, _NONE),
            running=syncing.running(row.id),
            soon=locations.EXPIRES_SOON,
        )

    @expose("/update/", methods=("GET", "POST"))
    def update(self, location_id: int) -> Response:
        """Renew the token in place."""
        demand(access.CHANGE_LOCATIONS)

        def renew(found: Inspected, take_over: bool) -> Location:
            row = connection.find(location_id, lock=True)
            return locations.renew(acting(), row, found, take_over=take_over)

        row = connection.find(location_id)
        return _upload(self, row, renew, said="The new token is in use from now on.")

    @expose("/sync/", methods=("POST",))
    def sync(self, location_id: int) -> Response:
        """Read it now; the job's page shows how far it is."""
        demand(access.CHANGE_LOCATIONS)
        mode = "full" if request.form.get("mode") == "full" else "incremental"
        try:
            with db.transaction():
                uid = syncing.start(acting(), connection.find(location_id), mode).uid
        except Conflict:
            if (running := syncing.running(location_id)) is None:
                raise
            return back("It is being synchronized already.", "zmdm_job_run.index", uid=running)
        return back("The location is being synchronized.", "zmdm_job_run.index", uid=uid)

    @expose("/take_over/", methods=("POST",))
    def take_over(self, location_id: int) -> Response:
        """Take it back from the server that has it now; the page has asked."""
        demand(access.CHANGE_LOCATIONS)
        with db.transaction():
            row = locations.take_back(acting(), connection.find(location_id, lock=True))
            uid = syncing.start(acting(), row, "full").uid
        return back("The location is being taken back.", "zmdm_job_run.index", uid=uid)

    @expose("/delete/", methods=("GET", "POST"))
    def delete(self, location_id: int) -> Response:
        """Say what is lost, and forget it once somebody has typed its name."""
        demand(access.DELETE_LOCATIONS)
        form, status = forms.Form([_NAME]), 200
        if request.method == "POST":
            try:
                with db.transaction():
                    row = connection.find(location_id, lock=True)
                    run = removal.start(acting(), row, name=request.form.get("name", ""))
                    uid = run.uid
                return back("The location is being deleted.", "zmdm_job_run.index", uid=uid)
            except Refused as error:
                form.blame(error.field, error.why)
            except Conflict as error:
                form.fault = str(error)
            status = 422
        row = connection.find(location_id)
        return self.page(
            "zmdm/location_delete.html",
            title=f"Delete {row.name}",
            location=row,
            losses=removal.losses(row),
            form=form,
            status=status,
        )


def _upload(
    screen: Screen,
    row: Location | None,
    keep: Callable[[Inspected, bool], Location],
    *,
    said: str,
) -> Response:
    """The form of a token, and what became of it: kept, at fault, or somebody else's."""
    form = forms.Form([_TOKEN])
    owner = None
    if request.method == "POST":
        given = forms.data(form.fields, request.form, request.files).get("token")
        try:
            if not given:
                raise Refused("token", "this is needed")
            found = locations.inspect(given)
            with db.transaction():
                location_id = keep(found, request.form.get("take_over") == "1").id
            return back(said, f"{_PAGE}.index", location_id=location_id)
        except OwnedElsewhere as elsewhere:
            owner = elsewhere.owner
        except Refused as error:
            form.blame(error.field, error.why)
        except (Conflict, AppsBooksError) as error:
            form.fault = str(error)
    return screen.page(
        "zmdm/location_form.html",
        title=f"Renew the token of {row.name}" if row else "Add a location",
        form=form,
        location=row,
        owner=owner,
        status=422 if form.faults or form.fault or owner is not None else 200,
    )


def screens() -> list[Screen]:
    """The list in the menu, and what lies below it."""
    every = LocationList("Locations", endpoint=_LIST, url="locations", group=GROUP)
    one = "locations/<int:location_id>"
    return [
        every,
        LocationForm("Add", endpoint="zmdm_location_form", url="locations/new", below=every),
        LocationPage("Location", endpoint=_PAGE, url=one, below=every),
    ]
