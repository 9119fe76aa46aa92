"""Help, drawn from the command table: neither a command nor Typer nor Rich is imported for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dpx_cli.cli.command_table import ROOT, TABLE, TOPICS
from dpx_cli.cli.parser import command_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dpx_cli.output.terminal import Look

WIDEST = 100  # columns; longer lines are hard to read
MARGIN = 2
GAP = 2
NARROWEST = 24  # columns that a description always gets

TAGLINE = "The command line of Deploxa."
FORMATS = ("json", "jsonl", "quiet", "fields", "jq")  # parameters that are one line of a command's help
COMMON = ("profile", "debug", "help", "version")  # the same
MAX_OPTIONS = 10  # of a command whose help has no panels

# The sections of the root's help. What is in no section is in the last one.
FIRST = ("login", "init", "deploy", "env", "status")
SECTIONS: dict[str, tuple[str, ...]] = {
    "Projects": ("projects", "open", "link", "unlink", "orgs", "plan", "apply", "export"),
    "Logins": ("auth", "logout", "whoami", "profile"),
    "Try and check": ("sandbox", "rehearse", "webhook", "api", "doctor"),
    "Automation and shell": ("ci", "commands", "skill", "mcp", "completion", "help"),
}


def position(name: str) -> int:
    """Return where a command or group stands in the root's help: what no section mentions comes last."""
    order = [*FIRST, *(name for names in SECTIONS.values() for name in names)]
    return order.index(name) if name in order else len(order)


def draw(path: Sequence[str], look: Look) -> bytes:
    """Return the help of the root (()), a group (("projects",)) or a command, ending in a newline."""
    page = Page(look)
    compose(page, path)
    return page.render()


def compose(page: Page, path: Sequence[str]) -> None:
    """Write the help of the root, a group or a command onto a page."""
    if not path:
        _root(page)
    elif len(path) == 1 and "commands" in TABLE[path[0]]:
        _group(page, path[0], TABLE[path[0]])
    else:
        entry: Any = TABLE[path[0]]
        _command(page, path, entry["commands"][path[1]] if len(path) > 1 else entry)


class Page:
    """Lines of text under headings, wrapped to the terminal."""

    def __init__(self, look: Look) -> None:
        self.lines: list[str] = []
        self._width = min(look.width, WIDEST)
        self._color = look.color

    def heading(self, text: str) -> None:
        """Add an empty line and a bold title."""
        self.lines += ["", f"\x1b[1m{text}\x1b[0m" if self._color else text]

    def render(self) -> bytes:
        """Return the page's bytes, ending in a newline."""
        return ("\n".join(self.lines) + "\n").encode()

    def paragraph(self, text: str) -> None:
        """Add an empty line and a text."""
        self.lines.append("")
        self.text(text)

    def text(self, text: str) -> None:
        """Add paragraphs, separated by empty lines and wrapped; a line that begins with two spaces stays as it is."""
        waiting = ""
        for line in (*text.split("\n"), ""):
            if line and not line.startswith("  "):
                waiting = f"{waiting} {line}"
                continue
            self.lines += wrap(waiting, self._width)
            waiting = ""
            self.lines.append(line)
        self.lines.pop()

    def rows(self, rows: Iterable[tuple[str, str]], first: int = 0) -> None:
        """Add two columns: what is typed, and what it does. The first one has at least `first` characters."""
        listed = list(rows)
        first = max([first, *(len(left) for left, _ in listed)])
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
    """Break a text into lines of at most some columns, between words. Importing textwrap costs a quarter of a start."""
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
    page.lines += [TAGLINE, "Usage: dpx COMMAND [OPTIONS] [ARGUMENTS]"]
    remaining = dict(TABLE)
    column = max(map(len, TABLE))
    for title, names in {"Start here": FIRST, **SECTIONS}.items():
        section = {name: remaining.pop(name) for name in names if name in remaining}
        is_last = title == list(SECTIONS)[-1]
        page.heading(title)
        listed = _listed({**section, **remaining} if is_last else section)
        page.rows(((name, _first_clause(text)) for name, text in listed), column)
    page.paragraph(f"Options: {_flags(ROOT)}. dpx COMMAND --help shows more. Topics of dpx help: {', '.join(TOPICS)}.")


