"""Creating something once: what the list shows decides, and the request is never sent twice without a look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dpx_cli import errors
from dpx_cli.api.once import Candidates, Creation
from dpx_cli.api.retry import Deadline

if TYPE_CHECKING:
    from collections.abc import Sequence

NONE = Candidates([], sure=False)
OURS = Candidates([{"id": "p1", "status": "READY"}], sure=True)
SEVERAL = Candidates([{"id": "p1"}, {"id": "p2"}], sure=False)
BUSY = errors.RateLimited("busy", status=429)


class Server:
    """What the server does, step by step: what each POST and each look at the list returns or raises."""

    def __init__(self, posts: Sequence[Any], lists: Sequence[Any], *, patience: int = 0) -> None:
        self.posts, self.lists, self.patience = list(posts), list(lists), patience
        self.warnings: list[str] = []

    def create(self) -> dict[str, Any]:
        """Create it as a command does."""
        creation = Creation(
            "project",
            "POST /projects",
            "dpx projects list",
            lambda: _next(self.lists),
            Deadline(60.0),
            warn=self.warnings.append,
            wait_while_busy=self._wait,
            sleep=lambda _: None,
        )
        return creation.create(lambda: _next(self.posts))

    def _wait(self, _: errors.RateLimited) -> bool:
        self.patience -= 1
        return self.patience >= 0


def _next(steps: list[Any]) -> Any:
    step = steps.pop(0)
    if isinstance(step, Exception):
        raise step
    return step


@pytest.mark.parametrize(
    "lost",
    [
        errors.OutcomeUnknown("reset"),
        errors.ServerError("down", status=503),
        errors.ServerError("timeout", status=408),
        errors.InvalidResponse("not JSON", status=201),
    ],
)
def test_after_a_lost_response_the_list_tells(lost: errors.DpxError) -> None:
    """A list that lags, or fails, is read again; one that shows the same row twice is believed."""
    server = Server([lost], [NONE, errors.NetworkError("down"), OURS, OURS])
    assert server.create() == {"id": "p1", "status": "READY"}
    assert server.warnings == ["The response was lost, but project p1 was created."]
    assert not server.posts


@pytest.mark.parametrize(
    ("lists", "text"),
    [
        ([NONE] * 4, "No new project is listed yet."),
        ([SEVERAL] * 4, "It may have created p1 or p2."),
        ([errors.NetworkError("down.")] * 4, "The list could not be read: down."),
    ],
)
def test_without_an_answer_in_the_list_the_outcome_is_unknown(lists: list[Any], text: str) -> None:
    """The error has the candidates, and the command that shows them."""
    with pytest.raises(errors.OutcomeUnknown) as failed:
        Server([errors.OutcomeUnknown("reset")], lists).create()
    assert failed.value.message == f"The response to POST /projects was lost. {text}"
    assert "Run: dpx projects list" in (failed.value.hint or "")


@pytest.mark.parametrize(
    "refusal", [errors.Forbidden("no", status=403), errors.InvalidResponse("redirect", status=302)]
)
def test_a_refusal_is_not_looked_into(refusal: errors.DpxError) -> None:
    """Nothing was created."""
    with pytest.raises(type(refusal)):
        Server([refusal], []).create()


def test_a_busy_server_is_asked_again_after_a_look_at_the_list() -> None:
    """What it created although it said that it is busy is not created twice."""
    server = Server([BUSY, BUSY, {"id": "p3"}], [NONE, NONE], patience=2)
    assert server.create() == {"id": "p3"}
    server = Server([BUSY, BUSY], [NONE, OURS], patience=2)
    assert server.create()["id"] == "p1"
    assert server.warnings == ["The server said that it is busy, but project p1 was created."]
    server = Server([BUSY], [errors.NetworkError("down"), NONE, NONE], patience=1)
    with pytest.raises(errors.RateLimited):
        server.create()
    assert not server.lists


@pytest.mark.parametrize("lists", [[errors.NetworkError("down")], [NONE, errors.RateLimited("busy", status=429)]])
def test_busy_to_the_end_without_two_looks_is_unknown(lists: list[Any]) -> None:
    """A proxy may say 429 after the server has created it; "try again" would create another."""
    with pytest.raises(errors.OutcomeUnknown) as failed:
        Server([BUSY], lists).create()
    assert failed.value.message.startswith("The server said that it is busy. The list could not be read:")
