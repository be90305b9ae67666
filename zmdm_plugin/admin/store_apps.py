"""Store apps: what locations own, how many licences are left, and which devices hold them."""

from __future__ import annotations

from typing import Any

from flask import Response, request
from flask_admin import expose

from zmdm_plugin import db
from zmdm_plugin.admin import paging
from zmdm_plugin.admin.screen import HEADERS, Screen, acting, back, demand, text
from zmdm_plugin.errors import Conflict, NotFound, Refused
from zmdm_plugin.models import Asset, LocationAsset
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import access, bulk_licences
from zmdm_plugin.services.apps_books import connection, listing, metadata
from zmdm_plugin.services.bulk import Which, count
from zmdm_plugin.services.device_filter import DeviceFilter
from zmdm_plugin.services.keyset import MAX_ID

GROUP = "Configuration"
_LIST, _PAGE, _LICENCES = "zmdm_store_apps", "zmdm_store_app", "zmdm_licences"
_SHOW = (("", "All"), ("short", "Licences short"), ("App", "Apps"), ("Book", "Books"))
_MOST_TYPED = 200_000
"""Characters of serial numbers."""
_STATES = (("", "All"), ("assigned", "Assigned"), ("waiting", "Waiting"), ("refused", "Refused"))


class StoreAppList(Screen):
    """Every app and book that a location owns."""

    permission = access.VIEW_ASSETS

    @expose("/")
    def index(self) -> Response:
        """By name, with totals over all locations."""
        show, search = text("show", most=8), text("search", most=100)
        kind = {"product_type": show} if show in ("App", "Book") else {}
        found = listing.assets(
            search=search or None,
            short=True if show == "short" else None,
            ordering="name",
            cursor=paging.cursor(),
            limit=paging.PER_PAGE,
            **kind,
        )
        owned = listing.of_assets([row.id for row in found.items])
        rows = [row for pairs in owned.values() for row, _ in pairs]
        return self.page(
            "zmdm/store_apps.html",
            title="Store apps",
            page=paging.page(found.items, cursor=found.next_cursor),
            owned=owned,
            waiting=listing.waiting([row.id for row in rows]),
            show=show,
            shows=_SHOW,
            search=search,
            any_location=bool(listing.locations(limit=1).items),
        )

    @expose("/<int:asset_id>/icon/")
    def icon(self, asset_id: int) -> Response:
        """The picture that is kept here."""
        row = listing.find_asset(asset_id)
        if row.icon is None:
            raise NotFound("no icon is kept of this asset")
        headers = {**HEADERS, "Cache-Control": "private, max-age=86400"}
        return Response(row.icon, mimetype=row.icon_type, headers=headers)


class StoreAppPage(Screen):
    """One app: what the store says of it, and what each location has."""

    permission = access.VIEW_ASSETS

    @expose("/")
    def index(self, asset_id: int) -> Response:
        """Facts and locations; who holds licences is a page further."""
        row = listing.find_asset(asset_id)
        owned = listing.of_assets([row.id]).get(row.id, [])
        return self.page(
            "zmdm/store_app.html",
            title=_name(row),
            store_app=row,
            owned=owned,
            waiting=listing.waiting([one.id for one, _ in owned]),
        )

    @expose("/refresh/", methods=("POST",))
    def refresh(self, asset_id: int) -> Response:
        """Ask the store again, soon."""
        demand(access.CHANGE_LOCATIONS)
        with db.transaction():
            row = listing.find_asset(asset_id)
            metadata.refresh(acting(), row, now=utcnow())
        return back("The store is asked again within a minute.", ".index", asset_id=asset_id)


