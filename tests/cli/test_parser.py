"""The parser that spares Typer's import, held against Typer's own; and what a wrong command line is told."""

from __future__ import annotations

import contextlib
import io
import shlex
from typing import TYPE_CHECKING, Any

import pytest
import typer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dpx_cli.cli import app, main, parser, values
from dpx_cli.cli.command_table import TABLE
from dpx_cli.errors import UsageError

if TYPE_CHECKING:
    from tests.conftest import Program

COMMAND = typer.main.get_command(app.app)
PATHS = [(name, sub) for name, entry in TABLE.items() for sub in entry.get("commands", {"": entry})]

# Values that a parser could trip over.
TEXTS = st.one_of(
    st.sampled_from(
        ["x", "", "-", "--", "-x", "--x", "a=b", "=", "-1", "--=", "1", "0", "15m", "ready", "READY", "é", "a b"]
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=4),
)


def entry_of(path: tuple[str, str]) -> Any:
    """The table's entry of a command."""
    entry = TABLE[path[0]]
    return entry["commands"][path[1]] if "commands" in entry else entry


@st.composite
def command_lines(draw: st.DrawFn) -> list[str]:
    """Command lines of every command: mostly right, in every spelling, and wrong in every way."""
    path = draw(st.sampled_from(PATHS))
    params = entry_of(path)["params"]
    words = [word for word in path if word]
    root = [["--debug"], ["--profile", "work"], ["--profile=work"]]
    for more in draw(st.lists(st.sampled_from(root), max_size=2)):
        words = [*more, *words]
    for param in draw(st.lists(st.sampled_from(params), max_size=5)):
        fitting = st.sampled_from(param["choices"]) if "choices" in param else st.sampled_from(["1", "15m", "x", "K=v"])
        value = draw(st.one_of(fitting, fitting, TEXTS))
        if "flags" not in param:
            words.append(value)
            continue
        flag = draw(st.sampled_from(param["flags"]))
        glued = f"{flag}={value}" if flag.startswith("--") else f"{flag}{value}"
        if "metavar" in param:
            words += draw(st.sampled_from([[flag, value], [flag, value], [glued]]))
        else:
            words += draw(st.sampled_from([[flag], [flag], [flag], [glued], [flag + flag.lstrip("-")]]))
    # The required ones, so that most lines run.
    if draw(st.integers(0, 3)):
        for param in params:
            if param.get("required"):
                value = param["choices"][0] if "choices" in param else "1"
                words += [param["flags"][0], value] if "flags" in param else [value]
    for word in draw(st.lists(TEXTS, max_size=1)):
        words.insert(draw(st.integers(len([part for part in path if part]), len(words))), word)
    return words


def ours(words: list[str]) -> tuple[Any, ...]:
    """Return what our parser makes of a command line, to be compared."""
    try:
        # Not `main.parse_line`, which also knows the synonyms of other tools.
        found = parser.route(words)
        call = parser.parse(found) if isinstance(found, parser.Route) else found
    except UsageError as error:
        return "error", error.message
    if isinstance(call, parser.Help):
        return "help", tuple(part for part in call.path if part)
    assert isinstance(call, parser.Call)
    return "call", tuple(part for part in call.path if part), call.format, call.profile, call.debug, call.values


def typers(words: list[str]) -> tuple[Any, ...]:
    """Return what the real Typer application makes of it: what it would run, or its complaint."""
    calls: list[parser.Call] = []

    def note(call: parser.Call) -> int:
        calls.append(call)
        return 0

    output = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(output):
        patch.setattr(app, "execute", note)
        try:
            COMMAND.main(args=words, prog_name="dpx", standalone_mode=False)
        except (typer.TyperException, UsageError) as problem:
            return "error", problem.format_message() if isinstance(problem, typer.TyperException) else problem.message
    if not calls:
        shown = output.getvalue().split("Usage: dpx ")[1].split("[OPTIONS]")[0].split()
        return "help", tuple(shown)
    (call,) = calls
    values = {name: value for name, value in call.values.items() if value is not False}
    return "call", tuple(part for part in call.path if part), call.format, call.profile, call.debug, values


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(command_lines())
def test_it_reads_a_command_line_as_typer_does(words: list[str]) -> None:
    """What is accepted and with which values; of what is not, the kind of mistake and the option."""
    mine, other = ours(words), typers(words)
    if mine[0] == "error" and ("is given twice" in mine[1] or (mine[1].endswith("is empty.") and other[0] == "call")):
        return  # the one rule that Typer does not have; it also forgets an empty value that another one follows
    if mine[0] == "error" and mine[1].startswith("Unexpected argument") and {"deploy", "skill"} & set(words):
        return  # `dpx deploy -- list`: a group that is a command itself runs no other one after --
    if "help" in (mine[0], other[0]):
        # Whoever asks for help gets it, whatever else is on the line.
        assert mine == other or "error" in (mine[0], other[0]) or not words
    elif mine[0] == "error":
        assert other[0] == "error", (mine, other)
    else:
        assert mine == other


