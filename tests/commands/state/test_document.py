"""Reading deploxa.toml: what it may say, and every mistake with its line and without a value."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpx_cli.commands.state import document, sources
from dpx_cli.commands.state.document import Variable
from dpx_cli.config import project_file
from dpx_cli.errors import NotFound, UsageError

if TYPE_CHECKING:
    from pathlib import Path

CANARY = "s3cret-canary"
TOKEN = "dpx_" + "t0ken" * 8
HEAD = '[project]\nslug = "docs"\n'


def parse(text: str) -> document.Document:
    """The document of a text."""
    return document.parse(text.encode(), "deploxa.toml")


def mistakes(text: str | bytes) -> list[str]:
    """The mistakes of a text, one a line."""
    data = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(UsageError) as caught:
        document.parse(data, "deploxa.toml")
    lines = [caught.value.message, *caught.value.details]
    assert CANARY not in "".join(lines)
    return lines


def test_everything_that_a_file_may_say() -> None:
    """Both tables, every key, every form of a variable; choices in any case."""
    found = parse("""
# ours
[project]
slug = "acme/docs"
name = "Docs"
description = ""
build_command = "npm run build"
install_command = "npm ci"
output_dir = "dist"
framework = "nextjs"
app_type = "Static"
paths = ["../packages/ui", "lib"]

[env]
A = "1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17.18"
B = {value = "", targets = ["Preview", "production"], sensitive = false}
C = {from = "env:OTHER", sensitive = true}
D = {from = "file:sub/d.txt"}
E = {absent = true}
F = {}
[env.G]
value = "x"
""")
    assert (found.slug, found.framework, found.app_type) == ("acme/docs", "NEXTJS", "STATIC")
    assert found.fields == {
        "name": "Docs",
        "description": "",
        "build_command": "npm run build",
        "install_command": "npm ci",
        "output_dir": "dist",
    }
    assert found.paths == ("../packages/ui", "lib")
    plain = [variable._replace(place="") for variable in found.variables.values()]
    assert plain == [
        Variable("A", ".".join(map(str, range(1, 19)))),  # only keys may not have so many parts
        Variable("B", "", targets=("production", "preview"), sensitive=False),
        Variable("C", source="env:OTHER", sensitive=True),
        Variable("D", source="file:sub/d.txt"),
        Variable("E", absent=True),
        Variable("F"),
        Variable("G", "x"),
    ]


def test_the_files_of_windows() -> None:
    """Have a byte order mark and CRLF. What a file does not say is not there."""
    found = document.parse(b"\xef\xbb\xbf" + HEAD.replace("\n", "\r\n").encode() + b'[env]\r\nA = "b"\r\n', "x")
    assert (found.slug, found.variables["A"].value) == ("docs", "b")
    assert (found.fields, found.framework, found.app_type, found.paths, found.needs) == ({}, None, None, (), ())


SYNTAX = [
    ('[project\nslug = "x"', 1, 9),
    ('[project]\nslug = "x', 2, 10),
    ('[project]\nslug = """x\n\n', 2, 8),
    ('[project]\nslug = "x"\nslug = "y"\n', 3, 11),
    (f"[env]\nA = {CANARY}\n", 2, 5),
    (f'[env]\nA = "{CANARY}\n', 2, 19),
    (f"[env]\nA = '''{CANARY}\n{CANARY}=\n", 2, 5),
    (f'[env]\nA = "\\q{CANARY}"\n', 2, 8),
    (f'[env]\nA = {{value = "{CANARY}" B = "{CANARY}"}}', 2, 29),
    (f"[env]\nA = {{{CANARY}}}\n", 2, 19),
    (f"[env]\n{CANARY} {CANARY} # {CANARY}\n", 2, 15),
    ("[env]\nA = \x00", 2, 5),
    ("[env]\nA = " + "9" * 5000, 2, 5003),
    ("a = " + "[" * 9999, 1, 1),
    ('[[project]]\nslug = "x"\n[project]\n', 3, 9),
]


@pytest.mark.parametrize(("text", "line", "column"), SYNTAX)
def test_what_is_no_toml(text: str, line: int, column: int) -> None:
    """Is reported with its line and column, without any value."""
    (said,) = mistakes(text)
    assert said.startswith("deploxa.toml:"), said
    assert "Not valid TOML: " in said
    at_line, at_column = said.split(":")[1:3]
    assert int(at_line) == line, said
    # Releases of Python differ in the column of some mistakes.
    assert abs(int(at_column) - column) <= 14 or line == 1, said


