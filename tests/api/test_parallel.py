"""Many requests at a time: eight in flight, rate limits, failures half-way; and values that are shown nowhere."""

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
from dpx_cli.api.parallel import MAX_IN_FLIGHT, Outcome, by_pages, for_each, run
from dpx_cli.commands.env.values import check_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fault_server import Fault

    from tests.conftest import Program

POST = ("POST", ".*/env-vars")
CANARY = "value-canary-8f3a"


@pytest.fixture
def dpx_on_faults(dpx_on_faults: Program) -> Program:
    """Return the program with a default project."""
    dpx_on_faults.env["DPX_PROJECT"] = PROJECT
    return dpx_on_faults


def set_all(server: FaultServer, keys: Sequence[str], *, timeout: float = 3.0) -> list[dict[str, Any]]:
    """Set variables whose values are their keys."""
    return for_each(
        keys,
        lambda client, key: env_vars.set_env_var(client, PROJECT, key, key),
        client=lambda: client_of(server.url, timeout=timeout),
        done=lambda _: None,
    )


def keys_of(count: int) -> list[str]:
    """Return some keys."""
    return [f"KEY_{number}" for number in range(count)]


def refusing(key: str, fault: Fault) -> Fault:
    """Return a fault for one key alone."""

    def answer(exchange: faults.Exchange) -> None:
        assert exchange.request is not None
        sent = exchange.request.json
        if sent["key"] == key:
            fault(exchange)
        else:
            exchange.server.variables[sent["key"]] = sent
            faults.reply(200, {"data": {"key": sent["key"]}})(exchange)

    return answer


def test_all_are_set_in_the_order_they_were_given(server: FaultServer) -> None:
    """Results come in the order of the keys, however requests overtake one another."""
    keys = keys_of(50)
    assert [item["key"] for item in set_all(server, keys)] == keys
    assert {key: sent["value"] for key, sent in server.variables.items()} == {key: key for key in keys}
    assert server.count(*POST) == 50


def test_eight_are_in_flight_and_no_more(server: FaultServer) -> None:
    """Eight requests are in flight and no more, over eight connections."""
    server.on(*POST, faults.after(0.05, faults.reply(200, {"data": {"key": "x"}})))
    set_all(server, keys_of(40))
    assert server.busiest == MAX_IN_FLIGHT == 8
    assert server.connections == 8


def test_few_keys_take_few_connections(server: FaultServer) -> None:
    """Two keys take at most two connections."""
    set_all(server, keys_of(2))
    assert server.connections <= 2


@pytest.mark.parametrize("retry_after", [None, "0", "1"])
def test_a_rate_limit_is_waited_out(server: FaultServer, retry_after: str | None) -> None:
    """A rate limit is waited out for every key."""
    server.on(*POST, faults.refused(429, "slow down", retry_after), times=12)
    keys = keys_of(20)
    assert [item["key"] for item in set_all(server, keys, timeout=10)] == keys


@pytest.mark.parametrize("count", [1, 20])
@pytest.mark.parametrize("retry_after", [None, "0", "3600"])
def test_a_rate_limit_that_stays_ends_it(server: FaultServer, count: int, retry_after: str | None) -> None:
    """A rate limit that stays ends the work within a request's deadline."""
    server.on(*POST, faults.refused(429, "slow down", retry_after))
    began = time.monotonic()
    with pytest.raises(errors.RateLimited):
        set_all(server, keys_of(count), timeout=1.5)
    assert time.monotonic() - began < 6
    if count == 1:
        assert server.count(*POST) == (1 if retry_after == "3600" else 3)


def test_a_failure_names_what_is_done_and_what_is_not(server: FaultServer) -> None:
    """A failure names what is done and what isn't, and nothing more is begun."""
    # So many that the worker with the failure cannot be the last to get the processor.
    keys = keys_of(500)
    server.on(*POST, refusing("KEY_4", faults.refused(403, "not yours")))
    with pytest.raises(errors.Forbidden) as caught:
        set_all(server, keys)
    done, missing = caught.value.message.partition("; done: ")[2].split("; not done: ")
    assert sorted(done.split(", ")) == sorted(server.variables)
    assert set(missing.split(", ")) == set(keys) - set(server.variables)
    assert "KEY_4" in missing
    assert server.count(*POST) < len(keys)


