"""Progress on stderr: a line rewritten in place on a terminal, plain lines when something changed elsewhere.

Opened by `Screen.live` and `Screen.progress`. Anything else that the screen writes meanwhile goes above the line.
"""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Self

from dpx_cli.output.format import elapsed
from dpx_cli.output.neutralize import neutralize
from dpx_cli.output.width import cut

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from dpx_cli.output.screen import Overlay, Screen

_EVERY = 0.1  # seconds between two drawings
_EVERY_LINE = 10.0  # seconds between two plain lines with ACCESSIBLE=1
_ERASE = "\r\x1b[K"
_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_BAR = 24


class _Line:
    """One line on stderr that is drawn, erased, and drawn again; safe to use from several threads."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._outer: Overlay | None = None
        self._meanwhile = ExitStack()
        self._animates = screen.animates
        self._lock = threading.RLock()
        self._drawn = False
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        # The screen clears this line while it writes, and this line clears the one within which it was opened.
        self._outer = self._screen.overlay
        if self._outer is not None:
            self._meanwhile.enter_context(self._outer.away())
        self._screen.overlay = self
        if self._animates or self._screen.accessible:
            # A daemon, so that a process that ends early does not wait for it.
            self._thread = threading.Thread(target=self._run, name="dpx-progress", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()
        with self.away():
            self._screen.overlay = self._outer
        self._meanwhile.close()

    @contextmanager
    def away(self) -> Iterator[None]:
        """Erase the line, and keep it from being drawn until the context ends."""
        with self._lock:
            if self._drawn:
                self._drawn = False
                self._screen.tell(_ERASE)
            yield

    def _run(self) -> None:
        while not self._stopped.wait(_EVERY if self._animates else _EVERY_LINE):
            with self._lock:
                if self._animates and (text := self._text()):
                    self._draw(text)
                elif not self._animates and (text := self._plain()):
                    self._screen.tell(text + "\n")

    def _draw(self, text: str) -> None:
        self._drawn = True
        self._screen.tell(_ERASE + cut(text, max(self._screen.talk_width - 1, 1)))

    def _text(self) -> str:
        """Return what is drawn in place."""
        raise NotImplementedError

    def _plain(self) -> str:
        """Return what a line of its own says."""
        raise NotImplementedError


class LiveLine(_Line):
    """The state of one thing; a context manager.

    On a terminal it is the newest text with a spinner, at most ten times a second, erased at the end. Elsewhere it is a
    plain line each time that `key` changes; with ACCESSIBLE=1 also one every ten seconds.
    """

    def __init__(self, screen: Screen) -> None:
        super().__init__(screen)
        self._said = ""
        self._started: float | None = None
        self._key: str | None = None
        self._frame = 0

    def update(self, text: str, *, key: str | None = None) -> None:
        """Show a text; off a terminal only if its key (the text itself, if not given) has changed."""
        self._set(text, None, key)

    def tick(self, text: str, started: float, *, key: str | None = None) -> None:
        """Show a text as `update` does; on a terminal with a clock that runs from `started` (of `time.monotonic()`)."""
        self._set(text, started, key)

    def _set(self, text: str, started: float | None, key: str | None) -> None:
        with self._lock:
            self._said = neutralize(text)
            self._started = started
            key = text if key is None else key
            if not self._animates and key != self._key:
                self._screen.done(text)
            self._key = key

    def _text(self) -> str:
        if not self._said:
            return ""
        self._frame += 1
        spinner = _SPINNER if self._screen.unicode else "|/-\\"
        return f"{spinner[self._frame % len(spinner)]} {self._plain()}"

    def _plain(self) -> str:
        if not self._said or self._started is None:
            return self._said
        return f"{self._said} {elapsed(time.monotonic() - self._started)}"


class Progress(_Line):
    """A bar over a known number of equal steps; a context manager.

    Off a terminal it is a plain line at each quarter, and nothing for fewer than twenty steps.
    """

    _FEW = 20

    def __init__(self, screen: Screen, total: int, what: str) -> None:
        super().__init__(screen)
        self._total = total
        self._what = what
        self._steps = 0
        self._quarter = 0

    def advance(self, steps: int = 1) -> None:
        """Count `steps` more as done."""
        with self._lock:
            self._steps = min(self._steps + steps, self._total)
            quarter = self._steps * 4 // self._total if self._total else 0
            if not self._animates and quarter > self._quarter and self._total >= self._FEW:
                self._screen.done(self._count())
            self._quarter = quarter

    def _count(self) -> str:
        return f"{self._steps} of {self._total} {self._what}"

    def _text(self) -> str:
        full = self._steps * _BAR // self._total if self._total else _BAR
        on, off = ("█", "░") if self._screen.unicode else ("#", "-")
        return f"{on * full}{off * (_BAR - full)} {neutralize(self._count())}"

    def _plain(self) -> str:
        return neutralize(self._count())
