"""Tags: made, renamed, removed, and put on devices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa

from zmdm_plugin.actors import Actor
from zmdm_plugin.db import session
from zmdm_plugin.errors import Conflict, NotFound, Refused
from zmdm_plugin.models import Device, DeviceTag, Tag
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import access, replan, tag_uses
from zmdm_plugin.services.keyset import DEFAULT_LIMIT, MAX_ID, Keyset, Page

COLORS = ("gray", "red", "orange", "green", "blue", "purple")
MOST = 50
"""Tags on one device: more than that nobody reads."""
_LONGEST = 64


def page(*, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Page[Tag]:
    """A page of all tags, the oldest first."""
    return Keyset(Tag.id, {}).entities(sa.select(Tag), cursor=cursor, limit=limit)


def every(*, limit: int = 500) -> Sequence[Tag]:
    """All tags by name, for menus and filters."""
    return session().scalars(sa.select(Tag).order_by(Tag.key).limit(limit)).all()


def find(tag_id: int) -> Tag:
    """The tag; NotFound."""
    tag = session().get(Tag, tag_id) if 0 < tag_id <= MAX_ID else None
    if tag is None:
        raise NotFound("there is no such tag")
    return tag


def named(name: str) -> Tag | None:
    """The tag of this name, however it is capitalized."""
    return session().scalar(sa.select(Tag).where(Tag.key == key_of(name)))


def create(name: str, *, color: str = COLORS[0]) -> Tag:
    """A new tag; Refused names the field."""
    tag = Tag(name=_name(name), key=key_of(name), color=_color(color))
    _unless_taken(tag)
    session().add(tag)
    session().flush()
    return tag


def change(tag: Tag, *, name: str | None = None, color: str | None = None) -> None:
    """Rename or recolor; it stays on its devices."""
    if name is not None:
        given = _name(name)
        if key_of(given) != tag.key:
            _unless_taken(Tag(name=given, key=key_of(given), color=tag.color))
        tag.name, tag.key = given, key_of(given)
    if color is not None:
        tag.color = _color(color)
    session().flush()


def delete(tag: Tag) -> int:
    """Take it from every device and forget it; returns from how many it was taken.

    Conflict while a scope looks at it: devices would silently get, or lose, what it decides.
    """
    if uses := tag_uses.of(tag.id):
        more = f" and {len(uses) - 3} more" if len(uses) > 3 else ""
        raise Conflict(f"the tag decides who gets {', '.join(uses[:3])}{more}")
    taken = session().execute(sa.delete(DeviceTag).where(DeviceTag.tag_id == tag.id))
    session().delete(tag)
    session().flush()
    return int(getattr(taken, "rowcount", 0))


def counts(actor: Actor) -> dict[int, int]:
    """How many of the devices that this actor may see, but for the archive, have each tag."""
    counted = (
        sa.select(DeviceTag.tag_id, sa.func.count())
        .join(Device, Device.id == DeviceTag.device_id)
        .where(Device.archived_at.is_(None))
        .group_by(DeviceTag.tag_id)
    )
    scope = access.row_scope(actor, access.VIEW_DEVICES)
    if scope is not None:
        counted = counted.where(scope)
    return {tag_id: number for tag_id, number in session().execute(counted)}


def of(device_ids: Iterable[int]) -> Mapping[int, list[Tag]]:
    """The tags of some devices, by device and in the order of their names; one statement."""
    rows = session().execute(
        sa.select(DeviceTag.device_id, Tag)
        .join(Tag, Tag.id == DeviceTag.tag_id)
        .where(DeviceTag.device_id.in_(list(device_ids)))
        .order_by(Tag.key)
    )
    found: dict[int, list[Tag]] = {}
    for device_id, tag in rows:
        found.setdefault(device_id, []).append(tag)
    return found


def put(device: Device, tag: Tag, *, bulk: bool = False) -> bool:
    """Put a tag on a device; False if it is there already. The caller has locked the device."""
    present = session().scalars(sa.select(DeviceTag.tag_id).where(DeviceTag.device_id == device.id))
    ids = set(present)
    if tag.id in ids:
        return False
    if len(ids) >= MOST:
        raise Refused("tags", f"a device has at most {MOST} tags")
    session().add(DeviceTag(device_id=device.id, tag_id=tag.id, created_at=utcnow()))
    session().flush()
    _replan(device, bulk=bulk)
    return True


def take(device: Device, tag: Tag, *, bulk: bool = False) -> bool:
    """Take a tag from a device; False if it was not there."""
    taken = session().execute(
        sa.delete(DeviceTag).where(DeviceTag.device_id == device.id, DeviceTag.tag_id == tag.id)
    )
    if not getattr(taken, "rowcount", 0):
        return False
    _replan(device, bulk=bulk)
    return True


def _replan(device: Device, *, bulk: bool) -> None:
    """Scopes look at tags."""
    if device.blueprint_id is not None:
        replan.device(device, bulk=bulk)


def set_on(device: Device, wanted: Sequence[Tag]) -> None:
    """Make these the tags of a device, and no others."""
    present = of([device.id]).get(device.id, [])
    ids = {tag.id for tag in wanted}
    for tag in present:
        if tag.id not in ids:
            take(device, tag)
    for tag in wanted:
        put(device, tag)


def called(names: Iterable[str]) -> list[Tag]:
    """The tags with these names; Refused names the one that does not exist."""
    found = []
    for name in names:
        tag = named(name)
        if tag is None:
            raise Refused("tags", f"there is no tag {name[:_LONGEST]!r}")
        found.append(tag)
    return found


def key_of(name: str) -> str:
    """What makes two names the same tag."""
    return name.strip().casefold()


def _name(given: str) -> str:
    name = given.strip()
    if not name or len(name) > _LONGEST:
        raise Refused("name", f"must have 1 to {_LONGEST} characters")
    if not name.isprintable() or "," in name:
        raise Refused("name", "must have neither commas nor control characters")
    return name


def _color(given: str) -> str:
    if given not in COLORS:
        raise Refused("color", f"must be one of {', '.join(COLORS)}")
    return given


def _unless_taken(tag: Tag) -> None:
    if named(tag.name) is not None:
        raise Refused("name", "there is a tag with this name")
