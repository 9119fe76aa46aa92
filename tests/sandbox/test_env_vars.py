"""`/projects/:id/env-vars`, as the reference describes it; and that no value is kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from sandbox_client import ask

from dpx_cli.sandbox.server import Sandbox

CANARY = "canary-7f3a-value"


def path_of(sandbox: Sandbox, project: str = "storefront") -> str:
    """The path of a project's variables."""
    return f"/projects/{sandbox.project_id(project)}/env-vars"


def test_the_usual_variables(sandbox: Sandbox) -> None:
    """The first variables have the reference's keys and no value."""
    listed = ask(sandbox, "GET", path_of(sandbox)).data
    assert [variable["key"] for variable in listed] == ["DATABASE_URL", "NEXT_PUBLIC_API_URL", "STRIPE_SECRET_KEY"]
    assert [set(variable) for variable in listed] == [{"id", "key", "targets", "sensitive"}] * 3
    assert listed[2]["targets"] == ["production", "preview"]
    assert listed[2]["sensitive"] is True


def test_set_and_set_again(sandbox: Sandbox) -> None:
    """A new variable is for every target; an update keeps its ID and omitted fields."""
    path, body = path_of(sandbox), {"key": "A_1", "value": "x"}
    made = ask(sandbox, "POST", path, body)
    assert made.status == 201
    assert made.data == {"id": made.data["id"], "key": "A_1", "targets": ["production", "preview", "development"]}
    again = ask(sandbox, "POST", path, body | {"targets": ["preview"], "sensitive": True})
    assert (again.status, again.data) == (200, made.data | {"targets": ["preview"]})
    assert ask(sandbox, "POST", path, body | {"value": "z"}).data["targets"] == ["preview"]
    assert ask(sandbox, "GET", path).data[-1] == again.data | {"sensitive": True}
    assert ask(sandbox, "POST", path_of(sandbox, "docs"), body | {"value": ""}).status == 201
    assert sandbox.env_is("docs", "A_1", "")
    assert sandbox.env_is("storefront", "A_1", "z")
    assert not sandbox.env_is("storefront", "A_1", "x")


def test_delete(sandbox: Sandbox) -> None:
    """A variable can be deleted once; then it is 404."""
    assert ask(sandbox, "DELETE", f"{path_of(sandbox)}/DATABASE_URL").body == {"deleted": True}
    for key in ("DATABASE_URL", "NOPE", "a%20b", "%ff"):
        answer = ask(sandbox, "DELETE", f"{path_of(sandbox)}/{key}")
        assert (answer.status, answer.body) == (404, {"error": "Environment variable not found"})
    assert sandbox.env_keys("storefront") == ["NEXT_PUBLIC_API_URL", "STRIPE_SECRET_KEY"]


@pytest.mark.posix
def test_no_value_is_kept_anywhere(tmp_path: Path) -> None:
    """A value is in no file, log, recorded request or answer."""
    data, log = tmp_path / "state.db", tmp_path / "log.jsonl"
    with Sandbox(data=str(data), log=str(log)) as sandbox:
        answers = [
            ask(sandbox, "POST", path_of(sandbox), {"key": "A", "value": CANARY}),
            ask(sandbox, "POST", path_of(sandbox), {"key": "A", "value": CANARY, "targets": ["nope"]}),
            ask(sandbox, "POST", path_of(sandbox), {"key": "A", "value": [CANARY]}),
            ask(sandbox, "POST", path_of(sandbox), raw=b'{"key": "A", "value": "' + CANARY.encode()),
            ask(sandbox, "GET", path_of(sandbox)),
        ]
        assert sandbox.env_is("storefront", "A", CANARY)
        kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
        assert CANARY not in repr(answers)
        assert CANARY not in repr(sandbox.requests)
        assert sandbox.requests[0].body == {"key": "A", "value": "***"}
        assert sandbox.requests[2].body["value"] == "***"
        assert sandbox.token not in repr(sandbox.requests)
        assert sandbox.token.encode() not in kept
    kept += b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert CANARY.encode() not in kept
    assert log.stat().st_mode & 0o777 == 0o600
    assert data.stat().st_mode & 0o777 == 0o600
