"""Never two deployments: whatever the network does to the POST, the server has at most one from one `create`."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import fault_server as faults
import pytest
from clients import client_of
from fault_server import PROJECT, FaultServer

from dpx_cli import errors
from dpx_cli.api import client, once
from dpx_cli.api.deploy import create as creating
from dpx_cli.api.deploy.create import Creator
from dpx_cli.api.retry import Deadline
from dpx_cli.reference import GRACE

if TYPE_CHECKING:
    from collections.abc import Callable

    from fault_server import Fault

    from dpx_cli.api.deployments import DeploymentFields

POST = ("POST", ".*/deployments")
LIST = ("GET", ".*/deployments")


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two tries there is a pause; here a short one."""
    monkeypatch.setattr(client, "FIRST_PAUSE", 0.02)
    monkeypatch.setattr(creating, "MIN_PAUSE", 0.1)
    monkeypatch.setattr(once, "RECHECK_DELAYS", (0.0, 0.05, 0.1))


def creator_of(
    server: FaultServer,
    *,
    project: str = PROJECT,
    timeout: float = 5.0,
    request_timeout: float = 2.0,
    say: Callable[[str], None] = lambda _: None,
) -> Creator:
    """Return a creator that has listed what is there, as `dpx deploy` does; `say` gets what it says and warns of."""
    api = client_of(server.url, timeout=request_timeout)
    deadline = Deadline(timeout)
    api.until = deadline.at + GRACE
    check = f"dpx deploy list --project {project}"
    creator = Creator(api, project, deadline=deadline, check=check, show=lambda _, text: say(text), warn=say)
    creator.list_recent()
    return creator


def create(server: FaultServer, fields: DeploymentFields | None = None, **options: Any) -> dict[str, Any]:
    """List and create, as `dpx deploy` does."""
    return creator_of(server, **options).create({"branch": "main"} if fields is None else fields)


def lose(server: FaultServer, fields: DeploymentFields | None = None, **options: Any) -> str:
    """Create with an unknown outcome, and return the message."""
    with pytest.raises(errors.OutcomeUnknown) as caught:
        create(server, fields, **options)
    assert f"dpx deploy list --project {PROJECT}" in (caught.value.hint or "")
    return caught.value.message


def race(server: FaultServer, fault: Fault = faults.reset, branch: str = "main") -> Fault:
    """Somebody else deploys a branch, and then the fault happens."""

    def fail(exchange: faults.Exchange) -> None:
        server.make(branch)
        fault(exchange)

    return fail


