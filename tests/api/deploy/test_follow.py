"""Following a deployment: to its end and no other's, through every outage, within the timeout."""

from __future__ import annotations

import itertools
import threading
import time
from typing import TYPE_CHECKING, Any

import fault_server as faults
import pytest
from clients import client_of
from fault_server import FaultServer

from dpx_cli import errors
from dpx_cli.api import client
from dpx_cli.api.deploy import follow as following
from dpx_cli.api.deploy.follow import PollSchedule, follow, usual_seconds
from dpx_cli.api.retry import Deadline

if TYPE_CHECKING:
    from fault_server import Fault


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the pauses between two tries."""
    monkeypatch.setattr(client, "FIRST_PAUSE", 0.02)
    monkeypatch.setattr(following, "FIRST", 0.05)


def followed(
    server: FaultServer, *, seconds: float = 10.0, request_timeout: float = 2.0, status: str | None = "QUEUED"
) -> Any:
    """Follow the newest deployment to its last object; with a status it was just created and has that."""
    made = server.deployments[0]
    api = client_of(server.url, timeout=request_timeout)
    deadline = Deadline(seconds)
    api.until = deadline.at + 1.5
    return follow(
        api,
        made["id"],
        deadline,
        say=lambda *_: None,
        created={"id": made["id"], "status": status} if status else None,
        command=f"dpx deploy wait {made['id']}",
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
    monkeypatch.setattr("dpx_cli.system.signals.sleep", pauses.append)
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
    made = server.make("main")
    server.on("GET", "/deployments/.*", faults.reply(200, {"data": {"id": made["id"], "status": status}}), times=2)
    server.course = ("READY",)
    assert followed(server)["status"] == "READY"


POLLING: dict[str, Fault] = {
    "reset": faults.reset,
    "cut body": faults.truncated_body,
    "not HTTP": faults.not_http,
    "500": faults.refused(500, "Internal error"),
    "502": faults.html_502,
    "429": faults.refused(429, "slow down", "0"),
    "empty 200": faults.reply(200, b""),
    "HTML 200": faults.html_200,
    "408": faults.refused(408, "Request Timeout"),
    "another deployment": faults.reply(200, {"data": {"id": "somebody-elses", "status": "READY"}}),
    "no id": faults.reply(200, {"data": {"status": "READY"}}),
    "a list": faults.reply(200, {"data": []}),
    "not there yet": faults.refused(404, "Deployment not found"),
}
STUCK: dict[str, Fault] = {"stall": faults.stall, "drip": faults.drip_body, **POLLING}


@pytest.mark.parametrize("name", POLLING)
def test_faults_while_polling_are_waited_out(server: FaultServer, name: str) -> None:
    """More of them than one request repeats."""
    server.course = ("READY",)
    server.make("main")
    repeated = name in {"reset", "cut body", "500", "502", "not HTTP", "429"}
    server.on("GET", "/deployments/.*", POLLING[name], times=4 if repeated else 2)
    assert followed(server)["status"] == "READY"


@pytest.mark.parametrize("name", ["", "stall", "500", "drip", "not there yet"])
def test_the_wait_ends_at_its_timeout(server: FaultServer, name: str) -> None:
    """Whatever the server does; the deployment goes on and the hint says how to go on waiting."""
    server.course = ("BUILDING",)
    made = server.make("main")
    if name:
        server.on("GET", "/deployments/.*", STUCK[name])
    began = time.monotonic()
    with pytest.raises(errors.WaitTimeout) as caught:
        followed(server, seconds=0.4, request_timeout=30)
    assert time.monotonic() - began < faults.SOON
    assert caught.value.exit_code == 8
    assert caught.value.hint == f"Run: dpx deploy wait {made['id']}"
    assert caught.value.deployment is not None
    assert caught.value.deployment["id"] == made["id"]


@pytest.mark.parametrize("status", [401, 403])
def test_what_waiting_does_not_mend_ends_the_wait(server: FaultServer, status: int) -> None:
    """At once; the hint says how to wait again."""
    made = server.make("main")
    server.on("GET", "/deployments/.*", faults.refused(status, "no"))
    with pytest.raises(errors.DpxError) as caught:
        followed(server)
    assert caught.value.status == status
    assert (caught.value.hint or "").endswith(f"run: dpx deploy wait {made['id']}")


def test_a_server_that_restarts_while_polling_is_waited_out(server: FaultServer) -> None:
    """503, then refused connections, then well."""
    server.course = ("READY",)
    server.make("main")

    def restart(exchange: faults.Exchange) -> None:
        faults.refused(503, "restarting")(exchange)
        exchange.keep = False
        server.refuse()
        threading.Timer(0.3, server.listen_again).start()

    server.on("GET", "/deployments/.*", restart, times=1)
    assert followed(server)["status"] == "READY"


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_retry_after_is_honored_while_polling(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """A longer one than a request may take is the pause before the next poll."""
    pauses: list[float] = []
    monkeypatch.setattr("dpx_cli.system.signals.sleep", pauses.append)
    server.course = ("READY",)
    server.make("main")
    server.on("GET", "/deployments/.*", faults.refused(status, "slow down", "60"), times=1)
    assert followed(server, seconds=900)["status"] == "READY"
    assert pauses == [60.0]


def test_an_end_that_the_list_has_shown_counts_if_polls_fail(server: FaultServer) -> None:
    """After a lost response the deployment comes from the list, and may have ended already."""
    server.make("main")
    server.on("GET", "/deployments/.*", faults.refused(500, "down"))
    assert followed(server, status="READY")["status"] == "READY"


def test_a_deployment_that_never_was_is_not_waited_for(server: FaultServer) -> None:
    """`dpx deploy wait` of a wrong id."""
    server.on("GET", "/deployments/.*", faults.refused(404, "Deployment not found"))
    with pytest.raises(errors.NotFound) as missing:
        followed(server, status=None)
    assert missing.value.hint == "Check the ID. Run: dpx deploy list"


def test_on_a_terminal_no_end_is_noticed_late() -> None:
    """Two seconds in the first minute, five later on, a request's own time included."""
    schedule, elapsed = PollSchedule(watched=True), 0.0
    while elapsed < 200:
        pause = schedule.pause(elapsed, "BUILDING")
        assert 0 < pause < (2.0 if elapsed < 60 else 5.0)
        elapsed += pause


