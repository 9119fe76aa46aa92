"""Tokens: several, expiring, with roles; and the rate limit, which each has for itself."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from sandbox_client import ask

from dpx_cli.errors import UsageError
from dpx_cli.sandbox.server import Sandbox


def test_the_token_has_the_shape_of_the_reference() -> None:
    """The generated token has the reference's shape and differs between sandboxes."""
    with Sandbox() as one, Sandbox() as other:
        assert re.fullmatch(r"dpx_[0-9a-f]{60}", one.token)
        assert one.token != other.token
        assert ask(one, "GET", "/orgs", token=other.token).status == 401


def test_several_tokens_with_roles() -> None:
    """Several tokens have their own roles, and the first one is `token`."""
    with Sandbox(tokens=["dpx_a", "dpx_b:member", "dpx_c:admin"], role="owner") as sandbox:
        assert sandbox.token == "dpx_a"
        roles = {
            token: ask(sandbox, "GET", "/orgs", token=token).data[0]["role"] for token in ("dpx_a", "dpx_b", "dpx_c")
        }
        assert roles == {"dpx_a": "owner", "dpx_b": "member", "dpx_c": "admin"}
        assert ask(sandbox, "GET", "/orgs", token="dpx_b:member").status == 401


def test_tokens_expire() -> None:
    """Tokens expire after --token-ttl or their own time."""
    with Sandbox(tokens=["dpx_a", "dpx_b:member:1", "dpx_c:owner:2h"], token_ttl=6) as sandbox:
        tokens, start = sandbox.accepted, time.time()
        for token, after, accepted in (
            ("dpx_a", 5.8, True),
            ("dpx_a", 6.1, False),
            ("dpx_b", 0.0, True),
            ("dpx_b", 1.1, False),
            ("dpx_c", 7190, True),
            ("dpx_c", 7201, False),
        ):
            assert (tokens.person(token, start + after) is not None) is accepted, (token, after)


@pytest.mark.parametrize(
    "token",
    ["", "secret", "dpx_", "dpx_a b", "dpx_a\n", "dpx_ä", "dpx_secret:boss", "dpx_secret:owner:soon", "dpx_a:a:1:2"],
)
def test_a_token_that_is_none(token: str) -> None:
    """An invalid token is refused without being shown."""
    with pytest.raises(UsageError) as caught, Sandbox(tokens=[token]):
        pass
    assert "secret" not in f"{caught.value.message} {caught.value.hint}"


def test_the_rate_limit() -> None:
    """A token over its rate is 429 with Retry-After; another token isn't affected."""
    with Sandbox(rate="3/h", tokens=["dpx_a", "dpx_b"]) as sandbox:
        assert [ask(sandbox, "GET", "/orgs").status for _ in range(4)] == [200, 200, 200, 429]
        answer = ask(sandbox, "GET", "/orgs")
        assert answer.body == {"error": "Rate limit exceeded"}
        assert 1100 < int(answer.headers["retry-after"]) <= 1200
        assert ask(sandbox, "GET", "/orgs", token="dpx_b").status == 200
        assert ask(sandbox, "GET", "/orgs", token="dpx_wrong").status == 401


def test_options_that_cannot_be() -> None:
    """Impossible options are refused before anything starts."""
    impossible: list[dict[str, Any]] = [
        {"role": "boss"},
        *[{"rate": rate} for rate in ("", "10", "0/s", "10/d", "-1/s", "1.5/s", "10 / s", "\uff11/s")],
        {"webhook_url": "http://127.0.0.1:1"},
        {"webhook_url": "ftp://127.0.0.1", "webhook_secret": "s"},
        {"port": 99999},
        {"faults": ["nope"]},
    ]
    for options in impossible:
        with pytest.raises(UsageError), Sandbox(**options):
            pass
