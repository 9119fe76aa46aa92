"""Files are written whole or not at all, whatever happens to the writer, and errors name the file."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import sqlite3
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from dpx_cli.errors import Failed
from dpx_cli.system import files


def names(folder: Path) -> list[str]:
    """Give the names of what is in a folder."""
    return sorted(entry.name for entry in folder.iterdir())


def python(code: str, *arguments: object, **options: object) -> subprocess.Popen[bytes]:
    """Start an interpreter that runs `code` with these arguments."""
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)  # type: ignore[call-overload, no-any-return]


def test_what_is_written_is_read_and_removed(tmp_path: Path) -> None:
    """A second writing replaces the first."""
    path = str(tmp_path / "a.json")
    files.write_whole(path, b"one")
    files.write_whole(path, b"two" * 100_000)
    assert files.read_bytes(path, "the test") == b"two" * 100_000
    assert names(tmp_path) == ["a.json"]
    assert (files.remove(path), files.remove(path)) == (True, False)


@pytest.mark.posix
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_files_and_folders_are_their_owners_alone_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    """0600 in 0700, parents too; a mode that is asked for is not narrowed by the umask."""
    path = tmp_path / "new" / "newer" / "a.json"
    before = os.umask(umask)
    try:
        files.write_whole(str(path), b"x")
        files.write_whole(str(path.with_name("b")), b"x", 0o644)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.with_name("b").stat().st_mode) == 0o644
    for folder in (path.parent, path.parent.parent):
        assert stat.S_IMODE(folder.stat().st_mode) & 0o077 == 0


@pytest.mark.posix
def test_checkout_files_follow_the_umask_and_keep_their_mode(tmp_path: Path) -> None:
    """New folders and files are for those whom the umask lets in; a private one is not."""
    before = os.umask(0o027)
    try:
        shared = Path(files.write_checkout(str(tmp_path), "a/b.toml", b"x"))
        private = Path(files.write_checkout(str(tmp_path), "c/d.json", b"x", private=True))
    finally:
        os.umask(before)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (shared.parent, shared)] == [0o750, 0o640]
    assert [stat.S_IMODE(path.stat().st_mode) for path in (private.parent, private)] == [0o700, 0o600]
    shared.chmod(0o755)
    files.write_checkout(str(tmp_path), "a/b.toml", b"y")
    assert (shared.read_bytes(), stat.S_IMODE(shared.stat().st_mode)) == (b"y", 0o755)


@pytest.mark.posix
@pytest.mark.parametrize("link", ["a", "a/b", "a/b/c.md"])
def test_checkout_files_are_written_through_no_symbolic_link(tmp_path: Path, link: str) -> None:
    """Wherever it is below the root, and also if it leads nowhere; the root itself may be one."""
    mine = tmp_path / "mine"
    (mine / "b").mkdir(parents=True)
    (tmp_path / "work" / link).parent.mkdir(parents=True)
    (tmp_path / "work" / link).symlink_to(mine if link != "a/b/c.md" else mine / "none")
    with pytest.raises(Failed, match=f"/{link} is a symbolic link"):
        files.write_checkout(str(tmp_path / "work"), "a/b/c.md", b"x")
    assert [path.name for path in mine.rglob("*")] == ["b"]
    (tmp_path / "root").symlink_to(mine)
    assert files.write_checkout(str(tmp_path / "root"), "d", b"x") == str(mine / "d")


def test_json_files_are_objects_of_a_bounded_size(tmp_path: Path) -> None:
    """Anything else is an error that names the file, and no file is None."""
    path = tmp_path / "a.json"
    assert files.read_json(str(path), "the test") is None
    path.write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert files.read_json(str(path), "the test") == {"a": 1}
    for text, why in (("[" * 100_000, "is not JSON"), ("[]", "is not an object"), ("\xff", "is not JSON")):
        path.write_bytes(text.encode("latin-1"))
        with pytest.raises(Failed, match=re.escape(f"the test in {path}: it {why}")):
            files.read_json(str(path), "the test")
    path.write_bytes(b"x" * 1025)
    with pytest.raises(Failed, match="it is larger than 1 KiB"):
        files.read_json(str(path), "the test", 1024)


@pytest.mark.posix
def test_symbolic_links(tmp_path: Path) -> None:
    """A file kept elsewhere stays there; where none may be followed, it's refused; a lock is made through none."""
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "a.lock").symlink_to("elsewhere")
    files.write_whole(str(tmp_path / "link"), b"x")
    assert (tmp_path / "link").is_symlink()
    assert files.read_bytes(str(tmp_path / "link"), "the test") == b"x"
    assert files.read_bytes(str(tmp_path / "real"), "the test", follow=False) == b"x"
    with pytest.raises(Failed, match="it is a symbolic link"):
        files.read_bytes(str(tmp_path / "link"), "the test", follow=False)
    with pytest.raises(Failed, match=r"a\.lock"), files.locked(str(tmp_path / "a")):
        pytest.fail("it would be an empty file wherever somebody likes")
    assert not (tmp_path / "elsewhere").exists()


def test_missing_file_is_none_and_a_folder_in_its_place_an_error(tmp_path: Path) -> None:
    """Also where a regular file stands in the place of a folder."""
    (tmp_path / "file").write_bytes(b"")
    assert files.read_bytes(str(tmp_path / "none"), "the test") is None
    assert files.read_bytes(str(tmp_path / "file" / "below"), "the test") is None
    with pytest.raises(Failed, match=f"^Can't read the test in {re.escape(str(tmp_path))}: "):
        files.read_bytes(str(tmp_path), "the test")