def test_past_builds_shorten_the_pauses_around_the_usual_end() -> None:
    """Of a build that usually takes 40 s, each poll between 32 and 52 s is at most a second after the one before."""
    schedule, elapsed = PollSchedule(40.0), 0.0
    moments = []
    while elapsed < 80:
        moments.append(elapsed)
        elapsed += schedule.pause(elapsed, "BUILDING")
    pauses = {at: after - at for at, after in itertools.pairwise(moments)}
    assert all(pause <= 1.0 for at, pause in pauses.items() if 32 <= at < 52)
    assert any(32 <= at <= 33 for at in moments)
    assert max(pause for at, pause in pauses.items() if at > 60) == 5.0


def test_past_builds_are_asked_for_once_and_only_during_a_long_build() -> None:
    """What they say counts from then on."""
    asked: list[float] = []

    def ask() -> float:
        asked.append(20.0)
        return asked[0]

    schedule = PollSchedule(ask=ask)
    for elapsed in (0.0, 2.0, 4.0, 6.0):
        schedule.pause(elapsed, "BUILDING")
    assert (len(asked), schedule.usual) == (1, 20.0)


def test_the_usual_time_is_that_of_the_branch() -> None:
    """Of at least two READY builds; else of all branches; else unknown."""
    rows = [{"status": "READY", "branch": "a", "buildDurationMs": ms} for ms in (9000, 1000, 2000)]
    rows += [{"status": "ERROR", "branch": "a", "buildDurationMs": 5}, {"status": "READY", "branch": "b"}]
    assert usual_seconds(rows, "a") == 2.0
    assert usual_seconds(rows, "b") == 2.0
    assert usual_seconds(rows[:1], "a") is None
