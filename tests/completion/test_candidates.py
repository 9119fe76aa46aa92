"""The hidden entry that completion scripts call: what a command line is completed with."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from dpx_cli.cli.command_table import TABLE
from dpx_cli.completion import candidates

if TYPE_CHECKING:
    from tests.conftest import Program


def answer(*words: str) -> dict[str, str]:
    """Return the candidates for the last word, with their descriptions."""
    return dict(candidates.answer(words, {}))


def test_groups_and_commands_come_with_what_they_do() -> None:
    """All of them, in the order of the help."""
    assert list(answer("")) == list(TABLE)
    assert answer("whoa") == {"whoami": candidates.sentence(TABLE["whoami"]["help"])}
    assert list(answer("orgs", "")) == ["list", "get", "members"]
    assert "list" in answer("deploy", "")
    assert answer("nothing", "") == answer("projects", "nothing", "") == answer("nothing") == {}


def test_options_come_by_their_long_names() -> None:
    """Those of the command; a short one only if it was typed."""
    assert list(answer("--pro")) == ["--profile"]
    assert list(answer("deploy", "--bra")) == ["--branch"]
    assert "-p" not in answer("deploy", "-")
    assert list(answer("deploy", "-p")) == ["-p"]
    assert list(answer("projects", "-")) == ["--help"]
    assert answer("deploy", "--json=") == answer("deploy", "--nope=x") == answer("deploy", "-Zx") == {}


@pytest.mark.parametrize(
    ("words", "absent"),
    [
        (["--json"], {"--json", "--jsonl", "--quiet"}),
        (["-q"], {"--quiet", "--json", "--jsonl"}),
        (["--limit", "3"], {"--limit"}),
        (["--limit=3"], {"--limit"}),
    ],
)
def test_options_that_the_line_excludes_are_not_offered(words: list[str], absent: set[str]) -> None:
    """Those given already, and those that can't be used together with one given."""
    offered = set(answer("projects", "list", *words, "--"))
    assert not offered & absent
    assert "--cursor" in offered


def test_an_option_that_may_be_repeated_is_offered_again() -> None:
    """Several targets may be named."""
    assert list(answer("env", "set", "K", "v", "--target", "preview", "--targ")) == ["--target"]


def test_options_are_offered_if_nothing_else_can_follow() -> None:
    """A TAB after a complete command shows what may still be said."""
    assert "--limit" in answer("projects", "list", "")
    assert answer("projects", "create", "") == {}


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["deploy", "list", "--status", "buil"], ["BUILDING"]),
        (["deploy", "list", "--status=BUIL"], ["--status=BUILDING"]),
        (["env", "import", "f", "--target", "p"], ["production", "preview"]),
        (["env", "import", "f", "--target", "Production,"], ["Production,preview", "Production,development"]),
        (["env", "import", "f", "--target", "preview", "--target", "p"], ["production"]),
        (["env", "import", "f", "--target=preview,PRO"], ["--target=preview,production"]),
        (["webhook", "send", "deployment.rol"], ["deployment.rollback"]),
        (["completion", "install", "powe"], ["powershell"]),
        (["projects", "create", "x", "--framework", ""], ["NEXTJS", "REACTJS", "VITE", "NODEJS"]),
        (["projects", "create", "x", "--framework", "nope"], []),
    ],
)
def test_fixed_values_come_in_any_case_and_in_comma_lists(words: list[str], wanted: list[str]) -> None:
    """With what was typed before the last comma or after the equals sign kept as it is."""
    assert list(answer(*words)) == wanted


@pytest.mark.parametrize(
    "words",
    [
        ["env", "import", "setti"],
        ["env", "set", "K", "--from-file", ""],
        ["env", "set", "K", "--from-file=x"],
        ["--profile", "work", "env", "import", ""],
    ],
)
def test_files_are_left_to_the_shell(words: list[str]) -> None:
    """The script is told so; only where a file is wanted."""
    assert answer(*words) == {":file": ""}
    assert answer("projects", "list", "setti") == {}


