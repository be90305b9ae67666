"""Listens to the played Apple for pushes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import httpx

Push = dict[str, Any]
# Apple holds the request for up to 20 s.
TIMEOUT = httpx.Timeout(30, connect=5)
REST = 1.0


class Listener:
    """One thread that asks the control plane for pushes, again and again."""

    def __init__(
        self, control_url: str, after: int, hear: Callable[[list[Push], int], None]
    ) -> None:
        self._url, self._after, self._hear = control_url.rstrip("/"), after, hear
        self._stopped = threading.Event()

    def start(self) -> None:
        """Begin to listen."""
        threading.Thread(target=self._run, name="pushes", daemon=True).start()

    def stop(self) -> None:
        """Listen no more (a request under way is left to end by itself)."""
        self._stopped.set()

    def _run(self) -> None:
        with httpx.Client(timeout=TIMEOUT, trust_env=False) as http:
            while not self._stopped.is_set():
                try:
                    answer = http.get(f"{self._url}/pushes", params={"after": self._after})
                    data = answer.raise_for_status().json()
                except (httpx.HTTPError, ValueError):
                    self._stopped.wait(REST)
                    continue
                self._after = data["next"]
                if data["pushes"] and not self._stopped.is_set():
                    self._hear(data["pushes"], self._after)
