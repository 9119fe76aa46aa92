"""Set and remove several environment variables: many at a time, and honest about what is done when one fails.

Floor 2; neighbours: `api/env_vars.py` (requests), `commands/env.py`.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from dpx_cli.errors import DpxError, RateLimited, UsageError, unexpected
from dpx_cli.reference import is_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dpx_cli.api.client import Client

IN_FLIGHT = 8
PAUSE = 1.0  # seconds, where a rate limit does not say how long


def check_key(key: str) -> str:
    """A variable's name as it is.

    Raises:
        UsageError: where it does not match the reference's [A-Za-z_][A-Za-z0-9_]*.
    """
    if not is_key(key):
        raise UsageError(
            f"not the name of a variable: {key!r}", hint="letters, digits and _ only, not beginning with a digit"
        )
    return key


def check_value(key: str, value: str) -> str:
    """A value as it is. Raises UsageError, which does not show it, where it cannot be sent as UTF-8."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise UsageError(f"the value of {key} is not UTF-8", hint=f"dpx env set {key} --from-file FILE") from None
    return value


class Gate:
    """Holds all workers back while the server's rate limit wants it.

    Args:
        alone: there is one key only; its request was repeated as often as may be before it comes here.
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
        """Hold everybody back for a time; False, at once, where there would be no progress for too long."""
        with self._lock:
            until = time.monotonic() + (PAUSE if seconds is None else seconds)
            if self._alone or until - self._progress >= patience:
                return False
            self._open_at = max(self._open_at, until)
            return True

    def passed(self) -> None:
        """Note progress."""
        self._progress = time.monotonic()


def for_each(
    keys: Sequence[str],
    action: Callable[[Client, str], dict[str, Any]],
    *,
    client: Callable[[], Client],
    done: Callable[[str], None],
    say: Callable[[str], None] = lambda _: None,
) -> list[dict[str, Any]]:
    """Do something with every key, up to eight at a time, each worker over a connection of its own.

    Args:
        keys: no key twice, so that nothing depends on the order.
        action: called with a client and a key, in a thread. Of several keys one may come again after a rate limit, for
            as long as another passes within a request's deadline.
        client: makes a client, one a worker.
        done: told of each key that is done, in the caller's thread's stead.
        say: told which keys are done where Ctrl-C or SIGTERM ends it; not needed where nothing is changed.

    Returns:
        What `action` gave, in the order of the keys.

    Raises:
        DpxError: the first failure, of its own type; its message says which keys are done and which are not.
    """
    results: dict[str, dict[str, Any]] = {}
    waiting = list(reversed(keys))
    failures: list[DpxError] = []
    lock = threading.Lock()
    gate = Gate(alone=len(keys) == 1)
    ended = threading.Semaphore(0)

    def work(own: Client) -> None:
        try:
            while True:
                gate.wait()
                with lock:
                    if failures or not waiting:
                        return
                    key = waiting.pop()
                try:
                    result = action(own, key)
                except RateLimited as limited:
                    with lock:
                        if gate.close(limited.retry_after, own.timeout):
                            waiting.append(key)
                        else:
                            failures.append(limited)
                    continue
                except DpxError as failure:
                    with lock:
                        failures.append(failure)
                    return
                with lock:
                    results[key] = result
                gate.passed()
                done(key)
        except Exception as bug:  # noqa: BLE001 - a worker must not die silently with a key in its hands
            failures.append(unexpected(bug))
        finally:
            ended.release()

    workers = min(IN_FLIGHT, len(keys))
    for _ in range(workers):
        # Daemons, so that Ctrl-C ends the program while a request hangs.
        threading.Thread(target=work, args=(client(),), daemon=True).start()
    try:
        for _ in range(workers):
            ended.acquire()
    except BaseException:
        say(f"interrupted{_progress(keys, results)} (up to {IN_FLIGHT} of those may be)")
        raise
    if failures:
        raise half_way(failures[0], keys, results)
    return [results[key] for key in keys]


def half_way(failure: DpxError, keys: Sequence[str], results: Mapping[str, Any]) -> DpxError:
    """A failure that also says which keys were done before it."""
    if len(keys) > 1:
        failure.message += _progress(keys, results)
    return failure


def _progress(keys: Sequence[str], results: Mapping[str, Any]) -> str:
    finished = ", ".join(key for key in keys if key in results)
    missing = ", ".join(key for key in keys if key not in results)
    return f"; done: {finished or 'none'}; not done: {missing}"
