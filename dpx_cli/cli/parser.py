"""Parse a command line by the command table, without importing Typer or the command.

It accepts exactly what the Typer application (`app.py`) accepts, which a differential test checks, with three
exceptions: an option with one value may not be given two different ones, a word after `dpx deploy --` is an error, and
synonyms of reading commands run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dpx_cli.cli.command_table import EXCLUSIVE, TABLE
from dpx_cli.errors import UsageError
from dpx_cli.reference import is_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from dpx_cli.errors import DpxError

    Param = Mapping[str, Any]

COMMON = ("profile", "debug", "help", "json", "jsonl", "quiet", "fields", "jq")
PROFILE: Mapping[str, Any] = {"name": "profile", "flags": ("--profile",)}


class Call:
    """A command to run, with the values that were given and nothing else."""

    __slots__ = ("command", "debug", "fields", "format", "jq", "path", "profile", "values")

    def __init__(self, path: tuple[str, ...], command: Mapping[str, Any], values: dict[str, Any]) -> None:
        self.path = path
        self.command = command
        self.profile: str | None = values.get("profile")
        self.debug: bool = values.get("debug", False)
        self.fields: str | None = values.get("fields")
        self.jq: str | None = values.get("jq")
        self.format = _format(path, values)
        if command.get("formats") == "stream" and self.format:
            self.format = "jsonl"
        self.values = {name: value for name, value in values.items() if name not in COMMON}


def _format(path: Sequence[str], values: Mapping[str, Any]) -> str | None:
    """Return the output format that was asked for, None for the default."""
    clash = next((pair for pair in EXCLUSIVE if pair[0] in values and pair[1] in values), None)
    if clash:
        hint = f"Run: {command_line(path)} --help"
        raise UsageError(f"--{clash[0]} and --{clash[1]} can't be used together.", hint=hint)
    if "jq" in values:
        return "json"
    return next((name for name in ("json", "jsonl", "quiet") if name in values), None)


class Help:
    """Help was asked for: on the root (), a group or a command."""

    __slots__ = ("path",)

    def __init__(self, path: tuple[str, ...]) -> None:
        self.path = path


class Version:
    """The version was asked for."""


VALUE = "…"  # what is shown instead of a value

# Kinds of mistakes that `suggest.py` knows a way out of.
COMMAND, OPTION, MISPLACED, ARGUMENT = "command", "option", "misplaced", "argument"


class Mistake(UsageError):
    """A command line that isn't understood, with what `suggest.py` needs to correct it.

    `words` begins with a word that is no command of the group (COMMAND), an option that the command of the route
    doesn't have (OPTION), an option in front of the command (MISPLACED), or an extra argument (ARGUMENT).
    """

    def __init__(
        self,
        message: str,
        kind: str,
        words: Sequence[str],
        *,
        group: str = "",
        root: Mapping[str, Any] | None = None,
        route: Route | None = None,
    ) -> None:
        super().__init__(message, hint=f"Run: {command_line(route.path if route else (group,))} --help")
        self.kind = kind
        self.words = words
        self.group = group
        self.root = root or {}
        self.route = route or Route((group,), {}, [], {})


class Route:
    """The command that a command line begins with, the words after it, and the values of root options."""

    __slots__ = ("command", "path", "root", "words")

    def __init__(
        self, path: tuple[str, ...], command: Mapping[str, Any], words: list[str], root: dict[str, Any]
    ) -> None:
        self.path = path
        self.command = command
        self.words = words
        self.root = root

    @property
    def has_secret(self) -> bool:
        """Whether a parameter of the command is a secret, so that nothing that was typed may be repeated."""
        return any(param.get("secret") for param in self.command["params"])


def command_line(path: Sequence[str]) -> str:
    """Return a command as typed: "dpx projects list" for ("projects", "list")."""
    return " ".join(("dpx", *(name for name in path if name)))


def hide_tokens(error: DpxError, argv: Sequence[str]) -> None:
    """Replace the tokens of a command line in the texts of an error: `dpx auth dpx_…` must not show the token."""
    for word in argv:
        start = word.find("dpx_")
        if start == 0 or (start > 0 and word.startswith("-")):
            token = word[start:].partition("=")[0]
            error.message = error.message.replace(token, "dpx_***")
            error.hint = error.hint and error.hint.replace(token, "dpx_***")
            error.request = error.request and error.request.replace(token, "dpx_***")


def route(argv: Sequence[str]) -> Route | Help | Version:
    """Follow a command line to its command."""
    words = list(argv)
    root: dict[str, Any] = {}
    while words and words[0].startswith("-") and words[0] != "-":
        word = words.pop(0)
        if word == "--":
            break
        flag, equals, value = word.partition("=")
        if word in ("--help", "-h"):
            return Help(())
        if word in ("--version", "-V"):
            return Version()
        if word == "--debug":
            root["debug"] = True
        elif flag == "--profile" and not (equals or words):
            raise UsageError("Option --profile needs a value.", hint="Run: dpx profile list")
        elif flag == "--profile":
            name = value if equals else words.pop(0)
            if not name:
                raise empty_value(flag)
            _add(root, PROFILE, name)
        else:
            raise Mistake(f"Unknown option: {shown(flag)}", MISPLACED, [word, *words], root=root)
    if not words:
        return Help(())
    name = words.pop(0)
    entry = TABLE.get(name)
    if entry is None:
        raise Mistake(f"No such command: dpx {shown(name)}", COMMAND, [name, *words], root=root)
    if "commands" not in entry:
        return Route((name,), entry, words, root)
    return _route_group(name, entry["commands"], words, root)


def _route_group(name: str, commands: Mapping[str, Any], words: list[str], root: dict[str, Any]) -> Route | Help:
    if words and words[0] and words[0] in commands:  # "" is the group's own command, which no word stands for
        return Route((name, words[0]), commands[words[0]], words[1:], root)
    if "" in commands:
        # `dpx deploy --branch main`: the group's own command, which has no argument. A bare word is a typo then, and
        # one after options may be a command that belongs in front; neither may ever start a deployment.
        if words and not words[0].startswith("-"):
            raise Mistake(f"No such command: dpx {name} {shown(words[0])}", COMMAND, words, group=name, root=root)
        return Route((name, ""), commands[""], words, root)
    if words[:1] == ["--"]:
        return _route_group(name, commands, words[1:], root)
    if not words or words[0] in ("--help", "-h"):
        return Help((name,))
    if words[0].startswith("-"):
        flag = words[0].partition("=")[0]
        raise Mistake(f"Unknown option: dpx {name} {shown(flag)}", MISPLACED, words, group=name, root=root)
    raise Mistake(f"No such command: dpx {name} {shown(words[0])}", COMMAND, words, group=name, root=root)


def shown(word: str) -> str:
    """Return a word as an error may show it: a token or what follows "=" may be a secret."""
    if not word:
        return "''"
    if "dpx_" in word:
        return VALUE
    left, equals, _ = word.partition("=")
    return f"{left}={VALUE}" if equals and is_key(left) else word


def runs_program(command: Mapping[str, Any]) -> bool:
    """Return whether a command's arguments are another program and its options."""
    return any(param.get("complete") == "command" for param in command["params"])


