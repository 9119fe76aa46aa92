"""The deliveries that `dpx webhook check` sends to a receiver, and what it must answer to each."""

from __future__ import annotations

import hmac
import json
from typing import TYPE_CHECKING, NamedTuple, TypedDict

from dpx_cli.reference import EVENTS
from dpx_cli.webhook import deliver, signature
from dpx_cli.webhook.deliver import NotDelivered
from dpx_cli.webhook.events import encode, sample

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Sequence

    from dpx_cli.system.loopback.request import Header
    from dpx_cli.webhook.deliver import Endpoint

ACCEPTED, REFUSED = "2xx", "4xx"
MIB = 1024 * 1024
UNKNOWN_EVENT = "deployment.paused"

_ACCEPT = (
    "Give the receiver this secret, and answer 2xx if the header is `sha256=` and the hex HMAC-SHA256 of the raw body "
    "with it."
)


class Probe(NamedTuple):
    """One check.

    Attributes:
        name: what is sent, in a few words.
        expected: ACCEPTED or REFUSED.
        fix: what to change in a receiver that fails it, as a sentence.
        body: what is sent.
        headers: sent with it.
        times: how often it is sent, one after the other.
    """

    name: str
    expected: str
    fix: str
    body: bytes
    headers: Sequence[Header]
    times: int = 1


class Finding(TypedDict):
    """The result of a check, as `--json` prints it; `status` is null if no response came."""

    check: str
    expected: str
    status: int | None
    ok: bool


def probes(secret: bytes) -> list[Probe]:
    """Return all checks for a receiver with this secret, the good delivery first."""
    good = encode(sample("deployment.ready", deployment_id="clm1check0good"))
    return [
        Probe("good delivery", ACCEPTED, _ACCEPT, good, _headers(good, secret)),
        *_forgeries(good, secret),
        *_events(secret),
        Probe(
            "same delivery twice",
            ACCEPTED,
            "Answer 2xx to a delivery that came before, and ignore it.",
            good,
            _headers(good, secret),
            times=2,
        ),
        *_bodies(secret),
    ]


def _forgeries(good: bytes, secret: bytes) -> list[Probe]:
    """Return the deliveries that must be refused."""
    valid = signature.sign(good, secret)
    other = signature.sign(good, hmac.digest(secret, b"another secret", "sha256"))
    changed = good.replace(b'"READY"', b'"ERROR"')
    return [
        Probe(
            "wrong signature",
            REFUSED,
            "Answer 401 if the header isn't the signature of the body, before anything else is done.",
            good,
            deliver.headers(other, "deployment.ready"),
        ),
        Probe(
            "no signature",
            REFUSED,
            "Answer 401 if there is no X-Deploxa-Signature header, instead of skipping the check or failing on it.",
            good,
            [header for header in deliver.headers(valid, "deployment.ready") if header[0] != deliver.SIGNATURE],
        ),
        Probe(
            "changed body",
            REFUSED,
            "Compute the HMAC of the whole body of each request; a valid header alone proves nothing.",
            changed,
            deliver.headers(valid, "deployment.ready"),
        ),
        Probe(
            "empty body",
            REFUSED,
            "Check the signature of an empty body too, before anything is answered.",
            b"",
            deliver.headers(valid, "deployment.ready"),
        ),
        Probe(
            "upper-case digest",
            REFUSED,
            "Compare the header as it came with the lower-case hex digest; don't ignore case.",
            good,
            deliver.headers("sha256=" + valid.removeprefix("sha256=").upper(), "deployment.ready"),
        ),
    ]


def _events(secret: bytes) -> list[Probe]:
    """Return one delivery of each documented event, and one of an event that isn't documented."""
    found = []
    for event in EVENTS:
        body = encode(sample(event, deployment_id=f"clm1check{EVENTS.index(event)}"))
        fix = f"Answer 2xx to {event}, even if there is nothing to do."
        found.append(Probe(f"event {event}", ACCEPTED, fix, body, _headers(body, secret, event)))
    body = encode({**sample("deployment.ready"), "event": UNKNOWN_EVENT})
    fix = "Answer 2xx to an event that the receiver doesn't know, and ignore it."
    return [*found, Probe("unknown event", ACCEPTED, fix, body, _headers(body, secret, UNKNOWN_EVENT))]


def _bodies(secret: bytes) -> list[Probe]:
    """Return correctly signed deliveries whose bodies are unusual."""
    large = encode({**sample("deployment.ready", deployment_id="clm1check0large"), "note": ""})
    large = large.replace(b'"note":""', b'"note":"%s"' % (b"x" * (MIB - len(large))))
    foreign = encode(sample("deployment.ready", branch="größe/日本語-🚀", deployment_id="clm1check0text"))
    layout = _unusual_layout()
    return [
        Probe(
            "1 MiB body",
            ACCEPTED,
            "Raise the limit for request bodies to 2 MiB.",
            large,
            _headers(large, secret),
        ),
        Probe(
            "non-ASCII bytes",
            ACCEPTED,
            "Compute the HMAC of the raw bytes (UTF-8), not of text that was decoded or escaped in another way.",
            foreign,
            _headers(foreign, secret),
        ),
        Probe(
            "unusual JSON layout",
            ACCEPTED,
            "Compute the HMAC of the raw body, not of JSON that was parsed and written again.",
            layout,
            _headers(layout, secret),
        ),
    ]


def _unusual_layout() -> bytes:
    """Return a payload that neither JSON.stringify nor json.dumps would write like this."""
    payload = sample("deployment.ready", deployment_id="clm1check0layout")
    text = json.dumps(payload, indent=3, separators=(" ,", " :"))
    return text.replace("//", "\\/\\/").encode()


def _headers(body: bytes, secret: bytes, event: str = "deployment.ready") -> list[Header]:
    return deliver.headers(signature.sign(body, secret), event)


def run(probe: Probe, endpoint: Endpoint, trust: Callable[[], ssl.SSLContext], seconds: float) -> Finding:
    """Send a check's delivery and judge the response.

    Args:
        probe: what to send.
        endpoint: the receiver.
        trust: returns the TLS context for an https receiver.
        seconds: how long the receiver may take.

    Raises:
        NotDelivered: the receiver can't be reached: nothing listens there.
    """
    status: int | None = None
    for _ in range(probe.times):
        try:
            status = deliver.deliver_once(endpoint, probe.body, probe.headers, trust, seconds).status
        except NotDelivered as exc:
            if not exc.sent and not exc.late:
                raise
            status = None
        if not _is(status, probe.expected):
            break
    return judge(probe, status)


def judge(probe: Probe, status: int | None) -> Finding:
    """Return the finding for a check's response; None if there was none."""
    return {"check": probe.name, "expected": probe.expected, "status": status, "ok": _is(status, probe.expected)}


def _is(status: int | None, expected: str) -> bool:
    return status is not None and f"{status // 100}xx" == expected
