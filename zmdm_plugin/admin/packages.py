"""Packages: uploaded with a bar that moves, looked at, deleted; and what is installed where."""

from __future__ import annotations

from typing import Any, BinaryIO, cast

import flask
from flask import Response, request
from flask_admin import expose

from zmdm_plugin import db
from zmdm_plugin.admin import downloads, forms, paging
from zmdm_plugin.admin.screen import HEADERS, Screen, acting, back, demand, text
from zmdm_plugin.admin.words import sentence
from zmdm_plugin.errors import Refused
from zmdm_plugin.services import access, audit
from zmdm_plugin.services.applications import search
from zmdm_plugin.services.applications.search import ApplicationFilter
from zmdm_plugin.services.packages import fetching, packages
from zmdm_plugin.services.storage import backends, incoming
from zmdm_plugin.services.storage.failures import StorageFailed
from zmdm_plugin.state import state
from zmdm_plugin.web import packages as taking
from zmdm_plugin.web import spool

GROUP = "Configuration"
LIST, PAGE = "zmdm_packages", "zmdm_package"
_ROOM = 1024 * 1024
"""Bytes that a form has besides its file."""


class PackageList(Screen):
    """All packages, the newest first."""

    permission = access.VIEW_ARTIFACTS

    @expose("/")
    def index(self) -> Response:
        """With what each says of itself."""
        product = text("product", most=256)
        found = packages.page(
            product_id=product or None, cursor=paging.cursor(), limit=paging.PER_PAGE
        )
        return self.page(
            "zmdm/packages.html",
            title="Packages",
            page=paging.page(found.items, cursor=found.next_cursor),
            product=product,
        )


class UploadPackage(Screen):
    """A file from this computer, or an address that a job fetches it from."""

    permission = access.CHANGE_ARTIFACTS

    def _handle_view(self, name: str, **kwargs: Any) -> Any:
        """A package may be longer than any other form, and nothing of it is read before this."""
        request.max_content_length = state().settings.package_max_size + _ROOM
        spool.here()
        try:
            return super()._handle_view(name, **kwargs)  # reads the form, for its token
        except StorageFailed as error:
            return self.refuse(error)

    @expose("/", methods=("GET", "POST"))
    def index(self) -> Response:
        """Both forms; a script that shows how far the upload is asks for JSON."""
        form = forms.Form(_FETCH)
        if request.method == "POST":
            fetches = "url" in request.form
            try:
                return self._fetched() if fetches else self._uploaded()
            except Refused as error:
                if _is_script():
                    return _json({"error": sentence(error.why)}, 422)
                form.fields = forms.typed(form.fields, request.form)
                form.blame(error.field if fetches else "", f"The file {error.why}")
        return self.page(
            "zmdm/package_upload.html",
            title="Upload a package",
            status=422 if form.fault or form.faults else 200,
            form=form,
            most=state().settings.package_max_size,
            where=backends.current().label,
        )

    def _uploaded(self) -> Response:
        file = request.files.get("file")
        if file is None or not file.filename:
            raise Refused("file", "is missing: choose one")
        pieces = incoming.pieces(cast(BinaryIO, file.stream))
        package_id = taking.take(pieces, actor=acting(), filename=file.filename)
        said = "The package is kept. Make an artifact of it for devices to get it."
        if not _is_script():
            return back(said, f"{PAGE}.index", package_id=package_id)
        flask.flash(said)
        return _json({"to": flask.url_for(f"{PAGE}.index", package_id=package_id)}, 200)

    def _fetched(self) -> Response:
        with db.transaction():
            url = request.form.get("url", "").strip()
            uid = fetching.start(acting(), url=url, sha256=request.form.get("sha256", "")).uid
        return back("A job fetches the package.", "zmdm_job_run.index", uid=uid)


class PackagePage(Screen):
    """One package."""

    permission = access.VIEW_ARTIFACTS

    @expose("/")
    def index(self, package_id: int) -> Response:
        """What it brings, and which artifacts install it."""
        row = packages.find(package_id)
        return self.page("zmdm/package.html", title=row.name, row=row, used=packages.uses(row))

    @expose("/delete/", methods=("POST",))
    def delete(self, package_id: int) -> Response:
        """Gone, if no version installs it."""
        demand(access.DELETE_ARTIFACTS)
        with db.transaction():
            row = packages.find(package_id)
            audit.record(acting(), "package.delete", row, before=audit.snapshot(row))
            packages.delete(row)
        return back("The package is deleted; its file goes within a day.", f"{LIST}.index")


class ApplicationList(Screen):
    """What is installed on the devices of the whole fleet."""

    permission = access.VIEW_DEVICES

    @expose("/")
    def index(self) -> Response:
        """Applications that the words find, with numbers; or who has one of them."""
        wanted, shown = _wanted()
        if wanted.identifier is None:
            found = search.summary(acting(), wanted) if shown["q"] else []
            return self.page(
                "zmdm/applications.html", title="Applications", found=found, shown=shown
            )
        devices = search.page(acting(), wanted, cursor=paging.cursor(), limit=paging.PER_PAGE)
        return self.page(
            "zmdm/application_devices.html",
            title=wanted.identifier,
            page=paging.page(devices.items, cursor=devices.next_cursor),
            shown=shown,
        )

    @expose("/export/")
    def export(self) -> Response:
        """All that the filter finds, as a table for a spreadsheet."""
        wanted, _ = _wanted()
        with db.transaction():
            audit.record(acting(), "application.export", reason="csv")
        return downloads.export(search.export(acting(), wanted, "csv"), "csv", "applications")


_FETCH = [
    forms.Field(
        name="url",
        label="Address",
        required=True,
        most=2048,
        help="https, and public: private networks have to be allowed in the settings.",
    ),
    forms.Field(
        name="sha256", label="SHA-256", required=True, most=64, help="64 hexadecimal digits."
    ),
]


def screens() -> list[Screen]:
    """The screens of this area, for the menu."""
    listed = PackageList("Packages", endpoint=LIST, url="packages", group=GROUP)
    return [
        listed,
        UploadPackage("Upload", endpoint="zmdm_upload_package", url="packages/new", below=listed),
        PackagePage("Package", endpoint=PAGE, url="packages/<int:package_id>", below=listed),
    ]


def application_screens(group: str | None) -> list[Screen]:
    """Beside the devices."""
    return [
        ApplicationList(
            "Applications", endpoint="zmdm_applications", url="applications", group=group
        )
    ]


def _wanted() -> tuple[ApplicationFilter, dict[str, str]]:
    shown = {name: text(name, most=most) for name, most in (("q", 200), ("id", 512), ("v", 128))}
    wanted = ApplicationFilter(
        search=shown["q"] or None, identifier=shown["id"] or None, version=shown["v"] or None
    )
    return wanted, shown


def _is_script() -> bool:
    return request.headers.get("X-Requested-With") == "XMLHttpRequest"


def _json(value: dict[str, str], status: int) -> Response:
    answer = flask.make_response(flask.jsonify(value), status)
    answer.headers.update(HEADERS)
    return answer