def test_a_failure_of_one_key_alone_needs_no_list(server: FaultServer) -> None:
    """The failure of a single key needs no list of keys."""
    server.on(*POST, faults.refused(400, "no"))
    with pytest.raises(errors.BadRequest) as caught:
        set_all(server, ["A"])
    assert "done:" not in caught.value.message


def test_a_bug_in_a_worker_is_told_and_hangs_nothing() -> None:
    """A bug in a worker is reported and hangs nothing."""

    def action(_: Any, __: str) -> dict[str, Any]:
        raise ZeroDivisionError

    with pytest.raises(errors.Failed, match="ZeroDivisionError"):
        for_each(
            keys_of(20), action, client=lambda: client_of("http://127.0.0.1:9"), done=lambda _: None, say=lambda _: None
        )


def test_a_callback_that_fails_is_told_and_hangs_nothing(server: FaultServer) -> None:
    """A callback that fails is reported and hangs nothing."""

    def done(_: str) -> None:
        raise OSError("no terminal")

    with pytest.raises(errors.Failed):
        for_each(
            keys_of(20),
            lambda client, key: env_vars.set_env_var(client, PROJECT, key, ""),
            client=lambda: client_of(server.url),
            done=done,
        )


def test_clients_that_cannot_be_made_hang_nothing() -> None:
    """An error while clients are made is raised as it is and hangs nothing."""

    def client() -> Any:
        raise errors.NotLoggedIn("no token")

    before = threading.active_count()
    with pytest.raises(errors.NotLoggedIn):
        for_each(keys_of(20), lambda *_: {}, client=client, done=lambda _: None)
    assert threading.active_count() <= before + 1


def set_in_groups(server: FaultServer, keys: Sequence[str]) -> Outcome[str, dict[str, Any]]:
    """Set variables whose values are their keys; the group of a key is its last digit."""
    outcome: Outcome[str, dict[str, Any]] = Outcome()
    run(
        keys,
        lambda client, key: env_vars.set_env_var(client, PROJECT, key, key),
        outcome,
        client=lambda: client_of(server.url, timeout=3.0),
        group=lambda key: key[-1],
    )
    return outcome


def test_a_failure_stops_its_own_group_only(server: FaultServer) -> None:
    """What is left of the group is not begun; every other group is finished."""
    server.on(*POST, refusing("KEY_3", faults.refused(403, "not yours")))
    outcome = set_in_groups(server, keys_of(200))
    assert list(outcome.failures) == ["KEY_3"]
    assert isinstance(outcome.first_failure(), errors.Forbidden)
    others = {key for key in keys_of(200) if not key.endswith("3")}
    assert others <= set(outcome.results)
    assert len(outcome.results) < 199


@pytest.mark.parametrize("fault", [faults.refused(401, "no"), faults.refused(429, "slow down", "3600")])
def test_a_failure_that_every_request_shares_stops_all(server: FaultServer, fault: Fault) -> None:
    """There is no point in asking hundreds of times with a token that isn't accepted."""
    server.on(*POST, fault)
    outcome = set_in_groups(server, keys_of(200))
    assert outcome.failures
    assert not outcome.results
    assert server.count(*POST) <= MAX_IN_FLIGHT


def test_pages_are_worked_on_over_the_same_eight_connections(server: FaultServer) -> None:
    """However many pages there are; a page is asked for when the one before is done."""
    asked: list[int] = []

    def pages() -> Iterator[list[str]]:
        for number in range(5):
            asked.append(server.count(*POST))
            yield [f"P{number}_{key}" for key in keys_of(20)]

    found = list(
        by_pages(
            pages(),
            lambda client, key: env_vars.set_env_var(client, PROJECT, key, key),
            client=lambda: client_of(server.url, timeout=3.0),
        )
    )
    assert asked == [0, 20, 40, 60, 80]
    assert all(set(outcome.results) == set(page) for page, outcome in found)
    assert server.connections <= MAX_IN_FLIGHT
    assert server.busiest <= MAX_IN_FLIGHT


@pytest.mark.parametrize("key", ["A", "_", "a1", "A_B", "a" * 200])
def test_a_key(key: str) -> None:
    """Names that match the reference's pattern are accepted."""
    assert check_key(key) == key


