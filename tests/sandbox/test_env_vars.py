"""`/projects/:id/env-vars`, as the reference describes it; and that no value is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sandbox_client import ask

from dpx_cli.sandbox.server import Sandbox

if TYPE_CHECKING:
    from pathlib import Path

CANARY = "canary-7f3a-value"


def path_of(sandbox: Sandbox, project: str = "storefront") -> str:
    """The path of a project's variables."""
    return f"/projects/{sandbox.project_id(project)}/env-vars"


def test_the_world_has_variables(sandbox: Sandbox) -> None:
    """The first variables have the reference's keys and no value."""
    listed = ask(sandbox, "GET", path_of(sandbox)).data
    assert [variable["key"] for variable in listed] == ["DATABASE_URL", "NEXT_PUBLIC_API_URL", "STRIPE_SECRET_KEY"]
    assert [set(variable) for variable in listed] == [{"id", "key", "targets", "sensitive"}] * 3
    assert listed[2]["targets"] == ["production", "preview"]
    assert listed[2]["sensitive"] is True


def test_set_and_set_again(sandbox: Sandbox) -> None:
    """A new variable is for every target; an update keeps its ID and omitted fields."""
    made = ask(sandbox, "POST", path_of(sandbox), {"key": "A_1", "value": "x"})
    assert made.status == 201
    assert made.data == {"id": made.data["id"], "key": "A_1", "targets": ["production", "preview", "development"]}
    again = ask(
        sandbox, "POST", path_of(sandbox), {"key": "A_1", "value": "y", "targets": ["preview"], "sensitive": True}
    )
    assert again.status == 200
    assert again.data == {"id": made.data["id"], "key": "A_1", "targets": ["preview"]}
    assert ask(sandbox, "POST", path_of(sandbox), {"key": "A_1", "value": "z"}).data["targets"] == ["preview"]
    assert ask(sandbox, "GET", path_of(sandbox)).data[-1] == again.data | {"sensitive": True}
    assert sandbox.env_is("storefront", "A_1", "z")
    assert not sandbox.env_is("storefront", "A_1", "y")


def test_the_same_key_in_two_projects(sandbox: Sandbox) -> None:
    """The same key in two projects is two variables."""
    for project in ("docs", "api"):
        ask(sandbox, "POST", path_of(sandbox, project), {"key": "SAME", "value": project})
    assert sandbox.env_is("docs", "SAME", "docs")
    assert sandbox.env_is("api", "SAME", "api")


def test_delete(sandbox: Sandbox) -> None:
    """A variable can be deleted once; then it is 404."""
    assert ask(sandbox, "DELETE", f"{path_of(sandbox)}/DATABASE_URL").body == {"deleted": True}
    for key in ("DATABASE_URL", "NOPE", "a%20b", "%ff"):
        answer = ask(sandbox, "DELETE", f"{path_of(sandbox)}/{key}")
        assert (answer.status, answer.body) == (404, {"error": "Environment variable not found"})
    assert sandbox.env_keys("storefront") == ["NEXT_PUBLIC_API_URL", "STRIPE_SECRET_KEY"]


def test_an_empty_value_is_a_value(sandbox: Sandbox) -> None:
    """An empty value is stored like any other."""
    assert ask(sandbox, "POST", path_of(sandbox), {"key": "EMPTY", "value": ""}).status == 201
    assert sandbox.env_is("storefront", "EMPTY", "")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"value": "x"}, "key is required"),
        ({"key": "A"}, "value is required"),
        ({"key": "A", "value": None}, "value must be a string"),
        ({"key": "A", "value": 1}, "value must be a string"),
        ({"key": "1A", "value": "x"}, "key must match [A-Za-z_][A-Za-z0-9_]*"),
        ({"key": "A\n", "value": "x"}, "key must match [A-Za-z_][A-Za-z0-9_]*"),
        ({"key": "Ä", "value": "x"}, "key must match [A-Za-z_][A-Za-z0-9_]*"),
        ({"key": "", "value": "x"}, "key must match [A-Za-z_][A-Za-z0-9_]*"),
        ({"key": "A", "value": "x", "targets": []}, "targets must be a list of production, preview, development"),
        (
            {"key": "A", "value": "x", "targets": "preview"},
            "targets must be a list of production, preview, development",
        ),
        ({"key": "A", "value": "x", "targets": ["test"]}, "targets must be a list of production, preview, development"),
        (
            {"key": "A", "value": "x", "targets": [["preview"]]},
            "targets must be a list of production, preview, development",
        ),
        ({"key": "A", "value": "x", "sensitive": "yes"}, "sensitive must be true or false"),
        ({"key": "A", "value": "x", "sensitive": None}, "sensitive must be true or false"),
    ],
)
def test_refused_variables(sandbox: Sandbox, body: dict[str, Any], says: str) -> None:
    """An invalid variable is 400 with the field's name, and nothing is stored."""
    answer = ask(sandbox, "POST", path_of(sandbox), body)
    assert (answer.status, answer.body) == (400, {"error": says})
    assert len(sandbox.env_keys("storefront")) == 3


@pytest.mark.posix
def test_no_value_is_kept_anywhere(tmp_path: Path) -> None:
    """A value is in no file, log, recorded request or answer."""
    data, log = tmp_path / "world.db", tmp_path / "log.jsonl"
    with Sandbox(data=str(data), log=str(log)) as sandbox:
        answers = [
            ask(sandbox, "POST", path_of(sandbox), {"key": "A", "value": CANARY}),
            ask(sandbox, "POST", path_of(sandbox), {"key": "A", "value": CANARY, "targets": ["nope"]}),
            ask(sandbox, "POST", path_of(sandbox), {"key": "A", "value": [CANARY]}),
            ask(sandbox, "POST", path_of(sandbox), raw=b'{"key": "A", "value": "' + CANARY.encode()),
            ask(sandbox, "GET", path_of(sandbox)),
            ask(sandbox, "GET", "/__sandbox__/requests"),
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
