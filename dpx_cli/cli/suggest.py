"""What to type instead of a command line that dpx doesn't understand.

`parser.py` comes here only with a mistake. A synonym of a reading command is run; everything else becomes an error
whose hint is the command to paste, with the user's own arguments in the right places, quoted for a shell. A hint
repeats keys and options, never a value.
"""

from __future__ import annotations

import os
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from dpx_cli import reference
from dpx_cli.cli import parser, synonyms
from dpx_cli.cli.command_table import ROOT, TABLE
from dpx_cli.cli.parser import VALUE
from dpx_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    Param = Mapping[str, Any]

MAX_WORDS = 2  # of a phrase in the table
CLOSE = 0.7  # similarity from which a word counts as a typo of a name
CLOSE_TO_DELETE = 0.85  # the same for a command that deletes
OPPOSITES = ("un", "no-", "no", "non-", "not-", "dis", "de", "in")  # prefixes
EDITED = ("\u2013", "\u2014")  # dashes that text editors make of --
DASHES = "-\u2013\u2014"
PATHS = (".", "./", "..", "/", "~")
VERBS = frozenset(["help", *synonyms.VERBS, *(verb for verbs in synonyms.VERBS.values() for verb in verbs)])


def corrected(mistake: parser.Mistake) -> list[str]:
    """Return the command line to run instead, if it only reads; else raise the error whose hint has it to paste."""
    if words := _with_two_dashes(mistake):
        again = _pasted_again(words, mistake.root or mistake.route.root)
        raise UsageError(mistake.message, hint=f"Options begin with --. Run: {again}")
    if mistake.kind == parser.COMMAND:
        return _command(mistake)
    explain = {parser.OPTION: _option, parser.MISPLACED: _misplaced, parser.ARGUMENT: _argument}[mistake.kind]
    raise UsageError(mistake.message, hint=explain(mistake))


def nearest(word: str, names: Iterable[str], cutoff: float = CLOSE) -> str | None:
    """Return the name that a word is a typo of, never its opposite."""
    import difflib

    names = [name for name in names if name]
    swapped = [name for name in names if sorted(name) == sorted(word)]  # gte: too short to be similar
    close = swapped or difflib.get_close_matches(word, names, n=3, cutoff=cutoff)
    return next((name for name in close if not _is_opposite(word.lstrip("-"), name.lstrip("-"))), None)


def _is_opposite(word: str, name: str) -> bool:
    longer, shorter = sorted((word, name), key=len, reverse=True)
    is_negated = word.startswith("no-") and not name.startswith("no")  # --no-json, --jsonl
    return word != name and (is_negated or any(longer == prefix + shorter for prefix in OPPOSITES))


def known(kind: str, root: Mapping[str, Any]) -> set[str]:
    """Return the remembered names of a kind ("project", "org"); none if they can't be read."""
    try:
        from dpx_cli.completion import names

        return {name for name, _ in names.find(kind, root.get("profile"), None, os.environ)}
    except Exception:  # noqa: BLE001 - a broken cache must not hide the error to show
        return set()


def _with_two_dashes(mistake: parser.Mistake) -> list[str]:
    """Return a command line with -- where an option has one dash, or what text editors make of --; [] if none has."""
    route = mistake.route
    flags = {*synonyms.OPTIONS, *(parser.flags_of(route.command) if route.command else ())}
    words = [mistake.group, *mistake.words] if mistake.kind == parser.COMMAND else [*route.path, *route.words]
    wrong = [word for word in words if word[:1] in EDITED or (word[:1] == "-" and f"-{word}" in flags)]
    return [f"--{word.lstrip(DASHES)}" if word in wrong else word for word in words if word] if wrong else []


# Words


