"""Man pages, drawn from the command table: `dpx.1` and one page a group. `build_man.py` puts them into the wheel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dpx_cli import __version__
from dpx_cli.cli import topics
from dpx_cli.cli.command_table import ROOT, TABLE
from dpx_cli.cli.help import TAGLINE, describe, usage, wrap

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

WIDTH = 76  # columns of the source; mandoc wants less than 80
ESCAPES = {"\\": "\\e", "'": "\\(aq", "`": "\\(ga", "^": "\\(ha", "~": "\\(ti", '"': "\\(dq"}


def pages(date: str) -> dict[str, str]:
    """Return every page by its file name.

    Args:
        date: the date that the pages show, like 2026-11-24.
    """
    groups = [name for name, entry in TABLE.items() if "commands" in entry]
    made = {f"dpx-{name}.1": "\n".join(_group(name, TABLE[name], date)) + "\n" for name in groups}
    return {"dpx.1": "\n".join(_root(groups, date)) + "\n", **made}


def _root(groups: list[str], date: str) -> Iterator[str]:
    yield from _head("dpx", TAGLINE, date)
    yield from (".SH SYNOPSIS", "\\fBdpx\\fR [\\fIOPTIONS\\fR] \\fICOMMAND\\fR [\\fIARGUMENTS\\fR]")
    yield ".SH OPTIONS"
    yield from _options(ROOT)
    yield ".SH COMMANDS"
    for name in groups:
        yield from _row(_bold(f"dpx {name}"), f"{TABLE[name]['help']} See dpx-{name}(1).")
    for name, entry in TABLE.items():
        if name not in groups:
            yield from _command(name, entry)
    yield ".SH ENVIRONMENT"
    for name, what, default in topics.variable_rows():
        yield from _row(_bold(name), f"{what} [default: {default}]" if default else what)
    yield ".SH EXIT STATUS"
    for code, names, meaning in topics.exit_code_rows():
        yield from _row(_bold(code), f"{meaning} [{names}]" if names else meaning)
    yield ".SH SEE ALSO"
    yield ",\n".join(f"\\fBdpx\\-{name}\\fR(1)" for name in sorted(groups))


def _group(name: str, entry: Mapping[str, Any], date: str) -> Iterator[str]:
    yield from _head(f"dpx-{name}", entry["help"], date)
    yield from (".SH SYNOPSIS", f"{_bold(f'dpx {name}')} \\fICOMMAND\\fR [\\fIARGUMENTS\\fR]")
    yield ".SH COMMANDS"
    for below, command in entry["commands"].items():
        yield from _command(f"{name} {below}".strip(), command)
    yield from (".SH SEE ALSO", "\\fBdpx\\fR(1)")


def _head(name: str, what: str, date: str) -> Iterator[str]:
    yield f'.TH {escaped(name.upper())} 1 {date} "dpx {__version__}" "dpx manual"'
    yield ".SH NAME"
    yield from _text(f"{name} - {what.partition('. ')[0].rstrip('.')}")


def _command(name: str, command: Mapping[str, Any]) -> Iterator[str]:
    """Yield a command's usage, what it does, its options and its example."""
    arguments = [param for param in command["params"] if "flags" not in param]
    yield f'.SS "{escaped(" ".join(["dpx", name, *map(usage, arguments)]))}"'
    yield from _text(command["help"])
    for paragraph in filter(None, command.get("more", "").split("\n\n")):
        yield ".PP"
        yield from _text(paragraph)
    for param in arguments:
        yield from _row(f"\\fI{escaped(param['metavar'])}\\fR", describe(param))
    yield from _options(param for param in command["params"] if "flags" in param)
    yield from (".PP", "Example:", ".PP", ".RS", ".nf", escaped(command["example"]), ".fi", ".RE")


def _options(params: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for param in params:
        flags = ", ".join(_bold(flag) for flag in sorted(param["flags"], key=len))
        metavar = f" \\fI{escaped(param['metavar'])}\\fR" if "metavar" in param else ""
        yield from _row(flags + metavar, describe(param))


def _row(left: str, right: str) -> Iterator[str]:
    """Yield an entry of a list: roff source, and the text that explains it."""
    yield from (".TP", left, *_text(right))


def _text(text: str) -> Iterator[str]:
    """Yield a paragraph, whose lines may be filled again."""
    for line in wrap(escaped(text), WIDTH):
        yield f"\\&{line}" if line.startswith(".") else line


def _bold(text: str) -> str:
    return f"\\fB{escaped(text)}\\fR"


def escaped(text: str) -> str:
    """Return a text as roff source in ASCII. A hyphen is a minus sign, so that an option can be copied from a page."""
    text = "".join(ESCAPES.get(character, character) for character in text).replace("-", "\\-")
    return "".join(character if character.isascii() else f"\\[u{ord(character):04X}]" for character in text)
