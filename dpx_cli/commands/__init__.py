"""The command groups, one module or package each. A command reads: parse, call, show.

Commands are declared as Typer has them. Importing Typer takes longer than a whole `dpx projects list`, so a run of dpx
does not: annotations stay text, what only they need is imported under `TYPE_CHECKING`, and `Typer` here only records
the declarations, of which `cli/app.py` makes the real application, and `cli/build_table.py` the table to parse by.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    F = TypeVar("F", bound=Callable[..., None])


class Recorder:
    """Record a group, "" for the root, and its commands for `cli/app.py`; called as `typer.Typer` is."""

    def __init__(self, name: str = "", **settings: Any) -> None:
        self.name = name
        self.settings = settings
        self.commands: list[tuple[str, Callable[..., None], dict[str, Any]]] = []  # name, function, settings

    def command(self, name: str, **settings: Any) -> Callable[[F], F]:
        """Record a command and return its function unchanged."""

        def record(function: F) -> F:
            self.commands.append((name, function, settings))
            return function

        return record


if TYPE_CHECKING:
    from typer import Typer as Typer  # type checkers see the real one
else:
    Typer = Recorder


# What a command can do at most; LOCAL changes nothing at Deploxa.
READ, WRITE, DELETE, LOCAL = "read", "write", "delete", "local"

# What a command prints, which decides its output options (`cli/options.py`): one thing, a created thing, a list, a
# stream; EVENTS is a created thing, or the events of its creation.
ONE, CREATED, EVENTS, LIST, STREAM = "one", "created", "events", "list", "stream"

# The setting of a command that runs another program: options after the first argument are that program's.
RUNS_PROGRAM = {"allow_interspersed_args": False}


def effect(kind: str, *, prints: str = "") -> Callable[[F], F]:
    """Declare what a command can do, like READ, and what it prints, like LIST: "" for one without output options."""

    def mark(function: F) -> F:
        function.effect = kind  # type: ignore[attr-defined]
        function.prints = prints  # type: ignore[attr-defined]
        return function

    return mark