def _command(mistake: parser.Mistake) -> list[str]:
    """Correct a word that is no command."""
    group, words = mistake.group, list(mistake.words)
    if group and words[0] in ("help", "version"):
        return [group, "--help"]
    if not group and ":" in words[0].strip(":"):  # heroku config:set
        words[:1] = words[0].split(":")
        if (entry := TABLE.get(words[0])) and not _phrase("", words):
            if "commands" in entry:
                return _in_group(mistake, words[0], words[1:], may_run=True)
            raise UsageError(mistake.message, hint=f"Run: {paste(words[0], words[2:], mistake.root)}")
    meaning, length = _phrase(group, words) or (None, 0)
    if not group and words[0] in synonyms.GROUPS:
        name, may_run = synonyms.GROUPS[words[0]]
        if length < MAX_WORDS and words[1:2] and not words[1].startswith("-"):
            mistake.message = f"No such command: dpx {words[0]} {parser.shown(words[1])}"
            return _in_group(mistake, name, words[1:], may_run=may_run)
        if meaning is None and may_run and "" not in TABLE[name]["commands"]:
            return [*_root_options(mistake.root), name, *words[1:]]
        if meaning is None:
            raise UsageError(mistake.message, hint=f"Run: dpx {name} --help")
    if meaning is not None:
        return _answered(mistake, meaning, words[length:])
    return _in_group(mistake, group, words, may_run=True)


def _phrase(group: str, words: Sequence[str]) -> tuple[synonyms.Meaning, int] | None:
    """Return the meaning of the longest phrase that some words begin with, and how many of the words it has."""
    for count in range(1 if group else MAX_WORDS, 0, -1):
        typed = " ".join([group, *words[:count]] if group else words[:count]).lower()
        if len(words) >= count and typed in synonyms.PHRASES:
            return synonyms.PHRASES[typed], count
    return None


def _answered(mistake: parser.Mistake, meaning: synonyms.Meaning, words: Sequence[str]) -> list[str]:
    """Return the command line of a phrase with the words after it, if it may run."""
    if meaning.runs:
        return [*_root_options(mistake.root), *meaning.command.split(), *words]
    if not meaning.lacks:
        raise UsageError(mistake.message, hint=_hint(meaning.says, paste(meaning.command, words, mistake.root)))
    # The arguments were meant for something else; only a project is still one.
    projects = None if "{" in meaning.command else known("project", mistake.root)
    command = paste(meaning.command, words, mistake.root, projects=projects)
    raise UsageError(f"The Deploxa API {meaning.lacks}.", hint=_hint(meaning.says, command))


def _in_group(mistake: parser.Mistake, group: str, words: Sequence[str], *, may_run: bool) -> list[str]:
    """Correct words after a group: its own commands (if the group's name was a synonym), their synonyms, typos."""
    commands = TABLE[group]["commands"] if group else {}
    word = words[0].lower()
    if word and word in commands:
        return _run_or_hint(mistake, group, word, words[1:], may_run=may_run)
    if phrase := _phrase(group, words):
        meaning = phrase[0]._replace(runs=phrase[0].runs and may_run)
        return _answered(mistake, meaning, words[phrase[1] :])
    for verb in synonyms.VERBS.get(word, ()) if group else ():
        if verb in commands and (word in synonyms.DESTRUCTIVE or not _deletes(group, verb)):
            return _run_or_hint(mistake, group, verb, words[1:], may_run=may_run and word in synonyms.RUNS)
    raise UsageError(mistake.message, hint=_typo_hint(group, words, mistake.root))


def _run_or_hint(mistake: parser.Mistake, group: str, verb: str, words: Sequence[str], *, may_run: bool) -> list[str]:
    command = f"{group} {verb}"
    if may_run and (TABLE[group]["commands"][verb]["effect"] == "read" or command in synonyms.READS):
        return [*_root_options(mistake.root), group, verb, *words]
    raise UsageError(mistake.message, hint=f"Run: {paste(command, words, mistake.root)}")


