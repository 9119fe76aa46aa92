"""Every format, on a terminal and off it; streams that fail; talk and errors."""

# ruff: noqa: RUF001 - letters that look like others are the point of these tests

from __future__ import annotations

import io
import json
import os
import threading
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest

from dpx_cli.errors import Failed, InvalidResponse, NotFound
from dpx_cli.output.columns import Column
from dpx_cli.output.screen import Screen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.output.conftest import Terminal

COLUMNS = (
    Column("Slug", "slug"),
    Column("Status", "current_deployment.status", status=True),
    Column("Targets", "targets"),
    Column("Size", "size", show=lambda value: f"{value} KB"),
)
ONE = {
    "slug": "storefront",
    "current_deployment": {"status": "READY"},
    "targets": ["production", "preview"],
    "size": 12,
}
TWO: dict[str, Any] = {
    "slug": "dócs\x1b[2J\t\u202e",
    "current_deployment": None,
    "targets": [],
    "size": None,
    "sensitive": True,
}


class Streams:
    """A screen off a terminal, and what came out of it."""

    def __init__(self, format: str | None = None, env: Mapping[str, str] | None = None) -> None:  # noqa: A002 - as Screen
        self.stdout = io.BytesIO()
        self.stderr = io.BytesIO()
        self.screen = Screen(format, stdout=self.stdout, stderr=self.stderr, stdin=io.BytesIO(), env=env or {})

    @property
    def out(self) -> str:
        """All data."""
        return self.stdout.getvalue().decode()

    @property
    def err(self) -> str:
        """All talk."""
        return self.stderr.getvalue().decode()


def test_off_a_terminal_rows_are_tab_separated_lines() -> None:
    """No header, raw values, lists with commas, null empty, everything neutralized."""
    streams = Streams()
    assert streams.screen.format == "tsv"
    streams.screen.rows([[ONE], [TWO]], COLUMNS, key="slug")
    assert streams.out == "storefront\tREADY\tproduction,preview\t12\ndócs\\x1b[2J\\t\\u202e\t\t\t\n"
    assert streams.err == ""


def test_odd_values_become_one_cell_each() -> None:
    """Whatever JSON can hold, items that are no objects included."""
    streams = Streams()
    streams.screen.rows([["text", None]], COLUMNS[:2], key="slug")  # type: ignore[list-item]
    columns = [Column(name, name) for name in "abcdef"]
    streams.screen.item(
        {"a": True, "b": False, "c": 1.5, "d": {"x": "\x1bé"}, "e": [None, [1]], "f": "a\nb"}, columns, key="a"
    )
    assert streams.out == '\t\n\t\ntrue\tfalse\t1.5\t{"x":"\\u001bé"}\t[null,[1]]\ta\\nb\n'


def test_json_is_one_array_across_pages() -> None:
    """Keys and values unchanged, UTF-8, on one line off a terminal; what a terminal may not receive stays escaped."""
    streams = Streams("json")
    streams.screen.rows([[ONE], [], [TWO]], COLUMNS, key="slug")
    assert '"dócs\\u001b[2J\\t\\u202e"' in streams.out
    assert streams.out.count("\n") == 1
    assert json.loads(streams.out) == [ONE, TWO]
    for number in range(2):
        streams = Streams("json")
        streams.screen.rows([[]] * number, COLUMNS, key="slug")
        assert streams.out == "[]\n"


def test_a_json_array_is_kept_as_bytes() -> None:
    """In a text one emoji makes every character four bytes large."""
    pages = ([{"x": "a" * 1024**2 + "\U0001f600"}] for _ in range(20))
    tracemalloc.start()
    try:
        Streams("json").screen.array(pages)
        assert tracemalloc.get_traced_memory()[1] < 80 * 1024**2
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("form", "written"),
    [
        ("json", ""),
        ("table", ""),
        ("jsonl", json.dumps(ONE, separators=(",", ":")) + "\n"),
        ("tsv", "storefront\tREADY\tproduction,preview\t12\n"),
        ("quiet", "storefront\n"),
    ],
)
def test_a_list_that_fails_half_way(form: str, written: str) -> None:
    """An array or a table is written when all pages came, the others page by page. One thing has the same form."""
    streams = Streams(form)

    def pages() -> Iterator[list[dict[str, Any]]]:
        yield [ONE]
        assert streams.out == written
        raise NotFound("gone")

    with pytest.raises(NotFound):
        streams.screen.rows(pages(), COLUMNS, key="slug")
    assert streams.out == written
    if form != "table":
        streams = Streams(form)
        streams.screen.item(ONE, COLUMNS, key="slug")
        assert streams.out == (written or json.dumps(ONE, separators=(",", ":")) + "\n")


