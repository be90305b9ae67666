"""What Linux offers so that no process outlives the supervisor; elsewhere these do nothing."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36

# Bound now: a preexec function must not import or look up anything.
_prctl = ctypes.CDLL(None, use_errno=True).prctl if sys.platform == "linux" else None


def adopt_orphans() -> None:
    """Become the parent of processes whose own dies, such as the horse of a killed worker."""
    if _prctl is not None:
        _prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def die_with_parent() -> Callable[[], None]:
    """A preexec function: the child gets SIGTERM when we die without having stopped it."""
    parent = os.getpid()

    def in_child() -> None:
        if _prctl is not None:
            _prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)

    return in_child


def children(parent: int) -> set[int]:
    """The process ids whose parent is `parent`, zombies apart; empty where there is no /proc."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # "pid (name, which may hold blanks and brackets) state ppid …"
            state, ppid = entry.read_text(errors="replace").rpartition(")")[2].split()[:2]
            if int(ppid) == parent and state != "Z":
                found.add(int(entry.parent.name))
    return found


def kill_group(pid: int, number: signal.Signals) -> None:
    """Signal a session leader's whole process group, or what is left of it."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def kill(pid: int, number: signal.Signals) -> None:
    """Signal one process that may be gone already."""
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
