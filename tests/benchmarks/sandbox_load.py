"""How much the sandbox bears: `python tests/benchmarks/sandbox_load.py` prints requests a second and page times.

Starts `dpx sandbox serve` as a process of its own with 200 and with 20,000 projects, on loopback, and asks it a fixed
number of requests over kept-alive connections. Prints; asserts nothing but that every answer was right.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZES = (200, 20_000)
CLIENTS = 8
REQUESTS = 250  # of each client
PAGES = 150
DEEP = 0.9  # how far into the list a deep page lies


class Client:
    """One kept-alive connection."""

    def __init__(self, url: str, token: str) -> None:
        parts = urlsplit(url)
        self._root = parts.path
        self._headers = {"Authorization": f"Bearer {token}"}
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """One request; raises where the answer is not a success."""
        content = None if body is None else json.dumps(body)
        self._connection.request(method, self._root + path, content, self._headers)
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {text!r}")
        return json.loads(text)


@contextlib.contextmanager
def serve(projects: int, *options: str) -> Iterator[tuple[str, str]]:
    """`dpx sandbox serve` in a process of its own; gives URL and token."""
    command = [
        sys.executable,
        "-m",
        "dpx_cli",
        "sandbox",
        "serve",
        "--port",
        "0",
        "--projects",
        str(projects),
        *options,
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            lines = [process.stdout.readline() for _ in range(2)] if process.stdout else []
            url, token = (line.strip().partition("=")[2] for line in lines)
            yield url, token
        finally:
            process.terminate()


def mixed(number: int, url: str, token: str) -> int:
    """What a client of daily life asks: mostly lists and reads, a fifth writes. Gives how many requests it was."""
    client = Client(url, token)
    project = client.ask("POST", "/projects", {"name": f"load {number}"})["data"]["id"]
    done = 1
    while done < REQUESTS:
        step = done % 10
        if step == 0:
            client.ask("POST", f"/projects/{project}/deployments", {"branch": "main"})
        elif step == 5:
            client.ask("POST", f"/projects/{project}/env-vars", {"key": f"KEY_{done}", "value": "x"})
        elif step in (1, 2, 3):
            client.ask("GET", "/projects?limit=20")
        elif step in (4, 6):
            client.ask("GET", f"/projects/{project}/deployments")
        else:
            client.ask("GET", f"/projects/{project}")
        done += 1
    return done


def load(url: str, token: str) -> float:
    """Requests a second of all clients together, in two processes of threads."""
    with ProcessPoolExecutor(2) as pool:
        start = time.perf_counter()
        halves = [pool.submit(_threads, half, url, token) for half in range(2)]
        done = sum(half.result() for half in halves)
        return done / (time.perf_counter() - start)


def _threads(half: int, url: str, token: str) -> int:
    done: list[int] = []
    threads = [
        threading.Thread(target=lambda number=number: done.append(mixed(number, url, token)))
        for number in range(half * CLIENTS // 2, (half + 1) * CLIENTS // 2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(done) != len(threads):
        raise RuntimeError("a client failed")
    return sum(done)


def page_times(url: str, token: str, projects: int) -> tuple[float, float]:
    """Median milliseconds of a first page of 100 and of one deep in the list."""
    client = Client(url, token)
    cursor = ""
    for _ in range(int(projects * DEEP) // 100):
        cursor = "&cursor=" + client.ask("GET", f"/projects?limit=100{cursor}")["pagination"]["nextCursor"]
    return _median(client, "/projects?limit=100"), _median(client, f"/projects?limit=100{cursor}")


def _median(client: Client, path: str) -> float:
    times = []
    for _ in range(PAGES):
        start = time.perf_counter()
        client.ask("GET", path)
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times)


def main() -> None:
    """Print a row a size, in memory and on disk."""
    print("projects  world    requests/s  first page ms  deep page ms")
    for projects in SIZES:
        for world in ("memory", "file"):
            with tempfile.TemporaryDirectory() as folder:
                options = ("--data", str(Path(folder, "world.db"))) if world == "file" else ()
                with serve(projects, *options) as (url, token):
                    first, deep = page_times(url, token, projects)
                    rate = load(url, token)
            print(f"{projects:8}  {world:6}  {rate:11.0f}  {first:13.2f}  {deep:12.2f}")


if __name__ == "__main__":
    main()
