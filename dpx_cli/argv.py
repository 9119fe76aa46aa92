"""Parse a command line by the compiled table, without importing Typer or the command.

`parse` answers with a `Call`, with `Help`, or, where it is not certain, with None: then `typer_app.py` explains what is
wrong (or finds nothing wrong). It takes exactly the grammar of Typer's own parser, and a test holds the two against
each other. Values are converted here for both, so that neither can differ in them.

Floor 4; neighbours: `command_table.py` (the data), `app.py` (the caller).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dpx_cli.command_table import ROOT, TABLE
from dpx_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    Param = Mapping[str, Any]

MOST_DIGITS = 9  # of a number; more is none that anything here takes
MACHINERY = ("profile", "debug", "help", "json", "jsonl", "quiet")


class Call:
    """A command to run, with the values that were given and nothing else."""

    __slots__ = ("command", "debug", "format", "path", "profile", "values")

    def __init__(self, path: tuple[str, ...], command: Mapping[str, Any], given: dict[str, Any]) -> None:
        self.path = path
        self.command = command
        self.profile: str | None = given.get("profile")
        self.debug: bool = given.get("debug", False)
        formats = [name for name in ("json", "jsonl", "quiet") if given.get(name)]
        if len(formats) > 1:
            flags = " and ".join(f"--{name}" for name in formats)
            raise UsageError(f"{flags} exclude each other", hint=f"give one of them; see {command_line(path)} --help")
        if command.get("formats") == "jsonl" and formats:
            formats = ["jsonl"]
        self.format: str | None = formats[0] if formats else None
        self.values = {name: value for name, value in given.items() if name not in MACHINERY}


class Help:
    """Help was asked for: on the root (), a group or a command."""

    __slots__ = ("path",)

    def __init__(self, path: tuple[str, ...]) -> None:
        self.path = path


class Version:
    """The version was asked for."""

    __slots__ = ()


class Route:
    """Which command a command line names, and the rest of the line."""

    __slots__ = ("command", "given", "path", "rest")

    def __init__(
        self, path: tuple[str, ...], command: Mapping[str, Any], rest: list[str], given: dict[str, Any]
    ) -> None:
        self.path = path
        self.command = command
        self.rest = rest
        self.given = given


def command_line(path: Sequence[str]) -> str:
    """A command as typed: ("projects", "list") is "dpx projects list"."""
    return " ".join(("dpx", *(name for name in path if name)))


def route(argv: Sequence[str]) -> Route | Help | Version:
    """Follow a command line to the command it names.

    Raises:
        UsageError: for a group, command or root option that does not exist, with the nearest name as the hint.
    """
    rest = list(argv)
    given: dict[str, Any] = {}
    while rest and rest[0].startswith("-") and rest[0] != "-":
        word = rest.pop(0)
        flag, equals, value = word.partition("=")
        if word in ("--help", "-h"):
            return Help(())
        if word == "--version":
            return Version()
        if word == "--debug":
            given["debug"] = True
        elif flag == "--profile" and (equals or rest):
            given["profile"] = value if equals else rest.pop(0)
        elif flag == "--profile":
            raise UsageError("option --profile needs a value", hint="dpx profile list")
        else:
            flags = [name for option in ROOT for name in option["flags"]]
            raise UsageError(f"no such option: {flag}", hint=nearest(flag, flags, "dpx --help"))
    if not rest:
        return Help(())
    name = rest.pop(0)
    entry = TABLE.get(name)
    if entry is None:
        raise UsageError(f"no such command: dpx {name}", hint=nearest(name, TABLE, "dpx --help"))
    if "commands" not in entry:
        return Route((name,), entry, rest, given)
    return _route_group(name, entry["commands"], rest, given)


def _route_group(name: str, commands: Mapping[str, Any], rest: list[str], given: dict[str, Any]) -> Route | Help:
    if rest and rest[0] in commands:
        return Route((name, rest[0]), commands[rest[0]], rest[1:], given)
    if "" in commands:
        # `dpx deploy --branch main`: the group's own command, which takes no argument. A bare word is a typo then, and
        # one after options may be a command meant to stand first; neither may ever start a deployment.
        if rest and not rest[0].startswith("-"):
            raise UsageError(
                f"no such command: dpx {name} {rest[0]}", hint=nearest(rest[0], commands, f"dpx {name} --help")
            )
        return Route((name, ""), commands[""], rest, given)
    flag = rest[0].partition("=")[0] if rest else ""
    if flag in ("--debug", "--profile"):
        raise UsageError(f"{flag} stands before the group or after the command", hint=f"dpx {flag} … {name} COMMAND")
    if not rest or rest[0] in ("--help", "-h"):
        return Help((name,))
    kind = "option" if rest[0].startswith("-") else "command"
    raise UsageError(f"no such {kind}: dpx {name} {flag}", hint=nearest(rest[0], commands, f"dpx {name} --help"))


def nearest(word: str, names: Iterable[str], otherwise: str) -> str:
    """A hint that names the nearest of some names, or else where to look."""
    import difflib

    close = difflib.get_close_matches(word, [name for name in names if name], n=1, cutoff=0.6)
    return f"did you mean {close[0]}? See {otherwise}" if close else f"see {otherwise}"


def parse(found: Route) -> Call | Help | None:
    """Read the options and arguments of a routed command line; None where Typer has to look at it.

    Raises:
        UsageError: for a value that its option does not take, and for formats that exclude each other.
    """
    params = found.command["params"]
    by_flag = {flag: param for param in params for flag in param.get("flags", ())}
    given = dict(found.given)
    words: list[str] = []
    rest = found.rest
    at = 0
    while at < len(rest):
        word = rest[at]
        at += 1
        if word == "--":
            words.extend(rest[at:])
            break
        if word == "-" or not word.startswith("-"):
            words.append(word)
            continue
        flag, equals, value = word.partition("=")
        if not word.startswith("--"):
            # -pvalue; a cluster of flags (-yq) is left to Typer.
            flag, equals, value = word[:2], word[2:], word[2:]
        param = by_flag.get(flag)
        if param is None or ("metavar" not in param and equals):
            return None
        if flag in ("--help", "-h"):
            return Help(found.path)
        if "metavar" not in param:
            given[param["name"]] = True
        elif equals:
            _add(given, param, value)
        elif at < len(rest):
            _add(given, param, rest[at])
            at += 1
        else:
            return None
    if not _place(words, [param for param in params if "flags" not in param], given):
        return None
    if any(param.get("required") and param["name"] not in given for param in params):
        return None
    return Call(found.path, found.command, convert(found, given))


def _add(given: dict[str, Any], param: Param, value: str) -> None:
    if param.get("multiple"):
        given[param["name"]] = (*given.get(param["name"], ()), value)
    else:
        given[param["name"]] = value


def _place(words: list[str], arguments: list[Param], given: dict[str, Any]) -> bool:
    """Hand the words of a command line to its arguments; a `multiple` one is the last and takes the rest."""
    for param in arguments:
        if param.get("multiple"):
            if words:
                given[param["name"]] = tuple(words)
            words = []
        elif words:
            given[param["name"]] = words[0]
            words = words[1:]
    return not words


def convert(found: Route, given: dict[str, Any]) -> dict[str, Any]:
    """Turn the given texts into the values that the command's parameters take."""
    for param in found.command["params"]:
        name = param["name"]
        if name not in given or not ("choices" in param or "kind" in param):
            continue
        texts = given[name] if param.get("multiple") else (given[name],)
        values = tuple(_value(param, text, found.path) for text in texts)
        given[name] = values if param.get("multiple") else values[0]
    return given


