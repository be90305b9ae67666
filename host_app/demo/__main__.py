"""`python -m host_app.demo`: checks that the packages are there before it imports any of them."""

from __future__ import annotations

import os
import signal
import sys
from importlib import import_module
from importlib.util import find_spec

NEEDED = ("argon2", "flask", "flask_login", "gunicorn", "h2", "redis", "rq", "zmdm_plugin")

if __name__ == "__main__":
    # Until the supervisor listens, Ctrl-C just ends us; Python's own way prints a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    absent = [name for name in NEEDED if find_spec(name) is None]
    if absent:
        sys.exit(
            f"packages are missing ({', '.join(absent)}): run `make demo`, which installs them"
        )
    status = import_module("host_app.demo.run").main(sys.argv[1:])
    # Nothing is left to tidy up, and taking the imported modules down would take half a second.
    os._exit(status)
