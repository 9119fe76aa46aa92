"""How a command declares itself: groups, options and arguments, in Typer's shape but without importing Typer.

A command is a plain function whose parameters are annotated as Typer's are:

    @projects.command("list", formats=LIST, example="dpx projects list --org acme")
    def list_projects(session: Session, org: Org = None) -> None:
        '''List the projects you have access to.'''

Options that several commands share as a set are a TypedDict: `**world: Unpack[World]`, as in `commands/sandbox.py`.

Typer costs four times a bare interpreter to import, so it is not on the path of a well-formed command line.
`compile.py` turns these declarations into `command_table.py` (checked in, compared by a test); `argv.py` parses
by that table, `help.py` and the completion scripts draw from it, and `typer_app.py` builds the Typer application
that explains every command line `argv.py` is not certain of.

Floor 3; imports nothing of dpx.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# Which of --json, --jsonl and -q/--quiet a command takes.
LIST = "list"  # all three
ONE = "one"  # --json
JSON_LINES = "jsonl"  # --json, as one object a line (a stream has no end to close an array at)


class Option:
    """One option of a command. Without `metavar` it is a flag.

    Args:
        flags: as typed, long form first: "--project", "-p".
        help: one sentence that ends in a period.
        metavar: how the value is called in help: "PROJECT".
        kind: how the text becomes a value: "text", "count" (int >= 1), "number" (int >= 0), "factor"
            (float > 0), "port", "duration" (seconds, float > 0), "delay" (seconds, float >= 0); see `argv.KINDS`.
        choices: the values it takes, in any case; the command gets the spelling given here.
        multiple: may be given several times; the command gets a tuple.
        complete: what completes it: remembered names ("project", "org", "key", "profile", "deployment"; see
            `complete.py`), "file", "command" (another program's command line) or "topic" (of help).
        secret: the value is never shown, not even in an error. On a flag: what is typed by mistake may be a secret.
        env: the environment variable that gives a default, for help only; `settings.py` reads it.
    """

    def __init__(
        self,
        *flags: str,
        help: str,  # noqa: A002 - the word that Typer and argparse use
        metavar: str = "",
        kind: str = "text",
        choices: Sequence[str] = (),
        multiple: bool = False,
        complete: str = "",
        secret: bool = False,
        env: str = "",
    ) -> None:
        self.flags = flags
        self.help = help
        self.metavar = metavar
        self.kind = kind
        self.choices = tuple(choices)
        self.multiple = multiple
        self.complete = complete
        self.secret = secret
        self.env = env


class Argument:
    """One positional argument; required where the parameter has no default. Fields as for `Option`."""

    def __init__(
        self,
        metavar: str,
        *,
        help: str,  # noqa: A002 - as above
        kind: str = "text",
        choices: Sequence[str] = (),
        multiple: bool = False,
        complete: str = "",
        secret: bool = False,
    ) -> None:
        self.metavar = metavar
        self.help = help
        self.kind = kind
        self.choices = tuple(choices)
        self.multiple = multiple
        self.complete = complete
        self.secret = secret


class Command:
    """A declared command: its name, function, formats and example. The docstring's first line is its help."""

    def __init__(
        self,
        name: str,
        function: Callable[..., None],
        formats: str,
        example: str,
    ) -> None:
        self.name = name
        self.function = function
        self.formats = formats
        self.example = example


class Group:
    """A group of commands, like `projects`; the name "" declares commands of the root.

    A command named "" is the group's own: `dpx deploy` beside `dpx deploy list`.
    """

    def __init__(self, name: str, help: str) -> None:  # noqa: A002 - as above
        self.name = name
        self.help = help
        self.commands: list[Command] = []

    def command(
        self, name: str, *, example: str, formats: str = ""
    ) -> Callable[[Callable[..., None]], Callable[..., None]]:
        """Register a function as a command of this group; the function itself comes back unchanged.

        Args:
            name: as typed; "" for the group's own command.
            example: one full command line that works on the sandbox; a test runs it.
            formats: which of --json, --jsonl, -q it takes: `LIST`, `ONE`, `JSON_LINES` or none.
        """

        def register(function: Callable[..., None]) -> Callable[..., None]:
            self.commands.append(Command(name, function, formats, example))
            return function

        return register
