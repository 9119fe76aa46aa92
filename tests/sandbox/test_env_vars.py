"""`/projects/:id/env-vars`, as the reference describes it; and that no value is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sandbox_client import ask

from dpx_cli.sandbox.server import Sandbox

if TYPE_CHECKING:
    from pathlib import Path

KEYS = ["DATABASE_URL", "NEXT_PUBLIC_API_URL", "STRIPE_SECRET_KEY"]
CANARY = "canary-7f3a-value"


def path_of(sandbox: Sandbox, project: str = "storefront") -> str:
    """The path of a project's variables."""
    return f"/projects/{sandbox.project_id(project)}/env-vars"


def test_set_and_set_again(sandbox: Sandbox) -> None:
    """A new variable is for every target; an update keeps its ID and omitted fields; it can be deleted once."""
    assert [variable["key"] for variable in ask(sandbox, "GET", path_of(sandbox)).data] == KEYS
    made = ask(sandbox, "POST", path_of(sandbox), {"key": "A_1", "value": ""})
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
    assert ask(sandbox, "DELETE", f"{path_of(sandbox)}/A_1").body == {"deleted": True}
    for key in ("A_1", "a%20b", "%ff"):
        answer = ask(sandbox, "DELETE", f"{path_of(sandbox)}/{key}")
        assert (answer.status, answer.body) == (404, {"error": "Environment variable not found"})
    assert sandbox.env_keys("storefront") == KEYS


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"value": "x"}, "key is required"),
        ({"key": "A"}, "value is required"),
        *[({"key": "A", "value": value}, "value must be a string") for value in (None, 1)],
        *[({"key": key, "value": "x"}, "key must match [A-Za-z_][A-Za-z0-9_]*") for key in ("1A", "A\n", "Ä", "")],
        *[
            (
                {"key": "A", "value": "x", "targets": targets},
                "targets must be a list of production, preview, development",
            )
            for targets in ([], "preview", ["test"], [["preview"]])
        ],
        *[({"key": "A", "value": "x", "sensitive": it}, "sensitive must be true or false") for it in ("yes", None)],
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