@pytest.mark.parametrize(
    ("data", "line", "column"),
    [(b"\xff", 1, 1), (b'[project]\r\nslug = "\xff"', 2, 9), ("[project]\n# é\n".encode() + b"#\xc3(", 3, 2)],
)
def test_what_is_no_utf8(data: bytes, line: int, column: int) -> None:
    """Is named with its line, like any other mistake."""
    (said,) = mistakes(data)
    assert said.startswith(f"deploxa.toml:{line}:{column}: Not UTF-8"), said


# The text, line, column and what is wrong.
MISTAKES = [
    ("", 1, 1, "slug is missing"),
    ('[project]\nname = "x"', 1, 1, "slug is missing"),
    ('project = "x"', 1, 1, "[project] must be a table"),
    (HEAD + "[hooks]\nA = 1", 3, 1, "Unknown table or key hooks"),
    (f'token = "{CANARY}"\n{HEAD}', 1, 1, "Unknown table or key token"),
    (f'{HEAD}api_url = "{CANARY}"', 3, 1, "Unknown key api_url in [project]"),
    (HEAD + 'nmae = "x"', 3, 1, "Unknown key nmae in [project] (did you mean name?)"),
    (HEAD + "name = 5", 3, 1, "name must be a string"),
    (HEAD + 'name = " "', 3, 1, "name can't be empty"),
    (HEAD + 'framework = "rails"', 3, 1, "framework must be one of NEXTJS, "),
    (HEAD + 'app_type = "VITE"', 3, 1, "app_type must be one of STATIC, NODEJS"),
    (HEAD + 'paths = "lib"', 3, 1, "paths must be an array of strings"),
    (HEAD + 'paths = ["/etc"]', 3, 1, "paths must be relative"),
    (HEAD + 'needs = ["C:/x"]', 3, 1, "needs must be relative"),
    (HEAD + 'needs = ["nowhere"]', 3, 1, 'needs: "nowhere" has no deploxa.toml'),
    ('[project]\nslug = "a/b/c"', 2, 1, "slug must be"),
    (f"{HEAD}[env]\n  A = ['{CANARY}']", 4, 3, "A must be a string or a table"),
    (f'{HEAD}[env]\n"A-B" = "{CANARY}"', 4, 1, "Invalid variable name"),
    (f'{HEAD}[env]\nA = "a\\u0000{CANARY}"', 4, 1, "A value can't contain a NUL"),
    (
        f'{HEAD}[env]\nA = {{value = "{CANARY}", sensitive = true}}',
        4,
        31,
        "A sensitive value doesn't belong in a committed file",
    ),
    (HEAD + '[env]\nA = {value = "x", from = "env:X"}', 4, 19, "value and from can't be used together"),
    (HEAD + '[env]\nA = {absent = true, value = "x"}', 4, 21, "absent and value can't be used together"),
    (HEAD + "[env]\nA = {absent = false}", 4, 6, "absent must be true"),
    (HEAD + '[env]\nA = {targets = ["preview"]}', 4, 6, "targets needs a value"),
    (HEAD + '[env]\nA = {value = "x", targets = []}', 4, 19, "targets must be an array of"),
    (HEAD + '[env]\nA = {value = "x", targets = ["prod"]}', 4, 19, "targets can be production,"),
    (HEAD + '[env]\nA = {value = "x", sensitive = "no"}', 4, 19, "sensitive must be true or false"),
    (HEAD + "[env]\nA = {value = 5}", 4, 6, "value must be a string"),
    (f'{HEAD}[env]\nA = {{valeu = "{CANARY}"}}', 4, 6, "Unknown key valeu in a variable (did you mean value?)"),
    (f'{HEAD}[env]\nA = {{from = "{CANARY}"}}', 4, 6, 'from must be "env:NAME" or "file:PATH"'),
    (HEAD + '[env]\nA = {from = "env:A B"}', 4, 6, "from must have an environment variable"),
    (HEAD + '[env]\nA = {from = "env:DPX_TOKEN"}', 4, 6, "from can't read DPX_ variables"),
    (HEAD + '[env]\nA = {from = "file:/etc/passwd"}', 4, 6, "from must be a file below"),
    (HEAD + '[env]\nA = {from = "file:../outside.txt"}', 4, 6, "from must be a file below"),
    (HEAD + '[env]\nA = {from = "file:sub/../../outside.txt"}', 4, 6, "from must be a file below"),
    (f'{HEAD}[env.A]\nvalue = """\n{CANARY}"""\nx = 1 # {CANARY}', 6, 1, "Unknown key x in a variable"),
    (f'{HEAD}env.A = "{CANARY}"', 3, 1, "Unknown key env in [project]"),
]


@pytest.mark.parametrize(("text", "line", "column", "what"), MISTAKES)
def test_a_mistake(text: str, line: int, column: int, what: str) -> None:
    """Is reported with line, column and what is wrong, without a value."""
    (message,) = mistakes(text)
    assert message.startswith(f"deploxa.toml:{line}:{column}: {what}"), message


