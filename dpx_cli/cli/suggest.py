"""What to type instead of a command line that dpx doesn't understand.

`parser.py` comes here only with a mistake. A synonym of a reading command is run; everything else becomes an error
whose hint is the command to paste, with the user's own arguments in the right places, quoted for a shell. A hint
repeats keys and options, never a value.
"""

from __future__ import annotations

import re
from itertools import takewhile
from typing import TYPE_CHECKING, Any, NamedTuple

from dpx_cli import reference
from dpx_cli.cli import parser
from dpx_cli.cli.command_table import ROOT, TABLE
from dpx_cli.cli.parser import VALUE
from dpx_cli.cli.synonyms import ARGUMENT, DESTRUCTIVE, FORMATS, GROUPS, OPTIONS, PHRASES, READS, RUNS, VERBS, Synonym
from dpx_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Param = Mapping[str, Any]

MAX_WORDS = 2  # of a phrase in the table
CLOSE = 0.7  # similarity from which a name is taken for the one that was meant
CLOSE_TO_DELETE = 0.85  # the same for a command that deletes
KEY = re.compile(reference.KEY)
PLAINLY_A_KEY = re.compile(r"[A-Z]+|(?=[A-Z0-9]*_)[A-Z_][A-Z0-9_]*")  # a lone word that is no value
PATHS = (".", "./", "..", "/", "~")
# A command in a hint ends at punctuation or at the end of the line.
IN_A_HINT = re.compile(r"""\bdpx (\w+)(?: (?:'[^']*'|"[^"]*"|[^\s'".,;:]|[.,;:](?=\S))+)*""")
ANY_PROFILE = frozenset(("completion", "help", "profile", "sandbox", "skill", "webhook"))  # don't depend on the profile


def meant(mistake: parser.Mistake) -> list[str]:
    """Return the command line that was meant, if it only reads.

    Raises:
        UsageError: otherwise; the hint has the command to paste.
    """
    if mistake.kind == parser.COMMAND:
        return _command(mistake)
    if mistake.kind == parser.OPTION:
        raise _option(mistake)
    if mistake.kind == parser.MISPLACED:
        raise _misplaced(mistake)
    raise _argument(mistake)


def nearest(word: str, names: Iterable[str], cutoff: float = CLOSE) -> str | None:
    """Return the name that a word is a typo of, never its opposite."""
    import difflib

    found = difflib.get_close_matches(word, [name for name in names if name], n=3, cutoff=cutoff)
    return next((name for name in found if not _is_opposite(word.lstrip("-"), name.lstrip("-"))), None)


def _is_opposite(word: str, name: str) -> bool:
    longer, shorter = sorted((word, name), key=len, reverse=True)
    return word != name and any(longer == prefix + shorter for prefix in ("un", "no-", "no", "dis", "de"))


# Words


def _command(mistake: parser.Mistake) -> list[str]:
    group, words = mistake.group, list(mistake.rest)
    if not group and ":" in words[0].strip(":"):  # heroku config:set
        words[:1] = words[0].split(":")
        if (entry := TABLE.get(words[0])) and not _phrase("", words):
            if "commands" in entry:
                return _in_group(mistake, words[0], words[1:], may_run=True)
            raise UsageError(mistake.message, hint=f"Run: {line(words[0], words[2:], mistake.given)}")
    if not group and words[0] in GROUPS and words[1:2] and not words[1].startswith("-"):
        if (found := _phrase("", words)) and found[1] == MAX_WORDS:
            return _answered(mistake, found[0], words[MAX_WORDS:])
        name, may_run = GROUPS[words[0]]
        return _in_group(mistake, name, words[1:], may_run=may_run)
    if found := _phrase(group, words):
        return _answered(mistake, found[0], words[found[1] :])
    if not group and words[0] in GROUPS:
        name, may_run = GROUPS[words[0]]
        if may_run and "" not in TABLE[name]["commands"]:
            return [*_root_options(mistake.given), name, *words[1:]]
        raise UsageError(mistake.message, hint=f"Run: dpx {name} --help")
    return _in_group(mistake, group, words, may_run=True)


def _phrase(group: str, words: Sequence[str]) -> tuple[Synonym, int] | None:
    """Return the longest phrase of the table that some words begin with, and how many of the words it takes."""
    for count in range(MAX_WORDS if not group else 1, 0, -1):
        typed = " ".join([group, *words[:count]] if group else words[:count]).lower()
        if len(words) >= count and typed in PHRASES:
            return PHRASES[typed], count
    return None


