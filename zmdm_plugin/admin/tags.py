"""Tags and saved views: how people keep track of devices in their own words."""

from __future__ import annotations

from flask import Response, request
from flask_admin import expose

from zmdm_plugin import db
from zmdm_plugin.admin import device_facts as facts
from zmdm_plugin.admin import device_query, forms
from zmdm_plugin.admin.screen import Screen, acting, back, demand, text
from zmdm_plugin.admin.words import counted
from zmdm_plugin.errors import Refused
from zmdm_plugin.models import Tag
from zmdm_plugin.services import access, audit, devices, tags, views

_LIST = "devices"


class TagList(Screen):
    """All tags."""

    permission = access.VIEW_TAGS

    @expose("/")
    def index(self) -> Response:
        """Each with the number of its devices."""
        return self.page(
            "zmdm/tags.html",
            title="Tags",
            tags=tags.every(),
            counts=tags.counts(acting()),
            add=access.ADD_TAGS,
            change=access.CHANGE_TAGS,
        )


class TagForm(Screen):
    """A new tag, or one to rename, recolor or delete."""

    permission = access.VIEW_TAGS

    @expose("/", methods=("GET", "POST"))
    def index(self) -> Response:
        """The form; `tag` in the address says which one."""
        tag = _asked_tag()
        demand(access.CHANGE_TAGS if tag else access.ADD_TAGS)
        form = forms.Form(_fields(tag))
        if request.method == "POST":
            if answer := self._save(tag, form):
                return answer
            form.fields = forms.typed(form.fields, request.form)
        return self.page(
            "zmdm/tag_form.html",
            title=f"Tag {tag.name}" if tag else "Add a tag",
            status=422 if form.faults or form.fault else 200,
            tag=tag,
            form=form,
            number=tags.counts(acting()).get(tag.id, 0) if tag else 0,
            remove=access.DELETE_TAGS,
        )

    @expose("/delete/", methods=("POST",))
    def delete(self) -> Response:
        """Take it from every device."""
        demand(access.DELETE_TAGS)
        with db.transaction():
            tag = _asked_tag()
            if tag is None:
                raise Refused("tag", "say which tag")
            audit.record(acting(), "tag.delete", tag, before=audit.snapshot(tag))
            number = tags.delete(tag)
        said = f"The tag is deleted; it was taken from {counted(number, 'device')}."
        return back(said, "zmdm_tags.index")

    def _save(self, tag: Tag | None, form: forms.Form) -> Response | None:
        name, color = request.form.get("name", ""), request.form.get("color", "")
        try:
            with db.transaction():
                if tag is None:
                    made = tags.create(name, color=color)
                    audit.record(acting(), "tag.create", made, after=audit.snapshot(made))
                else:
                    found = tags.find(tag.id)
                    before = audit.snapshot(found)
                    tags.change(found, name=name, color=color)
                    after = audit.snapshot(found)
                    audit.record(acting(), "tag.change", found, before=before, after=after)
        except Refused as error:
            form.blame(error.field, error.why)
            return None
        return back("The tag is kept.", "zmdm_tags.index")


class DeviceTags(Screen):
    """Tags of one device."""

    permission = access.VIEW_DEVICES

    @expose("/", methods=("POST",))
    def index(self, device_id: int) -> Response:
        """Put one on (`put`) or take one off (`take`)."""
        demand(access.CHANGE_DEVICES, facts.find(device_id))
        with db.transaction():
            device = devices.locked(device_id)
            if name := request.form.get("put", ""):
                changed, action = tags.put(device, tags.called([name])[0]), "device.tag"
            else:
                taken = tags.called([request.form.get("take", "")])[0]
                changed, action = tags.take(device, taken), "device.untag"
            if changed:
                audit.record(acting(), action, device)
        return back("The tags are kept.", "zmdm_device.index", device_id=device_id)


class Views(Screen):
    """Saved views of the device list, one's own."""

    permission = access.VIEW_DEVICES

    @expose("/", methods=("POST",))
    def index(self) -> Response:
        """Keep the filters that the list was asked with."""
        asked = device_query.read(request.form).arguments
        name = text("view_name", most=64, given=request.form)
        with db.transaction():
            views.save(acting(), _LIST, name, asked)
        return back(f"Kept as “{name}”.", "zmdm_devices.index", **asked)

    @expose("/forget/", methods=("POST",))
    def forget(self) -> Response:
        """Forget one."""
        with db.transaction():
            views.delete(acting(), _LIST, text("name", most=64, given=request.form))
        return back("The view is deleted.", "zmdm_devices.index")


def screens(devices_screen: Screen) -> list[Screen]:
    """What this file adds, to the menu and below the list of devices."""
    listed = TagList("Tags", endpoint="zmdm_tags", url="tags", group="Fleet")
    one = "devices/<int:device_id>/tags"
    return [
        listed,
        TagForm("Form", endpoint="zmdm_tag_form", url="tags/edit", below=listed),
        DeviceTags("Tags", endpoint="zmdm_device_tags", url=one, below=devices_screen),
        Views("Views", endpoint="zmdm_views", url="devices/views", below=devices_screen),
    ]


def _asked_tag() -> Tag | None:
    given = text("tag", most=19)
    if not given:
        return None
    return tags.find(int(given) if given.isascii() and given.isdecimal() else 0)


def _fields(tag: Tag | None) -> list[forms.Field]:
    return [
        forms.Field(
            name="name", label="Name", required=True, most=64, value=tag.name if tag else ""
        ),
        forms.Field(
            name="color",
            label="Color",
            kind="choice",
            required=True,
            value=tag.color if tag else tags.COLORS[0],
            choices=tuple((color, color) for color in tags.COLORS),
        ),
    ]