def _typo_hint(group: str, words: Sequence[str], root: Mapping[str, Any]) -> str:
    word, *others = words
    commands: Mapping[str, Any] = TABLE[group]["commands"] if group else TABLE
    harmless = [name for name in commands if not _deletes(group, name)]
    close = nearest(word.lower(), harmless) or nearest(word.lower(), commands, CLOSE_TO_DELETE)
    if not close and not group and (other := nearest(word.lower(), synonyms.GROUPS)):
        close = synonyms.GROUPS[other][0]  # enviroment
    if not close and group and (other := nearest(word.lower(), synonyms.VERBS, CLOSE_TO_DELETE)):
        verbs = [verb for verb in synonyms.VERBS[other] if verb in commands]  # remve
        close = next((verb for verb in verbs if other in synonyms.DESTRUCTIVE or not _deletes(group, verb)), None)
    if close:
        line = [*([group] if group else []), close, *others]
        return f"Did you mean {close}? Run: {_pasted_again(line, root)}"
    key, equals, _ = word.partition("=")
    if group == "env" and equals and reference.is_key(key):
        return f"Run: {paste('env set', words, root)}"
    if group == "deploy":
        return _deploy_hint(word, others, root)
    only_word = all(other.startswith("-") for other in others)
    if group in synonyms.NAMED and word and only_word and "dpx_" not in word and word.replace("-", "").isalnum():
        return f"Run: {paste(synonyms.NAMED[group], words, root)}"
    return f"Run: {parser.command_line((group,))} --help"


def _pasted_again(words: list[str], root: Mapping[str, Any]) -> str:
    """Return a command line whose first words were corrected, or if that isn't understood either, how to get help."""
    try:
        route = parser.route(words)
    except parser.Mistake as mistake:
        # The other words may be a synonym, `projcts rm docs`.
        try:
            route = parser.route(corrected(mistake))
        except UsageError as problem:
            return (problem.hint or "").rpartition("Run: ")[2]
    if isinstance(route, parser.Route):
        return paste(" ".join(route.path).strip(), route.words, root)
    return f"dpx {' '.join(word for word in words if not word.startswith('-'))} --help"


def _deletes(group: str, name: str) -> bool:
    entry = TABLE[group]["commands"][name] if group else TABLE.get(name, {})
    return entry.get("effect") == "delete" and name != "import"


def _deploy_hint(word: str, others: Sequence[str], root: Mapping[str, Any]) -> str:
    """Return the hint for a word after `dpx deploy`: a project's slug that is known, else a branch."""
    flags = {other.partition("=")[0] for other in others}
    if not word or word in VERBS:  # deploy update
        return "Run: dpx deploy --help"
    if word in TABLE:  # deploy open, deploy env: hardly a branch
        return f"Run: {paste(word, others, root)}"
    if word.startswith(PATHS) or "dpx_" in word:
        return f"Deploxa builds a branch of the repository. Run: {paste('deploy', others, root)}"
    if word in known("project", root) and not flags & {"-p", "--project"}:
        has_branch = others and not others[0].startswith("-") and "--branch" not in flags  # deploy storefront main
        template = "deploy --project {PROJECT} --branch {BRANCH}" if has_branch else "deploy --project {PROJECT}"
        return f"Run: {paste(template, [word, *others], root)}"
    if "--branch" in flags:
        return "Run: dpx deploy --help"
    return f"Run: {paste('deploy --branch {BRANCH}', [word, *others], root)}"


# Options and arguments


def _option(mistake: parser.Mistake) -> str:
    """Return the hint for an option that the command doesn't have."""
    route, flag = mistake.route, mistake.words[0]
    typed = Typed(route.command, route.words)
    help_line = f"{parser.command_line(route.path)} --help"
    # "-value" may be a value, or -v, -a of another tool with a value of its own: nothing of it is repeated.
    is_value = any(word.startswith(flag) and not word.startswith("--") and word != flag for word in route.words)
    if route.has_secret and (is_value or (flag in typed.unknown and not parser.looks_like_option(flag))):
        return f"Put -- before a value that starts with a dash. Run: {help_line}"
    if flag in typed.unknown:
        flags = ", ".join(param["flags"][0] for param in route.command["params"] if "flags" in param)
        return f"Options: {flags}. Run: {help_line}"
    says = synonyms.OPTIONS[flag].says if flag in typed.dropped else ""
    if close := typed.typos.get(flag):
        says = f"Did you mean {close}?"
    name = " ".join(route.path).strip()
    return _hint(says, paste(name, route.words, route.root))


