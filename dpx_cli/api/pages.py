"""Read lists page by page (reference, section Pagination)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dpx_cli import errors
from dpx_cli.api.client import Client, Request, count_marks, data_of, hide_project
from dpx_cli.reference import MAX_PAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

MAX_LIST_VALUES = 2_000_000  # of a whole list: about 200 MiB where all of it is kept
MAX_LIST_BYTES = 48 * 1024 * 1024  # of a whole list
MAX_PAGES = 20_000  # of a whole list; the API's have up to 100 items each
MAX_CURSOR = 4096  # characters; servers accept little more in a request's first line
MAX_EMPTY = 10  # empty pages in a row that all have a next one


class Pages:
    """The pages of one list, fetched as they are iterated over; each is a list of objects."""

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
        size: int = MAX_PAGE,
    ) -> None:
        self._client = client
        self._path = path
        self._name = f"GET {path}"
        self._params = params or {}
        self._headers = headers
        self._limit = limit
        self._cursor = cursor
        self._without = without  # a key that is removed from every item: a secret that should not have been sent
        self._size = size
        # After iteration:
        self.position: str | None = None  # the cursor of the page after the last one that came
        self.next_cursor: str | None = None  # where to continue from if `limit` cut the list short
        self.is_cut = False  # whether items that had come were cut off by a limit
        self.is_whole = False  # whether every item there is has come: no cursor, no limit, no filter
        self.is_filtered = False

    def filter(
        self,
        fits: Callable[[dict[str, Any]], bool],
        limit: int | None = None,
        *,
        ends: Callable[[list[dict[str, Any]]], bool] = lambda _: False,
    ) -> Pages:
        """Choose items that the API can't choose by itself, up to `limit`, and return the same pages.

        `ends` returns whether no page after this one can have a fitting item.
        """
        self._fits, self._most, self._ends = fits, limit, ends
        self.is_filtered = True
        return self

    def __iter__(self) -> Iterator[list[dict[str, Any]]]:
        if not self.is_filtered:
            yield from self._fetch()
            return
        left = self._most
        for page in self._fetch():
            chosen = [item for item in page if self._fits(item)]
            if left is not None:
                self.is_cut = len(chosen) > left
                chosen = chosen[:left]
                left -= len(chosen)
            if chosen:
                yield chosen
            if self.is_cut or self._ends(page):
                break
        self.is_whole = False

    def _fetch(self) -> Iterator[list[dict[str, Any]]]:
        cursor, left, empty = self._cursor, self._limit, 0
        size = values = 0
        seen = {cursor}
        while True:
            count = self._size if left is None else min(self._size, left)
            params = {**self._params, "limit": count, "cursor": cursor}
            document, response = self._client.document(Request("GET", self._path, params, headers=self._headers))
            size += len(response.body)
            values += count_marks(response.body)
            items = data_of(document, self._name, list)
            if self._without is not None:
                for item in items:
                    item.pop(self._without, None)
            cursor = self.position = self._next(document)
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
            if cursor in seen:
                raise self._error("the list does not end: its cursor came back")
            if empty >= MAX_EMPTY:
                raise self._error("the list does not end: page after page is empty")
            if size > MAX_LIST_BYTES or values > MAX_LIST_VALUES or len(seen) >= MAX_PAGES:
                raise self._error("the list does not end, or is too long to be read as a whole")
            seen.add(cursor)

    def _next(self, document: Mapping[str, Any]) -> str | None:
        """Return the cursor of the next page, or None if this page is the last."""
        pagination = document.get("pagination")
        if pagination is None:
            return None
        known = pagination if isinstance(pagination, dict) else {"hasMore": True}
        cursor = known.get("nextCursor")
        more = known.get("hasMore", cursor is not None)
        if more is False:
            return None
        usable = isinstance(cursor, str) and cursor.isprintable() and 0 < len(cursor) <= MAX_CURSOR
        if more is not True or not usable:
            raise self._error("the response says that there are more pages, but has no cursor")
        return str(cursor)

    def _error(self, text: str) -> errors.InvalidResponse:
        hint = "To get the first pages, pass --limit."
        return errors.InvalidResponse(f"{hide_project(self._name)}: {text}.", hint=hint, request=self._name)