def test_help_completes_topics_and_commands() -> None:
    """And the commands of a group, but nothing below a topic."""
    assert {"exit-codes", "projects"} <= set(answer("help", ""))
    assert list(answer("help", "projects", "upd")) == ["update"]
    assert answer("help", "exit-codes", "x") == answer("help", "projects", "update", "x") == {}


def test_another_programs_line_is_left_to_the_shell() -> None:
    """`sandbox run -- COMMAND`: the answer says how many words precede it. A line of dpx itself is completed."""
    assert list(answer("sandbox", "run", "")) == ["--"]
    assert answer("sandbox", "run", "--", "") == {":command 3": ""}
    assert answer("sandbox", "run", "--slots", "1", "--", "ls", "-") == {":command 5": ""}
    assert answer("sandbox", "run", "--slots", "1", "ls", "-") == {":command 4": ""}
    assert list(answer("sandbox", "run", "--", "dpx", "whoa")) == ["whoami"]
    assert answer("rehearse", "dpx", "projects", "list", "--l") == answer("projects", "list", "--l")
    assert answer("sandbox", "run", "--", "dpx", "sandbox", "run", "--", "l") == {":command 7": ""}
    assert answer("deploy", "--", "--bra") == answer("projects", "get", "--", "-") == {}


def test_a_value_that_may_be_a_secret_is_not_completed() -> None:
    """Neither the value of a variable nor that of an option that holds a secret."""
    env = {"DPX_PROJECT": "x"}
    for words in (
        ["env", "set", "KEY", ""],
        ["env", "set", "KEY="],
        ["env", "set", "A=1", "B"],
        ["webhook", "sign", "--secret", ""],
        ["webhook", "sign", "--secret="],
        ["sandbox", "serve", "--token", "x"],
    ):
        assert dict(candidates.answer(words, env)) == {}


@pytest.mark.parametrize("group", [name for name, entry in TABLE.items() if "commands" in entry])
def test_a_command_of_a_group_is_not_offered_behind_an_option(group: str) -> None:
    """The parser would refuse it there."""
    assert not set(answer(group, "--help", "")) & set(TABLE[group]["commands"])


def test_a_description_that_could_harm_a_terminal_is_left_out(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name stays, and the exit code is always 0."""
    topics = {"one": "a\x1b[31mred", "two": "a\u202eb", "three": "fine. Not shown."}
    monkeypatch.setattr(candidates, "TOPICS", topics)
    assert candidates.run(["help", ""], {}) == candidates.run([], {}) == 0
    assert capfd.readouterr().out.splitlines()[:3] == ["one", "two", "three\tfine"]


def test_it_imports_next_to_nothing(dpx: Program) -> None:
    """No network, no keyring, no Typer, no json, no re: a few modules of dpx, and C modules of the interpreter."""
    dpx("env", "list", "-p", "storefront")
    dpx("deploy", "list", "-p", "storefront")
    imported = set()
    for words in (["env", "rm", "--project", "storefront", ""], ["deploy", "get", ""], ["deploy", "--branch", ""]):
        code = (
            "import sys; before = set(sys.modules); from dpx_cli import __main__ as entry; import os\n"
            f"sys.argv[1:] = ['__complete', *{words!r}]\n"
            "os._exit = lambda code: print(*sorted(set(sys.modules) - before), file=sys.stderr)\n"
            "entry.main()"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], env=dpx.env, cwd=dpx.cwd, capture_output=True, text=True, check=True
        )
        imported |= set(done.stderr.split())
        assert done.stdout or "--branch" in words
    assert imported <= {
        *("dpx_cli", "dpx_cli.__main__", "dpx_cli.cli", "dpx_cli.cli.command_table", "dpx_cli.durations"),
        *("dpx_cli.completion", "dpx_cli.completion.candidates", "dpx_cli.completion.names"),
        *("dpx_cli.completion.branches", "dpx_cli.config", "dpx_cli.config.paths"),
        *("__future__", "errno", "gc", "_json", "_sha256", "_sha2", "datetime", "_datetime", "math"),
        *("operator", "_operator"),  # of datetime
    }
