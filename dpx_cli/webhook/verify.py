"""Check the signatures of webhook requests, for handlers in Python."""

from __future__ import annotations

from dpx_cli.webhook.explain import explain
from dpx_cli.webhook.signature import verify


def verify_signature(body: bytes, secret: str | bytes, signature: str | None) -> bool:
    """Return whether a webhook request is from Deploxa (reference, section Webhook Signature Verification).

    Compares the raw body, as it came, with the header X-Deploxa-Signature, in constant time. Never raises on what a
    sender controls. An empty secret verifies nothing.
    Raise TypeError for a body that is not bytes: decoding or parsing it loses what was signed.
    """
    return _explain(body, secret, signature, search=False) == []


def explain_signature(body: bytes, secret: str | bytes, signature: str | None) -> str | None:
    """Return why a signature doesn't match, as `dpx webhook verify` says; None if it matches or no cause is found.

    For logs and consoles, not for responses. Otherwise as `verify_signature`.
    """
    return "; ".join(_explain(body, secret, signature, search=True)) or None


def _explain(body: object, secret: str | bytes, signature: object, *, search: bool) -> list[str]:
    """Return why a signature doesn't match: [] if it does; without `search`, some text."""
    if not isinstance(body, bytes | bytearray | memoryview):
        raise TypeError(f"body must be the raw bytes of the request, not {type(body).__name__}")
    key = secret.encode("utf-8", "surrogatepass") if isinstance(secret, str) else secret
    if not key:
        return ["the secret is empty"]
    if not isinstance(signature, str) or not signature:
        return ["there is no X-Deploxa-Signature header"]
    sent = signature.encode("utf-8", "surrogatepass")
    if verify(bytes(body), key, sent):
        return []
    return [cause for _, cause in explain(bytes(body), key, sent)] if search else ["the digests differ"]
