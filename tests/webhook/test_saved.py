"""Deliveries on disk."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from dpx_cli.errors import Failed, NotFound
from dpx_cli.webhook import saved

if TYPE_CHECKING:
    from pathlib import Path

HEADERS = [
    (b"Content-Type", b"application/json"),
    (b"X-Deploxa-Signature", b"sha256=abc"),
    (b"X-Deploxa-Event", b"deployment.ready"),
]


@pytest.mark.posix
def test_what_was_saved_comes_back_byte_for_byte(tmp_path: Path) -> None:
    """A saved delivery loads unchanged by the path of either file, and both files are private."""
    body = b"\xff\x00\r\n{}\n"
    path = saved.save(str(tmp_path / "new" / "folder"), "deployment.ready", body, HEADERS)
    assert os.path.basename(path) == "0001-deployment.ready.body"
    assert saved.load(path) == (body, HEADERS)
    headers = path.removesuffix(".body") + ".headers"
    assert saved.load(headers) == (body, HEADERS)
    assert {os.stat(name).st_mode & 0o777 for name in (path, headers)} == {0o600}
    assert os.stat(os.path.dirname(path)).st_mode & 0o777 == 0o700


def test_numbers_go_on_after_the_highest(tmp_path: Path) -> None:
    """A second listener continues the numbers and overwrites nothing."""
    (tmp_path / "0041-deployment.ready.body").write_bytes(b"old")
    path = saved.save(str(tmp_path), "deployment.failed", b"new", HEADERS)
    assert os.path.basename(path) == "0042-deployment.failed.body"
    assert (tmp_path / "0041-deployment.ready.body").read_bytes() == b"old"


@pytest.mark.parametrize(
    ("event", "name"),
    [
        ("../../etc/passwd", "0001-etc_passwd.body"),
        ("..", "0001-unknown.body"),
        ("a\x00b\nc\x1b[31m", "0001-a_b_c_31m.body"),
        ("C:\\x\\y", "0001-C_x_y.body"),
        ("ü" * 500, "0001-unknown.body"),
        ("a" * 500, f"0001-{'a' * 40}.body"),
        ("\udcff", "0001-unknown.body"),
    ],
)
def test_a_hostile_event_stays_in_the_folder(tmp_path: Path, event: str, name: str) -> None:
    """An event's name can't lead a file out of the directory."""
    path = saved.save(str(tmp_path / "in"), event, b"x", HEADERS)
    assert os.path.dirname(path) == str(tmp_path / "in")
    assert os.path.basename(path) == name
    assert [entry.name for entry in tmp_path.iterdir()] == ["in"]


def test_concurrent_listeners_lose_nothing(tmp_path: Path) -> None:
    """Concurrent listeners never use the same number."""

    def work(number: int) -> None:
        for _ in range(5):
            saved.save(str(tmp_path), "deployment.ready", b"%d" % number, HEADERS)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    bodies = sorted(path.read_bytes() for path in tmp_path.glob("*.body"))
    assert bodies == sorted([b"0", b"1", b"2", b"3"] * 5)


def test_missing_files_are_named(tmp_path: Path) -> None:
    """A missing body or headers file is named."""
    with pytest.raises(NotFound, match="No such file"):
        saved.load(str(tmp_path / "0001-x.body"))
    (tmp_path / "0001-x.body").write_bytes(b"x")
    with pytest.raises(NotFound, match=r"no headers file") as caught:
        saved.load(str(tmp_path / "0001-x.body"))
    assert "dpx webhook send" in str(caught.value.hint)


@pytest.mark.posix
def test_an_endless_file_is_no_delivery(tmp_path: Path) -> None:
    """A device in place of a saved body, and a body over 32 MiB, are refused in bounded memory."""
    (tmp_path / "1.body").symlink_to("/dev/zero")
    (tmp_path / "1.headers").write_bytes(b"X-Deploxa-Event: a\n")
    with pytest.raises(Failed, match="not a regular file"):
        saved.load(str(tmp_path / "1.body"))
    (tmp_path / "1.body").unlink()
    with (tmp_path / "1.body").open("wb") as file:
        file.truncate(saved.MAX_BYTES + 1)
    with pytest.raises(Failed, match="larger than 32 MiB"):
        saved.load(str(tmp_path / "1.body"))


@pytest.mark.parametrize("text", [b"", b"no colon here\n", b"X-Deploxa-Event: a\rb\n", b"X-Deploxa-Event: a\x00\n"])
def test_damaged_headers_are_named(tmp_path: Path, text: bytes) -> None:
    """A damaged headers file is named; of a whole one only the headers of a delivery are sent."""
    (tmp_path / "1.body").write_bytes(b"x")
    (tmp_path / "1.headers").write_bytes(b"Authorization: Bearer x\nx-deploxa-event:  e \r\nHost: evil\n")
    assert saved.load(str(tmp_path / "1.body")) == (b"x", [(b"X-Deploxa-Event", b"e")])
    (tmp_path / "1.headers").write_bytes(text)
    with pytest.raises(Failed, match="Can't understand"):
        saved.load(str(tmp_path / "1.body"))
