"""Run tasks, several at a time, each after those that it needs. Everything that deploys goes through here."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dpx_cli.api.parallel import run_threads
from dpx_cli.errors import DpxError, ExitCode, UsageError, unexpected
from dpx_cli.output.display import LiveTable, Row

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dpx_cli.api.client import Client
    from dpx_cli.session import Session


class Task:
    """One thing that `run` does; subclasses implement `work`. `needs` must have succeeded before it begins."""

    def __init__(self, session: Session, name: str) -> None:
        self.session = session
        self.name = name
        self.needs: Sequence[Task] = ()
        self.row = Row(name)
        self.error: DpxError | None = None
        self.is_skipped = False  # because of a failure elsewhere
        self.is_reported = False  # what became of it was said after a signal
        self.started = 0.0  # of `time.monotonic()`; 0.0 before it begins
        self.seconds: float | None = None  # from its beginning to its end
        self.prefix = ""  # of its lines, when there are several tasks

    def work(self, client: Client) -> None:
        """Do it, with a client of its own; in a worker thread if there are several tasks."""
        raise NotImplementedError

    def interruption(self) -> str | None:
        """Return a line that says how to find out what became of it after a signal; None if nothing was begun."""
        return None

    @property
    def exit_code(self) -> int | None:
        """Its exit code; None if it wasn't begun."""
        if not self.started:
            return None
        return int(self.error.exit_code if self.error else ExitCode.OK)

    @property
    def has_succeeded(self) -> bool:
        """Whether it has ended without an error."""
        return self.seconds is not None and self.error is None

    def show_state(self, state: str, text: str | None = None) -> None:
        """Show a state in the live table, or as a line (`text`) where nothing is redrawn."""
        is_new, self.row.state = state != self.row.state, state
        if text and is_new and not self.session.screen.animates:
            self.say(text)

    def say(self, text: str) -> None:
        """Write a message."""
        self.session.screen.info(self.prefix + text)

    def warn(self, text: str) -> None:
        """Write a warning."""
        self.session.screen.warn(self.prefix + text)


def run(
    session: Session, tasks: Sequence[Task], *, limit: int, fail_fast: bool = False, several: bool | None = None
) -> None:
    """Run all tasks, up to `limit` at a time; each begins when those in its `needs` have succeeded.

    With `fail_fast` none is begun after a failure. With `several` lines begin with the task's name. No error of a task
    is raised; `raise_first` does that.
    """
    if not tasks:
        return
    session.token()  # asked for once, and not by every worker
    queue = _Queue(session, tasks, fail_fast=fail_fast)
    several = len(tasks) > 1 if several is None else several
    for task in tasks:
        task.prefix = f"{task.name}: " if several else ""
    with reporting_interruption(session, tasks), LiveTable(session.screen, [task.row for task in tasks]):
        try:
            queue.run(min(limit, len(tasks)))
        finally:
            queue.is_stopped = True


class _Queue:
    def __init__(self, session: Session, tasks: Sequence[Task], *, fail_fast: bool) -> None:
        self.is_stopped = False
        self._session = session
        self._tasks = tasks
        self._fail_fast = fail_fast
        self._waiting = list(tasks)
        self._changed = threading.Condition()
        self._broken: BaseException | None = None  # stdout is closed, so the work is pointless

    def run(self, workers: int) -> None:
        if workers == 1:  # in this thread, which receives the signals
            while task := self._next():
                self._do(task, self._session.client_for())
            return
        run_threads([self._work] * workers)
        if self._broken:
            raise self._broken

    def _work(self) -> None:
        try:
            while task := self._next():
                self._do(task, self._session.client_for())
        except BrokenPipeError as broken:
            self._broken, self.is_stopped = broken, True

    def _next(self) -> Task | None:
        """Wait until a task may begin and return it; None if there are no more."""
        with self._changed:
            while True:
                if self._fail_fast and any(task.error for task in self._tasks):
                    self.is_stopped = True
                if self.is_stopped:
                    self._changed.notify_all()
                    return None
                self._skip()
                for task in self._waiting:
                    if all(need.has_succeeded for need in task.needs):
                        self._waiting.remove(task)
                        task.started = task.row.started = time.monotonic()
                        return task
                if not self._waiting:
                    return None
                self._changed.wait()

    def _skip(self) -> None:
        """Drop the tasks that need one that failed or was dropped."""
        while True:
            for task in self._waiting:
                if failed := next((need for need in task.needs if need.error or need.is_skipped), None):
                    task.is_skipped = True
                    task.say(f"Not begun, because {failed.name} {'failed' if failed.error else 'was not begun'}.")
                    self._waiting.remove(task)
                    break
            else:
                return

    def _do(self, task: Task, client: Client) -> None:
        try:
            task.work(client)
        except DpxError as error:
            task.error = error
        except BrokenPipeError:
            raise
        except Exception as bug:  # noqa: BLE001 - a worker must not die silently
            task.error = unexpected(bug)
        with self._changed:
            task.seconds = task.row.seconds = time.monotonic() - task.started
            self._changed.notify_all()
        if task.error:
            task.row.state = "failed" if task.row.state in ("", "looking") else task.row.state
            if task.prefix:
                task.say(f"error: {task.error.message}" + (f" ({task.error.hint})" if task.error.hint else ""))
                for line in task.error.details:
                    task.say(line)


@contextmanager
def reporting_interruption(session: Session, tasks: Sequence[Task]) -> Iterator[None]:
    """Say what became of each task, and how to follow it, if a signal or a bug ends the context."""
    try:
        yield
    except (DpxError, BrokenPipeError):
        raise
    except BaseException:
        for task in tasks:
            line = task.interruption()
            if (line or task.prefix) and not task.is_reported:
                task.is_reported = True
                session.screen.info(task.prefix + (line or "Nothing was deployed."))
        raise


def check_order(tasks: Sequence[Task]) -> None:
    """Raise UsageError if tasks need each other."""
    left = list(tasks)
    while left:
        free = [task for task in left if not any(need in left for need in task.needs)]
        if not free:
            names = ", ".join(task.name for task in left)
            raise UsageError(f"Projects need each other: {names}", hint="Remove one of their needs.")
        left = [task for task in left if task not in free]


def raise_first(tasks: Sequence[Task]) -> None:
    """Raise one error for all tasks that failed, of the type of the first in their order."""
    failed = [task for task in tasks if task.error]
    if not failed or failed[0].error is None:
        return
    first = failed[0].error
    if len(tasks) > 1:
        first.details = []  # said with the task's name already
        first.message = f"{len(failed)} of {len(tasks)} failed: {', '.join(task.name for task in failed)}."
    raise first
