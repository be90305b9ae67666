"""From a choice of artifacts to a list of declarations, and the row that channels share.

The list is made anew whenever a channel is planned; what it says is the same for all channels with
the same choice, so that its row is found by the digest of its content.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from zmdm_plugin.db import insert, session
from zmdm_plugin.models import ChannelDeclarations, Manifest
from zmdm_plugin.models.base import new_uid, utcnow
from zmdm_plugin.protocol.ddm import Kind
from zmdm_plugin.services.declarations import app_assets
from zmdm_plugin.services.declarations.entries import Listed, digest, literal

if TYPE_CHECKING:
    from zmdm_plugin.services.artifacts.compiled import Item

ACTIVATION = "zmdm.activation"
SUBSCRIPTIONS = "zmdm.status-subscriptions"
OURS = frozenset({ACTIVATION, SUBSCRIPTIONS})
LEGACY = "com.apple.configuration.legacy"

_SIMPLE = "com.apple.activation.simple"
_SUBSCRIPTIONS = "com.apple.configuration.management.status-subscriptions"
_KINDS = {
    "profile": Kind.CONFIGURATION,
    "store_app": Kind.CONFIGURATION,
    "enterprise_app": Kind.CONFIGURATION,
    "data_asset": Kind.ASSET,
    "cert_asset": Kind.ASSET,
    "configuration": Kind.CONFIGURATION,
    "activation": Kind.ACTIVATION,
    "asset": Kind.ASSET,
    "management": Kind.MANAGEMENT,
}
_TYPES = {
    "profile": LEGACY,
    "data_asset": "com.apple.asset.data",
    "cert_asset": "com.apple.asset.credential.scep",
}
_KEEP = timedelta(days=1)


def kind_of(item: Item) -> Kind | None:
    """Which kind of declaration an artifact becomes; None for what goes by command alone."""
    return _KINDS.get(item.type)


def type_of(artifact_type: str, declaration_type: str | None) -> str:
    """Apple's Type of the declaration that an artifact becomes."""
    return _TYPES.get(artifact_type) or declaration_type or ""


def listed(
    item: Item,
    version: str,
    token: str,
    values: Mapping[str, str] | None = None,
    *,
    configured: bool = False,
) -> Listed:
    """The line of an artifact; `values` are those of the variables in it.

    `configured`: it is an app, whose configuration is an asset beside it.
    """
    extra: dict[str, Any] = {"values": dict(values)} if values else {}
    if configured:
        extra[app_assets.CONFIGURED] = True
    return Listed(_KINDS[item.type], item.identifier, token, version, extra)


def activated_by_operators(items: Iterable[Item]) -> frozenset[int]:
    """Artifacts that an activation of the operator's own puts into effect, on its conditions."""
    return frozenset(
        referred for item in items if item.type == "activation" for referred in item.references
    )


def whole(
    lines: Iterable[Listed], *, subscribed: Sequence[str], not_ours: Collection[str] = ()
) -> tuple[Listed, ...]:
    """The list with what is always in it: the subscriptions, and one activation for all.

    `not_ours`: identifiers of configurations that another activation puts into effect.
    """
    subscriptions = {"StatusItems": [{"Name": name} for name in sorted(set(subscribed))]}
    lines = list(lines)
    full = [*lines, *app_assets.beside(lines)]
    full.append(literal(Kind.CONFIGURATION, SUBSCRIPTIONS, _SUBSCRIPTIONS, subscriptions))
    configurations = sorted(
        one.identifier
        for one in full
        if one.kind is Kind.CONFIGURATION and one.identifier not in not_ours
    )
    payload = {"StandardConfigurations": configurations}
    full.append(literal(Kind.ACTIVATION, ACTIVATION, _SIMPLE, payload))
    return tuple(sorted(full, key=lambda one: (one.kind, one.identifier)))


def shared_row(lines: Iterable[Listed], blueprint_id: int | None, *, present: int | None) -> int:
    """The id of the manifest with this content, made if nobody has had it before.

    `present` is the one that the channel has. Another one is locked, so that it is not tidied away
    before the channel is seen to use it.
    """
    entries = [one.to_json() for one in lines]
    name = digest([blueprint_id, entries])
    found = sa.select(Manifest.id).where(Manifest.digest == name)
    known = session().scalar(found)
    if known is not None and known == present:
        return known
    locked = found.with_for_update(read=True, key_share=True)
    known = session().scalar(locked)
    if known is None:
        _make(name, entries, blueprint_id)
        known = session().scalars(locked).one()
    return known


def _make(name: str, entries: list[list[Any]], blueprint_id: int | None) -> None:
    now = utcnow()
    session().execute(
        insert(Manifest)
        .values(
            uid=new_uid(),
            digest=name,
            blueprint_id=blueprint_id,
            entries=entries,
            created_at=now,
            updated_at=now,
        )
        .on_conflict_do_nothing(index_elements=[Manifest.digest])
    )


def entries_of(manifest_id: int | None) -> Sequence[list[Any]]:
    """The lines of a manifest as they are kept; none without one."""
    if manifest_id is None:
        return ()
    rows = session().scalar(sa.select(Manifest.entries).where(Manifest.id == manifest_id))
    return rows or ()


def forget_unused(*, now: datetime, limit: int = 500) -> int:
    """Delete manifests that no channel is offered or was offered last; how many went."""
    used = sa.exists().where(
        sa.or_(
            ChannelDeclarations.manifest_id == Manifest.id,
            ChannelDeclarations.offered_manifest_id == Manifest.id,
        )
    )
    ids = (
        session()
        .scalars(
            sa.select(Manifest.id)
            .where(Manifest.created_at < now - _KEEP, ~used)
            .order_by(Manifest.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        .all()
    )
    if ids:
        session().execute(
            sa.delete(Manifest).where(Manifest.id.in_(ids)),
            execution_options={"synchronize_session": False},
        )
    return len(ids)
