"""The deliveries that `dpx webhook check` sends to a receiver, and how it must respond to each."""

from __future__ import annotations

import hmac
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from dpx_cli.reference import EVENTS
from dpx_cli.webhook import deliver, signature
from dpx_cli.webhook.deliver import NotDelivered
from dpx_cli.webhook.events import encode, sample

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Sequence

    from dpx_cli.system.loopback.guard import Header
    from dpx_cli.webhook.deliver import Endpoint

ACCEPTED, REFUSED = "2xx", "4xx"
MIB = 1024 * 1024
UNKNOWN_EVENT = "deployment.paused"

# What to change in a receiver that fails a check; all events share one.
FIXES = {
    "good delivery": "Give the receiver this secret, and return 2xx if the header is `sha256=` and the hex HMAC-SHA256 "
    "of the raw body with it.",
    "wrong signature": "Return 401 if the header isn't exactly the signature of the body. Compare the whole "
    "value before anything else.",
    "no signature": "Return 401 if there is no X-Deploxa-Signature header, instead of skipping the check or failing on "
    "it.",
    "changed body": "Compute the HMAC of the whole body of each request; a valid header alone proves nothing.",
    "empty body": "Check the signature of an empty body too, before anything is returned.",
    "upper-case digest": "Compare the header as it came with the lowercase hex digest; don't ignore case.",
    "event": "Return 2xx to every documented event, even if there is nothing to do.",
    "unknown event": "Return 2xx to an event that the receiver doesn't know, and ignore it.",
    "same delivery twice": "Return 2xx to a repeated delivery and ignore it.",
    "1 MiB body": "Raise the limit for request bodies to 2 MiB.",
    "non-ASCII bytes": "Compute the HMAC of the raw bytes (UTF-8), not of text that was decoded or escaped in another "
    "way.",
    "unusual JSON layout": "Compute the HMAC of the raw body, not of JSON that was parsed and written again.",
}


class Case(NamedTuple):
    """One check: what is sent, and what a correct receiver responds."""

    name: str
    expected: str
    body: bytes
    headers: Sequence[Header]
    times: int = 1  # how often it is sent, one after the other


def cases(secret: bytes) -> list[Case]:
    """Return all checks for a receiver with this secret, the good delivery first."""
    good = encode(sample("deployment.ready", deployment_id="clm1check0good"))
    valid = signature.sign(good, secret)
    digest = valid.removeprefix("sha256=")
    # The first half is right: a receiver that compares only the beginning accepts it.
    half = digest[: len(digest) // 2] + hmac.digest(secret, b"another body", "sha256").hex()[len(digest) // 2 :]
    unsigned = [header for header in deliver.headers(valid, "deployment.ready") if header[0] != deliver.SIGNATURE]
    unknown = encode({**sample("deployment.ready"), "event": UNKNOWN_EVENT})
    text = encode(sample("deployment.ready", branch="größe/日本語-🚀", deployment_id="clm1check0text"))
    return [
        _signed("good delivery", good, secret),
        _forged("wrong signature", good, f"sha256={half}"),
        Case("no signature", REFUSED, good, unsigned),
        _forged("changed body", good.replace(b'"READY"', b'"ERROR"'), valid),
        _forged("empty body", b"", valid),
        _forged("upper-case digest", good, f"sha256={digest.upper()}"),
        *[
            _signed(f"event {event}", encode(sample(event, deployment_id=f"clm1check{number}")), secret, event)
            for number, event in enumerate(EVENTS)
        ],
        _signed("unknown event", unknown, secret, UNKNOWN_EVENT),
        _signed("same delivery twice", good, secret)._replace(times=2),
        _signed("1 MiB body", _large_body(), secret),
        _signed("non-ASCII bytes", text, secret),
        _signed("unusual JSON layout", _unusual_layout(), secret),
    ]


def _signed(name: str, body: bytes, secret: bytes, event: str = "deployment.ready") -> Case:
    return Case(name, ACCEPTED, body, deliver.headers(signature.sign(body, secret), event))


def _forged(name: str, body: bytes, header: str) -> Case:
    return Case(name, REFUSED, body, deliver.headers(header, "deployment.ready"))


def _large_body() -> bytes:
    body = encode({**sample("deployment.ready", deployment_id="clm1check0large"), "note": ""})
    return body.replace(b'"note":""', b'"note":"%s"' % (b"x" * (MIB - len(body))))


def _unusual_layout() -> bytes:
    """Return a payload that neither JSON.stringify nor json.dumps would write like this."""
    payload = sample("deployment.ready", deployment_id="clm1check0layout")
    text = json.dumps(payload, indent=3, separators=(" ,", " :"))
    return text.replace("//", "\\/\\/").encode()


def run(
    cases: Sequence[Case], endpoint: Endpoint, trust: Callable[[], ssl.SSLContext], seconds: float
) -> Iterator[tuple[Case, dict[str, Any]]]:
    """Send each delivery and yield its row. Raise NetworkError if nothing listens at the receiver's address."""
    is_first = True
    for case in cases:
        status: int | None = None
        for _ in range(case.times):
            try:
                status = deliver.deliver(endpoint, case.body, case.headers, trust, seconds).status
            except NotDelivered as exc:
                if is_first and not exc.is_sent and not exc.is_late:
                    raise exc.as_error(endpoint) from exc
                status = None  # later on, an earlier delivery may have stopped the receiver
            is_first = False
            if not _fits(status, case.expected):
                break
        is_ok = _fits(status, case.expected)
        yield case, {"check": case.name, "expected": case.expected, "status": status, "ok": is_ok}


def refuses_all(results: Sequence[tuple[Case, dict[str, Any]]]) -> bool:
    """Return whether every correctly signed delivery got 401 or 403: the receiver looks for another signature."""
    return all(finding["status"] in (401, 403) for case, finding in results if case.expected == ACCEPTED)


def advise(results: Sequence[tuple[Case, dict[str, Any]]]) -> list[str]:
    """Return a fix for each failed check."""
    return [
        f"{case.name}: expected {case.expected}, got {finding['status'] or 'no response'}. "
        f"{FIXES.get(case.name) or FIXES['event']}"
        for case, finding in results
        if not finding["ok"]
    ]


def _fits(status: int | None, expected: str) -> bool:
    return status is not None and f"{status // 100}xx" == expected
