"""Deployments of several projects as one list, newest first, in bounded memory."""

from __future__ import annotations

import heapq
from collections import deque
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from dpx_cli.api import deployments, parallel
from dpx_cli.api.pages import Pages
from dpx_cli.commands.deploy.find import Filters, Selection
from dpx_cli.durations import epoch
from dpx_cli.errors import DpxError, InvalidResponse, NotFound
from dpx_cli.output.display import Progress
from dpx_cli.reference import MAX_PAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import TypeVar

    from dpx_cli.api.client import Client
    from dpx_cli.resolve import ProjectRef
    from dpx_cli.session import Session

    Row = dict[str, Any]
    Item = TypeVar("Item")
    Result = TypeVar("Result")

MAX_ROWS = 4000  # read ahead, of all projects together; at least one of each


def raise_first(session: Session, refs: Sequence[ProjectRef], failures: dict[ProjectRef, DpxError]) -> None:
    """Raise the failure of the first project that has one; say the others on stderr."""
    named = []
    for ref in refs:
        # A project that isn't there was deleted since it was listed.
        if (failure := failures.get(ref)) and not isinstance(failure, NotFound):
            failure.message = f"{ref.name}: {failure.message}"
            named.append(failure)
    for failure in named[1:]:
        session.screen.warn(failure.message)
    if named:
        raise named[0]


class _Stream:
    """The deployments of one project that were read and not shown yet."""

    def __init__(self, session: Session, ref: ProjectRef, filters: Filters, size: int) -> None:
        self.ref = ref
        self.rows: deque[tuple[float, Row]] = deque()  # minus the creation time, so that the newest is the least
        self.has_more = True
        self._id = ref.id or ""
        self.selection = Selection(session, self._id, filters)
        self._size = size
        self._cursors: set[str | None] = {None}
        self._cursor: str | None = None
        self._last = float("-inf")

    def read(self, client: Client) -> None:
        """Read on until a deployment fits or the list ends. What a failure interrupts may be read again."""
        has_new = False
        while self.has_more and not has_new:
            status = self.selection.status
            pages = deployments.list_deployments(client, self._id, status=status, cursor=self._cursor, size=self._size)
            page = next(iter(pages), [])
            if pages.position is not None and pages.position in self._cursors:
                raise InvalidResponse("The list of deployments does not end: its cursor came back.")
            self._cursor = pages.position
            self._cursors.add(self._cursor)
            self.has_more = self._cursor is not None and not self.selection.is_old(page)
            for row in filter(self.selection.fits, page):
                has_new = True
                moment = epoch(row.get("created_at"))
                # The project's own order stays, also of deployments without a creation time.
                self._last = max(self._last, self._last if moment is None else -moment)
                self.rows.append((self._last, {"project": self.ref.name, **row}))


class Merged(Pages):
    """The deployments of several projects that filters leave, newest first, up to `limit`."""

    def __init__(
        self, session: Session, refs: Sequence[ProjectRef], filters: Filters, limit: int | None = None
    ) -> None:
        super().__init__(session.client, "", limit=limit)
        self.pages = self
        self.is_filtered = True
        self._session = session
        self._size = max(1, min(MAX_PAGE, MAX_ROWS // max(len(refs), 1), limit or MAX_PAGE))
        self._streams = [_Stream(session, ref, filters, self._size) for ref in refs]
        self._clients = [session.client_for() for _ in self._streams[: parallel.MAX_IN_FLIGHT]]
        self._failures: dict[ProjectRef, DpxError] = {}

    def __iter__(self) -> Iterator[list[Row]]:
        with Progress(self._session.screen, len(self._streams), "projects") as bar:
            self._read(self._streams, bar)
        if not any(stream.rows for stream in self._streams):
            self.raise_first()
        page: list[Row] = []
        for shown, (_, stream) in enumerate(heapq.merge(*map(self._heads, self._streams), key=itemgetter(0)), 1):
            page.append(stream.rows.popleft()[1])
            if shown == self._limit:
                self.is_cut = any(stream.rows or stream.has_more for stream in self._streams)
                break
            if not stream.rows and stream.has_more:
                yield page  # before the next request
                page = []
        if page:
            yield page

    def _heads(self, stream: _Stream) -> Iterator[tuple[float, _Stream]]:
        """Yield a stream with the moment of its first row; the row is removed before the next one is asked for."""
        while stream.rows or stream.has_more:
            if stream.rows:
                yield stream.rows[0][0], stream
                continue
            short = [other for other in self._streams if other.has_more and len(other.rows) <= self._size // 2]
            self._read(heapq.nsmallest(parallel.MAX_IN_FLIGHT, short, key=lambda other: len(other.rows)))

    def warn(self) -> None:
        """Warn about what was left out, and raise the first failure."""
        for stream in self._streams:
            stream.selection.warn()
        self.raise_first()

    def raise_first(self) -> None:
        """Raise the failure of the first project that couldn't be read."""
        raise_first(self._session, [stream.ref for stream in self._streams], self._failures)

    def _read(self, streams: Sequence[_Stream], bar: Progress | None = None) -> None:
        outcome = run(streams, lambda client, stream: stream.read(client), iter(self._clients).__next__, bar)
        for stream, failure in outcome.failures.items():
            stream.has_more = False
            self._failures[stream.ref] = failure


def run(
    items: Sequence[Item],
    action: Callable[[Client, Item], Result],
    client: Callable[[], Client],
    bar: Progress | None = None,
) -> parallel.Work[Item, Result]:
    """Call a function for every item; one that fails stops no other, except where every request would fail."""
    work: parallel.Work[Item, Result] = parallel.Work(
        client, group=lambda item: item, done=lambda _: bar.advance() if bar else None
    )
    work.run(items, action)
    for failure in work.failures.values():
        if isinstance(failure, parallel.FATAL_ERRORS):
            raise failure
    return work
