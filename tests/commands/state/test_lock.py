"""deploxa.lock: `plan` knows which values `apply` set, and never calls one unchanged that isn't."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from dpx_cli.sandbox.server import Sandbox
    from tests.conftest import Program

KEY = "k" * 32
CANARY = "s3cret-canary"
FILE = """\
[project]
slug = "docs"
[env]
B = {from = "env:VALUE_B", targets = ["preview"]}
A = "same"
SEARCH_KEY = {}
"""
ENV = {"DPX_LOCK_KEY": KEY, "VALUE_B": CANARY}


@pytest.fixture
def applied(dpx: Program) -> Program:
    """A file that was applied with a key."""
    dpx.write(FILE)
    result = dpx("apply", "-y", env=ENV)
    assert result.code == 0, result
    return dpx


def actions(dpx: Program, **env: str) -> dict[str, str]:
    """What a plan says about the variables."""
    result = dpx("plan", env={**ENV, **env})
    assert result.code == 0, result
    return {row[1]: row[0] for row in result.rows}


def lock(dpx: Program) -> Path:
    """The file."""
    return dpx.cwd / "deploxa.lock"


def test_a_second_plan_is_empty(applied: Program) -> None:
    """Also with --exit-code; it says what it can't see. Another value is a change, and without the key it's unknown."""
    result = applied("plan", "--exit-code", env=ENV)
    assert (result.code, result.out) == (0, ""), result
    assert result.err == (
        "docs matches deploxa.toml.\n"
        "note: Values were compared with deploxa.lock. Changes made elsewhere aren't detected.\n"
    )
    assert applied("apply", env=ENV).code == 0
    other = applied("plan", "--exit-code", env={**ENV, "VALUE_B": "other"})
    assert (other.code, other.rows) == (10, [["set", "B", "value, from env:VALUE_B"]]), other
    assert actions(applied, DPX_LOCK_KEY="") == {"A": "unknown", "B": "unknown"}
    # A lock counts for one key.
    assert actions(applied, DPX_LOCK_KEY="o" * 40) == {"A": "unknown", "B": "unknown"}
    assert applied("apply", "-y", env={**ENV, "DPX_LOCK_KEY": "o" * 40}).code == 0
    assert actions(applied, DPX_LOCK_KEY="o" * 40) == {}
    assert actions(applied) == {"A": "unknown", "B": "unknown"}


@pytest.mark.posix
def test_the_file(applied: Program) -> None:
    """A line for each variable, sorted, without a value; equal values look different. It's for others to read."""
    text = lock(applied).read_text(encoding="utf-8")
    lines = text.splitlines()
    assert lines[0].startswith("# ")
    assert lines[1] == "version = 1"
    assert lines[2] == f'api = "{applied.env["DPX_API_URL"].removesuffix("/api/v1")}"'
    assert lines[5:7] == ["", "[env]"]
    assert [re.fullmatch(r'([AB]) = "[0-9a-f]{64}"', line)[1] for line in lines[7:]] == ["A", "B"]  # type: ignore[index]
    assert CANARY not in text
    assert KEY not in text
    assert lock(applied).stat().st_mode & 0o777 == 0o644
    assert applied("apply", "-y", env={**ENV, "VALUE_B": "same"}).code == 0
    digests = re.findall(r'"([0-9a-f]{64})"', lock(applied).read_text(encoding="utf-8"))
    assert len(set(digests)) == 2


@pytest.mark.parametrize("key", ["x", "k" * 31])
def test_a_short_key_is_refused(dpx_offline: Program, key: str) -> None:
    """Exit 2 before any request, without printing it."""
    dpx_offline.write('[project]\nslug = "docs"\n')
    result = dpx_offline("plan", env={"DPX_LOCK_KEY": key, "DPX_TOKEN": "dpx_" + "a" * 40})
    assert (result.code, result.out) == (2, ""), result
    assert result.err == (
        f"error: DPX_LOCK_KEY has {len(key)} characters; it needs at least 32.\n"
        "hint: Make one with: openssl rand -hex 32\n"
    )


@pytest.mark.parametrize(
    ("pattern", "text", "problem"),
    [
        (r"version = 1", "version = 2", "is not of version 1"),
        (r"version = 1\n", "", "is not of version 1"),
        (r'api = ".*"', 'api = "https://deploxa.com"', "is for another project or API"),
        (r'project = ".*"', 'project = "clm1other"', "is for another project or API"),
        (r'key = ".*"', 'key = "0000000000000000"', "was written with another DPX_LOCK_KEY"),
        (r"\[env\]", "<<<<<<< HEAD\n[env]", "can't be read"),
        (r"\[env\]", "[[env]]", "can't be read"),
        (r"version = 1", "a." * 20 + "a = 1", "can't be read"),
        (r"(?s).*", "\udcff", "can't be read"),
    ],
)
def test_a_lock_that_does_not_count(applied: Program, pattern: str, text: str, problem: str) -> None:
    """Values are unknown, with a warning, and never an error; `apply` sets them and writes a lock that counts."""
    changed = re.sub(pattern, text, lock(applied).read_text(encoding="utf-8"), count=1)
    lock(applied).write_bytes(changed.encode("utf-8", "surrogateescape"))
    result = applied("plan", "--exit-code", env=ENV)
    assert result.code == 0, result
    assert [row[:2] for row in result.rows] == [["unknown", "B"], ["unknown", "A"]]
    assert f"warning: deploxa.lock {problem}: values can't be compared.\n" in result.err
    assert applied("apply", "-y", env=ENV).code == 0
    assert actions(applied) == {}


