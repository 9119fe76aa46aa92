"""The data file: that it survives, that it is never written over, and that no write is lost."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from sandbox_client import ask

from dpx_cli.errors import Failed
from dpx_cli.sandbox.server import Sandbox
from dpx_cli.sandbox.store import Store, new_id, timestamp

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# Serves a data file until it is killed; its first two lines are URL and token.
SERVER = """
import sys, threading
from dpx_cli.sandbox.server import Sandbox
box = Sandbox(data=sys.argv[1], build_seconds=0)
box.start()
print(box.url, box.token, sep="\\n", flush=True)
threading.Event().wait()
"""


def test_the_world_persists(tmp_path: Path) -> None:
    """With --data, projects, deployments, variables, token and cursors persist."""
    data = str(tmp_path / "world.db")
    with Sandbox(data=data, build_seconds=0) as sandbox:
        token = sandbox.token
        made = ask(sandbox, "POST", "/projects", {"name": "kept"}).data["id"]
        ask(sandbox, "POST", f"/projects/{made}/deployments", {"branch": "b"})
        ask(sandbox, "POST", f"/projects/{made}/env-vars", {"key": "A", "value": "x"})
        ask(sandbox, "DELETE", f"/projects/{sandbox.project_id('api')}")
        cursor = ask(sandbox, "GET", "/projects?limit=1").body["pagination"]["nextCursor"]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["world.db"]
    with Sandbox(data=data, projects=50) as sandbox:
        assert sandbox.token == token
        assert sandbox.projects() == ["docs", "storefront", "kept"]
        assert sandbox.deployments("kept")[0]["status"] == "READY"
        assert sandbox.env_is("kept", "A", "x")
        assert [row["slug"] for row in ask(sandbox, "GET", f"/projects?cursor={cursor}").data] == ["storefront", "docs"]


@pytest.mark.posix
def test_what_was_answered_survives_kill_9(tmp_path: Path) -> None:
    """Every write that was answered survives kill -9 in the middle of concurrent writes."""
    data = tmp_path / "world.db"
    with subprocess.Popen([sys.executable, "-c", SERVER, str(data)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        client = _Remote(process.stdout.readline().strip(), process.stdout.readline().strip())
        answered: list[str] = []

        def write(number: int) -> None:
            for count in range(10_000):
                try:
                    name = f"p-{number}-{count}"
                    if ask(client, "POST", "/projects", {"name": name, "orgSlug": "acme"}).status == 201:  # type: ignore[arg-type]
                        answered.append(name)
                except (OSError, http.client.HTTPException):
                    return

        threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        while len(answered) < 60:
            threading.Event().wait(0.005)
        os.kill(process.pid, signal.SIGKILL)
        for thread in threads:
            thread.join()
    with Sandbox(data=str(data)) as sandbox:
        there = sandbox.projects()
        assert set(answered) <= set(there)
        assert len(there) <= len(answered) + 3 + 4  # and no more than the four that were under way
        assert ask(sandbox, "POST", "/projects", {"name": "next"}).status == 201


class _Remote:
    """What `ask` needs to know of a sandbox in another process."""

    def __init__(self, url: str, token: str) -> None:
        self.origin = url.removesuffix("/api/v1")
        self.token = token


@pytest.mark.parametrize("on_disk", [False, True])
def test_no_write_of_concurrent_clients_is_lost(tmp_path: Path, on_disk: bool) -> None:
    """Concurrent writes of eight clients are all kept."""
    with Sandbox(data=str(tmp_path / "world.db") if on_disk else None, build_seconds=0) as sandbox:
        path = f"/projects/{sandbox.project_id('docs')}"
        statuses: list[int] = []

        def client(number: int) -> None:
            for count in range(10):
                answers = (
                    ask(sandbox, "POST", f"{path}/env-vars", {"key": f"K_{number}_{count}", "value": "x"}),
                    ask(sandbox, "POST", f"{path}/env-vars", {"key": "SHARED", "value": f"{number}"}),
                    ask(sandbox, "POST", f"{path}/deployments", {"branch": f"b-{number}-{count}"}),
                    ask(sandbox, "POST", "/projects", {"name": "same", "orgSlug": "acme"}),
                )
                statuses.extend(answer.status for answer in answers)

        _together(client, 8)
        assert len(statuses) == 320
        assert set(statuses) <= {200, 201}
        keys = sandbox.env_keys("docs")
        assert len([key for key in keys if key.startswith("K_")]) == 80
        assert keys.count("SHARED") == 1
        assert len({row["branch"] for row in sandbox.deployments("docs")} - {"main"}) == 80
        slugs = [slug for slug in sandbox.projects() if slug.startswith("same")]
        assert len(slugs) == len(set(slugs)) == 80


def test_slots_hold_against_concurrent_clients() -> None:
    """Of eight concurrent deployments with three slots, three start."""
    with Sandbox(slots=3, build_seconds=600) as sandbox:
        statuses: list[int] = []
        path = f"/projects/{sandbox.project_id('docs')}/deployments"
        _together(lambda _: statuses.append(ask(sandbox, "POST", path, {}).status), 8)
        assert sorted(statuses) == [201] * 3 + [429] * 5


def _together(work: Callable[[int], None], count: int) -> None:
    start = threading.Barrier(count)

    def wait(number: int) -> None:
        start.wait()
        work(number)

    threads = [threading.Thread(target=wait, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize(
    "content", [b"no database at all, but long enough to be one" * 20, b"SQLite format 3\0" + b"\xff" * 2000]
)
def test_a_damaged_file_is_named_and_left_alone(tmp_path: Path, content: bytes) -> None:
    """A damaged data file, another program's or another version's is named and not changed."""
    data = tmp_path / "world.db"
    data.write_bytes(content)
    with pytest.raises(Failed, match=str(data)), Sandbox(data=str(data)):
        pass
    assert data.read_bytes() == content
    for change, message in (
        ("CREATE TABLE projects (x)", "another program's"),
        ("PRAGMA user_version = 99", "version"),
    ):
        data.unlink()
        if "PRAGMA" in change:
            with Sandbox(data=str(data)):
                pass
        with contextlib.closing(sqlite3.connect(data)) as other:
            other.execute(change)
        before = data.read_bytes()
        with pytest.raises(Failed, match=message):
            Store(str(data))
        assert data.read_bytes() == before
    with pytest.raises(Failed, match="Can't open"):
        Store(str(tmp_path / "none" / "world.db"))


def test_a_seeding_that_was_cut_off_is_done_again(tmp_path: Path) -> None:
    """A seeding that was interrupted starts again from nothing."""
    data = str(tmp_path / "world.db")
    Store(data).close()  # killed between making the file and seeding it
    with Sandbox(data=data) as sandbox:
        assert sandbox.projects() == ["api", "docs", "storefront"]


def test_ids_have_the_shape_of_the_reference() -> None:
    """IDs have the reference's shape, are unique, and the first ones are always the same."""
    ids = {new_id() for _ in range(1000)}
    assert len(ids) == 1000
    with Sandbox() as one, Sandbox() as other:
        assert one.project_id("docs") == other.project_id("docs")
        ids.add(one.project_id("docs"))
    assert all(re.fullmatch("c[0-9a-z]{24}", identity) for identity in ids)
    assert timestamp(1767225600.9) == "2026-01-01T00:00:00Z"


def test_sandboxes_that_begin_at_the_same_moment_share_one_world(tmp_path: Path) -> None:
    """Sandboxes that start at the same moment on one file share its state."""
    code = (
        "import sys, time\n"
        "from dpx_cli.sandbox import seed\n"
        "from dpx_cli.sandbox.store import Store\n"
        "store = Store(sys.argv[1])\n"
        "if store.fresh:\n    seed.fill(store, seed.usual_seed(time.time()), time.time(), 0, person=None)\n"
        "print(store.fresh, store.one('SELECT count(*) AS n FROM projects')['n'])\n"
    )
    for number in range(2):
        command = [sys.executable, "-c", code, str(tmp_path / f"{number}.db")]
        begun = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
        said = sorted(one.communicate(timeout=60)[0].split() for one in begun)
        assert [fresh for fresh, _ in said] == ["False", "False", "False", "True"]
        assert len({count for _, count in said}) == 1
