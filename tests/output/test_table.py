"""Tables: the same by Rich and by hand, inert, and as wide as the terminal."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from program import git

from dpx_cli.output import table
from dpx_cli.output.columns import Column
from dpx_cli.output.terminal import Look, width

if TYPE_CHECKING:
    from tests.conftest import Program
    from tests.output.conftest import Terminal

COLUMNS = (
    Column("Slug", "slug"),
    Column("Name", "name"),
    Column("Status", "status", status=True),
    Column("Site", "site", link=True),
    Column("Größe", "size"),
)
CELLS = [
    ["storefront", "Storefront", "READY", "https://storefront.deploxa.com", "1.0 MB"],
    ["docs", "[red]Dócs[/red] :smile: 日本語", "ERROR", "not a url", ""],
    ["api", "👨‍👩‍👧 and 👍🏽", "BUILDING", "https://api.deploxa.com", "12 KB"],
    ["x" * 30, "", "SOMETHING", "", "3"],
]
SEQUENCES = re.compile(r"\x1b\[[0-9;]*m|\x1b\]8;[^\x1b]*\x1b\\")


def look(columns: int = 200, *, color: bool = True) -> Look:
    """A capable terminal."""
    return Look(width=columns, color=color, links=True, unicode=True)


def bare(text: str) -> str:
    """The text without colors and links."""
    return SEQUENCES.sub("", text)


def by_hand(monkeypatch: pytest.MonkeyPatch, cells: list[list[str]], seen: Look) -> str:
    """The same table, laid out by hand."""
    with monkeypatch.context() as patch:
        patch.setattr(table, "RICH_ROWS", 0)
        return table.draw(cells, COLUMNS, key="slug", look=seen)


def paints(text: str) -> list[tuple[str, str]]:
    """Each colored or linked piece of the rows, without the padding that may be inside or outside of the color."""
    rows = text.split("\n", 2)[2]
    colored = [(sgr, body.strip()) for sgr, body in re.findall(r"\x1b\[([1-9]\d*)m(.*?)\x1b\[0m", rows)]
    linked = [
        (url, body.strip()) for url, body in re.findall(r"\x1b\]8;[^;]*;([^\x1b]+)\x1b\\(.*?)\x1b\]8;;\x1b\\", rows)
    ]
    return colored + linked


@pytest.mark.parametrize("columns", [200, 100, 80, 60, 40, 10])
@pytest.mark.parametrize("color", [True, False])
def test_rich_and_the_hand_laid_table_look_the_same(monkeypatch: pytest.MonkeyPatch, columns: int, color: bool) -> None:
    """Same characters, same colors, same links, at any width."""
    seen = look(columns, color=color)
    rich = table.draw(CELLS, COLUMNS, key="slug", look=seen)
    assert "rich.table" in sys.modules
    hand = by_hand(monkeypatch, CELLS, seen)
    assert bare(rich) == bare(hand)
    assert paints(rich) == paints(hand)


def test_the_whole_look() -> None:
    """Header, rule, rows; no space at the end of a line."""
    assert bare(table.draw(CELLS[:2], COLUMNS, key="slug", look=look())) == (
        "Slug        Name                            Status  Site                            Größe\n"
        "──────────────────────────────────────────────────────────────────────────────────────────\n"
        "storefront  Storefront                      READY   https://storefront.deploxa.com  1.0 MB\n"
        "docs        [red]Dócs[/red] :smile: 日本語  ERROR   not a url\n"
    )


@pytest.mark.parametrize("columns", [5, 10, 20, 30, *range(38, 121, 3)])
def test_no_line_is_wider_than_the_terminal(columns: int) -> None:
    """By Rich and by hand, at any width; from 40 columns on identifiers and statuses are whole."""
    for cells in (CELLS, CELLS * 20):
        text = bare(table.draw(cells, COLUMNS, key="slug", look=look(columns)))
        assert all(width(line) <= columns for line in text.splitlines())
        if columns >= 42:
            for row in CELLS:
                assert row[0] in text
                assert row[2] in text


def test_the_column_that_answers_the_question_stays() -> None:
    """Others give way to it, also those before it."""
    columns = (Column("Key", "key"), Column("Targets", "targets"), Column("In", "side", required=True))
    row = ["A_KEY_OF_TWENTY_CELL", "production, preview, development", "only here"]
    text = bare(table.draw([row], columns, key="key", look=look(40)))
    assert text.splitlines()[0].split() == ["Key", "In", "…"]
    assert "only here" in text
    row[0] *= 3
    text = bare(table.draw([row], columns, key="key", look=look(40)))
    assert text.splitlines()[0].split()[:2] == ["Key", "In"]
    assert "A_KEY_OF_TWENTY_CELL" in text
    columns = (Column("Project", "name", required=True), Column("Branch", "branch", required=True), Column("ID", "id"))
    text = bare(table.draw([["storefront", "main", "clm" + "x" * 22]], columns, key="id", look=look(40)))
    assert text.splitlines()[0].split() == ["Project", "Branch", "…"]


def test_only_what_is_plainly_http_or_https_is_a_link() -> None:
    """A domain of the API is one too; whatever else a server puts there is text."""
    for url in ("https://a.deploxa.com", "http://a.deploxa.com", "a.deploxa.com"):
        assert table.link(url, "text").startswith("\x1b]8;;http")
    text = table.draw(CELLS[:1], COLUMNS, key="slug", look=look(50))
    assert ";https://storefront.deploxa.com\x1b\\" in text  # whole, though what is shown is cut
    assert "https://storefront.deploxa.com" not in bare(text)
    for url in ("javascript:alert(1)", "https://a\x1b]8;;evil", "https://a b", "file:///etc/passwd", ""):
        assert table.link(url, "text") == "text"


def test_hostile_text_reaches_no_terminal(terminal: Terminal) -> None:
    """Through Rich and by hand; markup, emoji codes and links in data are text."""
    screen = terminal.screen(env={"TERM": "xterm", "COLUMNS": "200", "NO_COLOR": "1"})
    markup = "[bold red]x[/] [link=https://evil.example]y[/link] :boom: [/]"
    hostile = {"slug": "a\x1b]0;x\x07", "name": f"\x9b2J\u202e {markup}", "site": "https://x\x1b\\"}
    screen.rows([[hostile]], COLUMNS, key="slug")
    screen.rows([[hostile] * 60], COLUMNS, key="slug")
    screen.item(hostile, COLUMNS, key="slug")
    shown = terminal.finish()
    assert not re.search("[\x1b\x07\x9b\u202e]", SEQUENCES.sub("", shown))
    assert shown.count("a\\x1b]0;x\\x07") == shown.count(markup) == 62


def test_a_large_table_needs_no_rich() -> None:
    """Rich costs half a millisecond a row."""
    code = (
        "import io, sys; from dpx_cli.output.screen import Screen; from dpx_cli.output.columns import Column\n"
        "class Tty(io.BytesIO):\n    def isatty(self): return True\n"
        "out = Tty()\n"
        "screen = Screen(None, stdout=out, stderr=None, stdin=None, env={})\n"
        "screen.rows([[{'slug': f'p{n}'} for n in range(20000)]], [Column('Slug', 'slug')], key='slug')\n"
        "print(out.getvalue().count(b'\\n'), 'rich' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert run.stdout == "20002 False\n"


def test_a_column_that_nothing_has_is_left_out() -> None:
    """On a terminal; the key stays even so, and a column with one value too."""
    text = bare(
        table.draw([["", "a", ""], ["", "", "2"]], [COLUMNS[0], COLUMNS[1], COLUMNS[4]], key="slug", look=look())
    )
    assert text.splitlines()[0].split() == ["Slug", "Name", "Größe"]
    text = bare(table.draw([["a", "", ""]], [COLUMNS[0], COLUMNS[1], COLUMNS[4]], key="slug", look=look()))
    assert text.splitlines()[0].split() == ["Slug"]
    assert bare(table.draw_one([["a", ""]], COLUMNS[:2], look=look())) == "Slug  a\n"


@pytest.mark.parametrize(
    ("command", "titles"),
    [
        ("projects list", ["Slug", "Name", "Status", "…"]),
        ("deploy list -p storefront", ["Status", "ID", "…"]),
        ("orgs list", ["Slug", "Name", "Role", "…"]),
        ("deploy list --all", ["Project", "Status", "Branch", "…"]),
        ("deploy -p storefront -p docs --branch main --no-git --dry-run", ["Project", "Branch"]),
        ("env diff .env -p storefront", ["Only in", "Key", "…"]),
        ("env scan . -p storefront", ["Key", "Missing in", "…"]),
        ("env import .env -p storefront --dry-run", ["Action", "Key", "…"]),
        ("plan a b", ["Project", "Action", "Name", "…"]),
    ],
)
def test_commands_answer_at_40_columns(dpx: Program, command: str, titles: list[str]) -> None:
    """What the command was asked for stays; no line is wider."""
    (dpx.cwd / ".env").write_text("A_KEY_OF_THIRTY_CELLS_IN_WIDTH=1\n", encoding="utf-8")
    (dpx.cwd / "app.js").write_text("process.env.A_KEY_OF_THIRTY_CELLS_IN_WIDTH\n", encoding="utf-8")
    git(dpx.cwd, "init", "-q")
    git(dpx.cwd, "add", ".")
    for name, slug in (("a", "storefront"), ("b", "docs")):
        (dpx.cwd / name).mkdir()
        text = f'[project]\nslug = "{slug}"\n[env]\nA_KEY_OF_THIRTY_CELLS_IN_WIDTH = "1"\n'
        (dpx.cwd / name / "deploxa.toml").write_text(text, encoding="utf-8")
    lines = bare(dpx.tty(*command.split(), env={"COLUMNS": "40"}).out).splitlines()
    rule = next(at for at, line in enumerate(lines) if line.startswith("──"))
    assert re.split("  +", lines[rule - 1])[: len(titles)] == titles
    assert max(map(width, lines[rule - 1 : rule + 2])) <= 40
