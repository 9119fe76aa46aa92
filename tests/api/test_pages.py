"""Lists, page by page: what is asked for, what is cut, and lists that never end."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import fault_server as faults
import pytest

from dpx_cli import errors
from dpx_cli.api import pages as api_pages
from dpx_cli.api.pages import MAX_EMPTY, Pages

if TYPE_CHECKING:
    from fault_server import FaultServer

    from dpx_cli.api.client import Client


def fill(server: FaultServer, count: int) -> None:
    """Give the server a number of projects."""
    server.projects = [{"id": f"p{number}", "slug": f"s{number}"} for number in range(count)]


def sizes(server: FaultServer) -> list[str]:
    """The page sizes that were asked for."""
    return [request.query["limit"] for request in server.requests]


@pytest.mark.parametrize(
    ("there", "limit", "asked", "cut"),
    [
        (300, None, ["100", "100", "100"], False),
        (300, 1, ["1"], True),
        (300, 99, ["99"], True),
        (300, 100, ["100"], True),
        (300, 101, ["100", "1"], True),
        (300, 250, ["100", "100", "50"], True),
        (300, 300, ["100", "100", "100"], False),
        (300, 5000, ["100", "100", "100"], False),
        (0, None, ["100"], False),
        (0, 5, ["5"], False),
        (100, None, ["100"], False),
    ],
)
def test_pages_are_as_large_as_needed(
    server: FaultServer, client: Client, there: int, limit: int | None, asked: list[str], *, cut: bool
) -> None:
    """100, or fewer where the limit wants fewer; and `next_cursor` says whether something was cut."""
    fill(server, there)
    pages = Pages(client, "/projects", limit=limit)
    items = [item["id"] for page in pages for item in page]
    assert items == [f"p{number}" for number in range(min(there, there if limit is None else limit))]
    assert sizes(server) == asked
    assert (pages.next_cursor is not None) == cut
    assert pages.is_whole == (not cut)


def test_a_server_that_gives_more_than_asked_is_cut_as_well(server: FaultServer, client: Client) -> None:
    """There is no cursor for the rest, and yet the list is not whole."""
    server.on("GET", "/projects", faults.reply(200, {"data": [{"id": "a"}, {"id": "b"}, {"id": "c"}]}))
    pages = Pages(client, "/projects", limit=2)
    assert [item["id"] for page in pages for item in page] == ["a", "b"]
    assert (pages.next_cursor, pages.is_cut, pages.is_whole) == (None, True, False)
    pages = Pages(client, "/projects", limit=3)
    assert [len(page) for page in pages] == [3]
    assert (pages.is_cut, pages.is_whole) == (False, True)


def test_a_cut_list_goes_on_where_it_was_cut(server: FaultServer, client: Client) -> None:
    """A page is asked for when it is wanted: JSON Lines leave page by page."""
    fill(server, 300)
    first = Pages(client, "/projects", limit=150)
    pages = iter(first)
    head = next(pages)
    assert len(server.requests) == 1
    head += next(pages)
    rest = Pages(client, "/projects", cursor=first.next_cursor)
    assert len(head + [item for page in rest for item in page]) == 300
    assert rest.is_whole is False


def test_parameters_go_along_on_every_page(server: FaultServer, client: Client) -> None:
    """And those without a value on none."""
    fill(server, 150)
    list(Pages(client, "/projects", {"org": "acme", "status": None}))
    assert [(r.query["org"], "status" in r.query) for r in server.requests] == [("acme", False)] * 2


@pytest.mark.parametrize("cursors", ["a", "ab", "abcdefg"])
@pytest.mark.parametrize("item", [None, {"id": "x"}])
def test_a_cursor_that_comes_back_ends_the_list(
    server: FaultServer, client: Client, cursors: str, item: dict[str, str] | None
) -> None:
    """With an error, after as many requests as there are cursors; the one it began with counts as seen."""
    server.on("GET", "/projects", faults.cursors(itertools.cycle(cursors), item))
    for first, most in ((None, 10), (cursors[0], len(cursors))):
        server.requests.clear()
        with pytest.raises(errors.InvalidResponse, match="does not end"):
            list(Pages(client, "/projects", cursor=first))
        assert len(server.requests) <= most


def test_fresh_cursors_with_empty_pages_end_too(server: FaultServer, client: Client) -> None:
    """After some patience: a page may be empty where the server filters after it counts."""
    server.on("GET", "/projects", faults.cursors(map(str, itertools.count())))
    with pytest.raises(errors.InvalidResponse, match="empty"):
        list(Pages(client, "/projects"))
    assert len(server.requests) == MAX_EMPTY


def test_an_empty_page_in_the_middle_is_no_end(server: FaultServer, client: Client) -> None:
    """What comes after it comes."""
    fill(server, 200)
    empty = {"data": [], "pagination": {"hasMore": True, "nextCursor": "100"}}
    server.on("GET", "/projects", faults.reply(200, empty), times=1)
    assert len([item for page in Pages(client, "/projects") for item in page]) == 100


@pytest.mark.parametrize(
    "document", [{}, [], None, "data", {"data": None}, {"data": "text"}, {"data": {}}, {"data": [{}, 1]}]
)
def test_a_list_of_another_shape_is_refused(server: FaultServer, client: Client, document: Any) -> None:
    """Rather than taken for an empty one."""
    server.on("GET", "/projects", faults.reply(200, document))
    with pytest.raises(errors.InvalidResponse, match="list of objects"):
        list(Pages(client, "/projects"))


@pytest.mark.parametrize(
    "pagination",
    [
        *({"hasMore": True, "nextCursor": cursor} for cursor in (None, "", 5, ["a"], "\ud800", "a\nb", "a" * 100_000)),
        *({"hasMore": more, "nextCursor": "a"} for more in ("yes", 1)),
        *({"hasMore": True}, {"nextCursor": {}}, [], "more", 5),
    ],
)
def test_more_without_saying_where_is_refused(server: FaultServer, client: Client, pagination: Any) -> None:
    """A list that is not complete must not look complete."""
    server.on("GET", "/projects", faults.reply(200, {"data": [{"id": "x"}], "pagination": pagination}))
    with pytest.raises(errors.InvalidResponse, match="there are more pages"):
        list(Pages(client, "/projects"))


@pytest.mark.parametrize(
    "pagination", [None, {}, {"hasMore": False, "nextCursor": None}, {"hasMore": False, "nextCursor": "a"}]
)
def test_the_ways_to_say_that_there_is_no_more(server: FaultServer, client: Client, pagination: Any) -> None:
    """`env-vars` and `members` are shown without any pagination."""
    server.on("GET", "/projects", faults.reply(200, {"data": [{"id": "x"}], "pagination": pagination}))
    assert list(Pages(client, "/projects")) == [[{"id": "x"}]]
    assert len(server.requests) == 1


def test_a_fault_on_the_second_page_comes_after_the_first(server: FaultServer, client: Client) -> None:
    """And is told with its request."""
    fill(server, 200)
    server.on("GET", "/projects", faults.refused(500, "x"), skip=1)
    pages = iter(Pages(client, "/projects"))
    assert len(next(pages)) == 100
    with pytest.raises(errors.ServerError):
        next(pages)


@pytest.mark.parametrize(("name", "value"), [("MAX_LIST_BYTES", 10_000), ("MAX_LIST_VALUES", 2_000), ("MAX_PAGES", 4)])
def test_a_list_whose_cursor_is_always_new_ends(
    server: FaultServer, client: Client, monkeypatch: pytest.MonkeyPatch, name: str, value: int
) -> None:
    """By its bytes, or by its values."""
    monkeypatch.setattr(api_pages, name, value)
    server.on("GET", "/projects", faults.cursors(map(str, itertools.count(1)), {"id": "p", "slug": "s"}))
    with pytest.raises(errors.InvalidResponse, match="does not end"):
        list(Pages(client, "/projects"))


def test_items_that_fit_are_chosen_page_by_page(server: FaultServer, client: Client) -> None:
    """A limit counts what is chosen, and what follows it is not fetched; nor is what can't fit any more."""
    fill(server, 300)
    pages = Pages(client, "/projects").filter(lambda item: item["id"].endswith("7"), 12)
    assert [len(page) for page in pages] == [10, 2]
    assert (pages.is_cut, pages.is_whole, pages.next_cursor) == (True, False, None)
    assert len(server.requests) == 2
    pages = Pages(client, "/projects").filter(lambda _: True, ends=lambda page: page[-1]["id"] == "p99")
    assert [len(page) for page in pages] == [100]
    assert not pages.is_cut
