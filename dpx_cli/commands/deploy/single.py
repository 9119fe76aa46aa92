"""Run one job and show it: a live line on a terminal, plain lines elsewhere, and the URL or the object on stdout."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.commands.deploy.events import Events
from dpx_cli.errors import CheckFailed, DeploymentFailed, WaitTimeout
from dpx_cli.output.columns import Column
from dpx_cli.output.format import duration_ms, elapsed, relative, size_kb

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dpx_cli.commands.deploy.job import Job
    from dpx_cli.output.live import LiveLine
    from dpx_cli.output.screen import Screen

DETAILS = (
    Column("Status", "status", status=True),
    Column("Branch", "branch"),
    Column("Build time", "buildDurationMs", show=duration_ms),
    Column("Bundle", "bundleSizeKb", show=size_kb),
    Column("Domain", "deployment_domain", link=True),
    Column("Created", "created_at", show=relative),
    Column("Id", "id"),
)


class LineView:
    """A job's view: one live line on stderr.

    Args:
        screen: the screen.
    """

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._events = Events(screen)
        self.live: LiveLine | None = None

    def working(self, text: str) -> None:
        """Report what the job waits for."""
        if self.live:
            self.live.update(text)

    def state(self, job: Job, text: str, key: str) -> None:
        """Report a state; `key` changes when it does."""
        if self.live:
            usual = f" (usually {elapsed(job.usual)})" if job.usual and not job.ended else ""
            self.live.tick(text + usual, job.started, key=key)

    def done(self, text: str) -> None:
        """Report what was done."""
        self._screen.done(text)

    def warn(self, text: str) -> None:
        """Report what may be wrong."""
        self._screen.warn(text)

    def event(self, name: str, job: Job) -> None:
        """Report an event."""
        self._events.write(name, job)


def run(screen: Screen, job: Job, view: LineView, steps: Sequence[Callable[[], object]]) -> None:
    """Run the steps of a job under a live line, then show how it ended: a URL, an ID or an object.

    Raises:
        DpxError: as the steps do; under --json the last object seen is shown first.
    """
    shows_object = screen.shows_objects and screen.format != "jsonl"
    with job.followable():
        try:
            with screen.live() as view.live:
                for step in steps:
                    step()
        except (DeploymentFailed, WaitTimeout, CheckFailed):
            if shows_object and job.deployment:
                screen.item(job.deployment, DETAILS, key="id")
            raise
        if screen.format == "jsonl":
            return
        if shows_object and job.deployment:
            screen.item(job.deployment, DETAILS, key="id")
        elif job.ended and screen.format != "quiet":
            _show_url(screen, job)
        else:
            screen.line(str(job.id))


def _show_url(screen: Screen, job: Job) -> None:
    took = (job.deployment or {}).get("buildDurationMs")
    screen.done(f"Ready{f' after a build of {duration_ms(took)}' if took is not None else ''}.")
    if job.url:
        screen.line(job.url)
    else:
        screen.warn("The API returned no URL. Run: dpx open --print")