@pytest.mark.parametrize("key", ["", "1A", "A-B", "A B", "A\n", "Ä", "A\u0661", "A=", "A.B", "$A", "A\x00", "\udcff"])
def test_what_is_no_key(key: str) -> None:
    """Other names are refused, also those with a final newline or digits of other scripts."""
    with pytest.raises(errors.UsageError):
        check_key(key)


# Through the program


def test_bytes_that_are_not_utf8_are_refused(dpx_on_faults: Program, server: FaultServer) -> None:
    """Bytes that are not UTF-8 are refused, neither sent nor shown."""
    (dpx_on_faults.cwd / "value").write_bytes(b"canary\xff")
    hostile = os.fsdecode(b"canary\xff")
    for words in (("A", "--stdin"), ("A", "--from-file", "value"), ("A", hostile), (f"A={hostile}",)):
        done = dpx_on_faults("env", "set", *words, stdin=b"canary\xff")
        assert (done.code, done.out) == (2, ""), done
        assert "canary" not in done.err
        assert "UTF-8" in done.err
    assert server.connections == 0


def test_a_pipe_may_be_named_and_an_endless_file_may_not(dpx_on_faults: Program, server: FaultServer) -> None:
    """`--from-file <(command)` works, and an endless file takes no memory."""
    read, write = os.pipe()
    os.write(write, b"from a pipe\n")
    os.close(write)
    import subprocess

    import program

    done = subprocess.run(
        [*program.PROGRAM, "env", "set", "A", "--from-file", f"/dev/fd/{read}"],
        env=dpx_on_faults.env,
        cwd=dpx_on_faults.cwd,
        pass_fds=(read,),
        capture_output=True,
        check=False,
    )
    os.close(read)
    assert done.returncode == 0, done
    assert server.requests[-1].json["value"] == "from a pipe"
    refused = dpx_on_faults("env", "set", "A", "--from-file", "/dev/zero")
    assert (refused.code, refused.out) == (2, ""), refused
    for path, code in (("missing", 3), (".", 1), ("nul\udcff", 3)):
        assert dpx_on_faults("env", "set", "A", "--from-file", path).code == code


def test_what_was_set_shows_without_its_value(dpx_on_faults: Program, server: FaultServer) -> None:
    """What was set is shown without its value, even if the server sends it back."""
    server.on(*POST, faults.reply(200, {"data": {"id": "v", "key": "A", "value": CANARY, "new": 1}}))
    server.on("GET", ".*/env-vars", faults.reply(200, {"data": [{"key": "A", "value": CANARY}]}))
    for words in (("set", f"A={CANARY}"), ("list",)):
        for format_ in ([], ["--json"]):
            done = dpx_on_faults("env", *words, *format_)
            assert done.code == 0, done
            assert "canary" not in done.out + done.err
    assert dpx_on_faults("env", "set", f"A={CANARY}", "--json").json == [{"id": "v", "key": "A", "new": 1}]


def test_a_rate_limit_that_stays_is_6(dpx_on_faults: Program, server: FaultServer) -> None:
    """A rate limit that stays is exit 6, after three tries."""
    server.on(*POST, faults.refused(429, "slow down"))
    done = dpx_on_faults("env", "set", "A=1", "--json")
    assert (done.code, done.out, done.error["code"]) == (6, "", "rate_limited"), done
    assert server.count(*POST) == 3


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_though_requests_hang(
    dpx_on_faults: Program, server: FaultServer, number: signal.Signals, code: int
) -> None:
    """A signal ends the work at once and says what is done, even if requests hang."""
    (dpx_on_faults.cwd / ".env").write_text("".join(f"{key}={key}\n" for key in keys_of(12)), encoding="utf-8")
    server.on(*POST, faults.stall, skip=2)
    running = dpx_on_faults.start("env", "import", ".env", env={"DPX_TIMEOUT": "60"})
    wait_until(lambda: server.count(*POST) >= 10)
    running.send_signal(number)
    out, err = running.communicate(timeout=20)
    assert (running.returncode, out) == (code, b""), err
    for key in server.variables:
        assert key.encode() in err
    assert b"Traceback" not in err