def _misplaced(mistake: parser.Mistake) -> str:
    """Return the hint for an option in front of the command, `dpx --json projects list`."""
    options: list[str] = []
    words = list(mistake.words)
    while words and words[0].startswith("-"):
        options.append(words.pop(0))
        flag, equals, _ = options[-1].partition("=")
        if not equals and words and _has_value(flag):
            options.append(words.pop(0))
    flag = mistake.words[0].partition("=")[0]
    try:
        route = parser.route([*([mistake.group] if mistake.group else []), *words])
    except parser.Mistake:
        route = None
    if isinstance(route, parser.Route) and (flag in parser.flags_of(route.command) or flag in synonyms.OPTIONS):
        moved = paste(" ".join(route.path).strip(), [*route.words, *options], mistake.root)
        return f"Options follow the command. Run: {moved}"
    if not mistake.group and flag in ("--prod", "--production") and not words:  # vercel --prod
        return _hint(synonyms.OPTIONS[flag].says, paste("deploy", (), mistake.root))
    meant = "--version" if flag == "-v" else flag
    close = None if mistake.group else nearest(meant, [name for option in ROOT for name in option["flags"]])
    listed = "" if mistake.group else f"Options: {', '.join(option['flags'][0] for option in ROOT)}."
    says = f"Did you mean {close}?" if close else listed
    return _hint(says, "dpx --version" if close == "--version" else f"{parser.command_line((mistake.group,))} --help")


def _has_value(flag: str) -> bool:
    if flag in synonyms.OPTIONS:
        return synonyms.OPTIONS[flag].has_value
    entries = [command for entry in TABLE.values() for command in entry.get("commands", {"": entry}).values()]
    return any("metavar" in parser.flags_of(entry).get(flag, ()) for entry in entries)


def _argument(mistake: parser.Mistake) -> str:
    """Return the hint for an argument that the command doesn't have."""
    route, word = mistake.route, mistake.words[0]
    name = " ".join(route.path).strip()
    help_hint = f"Run: {parser.command_line(route.path)} --help"
    if route.has_secret or len(mistake.words) > 1 or "dpx_" in word or word == "help":
        return help_hint
    at = route.words.index(word) if word in route.words else len(route.words)
    words = [part for part in route.words[:at] if part != "--"] + route.words[at + 1 :]
    if route.path == ("deploy", ""):
        if word in TABLE["deploy"]["commands"]:
            return f"Run: {paste(f'{name} {word}', words, route.root)}"
        return _deploy_hint(word, words, route.root)
    flags = parser.flags_of(route.command)
    is_target, is_org = word.lower() in reference.TARGETS, "--org" in flags and word in known("org", route.root)
    is_project = not is_org and all(param.get("complete") != "project" for param in parser.arguments_of(route.command))
    candidates = {"--target": is_target, "--project": is_project, "--org": is_org, "--search": True}
    used = {flags[part]["flags"][0] for part in route.words if part in flags}
    free = {flag for flag, param in flags.items() if flag not in used or param.get("multiple")}
    flag = next((flag for flag, fits in candidates.items() if fits and flag in free), "")
    if flag:
        return f"Run: {paste(name, [*words, flag, word], route.root)}"
    return help_hint


# The command to paste


