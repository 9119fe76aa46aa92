"""Campaigns of random faults, signals, kills and inputs against dpx, and what they count.

Each function runs one kind and returns its figures; what must never happen is counted beside how often it was tried.
`tests/commands/deploy/test_campaign.py` runs a short form, `tests/benchmarks/campaign.py` the long one.
"""

from __future__ import annotations

import functools
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import fault_server as faults
import program
from clients import client_of
from fault_server import PROJECT, TOKEN, FaultServer
from fuzz import mutated

from dpx_cli import errors
from dpx_cli.api import client, once
from dpx_cli.api.deploy import create as creating
from dpx_cli.api.deploy import follow as following
from dpx_cli.api.retry import Deadline
from dpx_cli.reference import GRACE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fault_server import Exchange, Fault

    from dpx_cli.api.deployments import DeploymentFields

POST = ("POST", ".*/deployments")
LIST = ("GET", ".*/deployments")
DETAILS = ("GET", "/deployments/.*")
TIMEOUT = 0.3  # seconds of one deploy
SHA = "a" * 40


def stray(exchange: Exchange) -> None:
    """Answer well, and then send an answer that no request asked for."""
    request = exchange.request
    assert request is not None
    with exchange.server.locked():
        status, document = exchange.server.own(request)
    faults.reply(status, document)(exchange)
    somebody = {"data": {"id": "somebody-elses", "status": "READY"}}
    faults.reply(200, somebody)(exchange)


BREAKS: tuple[Fault, ...] = (
    faults.reset,
    faults.hang_up,
    faults.truncated_head,
    faults.truncated_body,
    faults.broken_chunks,
    faults.not_http,
    faults.html_502,
    faults.html_200,
    faults.refused(500, "Internal error"),
    faults.refused(503, "busy", "0"),
    faults.refused(408, "Request Timeout"),
    faults.refused(429, "slow down", "0"),
    faults.reply(504, b""),
    faults.reply(200, b""),
    faults.reply(201, {"data": {"status": "QUEUED"}}),
)
ANOTHER = faults.reply(200, {"data": {"id": "somebody-elses", "status": "READY"}})


class Deploys:
    """Random faults at each step of a deployment: list, POST, list, polls. The server counts.

    `figures` are how the deploys ended, by exit code; "duplicates" and "false greens" must not be.
    """

    def __init__(self, seed: int) -> None:
        self.figures: dict[str, int] = {"deploys": 0, "duplicates": 0, "false greens": 0}
        self._random = random.Random(seed)

    def run(self, number: int) -> dict[str, int]:
        """Run a number of deploys and return the figures."""
        with short_pauses():
            for _ in range(number):
                with FaultServer() as server:
                    self._one(server)
        return self.figures

    def _one(self, server: FaultServer) -> None:
        # Ours are known by a commit that nobody else deploys; half of the servers never tell it.
        tells = self._random.random() < 0.5
        ours: set[str] = set()
        self._prepare(server, ours, tells=tells)
        fields: DeploymentFields = {"branch": "main", "commitSha": SHA}
        code, found = self._deploy(server, fields)
        self.figures["deploys"] += 1
        self.figures["duplicates"] += len(ours) > 1
        self.figures["false greens"] += code == 0 and found not in ours
        self.figures[f"exit {code}"] = self.figures.get(f"exit {code}", 0) + 1

    def _prepare(self, server: FaultServer, ours: set[str], *, tells: bool) -> None:
        """Put faults in front of a server."""
        chance = self._random.random
        server.course = self._random.choice((("READY",), ("BUILDING", "READY"), ("QUEUED", "ERROR"), ("BUILDING",)))
        for _ in range(self._random.choice((0, 3, 97))):
            server.make("main")
        make = server.make

        def made(branch: str) -> dict[str, Any]:
            row = make(branch)
            ours.add(row["id"])
            if tells:
                row["commitSha"] = SHA
            if chance() < 0.1:
                del row["branch"]  # only its details tell
                server.on("GET", f"/deployments/{row['id']}", detailed(row, branch), times=2)
            return row

        server.make = made  # type: ignore[method-assign]
        for _ in range(self._random.randrange(3)):
            server.on(*LIST, self._fault(), times=1, skip=self._random.randrange(5))
        for _ in range(self._random.randrange(4)):
            server.on(*DETAILS, self._fault(), times=1, skip=self._random.randrange(4))
        if chance() < 0.7:
            server.on(*POST, self._around(server, make, tells=tells), times=1, effect=chance() < 0.5)

    def _fault(self) -> Fault:
        return self._random.choice((*BREAKS, ANOTHER, stray, faults.after(0.05, faults.refused(500, "slow"))))

    def _around(self, server: FaultServer, make: Callable[[str], dict[str, Any]], *, tells: bool) -> Fault:
        """Return a loss of the POST's answer, while others deploy and old deployments vanish."""
        fault = self._random.choice(BREAKS)
        race, vanish, lag = (self._random.random() < chance for chance in (0.3, 0.15, 0.2))

        def answer(exchange: Exchange) -> None:
            before = {"data": list(server.deployments[:100])}
            with server.locked():
                if race:
                    # Where nobody tells commits, another's deployment of our branch could not be told from ours.
                    row = make("main" if tells else "other")
                    if tells:
                        row["commitSha"] = "b" * 40
                if vanish and len(server.deployments) > 50:
                    del server.deployments[40]
            if lag:
                server.on(*LIST, faults.reply(200, before), times=1)
            fault(exchange)

        return answer

    def _deploy(self, server: FaultServer, fields: DeploymentFields) -> tuple[int, str | None]:
        """Look, start and follow as `dpx deploy` does; return the exit code and the deployment that was followed."""
        api = client_of(server.url, timeout=0.3)
        deadline = Deadline(TIMEOUT)
        api.until = deadline.at + GRACE
        creator = creating.Creator(
            api,
            PROJECT,
            deadline=deadline,
            check="dpx deploy list",
            show=lambda *_: None,
            warn=lambda _: None,
        )
        try:
            creator.list_recent()
            created = creator.create(fields)
            final = following.follow(
                api, created["id"], deadline, say=lambda *_: None, created=created, command="dpx deploy wait"
            )
        except errors.DpxError as problem:
            return int(problem.exit_code), None
        return (0 if final["status"] == "READY" else 9), final["id"]


