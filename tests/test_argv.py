"""The parser that spares Typer's import, held against Typer's own; and what a wrong command line is told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dpx_cli import argv, typer_app
from dpx_cli.command_table import TABLE
from dpx_cli.errors import UsageError

if TYPE_CHECKING:
    from tests.conftest import Program

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


def outcome(parse: Any, words: list[str]) -> tuple[Any, ...]:
    """What a parser makes of a command line, to be compared."""
    found = argv.route(words)
    assert isinstance(found, argv.Route)
    try:
        call = parse(found)
    except UsageError as error:
        return "error", error.message, error.hint
    if call is None:
        return ("undecided",)
    if isinstance(call, argv.Help):
        return "help", call.path
    return "call", call.path, call.format, call.profile, call.debug, call.values


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(command_lines())
def test_it_reads_a_command_line_as_typer_does(words: list[str]) -> None:
    """Where it reads it at all; where it is not certain, Typer decides."""
    try:
        found = argv.route(words)
    except UsageError:
        return
    if not isinstance(found, argv.Route):
        return
    ours = outcome(argv.parse, words)
    typers = outcome(typer_app.parse, words)
    if ours[0] == "undecided":
        assert typers[0] in {"call", "help", "error"}
    elif ours[0] == "help":
        # Who asks for help gets it, whatever else is on the line.
        assert typers == ours or typers[0] == "error"
    else:
        assert ours == typers


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_a_right_command_line_is_read_without_typer(path: tuple[str, str]) -> None:
    """With everything that it takes, once."""
    words = [word for word in path if word]
    for param in entry_of(path)["params"]:
        if param["name"] in {"help", "jsonl", "quiet"}:
            continue
        value = (
            param["choices"][0].lower() if "choices" in param else {"duration": "15m"}.get(param.get("kind", ""), "1")
        )
        flag = param.get("flags", ("",))[0]
        words += [word for word in (flag, value if "metavar" in param else "") if word]
    ours = outcome(argv.parse, words)
    assert ours[0] == "call"
    assert ours == outcome(typer_app.parse, words)


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_needs_nothing_else(path: tuple[str, str], flag: str) -> None:
    """Not even what is required."""
    assert outcome(argv.parse, [*(word for word in path if word), flag]) == (
        "help",
        path if path[1] or "commands" in TABLE[path[0]] else path[:1],
    )


WRONG = (
    # A typo, and the nearest name.
    (["projcts", "list"], "no such command: dpx projcts", "did you mean projects? See dpx --help"),
    (["projects", "lsit"], "no such command: dpx projects lsit", "did you mean list? See dpx projects --help"),
    (["deploy", "lst"], "no such command: dpx deploy lst", "did you mean list? See dpx deploy --help"),
    (["qqqq"], "no such command: dpx qqqq", "see dpx --help"),
    (["--profil", "x", "whoami"], "no such option: --profil", "did you mean --profile? See dpx --help"),
    (["projects", "--lst"], "no such option: dpx projects --lst", "did you mean list? See dpx projects --help"),
    (
        ["projects", "list", "--limt", "3"],
        "no such option: --limt",
        "did you mean --limit? See dpx projects list --help",
    ),
    (["projects", "list", "--limt=3"], "no such option: --limt", "did you mean --limit? See dpx projects list --help"),
    (["deploy", "--brnch", "x"], "no such option: --brnch", "did you mean --branch? See dpx deploy --help"),
    (
        ["deploy", "list", "--status", "redy"],
        "--status does not take 'redy'",
        "did you mean READY? It takes QUEUED, BUILDING, READY, ERROR",
    ),
    (["deploy", "list", "--status", "x"], "--status does not take 'x'", "it takes QUEUED, BUILDING, READY, ERROR"),
    # Something missing, too much, or of the wrong kind.
    (["orgs", "get"], "missing argument SLUG", "see dpx orgs get --help"),
    (["projects", "list", "--limit"], "option --limit requires an argument", "see dpx projects list --help"),
    (["--profile"], "option --profile needs a value", "dpx profile list"),
    (["projects", "list", "x"], "dpx projects list was given an argument too many: x", "see dpx projects list --help"),
    (["projects", "list", "--json=1"], "option --json does not take a value", "see dpx projects list --help"),
    (
        ["projects", "list", "--limit", "0"],
        "--limit takes a whole number, 1 or more, not '0'",
        "see dpx projects list --help",
    ),
    (
        ["projects", "list", "--limit", "\uff11\uff12"],
        "--limit takes a whole number, 1 or more, not '\uff11\uff12'",
        "see dpx projects list --help",
    ),
    (
        ["projects", "list", "--limit", "1_0"],
        "--limit takes a whole number, 1 or more, not '1_0'",
        "see dpx projects list --help",
    ),
    (
        ["webhook", "listen", "--port", "65536"],
        "--port takes a port, 0 to 65535, not '65536'",
        "see dpx webhook listen --help",
    ),
    (
        ["deploy", "--timeout", "soon"],
        "--timeout takes a duration like 90s or 15m, not 'soon'",
        "see dpx deploy --help",
    ),
    (
        ["projects", "list", "-q", "--json"],
        "--json and --quiet exclude each other",
        "give one of them; see dpx projects list --help",
    ),
)


@pytest.mark.parametrize(("words", "error", "hint"), WRONG, ids=[" ".join(words) for words, *_ in WRONG])
def test_a_wrong_command_line_is_one_line_and_a_way_out(lone: Program, words: list[str], error: str, hint: str) -> None:
    """Exit 2, stdout empty; the same as one JSON line where JSON was asked for."""
    result = lone(*words)
    if "--json" in words:
        assert result.error["message"] == error
        assert result.error["hint"] == hint
        return
    assert (result.code, result.out) == (2, "")
    assert result.err == f"error: {error}\nhint: {hint}\n"


@pytest.mark.parametrize("format_", ["--json", "--jsonl"])
@pytest.mark.parametrize(
    "words",
    [
        ["projcts"],
        ["projects", "lsit"],
        ["projects", "list", "--limt", "3"],
        ["orgs", "get"],
        ["projects", "list", "--limit", "0"],
    ],
)
def test_under_json_the_error_is_one_json_line(lone: Program, words: list[str], format_: str) -> None:
    """Wherever on the line the format stands."""
    result = lone(*words, format_)
    if words == ["orgs", "get"] and format_ == "--jsonl":
        return  # a command of one thing does not take --jsonl, which is what it is told; see WRONG
    assert (result.code, result.out) == (2, "")
    assert len(result.err.splitlines()) == 1
    error = json.loads(result.err)["error"]
    assert error.keys() == {"code", "message", "hint", "status", "request"}
    assert error["code"] == "usage"
    assert error["message"]
    assert error["hint"]
    assert (error["status"], error["request"]) == (None, None)


SECRET = "s3cr3t-v4lue"


@pytest.mark.parametrize(
    "words",
    [
        ["env", "set", "KEY", SECRET, "--nope"],
        ["env", "set", "KEY", f"-{SECRET}"],
        ["env", "set", "KEY", f"--{SECRET}"],
        ["env", "set", "KEY", f"--{SECRET}=x"],
        ["env", "set", f"KEY={SECRET}", "--target", "nowhere"],
        ["env", "set", f"KEY={SECRET}", "--json", "--jsonl"],
        ["env", "set", "KEY", SECRET, "--stdin=yes"],
        ["webhook", "verify", "--secret", SECRET, "a", "b"],
        ["webhook", "verify", "--secret", SECRET],
        ["webhook", "sign", "a", SECRET, "--secret"],
        ["webhook", "sign", f"--secrt={SECRET}"],
        ["webhook", "sign", "--secrt", SECRET],
        ["webhook", "send", "deployment.redy", "--to", "http://127.0.0.1:1/", "--secret", SECRET],
        ["api", "/x", "-f", f"token={SECRET}", "--nope"],
        ["api", "/x", "-f", f"token={SECRET}", "-X", "FETCH"],
        ["sandbox", "serve", "--token", SECRET, "--role", "nobody"],
        ["sandbox", "serve", "--token", SECRET, "--prt", "1"],
        ["auth", "login", "--with-token", SECRET],
        ["auth", "login", f"--with-token={SECRET}"],
        ["login", SECRET],
        ["login", f"--token={SECRET}"],
        ["login", f"--{SECRET}"],
        ["auth", "login", "--token", SECRET],
    ],
    ids=" ".join,
)
def test_a_secret_is_never_shown_in_an_error(lone: Program, words: list[str]) -> None:
    """Whichever part of the line was not understood."""
    for more in ([], ["--json"], ["--debug"]):
        result = lone(*words, *more)
        assert result.code == 2, result
        assert SECRET not in result.out + result.err


def test_hostile_words_are_neutralised(lone: Program) -> None:
    """An error line is one line, and moves no cursor."""
    for words in (
        ["\x1b[2Jx\ny"],
        ["projects", "\x1b[2J\ny"],
        ["projects", "list", "--\x1b[2J\n"],
        ["projects", "list", "a\n\x1b[2J"],
    ):
        result = lone(*words)
        assert result.code == 2
        assert len(result.err.splitlines()) == 2, result
        assert "\x1b" not in result.err


@pytest.mark.parametrize(
    "words",
    [["deploy", "x"], ["deploy", "--branch", "main", "list"], ["deploy", "--no-wait", "x"], ["deploy", "--", "list"]],
)
def test_a_stray_word_never_starts_a_deployment(dpx: Program, words: list[str]) -> None:
    """A typo of `list` must not deploy."""
    result = dpx(*words, env={"DPX_PROJECT": "storefront"})
    assert result.code == 2
    assert len(dpx("deploy", "list", "--project", "storefront", "--status", "building", "-q").out.splitlines()) == 0
    assert len(dpx("deploy", "list", "--project", "storefront", "--status", "queued", "-q").out.splitlines()) == 0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("0.5s", 0.5),
        ("15m", 900),
        ("1h30m", 5400),
        ("250ms", 0.25),
        ("1h", 3600),
        ("1m30s", 90),
        ("2m5", 125),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    """As a person writes them."""
    assert argv.duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "0", "0s", "-1", "soon", "1d", "1 m", "m", "\u0661", "1e3", "inf", "nan", "5m5h", "1.5m", "9" * 12]
)
def test_what_is_no_duration(text: str) -> None:
    """None above zero, or none at all."""
    assert argv.duration(text) is None


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("count", {"1": 1, "007": 7}, ("0", "-1", "1.0", "", "\u0661", "9" * 10)),
        ("number", {"0": 0, "12": 12}, ("-1", "1.0", "", "many", "9" * 10)),
        ("factor", {"10": 10.0, "0.5": 0.5}, ("0", "0.0", ".5", "5.", ".", "", "1e3", "nan", "fast", "1.2.3")),
        ("port", {"0": 0, "65535": 65535}, ("65536", "-1", "")),
        ("delay", {"0": 0.0, "500ms": 0.5, "2": 2.0, "1h": 3600.0}, ("-1", "soon", "")),
    ],
)
def test_each_kind_of_number(kind: str, good: dict[str, float], bad: tuple[str, ...]) -> None:
    """What it takes, and what not."""
    read, _ = argv.KINDS[kind]
    assert {text: read(text) for text in good} == good
    assert [read(text) for text in bad] == [None] * len(bad)