def scan(
    words: Sequence[str], find: Callable[[str], Param | None], command: Mapping[str, Any]
) -> Iterator[tuple[str, Param | None, str | None]]:
    """Yield each option as its flag, what `find` returns for it, and its value or None; an argument as "", None, it."""
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        if word == "--" or (runs_program(command) and (word == "-" or not word.startswith("-"))):
            # What follows the first argument of `sandbox run` are another program's options.
            yield from (("", None, argument) for argument in (waiting if word == "--" else [word, *waiting]))
            return
        if word == "-" or not word.startswith("-"):
            yield "", None, word
            continue
        flag, equals, value = word.partition("=")
        is_short = not word.startswith("--")
        if is_short:
            flag, equals, value = word[:2], word[2:], word[2:]  # -pvalue, or a cluster: -yq
        param = find(flag)
        if param is not None and "metavar" in param:
            yield flag, param, value if equals else waiting.pop(0) if waiting else None
            continue
        if is_short and value.startswith("-"):
            param = None  # `-q-` is an option that no command has
        elif param is not None and is_short and value:
            waiting.insert(0, f"-{value}")
            equals = ""
        yield flag, param, value if equals else None


def parse(route: Route) -> Call | Help:
    """Parse the options and arguments of a routed command line. No error repeats what may be a secret."""
    params = route.command["params"]
    values = dict(route.root)
    words: list[str] = []
    for flag, param, value in scan(route.words, flags_of(route.command).get, route.command):
        if not flag:
            words.append(str(value))
        elif param is None:
            raise Mistake(_unknown_option(route, flag), OPTION, [flag], route=route)
        elif param["name"] == "help":
            return Help(route.path)
        elif "metavar" not in param:
            if value is not None:
                raise _wrong(route, f"Option {flag} doesn't accept a value.")
            values[param["name"]] = True
        elif value is None:
            raise _wrong(route, f"Option {flag} needs a value.")
        elif not value and not param.get("empty"):
            raise empty_value(flag, is_required="required" in param)
        else:
            _add(values, param, value)
    extra = _place(words, arguments_of(route.command), values)
    if extra:
        listed = ", ".join(map(shown, extra))
        what = "Too many arguments." if route.has_secret else f"Unexpected argument{'s' * (len(extra) > 1)}: {listed}"
        raise Mistake(what, ARGUMENT, extra, route=route)
    for param in params:
        if param.get("required") and param["name"] not in values:
            what = f"option {param['flags'][0]}" if "flags" in param else f"argument {param['metavar']}"
            raise _wrong(route, f"Missing {what}.")
    return Call(route.path, route.command, _converted(route, values))