class Typed:
    """Words sorted into the options and arguments of a command."""

    def __init__(self, command: Mapping[str, Any], words: Sequence[str]) -> None:
        self.options: list[str] = []  # by their own name or another tool's, with their values
        self.words: list[str] = []
        self.unknown: list[str] = []
        self.dropped: list[str] = []  # options of other tools that nothing stands for
        self.typos: dict[str, str] = {}  # with what they were corrected to
        self._by_flag = parser.flags_of(command)
        arguments = parser.arguments_of(command)
        self._arguments = {f"--{param.get(key, '')}".lower() for param in arguments for key in ("metavar", "complete")}
        for flag, param, value in parser.scan(words, self._find, command):
            if not flag:
                self.words.append(str(value))
            elif flag in self._by_flag:
                self._add(flag, self._by_flag[flag], value)
            elif flag in self._arguments:  # --file FILE
                self.words.append(value or "")
            elif flag in synonyms.OPTIONS:
                self._translate(flag, value or "")
            elif param is not None:
                self._add(self.typos[flag], param, value)
            else:
                self.unknown.append(flag)

    def _find(self, flag: str) -> Param | None:
        if flag in self._by_flag:
            return self._by_flag[flag]
        if flag in self._arguments or flag in synonyms.OPTIONS:
            return {"metavar": ""} if flag in self._arguments or synonyms.OPTIONS[flag].has_value else {}
        if close := nearest(flag, self._by_flag):
            self.typos[flag] = close
            return self._by_flag[close]
        return None

    def _add(self, flag: str, param: Param, value: str | None) -> None:
        if (flag in self.options and not param.get("multiple")) or not _is_allowed(param, value or ""):
            return
        self.options.append(flag)
        if "metavar" in param:
            self.options.append(VALUE if param.get("secret") else value or str(param["metavar"]))

    def _translate(self, flag: str, value: str) -> None:
        """Add what an option of another tool means, if the command has it."""
        meanings = synonyms.OPTIONS[flag].meanings
        if "--json" in meanings:
            meanings = (synonyms.FORMATS[value.lower()],) if value.lower() in synonyms.FORMATS else ()
        if meanings == synonyms.ARGUMENT:
            self.words.append(value)
            return
        for option in meanings:
            name, _, fixed = option.partition(" ")
            if name in self._by_flag:
                self._add(name, self._by_flag[name], fixed or value)
                return
        self.dropped.append(flag)


def paste(
    template: str, words: Sequence[str], root: Mapping[str, Any], *, projects: Iterable[str] | None = None
) -> str:
    """Return a command to paste: a template as `Meaning.command` has it, with what the user typed behind it.

    If there are `projects`, an argument that is none of them is left out.
    """
    parts = template.split()
    path = list(takewhile(lambda part: part[0] not in "-{", parts))
    fixed = parts[len(path) :]
    route = parser.route(path)
    if not isinstance(route, parser.Route):
        return f"dpx {template}"
    if "--" in fixed:
        words = words[1:] if words[:1] == ["--"] else words
        return " ".join(["dpx", *path, "--", *(quoted(words) or ["COMMAND"])])
    has_places = "{" in template
    typed = Typed(route.command, [*([] if has_places else fixed), *words, *_root_options(root)])
    options = typed.options
    if projects is not None:
        named = [word for word in typed.words if word in projects][:1]
        options += ["--project", *named] if named and "--project" in parser.flags_of(route.command) else []
        typed.words = []
    arguments = _masked(path, route.command, typed.words)
    if arguments and path == ["env", "set"]:
        options += _target_options(typed.words[1:])
    first = typed.words[0].lower() if typed.words else ""
    if len(path) == 1 and path != ["help"] and first in VERBS and parser.arguments_of(route.command):  # state list
        return f"dpx {path[0]} --help"
    if has_places:
        options = [*_filled(fixed, route.command, arguments, options), *options]
        arguments = []
    else:
        arguments = _placed(route.command, arguments)
    options += _missing_options(route.command, options)
    has_dash = any(word.startswith("-") and word != "-" for word in arguments)
    behind = ["--", *arguments] if has_dash or parser.runs_program(route.command) else []
    return " ".join(quoted(["dpx", *path, *([] if behind else arguments), *options, *behind]))


