"""Help, drawn from the command table: neither a command nor Typer nor Rich is imported for it.

Floor 4; neighbours: `command_table.py`, `argv.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dpx_cli.cli.command_table import ROOT, TABLE
from dpx_cli.cli.parser import command_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dpx_cli.output.terminal import Look

WIDEST = 100  # columns; longer lines are hard to read
MARGIN = 2
GAP = 2
NARROWEST = 24  # columns that a description always gets

TAGLINE = "The command line of Deploxa: deploy, and wait until it is there."
MORE = (
    "dpx COMMAND --help tells more; dpx help lists the topics: exit-codes, environment, formats, ci, webhooks, sandbox."
)


def draw(path: Sequence[str], look: Look) -> bytes:
    """Help as it is written, ending in a newline.

    Args:
        path: () for the root, ("projects",) for a group, ("projects", "list") for a command.
        look: what the terminal can draw.
    """
    page = Page(look)
    compose(page, path)
    if not path:
        page.gap()
        page.text(MORE)
    return page.render()


def compose(page: Page, path: Sequence[str]) -> None:
    """Write the help of the root, a group or a command onto a page; see `draw`."""
    if not path:
        _root(page)
    elif len(path) == 1 and "commands" in TABLE[path[0]]:
        _group(page, path[0], TABLE[path[0]])
    else:
        entry: Any = TABLE[path[0]]
        command = entry["commands"][path[1]] if len(path) > 1 else entry
        _command(page, path, command)
        if len(path) > 1 and not path[1]:
            page.heading("More commands")
            page.rows(_listed(entry["commands"], f"{path[0]} "))


class Page:
    """Lines of text under headings, wrapped to the terminal."""

    def __init__(self, look: Look) -> None:
        self.lines: list[str] = []
        self._width = min(look.width, WIDEST)
        self._color = look.color

    def heading(self, text: str) -> None:
        """An empty line and a bold word."""
        self.lines += ["", f"\x1b[1m{text}\x1b[0m" if self._color else text]

    def render(self) -> bytes:
        """The page's bytes, ending in a newline."""
        return ("\n".join(self.lines) + "\n").encode()

    def gap(self) -> None:
        """An empty line."""
        self.lines.append("")

    def text(self, text: str) -> None:
        """Paragraphs between empty lines, filled anew; a line that begins with two spaces stays as it is."""
        waiting = ""
        for line in (*text.split("\n"), ""):
            if line and not line.startswith("  "):
                waiting = f"{waiting} {line}"
                continue
            self.lines += wrap(waiting, self._width)
            waiting = ""
            self.lines.append(line)
        self.lines.pop()

    def rows(self, rows: Iterable[tuple[str, str]]) -> None:
        """Two columns: what is typed, and what it does."""
        listed = list(rows)
        first = max((len(left) for left, _ in listed), default=0)
        first = min(first, max(self._width - NARROWEST - MARGIN - GAP, 12))
        room = max(self._width - first - MARGIN - GAP, NARROWEST)
        for left, right in listed:
            described = wrap(right, room) or [""]
            if len(left) > first:
                self.lines.append(" " * MARGIN + self._typed(left))
            else:
                line = " " * MARGIN + self._typed(left) + " " * (first - len(left) + GAP) + described.pop(0)
                self.lines.append(line.rstrip())
            self.lines += [" " * (MARGIN + first + GAP) + line for line in described]

    def _typed(self, text: str) -> str:
        return f"\x1b[36m{text}\x1b[0m" if self._color else text


def wrap(text: str, width: int) -> list[str]:
    """Break a text into lines of at most `width` columns, between words; textwrap costs a quarter of the start."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, line] if line else lines


def _root(page: Page) -> None:
    page.text(f"{TAGLINE}\n\nUsage: dpx [OPTIONS] COMMAND [ARGUMENTS]")
    page.heading("Commands")
    page.rows(_listed(TABLE, ""))
    page.heading("Options")
    page.rows(_options(ROOT))


def _group(page: Page, name: str, group: Mapping[str, Any]) -> None:
    page.text(f"{group['help']}\n\nUsage: dpx {name} COMMAND [ARGUMENTS]")
    page.heading("Commands")
    page.rows(_listed(group["commands"], ""))
    page.gap()
    page.text(f"dpx {name} COMMAND --help tells more.")


def _listed(commands: Mapping[str, Any], prefix: str) -> list[tuple[str, str]]:
    return [(prefix + name, command["help"]) for name, command in commands.items() if name]


def _command(page: Page, path: Sequence[str], command: Mapping[str, Any]) -> None:
    arguments = [param for param in command["params"] if "flags" not in param]
    typed = " ".join([command_line(path), "[OPTIONS]", *map(usage, arguments)])
    page.text(f"{command['help']}\n\nUsage: {typed}")
    if more := command.get("more"):
        page.gap()
        page.text(more)
    if arguments:
        page.heading("Arguments")
        page.rows((param["metavar"], describe(param)) for param in arguments)
    page.heading("Options")
    page.rows(_options(param for param in command["params"] if "flags" in param))
    page.heading("Example")
    page.lines.append(" " * MARGIN + command["example"])


def usage(param: Mapping[str, Any]) -> str:
    """An argument as a usage line has it: "ID", "[PROJECT]", "KEY..."."""
    text = str(param["metavar"]) + ("..." if param.get("multiple") else "")
    return text if param.get("required") else f"[{text}]"


def _options(params: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    listed = []
    for param in params:
        # The short form first, as man pages have it, so that the long ones stand under each other.
        flags = ", ".join(sorted(param["flags"], key=len))
        left = flags if len(param["flags"]) > 1 else f"    {flags}"
        listed.append((f"{left} {param['metavar']}" if "metavar" in param else left, describe(param)))
    return listed


def describe(param: Mapping[str, Any]) -> str:
    """What a parameter does, the values it takes, the variable that gives its default."""
    extra = []
    if "choices" in param:
        extra.append("one of " + ", ".join(param["choices"]))
    if "env" in param:
        extra.append(f"default: {param['env']}")
    if param.get("required") and "flags" in param:
        extra.append("required")
    return str(param["help"]) + (f" [{'; '.join(extra)}]" if extra else "")
