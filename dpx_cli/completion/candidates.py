"""The hidden entry that completion scripts call: `dpx __complete WORDS…`.

WORDS are those after `dpx`, up to the cursor; the last one is being completed and may be empty. It prints a candidate a
line, with a tab and its description. A line that begins with a colon tells the script what else to offer: `:file` file
names, `:command N` what follows the Nth word, which is another program's command line. If anything is wrong it prints
nothing and exits 0, and it never completes what may be a secret.

A person waits for it at every TAB, so it imports little more than the command table. Names come from a server or a
checkout, so only harmless ones are offered: a shell should never see a project called `$(reboot)` unquoted.
"""

from __future__ import annotations

import os

from dpx_cli.cli.command_table import EXCLUSIVE, ROOT, TABLE, TOPICS

TYPE_CHECKING = False  # importing typing would take a third of this module's time
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

    Param = Mapping[str, Any]
    Candidate = tuple[str, str]

PROGRAMS = ("dpx", "dpx-cli")
MAX_CHARACTERS = 128  # of one name
HARMLESS = dict.fromkeys(map(ord, "-._@+/"))  # besides letters and digits of any script


def run(words: Sequence[str], env: Mapping[str, str]) -> int:
    """Print the candidates for the last of some words. Return 0."""
    try:
        found = answer(words, env)
        lines = (
            f"{value}\t{text}\n" if text and text.isprintable() else f"{value}\n" for value, text in dict(found).items()
        )
        os.write(1, "".join(lines).encode())
    except Exception:  # noqa: BLE001, S110 - a person is typing; the command itself will say what is wrong
        pass
    return 0


def answer(words: Sequence[str], env: Mapping[str, str]) -> Iterable[Candidate]:
    """Return the candidates for the last of some words, in the order in which to show them."""
    *before, typed = words
    line = Line()
    line.read(before)
    if line.other is not None:
        return [(f":command {line.other}", "")]
    if line.wanted:
        return values(line, line.wanted, typed, env)
    if typed.startswith("-") and not line.is_ended:
        return _at_option(line, typed, env)
    found = [
        (name, sentence(entry["help"])) for name, entry in line.commands.items() if name and name.startswith(typed)
    ]
    if param := line.argument():
        found += values(line, param, typed, env)
    elif not found and not typed and not line.is_ended:
        found += _options(line, typed)
    return found


class Line:
    """What the words before the cursor mean."""

    __slots__ = ("arguments", "commands", "given", "is_ended", "other", "params", "wanted")

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        self.commands: Mapping[str, Any] = TABLE  # names that may come next
        self.params: Sequence[Param] = ROOT
        self.given: dict[str, list[str]] = {}  # the values of each option, by its long flag
        self.arguments: list[str] = []
        self.wanted: Param | None = None  # the option whose value comes next
        self.is_ended = False  # after --, nothing is an option
        self.other: int | None = None  # how many words precede another program's command line

    def read(self, words: Sequence[str], start: int = 0) -> None:
        """Read words from one on. An unknown option is passed over; after an unknown command nothing is known."""
        for at, word in enumerate(words[start:], start):
            if self.wanted:
                self.given.setdefault(self.wanted["flags"][0], []).append(word)
                self.wanted = None
            elif word == "--" and not self.is_ended:
                self.is_ended = True
                self.commands = {}
                if self._runs_program():
                    self._read_program(words, at + 1)
                    return
            elif word.startswith("-") and word != "-" and not self.is_ended:
                self._read_option(word)
            elif self.commands:
                self._enter(word)
            elif self._runs_program():
                self._read_program(words, at)
                return
            else:
                self.arguments.append(word)

    def _runs_program(self) -> bool:
        return any(param.get("complete") == "command" for param in self.params)

    def _read_program(self, words: Sequence[str], start: int) -> None:
        """Read what follows `dpx sandbox run`: a command of dpx, or another program's command line."""
        if words[start : start + 1] and words[start] in PROGRAMS:
            self._start()
            self.read(words, start + 1)
        else:
            self.other = start

    def _read_option(self, word: str) -> None:
        if self.params is not ROOT:
            self.commands = {}  # no command can follow the options of a group's own command
        param, value = self.option(word)
        if not param:
            return
        if "metavar" not in param:
            self.given[param["flags"][0]] = []
            if value and not word.startswith("--"):
                self._read_option(f"-{value}")  # a cluster, like -yq
        elif value is None:
            self.wanted = param
        else:
            self.given.setdefault(param["flags"][0], []).append(value)

    def option(self, word: str) -> tuple[Param | None, str | None]:
        """Return the option of a word, None if unknown, and the value that the word has, None if it has none."""
        if word.startswith("--"):
            flag, equals, value = word.partition("=")
        else:
            flag, equals, value = word[:2], word[2:], word[2:]
        for param in self.params:
            if flag in param.get("flags", ()):
                return param, value if equals else None
        return None, None

    def _enter(self, name: str) -> None:
        entry = self.commands.get(name)
        if entry is None:
            self.commands, self.params = {}, ()
            return
        self.commands = entry.get("commands", {})
        if "params" in entry:
            self.params = entry["params"]
        elif "" in self.commands:
            self.params = self.commands[""]["params"]
        else:
            self.params = [param for param in ROOT if param["name"] == "help"]

    def argument(self) -> Param | None:
        """Return the argument that comes next."""
        arguments = [param for param in self.params if "flags" not in param]
        at = len(self.arguments)
        if at < len(arguments):
            return arguments[at]
        return arguments[-1] if arguments and arguments[-1].get("multiple") else None

    def value(self, flag: str) -> str | None:
        """Return the last value that was given to an option."""
        return self.given[flag][-1] if self.given.get(flag) else None


