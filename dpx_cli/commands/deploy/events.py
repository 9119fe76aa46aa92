"""`--jsonl`: one event a line, as it happens."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dpx_cli.commands.deploy.job import Job
    from dpx_cli.output.screen import Screen


class Events:
    """Writes events to stdout.

    Args:
        screen: the screen; it writes nothing unless its format is "jsonl".
    """

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._lock = threading.Lock()
        self._slugs: dict[int, str | None] = {}

    def write(self, name: str, job: Job) -> None:
        """Write an event: created, status, ready, error, timeout."""
        if self._screen.format != "jsonl":
            return
        if id(job) not in self._slugs:
            self._slugs[id(job)] = job.slug()
        event = {
            "event": name,
            "project": self._slugs[id(job)],
            "deployment": job.deployment,
            "elapsedSeconds": round(time.monotonic() - job.started, 1),
        }
        with self._lock:
            self._screen.item(event, (), key="event")
