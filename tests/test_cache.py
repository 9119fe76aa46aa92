"""Remembered names: a cache that can be stale, damaged, hostile, shared or unwritable, and is never in the way."""

from __future__ import annotations

import json
import os
import threading
from typing import TYPE_CHECKING, Any

import pytest

from dpx_cli.cache import MAX_BYTES, MAX_NAMES, Names
from dpx_cli.config.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


def names(folder: Path | None, *, url: str = "https://deploxa.com/api/v1", token: str = "dpx_one") -> Names:
    """Names in a folder, as a new process sees them."""
    return Names(Settings({"DPX_CACHE_DIR": str(folder or ""), "DPX_API_URL": url}), token)


def file_in(folder: Path) -> Path:
    """The one cache file of a folder."""
    (found,) = folder.glob("names-*.json")
    return found


def test_a_project_is_remembered_for_the_next_process(tmp_path: Path) -> None:
    """By slug and by org/slug."""
    names(tmp_path).remember_project("shop", "clm1a")
    names(tmp_path).remember_project("acme/shop", "clm1b")
    assert names(tmp_path).project_id("shop") == "clm1a"
    assert names(tmp_path).project_id("acme/shop") == "clm1b"
    names(tmp_path).forget_project("shop")
    assert names(tmp_path).project_id("shop") is None
    assert names(tmp_path).project_id("acme/shop") == "clm1b"
    assert names(tmp_path, token="dpx_two").project_id("acme/shop") is None
    assert names(tmp_path, url="http://127.0.0.1:8787/api/v1").project_id("acme/shop") is None


@pytest.mark.posix
def test_the_token_is_in_no_file_and_no_name(tmp_path: Path) -> None:
    """Only a digest of it is kept."""
    names(tmp_path, token="dpx_canary").remember_project("shop", "clm1a")
    for path in tmp_path.iterdir():
        assert "canary" not in path.name
        assert b"canary" not in path.read_bytes()
        assert path.stat().st_mode & 0o077 == 0


def test_lists_keep_their_order_without_doubles_and_are_bounded(tmp_path: Path) -> None:
    """A cache is no copy of the platform."""
    names(tmp_path).remember("slugs", ["b", "a", "b"])
    names(tmp_path).remember("keys", map(str, range(MAX_NAMES + 10)), "clm1a")
    content = json.loads(file_in(tmp_path).read_bytes())
    assert content["slugs"] == ["b", "a"]
    assert len(content["keys"]["clm1a"]) == MAX_NAMES


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000, b'{"projects": null}', b'{"projects": []}'),
        *(b'{"projects": {"shop": %b}}' % value for value in (b"null", b"5", b'""', b'"../../orgs"', b'"a\\u0000"')),
        b'{"projects": {"shop": "x", "pad": "' + b"a" * MAX_BYTES + b'"}}',
    ],
)
def test_a_damaged_file_counts_as_empty_and_is_mended(tmp_path: Path, content: bytes) -> None:
    """It is a cache: nothing is lost."""
    names(tmp_path).remember_project("other", "clm1o")
    file_in(tmp_path).write_bytes(content)
    assert names(tmp_path).project_id("shop") is None
    names(tmp_path).remember_project("shop", "clm1a")
    assert names(tmp_path).project_id("shop") == "clm1a"


def test_without_a_file_names_are_known_within_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No home, a folder that can't be made, or a folder where the file should be."""
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, "nowhere")
    names(tmp_path).remember_project("shop", "clm1a")
    path = file_in(tmp_path)
    path.unlink()
    path.mkdir()
    for kept in (names(None), names(path / "file" / "x"), names(tmp_path)):
        (path / "file").touch()
        assert kept.project_id("shop") is None
        kept.remember_project("shop", "clm1b")
        assert kept.project_id("shop") == "clm1b"


def test_nothing_is_written_where_nothing_is_new(tmp_path: Path) -> None:
    """A list that is as it was costs no write."""
    names(tmp_path).remember("slugs", ["a", "b"])
    before = os.stat(file_in(tmp_path)).st_ino
    names(tmp_path).remember("slugs", ["a", "b"])
    assert os.stat(file_in(tmp_path)).st_ino == before


def test_writers_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    """Each adds its own; all are there at the end."""
    failures: list[Any] = []

    def write(number: int) -> None:
        try:
            names(tmp_path).remember_project(f"s{number}", f"id{number}")
        except BaseException as problem:  # noqa: BLE001 - told below
            failures.append(problem)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    kept = names(tmp_path)
    assert [kept.project_id(f"s{number}") for number in range(20)] == [f"id{number}" for number in range(20)]
