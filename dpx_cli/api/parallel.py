"""Do something with many items: up to eight requests in flight, and one pause for all if the server limits the rate."""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from dpx_cli.api.client import TOO_MANY
from dpx_cli.errors import DpxError, NetworkError, OutcomeUnknown, RateLimited, Unauthorized, unexpected
from dpx_cli.system import signals

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from dpx_cli.api.client import Client

    Failures = Mapping[str, DpxError] | None

Item = TypeVar("Item")
Result = TypeVar("Result")

MAX_IN_FLIGHT = 8
PAUSE = 1.0  # seconds, if a rate limit doesn't say how long to wait
FATAL_ERRORS = (NetworkError, RateLimited, Unauthorized)  # failures that every further request would share


class Work(Generic[Item, Result]):
    """Call a function for many items, several at a time, and collect what became of them, also if a signal ends it.

    After a failure no further item of the same group (by default all are one) is begun, and none at all if every
    request would share the failure. After a rate limit an item may be tried again, as long as others succeed within a
    request's deadline. `done` is called in a worker thread.
    """

    def __init__(
        self,
        client: Callable[[], Client],
        *,
        group: Callable[[Item], Any] = lambda _: None,
        done: Callable[[Item], None] = lambda _: None,
    ) -> None:
        self.results: dict[Item, Result] = {}
        self.failures: dict[Item, DpxError] = {}  # in the order in which they failed
        self._client = client
        self._group = group
        self._done = done
        self._failed: set[Any] = set()
        self._unknown: dict[Item, DpxError] = {}  # items that are tried again after a lost response
        self._lock = threading.Lock()
        self._open_at = 0.0

    def first_failure(self) -> DpxError | None:
        """Return the failure that came first, or None."""
        return next(iter(self.failures.values()), None)

    def run(self, items: Sequence[Item], action: Callable[[Client, Item], Result]) -> None:
        """Do the work for items, which are hashable; none is None or there twice."""
        self._waiting = list(reversed(items))
        self._progress = time.monotonic()

        def work(client: Client) -> None:
            while (item := self._next()) is not None:
                self._do(client, item, action)

        run_threads([partial(work, self._client()) for _ in range(min(MAX_IN_FLIGHT, len(items)))])

    def _next(self) -> Item | None:
        while (left := self._open_at - time.monotonic()) > 0:
            time.sleep(left)
        with self._lock:
            while self._waiting:
                item = self._waiting.pop()
                if self._group(item) not in self._failed:
                    return item
            return None

    def _do(self, client: Client, item: Item, action: Callable[[Client, Item], Result]) -> None:
        try:
            self.results[item] = action(client, item)
            self._progress = time.monotonic()
            self._done(item)
        except DpxError as problem:
            if isinstance(problem, OutcomeUnknown):
                self._unknown[item] = problem
            until = time.monotonic() + (PAUSE if problem.retry_after is None else problem.retry_after)
            if problem.status == TOO_MANY and until - self._progress < client.timeout:
                with self._lock:
                    self._open_at = max(self._open_at, until)
                    self._waiting.append(item)
                return
            failure = self._unknown.get(item, problem)
        except Exception as bug:  # noqa: BLE001 - a worker must not end silently while it holds an item
            failure = unexpected(bug)
        else:
            return
        with self._lock:
            self.failures[item] = failure
            self._failed.add(self._group(item))
            if isinstance(failure, FATAL_ERRORS):
                self._waiting.clear()


def run_threads(functions: Sequence[Callable[[], None]]) -> None:
    """Call functions, each in a thread of its own, and wait for all; a signal ends the wait."""
    # Daemons, so that Ctrl-C ends the program while a request hangs.
    threads = [threading.Thread(target=function, daemon=True) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive():
            thread.join(signals.SLICE)
            signals.check()


def by_pages(
    pages: Iterable[Sequence[Item]], action: Callable[[Client, Item], Result], *, client: Callable[[], Client]
) -> Iterator[tuple[Sequence[Item], Work[Item, Result]]]:
    """Call a function for every item of a list that arrives in pages, and yield each page with what became of it.

    Memory is constant. Failures stop no other item, except those that every request would share.
    """
    clients: list[Client] = []
    for page in pages:
        while len(clients) < min(MAX_IN_FLIGHT, len(page)):
            clients.append(client())
        work: Work[Item, Result] = Work(iter(clients).__next__, group=lambda item: item)
        work.run(page, action)
        yield page, work


def half_way(failure: DpxError, keys: Sequence[str], done: Collection[str], failures: Failures = None) -> DpxError:
    """Return a failure with a message that also says which keys were done before it, if there are several."""
    if len(keys) > 1:
        failure.message = failure.message.removesuffix(".") + progress(keys, done, failures)
    return failure


def progress(keys: Sequence[str], done: Collection[str], failures: Failures = None) -> str:
    """Return which keys are done, which are not, and of which that is unknown, to follow the text of a message."""
    unknown = [key for key, failure in (failures or {}).items() if isinstance(failure, OutcomeUnknown)]
    finished = ", ".join(key for key in keys if key in done)
    missing = ", ".join(key for key in keys if key not in (*done, *unknown))
    open_ones = f"; unknown: {', '.join(unknown)}" if unknown else ""
    return f"; done: {finished or 'none'}; not done: {missing or 'none'}{open_ones}"