def _at_option(line: Line, typed: str, env: Mapping[str, str]) -> Iterable[Candidate]:
    """Return the candidates for a word that begins with a dash: options, or values like --status=READY, -pdocs."""
    param, value = line.option(typed)
    if param is None or value is None or "metavar" not in param:
        return _options(line, typed)
    before = typed.removesuffix(value)
    return [(name if name.startswith(":") else before + name, text) for name, text in values(line, param, value, env)]


def _options(line: Line, typed: str) -> Iterator[Candidate]:
    """Yield the options that may still be given, by their long names; a short one only if it was typed."""
    given = {flag.lstrip("-") for flag in line.given}
    excluded = [f"--{other}" for pair in EXCLUSIVE for other in pair if len(given & {*pair} - {other}) == 1]
    for param in line.params:
        if "flags" not in param:
            continue
        long = param["flags"][0]
        if long in excluded or (long in line.given and not param.get("multiple")):
            continue
        if long.startswith(typed):
            yield long, sentence(param["help"])
        elif typed in param["flags"]:
            yield typed, sentence(param["help"])


def values(line: Line, param: Param, typed: str, env: Mapping[str, str]) -> Iterable[Candidate]:
    """Return the values of an option or argument that begin with what was typed, in any case."""
    is_option = "flags" in param
    taken = line.given.get(param["flags"][0], ()) if is_option else line.arguments
    # The first word of `env set` is a key, but the next one may be its value.
    if param.get("secret") and (is_option or taken or "=" in typed):
        return []
    if "choices" in param:
        return list(_choices(param, typed, taken if param.get("multiple") else ()))
    found: Iterable[Candidate] = ()
    kind = param.get("complete")
    if kind == "file":
        return [(":file", "")]
    if kind == "command":
        return [("--", "The command follows.")] if not taken and "--".startswith(typed) else []
    if kind == "topic":
        found = _topics(line)
    elif kind == "branch":
        from dpx_cli.completion import branches

        found = branches.find(os.getcwd())
    elif kind:
        from dpx_cli.completion import names

        found = names.find(kind, line.value("--profile"), line.value("--project"), env)
    known = typed.lower()
    return [
        (name, text)
        for name, text in found
        if isinstance(name, str)
        and name.lower().startswith(known)
        and is_harmless(name)
        and not (param.get("multiple") and name in taken)
    ]


def _choices(param: Param, typed: str, taken: Iterable[str]) -> Iterator[Candidate]:
    """Yield fixed values that were not given yet; an option that takes several takes them separated by commas."""
    before, comma, last = typed.rpartition(",") if param.get("multiple") and "flags" in param else ("", "", typed)
    excluded = ",".join((before, *taken)).lower().split(",")
    for choice in param["choices"]:
        if choice.lower().startswith(last.lower()) and choice.lower() not in excluded:
            yield before + comma + choice, ""


def _topics(line: Line) -> Iterator[Candidate]:
    """Yield what `dpx help` explains: topics and commands, then a group's commands."""
    commands: Mapping[str, Any] = TABLE
    if not line.arguments:
        yield from ((name, sentence(text)) for name, text in TOPICS.items())
    elif len(line.arguments) == 1:
        commands = commands.get(line.arguments[0], {}).get("commands", {})
    else:
        return
    for name, entry in commands.items():
        if name:
            yield name, sentence(entry["help"])


def sentence(text: str) -> str:
    """Return the first sentence of a help text, in one line and without its period."""
    return " ".join(text.split()).partition(". ")[0].rstrip(".")


def is_harmless(name: Any) -> bool:
    """Return whether a name can go unquoted onto any shell's command line and be taken for nothing but a name."""
    if not isinstance(name, str) or not 0 < len(name) <= MAX_CHARACTERS or name[0] in "-./+@":
        return False
    rest = name.translate(HARMLESS)
    return not rest or rest.isalnum()
