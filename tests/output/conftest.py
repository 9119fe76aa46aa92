"""A pseudo-terminal to write to and to type on."""

from __future__ import annotations

import contextlib
import os
import re
import struct
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from dpx_cli.output.screen import Screen

if sys.platform != "win32":
    import fcntl
    import pty
    import termios
    import tty

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Terminal:
    """One pseudo-terminal; everything written to it is collected in `shown`."""

    def __init__(self) -> None:
        self.master, self.slave = pty.openpty()
        # No "\n" to "\r\n": the tests compare what dpx wrote.
        modes = termios.tcgetattr(self.slave)
        modes[tty.OFLAG] &= ~termios.OPOST
        termios.tcsetattr(self.slave, termios.TCSANOW, modes)
        self.resize(80)
        self.file = os.fdopen(self.slave, "r+b", buffering=0)
        self._chunks: list[bytes] = []
        self._marks = 0
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def resize(self, columns: int) -> None:
        """Say how wide the terminal is."""
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def screen(self, format: str | None = None, env: Mapping[str, str] | None = None) -> Screen:  # noqa: A002 - as Screen
        """A screen whose three streams are this terminal."""
        return Screen(format, stdout=self.file, stderr=self.file, stdin=self.file, env=env or {"TERM": "xterm"})

    @contextlib.contextmanager
    def typing(self, *answers: tuple[str, str]) -> Iterator[None]:
        """Type each answer on the keyboard when its prompt is there."""

        def type_them() -> None:
            for prompt, answer in answers:
                self.wait_for(prompt)
                os.write(self.master, answer.encode())

        thread = threading.Thread(target=type_them)
        thread.start()
        try:
            yield
        finally:
            thread.join(15)

    @property
    def shown(self) -> str:
        """All that was written so far."""
        return b"".join(self._chunks).decode()

    def wait_for(self, text: str) -> str:
        """Wait until `text` was written and give all."""
        deadline = time.monotonic() + 10
        while text not in self.shown:
            assert time.monotonic() < deadline, f"{text!r} never came; shown: {self.shown!r}"
            time.sleep(0.005)
        return self.shown

    def finish(self) -> str:
        """Give all that was written, once it has all arrived."""
        self._marks += 1
        self.file.write(b"<end %d>" % self._marks)
        return re.sub("<end [0-9]+>", "", self.wait_for(f"<end {self._marks}>"))

    def close(self) -> None:
        """Hang up."""
        self.file.close()
        self._reader.join(5)
        os.close(self.master)

    def _read(self) -> None:
        while True:
            try:
                chunk = os.read(self.master, 65536)
            except OSError:
                return
            if not chunk:
                return
            self._chunks.append(chunk)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    """A pseudo-terminal, 80 columns wide. Skips the test on Windows."""
    if sys.platform == "win32":
        pytest.skip("needs a pseudo-terminal, which Windows doesn't have")
    opened = Terminal()
    yield opened
    opened.close()