def single_mistakes(path: tuple[str, str]) -> list[list[str]]:
    """Return command lines of a command that have one mistake each."""
    command = [word for word in path if word]
    params = entry_of(path)["params"]
    runs_program = any(param.get("complete") == "command" for param in params)
    required: list[str] = []
    for param in params:
        if param.get("required"):
            value = param["choices"][0] if "choices" in param else "1"
            required += [param["flags"][0], value] if "flags" in param else [value]
    found = [[*command, "--nope", *required]]
    if required:
        found.append(command)
    arguments = [param for param in params if "flags" not in param]
    if not any(param.get("multiple") for param in arguments):
        fitting = [param["choices"][0] if "choices" in param else "1" for param in arguments]
        options = [
            word for param in params if "flags" in param and param.get("required") for word in (param["flags"][0], "1")
        ]
        found.append([*command, *options, *fitting, "1"])
    for param in params:
        flag = param.get("flags", ("",))[0]
        if not flag or param["name"] == "help":
            continue
        if "metavar" not in param:
            found.append([*command, f"{flag}=x", *required])
            continue
        if not param.get("required"):
            found.append([*command, *([] if runs_program else required), flag])
        if "choices" in param or param.get("kind", "names") != "names":
            found.append([*command, flag, "?", *required])
    return found


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_a_mistake_is_one_for_typer_too(path: tuple[str, str]) -> None:
    """A command line with one mistake is refused by both; help needs nothing else."""
    command = [word for word in path if word]
    assert ours([*command, "-h"]) == ours([*command, "--help"]) == ("help", tuple(command))
    for words in single_mistakes(path):
        mine, other = ours(words), typers(words)
        assert (mine[0], other[0]) == ("error", "error"), (words, mine, other)


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_every_option_once_is_read_as_typer_does(path: tuple[str, str]) -> None:
    """With everything that the command takes."""
    words = [word for word in path if word]
    for param in sorted(entry_of(path)["params"], key=lambda param: "flags" not in param):
        if param["name"] in {"help", "jsonl", "quiet", "fields", "jq"}:
            continue
        good = {"duration": "15m", "build_bound": "2x", "bundle_bound": "+5%"}
        value = param["choices"][0].lower() if "choices" in param else good.get(param.get("kind", ""), "1")
        flag = param.get("flags", ("",))[0]
        words += [word for word in (flag, value if "metavar" in param else "") if word]
    found = ours(words)
    assert found[0] == "call"
    assert found == typers(words)


