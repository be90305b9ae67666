from __future__ import annotations

import marshmallow as ma

from zmdm_plugin.commands.arguments import described, storable
from zmdm_plugin.commands.base import EVERYWHERE, Arguments, Command, registry
from zmdm_plugin.commands.target import Refusal, Target
from zmdm_plugin.protocol.platform import AccessRights, Platform


@registry.add
class RestartDevice(Command):
    """Restart it. https://developer.apple.com/documentation/devicemanagement/restart-a-device"""

    request_type = "RestartDevice"
    keys = {
        "notify_user": "NotifyUser",
        "rebuild_kernel_cache": "RebuildKernelCache",
        "kext_paths": "KextPaths",
    }
    repeat = False
    min_os = {Platform.IOS: "10.3", Platform.MACOS: "10.13", Platform.TVOS: "10.2"}
    args_min_os = {
        "notify_user": {Platform.MACOS: "11.3"},
        "rebuild_kernel_cache": {Platform.MACOS: "11.0"},
        "kext_paths": {Platform.MACOS: "11.0"},
    }
    supervised_on = EVERYWHERE - {Platform.MACOS}
    user_enrollment_on = frozenset()
    access_right = AccessRights.LOCK_AND_PASSCODE

    class Args(ma.Schema):
        notify_user = ma.fields.Boolean(
            metadata=described("Ask the user of a Mac to restart, instead of forcing it.")
        )
        rebuild_kernel_cache = ma.fields.Boolean(
            metadata=described("Rebuild the kernel cache of a Mac on the way.")
        )
        kext_paths = ma.fields.List(
            ma.fields.String(validate=[ma.validate.Length(min=1, max=1024), storable]),
            validate=ma.validate.Length(max=100),
            metadata=described("Kernel extensions to add, with rebuild_kernel_cache."),
        )

    @classmethod
    def refuse(cls, target: Target, args: Arguments) -> Refusal | None:
        if args.get("kext_paths") and not args.get("rebuild_kernel_cache"):
            return Refusal("kext_paths", "This belongs to rebuild_kernel_cache.")
        return None