def test_jsonl_is_one_object_a_line() -> None:
    """Also where a value has a newline in it."""
    streams = Streams("jsonl")
    streams.screen.rows([[ONE, TWO], [{"slug": "a\nb\u2028\ud83d"}]], COLUMNS, key="slug")
    lines = streams.out.splitlines()
    assert "a\\nb\\u2028\\ud83d" in streams.out
    assert [json.loads(line) for line in lines] == [ONE, TWO, {"slug": "a\nb\u2028\ud83d"}]


def test_quiet_is_the_identifier_neutralized() -> None:
    """Dotted paths too; an item without one is an error, since an empty line would become an empty argument."""
    streams = Streams("quiet")
    streams.screen.rows([[{"user": {"email": "alice@acme.com\x1b"}}]], COLUMNS, key="user.email")
    assert streams.out == "alice@acme.com\\x1b\n"
    with pytest.raises(InvalidResponse):
        streams.screen.rows([[{"user": {"email": None}}]], COLUMNS, key="user.email")


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_values_that_are_no_json_are_refused(form: str) -> None:
    """NaN, and nesting beyond what the encoder takes."""
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    for value in (float("nan"), float("inf"), deep):
        streams = Streams(form)
        with pytest.raises(InvalidResponse):
            streams.screen.rows([[{"a": value}]], COLUMNS, key="slug")
        assert streams.out == ""
    while deep:  # taken apart by hand: to free it whole would be deep as well
        deep = deep.pop()


def test_lines_and_raw_bytes() -> None:
    """A line is neutralized, bytes go out as they are."""
    streams = Streams()
    streams.screen.line("https://a.deploxa.com\x07")
    streams.screen.lines(["a", "b\x1b"])
    streams.screen.raw(b"\xff\x00")
    streams.screen.raw(b"")
    assert streams.stdout.getvalue() == b"https://a.deploxa.com\\x07\na\nb\\x1b\n\xff\x00"


def test_on_a_terminal_json_is_indented_and_still_free_of_escapes(terminal: Terminal) -> None:
    """Exactly as json.dumps would have it, across pages."""
    terminal.screen("json").rows([[ONE], [TWO, ONE]], COLUMNS, key="slug")
    terminal.screen("json").item(ONE, COLUMNS, key="slug")
    expected = json.dumps([ONE, TWO, ONE], indent=2).replace("\\u00f3", "ó") + "\n" + json.dumps(ONE, indent=2)
    assert terminal.finish() == expected + "\n"


def test_an_empty_list_is_said_on_stderr_of_a_terminal(terminal: Terminal) -> None:
    """Nothing on stdout; off a terminal nothing at all."""
    stderr = io.BytesIO()
    screen = Screen(None, stdout=terminal.file, stderr=stderr, stdin=None, env={})
    screen.rows([[]], COLUMNS, key="slug", empty="no projects")
    assert terminal.finish() == ""
    assert stderr.getvalue() == b"no projects\n"
    streams = Streams()
    streams.screen.rows([[]], COLUMNS, key="slug", empty="no projects")
    assert (streams.out, streams.err) == ("", "")


def test_on_a_terminal_one_thing_is_titled_lines(terminal: Terminal) -> None:
    """Aligned, colored, nothing cut."""
    terminal.resize(20)
    terminal.screen().item(ONE | {"slug": "x" * 40}, COLUMNS, key="slug")
    assert terminal.finish() == (
        f"\x1b[1mSlug     \x1b[0m{'x' * 40}\n"
        "\x1b[1mStatus   \x1b[0m\x1b[32mREADY\x1b[0m\n"
        "\x1b[1mTargets  \x1b[0mproduction, preview\n"
        "\x1b[1mSize     \x1b[0m12 KB\n"
    )


@pytest.mark.parametrize(
    "env",
    [{"TERM": "dumb"}, {"TERM": "xterm", "NO_COLOR": "1"}, {"TERM": "xterm", "NO_COLOR": "1", "FORCE_COLOR": "1"}],
)
def test_no_color_where_it_is_unwanted(terminal: Terminal, env: dict[str, str]) -> None:
    """TERM=dumb, which gets ASCII alone, and NO_COLOR, which wins over FORCE_COLOR; links are left out too."""
    terminal.resize(24)
    screen = terminal.screen(env=env)
    screen.rows([[ONE]], COLUMNS, key="slug")
    screen.rows([[ONE | {"slug": "https://a.example"}]], (Column("Site", "slug", link=True),), key="slug")
    screen.item(ONE, COLUMNS, key="slug")
    screen.error(NotFound("no such project", hint="dpx projects list"))
    shown = terminal.finish()
    assert "\x1b" not in shown
    assert shown.isascii() is (env["TERM"] == "dumb")


