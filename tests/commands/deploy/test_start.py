"""Never two deployments: whatever the network does to the POST, the server has at most one from one `start`."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import fault_server as faults
import pytest
from clients import client_of
from fault_server import PROJECT, FaultServer

from dpx_cli import errors
from dpx_cli.api import client
from dpx_cli.api.transport import Deadline
from dpx_cli.commands.deploy import start as deployment
from dpx_cli.commands.deploy.start import Starter, follow, https_url, project_url, site_url

if TYPE_CHECKING:
    from fault_server import Fault

POST = ("POST", ".*/deployments")
LIST = ("GET", ".*/deployments")


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two tries there is a pause; here a short one."""
    monkeypatch.setattr(client, "FIRST_PAUSE", 0.02)
    monkeypatch.setattr(deployment, "FIRST_POLL", 0.05)


def start(
    server: FaultServer, *, branch: str | None = "main", timeout: float = 5.0, request_timeout: float = 2.0
) -> dict[str, Any]:
    """Look and start, as `dpx deploy` does."""
    starter = Starter(client_of(server.url, timeout=request_timeout), PROJECT, timeout=timeout, say=lambda _: None)
    starter.look()
    return starter.start({} if branch is None else {"branch": branch})


LOSSES: dict[str, Fault] = {
    "reset": faults.reset,
    "hang up": faults.hang_up,
    "cut head": faults.truncated_head,
    "cut head that says 404": faults.raw(b"HTTP/1.1 404 Not Fo"),
    "cut body": faults.truncated_body,
    "broken chunks": faults.broken_chunks,
    "not HTTP": faults.not_http,
    "interim answer": faults.early_hints,
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
    "204": faults.raw(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "bomb": faults.bomb("gzip", 64),
    "unknown encoding": faults.reply(201, b"\x1b", {"Content-Encoding": "br"}),
    "giant header": faults.giant_field,
}


@pytest.mark.parametrize("name", LOSSES)
def test_an_answer_that_was_lost_is_found_in_the_list(server: FaultServer, name: str) -> None:
    """One new deployment of our branch is ours; nothing is asked for again."""
    server.on(*POST, LOSSES[name], effect=True)
    found = start(server, request_timeout=0.7 if name in {"stall", "drip"} else 5.0)
    assert found["id"] == server.deployments[0]["id"]
    assert server.count(*POST) == server.made == 1
    assert server.count(*LIST) == 2


@pytest.mark.parametrize("name", LOSSES)
def test_an_answer_that_was_lost_with_nothing_new_is_unknown(server: FaultServer, name: str) -> None:
    """Or, where the server itself says that it failed, its failure; either way the way to find out is told."""
    server.on(*POST, LOSSES[name])
    with pytest.raises((errors.OutcomeUnknown, errors.ServerError)) as caught:
        start(server, request_timeout=0.7 if name in {"stall", "drip"} else 5.0)
    assert isinstance(caught.value, errors.ServerError) == (name == "500")
    assert "dpx deploy list" in (caught.value.hint or "")
    assert (server.count(*POST), server.made) == (1, 0)


def test_a_connection_that_was_reset_before_the_request_was_read(server: FaultServer) -> None:
    """It may have been read; the list tells."""
    server.on_connection(2, faults.reset_unread)
    with pytest.raises(errors.OutcomeUnknown):
        start(server)
    assert (server.count(*POST), server.made) == (0, 0)
    assert server.count(*LIST) == 2


def test_refused_connections_are_tried_again_and_nothing_is_deployed(server: FaultServer) -> None:
    """It ends as a network error: nothing was changed."""
    starter = Starter(client_of(server.url), PROJECT, timeout=5, say=lambda _: None)
    starter.look()
    server.refuse()
    with pytest.raises(errors.NetworkError) as caught:
        starter.start({"branch": "main"})
    assert caught.value.exit_code == 7
    assert (server.count("POST"), server.made) == (0, 0)


def test_a_refused_connection_that_opens_again_deploys_once(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not connected means not sent, so another try is safe."""
    monkeypatch.setattr(client, "FIRST_PAUSE", 1.0)
    starter = Starter(client_of(server.url), PROJECT, timeout=5, say=lambda _: None)
    starter.look()
    server.refuse()
    threading.Timer(0.1, server.listen_again).start()
    assert starter.start({"branch": "main"})["id"] == server.deployments[0]["id"]
    assert server.made == 1


def test_a_kept_connection_closed_before_the_post_loses_nothing(server: FaultServer) -> None:
    """The POST goes over a connection of its own."""
    server.on(*LIST, faults.well_then_close({"data": server.deployments}), times=1)
    starter = Starter(client_of(server.url), PROJECT, timeout=5, say=lambda _: None)
    starter.look()
    time.sleep(0.05)
    starter.start({"branch": "main"})
    assert server.count(*POST) == server.made == 1


@pytest.mark.parametrize("name", ["reset", "500", "empty 200"])
def test_a_list_that_fails_afterwards_is_unknown(server: FaultServer, name: str) -> None:
    """Whether it was deployed or not."""
    server.on(*POST, LOSSES[name], effect=True)
    server.on(*LIST, faults.refused(500, "down"), skip=1)
    with pytest.raises(errors.OutcomeUnknown) as caught:
        start(server)
    assert caught.value.exit_code == 11
    assert f"dpx deploy list --project {PROJECT}" in (caught.value.hint or "")
    assert server.made == 1


@pytest.mark.parametrize("name", ["reset", "500", "cut body"])
def test_several_new_ones_are_named_and_none_is_taken(server: FaultServer, name: str) -> None:
    """Somebody else deployed the same branch meanwhile."""

    def race(exchange: faults.Exchange) -> None:
        server.make("main")
        LOSSES[name](exchange)

    server.on(*POST, race, effect=True)
    with pytest.raises(errors.OutcomeUnknown) as caught:
        start(server)
    for candidate in server.deployments[:2]:
        assert candidate["id"] in caught.value.message
    assert server.count(*POST) == 1


def test_a_new_one_of_another_branch_is_not_ours(server: FaultServer) -> None:
    """However new it is."""

    def race(exchange: faults.Exchange) -> None:
        server.make("feature/x")
        faults.reset(exchange)

    server.on(*POST, race)
    with pytest.raises(errors.OutcomeUnknown) as caught:
        start(server)
    assert server.deployments[0]["id"] not in caught.value.message


def test_a_new_one_of_another_branch_does_not_hide_ours(server: FaultServer) -> None:
    """Ours is the one of our branch."""

    def race(exchange: faults.Exchange) -> None:
        server.make("feature/x")
        faults.reset(exchange)

    server.on(*POST, race, effect=True)
    assert start(server)["id"] == server.deployments[1]["id"]


def test_without_a_branch_the_last_deployed_one_is_meant(server: FaultServer) -> None:
    """As the reference says."""

    def race(exchange: faults.Exchange) -> None:
        server.make("feature/x")
        faults.reset(exchange)

    server.on(*POST, race, effect=True)
    assert start(server, branch=None)["branch"] == "main"
    assert server.requests[1].json == {}


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
def test_a_refusal_deploys_nothing_and_looks_no_further(server: FaultServer, status: int) -> None:
    """The server answered; that is an outcome."""
    server.on(*POST, faults.refused(status, "no"))
    with pytest.raises(errors.DpxError) as caught:
        start(server)
    assert caught.value.status == status
    assert not isinstance(caught.value, errors.OutcomeUnknown)
    assert (server.count(*POST), server.count(*LIST)) == (1, 1)


def test_a_redirect_deploys_nothing_and_looks_no_further(server: FaultServer) -> None:
    """Nor does the other server hear of it."""
    with FaultServer() as other:
        server.on(*POST, faults.redirect(307, f"{other.url}/projects/{PROJECT}/deployments"))
        with pytest.raises(errors.InvalidResponse):
            start(server)
        assert other.connections == 0
    assert (server.count(*POST), server.count(*LIST)) == (1, 1)


def test_a_busy_server_is_waited_for(server: FaultServer) -> None:
    """A 429 started nothing, so it is asked again, and the list is not."""
    said: list[str] = []
    server.on(*POST, faults.refused(429, "no free build slot", "0"), times=3)
    starter = Starter(client_of(server.url), PROJECT, timeout=10, say=said.append)
    starter.look()
    starter.start({"branch": "main"})
    assert (server.count(*POST), server.made, server.count(*LIST)) == (4, 1, 1)
    assert len(said) == 3
    assert "no free build slot" in said[0]


def test_retry_after_of_a_busy_server_is_honored(server: FaultServer) -> None:
    """To the second."""
    server.on(*POST, faults.refused(429, "busy", "1"), times=1)
    began = time.monotonic()
    start(server)
    assert time.monotonic() - began >= 1.0


@pytest.mark.parametrize("retry_after", [None, "0", "3600"])
def test_a_server_that_stays_busy_is_waited_for_until_the_timeout(server: FaultServer, retry_after: str | None) -> None:
    """And is a rate limit then; nothing was deployed."""
    server.on(*POST, faults.refused(429, "no free build slot", retry_after))
    began = time.monotonic()
    with pytest.raises(errors.RateLimited) as caught:
        start(server, timeout=0.5)
    assert time.monotonic() - began < 3
    assert caught.value.exit_code == 6
    assert server.made == 0


def test_a_busy_server_whose_answer_is_lost_then_is_not_asked_a_third_time(server: FaultServer) -> None:
    """After the loss only the list is asked."""
    server.on(*POST, faults.refused(429, "busy", "0"), times=1)
    server.on(*POST, faults.reset, times=1, effect=True)
    start(server)
    assert (server.count(*POST), server.made) == (2, 1)


def test_a_deployment_that_was_there_before_is_never_ours(server: FaultServer) -> None:
    """Even where it is the only one of its branch."""
    server.deployments = [server.deployments[0]]
    server.on(*POST, faults.reset)
    with pytest.raises(errors.OutcomeUnknown):
        start(server)


def test_a_project_that_is_not_there_is_known_before_the_post(server: FaultServer) -> None:
    """By the list."""
    starter = Starter(client_of(server.url), "clm1none", timeout=5, say=lambda _: None)
    with pytest.raises(errors.NotFound):
        starter.look()
    assert server.count("POST") == 0


# Following


def followed(server: FaultServer, *, seconds: float = 10.0, request_timeout: float = 2.0, new: bool = True) -> Any:
    """Follow the newest deployment; gives its last object."""
    return follow(
        client_of(server.url, timeout=request_timeout),
        server.deployments[0]["id"],
        Deadline(seconds),
        say=lambda *_: None,
        created_now=new,
    )


@pytest.mark.parametrize("end", ["READY", "ERROR"])
def test_it_is_followed_to_its_end(server: FaultServer, end: str) -> None:
    """Through states that nobody has heard of."""
    server.course = ("QUEUED", "HIBERNATING", end)
    server.make("main")
    assert followed(server)["status"] == end
    assert server.count("GET", "/deployments/.*") == 3


def test_the_first_look_comes_soon_and_the_pauses_grow_to_five_seconds(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as it is fast it is seen at once; a long build is not asked about all the time."""
    pauses: list[float] = []
    monkeypatch.undo()
    monkeypatch.setattr(time, "sleep", pauses.append)
    server.course = (*["BUILDING"] * 12, "READY")
    server.make("main")
    assert followed(server, seconds=900)["status"] == "READY"
    assert len(pauses) == 12
    assert 0 < pauses[0] <= 0.5
    assert pauses == sorted(pauses)
    assert pauses[-1] == 5.0


@pytest.mark.parametrize("status", [None, 5, [], {}, "ready", ""])
def test_a_status_that_is_none_is_going_on(server: FaultServer, status: Any) -> None:
    """And shows again later."""
    server.on("GET", "/deployments/.*", faults.reply(200, {"data": {"id": "x", "status": status}}), times=2)
    server.make("main")
    server.course = ("READY",)
    assert followed(server)["status"] == "READY"


POLLING: dict[str, Fault] = {
    **{name: LOSSES[name] for name in ("reset", "cut body", "500", "502", "empty 200", "HTML 200", "not HTTP")},
    "429": faults.refused(429, "slow down", "0"),
    "a list": faults.reply(200, {"data": []}),
    "not there yet": faults.refused(404, "Deployment not found"),
}


@pytest.mark.parametrize("name", POLLING)
def test_faults_while_polling_are_waited_out(server: FaultServer, name: str) -> None:
    """More of them than one request repeats."""
    server.course = ("READY",)
    server.make("main")
    repeated = name in {"reset", "cut body", "500", "502", "not HTTP", "429"}
    server.on("GET", "/deployments/.*", POLLING[name], times=4 if repeated else 2)
    assert followed(server)["status"] == "READY"


def test_a_server_that_is_away_while_polling_is_waited_out(server: FaultServer) -> None:
    """Connections refused, then well."""
    server.course = ("READY",)
    server.make("main")
    server.refuse()
    threading.Timer(0.8, server.listen_again).start()
    assert followed(server)["status"] == "READY"


@pytest.mark.parametrize("name", ["going on", "stall", "500", "drip", "not there yet"])
def test_the_wait_ends_at_its_timeout(server: FaultServer, name: str) -> None:
    """Whatever the server does; the deployment goes on and the hint says how to go on waiting."""
    server.course = ("BUILDING",)
    made = server.make("main")
    if name != "going on":
        fault = {**LOSSES, **POLLING}[name]
        server.on("GET", "/deployments/.*", fault)
    began = time.monotonic()
    with pytest.raises(errors.WaitTimeout) as caught:
        followed(server, seconds=0.8, request_timeout=30)
    assert time.monotonic() - began < 3
    assert caught.value.exit_code == 8
    assert caught.value.hint == f"dpx deploy wait {made['id']}"


@pytest.mark.parametrize("status", [401, 403])
def test_what_waiting_does_not_mend_ends_the_wait(server: FaultServer, status: int) -> None:
    """At once."""
    server.make("main")
    server.on("GET", "/deployments/.*", faults.refused(status, "no"))
    with pytest.raises(errors.DpxError) as caught:
        followed(server)
    assert caught.value.status == status


def test_a_deployment_that_never_was_is_not_waited_for(server: FaultServer) -> None:
    """`dpx deploy wait` of a wrong id."""
    server.on("GET", "/deployments/.*", faults.refused(404, "Deployment not found"))
    with pytest.raises(errors.NotFound):
        followed(server, new=False)


# URLs


def test_the_url_is_the_deployments_own(server: FaultServer) -> None:
    """The field "url" first, then "deployment_domain", without another request."""
    client = client_of(server.url)
    assert site_url(client, {"url": "https://a.example/x"}, PROJECT) == "https://a.example/x"
    assert site_url(client, {"deployment_domain": "b.example"}, PROJECT) == "https://b.example"
    assert server.requests == []


def test_the_url_is_in_the_deployments_row(server: FaultServer) -> None:
    """Where the object itself has none, as in the reference."""
    identity = server.deployments[1]["id"]
    assert site_url(client_of(server.url), {"id": identity}, PROJECT) == "https://shop-2.example"


def test_the_url_is_the_projects_where_the_row_has_none(server: FaultServer) -> None:
    """Its first domain."""
    del server.deployments[0]["deployment_domain"]
    identity = server.deployments[0]["id"]
    assert site_url(client_of(server.url), {"id": identity}, PROJECT) == "https://shop.example"


@pytest.mark.parametrize("key", ["domain", "name", "hostname", "url"])
def test_a_domain_may_be_a_text_or_an_object(server: FaultServer, key: str) -> None:
    """The reference does not say; what cannot be one is passed over."""
    project = {"id": PROJECT, "domains": [None, "not a domain", {"id": 5}, {key: "a.example"}]}
    assert project_url(client_of(server.url), project) == "https://a.example"


def test_the_url_is_the_projects_where_it_is_known_to_be_its_own(server: FaultServer) -> None:
    """The list may be behind what was deployed a moment ago."""
    assert site_url(client_of(server.url), {"id": "clm1new"}, PROJECT, certain=True) == "https://shop.example"


def test_another_projects_url_is_never_taken(server: FaultServer) -> None:
    """A folder may be linked to another project than the one whose deployment is waited for."""
    assert site_url(client_of(server.url), {"id": "clm1elsewhere"}, PROJECT) is None


def test_no_url_is_no_error(server: FaultServer) -> None:
    """The deployment is ready all the same."""
    server.on("GET", "/projects.*", faults.refused(403, "no"))
    client = client_of(server.url)
    assert site_url(client, {"id": server.deployments[0]["id"]}, PROJECT) is None
    assert site_url(client, {"id": "x"}, None) is None
    assert project_url(client, {"id": PROJECT}) is None


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("shop.example", "https://shop.example"),
        ("https://shop.example/a?b", "https://shop.example/a?b"),
        ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
        ("javascript://alert(1)", None),
        ("javascript:alert(1)", None),
        ("shop.example:x", None),
        ("shop.example?a=@b", "https://shop.example?a=@b"),
        ("file:///etc/passwd", None),
        ("-oProxyCommand=x", None),
        ("https://-x", None),
        ("https://shop.example@evil.example", None),
        ("shop.example\nevil", None),
        ("shop.example\x1b[31m", None),
        ("shöp.example", None),
        ("shop.example; rm -rf", None),
        ('shop.example"', None),
        ("https://", None),
        ("", None),
        (None, None),
    ],
)
def test_a_url_is_safe_to_print_and_to_open(text: str | None, url: str | None) -> None:
    """Or there is none."""
    assert https_url(text) == url
