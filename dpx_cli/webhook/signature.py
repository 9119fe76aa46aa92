"""Webhook signatures: `sha256=` and the lower-case hex digest of HMAC-SHA256(raw body, webhook secret).

See "Webhook Signature Verification" in the API reference. `explain.py` says why a signature does not match.
"""

from __future__ import annotations

import hashlib
import hmac


def sign(body: bytes, secret: bytes) -> str:
    """Return the value of `X-Deploxa-Signature` for a body."""
    return "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()


def verify(body: bytes, secret: bytes, signature: bytes) -> bool:
    """Return whether the signature is exactly what `sign` returns, in constant time.

    As in the reference's samples the two texts are compared: upper-case hex, a bare digest or a space is invalid.
    """
    return hmac.compare_digest(sign(body, secret).encode(), signature)
