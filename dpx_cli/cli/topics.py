"""The topics of `dpx help TOPIC`: texts of topics.toml, and tables that the program itself works by."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from dpx_cli import errors
from dpx_cli.cli import parser
from dpx_cli.cli.command_table import TABLE
from dpx_cli.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from dpx_cli.cli.help import Page

MEANINGS = {
    ExitCode.OK: "success",
    ExitCode.FAILED: "server error, or any error not listed below",
    ExitCode.USAGE: "invalid option or input, confirmation needed but not possible, 400",
    ExitCode.NOT_FOUND: "404; project, organization or file not found",
    ExitCode.AUTH: "no token, malformed token, 401, keyring locked or not responding",
    ExitCode.FORBIDDEN: "403; a change blocked by DPX_READ_ONLY",
    ExitCode.RATE_LIMITED: "429 (rate limit or build slots) until the timeout",
    ExitCode.NETWORK: "server unreachable; nothing was changed",
    ExitCode.WAIT_TIMEOUT: "timed out waiting; the deployment is still running",
    ExitCode.DEPLOYMENT_FAILED: "deployment failed",
    ExitCode.CHECK_FAILED: "check failed: signature, env check, env scan, doctor, status --fail-on, plan --exit-code, "
    "a gate of deploy, webhook check, rehearse --fail-on",
    ExitCode.OUTCOME_UNKNOWN: "outcome unknown: the request was sent but the response was lost; the hint says how to "
    "check",
    ExitCode.INTERRUPTED: "Ctrl-C",
    ExitCode.READER_GONE: "closed pipe",
    ExitCode.TERMINATED: "SIGTERM",
}


@cache
def read() -> dict[str, dict[str, Any]]:
    """Return the topics by their names, as topics.toml describes them."""
    return tomllib.loads(files(__package__).joinpath("topics.toml").read_text("utf-8"))


def exit_code_rows() -> Iterator[tuple[str, str, str]]:
    """Yield each exit code with its error codes and its meaning."""
    codes: dict[ExitCode, list[str]] = {}
    kinds = errors.DpxError.__subclasses__()
    for kind in kinds:
        kinds.extend(kind.__subclasses__())
    for kind in (*kinds, errors.DpxError):
        if kind.code not in codes.setdefault(kind.exit_code, []):
            codes[kind.exit_code].append(kind.code)
    for code in ExitCode:
        yield str(code.value), ", ".join(codes.get(code, [])), MEANINGS[code]


def draw(name: str, page: Page, words: Sequence[str] = ()) -> None:
    """Write a topic onto a page; of coming-from, what some words match."""
    topic = read()[name]
    page.text(topic["summary"])
    if "before" in topic:
        page.paragraph(topic["before"])
    search = " ".join(words).lower()
    tables = _translate(search) if name == "coming-from" else _describe(name, topic)
    has_rows = False
    for title, rows in tables:
        has_rows = True
        page.heading(title)
        page.rows(rows)
    if search and not has_rows:
        page.paragraph(f"Nothing matches {search}. To see all, run: dpx help coming-from")
    elif "after" in topic:
        page.paragraph(topic["after"])
    if name in TABLE and "commands" in TABLE[name]:
        page.paragraph(f"dpx {name} --help lists its commands.")


def described(topic: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the rows of a topic, each with what it does."""
    for row in topic.get("rows", ()):
        if not isinstance(row, str):
            yield row[0], row[1]
        elif isinstance(route := parser.route(row.split()[1:]), parser.Route):
            yield row, route.command["help"]


def _describe(name: str, topic: Mapping[str, Any]) -> Iterator[tuple[str, Iterable[tuple[str, str]]]]:
    """Yield the titles and the rows of a topic's tables."""
    if name == "exit-codes":
        codes = exit_code_rows()
        yield topic["title"], ((code, f"{meaning} [{names}]" if names else meaning) for code, names, meaning in codes)
    elif name == "environment":
        from dpx_cli.config.settings import VARIABLES

        rows = ((key, f"{what} [default: {default}]" if default else what) for key, what, default in VARIABLES)
        yield topic["title"], rows
    elif "rows" in topic:
        yield topic.get("title", "Commands"), described(topic)
    if "faults" in topic:
        yield "Faults", ((fault, what) for fault, what in topic["faults"])


def _translate(search: str) -> Iterator[tuple[str, Iterable[tuple[str, str]]]]:
    """Yield what other tools' commands are in dpx, only those with a text in them if there is one."""
    from dpx_cli.cli.synonyms import MEANINGS, each_phrase

    rows: dict[bool, dict[str, list[str]]] = {False: {}, True: {}}
    for meaning in MEANINGS:
        command = "dpx " + meaning.command.replace("{", "").replace("}", "").replace("...", "")
        phrases = [(phrase, tools) for phrase, tools in each_phrase(meaning) if tools or search]
        listed = [f"{phrase} ({tools})" if tools else phrase for phrase, tools in phrases]
        if search not in command:
            listed = [text for text in listed if search in text]
        if listed:
            rows[bool(meaning.lacks)].setdefault(command, []).extend(listed)
    for is_lacking, title in ((False, "Commands"), (True, "Not in the Deploxa API, and the nearest command")):
        if rows[is_lacking]:
            yield title, ((command, ", ".join(listed)) for command, listed in rows[is_lacking].items())