WRONG = """\
projcts list => No such command: dpx projcts => Did you mean projects? Run: dpx projects list
projects lsit => No such command: dpx projects lsit => Did you mean list? Run: dpx projects list
deploy lst => No such command: dpx deploy lst => Did you mean list? Run: dpx deploy list
env remve KEY => No such command: dpx env remve => Did you mean rm? Run: dpx env rm KEY
deploy update => No such command: dpx deploy update => Run: dpx deploy --help
qqqq => No such command: dpx qqqq => Run: dpx --help
'' => No such command: dpx '' => Run: dpx --help
--profil x whoami => Unknown option: --profil => Did you mean --profile? Run: dpx --help
projects --lst => Unknown option: dpx projects --lst => Run: dpx projects --help
projects list --limt 3 => Unknown option: --limt => Did you mean --limit? Run: dpx projects list --limit 3
projects list --limt=3 => Unknown option: --limt => Did you mean --limit? Run: dpx projects list --limit 3
rehearse --projct x -- a -q => Unknown option: --projct => Did you mean --project? Run: dpx rehearse --project x -- a -q
deploy --brnch x => Unknown option: --brnch => Did you mean --branch? Run: dpx deploy --branch x
deploy list --status redy => Invalid --status 'redy'. => Did you mean READY? Use one of: QUEUED, BUILDING, READY, ERROR.
deploy list --status x => Invalid --status 'x'. => Use one of: QUEUED, BUILDING, READY, ERROR.
projects create => Missing argument NAME. => Run: dpx projects create --help
projects list --limit => Option --limit needs a value. => Run: dpx projects list --help
--profile => Option --profile needs a value. => Run: dpx profile list
doctor x => Unexpected argument: x => Run: dpx doctor --help
projects get x y z => Unexpected arguments: y, z => Run: dpx projects get --help
projects list --json=1 => Option --json doesn't accept a value. => Run: dpx projects list --help
projects list --limit 0 => Invalid --limit '0'. => Use a whole number, 1 or more. Run: dpx projects list --help
projects list --limit '٣' => Invalid --limit '٣'. => Use a whole number, 1 or more. Run: dpx projects list --help
projects list --limit 1_0 => Invalid --limit '1_0'. => Use a whole number, 1 or more. Run: dpx projects list --help
webhook listen --port 65536 => Invalid --port '65536'. => Use a port, 0 to 65535. Run: dpx webhook listen --help
deploy --timeout soon => Invalid --timeout 'soon'. => Use a duration like 90s or 15m. Run: dpx deploy --help
--profile a --profile b projects list => --profile is given twice, with different values. => Pass it once.
deploy --branch a --branch b => --branch is given twice, with different values. => Pass it once.
projects list -q --json => --json and --quiet can't be used together. => Run: dpx projects list --help
"""


@pytest.mark.parametrize("line", WRONG.splitlines())
def test_a_wrong_command_line_is_one_line_and_a_way_out(dpx_offline: Program, line: str) -> None:
    """Exit 2, stdout empty; the same as one JSON line where JSON was asked for."""
    typed, error, hint = line.split(" => ")
    words = shlex.split(typed)
    result = dpx_offline(*words)
    if "--json" in words:
        assert result.error["message"] == error
        assert result.error["hint"] == hint
        return
    assert (result.code, result.out) == (2, "")
    assert result.err == f"error: {error}\nhint: {hint}\n"


@pytest.mark.parametrize("format_", ["--json", "--jsonl"])
def test_under_json_the_error_is_one_json_line(dpx_offline: Program, format_: str) -> None:
    """Wherever on the line the format stands."""
    for words in (["projcts", format_], ["projects", "list", format_, "--limt", "3"], [format_, "projects", "list"]):
        result = dpx_offline(*words)
        assert (result.code, result.out) == (2, "")
        assert len(result.err.splitlines()) == 1
        assert result.error.keys() == {"code", "message", "hint", "status", "request"}
        assert result.error["code"] == "usage"
        assert result.error["message"]
        assert result.error["hint"]
        assert (result.error["status"], result.error["request"]) == (None, None)


def test_hostile_words_are_neutralized(dpx_offline: Program) -> None:
    """An error line is one line, and moves no cursor."""
    for words in (
        ["\x1b[2Jx\ny"],
        ["projects", "\x1b[2J\ny"],
        ["projects", "list", "--\x1b[2J\n"],
        ["projects", "list", "a\n\x1b[2J"],
        ["help", "\x1b[31mred\u202e"],
    ):
        result = dpx_offline(*words)
        assert result.code == 2
        assert len(result.err.splitlines()) == 2, result
        assert not {"\x1b", "\u202e"} & set(result.err)


