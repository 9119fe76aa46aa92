"""Show a list that arrives in pages, and remember its identifiers for completion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dpx_cli.cache import MAX_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dpx_cli.api.pages import Pages
    from dpx_cli.output.columns import Column
    from dpx_cli.session import Session

DETAILS = ("status", "branch", "created_at")  # fields that completion describes a deployment with
MAX_TEXT = 128  # characters of one of them


def show_pages(
    session: Session,
    pages: Pages,
    columns: Sequence[Column],
    *,
    key: str,
    what: str,
    remember: str | None = None,
    under: str | None = None,
) -> None:
    """Show a list of `what` (in the plural) in the format that was asked for, and say on stderr what `--limit` cut.

    A complete list is remembered for completion, as the kind of names `remember` (see `cache.py`), under the ID of the
    project that they belong to, if any. `key` is the path of the identifier.
    """
    seen: list[Any] = []

    def note() -> Iterator[list[dict[str, Any]]]:
        for page in pages:
            named = [item for item in page if isinstance(item.get(key), str)] if len(seen) < MAX_NAMES else []
            if remember == "deployments":
                seen.extend((item[key], *(str(item.get(each) or "")[:MAX_TEXT] for each in DETAILS)) for item in named)
            else:
                seen.extend(item[key] for item in named)
            yield page

    session.screen.rows(note() if remember else pages, columns, key=key, empty=f"No {what}.")
    if session.screen.format != "quiet":
        if pages.next_cursor:
            from dpx_cli.system.shell import quote

            session.screen.note(f"More {what}: --cursor {quote(pages.next_cursor)}")
        elif pages.is_cut:
            way_out = "pass a higher --limit" if pages.is_filtered else "the server sent no cursor"
            session.screen.note(f"There are more {what}; {way_out}.")
    if remember and (pages.is_whole or remember == "deployments"):
        session.names.remember(remember, seen, under)