def _answered(mistake: parser.Mistake, synonym: Synonym, rest: Sequence[str]) -> list[str]:
    if synonym.runs:
        return [*_root_options(mistake.given), *synonym.meant.split(), *rest]
    if not synonym.lacks:
        raise UsageError(mistake.message, hint=_hint(synonym.says, line(synonym.meant, rest, mistake.given)))
    # The arguments were meant for something else; only a project is still one.
    only = None if "{" in synonym.meant else known("project", mistake.given)
    command = line(synonym.meant, rest, mistake.given, only=only)
    message = f"Deploxa's API has no {synonym.lacks}."
    raise UsageError(message, hint=_hint(synonym.says, command))


def _in_group(mistake: parser.Mistake, group: str, words: Sequence[str], *, may_run: bool) -> list[str]:
    """Answer words that follow a group: its own commands (if the group's name was a synonym), their synonyms, typos."""
    commands = TABLE[group]["commands"] if group else {}
    word = words[0].lower()
    if word and word in commands:
        return _run_or_hint(mistake, group, word, words[1:], may_run=may_run)
    if found := _phrase(group, words):
        return _answered(mistake, found[0], words[found[1] :])
    for verb in VERBS.get(word, ()) if group else ():
        if verb in commands and (word in DESTRUCTIVE or not _deletes(group, verb)):
            return _run_or_hint(mistake, group, verb, words[1:], may_run=may_run and word in RUNS)
    raise _typo(mistake, group, words)


def _run_or_hint(mistake: parser.Mistake, group: str, verb: str, rest: Sequence[str], *, may_run: bool) -> list[str]:
    command = f"{group} {verb}"
    if may_run and (TABLE[group]["commands"][verb]["effect"] == "read" or command in READS):
        return [*_root_options(mistake.given), group, verb, *rest]
    raise UsageError(mistake.message, hint=f"Run: {line(command, rest, mistake.given)}")


def _typo(mistake: parser.Mistake, group: str, words: Sequence[str]) -> UsageError:
    commands: Mapping[str, Any] = TABLE[group]["commands"] if group else TABLE
    harmless = [name for name in commands if not _deletes(group, name)]
    close = nearest(words[0].lower(), harmless) or nearest(words[0].lower(), commands, CLOSE_TO_DELETE)
    if close:
        corrected = [*([group] if group else []), close, *words[1:]]
        return UsageError(mistake.message, hint=f"Did you mean {close}? Run: {_corrected(corrected, mistake.given)}")
    key, equals, _ = words[0].partition("=")
    if group == "env" and equals and KEY.fullmatch(key):
        return UsageError(mistake.message, hint=f"Run: {line('env set', words, mistake.given)}")
    if group == "deploy":
        return UsageError(mistake.message, hint=_deploy(words[0], words[1:], mistake.given))
    return UsageError(mistake.message, hint=f"Run: {parser.command_line((group,))} --help")


def _corrected(words: list[str], given: Mapping[str, Any]) -> str:
    """Return a command line whose first words were corrected, or if that isn't understood either, how to get help."""
    try:
        found = parser.route(words)
    except parser.Mistake as mistake:
        # The rest may be a synonym, `projcts rm docs`.
        try:
            found = parser.route(meant(mistake))
        except UsageError as problem:
            return (problem.hint or "").rpartition("Run: ")[2]
    if isinstance(found, parser.Route):
        return line(" ".join(found.path).strip(), found.rest, given)
    return f"dpx {' '.join(word for word in words if not word.startswith('-'))} --help"


def _deletes(group: str, name: str) -> bool:
    entry = TABLE[group]["commands"][name] if group else TABLE.get(name, {})
    return entry.get("effect") == "delete" and name != "import"


def _deploy(word: str, rest: Sequence[str], given: Mapping[str, Any]) -> str:
    """Return the hint for a word after `dpx deploy`: a project's slug that is known, else a branch."""
    if not word:
        return "Run: dpx deploy --help"
    has = {token.partition("=")[0] for token in rest}
    if word.startswith(PATHS) or "dpx_" in word:
        return f"Deploxa builds a branch of the repository. Run: {line('deploy', rest, given)}"
    if word in known("project", given) and not has & {"-p", "--project"}:
        branch = rest[:1] and not rest[0].startswith("-") and "--branch" not in has  # deploy storefront main
        template = "deploy --project {PROJECT} --branch {BRANCH}" if branch else "deploy --project {PROJECT}"
        return f"Run: {line(template, [word, *rest], given)}"
    if "--branch" in has:
        return "Run: dpx deploy --help"
    return f"Run: {line('deploy --branch {BRANCH}', [word, *rest], given)}"


