"""`deploy list` and `deploy stats` of several projects, an organization, or all."""

from __future__ import annotations

import datetime as dt
import json
import time
from typing import TYPE_CHECKING

import fault_server as faults
import pytest
from fault_server import OTHER, PROJECT, FaultServer

if TYPE_CHECKING:
    from dpx_cli.sandbox.server import Sandbox
    from tests.conftest import Program

BOTH = ("-p", "docs,storefront")


@pytest.fixture
def shops(dpx_on_faults: Program, server: FaultServer) -> Program:
    """The program, with two projects in which somebody deployed."""
    server.projects.append({"id": OTHER, "slug": "other"})
    return dpx_on_faults


def test_the_list_is_newest_first_over_all_and_complete(dpx: Program, sandbox: Sandbox) -> None:
    """Over several pages of each project; each format has the same deployments."""
    sandbox.seed_deployments("docs", 130, seconds=1000)
    sandbox.seed_deployments("storefront", 230, seconds=500)
    done = dpx("deploy", "list", *BOTH, "--jsonl")
    assert (done.code, done.err) == (0, ""), done
    rows = [json.loads(line) for line in done.out.splitlines()]
    singles = [row for name in ("docs", "storefront") for row in dpx("deploy", "list", "-p", name, "--json").json]
    assert sorted(row["id"] for row in rows) == sorted(row["id"] for row in singles)
    moments = [row["created_at"] for row in rows]
    assert moments == sorted(moments, reverse=True)
    assert [row["project"] for row in rows[:360]] == ["storefront"] * 230 + ["docs"] * 130
    assert dpx("deploy", "list", *BOTH, "--json").json == rows
    assert dpx("deploy", "list", *BOTH, "-q").out.split() == [row["id"] for row in rows]
    assert [[row[0], row[-1]] for row in dpx("deploy", "list", *BOTH).rows] == [[r["project"], r["id"]] for r in rows]


def test_filters_work_over_all(dpx: Program) -> None:
    """--limit counts what is left of all projects together, and what it cuts is said."""
    everything = dpx("deploy", "list", "--all", "--json").json
    failed = [row["id"] for row in everything if row["status"] == "ERROR"]
    assert len({row["project"] for row in everything}) > 2
    assert dpx("deploy", "list", "--org", "acme", "--status", "error", "-q").out.split() == failed
    done = dpx("deploy", "list", "--all", "--status", "error", "--limit", "2")
    assert [row[-1] for row in done.rows] == failed[:2]
    assert "There are more deployments" in done.err
    assert len(dpx("deploy", "list", "--all", "--since", "2d", "-q").out.split()) < len(everything)
    assert dpx("deploy", "list", "--all", "--sha", everything[1]["commitSha"], "-q").out.split() == [
        everything[1]["id"]
    ]
    empty = dpx("deploy", "list", "--all", "--branch", "none", "--json")
    assert (empty.code, empty.json) == (0, []), empty


@pytest.mark.parametrize(
    "words",
    [
        ("list", "--all", "--org", "acme"),
        ("list", "--all", "--cursor", "x"),
        ("stats", "--last", "3", "--since", "3d"),
        ("stats", "-p", "docs", "--last", "0"),
        ("stats", "-p", "docs", "--last", "1.5"),
    ],
)
def test_what_is_refused(dpx: Program, sandbox: Sandbox, words: tuple[str, ...]) -> None:
    """Before any request."""
    assert dpx("deploy", *words).code == 2
    assert sandbox.requests == []


@pytest.mark.parametrize("verb", ["list", "stats"])
def test_a_project_that_fails_stops_no_other(shops: Program, server: FaultServer, verb: str) -> None:
    """It is named, and its error decides the exit code; a project that was deleted meanwhile is left out."""
    whole = shops("deploy", verb, "--all", "--json").json
    server.on("GET", f"/projects/{OTHER}/deployments", faults.refused(403, "no"), times=1)
    done = shops("deploy", verb, "--all", "--json")
    assert (done.code, done.json) != (0, whole)
    assert done.code == 5, done
    assert "other: " in done.err
    assert {row["project"] for row in done.json} <= {"shop", None}
    server.on("GET", f"/projects/{OTHER}/deployments", faults.refused(404, "gone"), times=1)
    assert shops("deploy", verb, "--all", "--json").code == 0
    server.on("GET", "/projects/.*/deployments", faults.refused(403, "no"))
    assert (shops("deploy", verb, "--all").code, shops("deploy", verb, "--all").out) == (5, "")


def test_a_rate_limit_loses_and_repeats_nothing(shops: Program, server: FaultServer) -> None:
    """A page that is refused is read again."""
    for _ in range(250):
        server.make("main")
    server.on("GET", f"/projects/{PROJECT}/deployments", faults.refused(429, "slow down"), times=4)
    rows = shops("deploy", "list", "--all", "--jsonl").out.splitlines()
    assert len(set(rows)) == len(rows) == 2 * len(server.deployments)


def test_stats_of_each_and_in_total(dpx: Program, sandbox: Sandbox) -> None:
    """The total is over all deployments; a project without any has no figures."""
    sandbox.seed_project("bare")
    docs, shop, bare, total = dpx("deploy", "stats", *BOTH, "-p", "bare", "--json").json
    assert [row["project"] for row in (docs, shop, bare, total)] == ["docs", "storefront", "bare", None]
    assert (shop["failure_rate"], total["failure_rate"]) == (0.25, 0.1818)
    assert total["deployments"] == docs["deployments"] + shop["deployments"] == 11
    assert total["per_week"] == pytest.approx(docs["per_week"] + shop["per_week"], abs=0.02)
    assert (bare["deployments"], bare["per_week"], bare["build_ms_p50"]) == (0, 0, None)
    assert total["build_ms_p50"] == 61000
    text = dpx.tty("deploy", "stats", "--all").out
    assert "Failed builds" in text
    assert "Total" in text


def test_the_time_from_an_error_to_the_next_ready_and_from_the_commit(shops: Program, server: FaultServer) -> None:
    """Of the same branch, from the first of several errors, counted at the ends of the builds."""
    shops.git("init", "-q")
    shops.git("commit", "-q", "--allow-empty", "-m", "One")
    sha, made = shops.git("log", "-1", "--format=%H %ct").split()
    server.deployments.clear()
    start = int(made) + 60
    for minute, branch, status in ((0, "main", "ERROR"), (2, "main", "ERROR"), (3, "x", "READY"), (5, "main", "READY")):
        row = server.make(branch)
        moment = dt.datetime.fromtimestamp(start + minute * 60, dt.UTC).isoformat()
        row |= {"status": status, "created_at": moment, "buildDurationMs": 10_000, "bundleSizeKb": 1}
    server.deployments[0]["commitSha"] = sha
    figures = shops("deploy", "stats", "-p", PROJECT, "--json").json
    assert figures["error_to_ready_ms_p50"] == 300_000
    assert figures["commit_to_ready_ms_p50"] == (60 + 300 + 10) * 1000
    old = dt.datetime.fromtimestamp(time.time() - 40 * 86400, dt.UTC).isoformat()
    server.deployments[-1]["created_at"] = old
    assert shops("deploy", "stats", "-p", PROJECT, "--since", "30d", "--json").json["deployments"] == 3