def test_every_mistake_is_named_in_the_order_of_the_file() -> None:
    """All at once; the hint says that nothing happened."""
    text = '[env]\nA = 1\nB = {valeu = 2, form = 3}\n[project]\nname = 5\nslug = "x"\n'
    said = mistakes(text)
    assert [found.split(": ")[0] for found in said] == [f"deploxa.toml:{at}" for at in ("2:1", "3:6", "3:17", "5:1")]
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert caught.value.hint == "Fix these lines. Nothing was changed."


def test_no_more_than_twenty_are_named() -> None:
    """A message has an end."""
    said = mistakes(HEAD + "[env]\n" + "".join(f"A{number} = 1\n" for number in range(50)))
    assert (len(said), said[-1]) == (21, "and 30 more.")
    said = mistakes(HEAD + "[env]\n" + "".join(f"A{number} = {{value{number} = 1}}\n" for number in range(30_000)))
    assert (len(said), said[-1]) == (21, "and 80 more.")


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ('# [no]\n[ a ]\n b-1 . "x y" = 1 # {\n', {("a",): "[ a ]", ("a", "b-1"): "b-1", ("a", "b-1", "x y"): '"x y"'}),
        ("[[a.'q.r']]\nb = [ # c ]\n1,\n{c = 2}]\n", {("a",): "[[", ("a", "q.r"): "[[", ("a", "q.r", "b"): "b ="}),
        ('a = """m\n"" ]\nb = 1"""\nc = \'\'\'\'x = 2\'\'\'\nd = 07:32:00\n', {("a",): "a", ("c",): "c", ("d",): "d"}),
        ('a = { b = { "\\u00e9" = [ ] }, c = "=}" }\n', {("a", "b", "é"): '"', ("a", "c"): "c"}),
    ],
)
def test_where_keys_are(text: str, keys: dict[tuple[str, ...], str]) -> None:
    """Each path has the place of its key, or of its table's header."""
    found = document.find_keys(text)
    assert {path: text[found[path] :].startswith(start) for path, start in keys.items()} == dict.fromkeys(keys, True)


@pytest.mark.parametrize(
    "text",
    ["a." * 500_000 + "a = 1", "[" + "'a' . " * 20_000 + "a]\n" + "k = 1\n" * 20_000, '"""\n' + '\\"""\n' * 200_000],
    ids=["key", "header", "string"],
)
def test_a_text_that_takes_square_time_is_refused_at_once(text: str) -> None:
    """Keys of many parts are, before tomllib reads them; an unclosed string is read once."""
    assert len(mistakes(text)) == 1


@given(
    st.sampled_from(
        ["A = {}", 'A = "{}"', "A = '{}'", 'A = """{}', "A {}", "A = [{}", 'A = ["{}"', 'A = {{value = "{}"', "A = #{}"]
    ),
    st.sampled_from(["", "\n", '"', "'", "]", "}", ",", "=", " =", '"""', "\\"]),
    st.sampled_from(["", "\n", '"', "'", "]", "}", "=", "==", "\nB = {}"]),
)
def test_no_mistake_shows_a_value(form: str, before: str, after: str) -> None:
    """Where a value is broken in one of many ways, no message has it."""
    text = HEAD + "[env]\nX = 5\n" + form.format(f"{before}{CANARY}{after}")
    mistakes(text)


