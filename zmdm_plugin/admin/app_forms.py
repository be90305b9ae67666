"""The forms of apps: what is installed, and with what."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from flask import request

from zmdm_plugin.admin import forms
from zmdm_plugin.admin.screen import session, text
from zmdm_plugin.errors import Refused
from zmdm_plugin.models import Asset, Location, LocationAsset, Package
from zmdm_plugin.protocol.packages.values import IPA
from zmdm_plugin.services.artifacts.app_uploads import FLAGS, PACKAGE_FLAGS, UUIDS

KINDS = frozenset({"store_app", "enterprise_app"})
_MOST = 500
_FIRST = f"These are {_MOST} of them: begin with the page of any other one,"
_MANAGED = {
    "install_as_managed": (
        "Managed on Macs",
        "Else a Mac installs it as if somebody had: it "
        "cannot be configured, taken over or removed.",
    ),
    "remove_on_unenroll": ("Goes when the device leaves", ""),
    "take_over": (
        "Take over its management if the user installed it",
        "The user is asked, unless the device is supervised.",
    ),
}
_MOBILE = {
    "removable": ("Users may remove it", "Of iPhones, iPads, Apple TVs."),
    "prevent_backup": ("Its data stay out of backups", ""),
    "ios_app": ("On Macs with Apple silicon, the app for iPad", ""),
    "associated_domains_enable_direct_downloads": (
        "Associated domains are checked directly",
        "For domains that Apple's servers cannot reach.",
    ),
}
_UUIDS = {
    "vpn_uuid": "VPN",
    "content_filter_uuid": "Content filter",
    "dns_proxy_uuid": "DNS proxy",
    "relay_uuid": "Relay",
}


def fields(kind: str, content: Mapping[str, Any]) -> list[forms.Field]:
    """Everything; prefilled with the last version, but for its configuration, which is sealed."""
    first = _asset(content) if kind == "store_app" else _package(content)
    defaults = PACKAGE_FLAGS if kind == "enterprise_app" else FLAGS
    return [
        first,
        *(_check(name, content, defaults[name], *said) for name, said in _MANAGED.items()),
        forms.Field(
            name="configuration",
            label="Configuration",
            kind="json",
            help="A property list or JSON object for the app. Variables such as "
            "$ENROLLED_DEVICE.SERIAL_NUMBER are replaced. It is sealed, and not shown again.",
        ),
        *(_check(name, content, FLAGS[name], *said) for name, said in _MOBILE.items()),
        forms.Field(
            name="associated_domains",
            label="Associated domains",
            kind="lines",
            value="\n".join(content.get("associated_domains") or ()),
            help="One per line. Not on Macs.",
        ),
        *(
            forms.Field(
                name=name,
                label=f"{shown}: UUID",
                most=36,
                value=content.get(name) or "",
                help="As in the profile that brings it. Not on Macs.",
            )
            for name, shown in _UUIDS.items()
        ),
    ]


def source(kind: str) -> bytes:
    """What was typed, as the API would get it."""
    names = [*_MANAGED, *_MOBILE]
    asked: dict[str, Any] = {name: name in request.form for name in names}
    asked |= {name: request.form.get(name, "").strip() for name in UUIDS}
    asked["associated_domains"] = request.form.get("associated_domains", "").split()
    if kind == "store_app":
        asked["location_asset"] = _number("location_asset")
    else:
        asked["package"] = _number("package")
        package = session().get(Package, asked["package"])
        if package is not None and package.kind != IPA:
            asked = {name: asked[name] for name in ("package", *PACKAGE_FLAGS)}
    if typed := request.form.get("configuration", "").strip():
        asked["configuration"] = _configuration(typed)
    return json.dumps(asked, ensure_ascii=False).encode()


def _configuration(typed: str) -> Any:
    """JSON where it looks like it; everything else is to be a property list."""
    if not typed.startswith("{"):
        return typed
    try:
        return json.loads(typed)
    except (ValueError, RecursionError) as error:
        raise Refused("configuration", f"is not JSON: {error}"[:300]) from None


def _number(name: str) -> int:
    given = request.form.get(name, "")
    if not (given.isascii() and given.isdecimal() and len(given) < 19):
        raise Refused(name, "choose one")
    return int(given)


def _check(
    name: str, content: Mapping[str, Any], default: bool, label: str, about: str
) -> forms.Field:
    value = bool(content.get(name, default))
    return forms.Field(name=name, label=label, kind="check", value=value, help=about)


def _chosen(name: str, content: Mapping[str, Any]) -> int:
    """Of the last version, or as the address says that a form was begun with; 0 for none."""
    given = str(content.get(name) or text(name, most=18))
    return int(given) if given.isascii() and given.isdecimal() else 0


def _offered(query: Any, row_id: Any, chosen: int, offered: Any) -> list[Any]:
    """The first rows of a statement, and the row that is chosen, wherever it stands."""
    rows = list(session().execute(offered.limit(_MOST)))
    if chosen and all(row[0] != chosen for row in rows):
        rows = [*session().execute(query.where(row_id == chosen)), *rows]
    return rows


def _asset(content: Mapping[str, Any]) -> forms.Field:
    query = (
        sa.select(LocationAsset.id, Asset.name, Asset.adam_id, Location.name)
        .join(Asset, Asset.id == LocationAsset.asset_id)
        .join(Location, Location.id == LocationAsset.location_id)
        .where(Asset.product_type == "App", Asset.device_assignable)
    )
    there = query.where(LocationAsset.withdrawn_at.is_(None), Location.deleting_at.is_(None))
    chosen = _chosen("location_asset", content)
    rows = _offered(query, LocationAsset.id, chosen, there.order_by(Asset.name, LocationAsset.id))
    choices = tuple(
        (str(row_id), f"{name or adam_id} ({location})") for row_id, name, adam_id, location in rows
    )
    more = "" if len(rows) < _MOST else f" {_FIRST} under Configuration › Store apps."
    return forms.Field(
        name="location_asset",
        label="App",
        kind="choice",
        required=True,
        choices=choices,
        value=str(chosen or ""),
        help=f"Of the locations of Apps & Books; each device takes one of the licences.{more}",
    )


def _package(content: Mapping[str, Any]) -> forms.Field:
    query = sa.select(Package.id, Package.name, Package.product_version, Package.kind)
    chosen = _chosen("package", content)
    rows = _offered(query, Package.id, chosen, query.order_by(Package.id.desc()))
    choices = tuple(
        (str(row_id), f"{name} {version} (.{kind})") for row_id, name, version, kind in rows
    )
    more = "" if len(rows) < _MOST else f" {_FIRST} under Configuration › Packages."
    return forms.Field(
        name="package",
        label="Package",
        kind="choice",
        required=True,
        choices=choices,
        value=str(chosen or ""),
        help=f"Upload it under Packages first. All versions are of the same product.{more}",
    )