def _first_clause(text: str) -> str:
    for end in (". ", "; ", ": "):
        text = text.partition(end)[0]
    return text.rstrip(".") + "."


def _group(page: Page, name: str, group: Mapping[str, Any]) -> None:
    page.text(f"{group['help']}\n\nUsage: dpx {name} COMMAND [ARGUMENTS]")
    page.heading("Commands")
    page.rows(_listed(group["commands"]))
    page.paragraph(f"dpx {name} COMMAND --help shows more.")


def _listed(commands: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(name, command["help"]) for name, command in commands.items() if name]


def _command(page: Page, path: Sequence[str], command: Mapping[str, Any]) -> None:
    arguments = [param for param in command["params"] if "flags" not in param]
    typed = " ".join([command_line(path), "[OPTIONS]", *map(usage, arguments)])
    page.text(f"{command['help']}\n\nUsage: {typed}")
    if path[1:] == ("",):
        others = "|".join(name for name in TABLE[path[0]]["commands"] if name)
        page.text(f"       dpx {path[0]} {others}")
    if more := command.get("more"):
        page.paragraph(more)
    if arguments:
        page.heading("Arguments")
        page.rows((param["metavar"], describe(param)) for param in arguments)
    _options(page, [param for param in command["params"] if "flags" in param])
    page.text(f"Example: {command['example']}")


def _options(page: Page, params: Sequence[Mapping[str, Any]]) -> None:
    """Write a command's own options, in panels if there are many; then output options and common ones, a line each."""
    own = [param for param in params if param["name"] not in (*FORMATS, *COMMON)]
    panels: dict[str, list[tuple[str, str]]] = {}
    for param in own:
        title = param.get("panel", "Options") if len(own) > MAX_OPTIONS else "Options"
        panels.setdefault(title, []).append((typed(param), describe(param)))
    column = max((len(left) for rows in panels.values() for left, _ in rows), default=0)
    for title, rows in panels.items():
        page.heading(title)
        page.rows(rows, column)
    page.lines.append("")
    if formats := [param for param in params if param["name"] in FORMATS]:
        page.text(f"Output: {_flags(formats)}. See dpx help formats.")
    page.text(f"Common: {_flags(param for param in params if param['name'] in COMMON)}. See dpx help.")


def _flags(params: Iterable[Mapping[str, Any]]) -> str:
    """Return options in one line: "--json, -q/--quiet, --fields FIELDS"."""
    return ", ".join(
        " ".join(filter(None, ("/".join(sorted(param["flags"], key=len)), param.get("metavar")))) for param in params
    )


def typed(param: Mapping[str, Any]) -> str:
    """Return an option as a row has it: the short form first, so that the long ones are aligned."""
    flags = ", ".join(sorted(param["flags"], key=len))
    left = flags if len(param["flags"]) > 1 else f"    {flags}"
    return f"{left} {param['metavar']}" if "metavar" in param else left


def usage(param: Mapping[str, Any]) -> str:
    """Return an argument as a usage line has it: "ID", "[PROJECT]", "KEY..."."""
    text = str(param["metavar"]) + ("..." if param.get("multiple") else "")
    return text if param.get("required") else f"[{text}]"


def describe(param: Mapping[str, Any]) -> str:
    """Return what a parameter does, the values it takes, and the variable that gives its default."""
    extra = []
    if "choices" in param:
        extra.append(", ".join(param["choices"]))
    if "env" in param:
        extra.append(f"default: {param['env']}")
    if param.get("required") and "flags" in param:
        extra.append("required")
    return str(param["help"]) + (f" [{'; '.join(extra)}]" if extra else "")
