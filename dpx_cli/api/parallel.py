"""Do something with many items: up to eight requests in flight, and one pause for all if the server limits the rate."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from dpx_cli.errors import DpxError, NetworkError, RateLimited, Unauthorized, unexpected
from dpx_cli.system import signals

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from dpx_cli.api.client import Client

Item = TypeVar("Item")
Result = TypeVar("Result")

MAX_IN_FLIGHT = 8
LOOK = 0.5  # seconds between two looks for a signal that was remembered
PAUSE = 1.0  # seconds, if a rate limit doesn't say how long to wait
HOPELESS = (NetworkError, RateLimited, Unauthorized)  # failures that every further request would share


class Gate:
    """Holds all workers back while the server limits the rate.

    Args:
        alone: there is only one item; its request was repeated as often as it may be before it comes here.
    """

    def __init__(self, *, alone: bool) -> None:
        self._alone = alone
        self._lock = threading.Lock()
        self._open_at = 0.0
        self._progress = time.monotonic()

    def wait(self) -> None:
        """Wait until the gate is open."""
        while (left := self._open_at - time.monotonic()) > 0:
            time.sleep(left)

    def close(self, seconds: float | None, patience: float) -> bool:
        """Hold every worker back for a time.

        Args:
            seconds: how long the server asked to wait, if it did.
            patience: how many seconds may pass without progress.

        Returns:
            Whether the item may be tried again after the pause.
        """
        with self._lock:
            until = time.monotonic() + (PAUSE if seconds is None else seconds)
            if self._alone or until - self._progress >= patience:
                return False
            self._open_at = max(self._open_at, until)
            return True

    def passed(self) -> None:
        """Note progress."""
        self._progress = time.monotonic()


class Outcome(Generic[Item, Result]):
    """What became of some items so far; `run` fills it.

    Attributes:
        results: what the action returned for each item that is done.
        failures: the error of each item that failed, in the order in which they failed.
    """

    def __init__(self) -> None:
        self.results: dict[Item, Result] = {}
        self.failures: dict[Item, DpxError] = {}

    def first_failure(self) -> DpxError | None:
        """Return the failure that came first, or None."""
        return next(iter(self.failures.values()), None)


class _Work(Generic[Item, Result]):
    """One call of `run`."""

    def __init__(
        self,
        items: Sequence[Item],
        action: Callable[[Client, Item], Result],
        outcome: Outcome[Item, Result],
        group: Callable[[Item], Any],
        done: Callable[[Item], None],
        stop: Callable[[], bool],
    ) -> None:
        self._stop = stop
        self._waiting = list(reversed(items))
        self._action = action
        self._outcome = outcome
        self._group = group
        self._done = done
        self._failed: set[Any] = set()
        self._hopeless = False
        self._lock = threading.Lock()
        self._gate = Gate(alone=len(items) == 1)
        self._ended = threading.Semaphore(0)

    def run(self, client: Callable[[], Client], limit: int) -> None:
        workers = min(limit, len(self._waiting))
        for _ in range(workers):
            # Daemon threads, so that Ctrl-C ends the program while a request hangs.
            threading.Thread(target=self._work, args=(client(),), daemon=True).start()
        for _ in range(workers):
            while not self._ended.acquire(timeout=LOOK):
                signals.check()

    def _work(self, client: Client) -> None:
        try:
            while (item := self._next()) is not None:
                self._do(client, item)
        finally:
            self._ended.release()

    def _next(self) -> Item | None:
        self._gate.wait()
        with self._lock:
            while self._waiting and not self._hopeless and not self._stop():
                item = self._waiting.pop()
                if self._group(item) not in self._failed:
                    return item
            return None

    def _do(self, client: Client, item: Item) -> None:
        try:
            result = self._action(client, item)
            with self._lock:
                self._outcome.results[item] = result
            self._gate.passed()
            self._done(item)
        except RateLimited as limited:
            if self._gate.close(limited.retry_after, client.timeout):
                with self._lock:
                    self._waiting.append(item)
            else:
                self._fail(item, limited)
        except DpxError as failure:
            self._fail(item, failure)
        except Exception as bug:  # noqa: BLE001 - a worker must not end silently while it holds an item
            self._fail(item, unexpected(bug))

    def _fail(self, item: Item, failure: DpxError) -> None:
        with self._lock:
            self._outcome.failures[item] = failure
            self._failed.add(self._group(item))
            self._hopeless = self._hopeless or isinstance(failure, HOPELESS)


def run(
    items: Sequence[Item],
    action: Callable[[Client, Item], Result],
    outcome: Outcome[Item, Result],
    *,
    client: Callable[[], Client],
    group: Callable[[Item], Any] = lambda _: None,
    done: Callable[[Item], None] = lambda _: None,
    limit: int = MAX_IN_FLIGHT,
    stop: Callable[[], bool] = lambda: False,
) -> None:
    """Call a function for every item, several at a time; each worker has its own connection.

    After a failure no further item of the same group is begun, and no item at all if the failure is one that every
    request would share: the network, the token, the rate limit.

    Args:
        items: hashable, none of them twice and none of them None, so that nothing depends on the order.
        action: called with a client and an item, in a thread. It may get an item again after a rate limit, as long as
            other items succeed within a request's deadline.
        outcome: filled with what is done and what failed; complete up to then if Ctrl-C or SIGTERM ends the call.
        client: returns a client; called once for each worker.
        group: returns the group of an item. [default: all items are one group]
        done: called with each item that is done, in a worker thread.
        limit: the maximum number of items at a time.
        stop: asked before each item; returns whether no further item is to be begun.
    """
    _Work(items, action, outcome, group, done, stop).run(client, limit)


def for_each(
    keys: Sequence[str],
    action: Callable[[Client, str], Result],
    *,
    client: Callable[[], Client],
    done: Callable[[str], None],
    say: Callable[[str], None] = lambda _: None,
) -> list[Result]:
    """Call a function for every key, up to eight at a time, until one fails.

    Args:
        keys: no key twice.
        action: see `run`.
        client: see `run`.
        done: see `run`.
        say: called with a message about which keys are done if Ctrl-C or SIGTERM ends the call.

    Returns:
        What `action` returned, in the order of the keys.

    Raises:
        DpxError: the first failure; its message says which keys are done and which are not.
    """
    outcome: Outcome[str, Result] = Outcome()
    try:
        run(keys, action, outcome, client=client, done=done)
    except BaseException:
        say(f"Interrupted{progress(keys, outcome.results)} (up to {MAX_IN_FLIGHT} of those may be done).")
        raise
    if failure := outcome.first_failure():
        raise half_way(failure, keys, outcome.results)
    return [outcome.results[key] for key in keys]


def by_pages(
    pages: Iterable[Sequence[Item]],
    action: Callable[[Client, Item], Result],
    *,
    client: Callable[[], Client],
) -> Iterator[tuple[Sequence[Item], Outcome[Item, Result]]]:
    """Call a function for every item of a list that arrives in pages, in constant memory.

    No page is fetched while its items' requests are in flight, so there are never more than eight. Failures stop no
    other item, except those that every request would share.

    Args:
        pages: the pages.
        action: see `run`.
        client: returns a client; called up to eight times in all.

    Yields:
        Each page, and what became of its items.
    """
    clients: list[Client] = []
    for page in pages:
        while len(clients) < min(MAX_IN_FLIGHT, len(page)):
            clients.append(client())
        outcome: Outcome[Item, Result] = Outcome()
        run(page, action, outcome, client=iter(clients).__next__, group=lambda item: item)
        yield page, outcome


def half_way(failure: DpxError, keys: Sequence[str], done: Collection[str]) -> DpxError:
    """Return a failure with a message that also says which keys were done before it."""
    if len(keys) > 1:
        failure.message = failure.message.removesuffix(".") + progress(keys, done)
    return failure


def progress(keys: Sequence[str], done: Collection[str]) -> str:
    """Return which keys are done and which are not, to follow the text of a message."""
    finished = ", ".join(key for key in keys if key in done)
    missing = ", ".join(key for key in keys if key not in done)
    return f"; done: {finished or 'none'}; not done: {missing or 'none'}"