def test_force_color_colors_talk_off_a_terminal_but_never_data() -> None:
    """As in a CI whose log shows colors."""
    env = {"FORCE_COLOR": "1"}
    streams = Streams(env=env)
    streams.screen.error(NotFound("no such project"))
    streams.screen.rows([[ONE]], COLUMNS, key="slug")
    assert streams.err == "\x1b[1;31merror:\x1b[0m no such project\n"
    assert "\x1b" not in streams.out
    streams = Streams("json", env=env)
    streams.screen.error(NotFound("no such project"))
    assert "\x1b" not in streams.err


def test_talk_is_one_neutralized_line_each() -> None:
    """On stderr, whatever the format."""
    streams = Streams("tsv")
    streams.screen.note("a\nb")
    streams.screen.warn("c\x1b[31m")
    streams.screen.info("d")
    streams.screen.error(NotFound("no such project:\n\u202ex", hint="dpx projects list"))
    assert streams.err == (
        "note: a\\nb\nwarning: c\\x1b[31m\nd\nerror: no such project:\\n\\u202ex\nhint: dpx projects list\n"
    )
    assert streams.out == ""


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_an_error_under_json_is_one_json_line(form: str) -> None:
    """All five keys, null where there is no value."""
    streams = Streams(form)
    streams.screen.error(NotFound("kein Projekt „ä“\n", status=404, request="GET /projects/x"))
    assert "kein Projekt „ä“\\n" in streams.err
    assert streams.err.count("\n") == 1
    assert json.loads(streams.err) == {
        "error": {
            "code": "not_found",
            "message": "kein Projekt „ä“\n",
            "hint": None,
            "status": 404,
            "request": "GET /projects/x",
        }
    }


@pytest.mark.posix
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_a_full_disk_is_an_error() -> None:
    """Said in one line, as is a stdout that is closed, as after `>&-`."""
    stdout = open("/dev/full", "wb", buffering=0)  # noqa: SIM115 - closed below
    with pytest.raises(Failed, match="no space left"):
        Screen(None, stdout=stdout, stderr=None, stdin=None, env={}).line("x")
    stdout.close()
    with pytest.raises(Failed, match="closed"):
        Screen(None, stdout=None, stderr=None, stdin=None, env={}).line("x")


def test_talk_that_cannot_be_written_stops_nothing() -> None:
    """Closed, broken, or full; data without a reader is a BrokenPipeError, for the boundary to end with 141."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb", buffering=0) as broken:
        with pytest.raises(BrokenPipeError):
            Screen(None, stdout=broken, stderr=None, stdin=None, env={}).line("x")
        for stderr in (None, broken):
            screen = Screen("json", stdout=io.BytesIO(), stderr=stderr, stdin=None, env={})
            screen.note("x")
            screen.error(NotFound("x"))
    closed = io.BytesIO()
    closed.close()
    Screen(None, stdout=None, stderr=closed, stdin=None, env={}).error(NotFound("x"))


@pytest.mark.posix
def test_a_non_blocking_pipe_loses_nothing() -> None:
    """A shell or a parent may have set O_NONBLOCK on the far end's file description."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    data = os.urandom(1_000_000)
    got: list[bytes] = []

    def drain() -> None:
        while chunk := os.read(reader, 65536):
            got.append(chunk)

    thread = threading.Thread(target=drain)
    thread.start()
    with os.fdopen(writer, "wb") as stdout:
        Screen(None, stdout=stdout, stderr=None, stdin=None, env={}).raw(data)
    thread.join(10)
    os.close(reader)
    assert b"".join(got) == data


@pytest.mark.parametrize(
    ("env", "columns"),
    [({"COLUMNS": "132"}, 132), ({"COLUMNS": "0"}, 80), ({"COLUMNS": "wide"}, 80), ({"COLUMNS": "１２"}, 80), ({}, 80)],
)
def test_width(terminal: Terminal, env: dict[str, str], columns: int) -> None:
    """COLUMNS where it is a number, else the terminal's, else 80."""
    assert Streams(env=env).screen.size()[0] == columns
    terminal.resize(57)
    assert terminal.screen(env={"TERM": "xterm", **env}).size()[0] == (columns if columns == 132 else 57)


def test_unicode_is_left_out_only_where_the_locale_excludes_it() -> None:
    """Containers have no locale on terminals that draw everything."""
    assert Streams(env={}).screen.unicode
    assert Streams(env={"LANG": "C"}).screen.unicode
    assert Streams(env={"LANG": "de_DE.UTF-8"}).screen.unicode
    assert not Streams(env={"LANG": "de_DE.ISO-8859-1"}).screen.unicode
    assert not Streams(env={"TERM": "dumb"}).screen.unicode
