"""The list to pick from: on a terminal that redraws, and as a numbered prompt elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dpx_cli.errors import UsageError
from dpx_cli.output import picker

if TYPE_CHECKING:
    from tests.output.conftest import Terminal

OPTIONS = ["storefront", "docs", "api"]
OTHER = "Create a new project"


def picked(
    terminal: Terminal, options: list[str], *keys: tuple[str, str], other: str | None = OTHER, **env: str
) -> Any:
    """Open the list and type keys, each when a text has appeared."""
    with terminal.typing(*keys):
        return picker.choose(terminal.screen(env={"TERM": "xterm", **env}), "Project", options, other=other)


@pytest.mark.parametrize(
    ("keys", "index"),
    [
        ("\r", 0),
        ("\n", 0),
        ("\x1b[B\r", 1),
        ("\x1bOB\x1bOB\x1b[A\r", 1),
        ("\x0e\x0e\x10\r", 1),
        ("\t\t\t\r", None),
        ("\x1b[B" * 9 + "\r", None),
        ("\x1b[A\r", 0),
        ("api\r", 2),
        ("API\r", 2),
        ("o f\r", 0),
        ("d\r", 1),
        ("dx\x7f\r", 1),
        ("zzz\x15\r", 0),
        ("zzz\r", None),
        ("\x1b[5~api\r", 2),
    ],
)
def test_keys(terminal: Terminal, keys: str, index: int | None) -> None:
    """Arrows, Tab and Ctrl-N move; text filters in any case; what begins with it comes first; Enter chooses."""
    assert picked(terminal, OPTIONS, ("Type to filter", keys)) == index
    shown = terminal.finish()
    assert shown.endswith(f"Project: {OTHER if index is None else OPTIONS[index]}\n"), shown
    assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h")


def test_other_scripts_are_typed_and_hostile_names_shown(terminal: Terminal) -> None:
    """A key may be several bytes; control characters of a name are escapes."""
    assert picked(terminal, ["a\x1b[2Jb", "köln-東京"], ("Type to filter", "ö東\x7f京\x15東\r")) == 1
    assert "\x1b[2J" not in terminal.finish()


def test_without_another_choice_enter_needs_an_option(terminal: Terminal) -> None:
    """It does nothing while no option matches; the third time the list goes."""
    keys = "zzz\r\x15\x1b[B\x1b[B\x1b[B\r"
    assert picked(terminal, OPTIONS, ("Type to filter", keys), other=None) == 2
    with pytest.raises(UsageError, match="No answer to: Project"):
        picked(terminal, OPTIONS, ("Project: api\n", "zzz\r\r\r"), other=None)


def test_many_options_in_a_narrow_terminal(terminal: Terminal) -> None:
    """The list is a window of a few rows, and no line is wider than the terminal."""
    terminal.resize(40)
    options = [f"project-{number:04}-with-a-name-wider-than-that" for number in range(2000)]
    assert picked(terminal, options, ("2,000 of 2,000", "1234"), ("1 of 2,000", "\r")) == 1234
    lines = [line for line in terminal.finish().replace("\x1b[K", "\n").split("\n") if "\x1b" not in line]
    assert max(map(len, lines)) <= 60  # the last line says what was chosen, in full
    assert sum(line.startswith("  project-") for line in lines) < 60


@pytest.mark.posix
def test_ctrl_d_is_no_answer(terminal: Terminal) -> None:
    """It is an error, and the terminal shows what is typed again."""
    import termios

    before = termios.tcgetattr(terminal.file.fileno())
    with pytest.raises(UsageError, match="No answer to: Project"):
        picked(terminal, OPTIONS, ("Type to filter", "\x04"))
    assert termios.tcgetattr(terminal.file.fileno()) == before


@pytest.mark.parametrize("env", [{"ACCESSIBLE": "1"}, {"TERM": "dumb"}])
def test_a_numbered_prompt(terminal: Terminal, env: dict[str, str]) -> None:
    """By number or name; part of a name chooses the only one that has it; asks again, and nothing is redrawn."""
    assert picked(terminal, OPTIONS, ("[1-4]: ", "2\n"), **env) == 1
    assert picked(terminal, OPTIONS, ("docs\n", "api\n"), **env) == 2
    keys = (("docs\n", "9\n"), ("Nothing matches 9.\n", "zzz\n"), ("Nothing matches zzz.\n", "store\n"))
    assert picked(terminal, OPTIONS, *keys, **env) == 0
    assert picked(terminal, OPTIONS, ("docs\n", "4\n"), **env) is None
    shown = terminal.finish()
    assert "1  storefront\n2  docs\n3  api\n4  Create a new project\n" in shown
    assert "\x1b" not in shown


def test_a_numbered_prompt_gives_up_after_three_tries(terminal: Terminal) -> None:
    """It doesn't list the options for ever."""
    with pytest.raises(UsageError, match="No answer to: Project"):
        picked(terminal, OPTIONS, *[("[1-4]: ", f"{wrong}\n") for wrong in ("x", "y", "z")], ACCESSIBLE="1")


def test_a_numbered_prompt_of_many(terminal: Terminal) -> None:
    """They are listed only once few are left."""
    options = [f"project-{number:04}" for number in range(2000)]
    keys = (("[1-2001]: ", "t-199\n"), ("1991  project-1990\n", "1991\n"))
    assert picked(terminal, options, *keys, ACCESSIBLE="1") == 1990
    shown = terminal.finish()
    assert "2,000 choices. Type part of a name to list fewer.\n" in shown
    assert shown.count("project-") == 10