@pytest.mark.posix
def test_files_that_are_none(tmp_path: Path) -> None:
    """A missing one is not found; directories, pipes and large ones are refused, and no pipe is waited for."""
    with pytest.raises(NotFound, match="No such file"):
        document.read(str(tmp_path / "deploxa.toml"))
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", "."):
        with pytest.raises(UsageError, match="is not a regular file"):
            document.read(str(tmp_path / name))
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(UsageError, match="is not a regular file"):
        document.read(str(tmp_path / "loop"))
    (tmp_path / "large").write_bytes(b"#" * (project_file.MAX_BYTES + 1))
    with pytest.raises(UsageError, match="is larger than 1024 KiB"):
        document.read(str(tmp_path / "large"))
    (tmp_path / "deploxa.toml").write_text(HEAD, encoding="utf-8")
    found = document.read(str(tmp_path / "deploxa.toml"))
    assert (found.slug, found.folder) == ("docs", str(tmp_path))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A directory with files for `file:`, beside one with a secret that isn't the project's."""
    inside = tmp_path / "inside"
    (inside / "sub").mkdir(parents=True)
    (tmp_path / "outside.txt").write_text(CANARY, encoding="utf-8")
    (inside / "sub" / "value.txt").write_bytes(b"two\nlines\r\n")
    (inside / "bare.txt").write_bytes(b"bare\n\n")
    (inside / "empty.txt").write_bytes(b"\n")
    (inside / "binary.txt").write_bytes(b"\xff")
    (inside / "nul.txt").write_bytes(b"a\0b")
    (inside / "large.txt").write_bytes(b"x" * (sources.MAX_VALUE + 1))
    for private in (".git", "sub/.deploxa", "dpx-config"):
        (inside / private).mkdir()
        (inside / private / "config").write_text(CANARY, encoding="utf-8")
    (inside / "linked").symlink_to(".git/config")
    (inside / "token").write_bytes(CANARY.encode())
    (inside / "within").symlink_to("sub/value.txt")
    (inside / "out").symlink_to("../outside.txt")
    (inside / "above").symlink_to("..")
    (inside / "dangling").symlink_to("../none.txt")
    (inside / "one").symlink_to("two")
    (inside / "two").symlink_to("one")
    if sys.platform == "win32":
        pytest.skip("needs links and named pipes")
    os.mkfifo(inside / "pipe")
    return inside


def read(
    folder: Path, name: str, env: dict[str, str] | None = None
) -> tuple[dict[str, str], dict[str, str], list[str]]:
    """Values, missing sources and mistakes of a file in that directory."""
    text = f'{HEAD}[env]\nX = {{}}\nA = {{from = "{name}"}}\n'
    found = document.parse(text.encode(), str(folder / "deploxa.toml"))
    return sources.read_values(found, env or {}, [str(folder / "dpx-config")], TOKEN)


def test_sources(folder: Path) -> None:
    """The environment, and files below the directory, without one final newline."""
    assert read(folder, "env:OTHER", {"OTHER": "text\n"}) == ({"A": "text\n"}, {}, [])
    assert read(folder, "file:sub/value.txt") == ({"A": "two\nlines"}, {}, [])
    assert read(folder, "file:./sub/../bare.txt") == ({"A": "bare\n"}, {}, [])
    assert read(folder, "file:within") == ({"A": "two\nlines"}, {}, [])


@pytest.mark.parametrize(
    ("name", "what"),
    [
        *(("env:MISSING", "is not set"), ("env:EMPTY", "is empty"), ("file:empty.txt", "is empty")),
        *(("file:none.txt", "doesn't exist"), ("file:bare.txt/x", "doesn't exist")),
    ],
)
def test_missing_sources(folder: Path, name: str, what: str) -> None:
    """Are no mistake of the file: each has its line and what is missing."""
    assert read(folder, name, {"EMPTY": ""}) == ({}, {"A": f"{folder}/deploxa.toml:5:6: {name} {what}."}, [])


@pytest.mark.parametrize(
    ("names", "what"),
    [
        ("binary.txt", "is not UTF-8"),
        ("nul.txt", "contains a NUL"),
        ("large.txt", "is larger than 4 MiB"),
        ("pipe", "can't be read: it is not a regular file"),
        ("sub", "can't be read: is a directory"),
        ("one", "can't be read: it is a symbolic link"),
        ("token", "is dpx's token file"),
        ("out above/outside.txt dangling", "is outside the directory"),
        (
            ".git/config .GIT/nothing linked sub/.deploxa/config dpx-config/config",
            "is a file that belongs to git or dpx",
        ),
    ],
)
def test_bad_files(folder: Path, names: str, what: str) -> None:
    """Each is reported with its line, and nothing of what it holds is shown."""
    for name in names.split():
        (mistake,) = read(folder, f"file:{name}", {"DPX_TOKEN_FILE": str(folder / "token")})[2]
        assert mistake.startswith(f"{folder}/deploxa.toml:5:6: file:{name} {what}")
        assert CANARY not in mistake


def test_every_bad_source_is_reported(folder: Path) -> None:
    """All of them at once, each with its line; a value with the token too, which is not shown."""
    inline = f'[env]\nA = {{from = "file:pipe"}}\nB = "b"\nC = "{TOKEN}"\nD = {{from = "env:LEAK"}}\n'
    text = f'{HEAD}{inline}[env.E]\ntargets = ["preview"]\nfrom = "file:sub"\n'
    found = document.parse(text.encode(), str(folder / "deploxa.toml"))
    lines = sources.read_values(found, {"LEAK": f"Bearer {TOKEN}"}, [], TOKEN)[2]
    assert [line.removeprefix(f"{folder}/deploxa.toml:").split(": ")[0] for line in lines] == [
        *("4:6", "6:1", "7:6", "10:1"),
    ]
    assert lines[2].endswith(": The value of D contains the token in use.")
    assert TOKEN not in "".join(lines)
