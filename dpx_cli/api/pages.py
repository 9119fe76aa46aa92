"""Read lists page by page (reference, section Pagination)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dpx_cli import errors
from dpx_cli.api.client import data_of
from dpx_cli.reference import MAX_PAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from dpx_cli.api.client import Client

MAX_ITEMS = 1000  # of one page, from a server that gives more than was asked for
MAX_CURSOR = 4096  # characters; servers take little more in a request's first line
SERVER_FAULT = "The server is at fault. To get the first pages, pass --limit."
MAX_EMPTY = 10  # empty pages in a row that all name a next one


class Pages:
    """The pages of one list, fetched as they are iterated over; each is a list of objects.

    Args:
        client: whom to ask.
        path: the list's path.
        params: query parameters of the list's own.
        limit: how many items at the most; None for all.
        cursor: where to continue from.
        without: a key that is removed from every item: a secret that the server should not have sent.
        headers: further header fields of every request.

    Attributes:
        next_cursor: after iteration, where to continue from if `limit` cut the list short; else None.
        is_cut: after iteration, whether `limit` cut off what had come: the server gave more than was asked for.
        is_whole: after iteration, whether every item there is has come: no cursor before, no limit after.

    Raises (while iterated over):
        InvalidResponse: for a wrong shape, a cursor that comes back, or pages without end.
    """

    def __init__(
        self,
        client: Client,
        path: str,
        params: Mapping[str, Any] | None = None,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        without: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._headers = headers
        self._without = without
        self._client = client
        self._path = path
        self._params = params or {}
        self._limit = limit
        self._cursor = cursor
        self.next_cursor: str | None = None
        self.is_cut = False
        self.is_whole = False

    def __iter__(self) -> Iterator[list[dict[str, Any]]]:
        request = f"GET {self._path}"
        cursor, left, empty = self._cursor, self._limit, 0
        seen = {cursor}
        while True:
            size = MAX_PAGE if left is None else min(MAX_PAGE, left)
            document = self._client.document(
                "GET", self._path, params={**self._params, "limit": size, "cursor": cursor}, headers=self._headers
            )
            items = data_of(document, request, list)
            if len(items) > MAX_ITEMS:
                raise errors.InvalidResponse(
                    f"{request}: a page has {len(items):,} items. At most {MAX_ITEMS:,} are allowed.", request=request
                )
            if self._without is not None:
                for item in items:
                    item.pop(self._without, None)
            cursor = _next_cursor(document, request)
            if left is not None:
                self.is_cut = len(items) > left
                items = items[:left]
                left -= len(items)
            if left == 0:
                self.next_cursor = cursor
                cursor = None
            if items:
                yield items
            if cursor is None:
                self.is_whole = self._cursor is None and self.next_cursor is None and not self.is_cut
                return
            empty = 0 if items else empty + 1
            if cursor in seen or empty >= MAX_EMPTY:
                raise errors.InvalidResponse(
                    f"{request}: the list does not end: its cursor came back."
                    if cursor in seen
                    else f"{request}: the list does not end: page after page is empty.",
                    hint=SERVER_FAULT,
                    request=request,
                )
            seen.add(cursor)

    def filter(
        self,
        fits: Callable[[dict[str, Any]], bool],
        limit: int | None = None,
        *,
        ends: Callable[[list[dict[str, Any]]], bool] = lambda _: False,
    ) -> Filtered:
        """Return those items that the API can't choose by itself, page by page.

        Args:
            fits: returns whether an item is chosen.
            limit: the maximum number of chosen items; None for all. The list itself must not have one.
            ends: called with each whole page; returns whether no later one can have an item that fits.
        """
        return Filtered(self, fits, limit, ends)


class Filtered:
    """The chosen items of a list; `Pages.filter` makes it.

    Attributes:
        next_cursor: always None: a cursor can't name a place within a page.
        is_cut: after iteration, whether `limit` cut off items.
        is_whole: always False: it is not the whole list.
    """

    next_cursor: str | None = None
    is_whole = False

    def __init__(
        self,
        pages: Pages,
        fits: Callable[[dict[str, Any]], bool],
        limit: int | None,
        ends: Callable[[list[dict[str, Any]]], bool],
    ) -> None:
        self._pages = pages
        self._fits = fits
        self._limit = limit
        self._ends = ends
        self.is_cut = False

    def __iter__(self) -> Iterator[list[dict[str, Any]]]:
        left = self._limit
        for page in self._pages:
            chosen = [item for item in page if self._fits(item)]
            if left is not None:
                self.is_cut = len(chosen) > left
                chosen = chosen[:left]
                left -= len(chosen)
            if chosen:
                yield chosen
            if self.is_cut or self._ends(page):
                return


def _next_cursor(document: Mapping[str, Any], request: str) -> str | None:
    """Return the cursor of the next page, or None if this page is the last."""
    pagination = document.get("pagination")
    if pagination is None:
        return None
    cursor = pagination.get("nextCursor") if isinstance(pagination, dict) else 0
    more = pagination.get("hasMore", cursor is not None) if isinstance(pagination, dict) else True
    if more is False:
        return None
    if more is not True or not isinstance(cursor, str) or not cursor.isprintable() or not 0 < len(cursor) <= MAX_CURSOR:
        raise errors.InvalidResponse(
            f"The response to {request} says that there is more, but not where.",
            hint=SERVER_FAULT,
            request=request,
        )
    return cursor