def known(kind: str, given: Mapping[str, Any]) -> set[str]:
    """Return the remembered names of a kind ("project", "org"); none if they can't be read."""
    import os

    try:
        from dpx_cli.completion import names

        return {name for name, _ in names.find(kind, given.get("profile"), None, os.environ)}
    except Exception:  # noqa: BLE001 - a broken cache must not hide the error to show
        return set()


# Options and arguments


def _option(mistake: parser.Mistake) -> UsageError:
    """Explain an option that the command doesn't have."""
    found, flag = mistake.found, mistake.rest[0]
    is_secret = parser.is_secret(found)
    help_line = f"{parser.command_line(found.path)} --help"
    if is_secret and flag not in OPTIONS and not nearest(flag, _flags(found.command)):
        hint = f"Put -- before a value that starts with a dash. Run: {help_line}"
        return UsageError("Unknown option.", hint=hint)
    read = _read(found.command, found.rest)
    name = " ".join(found.path).strip()
    message = "Unknown option." if is_secret and flag not in OPTIONS else mistake.message
    if flag in read.unknown:
        return UsageError(message, hint=f"Run: {help_line}")
    says = OPTIONS[flag].says if flag in read.dropped else ""
    if close := read.typos.get(flag):
        says = f"Did you mean {close}?"
    return UsageError(message, hint=_hint(says, line(name, found.rest, found.given)))


def _flags(command: Mapping[str, Any]) -> list[str]:
    return [flag for param in command["params"] for flag in param.get("flags", ())]


def _misplaced(mistake: parser.Mistake) -> UsageError:
    """Explain an option in front of the command, `dpx --json projects list`."""
    options: list[str] = []
    rest = list(mistake.rest)
    while rest and rest[0].startswith("-"):
        options.append(rest.pop(0))
        flag, equals, _ = options[-1].partition("=")
        if not equals and rest and _takes_value(flag):
            options.append(rest.pop(0))
    flag = mistake.rest[0].partition("=")[0]
    try:
        found = parser.route([*([mistake.group] if mistake.group else []), *rest])
    except parser.Mistake:
        found = None
    if isinstance(found, parser.Route) and (flag in _flags(found.command) or flag in OPTIONS):
        moved = line(" ".join(found.path).strip(), [*found.rest, *options], mistake.given)
        return UsageError(mistake.message, hint=f"Options follow the command. Run: {moved}")
    if not mistake.group and flag in ("--prod", "--production") and not rest:  # vercel --prod
        return UsageError(mistake.message, hint=_hint(OPTIONS[flag].says, line("deploy", (), mistake.given)))
    if not mistake.group and (flag == "-v"):
        return UsageError(mistake.message, hint="Run: dpx --version")
    help_line = f"{parser.command_line((mistake.group,))} --help"
    close = None if mistake.group else nearest(flag, [name for option in ROOT for name in option["flags"]])
    return UsageError(mistake.message, hint=f"Did you mean {close}? Run: {help_line}" if close else f"Run: {help_line}")


def _takes_value(flag: str) -> bool:
    if flag in OPTIONS:
        return OPTIONS[flag].takes
    entries = [command for entry in TABLE.values() for command in entry.get("commands", {"": entry}).values()]
    return any("metavar" in param for entry in entries for param in entry["params"] if flag in param.get("flags", ()))


def _argument(mistake: parser.Mistake) -> UsageError:
    """Explain an argument that the command doesn't take."""
    found, word = mistake.found, mistake.rest[0]
    name = " ".join(found.path).strip()
    flags = _flags(found.command)
    if parser.is_secret(found) or len(mistake.rest) > 1 or "dpx_" in word:
        return UsageError(mistake.message, hint=f"Run: {parser.command_line(found.path)} --help")
    at = found.rest.index(word) if word in found.rest else len(found.rest)
    rest = [part for part in found.rest[:at] if part != "--"] + found.rest[at + 1 :]
    if found.path == ("deploy", ""):
        if word in TABLE[found.path[0]]["commands"]:
            return UsageError(mistake.message, hint=f"Run: {line(f'{name} {word}', rest, found.given)}")
        return UsageError(mistake.message, hint=_deploy(word, rest, found.given))
    orgs = known("org", found.given) if "--org" in flags else set()
    for flag, fits in (("--project", True), ("--org", word in orgs), ("--search", True), ("--org", True)):
        if flag in flags and fits and flag not in found.rest and not (flag == "--project" and "-p" in found.rest):
            return UsageError(mistake.message, hint=f"Run: {line(name, [*rest, flag, word], found.given)}")
    return UsageError(mistake.message, hint=f"Run: {parser.command_line(found.path)} --help")


