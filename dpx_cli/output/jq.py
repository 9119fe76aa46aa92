"""`--jq EXPRESSION`: filter JSON, with the `jq` package (the extra `dpx-cli[jq]`)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from dpx_cli.errors import Failed, UsageError
from dpx_cli.output.columns import encoder
from dpx_cli.system.extras import install_command

if TYPE_CHECKING:
    from collections.abc import Iterator


class Filter:
    """A compiled jq expression. Raises UsageError if it is wrong, or if the package is not installed."""

    def __init__(self, expression: str) -> None:
        try:
            import jq  # type: ignore[import-not-found, unused-ignore]  # an extra
        except ImportError:
            raise UsageError(
                "--jq needs the jq package, which is not installed.", hint=f"Run: {install_command('jq')}"
            ) from None
        try:
            self._program: Any = jq.compile(expression)
        except ValueError as problem:
            reason = " ".join(str(problem).split()).removeprefix("jq: error: ")
            raise UsageError(f"Invalid jq expression: {reason}", hint="See https://jqlang.org/manual") from None

    def results(self, document: str) -> Iterator[str]:
        """Return the results for a JSON document as text: strings as they are, everything else as JSON."""
        try:
            results = list(self._program.input_text(_without_surrogates(document)))
        except ValueError as problem:
            raise Failed(f"jq: {problem}", hint="To see the document, pass --json instead of --jq.") from None
        encode = encoder(None)
        for result in results:
            yield result if isinstance(result, str) else encode(result)


def _without_surrogates(document: str) -> str:
    """Return a JSON document with U+FFFD for every lone surrogate, at which jq stops."""
    if "\\ud" not in document.lower():
        return document
    try:
        text = json.dumps(json.loads(document), ensure_ascii=False)
    except (ValueError, RecursionError):
        return document
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
