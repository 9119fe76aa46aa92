"""Many requests at a time: eight in flight, rate limits, failures halfway."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

import fault_server as faults
import pytest
from clients import client_of
from fault_server import PROJECT, FaultServer, wait_until

from dpx_cli import errors
from dpx_cli.api import env_vars
from dpx_cli.api.parallel import MAX_IN_FLIGHT, Work, by_pages, half_way

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from fault_server import Fault

    from tests.conftest import Program

POST = ("POST", ".*/env-vars")
KEYS = [f"KEY_{number}" for number in range(200)]


@pytest.fixture
def dpx_on_faults(dpx_on_faults: Program) -> Program:
    """Return the program with a default project."""
    dpx_on_faults.env["DPX_PROJECT"] = PROJECT
    return dpx_on_faults


def set_var(client: Any, key: str) -> dict[str, Any]:
    """Set a variable whose value is its key."""
    return env_vars.set_env_var(client, PROJECT, key, key)


def set_all(
    server: FaultServer, keys: Sequence[str], *, timeout: float = 3.0, group: Callable[[str], Any] = lambda _: None
) -> Work[str, dict[str, Any]]:
    """Set variables whose values are their keys."""
    work: Work[str, dict[str, Any]] = Work(lambda: client_of(server.url, timeout=timeout), group=group)
    work.run(keys, set_var)
    return work


def refusing(key: str, fault: Fault) -> Fault:
    """Return a fault for one key alone."""

    def respond(exchange: faults.Exchange) -> None:
        assert exchange.request is not None
        sent = exchange.request.json
        if sent["key"] == key:
            fault(exchange)
        else:
            exchange.server.variables[sent["key"]] = sent
            faults.reply(200, {"data": {"key": sent["key"]}})(exchange)

    return respond


def test_eight_are_in_flight_and_no_more(server: FaultServer) -> None:
    """All are done, over eight connections; two keys need at most two."""
    set_all(server, KEYS[:2])
    assert server.connections <= 2
    server.on(*POST, faults.after(0.05, faults.reply(200, {"data": {"key": "x"}})))
    work = set_all(server, KEYS[:40])
    assert (set(work.results), work.failures) == (set(KEYS[:40]), {})
    assert server.busiest == MAX_IN_FLIGHT == 8
    assert server.connections <= 10


@pytest.mark.parametrize("retry_after", [None, "0", "1"])
def test_a_rate_limit_is_waited_out(server: FaultServer, retry_after: str | None) -> None:
    """A rate limit is waited out for every key."""
    server.on(*POST, faults.refused(429, "slow down", retry_after), times=12)
    assert len(set_all(server, KEYS[:20], timeout=10).results) == 20


@pytest.mark.parametrize(("method", "failure"), [("POST", type(None)), ("DELETE", errors.OutcomeUnknown)])
def test_a_rate_limit_after_a_lost_response(server: FaultServer, method: str, failure: type) -> None:
    """It is waited out, too; if that doesn't tell what became of the lost one, its outcome stays unknown."""
    server.variables["A"] = {"key": "A"}
    server.on(method, ".*", faults.reset, times=1, effect=True)
    server.on(method, ".*", faults.refused(429, "slow down"), times=2)
    work: Work[str, dict[str, Any]] = Work(lambda: client_of(server.url, timeout=10))
    work.run(["A"], set_var if method == "POST" else lambda client, key: env_vars.delete_env_var(client, PROJECT, key))
    assert (server.count(method, ".*"), type(work.first_failure())) == (4, failure)


@pytest.mark.parametrize(("count", "retry_after"), [(1, None), (1, "3600"), (20, "0"), (20, "3600")])
def test_a_rate_limit_that_stays_ends_it(server: FaultServer, count: int, retry_after: str | None) -> None:
    """A rate limit that stays ends the work within a request's deadline."""
    server.on(*POST, faults.refused(429, "slow down", retry_after))
    began = time.monotonic()
    assert isinstance(set_all(server, KEYS[:count], timeout=1.0).first_failure(), errors.RateLimited)
    assert time.monotonic() - began < faults.SOON
    if count == 1:
        assert server.count(*POST) == (1 if retry_after == "3600" else 3)


def test_a_failure_says_what_is_done_and_what_is_not(server: FaultServer) -> None:
    """Nothing more is begun; for a single key there is nothing to list."""
    server.on(*POST, refusing("KEY_4", faults.refused(403, "not yours")))
    work = set_all(server, KEYS)
    failure = work.first_failure()
    assert isinstance(failure, errors.Forbidden)
    assert half_way(failure, ["KEY_4"], ()).message.endswith("env-vars).")
    message = half_way(failure, KEYS, work.results).message
    done, missing = message.partition("; done: ")[2].split("; not done: ")
    assert sorted(done.split(", ")) == sorted(server.variables)
    assert set(missing.split(", ")) == set(KEYS) - set(server.variables)
    assert server.count(*POST) < len(KEYS)