def flags_of(command: Mapping[str, Any]) -> dict[str, Param]:
    """Return a command's options by each of their flags."""
    return {flag: param for param in command["params"] for flag in param.get("flags", ())}


def arguments_of(command: Mapping[str, Any]) -> list[Param]:
    """Return a command's arguments."""
    return [param for param in command["params"] if "flags" not in param]


def _unknown_option(route: Route, flag: str) -> str:
    """Return the message for an option that the command doesn't have; a secret that begins with a dash isn't shown."""
    if route.has_secret and not looks_like_option(flag):
        return "Unknown option."
    return f"Unknown option: {shown(flag)}"


def looks_like_option(flag: str) -> bool:
    """Return whether a word can only be an option: `-x`, or `--` and lowercase words."""
    name = flag.lstrip("-")
    is_word = name.replace("-", "").isalpha() and name.isascii()
    return is_word and (len(flag) == len("-x") or (flag == f"--{name}" and name.islower()))


def empty_value(name: str, *, is_required: bool = False) -> UsageError:
    """Return the error for an option or argument with an empty value."""
    hint = "Give it a value." if is_required else "Leave it out, or give it a value."
    return UsageError(f"The value of {name} is empty.", hint=hint)


def _wrong(route: Route, what: str) -> UsageError:
    return UsageError(what, hint=f"Run: {command_line(route.path)} --help")


def _add(values: dict[str, Any], param: Param, value: str) -> None:
    if param.get("multiple"):
        values[param["name"]] = (*values.get(param["name"], ()), value)
    elif values.get(param["name"], value) != value:
        raise UsageError(f"{param['flags'][0]} is given twice, with different values.", hint="Pass it once.")
    else:
        values[param["name"]] = value


def _place(words: list[str], arguments: list[Param], values: dict[str, Any]) -> list[str]:
    """Assign the words to the arguments, of which the last may be several; return those that are left."""
    for param in arguments:
        placed, words = (words, []) if param.get("multiple") else (words[:1], words[1:])
        if "" in placed and not param.get("empty"):
            raise empty_value(param["metavar"], is_required="required" in param)
        if placed:
            values[param["name"]] = tuple(placed) if param.get("multiple") else placed[0]
    return words


def _converted(route: Route, values: dict[str, Any]) -> dict[str, Any]:
    """Convert texts to the types of the command's parameters."""
    for param in route.command["params"]:
        name = param["name"]
        if name not in values or not ("choices" in param or "kind" in param):
            continue
        if not param.get("multiple"):
            values[name] = _value(param, values[name], route.path)
            continue
        texts = values[name]
        if "choices" in param:
            texts = [part for text in texts for part in text.split(",")]
        values[name] = flat(_value(param, text, route.path) for text in texts)
    return values


def flat(values: Iterable[Any]) -> tuple[Any, ...]:
    """Return values in a row: what a parser found in one text, separated by commas, is a tuple of its own."""
    return tuple(part for value in values for part in (value if isinstance(value, tuple) else (value,)))


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
    except ValueError as expected:
        hint = f"Use {expected}. Run: {command_line(path)} --help"
        raise UsageError(f"Invalid {label} '{text and shown(text)}'.", hint=hint) from None


def _choice_hint(text: str, choices: Sequence[str]) -> str:
    import difflib

    allowed = f"Use one of: {', '.join(choices)}."
    close = difflib.get_close_matches(text.lower(), [choice.lower() for choice in choices], n=1)
    spelled = next((choice for choice in choices if close and choice.lower() == close[0]), "")
    return f"Did you mean {spelled}? {allowed}" if spelled else allowed
