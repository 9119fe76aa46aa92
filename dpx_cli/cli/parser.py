"""Parse a command line by the command table, without importing Typer or the command.

It accepts exactly what the Typer application (`app.py`) accepts, which a differential test checks, except that an
option that takes one value may not be given two different ones, and that synonyms of reading commands run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dpx_cli.cli.command_table import TABLE
from dpx_cli.errors import UsageError
from dpx_cli.reference import is_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dpx_cli.errors import DpxError

    Param = Mapping[str, Any]

COMMON = ("profile", "debug", "help", "json", "jsonl", "quiet", "fields", "jq")
PROFILE: Mapping[str, Any] = {"name": "profile", "flags": ("--profile",)}


class Call:
    """A command to run, with the values that were given and nothing else."""

    __slots__ = ("command", "debug", "fields", "format", "jq", "path", "profile", "values")

    def __init__(self, path: tuple[str, ...], command: Mapping[str, Any], given: dict[str, Any]) -> None:
        self.path = path
        self.command = command
        self.profile: str | None = given.get("profile")
        self.debug: bool = given.get("debug", False)
        self.fields: str | None = given.get("fields")
        self.jq: str | None = given.get("jq")
        self.format = _format(path, given)
        if command.get("formats") == "stream" and self.format:
            self.format = "jsonl"
        self.values = {name: value for name, value in given.items() if name not in COMMON}


def _format(path: Sequence[str], given: Mapping[str, Any]) -> str | None:
    """Return the output format that was asked for, None for the default.

    Raises:
        UsageError: if options that can't be used together were given.
    """
    formats = [name for name in ("json", "jsonl", "quiet") if given.get(name)]
    together = formats if len(formats) > 1 else []
    for name, others in (("fields", ("quiet",)), ("jq", ("jsonl", "quiet", "fields"))):
        if name in given:
            together = together or [other for other in others if given.get(other)] + [name]
            together = together if len(together) > 1 else []
    if together:
        flags = " and ".join(f"--{name}" for name in together)
        raise UsageError(f"{flags} can't be used together.", hint=f"Run: {command_line(path)} --help")
    if "jq" in given:
        return "json"
    return formats[0] if formats else None


class Help:
    """Help was asked for: on the root (), a group or a command."""

    __slots__ = ("path",)

    def __init__(self, path: tuple[str, ...]) -> None:
        self.path = path


class Version:
    """The version was asked for."""

    __slots__ = ()


VALUE = "…"  # what is shown instead of a value

# Kinds of mistakes that `suggest.py` knows a way out of.
COMMAND, OPTION, MISPLACED, ARGUMENT = "command", "option", "misplaced", "argument"


class Mistake(UsageError):
    """A command line that isn't understood, with what `suggest.py` needs to find what was meant.

    Args:
        message: what is wrong.
        kind: COMMAND: `rest` begins with a word that no command of `group` has. OPTION: it begins with an option that
            `found` doesn't have. MISPLACED: the same, in front of the command. ARGUMENT: `rest` has the arguments
            that `found` doesn't take.
        rest: the words.
        group: the group; "" for the root.
        given: the root options that were given.
        found: the command.
    """

    def __init__(
        self,
        message: str,
        kind: str,
        rest: Sequence[str],
        *,
        group: str = "",
        given: Mapping[str, Any] | None = None,
        found: Route | None = None,
    ) -> None:
        super().__init__(message, hint=f"Run: {command_line(found.path if found else (group,))} --help")
        self.kind = kind
        self.rest = rest
        self.group = group
        self.given = given or {}
        self.found = found or Route((group,), {}, [], {})


class Route:
    """The command that a command line names, and the rest of the line."""

    __slots__ = ("command", "given", "path", "rest")

    def __init__(
        self, path: tuple[str, ...], command: Mapping[str, Any], rest: list[str], given: dict[str, Any]
    ) -> None:
        self.path = path
        self.command = command
        self.rest = rest
        self.given = given


def command_line(path: Sequence[str]) -> str:
    """Return a command as typed: "dpx projects list" for ("projects", "list")."""
    return " ".join(("dpx", *(name for name in path if name)))


def hide_tokens(error: DpxError, argv: Sequence[str]) -> None:
    """Replace the tokens of a command line in the texts of an error: `dpx auth dpx_…` must not show the token."""
    for word in argv:
        start = word.find("dpx_")
        if start == 0 or (start > 0 and word.startswith("-")):
            token = word[start:]
            error.message = error.message.replace(token, "dpx_***")
            error.hint = error.hint and error.hint.replace(token, "dpx_***")
            error.request = error.request and error.request.replace(token, "dpx_***")


def route(argv: Sequence[str]) -> Route | Help | Version:
    """Follow a command line to the command it names.

    Raises:
        Mistake: for a group, command or root option that doesn't exist.
    """
    rest = list(argv)
    given: dict[str, Any] = {}
    while rest and rest[0].startswith("-") and rest[0] != "-":
        word = rest.pop(0)
        if word == "--":
            break
        flag, equals, value = word.partition("=")
        if word in ("--help", "-h"):
            return Help(())
        if word in ("--version", "-V"):
            return Version()
        if word == "--debug":
            given["debug"] = True
        elif flag == "--profile" and (equals or rest):
            _add(given, PROFILE, value if equals else rest.pop(0))
        elif flag == "--profile":
            raise UsageError("Option --profile needs a value.", hint="Run: dpx profile list")
        else:
            raise Mistake(f"Unknown option: {shown(flag)}", MISPLACED, [word, *rest], given=given)
    if not rest:
        return Help(())
    name = rest.pop(0)
    entry = TABLE.get(name)
    if entry is None:
        raise Mistake(f"No such command: dpx {shown(name)}", COMMAND, [name, *rest], given=given)
    if "commands" not in entry:
        return Route((name,), entry, rest, given)
    return _route_group(name, entry["commands"], rest, given)


def _route_group(name: str, commands: Mapping[str, Any], rest: list[str], given: dict[str, Any]) -> Route | Help:
    if rest and rest[0] and rest[0] in commands:  # "" is the group's own command, which no word names
        return Route((name, rest[0]), commands[rest[0]], rest[1:], given)
    if "" in commands:
        # `dpx deploy --branch main`: the group's own command, which takes no argument. A bare word is a typo then, and
        # one after options may be a command that belongs in front; neither may ever start a deployment.
        if rest and not rest[0].startswith("-"):
            raise Mistake(f"No such command: dpx {name} {shown(rest[0])}", COMMAND, rest, group=name, given=given)
        return Route((name, ""), commands[""], rest, given)
    if rest[:1] == ["--"]:
        return _route_group(name, commands, rest[1:], given)
    if not rest or rest[0] in ("--help", "-h"):
        return Help((name,))
    if rest[0].startswith("-"):
        flag = rest[0].partition("=")[0]
        raise Mistake(f"Unknown option: dpx {name} {shown(flag)}", MISPLACED, rest, group=name, given=given)
    raise Mistake(f"No such command: dpx {name} {shown(rest[0])}", COMMAND, rest, group=name, given=given)


def shown(word: str) -> str:
    """Return a word as an error may show it: a token or what follows "=" may be a secret."""
    if not word:
        return "''"
    if "dpx_" in word:
        return VALUE
    left, equals, _ = word.partition("=")
    return f"{left}={VALUE}" if equals and is_key(left) else word


def parse(found: Route) -> Call | Help:
    """Parse the options and arguments of a routed command line.

    Raises:
        UsageError: with what is wrong. If the command takes a secret, nothing that was typed is repeated.
    """
    params = found.command["params"]
    by_flag = {flag: param for param in params for flag in param.get("flags", ())}
    given = dict(found.given)
    words: list[str] = []
    rest = list(found.rest)
    while rest:
        word = rest.pop(0)
        if word == "--":
            words += rest
            break
        if word == "-" or not word.startswith("-"):
            words.append(word)
        elif _read_option(found, word, rest, by_flag, given):
            return Help(found.path)
    left = _place(words, [param for param in params if "flags" not in param], given)
    if left:
        listed = ", ".join(map(shown, left))
        what = "Too many arguments." if is_secret(found) else f"Unexpected argument{'s' * (len(left) > 1)}: {listed}"
        raise Mistake(what, ARGUMENT, left, found=found)
    for param in params:
        if param.get("required") and param["name"] not in given:
            what = f"option {param['flags'][0]}" if "flags" in param else f"argument {param['metavar']}"
            raise _wrong(found, f"Missing {what}.")
    return Call(found.path, found.command, _converted(found, given))


def _read_option(found: Route, word: str, rest: list[str], by_flag: Mapping[str, Param], given: dict[str, Any]) -> bool:
    """Read one option into `given`, with its value from `rest`; return whether it asks for help."""
    flag, equals, value = word.partition("=")
    if not word.startswith("--"):
        flag, value = word[:2], word[2:]  # -pvalue, or a cluster: -yq
        equals = value
    param = by_flag.get(flag)
    if param is None:
        raise Mistake(f"Unknown option: {shown(flag)}", OPTION, [flag, *rest], found=found)
    if flag in ("--help", "-h"):
        return True
    if "metavar" in param:
        if not equals and not rest:
            raise _wrong(found, f"Option {flag} needs a value.")
        _add(given, param, value if equals else rest.pop(0))
        return False
    if equals and word.startswith("--"):
        raise _wrong(found, f"Option {flag} doesn't take a value.")
    if value:
        rest.insert(0, f"-{value}")
    given[param["name"]] = True
    return False


def _wrong(found: Route, what: str) -> UsageError:
    return UsageError(what, hint=f"Run: {command_line(found.path)} --help")


def is_secret(found: Route) -> bool:
    """Return whether a command takes a secret, so that nothing that was typed may be repeated."""
    return any(param.get("secret") for param in found.command["params"])


def _add(given: dict[str, Any], param: Param, value: str) -> None:
    if param.get("multiple"):
        given[param["name"]] = (*given.get(param["name"], ()), value)
    elif given.get(param["name"], value) != value:
        raise UsageError(f"{param['flags'][0]} is given twice, with different values.", hint="Pass it once.")
    else:
        given[param["name"]] = value


def _place(words: list[str], arguments: list[Param], given: dict[str, Any]) -> list[str]:
    """Give the words to the arguments, of which the last may take them all; return those that are left."""
    for param in arguments:
        if param.get("multiple"):
            if words:
                given[param["name"]] = tuple(words)
            words = []
        elif words:
            given[param["name"]] = words[0]
            words = words[1:]
    return words


def _converted(found: Route, given: dict[str, Any]) -> dict[str, Any]:
    """Turn the given texts into the values that the command's parameters take."""
    for param in found.command["params"]:
        name = param["name"]
        if name not in given or not ("choices" in param or "kind" in param):
            continue
        if not param.get("multiple"):
            given[name] = _value(param, given[name], found.path)
            continue
        texts = given[name]
        if "choices" in param:
            texts = [part for text in texts for part in text.split(",")]
        given[name] = tuple(_value(param, text, found.path) for text in texts)
    return given


def _value(param: Param, text: str, path: Sequence[str]) -> Any:
    label = param["flags"][0] if "flags" in param else param["metavar"].lower()
    if "choices" in param:
        for choice in param["choices"]:
            if choice.lower() == text.lower():
                return choice
        raise UsageError(f"Invalid {label} '{text and shown(text)}'.", hint=_choice_hint(text, param["choices"]))
    from dpx_cli.cli import values

    try:
        return getattr(values, param["kind"])(text)
    except ValueError as wanted:
        hint = f"It takes {wanted}. Run: {command_line(path)} --help"
        raise UsageError(f"Invalid {label} '{text and shown(text)}'.", hint=hint) from None


def _choice_hint(text: str, choices: Sequence[str]) -> str:
    import difflib

    allowed = f"It takes {', '.join(choices)}."
    close = difflib.get_close_matches(text.lower(), [choice.lower() for choice in choices], n=1)
    spelled = next((choice for choice in choices if close and choice.lower() == close[0]), "")
    return f"Did you mean {spelled}? {allowed}" if spelled else allowed
