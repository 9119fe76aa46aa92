"""Run several jobs, some at a time: each its own connection, line and exit code; one failing stops no other."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from dpx_cli.api.deploying.turns import Turn, Turns
from dpx_cli.api.retry import Deadline
from dpx_cli.commands.deploy.events import Events
from dpx_cli.commands.deploy.job import Job
from dpx_cli.errors import DpxError, ExitCode, unexpected
from dpx_cli.output.board import Board, Row
from dpx_cli.output.columns import Column, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dpx_cli.resolve import Projects
    from dpx_cli.session import Session

    Steps = Callable[["Member"], None]

PARALLEL = 4  # jobs at a time; the default of --parallel
COLUMNS = (Column("Project", "project"), Column("Exit code", "exitCode"), Column("URL", "url", link=True))


class Member:
    """One of several jobs, and its view.

    Args:
        session: the session.
        name: what the user calls it, in front of its lines.
        steps: runs its job.

    Attributes:
        job: the job, once it has begun.
        projects: finds projects with the job's own client; set when it begins.
        row: its row of the live table.
    """

    def __init__(self, session: Session, name: str, steps: Steps) -> None:
        self.name = name
        self.job: Job | None = None
        self.projects: Projects = session.projects
        self.row = Row(name)
        self._session = session
        self._steps = steps
        self._events: Events | None = None
        self._key = ""

    def run(self, timeout: float, turns: Turns, events: Events) -> None:
        """Run the job to its end, in a worker thread; its error is its attribute then."""
        from dpx_cli.resolve import Projects

        session = self._session
        self._events = events
        client = session.client_for(session.token())
        self.projects = Projects(lambda: client, lambda: session.names, session.settings)
        deadline = Deadline(timeout)
        job = Job(session, client, deadline, view=self, sleep=time.sleep, turn=Turn(turns, deadline))
        self.job, self.row.started, self.row.state = job, job.started, "looking"
        try:
            self._steps(self)
        except DpxError as error:
            job.error = error
        except Exception as bug:  # noqa: BLE001 - a worker must not die silently
            job.error = unexpected(bug)
        self.row.seconds = job.seconds = time.monotonic() - job.started
        self.row.state = str((job.deployment or {}).get("status") or "failed")
        if job.ended:
            turns.slot_freed()
        if job.error:
            self.done(f"error: {job.error.message}" + (f" ({job.error.hint})" if job.error.hint else ""))

    @property
    def begun(self) -> Job:
        """Its job, while it runs."""
        if self.job is None:
            raise RuntimeError("not begun")
        return self.job

    @property
    def exit_code(self) -> int | None:
        """The exit code of its job; None if it didn't begin."""
        if self.job is None:
            return None
        return int(self.job.error.exit_code if self.job.error else ExitCode.OK)

    # What a job reports

    def working(self, text: str) -> None:
        """Report what the job waits for."""
        self.row.state = "waiting for a slot" if "busy" in text else self.row.state
        if not self._session.screen.animates:
            self.done(text)

    def state(self, job: Job, text: str, key: str) -> None:
        """Report a state."""
        self.row.state, self.row.usual = ("temporary error" if key == "fault" else key), job.usual
        if key != self._key and not self._session.screen.animates:
            self.done(text)
        self._key = key

    def done(self, text: str) -> None:
        """Report what was done."""
        self._session.screen.done(f"{self.name}: {text}")

    def warn(self, text: str) -> None:
        """Report what may be wrong."""
        self._session.screen.warn(f"{self.name}: {text}")

    def event(self, name: str, job: Job) -> None:
        """Report an event."""
        if self._events:
            self._events.write(name, job)


