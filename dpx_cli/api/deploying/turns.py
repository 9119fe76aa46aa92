"""Who deploys next if the server has too few build slots: each project in turn."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dpx_cli.api.retry import Deadline


NEXT = 1.0  # seconds between two of the line, unless a slot was freed


class Turns:
    """The line of the jobs that wait for a build slot, shared by all of a command.

    While no job waits, all jobs deploy at once. After a 429 a job goes to the end of the line, and only the first
    tries again: when the pause is over, or as soon as a deployment of ours has ended and freed a slot.
    """

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.line: deque[Turn] = deque()
        self.open_at = 0.0  # of `time.monotonic()`
        self.freed = 0  # deployments of ours that have ended since the last 429
        self.patient = False  # whether the server asked for the pause, so that a freed slot doesn't end it
        self.stopped = False

    def slot_freed(self) -> None:
        """Note that a deployment of ours has ended."""
        with self.changed:
            self.freed += 1
            self.changed.notify_all()

    def stop(self) -> None:
        """Let no more jobs deploy."""
        with self.changed:
            self.stopped = True
            self.changed.notify_all()


class Turn:
    """One job's place. `start.Starter` asks it before each POST, and reports each 429 to it.

    Args:
        turns: the line.
        deadline: the end of the job's wait.
    """

    def __init__(self, turns: Turns, deadline: Deadline) -> None:
        self._turns = turns
        self._deadline = deadline

    def enter(self) -> bool:
        """Wait behind those that wait already. Return whether the job may deploy now."""
        with self._turns.changed:
            if not self._turns.line:
                return not self._turns.stopped
            self._turns.line.append(self)
            return self._first()

    def wait(self, seconds: float, *, asked: bool) -> bool:
        """Wait after a 429, at the end of the line. Return whether the job may try again.

        Args:
            seconds: how long.
            asked: whether the server asked for that, so that a slot of ours that is freed changes nothing.
        """
        with self._turns.changed:
            self._leave()
            self._turns.line.append(self)
            self._turns.open_at = time.monotonic() + seconds
            self._turns.freed, self._turns.patient = 0, asked
            self._turns.changed.notify_all()
            return self._first()

    def leave(self) -> None:
        """Note that the job doesn't wait for a slot any more: it has one, or has failed."""
        with self._turns.changed:
            self._leave()
            # The pause that the server asked for is over: from here on, slots that are freed count again.
            self._turns.patient = False
            if self._turns.freed:
                self._turns.freed -= 1
            else:
                # There may be no other slot: the next one is not to find that out at once.
                self._turns.open_at = max(self._turns.open_at, time.monotonic() + NEXT)
            self._turns.changed.notify_all()

    def _leave(self) -> None:
        if self in self._turns.line:
            self._turns.line.remove(self)

    def _first(self) -> bool:
        """Wait until it's this job's turn; return whether that is before its deadline."""
        turns = self._turns
        while True:
            now = time.monotonic()
            if now >= self._deadline.at or turns.stopped:
                self._leave()
                turns.changed.notify_all()
                return False
            left = self._deadline.at - now
            if turns.line[0] is self:
                if now >= turns.open_at or (turns.freed > 0 and not turns.patient):
                    return True
                left = min(left, turns.open_at - now)
            turns.changed.wait(left)
