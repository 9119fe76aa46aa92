"""The data file: that it survives, that it is never written over, and that no write is lost."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import re
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
from sandbox_client import ask

from dpx_cli.errors import Failed
from dpx_cli.sandbox.server import Sandbox
from dpx_cli.sandbox.store import Store, new_id, timestamp


def test_the_state_persists(tmp_path: Path) -> None:
    """With --data, projects, deployments, variables, token and cursors persist."""
    data = str(tmp_path / "state.db")
    with Sandbox(data=data, build_seconds=0.05) as sandbox:
        token = sandbox.token
        made = ask(sandbox, "POST", "/projects", {"name": "kept"}).data["id"]
        ask(sandbox, "POST", f"/projects/{made}/deployments", {"branch": "fail/late"})
        ask(sandbox, "POST", f"/projects/{made}/env-vars", {"key": "A", "value": "x"})
        ask(sandbox, "DELETE", f"/projects/{sandbox.project_id('api')}")
        cursor = ask(sandbox, "GET", "/projects?limit=1").body["pagination"]["nextCursor"]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["state.db"]
    with Sandbox(data=data, projects=50) as sandbox:
        assert sandbox.token == token
        assert sandbox.projects() == ["docs", "storefront", "kept"]
        threading.Event().wait(0.05)  # the build ends although it wasn't served
        assert sandbox.deployments("kept")[0]["status"] == "ERROR"
        assert sandbox.env_is("kept", "A", "x")
        assert [row["slug"] for row in ask(sandbox, "GET", f"/projects?cursor={cursor}").data] == ["storefront", "docs"]


@pytest.mark.posix
def test_confirmed_writes_survive_kill_9(tmp_path: Path) -> None:
    """Every write with a response survives kill -9 in the middle of concurrent writes, and so does the token."""
    data = str(tmp_path / "state.db")
    command = [sys.executable, "-m", "dpx_cli", "sandbox", "serve", "--port", "0", "--data", data]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        url, token = (process.stdout.readline().strip().partition("=")[2] for _ in range(2))
        client = SimpleNamespace(origin=url.removesuffix("/api/v1"), token=token)
        confirmed: list[str] = []

        def write(number: int) -> None:
            with contextlib.suppress(OSError, http.client.HTTPException):
                for count in itertools.count():
                    name = f"p-{number}-{count}"
                    if ask(client, "POST", "/projects", {"name": name, "orgSlug": "acme"}).status == 201:
                        confirmed.append(name)

        threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        while len(confirmed) < 60:
            threading.Event().wait(0.005)
        process.kill()
        for thread in threads:
            thread.join()
    with Sandbox(data=data) as sandbox:
        projects = sandbox.projects()
        assert set(confirmed) <= set(projects)
        assert len(projects) <= len(confirmed) + 3 + 4  # and no more than the four that were under way
        assert sandbox.token == token
        assert ask(sandbox, "POST", "/projects", {"name": "next"}).status == 201


def test_no_write_of_concurrent_clients_is_lost(tmp_path: Path) -> None:
    """Concurrent writes of eight clients are all kept."""
    with Sandbox(data=str(tmp_path / "state.db"), build_seconds=0) as sandbox:
        path = f"/projects/{sandbox.project_id('docs')}"
        statuses: list[int] = []

        def write(number: int) -> None:
            for count in range(10):
                for target, body in (
                    (f"{path}/env-vars", {"key": f"K_{number}_{count}", "value": "x"}),
                    (f"{path}/env-vars", {"key": "SHARED", "value": f"{number}"}),
                    (f"{path}/deployments", {"branch": f"b-{number}-{count}"}),
                    ("/projects", {"name": "same", "orgSlug": "acme"}),
                ):
                    statuses.append(ask(sandbox, "POST", target, body).status)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(write, range(8)))
        assert (len(statuses), set(statuses)) == (320, {200, 201})
        keys = sandbox.env_keys("docs")
        assert (len([key for key in keys if key.startswith("K_")]), keys.count("SHARED")) == (80, 1)
        assert len({row["branch"] for row in sandbox.deployments("docs")} - {"main"}) == 80
        slugs = [slug for slug in sandbox.projects() if slug.startswith("same")]
        assert len(slugs) == len(set(slugs)) == 80


def test_slots_hold_against_concurrent_clients() -> None:
    """Of eight concurrent deployments with three slots, three start."""
    with Sandbox(slots=3, build_seconds=600) as sandbox, ThreadPoolExecutor(8) as pool:
        path = f"/projects/{sandbox.project_id('docs')}/deployments"
        answers = pool.map(lambda _: ask(sandbox, "POST", path, {}).status, range(8))
        assert sorted(answers) == [201] * 3 + [429] * 5


def other_program(data: Path) -> None:
    """Write a database of another program."""
    with contextlib.closing(sqlite3.connect(data)) as other:
        other.execute("CREATE TABLE projects (x)")


def later_version(data: Path) -> None:
    """Write a sandbox's file that a later version of dpx made."""
    with Sandbox(data=str(data)):
        pass
    with contextlib.closing(sqlite3.connect(data)) as later:
        later.execute("PRAGMA user_version = 99")