# The command to paste


def with_profile(hint: str, profile: str) -> str:
    """Return a hint whose commands carry `--profile`, as in `See dpx deploy get ID; to try again, run: dpx deploy`."""
    return IN_A_HINT.sub(lambda found: _with_profile(found[0], found[1], profile), hint)


def _with_profile(command: str, name: str, profile: str) -> str:
    if name not in TABLE or name in ANY_PROFILE or "--profile" in command or "--help" in command:
        return command
    before, separator, after = command.partition(" -- ")
    return " ".join([before, *quoted(["--profile", profile])]) + separator + after


class _Typed(NamedTuple):
    """Words as a command takes them.

    Attributes:
        options: those that it has, with their values.
        words: its arguments.
        unknown: flags that it doesn't have.
        dropped: flags of other tools that nothing stands for.
        typos: flags that were corrected, and to what.
    """

    options: list[str]
    words: list[str]
    unknown: list[str]
    dropped: list[str]
    typos: dict[str, str]


def line(template: str, rest: Sequence[str], given: Mapping[str, Any], *, only: Iterable[str] | None = None) -> str:
    """Return a command as it can be pasted.

    Args:
        template: the command as `Synonym.meant` has it.
        rest: what the user typed behind it.
        given: the root options that were given.
        only: projects; every other argument is left out.
    """
    names = list(takewhile(lambda word: word[0] not in "-{", template.split()))
    found = parser.route(names)
    if not isinstance(found, parser.Route):
        return f"dpx {template}"
    fixed = template.split()[len(names) :]
    if "--" in fixed:
        return " ".join(["dpx", *names, "--", *(quoted(rest) or ["COMMAND"])])
    typed = _read(found.command, [*fixed_options(fixed), *rest, *_root_options(given)])
    if only is not None:
        named = [word for word in typed.words if word in only][:1]
        has_option = "--project" in _flags(found.command)
        typed.options.extend(["--project", *named] if named and has_option else [])
        typed = typed._replace(words=[] if has_option else named)
    words = _masked(names, found.command, typed.words)
    if words and names == ["env", "set"] and len(typed.words) > 1 and (targets := _targets(typed.words[1:])):
        typed.options.extend(targets)
    for at, word in enumerate(fixed):
        if word.startswith("{"):
            arguments = [param for param in found.command["params"] if "flags" not in param]
            fits = words and all(_is_allowed(param, words[0]) for param in arguments)
            fixed[at] = words.pop(0) if fits else word[1:-1]
    if any("{" in word for word in template.split()):
        words = []
    else:
        fixed = []
        words = _placed(found.command, words)
    options = [*fixed, *typed.options] if fixed else typed.options
    options += _missing_options(found.command, options)
    behind = ["--", *words] if any(word.startswith("-") and word != "-" for word in words) else []
    return " ".join(quoted(["dpx", *names, *([] if behind else words), *options, *behind]))


def fixed_options(fixed: Sequence[str]) -> list[str]:
    """Return the options of a template that has no place for an argument, to be read like those that were typed."""
    return [] if any(word.startswith("{") for word in fixed) else list(fixed)


def quoted(words: Iterable[str]) -> list[str]:
    """Quote words for a shell; what stands for a value stays readable."""
    import shlex

    return [
        word if shlex.quote(word.replace(VALUE, "_")) == word.replace(VALUE, "_") else shlex.quote(word)
        for word in words
    ]


def _read(command: Mapping[str, Any], rest: Sequence[str]) -> _Typed:
    """Sort words into options that a command has, or has another name for, and arguments."""
    by_flag = {flag: param for param in command["params"] for flag in param.get("flags", ())}
    typed = _Typed([], [], [], [], {})
    left = list(rest)
    while left:
        word = left.pop(0)
        if word == "--":
            typed.words.extend(left)
            break
        if not word.startswith("-") or word == "-":
            typed.words.append(word)
            continue
        flag, equals, value = word.partition("=")
        if not word.startswith("--"):
            flag, value = word[:2], word[2:].removeprefix("=")
            equals = value
        if param := by_flag.get(flag):
            if "metavar" not in param and value and not word.startswith("--"):
                left.insert(0, f"-{value}")
            _add(typed, flag, param, value if equals or "metavar" not in param else _next(left))
        elif flag in OPTIONS:
            _translate(typed, by_flag, flag, value if equals or not OPTIONS[flag].takes else _next(left))
        elif close := nearest(flag, by_flag):
            typed.typos[flag] = close
            takes = "metavar" in by_flag[close]
            _add(typed, close, by_flag[close], value if equals or not takes else _next(left))
        else:
            typed.unknown.append(flag)
    return typed