def detailed(row: dict[str, Any], branch: str) -> Fault:
    """Answer with a deployment's details, which tell its branch."""
    return faults.reply(200, {"data": {**row, "branch": branch, "status": "BUILDING"}})


class short_pauses:  # noqa: N801 - used like a function
    """A context in which dpx waits a fiftieth of what it usually does."""

    SHORT = ((client, "FIRST_PAUSE", 0.004), (creating, "MIN_PAUSE", 0.02), (following, "FIRST", 0.01))
    DELAYS = (0.0, 0.01, 0.02, 0.03)

    def __enter__(self) -> None:
        self._before = [(module, name, getattr(module, name)) for module, name, _ in self.SHORT]
        self._delays = once.RECHECK_DELAYS
        for module, name, value in self.SHORT:
            setattr(module, name, value)
        once.RECHECK_DELAYS = self.DELAYS

    def __exit__(self, *_: object) -> None:
        for module, name, value in self._before:
            setattr(module, name, value)
        once.RECHECK_DELAYS = self._delays


def signals(number: int, folder: Path, seed: int) -> dict[str, int]:
    """Send SIGINT or SIGTERM to `dpx deploy` at random moments; the deployment never ends by itself.

    Figures: "lost" (the program didn't end with the signal's code), "silent" (a deployment was made, and neither its
    ID nor the list is named), "tracebacks" of dpx; "before dpx" (the interpreter was still starting, which ends it
    with a traceback of its own, or prints the interruption and goes on).
    """
    figures = {"signals": 0, "lost": 0, "silent": 0, "tracebacks": 0, "before dpx": 0, "after the POST": 0}
    rng = random.Random(seed)
    usual = 0.0  # seconds until the POST, on this machine
    for count in range(number + 1):
        with FaultServer(course=("BUILDING",)) as server:
            env = program.clean_env(folder, {"DPX_API_URL": server.url, "DPX_TOKEN": TOKEN, "DPX_PROJECT": PROJECT})
            began = time.monotonic()
            running = program.start("deploy", "--no-git", env=env, cwd=folder)
            if not count:
                faults.wait_until(functools.partial(getattr, server, "made"))
                usual = time.monotonic() - began
                running.kill()
                running.communicate()
                continue
            time.sleep(rng.uniform(0.0, 2 * usual))
            sent = rng.choice((signal.SIGINT, signal.SIGTERM))
            running.send_signal(sent)
            try:
                told = b"".join(running.communicate(timeout=30))
            except subprocess.TimeoutExpired:
                running.kill()
                told = b"".join(running.communicate())
            count_signal(figures, running.returncode, sent, told, made=server.made)
    return figures


def count_signal(figures: dict[str, int], code: int, sent: signal.Signals, told: bytes, *, made: int) -> None:
    """Count how one signal ended a program; print what must not be."""
    figures["signals"] += 1
    is_early = (code == -sent or b"KeyboardInterrupt" in told) and not re.search(rb"dpx_cli/.*in main\n", told)
    figures["before dpx"] += is_early
    figures["after the POST"] += bool(made)
    wrong = {
        "lost": not is_early and code != 128 + sent,
        "silent": bool(made) and not is_early and not re.search(rb"dpx deploy (wait clm1|list)", told),
        "tracebacks": not is_early and b"Traceback" in told,
    }
    for name, is_wrong in wrong.items():
        figures[name] += is_wrong
    if any(wrong.values()):
        print(f"{sent.name}, {made} made, exit {code}:\n{told.decode()}", flush=True)