@pytest.mark.parametrize(
    ("write", "error"),
    [
        (lambda data: data.write_bytes(b"not a database, but long enough to be one" * 20), "is not a database"),
        (lambda data: data.write_bytes(b"SQLite format 3\0" + b"\xff" * 2000), "Can't open"),
        (other_program, "another program's database"),
        (later_version, "another version of dpx"),
        (lambda data: data.mkdir(), "Can't open"),
    ],
)
def test_what_is_no_data_file_is_named_and_left_alone(
    tmp_path: Path, write: Callable[[Path], object], error: str
) -> None:
    """A damaged file, another program's, another version's or a directory is an error that names it."""
    data = tmp_path / "state.db"
    write(data)
    before = data.is_file() and data.read_bytes()
    with pytest.raises(Failed, match=error) as caught, Sandbox(data=str(data)):
        pass
    assert str(data) in caught.value.message
    assert (data.is_file() and data.read_bytes()) == before


def test_ids_have_the_shape_of_the_reference() -> None:
    """IDs have the reference's shape, are unique, and the first ones are always the same."""
    ids = {new_id() for _ in range(1000)}
    assert len(ids) == 1000
    with Sandbox() as one, Sandbox() as other:
        assert one.project_id("docs") == other.project_id("docs")
        ids.add(one.project_id("docs"))
    assert all(re.fullmatch("c[0-9a-z]{24}", identity) for identity in ids)
    assert timestamp(1767225600.9) == "2026-01-01T00:00:00Z"


@pytest.mark.posix
@pytest.mark.parametrize("blocks", [8, 100])
def test_a_full_disk_is_one_clear_line(tmp_path: Path, blocks: int) -> None:
    """Whether it fills up before the first transaction or in it. -B: no truncated .pyc file may be left behind."""
    limited = ["sh", "-c", f'ulimit -f {blocks}; exec "$@"', "sh", sys.executable, "-Bm", "dpx_cli", "sandbox", "run"]
    command = [*limited, "--data", str(tmp_path / "state.db"), "--", "true"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1, done
    assert done.stderr.startswith(f"error: Can't open the sandbox's data in {tmp_path}"), done


def test_sandboxes_that_start_together_on_one_file_share_its_state(tmp_path: Path) -> None:
    """One of them fills it, also if an earlier one was killed before that."""
    Store(str(tmp_path / "0.db")).close()
    for number in range(2):
        command = [sys.executable, "-m", "dpx_cli", "sandbox", "run", "--data", str(tmp_path / f"{number}.db")]
        command += ["--", "dpx", "projects", "list", "-q"]
        started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
        assert [one.communicate(timeout=60)[0].split() for one in started] == [["storefront", "docs", "api"]] * 3
