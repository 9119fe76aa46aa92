"""Strict .env files: what each line means, what is refused and how it is named."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpx_cli.commands.env.dotenv import EnvFile
from dpx_cli.commands.env.values import MAX_BYTES
from dpx_cli.errors import UsageError

CANARY = "c4n4ry"


def one(text: str) -> str:
    """Return the value of K in a file of one variable."""
    values = EnvFile(text.encode(), ".env").values
    assert list(values) == ["K"]
    return values["K"]


def refusal(data: bytes, name: str = ".env") -> str:
    """Return the message that refuses a file."""
    with pytest.raises(UsageError) as caught:
        EnvFile(data, name)
    return caught.value.message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("K=v", "v"),
        ("K=v\r\n", "v"),
        ("\ufeffK=v", "v"),
        ("\tK=\tv\t", "v"),
        ("export K=v", "v"),
        ("export \t K=v", "v"),
        ("K=", ""),
        ('K=""', ""),
        ("K=a b  c", "a b  c"),
        ("K=a#b", "a#b"),
        ("K=#fff", "#fff"),
        ("K=a #b", "a"),
        ("K=a\t#b # c", "a"),
        ("K=it's", "it's"),
        ('K=a"b"', 'a"b"'),
        ("K=$HOME/${X}`id`", "$HOME/${X}`id`"),
        ("K='$HOME \\n \"x\" #y'", '$HOME \\n "x" #y'),
        ("K='a\nb\r\nc'", "a\nb\nc"),
        ('K="a\\nb\\r\\t\\\\\\"\\$"', 'a\nb\r\t\\"$'),
        ('K="a\nb\n"', "a\nb\n"),
        ('K="a"  \t# comment', "a"),
        ("K=" + "x" * 100_000, "x" * 100_000),
        ("K=dócs\u2028 👍\u2028\x85", "dócs\u2028 👍"),
        ("K=\xa0v\u3000", "v"),
        ("K='\xa0v'\u2009", "\xa0v"),
        ("K = v", "v"),
        ("export K\t=\xa0'v'", "v"),
        ("K='v'#comment", "v"),
        ("K=# comment", ""),
        ("K=`a\nB=1\nC=2` # comment", "a\nB=1\nC=2"),
        ('K=`{"c": "x # y", \'d\': "\\n"}`', '{"c": "x # y", \'d\': "\\n"}'),
        ("K=`a\\`b`", "a\\`b"),
        ("# K=no\n\n   \n\t# more\nK=v\n#", "v"),
        ("K=\x1b[0m", "\x1b[0m"),
    ],
)
def test_what_a_line_means(text: str, value: str) -> None:
    """Each form of a value is read as documented, without interpolation."""
    assert one(text) == value


def test_order_is_kept_and_names_are_exact() -> None:
    """Variables come in the order of the file; an empty file, or one with comments alone, has none."""
    text = b"B=1\n_a9=2\nexport=3\nA=4"
    assert list(EnvFile(text, ".env").values.items()) == [("B", "1"), ("_a9", "2"), ("export", "3"), ("A", "4")]
    assert EnvFile(b"\xef\xbb\xbf# nothing\r\n", ".env").values == EnvFile(b"", ".env").values == {}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"K", ".env:1: not a KEY=VALUE line"),
        (b"export K", ".env:1: not a KEY=VALUE line"),
        (b"1K=c4n4ry", ".env:1: the key is not [A-Za-z_][A-Za-z0-9_]*"),
        (b"MY-KEY=c4n4ry", ".env:1: the key is not [A-Za-z_][A-Za-z0-9_]*"),
        (b"export =c4n4ry", ".env:1: the key is not [A-Za-z_][A-Za-z0-9_]*"),
        (b"K='c4n4ry", ".env:1: the quote is never closed"),
        (b'A=1\nK="c4n4ry\n', ".env:2: the quote is never closed"),
        (b'K="c4n4ry\\', ".env:1: the quote is never closed"),
        (b"K='c4n4ry'x", ".env:1: text after the closing quote"),
        (b"K=`c4n4ry", ".env:1: the quote is never closed"),
        (b'{"K": "c4n4ry"}', ".env is JSON, not a .env file."),
        (b'[\n {"K": "c4n4ry"}]', ".env is JSON, not a .env file."),
        (b"[prod]\nK=c4n4ry", ".env:1: not a KEY=VALUE line"),
        ("A=1\r\nK=c4n4ry".encode("utf-16"), ".env is UTF-16, not UTF-8."),
        ("A=1\r\nK=c4n4ry".encode("utf-16-le"), ".env is UTF-16, not UTF-8."),
        (b'K="c4n4ry" "x"', ".env:1: text after the closing quote"),
        (b'K="c4n4ry\nB="x"', ".env:2: text after the closing quote, which line 1 opened"),
        (b'K="\nc4n4ry\\x41\n"', r".env:2: an escape in double quotes that is not \n, \r, \t, \\, \" or \$"),
        (b"K=c4n4ry\rA=1", ".env:1: a carriage return inside the line"),
        (b"A=1\nK=c4n4ry\0", ".env:2: a NUL byte"),
        (b"A=1\nK=c4n4ry\xff\nB='\xc3\n'", ".env:2: not UTF-8; .env:3: not UTF-8"),
        (b"K=\xed\xa0\x80", ".env:1: not UTF-8"),
        (b"K=c4n4ry\nA=1\nK=2", ".env:3: duplicate key K (first on line 1)"),
    ],
)
def test_bad_lines_are_named_and_values_are_not_shown(data: bytes, message: str) -> None:
    """A bad line is named by its number, and its text is not shown."""
    said = refusal(data)
    assert said == message
    assert CANARY not in said


def test_every_bad_line_is_named_at_once() -> None:
    """Every bad line is named, in the order of the file."""
    data = b"A=1\nB\nC='x'y\nD=\"\\q\nE=2\n\"\nF=3\nA=4\n9=1\nG='open\nH"
    lines = [int(number) for number in re.findall(r"\.env:(\d+): ", refusal(data))]
    assert lines == [2, 3, 4, 8, 9, 10, 11]


@pytest.mark.parametrize("line", [b"x\n", b"\xff\n", b"x\0\n", b"A=1\n", b"A='\n", b'A="\\x"\n', b'A="\\x\n'])
def test_what_is_no_env_file_is_not_read_to_its_end(line: bytes) -> None:
    """A file of 4 MiB with millions of bad lines is refused after the first hundred."""
    said = refusal((line * (MAX_BYTES // len(line)))[:MAX_BYTES], "prod.env")
    assert (said.count("prod.env:"), said.endswith("; and more")) == (100, True) or line == b"A='\n"


def test_keys_of_an_example_file() -> None:
    """In a .env.example file a line may be a key alone; everything else is as strict."""
    file = EnvFile(b"A=\nexport B\nC # comment\nD='x'\nB=1\nB=", ".env.example", bare=True)
    assert (list(file.values), file.repeated) == (["A", "B", "C", "D"], {"B": (2, 5)})
    for bad in (b"A B", b"A-B", b"A 'x"):
        with pytest.raises(UsageError):
            EnvFile(bad, ".env.example", bare=True)


def test_references_that_stay_as_they_are_are_collected() -> None:
    """Once a key; what single quotes or a lone $ say is meant."""
    file = EnvFile(b"A=${X}/${Y}\nB='${X}'\nC=\"a ${X}\"\nD=$X\nE=`${X}`\nF=$5{}\n", ".env")
    assert file.references == ["A", "C", "E"]


KEYS = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}", fullmatch=True)
VALUES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


def write(values: dict[str, str], how: str) -> str:
    """Return a .env file of some values, in the given quotes and with the given noise."""
    lines = []
    for key, value in values.items():
        if how == "single" and "'" not in value and "\r\n" not in value:
            written = f"'{value}'"
        else:
            escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$").replace("\r", "\\r")
            written = '"' + (escaped.replace("\n", "\\n") if how == "escaped" else escaped) + '"'
        lines.append(f"export {key}={written} # {key}" if how == "single" else f"  {key}={written}")
    return "# head\n\n" + "\n".join(lines)


@given(st.dictionaries(KEYS, VALUES), st.sampled_from(["single", "double", "escaped"]), st.sampled_from(["\n", "\r\n"]))
def test_what_is_written_is_read_back(values: dict[str, str], how: str, newline: str) -> None:
    """What is written is read back, for any values, quotes and line ends."""
    text = write(values, how).replace("\n", newline)
    assert EnvFile(text.encode(), ".env").values == values


@given(st.binary() | st.text("K='\"\\\n\r# `$\0\udcff").map(lambda text: text.encode(errors="surrogateescape")))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """Any bytes are parsed or refused with a UsageError of one line."""
    for bare in (False, True):
        message = ""
        try:
            EnvFile(data, ".env", bare=bare)
        except UsageError as exc:
            message = exc.message
        assert "\n" not in message