@pytest.mark.parametrize(
    "words",
    [
        ["deploy", "x"],
        ["deploy", ""],
        ["deploy", "--branch", "main", "list"],
        ["deploy", "--no-wait", "x"],
        ["deploy", "--", "list"],
    ],
)
def test_a_stray_word_never_starts_a_deployment(dpx: Program, words: list[str]) -> None:
    """A typo of `list` must not deploy."""
    result = dpx(*words, env={"DPX_PROJECT": "storefront"})
    assert result.code == 2
    assert len(dpx("deploy", "list", "--project", "storefront", "--status", "building", "-q").out.splitlines()) == 0
    assert len(dpx("deploy", "list", "--project", "storefront", "--status", "queued", "-q").out.splitlines()) == 0


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (
            "duration",
            {"90": 90, "0.5s": 0.5, "15m": 900, "1h30m": 5400, "250ms": 0.25, "1m30s": 90, "2m5": 125, "1d": 86400},
            ("", "0", "-1", "1 m", "m", "\u0661", "1e3", "inf", "nan", "5m5h", "1.5m", "9" * 12),
        ),
        ("count", {"1": 1, "007": 7}, ("0", "-1", "1.0", "", "\u0661", "9" * 10)),
        ("number", {"0": 0, "12": 12}, ("-1", "1.0", "", "many", "9" * 10)),
        ("port", {"0": 0, "65535": 65535}, ("65536", "-1", "")),
        ("delay", {"0": 0.0, "500ms": 0.5, "2": 2.0, "1h": 3600.0}, ("-1", "soon", "")),
    ],
)
def test_each_kind_of_number(kind: str, good: dict[str, float], bad: tuple[str, ...]) -> None:
    """What it takes, and what not."""
    read = getattr(values, kind)
    assert {text: read(text) for text in good} == good
    for text in bad:
        with pytest.raises(ValueError, match="a "):
            read(text)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("--branch", ["deploy", "--branch", ""]),
        ("--sha", ["deploy", "--sha="]),
        ("-p", ["deploy", "-p", ""]),
        ("--search", ["projects", "list", "--search", ""]),
        ("--from-file", ["env", "set", "KEY", "--from-file", ""]),
        ("--profile", ["--profile", "", "whoami"]),
        ("--profile", ["whoami", "--profile="]),
        ("ID", ["deploy", "again", "", "-p", "docs"]),
        ("KEY", ["env", "rm", "A", ""]),
        ("DIR", ["skill", "install", ""]),
        ("PATH", ["api", ""]),
    ],
)
def test_an_option_or_argument_is_not_empty(dpx_offline: Program, name: str, words: list[str]) -> None:
    """A script's unset variable is an error before any request; a text of the API or a program's may be empty."""
    result = dpx_offline(*words)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"error: The value of {name} is empty.\n")
    assert ("Leave it out" in result.err) == (name not in {"KEY", "PATH"}), "it's needed"
    program = main.parse_line(["sandbox", "run", "printf", ""])
    assert isinstance(program, parser.Call)
    assert program.values == {"command": ("printf", "")}
    call = main.parse_line(["projects", "update", "docs", "--description", "", "--build-command="])
    assert isinstance(call, parser.Call)
    assert call.values == {"project": "docs", "description": "", "build_command": ""}


def test_several_projects_are_repeated_or_separated_by_commas() -> None:
    """Where several are allowed."""
    for words in (["-p", "a,b", "-p", "c"], ["-pa", "--project=b,c"], ["--project", "a,b,,c"]):
        call = main.parse_line(["deploy", *words])
        assert isinstance(call, parser.Call)
        assert call.values["projects"] == ("a", "b", "c")


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (["env", "set", "KEY", "VALUE", "--nope"], "--nope"),
        (["env", "set", "KEY", "VALUE", "-Z"], "-Z"),
        (["webhook", "sign", "--color"], "--color"),
        (["projects", "list", "--nope9"], "--nope9"),
        (["--nope"], "--nope"),
    ],
)
def test_an_unknown_option_is_named_and_those_there_are_listed(
    dpx_offline: Program, words: list[str], option: str
) -> None:
    """Also where a value may be a secret."""
    error, hint = dpx_offline(*words).err.splitlines()
    assert error == f"error: Unknown option: {option}"
    assert hint.startswith("hint: Options: --")
    assert hint.endswith(f"Run: {' '.join(['dpx', *words[:-1][:2]])} --help")
    assert {"--profile,", "--debug,"} <= set(hint.split())
