"""Applies of several files with faults and kills, after each of which `plan` must tell the truth.

`tests/commands/state/test_converge.py` runs a short form, `tests/benchmarks/campaign.py applies` the long one.
"""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import program

from dpx_cli.sandbox.server import Sandbox

if TYPE_CHECKING:
    from pathlib import Path

KEYS = ("LITERAL", "SECRET", "PREVIEW", "TOGGLED")
VALUES = ("one", "two", "three")
REQUESTS = (
    *("POST /projects/*/env-vars", "POST /projects/*/env-vars", "DELETE /projects/*/env-vars/*", "POST /projects"),
    *("GET /projects", "GET /projects/*/env-vars"),
)
FAULTS = ("429 x1 retry-after=0", "503 x2", "503 x9", "lost x1", "lost x9", "reset x1", "reset x9", "403 x1")


class Converge:
    """Random desired states of some projects, one of which doesn't exist at first.

    Of the `figures`, two must be 0: "wrong unchanged", values that a plan calls unchanged and that aren't the server's,
    and "differences", what a plan finds after an apply without faults.
    """

    def __init__(self, seed: int, folder: Path, projects: int) -> None:
        self.figures = {"applies": 0, "killed": 0, "unchanged": 0, "wrong unchanged": 0, "differences": 0}
        self._random = random.Random(seed)
        self._folder = folder
        self._slugs = [f"campaign-{number}" for number in range(projects)]
        self._wanted: dict[tuple[str, str], str] = {}
        self._states: list[dict[tuple[str, str], str]] = []

    def run(self, number: int) -> dict[str, int]:
        """Apply a number of times and return the figures."""
        with Sandbox(build_seconds=0.1) as sandbox:
            for slug in self._slugs[1:]:
                sandbox.seed_project(slug)
            env = program.clean_env(self._folder, {"DPX_API_URL": sandbox.url, "DPX_TOKEN": sandbox.token})
            env |= {"DPX_TIMEOUT": "2", "DPX_LOCK_KEY": "k" * 32}
            for _ in range(number):
                self._change()
                self._apply(sandbox, env)
                self._check(sandbox, env)
        return self.figures

    def _change(self) -> None:
        """Want other values, and write the files."""
        self._states = [*self._states[-2:], dict(self._wanted)]
        for slug in self._slugs:
            name = slug.replace("-", "_")
            for key in KEYS:
                if self._random.random() < 0.3:
                    self._wanted[slug, key] = self._random.choice(VALUES)
            lines = [f'[project]\nslug = "{slug}"\n[env]\n']
            if literal := self._wanted.get((slug, "LITERAL")):
                lines.append(f'LITERAL = "{literal}"\n')
            lines.append(f'SECRET = {{from = "env:SECRET_{name}", sensitive = true}}\n')
            if self._random.random() < 0.9:
                lines.append(f'PREVIEW = {{from = "env:PREVIEW_{name}", targets = ["preview"]}}\n')
            is_absent = self._random.random() < 0.2
            toggled = self._wanted.get((slug, "TOGGLED"), "one")
            lines.append("TOGGLED = {absent = true}\n" if is_absent else f'TOGGLED = "{toggled}"\n')
            path = self._folder / slug / "deploxa.toml"
            path.parent.mkdir(exist_ok=True)
            path.write_text("".join(lines), encoding="utf-8")

    def _values(self, state: dict[tuple[str, str], str]) -> dict[str, str]:
        """Return the variables of the environment that the files read."""
        return {
            f"{key}_{slug.replace('-', '_')}": state.get((slug, key), "one")
            for slug in self._slugs
            for key in ("SECRET", "PREVIEW")
        }

    def _apply(self, sandbox: Sandbox, env: dict[str, str]) -> None:
        for _ in range(self._random.randrange(6)):
            after = f" after {self._random.randrange(len(self._slugs))}"
            sandbox.fault(f"{self._random.choice(REQUESTS)} {self._random.choice(FAULTS)}{after}")
        env = env | self._values(self._wanted)
        if self._random.random() < 0.1:
            del env["DPX_LOCK_KEY"]
        self.figures["applies"] += 1
        if self._random.random() < 0.25:
            child = program.start("apply", *self._slugs, "-y", env=env, cwd=self._folder)
            time.sleep(self._random.uniform(0.2, 1.5))
            child.kill()
            child.communicate()
            self.figures["killed"] += 1
            sandbox.clear_faults()
            return
        result = program.run("apply", *self._slugs, "-y", env=env, cwd=self._folder)
        sandbox.clear_faults()
        self.figures[f"exit {result.code}"] = self.figures.get(f"exit {result.code}", 0) + 1
        if result.code == 0 and "DPX_LOCK_KEY" in env:
            again = program.run("plan", *self._slugs, "--json", env=env, cwd=self._folder)
            self.figures["differences"] += len(again.json)

    def _check(self, sandbox: Sandbox, env: dict[str, str]) -> None:
        """Count what plans call unchanged, with the values of now and with those that were wanted before."""
        for state in [self._wanted, *self._states]:
            values = self._values(state)
            result = program.run("plan", *self._slugs, "--json", env=env | values, cwd=self._folder)
            different = {(row["project"], row["name"]) for row in result.json}
            for name, value in values.items():
                key, _, slug = name.partition("_")
                slug = slug.replace("_", "-")
                is_there = (slug, slug) not in different and f"{key} = " in (
                    self._folder / slug / "deploxa.toml"
                ).read_text(encoding="utf-8")
                if is_there and (slug, key) not in different:
                    self.figures["unchanged"] += 1
                    self.figures["wrong unchanged"] += not sandbox.env_is(slug, key, value)
