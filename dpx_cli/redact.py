"""Hide secrets in what is shown: tokens, and the values of variables."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MASK = "***"
TOKEN_PREFIX = "dpx_"  # noqa: S105 - what every token begins with
VALUE = "value"  # the API's key of a variable's value


def mask(text: str, token: str) -> str:
    """Return a text without a token, or anything that looks like one; "***" if the token is URL-encoded in it."""
    import re
    from urllib.parse import unquote

    text = text.replace(token, MASK) if token else text
    text = re.sub(rf"{TOKEN_PREFIX}[A-Za-z0-9._~+/=-]*[A-Za-z0-9_~+/=-]", TOKEN_PREFIX + MASK, text)
    return MASK if token and token in unquote(text) else text


def mask_values(document: Any) -> Any:
    """Return a JSON document with everything under a key "value" masked."""
    if isinstance(document, dict):
        return {key: MASK if key == VALUE else mask_values(part) for key, part in document.items()}
    if isinstance(document, list):
        return [mask_values(part) for part in document]
    return document
