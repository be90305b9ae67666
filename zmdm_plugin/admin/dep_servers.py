"""Virtual servers: connected, renewed, synchronized; how each stands and what it has."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from flask import Response, request
from flask_admin import expose

from zmdm_plugin import db
from zmdm_plugin.admin import dep_words, forms, paging
from zmdm_plugin.admin.screen import HEADERS, Screen, acting, back, demand, may, session
from zmdm_plugin.admin.words import sentence
from zmdm_plugin.clients import dep_errors
from zmdm_plugin.clients.dep_errors import DepError
from zmdm_plugin.clients.dep_values import BetaToken
from zmdm_plugin.errors import Conflict, Refused
from zmdm_plugin.models import DepDevice, DepVirtualServer, Enrollment
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.protocol.server_token import MAX_SIZE
from zmdm_plugin.services import access
from zmdm_plugin.services.dep import connection, leaving, listing, orders, runs, setup, sync
from zmdm_plugin.web import dep as talking

_LIST: Final = "zmdm_dep_servers"
_PAGE: Final = "zmdm_dep_server"
_LATEST: Final = 5
_DISCONNECTION: Final = [
    forms.Field(name="name", label="Type its name", required=True, most=setup.LONGEST_NAME),
    forms.Field(
        name="forget",
        label="Forget its devices too",
        kind="check",
        help="The list of them here, and which enrollment each is meant to have. If no enrollment "
        "is for the virtual server, it goes from the list as well.",
    ),
    forms.Field(name="sure", label="I know what this does", kind="check", required=True),
]


class ServerList(Screen):
    """All of them; there are few."""

    permission = access.VIEW_DEP_SERVERS

    @expose("/")
    def index(self) -> Response:
        """Each with its health and the number of its devices."""
        found = listing.servers(ordering="name", cursor=paging.cursor(), limit=paging.PER_PAGE)
        ids = [row.id for row in found.items]
        return self.page(
            "zmdm/dep_servers.html",
            title="Virtual servers",
            page=paging.page(found.items, cursor=found.next_cursor),
            counts=listing.counts(ids),
            said=dep_words,
        )


class ConnectPage(Screen):
    """Begins to connect one: a key is made."""

    permission = access.ADD_DEP_SERVERS

    @expose("/", methods=("GET", "POST"))
    def index(self) -> Response:
        """The name, until Apple says its own."""
        name = forms.Field(
            name="name",
            label="Name",
            required=True,
            most=setup.LONGEST_NAME,
            help="As you call it in the portal. Once it is connected, Apple says its name.",
        )
        form = forms.Form([name])
        if request.method == "POST":
            try:
                with db.transaction():
                    given = request.form.get("name", "")
                    number = setup.begin(given, actor=acting(), now=utcnow()).id
                return back("A key is made. Now the portal.", f"{_PAGE}.index", server_id=number)
            except Refused as error:
                form.blame(error.field, error.why)
            form.fields = forms.typed(form.fields, request.form)
        return self.page(
            "zmdm/dep_connect.html",
            title="Connect a virtual server",
            form=form,
            status=422 if form.faults or form.fault else 200,
        )


class ServerPage(Screen):
    """One virtual server: its health, default enrollment, profiles and devices."""

    permission = access.VIEW_DEP_SERVERS

    @expose("/")
    def index(self, server_id: int) -> Response:
        """How it stands, and what to do next."""
        return self._shown(server_id)

    @expose("/betas/", methods=("POST",))
    def betas(self, server_id: int) -> Response:
        """Ask Apple for the tokens of beta versions; they are kept nowhere."""
        try:
            found = talking.ask(server_id, lambda client: client.beta_tokens())
        except dep_errors.BetaTurnedOff as error:
            return self._shown(server_id, fault=sentence(str(error)))
        except DepError as error:
            return self._shown(server_id, fault=sentence(str(error)), status=error.status)
        return self._shown(server_id, betas=found)

    @expose("/sync/", methods=("POST",))
    def sync(self, server_id: int) -> Response:
        """Begin a synchronization, of everything if `full` says so."""
        try:
            with db.transaction():
                full = bool(request.form.get("do") == "full")
                uid = sync.start(server_id, acting(), full=full, now=utcnow()).uid
        except Conflict:
            if (run := runs.open_run(sync.JOB, server_id)) is None:
                raise
            return back("It is being synchronized already.", "zmdm_job_run.index", uid=run.uid)
        return back("The devices are being synchronized.", "zmdm_job_run.index", uid=uid)

    @expose("/default/", methods=("POST",))
    def default(self, server_id: int) -> Response:
        """Choose the default enrollment."""
        demand(access.CHANGE_DEP_SERVERS)
        given = request.form.get("enrollment", "")
        known = given.isascii() and given.isdecimal() and len(given) < 19
        with db.transaction():
            chosen = int(given) if known else None
            orders.set_default(server_id, chosen, actor=acting(), now=utcnow())
        said = "Devices without a profile get it in the background." if known else "There is none."
        return back(said, f"{_PAGE}.index", server_id=server_id)

    @expose("/key/", methods=("POST",))
    def key(self, server_id: int) -> Response:
        """A key for the next token; `do` of "cancel" gives it up."""
        demand(access.CHANGE_DEP_SERVERS)
        if request.form.get("do") != "cancel":
            with db.transaction():
                setup.stage(server_id, actor=acting(), now=utcnow())
            said = "A key is made. Upload its public key in the portal."
            return back(said, f"{_PAGE}.index", server_id=server_id)
        with db.transaction():
            setup.cancel(server_id, actor=acting())
        if session().get(DepVirtualServer, server_id) is None:
            return back("The virtual server is not connected.", f"{_LIST}.index")
        return back("The token in use stays.", f"{_PAGE}.index", server_id=server_id)

    @expose("/disconnect/", methods=("GET", "POST"))
    def disconnect(self, server_id: int) -> Response:
        """Asked twice: the name is typed, and a box is ticked."""
        demand(access.CHANGE_DEP_SERVERS)
        row = connection.find(server_id)
        form = forms.Form(_DISCONNECTION)
        if request.method == "POST":
            if answer := _disconnect(row.id, form):
                return answer
            form.fields = forms.typed(form.fields, request.form)
        return self.page(
            "zmdm/dep_disconnect.html",
            title=f"Disconnect {row.name}"[:200],
            status=422 if form.faults or form.fault else 200,
            row=connection.find(server_id),
            form=form,
            devices=leaving.devices(server_id),
            used=leaving.is_used(server_id),
        )

    @expose("/public_key/")
    def public_key(self, server_id: int) -> Response:
        """What the portal is given."""
        body = setup.public_key(connection.find(server_id))
        name = f"zmdm-public-key-{server_id}.pem"
        headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{name}"'}
        return Response(body, mimetype="application/x-pem-file", headers=headers)

    @expose("/token/", methods=("POST",))
    def token(self, server_id: int) -> Response:
        """The server token that the portal gave."""
        demand(access.CHANGE_DEP_SERVERS)
        upload = request.files.get("token")
        body = upload.read(MAX_SIZE + 1) if upload else b""
        if not body:
            return self._shown(server_id, token_fault="Choose the file.", status=422)
        try:
            talking.take_token(server_id, body, actor=acting())
        except Refused as error:
            return self._shown(server_id, token_fault=sentence(error.why), status=422)
        except DepError as error:
            why = f"Nothing was changed: {sentence(str(error))}"
            return self._shown(server_id, token_fault=why, status=error.status)
        said = "Connected. The devices are being synchronized."
        return back(said, f"{_PAGE}.index", server_id=server_id)

    def _shown(
        self,
        server_id: int,
        *,
        status: int = 200,
        fault: str = "",
        token_fault: str = "",
        betas: tuple[BetaToken, ...] | None = None,
    ) -> Response:
        row = connection.find(server_id)
        sees = may(access.VIEW_DEP_DEVICES)
        return self.page(
            "zmdm/dep_server.html",
            title=row.name,
            status=status,
            row=row,
            said=dep_words,
            fault=fault,
            token_fault=token_fault,
            betas=betas,
            running=runs.open_run(sync.JOB, row.id),
            counts=listing.counts([row.id]).get(row.id, {}) if sees else {},
            latest=_latest(row.id) if sees else [],
            profiles=listing.profiles(row.id),
            choices=orders.enrollments(row.id),
            default=listing.names(Enrollment, [row.default_enrollment_id]),
        )


def screens(group: str) -> list[Screen]:
    """The screens of this area, for the menu."""
    listed = ServerList("Virtual servers", endpoint=_LIST, url="dep/servers", group=group)
    one = "dep/servers/<int:server_id>"
    return [
        listed,
        ConnectPage("Connect", endpoint="zmdm_dep_connect", url="dep/servers/new", below=listed),
        ServerPage("Virtual server", endpoint=_PAGE, url=one, below=listed),
    ]


def _disconnect(server_id: int, form: forms.Form) -> Response | None:
    if not request.form.get("sure"):
        form.blame("sure", "tick this box")
        return None
    forget = bool(request.form.get("forget"))
    try:
        with db.transaction():
            name = request.form.get("name", "")
            leaving.disconnect(server_id, name=name, forget=forget, actor=acting(), now=utcnow())
            run = runs.open_run(leaving.JOB, server_id)
            uid = run.uid if run else ""
    except Refused as error:
        form.blame(error.field, error.why)
        return None
    if forget:
        return back("Disconnected. Its devices are being forgotten.", "zmdm_job_run.index", uid=uid)
    return back("The virtual server is disconnected.", f"{_PAGE}.index", server_id=server_id)


def _latest(server_id: int) -> list[DepDevice]:
    query = sa.select(DepDevice).where(
        DepDevice.server_id == server_id, DepDevice.deleted_at.is_(None)
    )
    return list(session().scalars(query.order_by(DepDevice.id.desc()).limit(_LATEST)))
