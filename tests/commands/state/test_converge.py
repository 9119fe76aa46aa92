"""apply converges: after it a plan is empty, for any file, and after a death at any request and a second apply."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import pytest
import tomlkit
from converge import Converge
from fault_server import FaultServer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dpx_cli.reference import TARGETS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Program

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
SOME_TARGETS = st.lists(st.sampled_from(TARGETS), min_size=1, unique=True)
VARIABLE = st.one_of(
    TEXT,
    st.fixed_dictionaries({"value": TEXT}, optional={"targets": SOME_TARGETS, "sensitive": st.just(False)}),
    st.fixed_dictionaries(
        {"from": st.sampled_from(["env:ONE", "env:TWO"])},
        optional={"targets": SOME_TARGETS, "sensitive": st.booleans()},
    ),
    st.just({"absent": True}),
)
FIELDS = ("description", "build_command", "install_command", "output_dir")
FILE = st.fixed_dictionaries(
    {
        "project": st.fixed_dictionaries(
            {"slug": st.just("acme/one")}, optional={"framework": st.just("vite"), **dict.fromkeys(FIELDS, TEXT)}
        ),
        "env": st.dictionaries(st.sampled_from(["A", "B_1", "_c", "description"]), VARIABLE),
    }
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(FILE, min_size=1, max_size=2))
def test_after_apply_a_plan_is_empty(dpx: Program, files: list[dict[str, Any]]) -> None:
    """Apart from values, which can't be compared; from any state that another file left."""
    dpx.env |= {"ONE": "first", "TWO": "second"}
    for file in files:
        dpx.write(tomlkit.dumps(file))
        assert dpx("apply", "-y").code == 0
        planned = dpx("plan", "--exit-code")
        assert (planned.code, [row[0] for row in planned.rows]) == (
            0,
            ["unknown"] * sum(has_value(entry) for entry in file["env"].values()),
        )


def has_value(entry: Any) -> bool:
    """Whether an entry of a file has a value."""
    return isinstance(entry, str) or not entry.get("absent")


CONVERGING = """\
[project]
slug = "acme-new"
description = "d"
build_command = "make"
[env]
A = "1"
B = {value = "2", targets = ["preview"]}
C = {value = "3", targets = ["preview", "production"]}
OLD = {absent = true}
OLDER = {absent = true}
"""
# Every request of an apply: method, end of the path, and how many of them go well before.
REQUESTS = [
    *(("GET", "/projects", skip) for skip in range(2)),
    ("POST", "/projects", 0),
    ("GET", "/projects/[^/]+", 0),
    ("GET", "/env-vars", 0),
    ("PATCH", "/projects/[^/]+", 0),
    *(("POST", "/env-vars", skip) for skip in range(3)),
    *(("DELETE", "/env-vars/.*", skip) for skip in range(2)),
]


def prepared(server: FaultServer, *, exists: bool) -> None:
    """A project with other variables than the file's, if it is to exist."""
    if not exists:
        return
    server.projects.append({"id": "clm1newnewnewnewnewnewnew", "name": "acme-new", "slug": "acme-new"})
    server.variables = {
        "OLD": {"key": "OLD", "value": "x"},
        "OLDER": {"key": "OLDER", "value": "x"},
        "B": {"key": "B", "value": "x", "targets": ["production"]},
    }


@pytest.mark.posix
@pytest.mark.parametrize("effect", [False, True])
@pytest.mark.parametrize("exists", [False, True])
@pytest.mark.parametrize(("method", "path", "skip"), REQUESTS)
def test_killed_at_any_request_a_second_apply_does_the_rest(
    dpx_on_faults: Program, server: FaultServer, method: str, path: str, skip: int, exists: bool, effect: bool
) -> None:
    """After kill -9 while a request is under way, done or not, the same command does the rest: the plan is empty."""
    dpx_on_faults.write(CONVERGING)
    prepared(server, exists=exists)
    children: list[Any] = []

    def kill(_exchange: Any) -> None:
        children[0].send_signal(signal.SIGKILL)
        children[0].wait()

    server.on(method, path, kill, times=1, skip=skip, effect=effect)
    children.append(dpx_on_faults.start("apply", "--yes"))
    out, err = children[0].communicate(timeout=60)
    assert children[0].returncode in (-signal.SIGKILL, 0), (out, err)
    again = dpx_on_faults("apply", "--yes")
    assert again.code == 0, again
    planned = dpx_on_faults("plan", "--exit-code")
    assert planned.code == 0, planned
    assert sum(project["slug"] == "acme-new" for project in server.projects) == 1
    assert server.variables.keys() == {"A", "B", "C"}
    assert sorted(server.variables["C"]["targets"]) == ["preview", "production"]


def test_no_plan_calls_unchanged_what_is_not(tmp_path: Path) -> None:
    """After applies with faults and kills; and after one without, the plan is empty."""
    figures = Converge(3, tmp_path, 3).run(12)
    assert (figures["wrong unchanged"], figures["differences"]) == (0, 0), figures
    assert figures["unchanged"] > 20, figures
    assert figures["killed"] > 0, figures