def run(session: Session, members: Sequence[Member], *, timeout: float, parallel: int, fail_fast: bool) -> None:
    """Run all members, some at a time, in their order.

    Args:
        session: the session.
        members: the jobs; those that `fail_fast` leaves unbegun have no job afterwards.
        timeout: of each job, in seconds from its beginning.
        parallel: how many at a time.
        fail_fast: begin no further one after a failure.
    """
    session.token()  # asked for once, and not by every worker
    turns, events = Turns(), Events(session.screen)
    waiting = list(reversed(members))
    lock, ended = threading.Lock(), threading.Semaphore(0)
    failed = threading.Event()

    def work() -> None:
        try:
            while True:
                with lock:
                    if not waiting or turns.stopped or (fail_fast and failed.is_set()):
                        return
                    member = waiting.pop()
                member.run(timeout, turns, events)
                if member.exit_code:
                    failed.set()
        finally:
            ended.release()

    workers = min(parallel, len(members))
    with Board(session.screen, [member.row for member in members]):
        for _ in range(workers):
            # Daemons, so that Ctrl-C ends the program while a request hangs.
            threading.Thread(target=work, daemon=True).start()
        try:
            for _ in range(workers):
                ended.acquire()
        except BaseException:
            turns.stop()
            raise


def tell_interrupted(session: Session, members: Sequence[Member]) -> None:
    """Write for each member that may have a deployment how to follow it."""
    for member in members:
        told = member.job.how_to_follow() if member.job else None
        session.screen.done(f"{member.name}: {told or 'Nothing was deployed.'}")


def documents(members: Sequence[Member]) -> list[dict[str, Any]]:
    """Return what became of each member, as --json shows it."""
    return [
        {
            "project": (member.job.slug() if member.job else None) or member.name,
            "exitCode": member.exit_code,
            "url": member.job.url if member.job else None,
            "deployment": member.job.deployment if member.job else None,
            "error": _error(member.job.error) if member.job else None,
        }
        for member in members
    ]


def _error(error: DpxError | None) -> dict[str, Any] | None:
    if error is None:
        return None
    keys = ("code", "message", "hint", "status", "request")
    return {key: getattr(error, key) for key in keys}


def first_failure(members: Sequence[Member]) -> DpxError | None:
    """Return one error for all that failed, of the type of the first in their order; None if none failed."""
    failed = [member for member in members if member.job and member.job.error]
    if not failed or failed[0].job is None or failed[0].job.error is None:
        return None
    first = failed[0].job.error
    if len(members) > 1:
        names = ", ".join(member.name for member in failed)
        first.message = f"{len(failed)} of {len(members)} failed: {names}."
    return first


def targets(session: Session, references: Sequence[str]) -> list[str]:
    """Return the projects that are meant, each once: a slug and an ID may name the same one.

    The slugs that aren't known yet are looked up together, in one list.
    """
    from dpx_cli.api import projects

    wanted = {reference.casefold() for reference in references if "/" not in reference}
    wanted -= {name for name in wanted if session.names.project_id(name)}
    found: dict[str, list[str]] = {}
    if len(wanted) > 1:
        for page in projects.list_projects(session.client):
            for project in page:
                slug, project_id = project.get("slug"), project.get("id")
                if isinstance(slug, str) and isinstance(project_id, str) and slug.casefold() in wanted:
                    found.setdefault(slug.casefold(), []).append(project_id)
        # A slug of several projects stays unknown: looking it up says so.
        session.names.remember_projects({slug: ids[0] for slug, ids in found.items() if len(ids) == 1})
    known: dict[str, str] = {}
    for reference in references:
        known.setdefault(session.names.project_id(reference.casefold()) or reference, reference)
    return list(known.values())


def show(session: Session, members: Sequence[Member]) -> None:
    """Show how the members ended: documents, IDs, or a line `slug<TAB>url` for each that has one."""
    screen = session.screen
    if screen.format == "jsonl":
        return
    if screen.shows_objects:
        screen.items(documents(members), COLUMNS, key="project")
        return
    lines = []
    for member in members:
        if member.job is None or member.job.id is None:
            continue
        name = member.job.slug() or member.name
        if screen.format == "quiet":
            lines.append(member.job.id)
        elif member.job.error is None:
            lines.append(f"{plain(name)}\t{plain(member.job.url if member.job.ended else member.job.id)}")
    screen.raw("".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace"))