class LicencePage(Screen):
    """Who holds licences of what one location has, with orders for many devices."""

    permission = access.VIEW_LOCATION_ASSETS

    @expose("/")
    def index(self, location_asset_id: int) -> Response:
        """A page of them, in the order in which they came."""
        row = listing.find_location_asset(location_asset_id)
        state, serial = text("state", most=16), text("serial", most=128)
        found = listing.licences(
            row.id,
            serial_number=serial or None,
            state=state or None,
            cursor=paging.cursor(),
            limit=paging.PER_PAGE,
        )
        asset = listing.find_asset(row.asset_id)
        return self.page(
            "zmdm/licences.html",
            title=f"Licences of {_name(asset)}",
            row=row,
            store_app=asset,
            location=connection.find(row.location_id),
            page=paging.page(found.items, cursor=found.next_cursor),
            waiting=listing.waiting([row.id]).get(row.id, 0),
            requests=listing.open_requests(row.id),
            state=state,
            states=_STATES,
            serial=serial,
        )

    @expose("/order/", methods=("POST",))
    def order(self, location_asset_id: int) -> Response:
        """Serial numbers as they were typed, or all devices of a tag once that was confirmed."""
        demand(access.CHANGE_LOCATION_ASSETS)
        row = listing.find_location_asset(location_asset_id)
        action = text("action", most=8, given=request.form)
        numbers = request.form.get("serials", "")[:_MOST_TYPED].replace(",", " ").split()
        try:
            if not numbers and not request.form.get("everybody"):
                raise Refused("serials", "type a serial number, or choose devices below")
            if numbers:
                return self._named(row, action, numbers)
            demand(access.VIEW_DEVICES)
            return self._all(row, action)
        except (Refused, Conflict) as error:
            why = getattr(error, "why", "") or str(error)
            return back(f"Nothing was ordered: {why}.", ".index", location_asset_id=row.id)

    def _named(self, row: LocationAsset, action: str, numbers: list[str]) -> Response:
        """Those that were typed; what is taken back is asked about first."""
        if action != "revoke" or request.form.get("count"):
            return self._start(row, action, None, numbers, len(numbers))
        return self._confirm(row, action, keeps=bulk_licences.keeping(acting(), row, None, numbers))

    def _confirm(self, row: LocationAsset, action: str, *, keeps: int, **chosen: Any) -> Response:
        asset = listing.find_asset(row.asset_id)
        return self.page(
            "zmdm/licences_confirm.html",
            title=f"Licences of {_name(asset)}",
            row=row,
            store_app=asset,
            action=action,
            keeps=keeps,
            serials=request.form.get("serials", "")[:_MOST_TYPED],
            **chosen,
        )

    def _all(self, row: LocationAsset, action: str) -> Response:
        """Every enrolled device, or those with a tag; how many is asked first."""
        tag = text("tag", most=128, given=request.form)
        wanted = DeviceFilter(enrolled=True, tag=tag or None)
        counted = count(acting(), wanted)
        confirmed = text("count", most=20, given=request.form)
        up_to = text("up_to", most=20, given=request.form)
        if not confirmed.isdecimal() or not up_to.isdecimal() or int(up_to) > MAX_ID:
            which = Which(filter=wanted, up_to=counted.up_to)
            keeps = bulk_licences.keeping(acting(), row, which) if action == "revoke" else 0
            return self._confirm(row, action, keeps=keeps, tag=tag, counted=counted)
        which = Which(filter=wanted, up_to=int(up_to))
        return self._start(row, action, which, [], int(confirmed))

    def _start(
        self,
        row: LocationAsset,
        action: str,
        which: Which | None,
        numbers: list[str],
        confirmed: int,
    ) -> Response:
        with db.transaction():
            run = bulk_licences.start(
                acting(), row, action, which=which, numbers=numbers, confirmed=confirmed
            )
            uid = run.uid
        return back("It is being noted, then ordered of Apple.", "zmdm_job_run.index", uid=uid)


def _name(asset: Asset) -> str:
    return asset.name or f"App {asset.adam_id}"


def screens() -> list[Screen]:
    """The list in the menu, and what lies below it."""
    every = StoreAppList("Store apps", endpoint=_LIST, url="store_apps", group=GROUP)
    one, licences = "store_apps/<int:asset_id>", "licences/<int:location_asset_id>"
    return [
        every,
        StoreAppPage("Store app", endpoint=_PAGE, url=one, below=every),
        LicencePage("Licences", endpoint=_LICENCES, url=licences, below=every),
    ]