LOSSES: dict[str, Fault] = {
    "reset": faults.reset,
    "hang up": faults.hang_up,
    "cut head": faults.truncated_head,
    "cut head that says 404": faults.raw(b"HTTP/1.1 404 Not Fo"),
    "cut body": faults.truncated_body,
    "broken chunks": faults.broken_chunks,
    "not HTTP": faults.not_http,
    "stall": faults.stall,
    "drip": faults.drip_body,
    "500": faults.refused(500, "Internal error"),
    "502": faults.html_502,
    "503": faults.refused(503, "busy", "0"),
    "504": faults.reply(504, b""),
    "empty 200": faults.reply(200, b""),
    "HTML 200": faults.html_200,
    "201 without an id": faults.reply(201, {"data": {"status": "QUEUED"}}),
    "201 with a list": faults.reply(201, {"data": []}),
    "201 with an odd id": faults.reply(201, {"data": {"id": "../x"}}),
    "204": faults.raw(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "bomb": faults.bomb(),
    "unknown encoding": faults.reply(201, b"\x1b", {"Content-Encoding": "br"}),
    "giant header": faults.giant_field,
}


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("effect", [True, False])
def test_a_lost_response_is_found_in_the_list_or_unknown(server: FaultServer, name: str, *, effect: bool) -> None:
    """One new deployment of our branch is ours; with nothing new the list is read again, because it may lag."""
    server.on(*POST, LOSSES[name], effect=effect)
    timeout = 0.3 if name in {"stall", "drip"} else 5.0
    if effect:
        assert create(server, request_timeout=timeout)["id"] == server.deployments[0]["id"]
    else:
        lose(server, request_timeout=timeout)
    assert (server.count(*POST), server.made) == (1, int(effect))
    assert server.count(*LIST) == 1 + (2 if effect else len(once.RECHECK_DELAYS))


def test_a_connection_that_was_reset_before_the_request_was_read(server: FaultServer) -> None:
    """It may have been read; the list tells."""
    server.on_connection(2, faults.reset_unread)
    lose(server)
    assert (server.count(*POST), server.made) == (0, 0)
    assert server.count(*LIST) == 1 + len(once.RECHECK_DELAYS)


def test_refused_connections_are_tried_again_and_nothing_is_deployed(server: FaultServer) -> None:
    """It ends as a network error: nothing was changed."""
    creator = creator_of(server)
    server.refuse()
    with pytest.raises(errors.NetworkError) as caught:
        creator.create({"branch": "main"})
    assert caught.value.exit_code == 7
    assert (server.count("POST"), server.made) == (0, 0)


def test_a_refused_connection_that_opens_again_deploys_once(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not connected means not sent, so another try is safe."""
    monkeypatch.setattr(client, "FIRST_PAUSE", 1.0)
    creator = creator_of(server)
    server.refuse()
    threading.Timer(0.1, server.listen_again).start()
    assert creator.create({"branch": "main"})["id"] == server.deployments[0]["id"]
    assert server.made == 1


def test_a_kept_connection_closed_before_the_post_loses_nothing(server: FaultServer) -> None:
    """The POST goes over a connection of its own."""
    server.on(*LIST, faults.well_then_close({"data": server.deployments}), times=1)
    creator = creator_of(server)
    time.sleep(0.05)
    creator.create({"branch": "main"})
    assert server.count(*POST) == server.made == 1


def test_a_list_that_fails_afterwards_is_unknown(server: FaultServer) -> None:
    """Whether it was deployed or not."""
    server.on(*POST, faults.reset, effect=True)
    server.on(*LIST, faults.refused(500, "down"), skip=1)
    lose(server)
    assert server.made == 1


@pytest.mark.parametrize("fault", [faults.reset, faults.refused(429, "slow down", "0")])
def test_several_new_ones_are_named_and_none_is_ours(server: FaultServer, fault: Fault) -> None:
    """Somebody else deployed the same branch at the same time."""
    server.on(*POST, race(server, fault), effect=True)
    message = lose(server)
    assert all(candidate["id"] in message for candidate in server.deployments[:2])
    assert server.count(*POST) == 1


def test_a_new_one_of_another_branch_is_not_ours(server: FaultServer) -> None:
    """However new it is."""
    server.on(*POST, race(server, branch="feature/x"))
    message = lose(server)
    assert server.deployments[0]["id"] not in message


@pytest.mark.parametrize("fields", [{"branch": "main"}, {}])
def test_a_new_one_of_another_branch_does_not_hide_ours(server: FaultServer, fields: DeploymentFields) -> None:
    """Ours is the one of our branch; without a branch of the last deployed one, as the reference says."""
    server.on(*POST, race(server, branch="feature/x"), effect=True)
    created = create(server, fields)
    assert (created["id"], created["branch"]) == (server.deployments[1]["id"], "main")
    assert server.requests[1].json == fields


@pytest.mark.parametrize("status", [400, 404, 422])
def test_a_refusal_deploys_nothing_and_looks_no_further(server: FaultServer, status: int) -> None:
    """That is an outcome."""
    server.on(*POST, faults.refused(status, "no"))
    with pytest.raises(errors.DpxError) as caught:
        create(server)
    assert caught.value.status == status
    assert not isinstance(caught.value, errors.OutcomeUnknown)
    assert (server.count(*POST), server.count(*LIST)) == (1, 1)


def test_a_redirect_deploys_nothing_and_looks_no_further(server: FaultServer) -> None:
    """Nor does the other server hear of it."""
    with FaultServer() as other:
        server.on(*POST, faults.redirect(307, f"{other.url}/projects/{PROJECT}/deployments"))
        with pytest.raises(errors.InvalidResponse):
            create(server)
        assert other.connections == 0
    assert (server.count(*POST), server.count(*LIST)) == (1, 1)


def test_a_busy_server_is_waited_for(server: FaultServer) -> None:
    """Before each further POST the list is read: the 429 may be another's than the server's."""
    said: list[str] = []
    server.on(*POST, faults.refused(429, "no free build slot", "0"), times=3)
    create(server, say=said.append)
    assert (server.count(*POST), server.made, server.count(*LIST)) == (4, 1, 4)
    assert len(said) == 3
    assert "no free build slot" in said[0]


def test_retry_after_of_a_busy_server_is_honored(server: FaultServer) -> None:
    """To the second."""
    server.on(*POST, faults.refused(429, "busy", "1"), times=1)
    began = time.monotonic()
    create(server)
    assert time.monotonic() - began >= 1.0


@pytest.mark.parametrize("retry_after", [None, "0", "3600"])
def test_a_server_that_stays_busy_is_waited_for_until_the_timeout(server: FaultServer, retry_after: str | None) -> None:
    """And is a rate limit then; nothing was deployed."""
    server.on(*POST, faults.refused(429, "no free build slot", retry_after))
    began = time.monotonic()
    with pytest.raises(errors.RateLimited) as caught:
        create(server, timeout=0.5)
    assert time.monotonic() - began < faults.SOON
    assert caught.value.exit_code == 6
    assert server.made == 0


def test_a_busy_server_whose_answer_is_lost_then_is_not_asked_a_third_time(server: FaultServer) -> None:
    """After the loss only the list is asked."""
    server.on(*POST, faults.refused(429, "busy", "0"), times=1)
    server.on(*POST, faults.reset, times=1, effect=True)
    create(server)
    assert (server.count(*POST), server.made) == (2, 1)


def test_a_deployment_that_was_there_before_is_never_ours(server: FaultServer) -> None:
    """Even where it is the only one of its branch."""
    server.deployments = [server.deployments[0]]
    server.on(*POST, faults.reset)
    lose(server)


def test_a_429_of_something_in_front_of_a_server_that_deployed(server: FaultServer) -> None:
    """Is no reason for a second deployment."""
    said: list[str] = []
    server.on(*POST, faults.refused(429, "slow down", "0"), times=1, effect=True)
    assert create(server, say=said.append)["id"] == server.deployments[0]["id"]
    assert (server.count(*POST), server.made) == (1, 1)
    assert server.deployments[0]["id"] in said[-1]


def test_a_busy_list_is_waited_for_before_the_post(server: FaultServer) -> None:
    """Longer than one request is repeated."""
    server.on(*LIST, faults.refused(429, "slow down", "0"), times=4)
    assert create(server)["id"] == server.deployments[0]["id"]
    assert server.made == 1


def test_a_list_that_stays_busy_sends_no_post_after_a_429(server: FaultServer) -> None:
    """Without the list nothing is sent again, and what became of the 429 is unknown."""
    server.on(*LIST, faults.refused(429, "slow down"), skip=1)
    server.on(*POST, faults.refused(429, "slow down"))
    lose(server, timeout=1.0)
    assert server.count(*POST) == 1


def test_an_old_deployment_that_surfaces_is_not_ours(server: FaultServer) -> None:
    """A newer one vanished, so the 101st is on the page."""
    for _ in range(98):
        server.make("main")
    server.made = 0

    def vanish(exchange: faults.Exchange) -> None:
        del server.deployments[50]
        faults.reset(exchange)

    server.on(*POST, vanish)
    message = lose(server)
    assert server.deployments[-1]["id"] not in message


def test_a_list_without_a_known_deployment_proves_nothing(server: FaultServer) -> None:
    """Nothing says that what is on it is new."""

    def replace(exchange: faults.Exchange) -> None:
        server.deployments[:] = [server.make("main")]
        faults.reset(exchange)

    server.on(*POST, replace)
    message = lose(server)
    assert server.deployments[0]["id"] in message


SENT: DeploymentFields = {"branch": "main", "commitSha": "a" * 40, "commitMessage": "Fix the cart"}


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({}, True),
        ({"commitSha": "a" * 40}, True),
        ({"commitSha": "A" * 7}, True),
        ({"commitSha": "b" * 40}, False),
        ({"commitSha": "a"}, False),
        ({"commitMessage": "Fix the cart"}, True),
        ({"commitMessage": "Fix the"}, True),
        ({"commitMessage": "Break the cart"}, False),
        ({"commitSha": None, "commitMessage": 5}, True),
    ],
)
@pytest.mark.parametrize("where", ["row", "details"])
def test_what_contradicts_is_not_ours(server: FaultServer, theirs: dict[str, Any], where: str, *, ours: bool) -> None:
    """A commit or message that isn't the one that was sent, in the row or only in the details."""

    def deploy(exchange: faults.Exchange) -> None:
        made = server.make("main")
        if where == "row":
            made.update(theirs)
        else:
            server.on("GET", f"/deployments/{made['id']}", faults.reply(200, {"data": {**made, **theirs}}))
        faults.reset(exchange)

    server.on(*POST, deploy)
    if ours:
        assert create(server, SENT)["id"] == server.deployments[0]["id"]
    else:
        message = lose(server, SENT)
        assert server.deployments[0]["id"] not in message


@pytest.mark.parametrize(("told", "ours"), [({"branch": "main"}, True), ({"branch": "other"}, False), ({}, False)])
def test_a_row_without_a_branch_is_asked_for_its_details(
    server: FaultServer, told: dict[str, str], *, ours: bool
) -> None:
    """Where they have no branch either, nothing says that it's ours."""

    def deploy(exchange: faults.Exchange) -> None:
        made = server.make("main")
        del made["branch"]
        server.on("GET", f"/deployments/{made['id']}", faults.reply(200, {"data": {**made, **told}}))
        faults.reset(exchange)

    server.on(*POST, deploy)
    if ours:
        assert create(server)["id"] == server.deployments[0]["id"]
    else:
        lose(server)


def test_a_list_that_lags_is_read_again(server: FaultServer) -> None:
    """Ours is on it a little later."""
    before = {"data": list(server.deployments)}
    server.on(*LIST, faults.reply(200, before), times=2)
    server.on(*POST, faults.refused(500, "Internal error"), effect=True)
    assert create(server)["id"] == server.deployments[0]["id"]
    assert (server.count(*POST), server.made) == (1, 1)


def test_everything_after_a_loss_is_within_the_timeout_and_a_grace(server: FaultServer) -> None:
    """Though neither the POST nor the list is answered."""
    server.on(*LIST, faults.stall, skip=1)
    server.on(*POST, faults.stall)
    began = time.monotonic()
    lose(server, timeout=0.3, request_timeout=30)
    assert time.monotonic() - began < faults.SOON
