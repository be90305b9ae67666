"""make bench: every benchmark in a short form; ARGS="--full" measures at 100,000 devices too."""

from __future__ import annotations

import subprocess
import sys

SHORT = {
    "bench.idle": ["--sizes", "1000", "--times", "2000"],
    "bench.result_next": ["--sizes", "1000", "--times", "480"],
    "bench.enrollment": ["--sizes", "1000", "--times", "20"],
    "bench.push": ["--pushes", "10000"],
    "bench.push_flush": [],
}


def main() -> int:
    full = "--full" in sys.argv[1:]
    failed = [
        name
        for name, options in SHORT.items()
        if subprocess.run([sys.executable, "-m", name, *([] if full else options)]).returncode
    ]
    if failed:
        print("missed: " + ", ".join(failed))
    return int(bool(failed))


if __name__ == "__main__":
    raise SystemExit(main())
