"""Commands that change something, with faults before and after the server did it; `campaign.py` counts the others.

Each run has a sandbox of its own. It knows what the command was to change and what was changed: nothing twice, nothing
else, exit 0 only if all of it was done, 7 only if nothing was, and no value or token on a stream.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import program
from campaign import short_pauses

from dpx_cli.sandbox.journal import Change
from dpx_cli.sandbox.server import Sandbox

if TYPE_CHECKING:
    from pathlib import Path

VALUE = "s3cret-canary"
FILE = '[env]\nA = {from = "env:CANARY"}\nB = {from = "env:CANARY", sensitive = true}\n[project]\n'
PROJECTS = ("docs", "storefront", "api", "shop")
REQUESTS = (
    *("POST /projects", "POST /projects/*/env-vars", "POST /projects/*/deployments", "DELETE /projects/*"),
    *("DELETE /projects/*/env-vars/*", "GET /projects", "GET /projects/*", "GET /projects/*/env-vars"),
    *("GET /projects/*/deployments", "GET /deployments/*", "* /**"),
)
FAULTS = (
    *("429 x1 retry-after=0", "503 x2", "503 x9", "500 x1", "408 x1", "403 x1"),
    *("lost x1", "lost x9", "reset x1", "reset x9"),
)
# What happens at most once; to set or to remove a variable again changes nothing.
ONCE = ("create", "deploy", "delete")


class Command(NamedTuple):
    """A command line, what it is to change, and the files that it needs."""

    argv: tuple[str, ...]
    changes: frozenset[Change]
    files: dict[str, str] = {}  # noqa: RUF012 - never written to
    stdin: str = ""


def _each(action: str, projects: tuple[str, ...], *names: str) -> frozenset[Change]:
    return frozenset(Change(action, project, name) for project in projects for name in names)


_PP = [word for project in PROJECTS for word in ("-p", project)]
_ROTATED = _each("set", PROJECTS, "ROTATED")
_CREATED = _each("create", ("new-site",), "new-site")
_SET = ("env", "set", f"A={VALUE}", f"B={VALUE}", f"C={VALUE}", *_PP[:6], "-y")
COMMANDS = {
    "apply": Command(("apply", "-y"), _each("set", ("docs",), "A", "B"), {"deploxa.toml": FILE + 'slug = "docs"\n'}),
    "apply that creates": Command(
        ("apply", "-y"),
        _CREATED | _each("set", ("new-site",), "A", "B"),
        {"deploxa.toml": FILE + 'slug = "new-site"\nframework = "NEXTJS"\napp_type = "NODEJS"\n'},
    ),
    "import --prune": Command(
        ("env", "import", ".env", "--prune", "-y", "-p", "docs"),
        _each("set", ("docs",), "A", "B") | _each("remove", ("docs",), "ROTATED"),
        {".env": f"A={VALUE}\nB='{VALUE}'\n"},
    ),
    "set of three in three": Command(_SET, _each("set", PROJECTS[:3], "A", "B", "C")),
    "rotate --all": Command(("env", "rotate", "ROTATED", "--stdin", "--all", "-y"), _ROTATED, stdin=VALUE),
    "rotate --deploy": Command(
        ("env", "rotate", "ROTATED", "--stdin", *_PP, "--deploy", "-y"),
        _ROTATED | _each("deploy", PROJECTS, "main"),
        stdin=VALUE,
    ),
    "deploy by three names": Command(
        ("deploy", "-p", "storefront", "-p", "acme/storefront", "-p", "STOREFRONT", "--branch", "main"),
        _each("deploy", ("storefront",), "main"),
    ),
    "deploy of four": Command(("deploy", *_PP, "--branch", "main"), _each("deploy", PROJECTS, "main")),
    "init": Command(("init", "new-site", "-y"), _CREATED),
    "init --deploy": Command(("init", "new-site", "-y", "--deploy"), _CREATED | _each("deploy", ("new-site",), "main")),
    "delete": Command(("projects", "delete", "docs", "-y"), _each("delete", ("docs",), "docs")),
    "create --link": Command(("projects", "create", "new-site", "--link"), _CREATED),
}


def changes(number: int, folder: Path, seed: int) -> dict[str, int]:
    """Run each command a number of times, at first without faults.

    Figures: "twice" (something was created, deployed or deleted twice), "wrong exits" (0 and not all is done; 7 and
    something is), "lost" (something else was changed), "leaks" (a value or a token on a stream), "unexpected" (a fault
    of dpx itself), and how often each exit code was seen.
    """
    figures = dict.fromkeys(("runs", "twice", "wrong exits", "lost", "leaks", "unexpected"), 0)
    rng = random.Random(seed)
    with short_pauses():
        for count in range(number):
            for name, command in COMMANDS.items():
                cwd = folder / f"{count} {name}"
                cwd.mkdir()
                _run(command, cwd, rng if count else None, figures)
    return figures


def _run(command: Command, cwd: Path, rng: random.Random | None, figures: dict[str, int]) -> None:
    for path, text in command.files.items():
        (cwd / path).write_text(text, encoding="utf-8")
    with Sandbox(build_seconds=0.05) as sandbox:
        sandbox.seed_project("shop")
        env = program.clean_env(cwd / "home", {**sandbox.env, "DPX_TIMEOUT": "2", "CANARY": VALUE})
        _prepare(env, cwd)
        faults = (
            []
            if rng is None
            else [
                f"{rng.choice(REQUESTS)} {rng.choice(FAULTS)} after {rng.randrange(3)}" for _ in range(rng.randrange(5))
            ]
        )
        for fault in faults:
            sandbox.fault(fault)
        before = len(sandbox.changes)
        result = program.run(*command.argv, env=env, cwd=cwd, stdin=command.stdin.encode())
        made = Counter(sandbox.changes[before:])
        wrong = {
            "twice": any(times > 1 for change, times in made.items() if change.action in ONCE),
            "wrong exits": (result.code == 0 and not command.changes <= set(made))
            or (result.code == 7 and bool(made))
            or (result.code != 0 and not rng),
            "lost": bool(set(made) - command.changes),
            "leaks": any(text in result.out + result.err for text in (VALUE, sandbox.token)),
            "unexpected": "unexpected" in result.err or "Traceback" in result.err,
        }
    figures["runs"] += 1
    figures[f"exit {result.code}"] = figures.get(f"exit {result.code}", 0) + 1
    for name, is_wrong in wrong.items():
        figures[name] += is_wrong
        if is_wrong:
            print(f"{name}: {result!r}\n  faults {faults}\n  changes {dict(made)}", flush=True)


def _prepare(env: dict[str, str], cwd: Path) -> None:
    """Have each project a variable that the commands rotate or prune, and docs nothing else."""
    for argv in (("env", "import", "-", "--prune", "-y", "-p", "docs"), ("env", "set", "ROTATED=old", *_PP, "-y")):
        result = program.run(*argv, env=env, cwd=cwd, stdin=b"ROTATED=old\n")
        assert result.code == 0, result