def _value(param: Param, text: str, path: Sequence[str]) -> Any:
    label = param["flags"][0] if "flags" in param else param["metavar"]
    if "choices" in param:
        for choice in param["choices"]:
            if choice.lower() == text.lower():
                return choice
        raise UsageError(f"{label} does not take {text!r}", hint=_choice_hint(text, param["choices"]))
    read, wanted = KINDS[param["kind"]]
    value = read(text)
    if value is None:
        raise UsageError(f"{label} takes {wanted}, not {text!r}", hint=f"see {command_line(path)} --help")
    return value


def _choice_hint(text: str, choices: Sequence[str]) -> str:
    import difflib

    allowed = ", ".join(choices)
    close = difflib.get_close_matches(text.lower(), [choice.lower() for choice in choices], n=1)
    spelled = next((choice for choice in choices if close and choice.lower() == close[0]), "")
    return f"did you mean {spelled}? It takes {allowed}" if spelled else f"it takes {allowed}"


def duration(text: str) -> float | None:
    """Seconds of a duration like "90", "0.5s", "15m", "1h30m" or "250ms"; None where it is none or not above zero."""
    import re

    parts = re.fullmatch(
        r"(?:(\d{1,6})h)?(?:(\d{1,6})m(?!s))?(?:(\d{1,9}(?:\.\d{1,6})?)(?:s|\Z))?(?:(\d{1,9})ms)?", text, re.ASCII
    )
    if not text or parts is None:
        return None
    hours, minutes, seconds, milliseconds = (float(part or 0) for part in parts.groups())
    total = hours * 3600 + minutes * 60 + seconds + milliseconds / 1000
    return total if total > 0 else None


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS else None


def _port(text: str) -> int | None:
    number = _whole(text)
    return number if number is not None and number <= 65535 else None  # noqa: PLR2004 - the largest TCP port


def _delay(text: str) -> float | None:
    return 0.0 if _whole(text) == 0 else duration(text)


def _factor(text: str) -> float | None:
    whole, point, fraction = text.partition(".")
    return None if _whole(whole) is None or (point and _whole(fraction) is None) else float(text) or None


# How the text of an option becomes a value (None: it is none), and what is said where it does not.
KINDS: dict[str, tuple[Callable[[str], Any], str]] = {
    "count": (lambda text: _whole(text) or None, "a whole number, 1 or more"),
    "number": (_whole, "a whole number, 0 or more"),
    "factor": (_factor, "a number above 0, like 10 or 0.5"),
    "port": (_port, "a port, 0 to 65535"),
    "duration": (duration, "a duration like 90s or 15m"),
    "delay": (_delay, "a duration like 2s or 500ms, or 0"),
}
