"""Nearly right responses: a field that is missing, null or of another type is no reason to fail unexpectedly."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from fault_server import PROJECT, TOKEN, FaultServer
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dpx_cli.api import once

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fault_server import Request

    from tests.conftest import Program

DEPLOYMENT = "clm1deployment0000000003"
MISSING = object()
ODD = [MISSING, None, 7, -1.5, True, "", "x\ny", "../x", "\udcff", 10**30, [], ["x"], [None], {}, {"id": 1}]
COMMANDS = [
    *("projects list", "projects list --search s --status ready", "projects get shop", "projects create new --link"),
    *("projects update shop --name x", "projects delete shop --yes", "link shop", "auth status", "doctor --api"),
    *("orgs list", "orgs get acme", "orgs members acme", "status shop --fail-on error", "status --all"),
    *(
        "open shop --print",
        "api /projects --paginate",
        "export -p shop",
        "plan deploxa.toml",
        "apply deploxa.toml --yes",
    ),
    *("deploy -p shop --branch main --timeout 2s", f"deploy -p shop -p {PROJECT} --no-wait"),
    *("deploy list -p shop --since 7d --branch main", "deploy list --all", "deploy get --latest -p shop"),
    *(f"deploy wait {DEPLOYMENT} --timeout 1s", "deploy again -p shop --no-wait", "deploy stats -p shop"),
    *("deploy list --org acme", "deploy stats --all", "deploy diff -p shop", "deploy get --sha 1234567 -p shop"),
    *("env example -p shop", "env scan -p shop", "env rm A -p shop --dry-run", "export --all --dir out"),
    *("env list -p shop", "env set A=1 -p shop --target preview --yes", "env rm A -p shop --yes", "env where A"),
    *("env import vars.env -p shop --prune --yes", "env check vars.env -p shop", "env rotate A --stdin --all --yes"),
    *(f"deploy get {DEPLOYMENT}", f"env diff --against {PROJECT} -p shop"),
]


class OddServer(FaultServer):
    """A server of which one response, by its number from 0, has another value in a field, counted through it."""

    def __init__(self, number: int, field: int, value: Any) -> None:
        super().__init__(course=("READY",))
        self.number = number
        self.field = field
        self.value = value
        self.variables["A"] = {"key": "A", "targets": ["production", "preview"]}
        self.projects[0]["current_deployment"] = {"id": DEPLOYMENT, "status": "READY", "branch": "main"}

    def own(self, request: Request) -> tuple[int, Any]:
        """Return status and document."""
        status, document = super().own(request)
        self.number -= 1
        if self.number != -1:
            return status, document
        document = copy.deepcopy(document)
        fields = list(_fields(document))
        parent, key = fields[self.field % len(fields)]
        if self.value is not MISSING:
            parent[key] = self.value
        else:
            del parent[key]
        return status, document


def _fields(document: Any) -> Iterator[tuple[Any, Any]]:
    """Every place of a document, as its parent and the key or index there."""
    pairs = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in pairs:
        yield document, key
        if isinstance(value, dict | list):
            yield from _fields(value)


@pytest.fixture(autouse=True)
def _short_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The list is read several times after a lost response; here in quick succession."""
    monkeypatch.setattr(once, "RECHECK_DELAYS", (0.0, 0.01))


@settings(
    max_examples=300, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@example(command="projects create new --link", number=1, field=0, value={}, form=[])
@example(command="deploy get --latest -p shop", number=1, field=1, value={}, form=[])
@given(
    command=st.sampled_from(COMMANDS),
    number=st.integers(0, 3),
    field=st.integers(0, 30),
    value=st.sampled_from(ODD),
    form=st.sampled_from([[], ["--json"]]),
)
def test_no_command_fails_unexpectedly(
    dpx_offline: Program, command: str, number: int, field: int, value: Any, form: list[str]
) -> None:
    """It does its work, or says what is wrong with the response; a read is never of unknown outcome."""
    (dpx_offline.cwd / "vars.env").write_text("A=1\nB=2\n", encoding="utf-8")
    (dpx_offline.cwd / "deploxa.toml").write_text(
        '[project]\nslug = "shop"\nname = "Shop"\n[env]\nA = "1"\n', encoding="utf-8"
    )
    with OddServer(number, field, value) as server:
        env = {"DPX_API_URL": server.url, "DPX_TOKEN": TOKEN, "DPX_TIMEOUT": "2", "DPX_PROJECT": "shop"}
        done = dpx_offline(*command.split(), *form, env=env, stdin=b"value")
    assert "unexpectedly" not in done.err, (done.err, [f"{r.method} {r.target}" for r in server.requests])
    assert done.code in range(12), done
    assert done.code != 11 or any(request.method != "GET" for request in server.requests), done
