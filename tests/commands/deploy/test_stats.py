"""`dpx deploy stats` against the sandbox: the figures and the requests they cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import fault_server as faults
import pytest
from fault_server import PROJECT

if TYPE_CHECKING:
    from fault_server import FaultServer

    from dpx_cli.sandbox.server import Sandbox
    from tests.conftest import Program

STATS = ("deploy", "stats", "-p", "storefront")


def test_the_same_figures_as_json_and_as_lines(dpx: Program) -> None:
    """Of the eight deployments that the sandbox begins with: builds are 80 % of 58, 61, 74, 66, 64 and 63 s."""
    result = dpx(*STATS, "--json")
    assert (result.code, result.err) == (0, ""), result
    figures = result.json
    assert (figures["deployments"], figures["success_rate"], figures["build_ms_p50"]) == (8, 0.75, 63000)
    assert figures["by_status"] == {"QUEUED": 0, "BUILDING": 0, "READY": 6, "ERROR": 2}
    assert figures["bundle_kb_latest"] > 0
    rows = dict(dpx(*STATS).rows)
    assert (rows["build_ms_p50"], rows["by_status.READY"]) == ("63000", "6")
    assert dict(dpx("deploy", "stats", "-p", "docs", "--last", "1").rows)["deployments"] == "1"


def test_a_terminal_gets_a_trend_line(dpx: Program) -> None:
    """Of Unicode blocks."""
    out = dpx.tty(*STATS).out
    assert "1 min 3 s" in out
    assert "▁▂█▅▄▃" in out


@pytest.mark.parametrize("env", [{"TERM": "dumb"}, {"LC_ALL": "en_US.ISO-8859-1"}])
def test_no_trend_line_without_unicode(dpx: Program, env: dict[str, str]) -> None:
    """A dumb terminal, or a locale that is not UTF-8."""
    out = dpx.tty(*STATS, env=env).out
    assert out.isascii()
    assert "1 min 3 s" in out
    assert "Build times" not in out


def test_last_n_and_one_request_for_each_ended_deployment(dpx_on_faults: Program, server: FaultServer) -> None:
    """If the list's rows lack what the object has; what has not ended is not asked for."""
    for number in range(150):
        server.make("main")["status"] = "READY" if number % 3 else "QUEUED"
    found = dpx_on_faults("deploy", "stats", "-p", PROJECT, "--last", "120", "--json").json
    assert found["deployments"] == 120
    assert sum(found["by_status"].values()) == 120
    asked = [request.path for request in server.requests if request.path.startswith("/deployments/")]
    assert len(asked) == len(set(asked)) == found["by_status"]["READY"] == 80


def test_of_a_project_without_deployments(dpx: Program, sandbox: Sandbox) -> None:
    """Nothing to divide by, in every format."""
    sandbox.seed_project("bare")
    argv = ("deploy", "stats", "-p", "bare")
    found = dpx(*argv, "--json").json
    assert (found["deployments"], found["success_rate"]) == (0, None)
    assert ["success_rate", ""] in dpx(*argv).rows
    shown = dpx.tty(*argv)
    assert shown.code == 0, shown
    assert "Build times" not in shown.out


def test_a_failure_of_one_request_is_a_failure(dpx_on_faults: Program, server: FaultServer) -> None:
    """Figures over a part would be wrong ones; stdout stays empty."""
    server.on("GET", "/deployments/.*", faults.refused(403, "no"), skip=2, times=1)
    result = dpx_on_faults("deploy", "stats", "-p", PROJECT)
    assert (result.code, result.out) == (5, ""), result


def test_a_deployment_that_is_gone_counts_by_its_row(dpx_on_faults: Program, server: FaultServer) -> None:
    """It was deleted between the list and the look at it."""
    server.on("GET", "/deployments/.*", faults.refused(404, "gone"), times=1)
    found = dpx_on_faults("deploy", "stats", "-p", PROJECT, "--json").json
    assert found["deployments"] == 3