def test_a_lost_change_counts_as_neither_done_nor_not_done(dpx_on_faults: Program, server: FaultServer) -> None:
    """The message says that it's unknown."""
    server.on(*POST, refusing("B", faults.reset))
    result = dpx_on_faults("env", "set", "A=1", "B=2")
    assert (result.code, "; done: A; not done: none; unknown: B\n" in result.err) == (11, True), result


def test_a_failure_stops_its_own_group_only(server: FaultServer) -> None:
    """What is left of the group is not begun; every other group is finished."""
    server.on(*POST, refusing("KEY_3", faults.refused(403, "not yours")))
    work = set_all(server, KEYS, group=lambda key: key[-1])
    assert list(work.failures) == ["KEY_3"]
    assert {key for key in KEYS if not key.endswith("3")} <= set(work.results)
    assert len(work.results) < 199


@pytest.mark.parametrize("fault", [faults.refused(401, "no"), faults.refused(429, "slow down", "3600")])
def test_a_failure_that_every_request_shares_stops_all(server: FaultServer, fault: Fault) -> None:
    """There is no point in asking hundreds of times with a token that isn't accepted."""
    server.on(*POST, fault)
    work = set_all(server, KEYS, group=lambda key: key[-1])
    assert (bool(work.failures), work.results) == (True, {})
    assert server.count(*POST) <= MAX_IN_FLIGHT


def test_a_bug_is_reported_and_hangs_nothing(server: FaultServer) -> None:
    """In an action, in a callback, and while clients are made."""

    def fail(*_: Any) -> Any:
        raise ZeroDivisionError

    work: Work[str, Any] = Work(lambda: client_of(server.url))
    work.run(KEYS[:20], fail)
    assert "ZeroDivisionError" in str(work.first_failure())
    work = Work(lambda: client_of(server.url), done=fail)
    work.run(KEYS[:20], set_var)
    assert "ZeroDivisionError" in str(work.first_failure())
    work = Work(fail)
    before = threading.active_count()
    with pytest.raises(ZeroDivisionError):
        work.run(KEYS[:20], fail)
    assert threading.active_count() <= before + 1


def test_pages_are_worked_on_over_the_same_eight_connections(server: FaultServer) -> None:
    """However many pages there are; a page is asked for when the one before is done."""
    asked: list[int] = []

    def pages() -> Iterator[list[str]]:
        for number in range(5):
            asked.append(server.count(*POST))
            yield [f"P{number}_{key}" for key in KEYS[:20]]

    pairs = list(by_pages(pages(), set_var, client=lambda: client_of(server.url, timeout=3.0)))
    assert asked == [0, 20, 40, 60, 80]
    assert all(set(work.results) == set(page) for page, work in pairs)
    assert server.connections <= MAX_IN_FLIGHT
    assert server.busiest <= MAX_IN_FLIGHT


@pytest.mark.posix
def test_a_value_comes_from_a_pipe_but_not_from_an_endless_file(dpx_on_faults: Program, server: FaultServer) -> None:
    """`--from-file <(command)` works, and an endless file takes no memory."""
    read, write = os.pipe()
    os.write(write, b"from a pipe\n")
    os.close(write)
    assert dpx_on_faults("env", "set", "A", "--from-file", f"/dev/fd/{read}").code == 0
    os.close(read)
    assert server.requests[-1].json["value"] == "from a pipe"
    for path, code in (("/dev/zero", 2), ("missing", 3), (".", 1), ("nul\udcff", 3)):
        assert dpx_on_faults("env", "set", "A", "--from-file", path).code == code


@pytest.mark.posix
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_though_requests_hang(
    dpx_on_faults: Program, server: FaultServer, number: signal.Signals, code: int
) -> None:
    """A signal ends the work at once and says what is done, even if requests hang."""
    (dpx_on_faults.cwd / ".env").write_text("".join(f"{key}={key}\n" for key in KEYS[:12]), encoding="utf-8")
    server.on(*POST, faults.stall, skip=2)
    running = dpx_on_faults.start("env", "import", ".env", env={"DPX_TIMEOUT": "60"})
    wait_until(lambda: server.count(*POST) >= 10)
    running.send_signal(number)
    out, err = running.communicate(timeout=20)
    assert (running.returncode, out) == (code, b""), err
    assert all(key.encode() in err for key in server.variables)
    assert b"Traceback" not in err
