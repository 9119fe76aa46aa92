"""The plain file of tokens: its mode, its refusals, its damage."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING, Any

import pytest

from dpx_cli import credentials
from dpx_cli.credentials import stores
from dpx_cli.credentials.file_store import FileStore
from dpx_cli.errors import TokenStorage

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = "dpx_0123456789abcdefghijklmnopqrstuvwxyz"


@pytest.mark.posix
def test_stored_token_is_its_owner_s_alone(settings: Any, tmp_path: Path) -> None:
    """0600 in 0700; the profiles beside it have no secret; a logout leaves no file with a token."""
    stores.store_token(settings, TOKEN, FileStore(settings.config_dir))
    found = credentials.find_token(settings)
    assert (found.value, found.source) == (TOKEN, "file")
    path = tmp_path / "config" / "tokens.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert TOKEN not in (path.parent / "config.json").read_text(encoding="utf-8")
    assert settings.log_out() == [f"the file {path}"]
    assert not path.exists()


def test_other_tokens_stay(tmp_path: Path) -> None:
    """One file of plain JSON for all profiles; a person may have to mend it."""
    store = FileStore(str(tmp_path))
    store.set("a@https://b:443", TOKEN)
    assert json.loads((tmp_path / "tokens.json").read_bytes()) == {"tokens": {"a@https://b:443": TOKEN}}
    store.set("b", TOKEN + "b")
    assert (store.delete("a@https://b:443"), store.delete("a@https://b:443")) == (True, False)
    assert (store.get("a"), store.get("b")) == (None, TOKEN + "b")


@pytest.mark.posix
@pytest.mark.parametrize("mode", [0o640, 0o602])
def test_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    """As ssh refuses such a key; nothing is written either."""
    store = FileStore(str(tmp_path))
    store.set("a", TOKEN)
    path = tmp_path / "tokens.json"
    path.chmod(mode)
    for call in (lambda: store.get("a"), lambda: store.delete("a")):
        with pytest.raises(TokenStorage) as caught:
            call()
        assert caught.value.message == f"Other users can read the token in {path} (mode 0{mode:o})."
        assert str(caught.value.hint).endswith(f"Run: chmod 600 {path}")
    with pytest.raises(TokenStorage):
        store.set("b", TOKEN)
    path.chmod(0o600)
    assert store.get("a") == TOKEN


@pytest.mark.posix
@pytest.mark.parametrize("text", ["", "{", '{"tokens": {"a": null}}', f'{{"tokens": "{TOKEN}"}}', TOKEN])
def test_damaged_file_is_named_unseen_and_never_overwritten(tmp_path: Path, text: str) -> None:
    """The error shows nothing of what is in it."""
    path = tmp_path / "tokens.json"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    store = FileStore(str(tmp_path))
    with pytest.raises(TokenStorage) as caught:
        store.get("a")
    assert str(path) in caught.value.message
    assert TOKEN not in f"{caught.value.message}{caught.value.hint}"
    with pytest.raises(TokenStorage):
        store.set("a", TOKEN)
    assert path.read_text(encoding="utf-8") == text


@pytest.mark.posix
def test_place_that_takes_nothing_is_named() -> None:
    """A read-only home."""
    with pytest.raises(TokenStorage, match=r"/proc/dpx/tokens\.json"):
        FileStore("/proc/dpx").set("a", TOKEN)