def quoted(words: Iterable[str]) -> list[str]:
    """Quote words for a shell; what stands for a value stays readable."""
    from dpx_cli.system.shell import quote

    return [word if quote(plain := word.replace(VALUE, "_")) == plain else quote(word) for word in words]


def _is_allowed(param: Param, value: str) -> bool:
    choices = [choice.lower() for choice in param.get("choices", ())]
    parts = value.lower().split(",") if param.get("multiple") else [value.lower()]
    return not choices or all(part in choices for part in parts)


def _masked(path: Sequence[str], command: Mapping[str, Any], words: Sequence[str]) -> list[str]:
    """Return arguments without what may be a value or a token."""
    if path in (["env", "set"], ["env", "rotate"]):
        return [word.partition("=")[0] if path[1] == "rotate" else word for word in _keys(words)]
    if any(param.get("secret") for param in command["params"]):
        return [word for word in words if any(word in param.get("choices", ()) for param in command["params"])]
    words = [word for word in words if "dpx_" not in word]
    if any(param.get("complete") == "key" for param in command["params"]):
        return [key for key in (word.partition("=")[0] for word in words) if reference.is_key(key)]
    return [parser.shown(word) for word in words]


def _keys(words: Sequence[str]) -> list[str]:
    keys = [word.partition("=")[0] for word in words if "=" in word]
    if keys:
        return [f"{key}={VALUE}" for key in keys if reference.is_key(key) and "dpx_" not in key]
    if not words or "dpx_" in words[0] or not reference.is_key(words[0]):
        return []
    if len(words) == 1 or _target_options(words[1:]):
        # A lone word may be the value of `env set $KEY $VALUE` with an empty KEY: it must look like a key.
        is_plain = words[0].isupper() and ("_" in words[0] or words[0].isalpha())
        return [words[0]] if is_plain else []
    return [words[0], VALUE]


def _target_options(words: Sequence[str]) -> list[str]:
    """Return words that are a variable's targets as options (vercel env add KEY production); [] if any isn't one."""
    if not all(word.lower() in reference.TARGETS for word in words):
        return []
    return [part for word in words for part in ("--target", word.lower())]


def _filled(
    template: Sequence[str], command: Mapping[str, Any], arguments: list[str], options: Sequence[str]
) -> Iterator[str]:
    """Yield the parts of a template that `options` lack; a place is filled with the next argument, or its name."""
    flags = parser.flags_of(command)
    given = {flags[option]["flags"][0] for option in options if option in flags}
    for flag, _, part in parser.scan(template, flags.get, command):
        place = str(part).strip("{}")
        if (flag or f"--{place.lower()}") in given:
            continue
        fits = arguments and all(_is_allowed(param, arguments[0]) for param in parser.arguments_of(command))
        yield from [flag] if flag else []
        yield arguments.pop(0) if fits and place != part else place


def _placed(command: Mapping[str, Any], words: Sequence[str]) -> list[str]:
    """Return as many words as the command has arguments; a required one that is missing is there by its name."""
    placed: list[str] = []
    waiting = list(words)
    for param in parser.arguments_of(command):
        count = len(waiting) if param.get("multiple") else 1
        fitting = [word for word in waiting[:count] if _is_allowed(param, word)]
        waiting = waiting[count:]
        if not fitting and param.get("required"):
            fitting = [param["choices"][0] if "choices" in param else str(param["metavar"]).split()[-1]]
        placed += fitting
    return placed


def _missing_options(command: Mapping[str, Any], options: Sequence[str]) -> list[str]:
    needed = [param for param in command["params"] if param.get("required") and "flags" in param]
    missing = [param for param in needed if not any(flag in options for flag in param["flags"])]
    return [word for param in missing for word in (param["flags"][0], param["metavar"])]


def _root_options(root: Mapping[str, Any]) -> list[str]:
    profile = ["--profile", str(root["profile"])] if "profile" in root else []
    return [*profile, *(["--debug"] if root.get("debug") else [])]


def _hint(says: str, command: str) -> str:
    return f"{says} Run: {command}".strip()