WRITERS = r"""
import itertools, os, sys
from dpx_cli.cache import Names
from dpx_cli.config import link, profiles, settings
from dpx_cli.rollout.report import Result, gitlab_dotenv
from dpx_cli.system import files
folder = sys.argv[1]
for number in itertools.count():
    filler = "x" * (number * 7919 % 30000)
    profiles.update(folder, lambda found: found.put("work", org=f"org{number}"))
    link.write(folder, f"clm1project{number}", filler or None, None)
    names = Names(settings.Settings({"DPX_CACHE_DIR": folder}), "dpx_token")
    names.remember("projects", [f"p{number}", filler])
    gitlab_dotenv(os.path.join(folder, "dpx.env"), [Result("clm1", "READY", "https://a.example/" + filler, 1.0)])
    files.write_whole(os.path.join(folder, "plain"), (filler + "END").encode())
    if not number:
        print("begun", flush=True)
"""


def kills(number: int, folder: Path, seed: int) -> dict[str, int]:
    """Kill a program that writes every kind of file, at random moments; then each file must be whole."""
    figures = {"kills": 0, "torn": 0, "files": 0}
    rng = random.Random(seed)
    for _ in range(number):
        running = subprocess.Popen([sys.executable, "-c", WRITERS, str(folder)], cwd=folder, stdout=subprocess.PIPE)
        assert running.stdout is not None
        assert running.stdout.readline() == b"begun\n"  # however long the interpreter takes to start
        time.sleep(rng.uniform(0.0, 0.25))
        running.kill()
        running.communicate()
        figures["kills"] += 1
        for path in (
            path for path in folder.rglob("*") if path.is_file() and not path.name.endswith((".lock", ".tmp"))
        ):
            figures["files"] += 1
            figures["torn"] += not is_whole(path)
    return figures


def is_whole(path: Path) -> bool:
    """Return whether a file that a killed program wrote is complete."""
    data = path.read_bytes()
    if path.suffix == ".json":
        try:
            json.loads(data)
        except ValueError:
            return False
        return True
    if path.name == "dpx.env":
        return data.endswith(b"DURATION_SECONDS=1\n")
    return data.endswith(b"END") if path.name == "plain" else True


def inputs(number: int, seed: int) -> dict[str, int]:
    """Give random bytes, texts and words to everything that reads input; each raises a DpxError or nothing."""
    rng = random.Random(seed)
    figures = {"inputs": 0, "tracebacks": 0}
    readers = list(each_reader())
    for count in range(number):
        read, make = readers[count % len(readers)]
        figures["inputs"] += 1
        try:
            read(make(rng))
        except errors.DpxError:
            continue
        except Exception as problem:  # noqa: BLE001 - what is counted
            figures["tracebacks"] += 1
            figures[f"{type(problem).__name__} in {read.__name__}"] = 1
    return figures


def each_reader() -> Iterator[tuple[Callable[[Any], object], Callable[[random.Random], Any]]]:
    """Yield what reads input, with what makes some for it."""
    from dpx_cli.api.client import data_of, decode
    from dpx_cli.api.http1 import Response
    from dpx_cli.cli import main
    from dpx_cli.commands.env.dotenv import EnvFile
    from dpx_cli.config.settings import Settings
    from dpx_cli.output.neutralize import neutralize, without_commands

    def read_body(body: bytes) -> object:
        return data_of(decode(Response(200, "OK", {}, body), "GET /projects"), "GET /projects", list)

    def read_settings(values: list[str]) -> object:
        env = dict(zip(("DPX_API_URL", "DPX_TIMEOUT", "DPX_PROFILE", "DPX_PROJECT", "HOME"), values, strict=True))
        settings = Settings({**env, "DPX_CONFIG_DIR": os.devnull})
        return settings.timeout, settings.api_url, settings.project

    def read_text(text: str) -> object:
        return without_commands(neutralize(text))

    yield read_body, lambda rng: mutated(rng, b'{"data": [{"id": "a", "n": 1.5e3, "x": [null, true]}]}')
    yield (
        (lambda data: EnvFile(data, ".env")),
        lambda rng: mutated(rng, b"A=\"x\\n\"\nexport B='y' # z\nC=1\r\n"),
    )
    yield main.parse_line, words
    yield read_settings, lambda rng: [noise(rng, 12) for _ in range(5)]
    yield read_text, lambda rng: noise(rng, 40)


def noise(rng: random.Random, size: int) -> str:
    """Return a text of any characters, lone surrogates included."""
    pools = ("abc-_./:@?#% ", "\x00\x1b\n\r\t", "\u202e\u200b\ud800é界", "0123456789.smh")
    return "".join(rng.choice(rng.choice(pools)) for _ in range(rng.randrange(size)))


def words(rng: random.Random) -> list[str]:
    """Return a command line: real commands and options among noise."""
    real = (
        "deploy",
        "list",
        "env",
        "set",
        "projects",
        "api",
        "--json",
        "--project",
        "-p",
        "--limit",
        "--",
        "-q",
        "--jq",
    )
    return [rng.choice(real) if rng.random() < 0.7 else noise(rng, 8) for _ in range(rng.randrange(8))]