@pytest.mark.posix
@pytest.mark.parametrize("place", ["file/a.json", "file/deep/a.json", "folder", "/proc/dpx/a.json"])
def test_unwritable_place_is_named_and_left_alone(tmp_path: Path, place: str) -> None:
    """A file where a folder should be, a folder where the file should be, a file system that takes nothing."""
    (tmp_path / "file").write_bytes(b"keep")
    (tmp_path / "folder").mkdir()
    path = str(tmp_path / place)
    with pytest.raises(Failed, match=f"^Can't write {path}: "):
        files.write_whole(path, b"x")
    if place != "folder":
        with pytest.raises(Failed, match=f"^Can't create the lock {path}.lock: "), files.locked(path):
            pytest.fail("there is no such lock")
    assert names(tmp_path) == ["file", "folder"]
    assert (tmp_path / "file").read_bytes() == b"keep"


def test_no_path_is_no_crash() -> None:
    """A NUL in a variable's value is impossible, in a file's not."""
    for call in (
        *(lambda: files.write_whole("a\0b", b""), lambda: files.read_bytes("a\0b", "the test")),
        *(lambda: files.remove("a\0b"), lambda: files.locked("a\0b").__enter__()),
    ):
        with pytest.raises(Failed):
            call()


@pytest.mark.posix
def test_write_that_stops_half_way_leaves_the_old_file(tmp_path: Path) -> None:
    """As on a full disk; here at a limit on the size of files."""
    path = tmp_path / "a.json"
    path.write_bytes(b"keep")
    child = python(
        """
        import resource, signal, sys
        from dpx_cli.system import files
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        try:
            files.write_whole(sys.argv[1], b"x" * 10_000)
        except files.Failed as exc:
            print(exc.message)
        """,
        path,
    )
    assert child.communicate(timeout=30)[0].decode() == f"Can't write {path}: file too large.\n"
    assert (path.read_bytes(), names(tmp_path)) == (b"keep", ["a.json"])


def test_a_full_disk_has_its_own_hint(tmp_path: Path) -> None:
    """A quota too, and SQLite's own error."""
    database = sqlite3.connect(tmp_path / "data")
    database.execute("PRAGMA max_page_count = 1")
    with pytest.raises(sqlite3.OperationalError) as full:
        database.execute("CREATE TABLE a (b)")
    database.close()
    for problem in (OSError(errno.ENOSPC, "full"), OSError(errno.EDQUOT, "full"), full.value):
        assert files.full_disk_hint(problem) == "Free some disk space, then try again."
    assert files.full_disk_hint(OSError(errno.EACCES, "denied")) is None


@pytest.mark.posix
def test_killed_writer_leaves_the_old_file(tmp_path: Path) -> None:
    """SIGKILL between the temporary file and the rename."""
    path = tmp_path / "a.json"
    path.write_bytes(b"keep")
    child = python(
        """
        import os, sys, time
        from dpx_cli.system import files
        def stop(descriptor):
            print("writing", flush=True)
            time.sleep(600)
        os.fsync = stop
        files.write_whole(sys.argv[1], b"x" * 10_000)
        """,
        path,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"writing\n"
    child.send_signal(signal.SIGKILL)
    child.communicate(timeout=30)
    assert path.read_bytes() == b"keep"
    (rest,) = set(names(tmp_path)) - {"a.json"}
    assert stat.S_IMODE((tmp_path / rest).stat().st_mode) == 0o600


def test_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    """Two writers without a lock, one reader: every reading is one writer's whole text."""
    path = tmp_path / "a.json"
    files.write_whole(str(path), b"0" * 50_000)
    code = """
        import sys
        from dpx_cli.system import files
        for _ in range(40):
            files.write_whole(sys.argv[1], sys.argv[2].encode() * 50_000)
    """
    writers = [python(code, path, letter) for letter in "ab"]
    seen = set()
    while any(writer.poll() is None for writer in writers):
        data = files.read_bytes(str(path), "the test")
        assert data is not None
        assert (len(data), len(set(data))) == (50_000, 1)
        seen.add(data[:1])
    assert [writer.communicate(timeout=30)[1] for writer in writers] == [b"", b""]
    assert seen & {b"a", b"b"}
    assert names(tmp_path) == ["a.json"]


def test_concurrent_changes_are_all_kept(tmp_path: Path) -> None:
    """Four processes count in one file, under its lock, which an error inside lets go."""
    path = tmp_path / "count.json"
    counters = [
        python(
            """
            import contextlib, json, sys
            from dpx_cli.system import files
            for _ in range(25):
                with contextlib.suppress(RuntimeError), files.locked(sys.argv[1], timeout=60):
                    data = files.read_bytes(sys.argv[1], "the count")
                    count = json.loads(data)["count"] if data else 0
                    files.write_whole(sys.argv[1], json.dumps({"count": count + 1}).encode())
                    raise RuntimeError
            """,
            path,
        )
        for _ in range(4)
    ]
    for counter in counters:
        assert counter.communicate(timeout=120)[1] == b""
    assert json.loads(path.read_bytes()) == {"count": 100}


def test_lock_that_is_held_is_named_and_dies_with_its_holder(tmp_path: Path) -> None:
    """No waiting for ever, and no lock that outlives a killed process."""
    path = tmp_path / "a.json"
    holder = python(
        """
        import sys, time
        from dpx_cli.system import files
        with files.locked(sys.argv[1]):
            print("held", flush=True)
            time.sleep(600)
        """,
        path,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline().strip() == b"held"
    with pytest.raises(Failed) as caught, files.locked(str(path), timeout=0.1):
        pytest.fail("two holders of one lock")
    assert caught.value.message == f"Another process holds the lock {path}.lock (waited 0.1 s)."
    assert caught.value.hint
    holder.kill()
    holder.communicate(timeout=30)
    with files.locked(str(path), timeout=0.1):
        assert names(tmp_path) == ["a.json.lock"]