def _next(left: list[str]) -> str:
    return left.pop(0) if left else ""


def _add(typed: _Typed, flag: str, param: Param, value: str) -> None:
    if (flag in typed.options and not param.get("multiple")) or not _is_allowed(param, value):
        return
    typed.options.append(flag)
    if "metavar" in param:
        typed.options.append(VALUE if param.get("secret") else value or str(param["metavar"]))


def _is_allowed(param: Param, value: str) -> bool:
    choices = [choice.lower() for choice in param.get("choices", ())]
    parts = value.lower().split(",") if param.get("multiple") else [value.lower()]
    return not choices or all(part in choices for part in parts)


def _translate(typed: _Typed, by_flag: Mapping[str, Param], flag: str, value: str) -> None:
    """Add what an option of another tool means, if the command has it."""
    wanted = OPTIONS[flag].meant
    if "--json" in wanted:
        wanted = (FORMATS[value.lower()],) if value.lower() in FORMATS else ()
        value = ""
    if wanted == ARGUMENT:
        typed.words.append(value)
        return
    for option in wanted:
        name, _, fixed = option.partition(" ")
        if name in by_flag:
            _add(typed, name, by_flag[name], fixed or value)
            return
    typed.dropped.append(flag)


def _masked(names: Sequence[str], command: Mapping[str, Any], words: Sequence[str]) -> list[str]:
    """Return arguments without what may be a value or a token."""
    if names == ["env", "set"]:
        return _keys(words)
    if any(param.get("secret") for param in command["params"]):
        return [word for word in words if any(word in param.get("choices", ()) for param in command["params"])]
    if names == ["env", "rm"]:
        return [
            word.partition("=")[0] for word in words if KEY.fullmatch(word.partition("=")[0]) and "dpx_" not in word
        ]
    return [parser.shown(word) for word in words if "dpx_" not in word]


def _keys(words: Sequence[str]) -> list[str]:
    """Return the arguments of `env set` without the values."""
    pairs = [word.partition("=")[0] for word in words if "=" in word]
    if pairs:
        return [f"{key}={VALUE}" for key in pairs if KEY.fullmatch(key) and "dpx_" not in key]
    if not words or "dpx_" in words[0] or not KEY.fullmatch(words[0]):
        return []
    if len(words) == 1 or _targets(words[1:]):
        # A lone word may be the value of `env set $KEY $VALUE` with an empty KEY.
        return [words[0]] if PLAINLY_A_KEY.fullmatch(words[0]) else []
    return [words[0], VALUE]


def _targets(words: Sequence[str]) -> list[str]:
    """Return words that are a variable's targets as options (vercel env add KEY production); [] if any isn't one."""
    if not all(word.lower() in reference.TARGETS for word in words):
        return []
    return [part for word in words for part in ("--target", word.lower())]


def _placed(command: Mapping[str, Any], words: Sequence[str]) -> list[str]:
    """Return as many words as the command has arguments; a required one that is missing is there by its name."""
    placed: list[str] = []
    left = list(words)
    for param in command["params"]:
        if "flags" in param:
            continue
        taken, left = (left, []) if param.get("multiple") else (left[:1], left[1:])
        taken = [word for word in taken if _is_allowed(param, word)]
        if not taken and param.get("required"):
            taken = [param["choices"][0] if "choices" in param else str(param["metavar"]).split()[0]]
        placed += taken
    return placed


def _missing_options(command: Mapping[str, Any], options: Sequence[str]) -> list[str]:
    needed = [param for param in command["params"] if param.get("required") and "flags" in param]
    return [
        word
        for param in needed
        if not any(flag in options for flag in param["flags"])
        for word in (param["flags"][0], param["metavar"])
    ]


def _root_options(given: Mapping[str, Any]) -> list[str]:
    profile = ["--profile", str(given["profile"])] if "profile" in given else []
    return [*profile, *(["--debug"] if given.get("debug") else [])]


def _hint(says: str, command: str) -> str:
    return f"{says} Run: {command}".strip()
