"""Show a list that arrives in pages, and remember its identifiers for completion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dpx_cli.cache import MAX_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dpx_cli.api.pages import Pages
    from dpx_cli.output.columns import Column
    from dpx_cli.session import Session

# Fields that completion describes a name with.
DESCRIPTIONS = {"deployments": ("status", "branch", "created_at")}
MAX_DESCRIPTION = 128  # characters of one field


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
    session.screen.rows(
        _noting(pages, key, remember, seen) if remember else pages, columns, key=key, empty=f"No {what}."
    )
    if session.screen.format != "quiet":
        if pages.next_cursor:
            from dpx_cli.system.shell import quote

            session.screen.note(f"More {what}: --cursor {quote(pages.next_cursor)}")
        elif pages.is_cut:
            way_out = "pass a higher --limit" if pages.is_filtered else "the server sent no cursor"
            session.screen.note(f"There are more {what}; {way_out}.")
    if remember and (pages.is_whole or remember == "deployments"):
        session.names.remember(remember, seen, under)


def _noting(pages: Pages, key: str, kind: str, seen: list[Any]) -> Iterator[list[dict[str, Any]]]:
    """Pass pages on, and note the identifiers on them, up to what is remembered."""
    for page in pages:
        if len(seen) < MAX_NAMES:
            seen.extend(_name(item, key, kind) for item in page if isinstance(item.get(key), str))
        yield page


def _name(item: Mapping[str, Any], key: str, kind: str) -> str | tuple[str, ...]:
    """Return what is remembered of an item: its identifier, and the fields that completion describes it with."""
    if kind not in DESCRIPTIONS:
        return str(item[key])
    return item[key], *(str(item.get(field) or "")[:MAX_DESCRIPTION] for field in DESCRIPTIONS[kind])