@pytest.mark.posix
def test_a_lock_that_is_no_file(applied: Program) -> None:
    """Is unknown for plan; `apply` writes through no link, and then sets nothing that it can't record."""
    lock(applied).unlink()
    lock(applied).mkdir()
    assert actions(applied) == {"A": "unknown", "B": "unknown"}
    lock(applied).rmdir()
    lock(applied).symlink_to("elsewhere")
    assert actions(applied) == {"A": "unknown", "B": "unknown"}
    assert applied("apply", "-y", env=ENV).code == 1
    assert not (applied.cwd / "elsewhere").exists()


def test_apply_without_the_key_removes_what_it_sets(applied: Program) -> None:
    """So that the key never calls the old value unchanged; what it doesn't set stays."""
    applied.write(FILE.replace('"same"', '"new"'))
    assert applied("apply", "-y", env={"VALUE_B": "new"}).code == 0
    assert actions(applied) == {"A": "unknown", "B": "unknown"}
    assert "A = " not in lock(applied).read_text(encoding="utf-8")


def test_what_leaves_the_file_or_the_project_leaves_the_lock(applied: Program) -> None:
    """Also if nothing has to be changed for it; what is set again afterwards is unknown."""
    applied.write(FILE.replace('A = "same"\n', ""))
    assert applied("apply", env=ENV).code == 0
    assert "A = " not in lock(applied).read_text(encoding="utf-8")
    assert "B = " in lock(applied).read_text(encoding="utf-8")
    applied.write(FILE)
    assert actions(applied) == {"A": "unknown"}
    applied.write(re.sub(r"B = .*", "B = {absent = true}", FILE))
    assert applied("apply", "-y", env=ENV).code == 0
    assert "B = " not in lock(applied).read_text(encoding="utf-8")
    assert applied("env", "set", "B=elsewhere", "-p", "docs").code == 0
    applied.write(FILE)
    assert actions(applied)["B"] in ("unknown", "set")


@pytest.mark.parametrize(("fault", "code", "left"), [("403 x1", 5, "not done: B"), ("lost x3", 11, "unknown: B")])
def test_a_variable_that_could_not_be_set(applied: Program, sandbox: Sandbox, fault: str, code: int, left: str) -> None:
    """Is unknown, even if the request was carried out: what was tried is no longer in the lock."""
    sandbox.fault(f"POST /projects/*/env-vars {fault}")
    result = applied("apply", "-y", env={**ENV, "VALUE_B": "other"})
    assert (result.code, f"; {left}." in result.err) == (code, True), result
    assert actions(applied) == {"B": "unknown"}
    assert actions(applied, VALUE_B="other") == {"B": "unknown"}


def test_each_file_has_its_own(dpx: Program) -> None:
    """Also that of a project which is created, with its ID; without variables there is no lock."""
    for name, slug in (("one.toml", "docs"), ("two.toml", "brand-new")):
        dpx.write(f'[project]\nslug = "{slug}"\n[env]\nA = "1"\n', name)
    dpx.write('[project]\nslug = "bare"\n', "three.toml")
    files = ("one.toml", "two.toml", "three.toml")
    assert dpx("apply", *files, "-y", env=ENV).code == 0
    assert {path.name for path in dpx.cwd.glob("*.lock")} == {"one.lock", "two.lock"}
    assert dpx("plan", *files, env=ENV).out == ""


def test_two_applies_at_once(applied: Program) -> None:
    """One waits for the other: the lock says what the second one set."""
    values = ["one", "two", "three", "four"]
    children = [applied.start("apply", "-y", env={**ENV, "VALUE_B": value}) for value in values]
    for child in children:
        out, err = child.communicate(timeout=60)
        assert child.returncode == 0, (out, err)
    unchanged = [value for value in values if actions(applied, VALUE_B=value) == {}]
    assert len(unchanged) == 1


@pytest.mark.posix
def test_an_apply_that_waits_says_so(applied: Program) -> None:
    """Once, on stderr; it goes on when the other one has ended."""
    import fcntl

    (path,) = (applied.home / "cache").glob("**/file-*.lock")
    with path.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        waiting = applied.start("apply", "-y", env=ENV)
        said = [waiting.stderr.readline() for _ in range(3)]
    out, rest = waiting.communicate(timeout=60)
    assert (waiting.returncode, out) == (0, b""), rest
    assert said[2] == b"note: Another dpx is changing this project. Waiting for it to finish.\n", said
    assert b"Waiting" not in rest
