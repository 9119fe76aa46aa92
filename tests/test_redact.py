"""What hides secrets."""

from __future__ import annotations

from dpx_cli.redact import mask, mask_values


def test_a_token_is_masked_as_it_is_cut_and_url_encoded() -> None:
    """Nothing else of the text changes, unless the token is encoded."""
    assert mask("Bad token dpx_a/b+c: dpx_a/b…", "dpx_a/b+c") == "Bad token ***: dpx_***…"
    assert mask("Bad token %64px_a%2Fb%2Bc", "dpx_a/b+c") == "***"
    assert mask("text", "") == "text"


def test_what_looks_like_a_token_is_masked() -> None:
    """The prefix alone is no token."""
    assert mask("auth=dpx_abc123: tokens begin with dpx_.", "") == "auth=dpx_***: tokens begin with dpx_."


def test_values_are_masked_at_every_depth() -> None:
    """Keys stay."""
    assert mask_values({"key": "A", "value": "s", "list": [{"value": {"deep": 1}}]}) == {
        "key": "A",
        "value": "***",
        "list": [{"value": "***"}],
    }
