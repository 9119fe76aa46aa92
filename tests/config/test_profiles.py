"""The file of profiles: what it takes, what it keeps, and that nothing is lost in it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from dpx_cli.config import profiles
from dpx_cli.errors import Failed, NotFound, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.parametrize("folder", ["", "/nowhere/at/all", "/dev/null/below"])
def test_without_a_file_there_is_the_default_profile(folder: str) -> None:
    """No folder at all included."""
    found = profiles.load(folder)
    assert (found.current, found.names, found.get("default"), found.get("work")) == ("default", ["default"], {}, {})


def test_put_use_and_remove(tmp_path: Path) -> None:
    """None leaves a setting as it is, an empty text takes it away; after the current profile comes the default one."""
    folder = str(tmp_path / "new")
    profiles.update(folder, lambda found: found.put("work", api_url="https://example.com/v1", org="acme"))
    profiles.update(folder, lambda found: found.use("work"))
    found = profiles.update(folder, lambda found: found.put("work", org=""))
    assert found.get("work") == {"api_url": "https://example.com/v1"}
    assert profiles.load(folder).current == "work"
    assert json.loads((tmp_path / "new" / "config.json").read_bytes()) == {
        "current": "work",
        "profiles": {"work": {"api_url": "https://example.com/v1"}},
    }
    profiles.update(folder, lambda found: found.remove("work"))
    assert profiles.load(folder).names == ["default"]
    assert profiles.load(folder).current == "default"


def test_unknown_keys_are_kept(tmp_path: Path) -> None:
    """A newer dpx, or a person, may have put them there."""
    (tmp_path / "config.json").write_text(
        '\ufeff{"color": [1], "profiles": {"work": {"org": "a", "x": null}}}', encoding="utf-8"
    )
    profiles.update(str(tmp_path), lambda found: found.put("work", org="b"))
    document = json.loads((tmp_path / "config.json").read_bytes())
    assert document == {"color": [1], "profiles": {"work": {"org": "b", "x": None}}}


def test_a_change_that_fails_or_changes_nothing_writes_nothing(tmp_path: Path) -> None:
    """The file keeps its bytes, white space and all."""
    path = tmp_path / "config.json"
    path.write_text('{"profiles":{}}', encoding="utf-8")
    with pytest.raises(NotFound) as caught:
        profiles.update(str(tmp_path), lambda found: found.use("work"))
    assert caught.value.hint == "To create it, run: dpx auth login --profile work"
    profiles.update(str(tmp_path), lambda found: found.remove("work"))
    assert path.read_text(encoding="utf-8") == '{"profiles":{}}'


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "null", "\xff", "[" * 100_000, '{"profiles": []}', '{"profiles": {"work": "acme"}}'),
        *('{"profiles": {"work": {"org": 1}}}', '{"profiles": {"work": {"api_url": ["https://a"]}}}'),
        *('{"profiles": {"work": {"logins": {"a": 1}}}}', '{"profiles": {"../work": {}}}', '{"current": ""}'),
        *('{"profiles": {"a\\n": {}}}', '{"current": 1}'),
    ],
)
def test_damaged_file_is_named_and_never_overwritten(tmp_path: Path, text: str) -> None:
    """To go on without it would be to go to another server."""
    path = tmp_path / "config.json"
    path.write_bytes(text.encode("latin-1"))
    calls: tuple[Callable[[], object], ...] = (
        lambda: profiles.load(str(tmp_path)),
        lambda: profiles.update(str(tmp_path), lambda found: found.put("a")),
    )
    for call in calls:
        with pytest.raises(Failed) as caught:
            call()
        assert caught.value.message.startswith(f"Can't understand the profiles in {path}: ")
        assert caught.value.hint == "Fix or move the file."
    assert path.read_bytes() == text.encode("latin-1")


def test_names() -> None:
    """`[A-Za-z0-9][A-Za-z0-9._-]{0,63}`: no final newline, nothing beyond ASCII or able to be a path."""
    for name in ("a", "work", "0", "a.b_c-d", "A" * 64):
        assert profiles.check_name(name) == name
    for name in ("", ".", "..", "-a", "_a", "a/b", "a b", "a\n", "é", "\uff11", "A" * 65, "a@b", "a\0"):
        with pytest.raises(UsageError):
            profiles.check_name(name)
