"""Write data to stdout in the chosen format, and messages to stderr. Nothing else in dpx writes to them.

If the reader is gone, writing data raises BrokenPipeError; any other failure raises `Failed`. A message that can't be
written is dropped, so that a closed stderr stops no work.
"""

from __future__ import annotations

import errno
import os
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Any

from dpx_cli.errors import Failed, InvalidResponse, NotFound, UsageError, reason
from dpx_cli.output import terminal
from dpx_cli.output.columns import Fields, encoder, get_path, plain
from dpx_cli.output.neutralize import neutralize, without_commands
from dpx_cli.output.terminal import Look
from dpx_cli.system import signals
from dpx_cli.system.switches import identify_ci, is_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from typing import BinaryIO, TextIO

    from dpx_cli.errors import DpxError
    from dpx_cli.output.columns import Column


MAX_TRIES = 3  # of a question
MAX_INPUT = 32 * 1024 * 1024  # bytes of a file or of standard input; as much as of a response

_BOLD_RED = "1;31"
_YELLOW = "33"
_CYAN = "36"


class Screen:
    """stdout, stderr and stdin of one run (each binary, text with a `buffer`, or None if closed), and the data format.

    The format is "table", "tsv", "json" (with `jq` too), "jsonl" or "quiet"; None is a table on a terminal, and
    tab-separated lines elsewhere.
    """

    def __init__(
        self,
        format: str | None,  # noqa: A002 - the contract's word
        *,
        stdout: BinaryIO | TextIO | None,
        stderr: BinaryIO | TextIO | None,
        stdin: BinaryIO | TextIO | None,
        env: Mapping[str, str],
        fields: str | None = None,
        jq: str | None = None,
    ) -> None:
        self._stdout = _binary(stdout)
        self._stderr = _binary(stderr)
        self.stdin = _binary(stdin)
        self._env = env
        # Erases what is drawn in place, while something else is written within the context; a `Display` sets it.
        self.meanwhile: Callable[[], AbstractContextManager[None]] = nullcontext
        self._fields = None if fields is None else Fields(fields)
        self._filter = None
        if jq is not None:
            from dpx_cli.output.jq import Filter

            self._filter = Filter(jq)
        self.has_fields = fields is not None
        self.has_filter = jq is not None
        self.on_terminal = terminal.is_terminal(self._stdout)
        self._stderr_is_tty = terminal.is_terminal(self._stderr)
        self.format = format or ("table" if self.on_terminal else "tsv")
        # Whether an object was asked for, and not a command's short answer.
        self.shows_objects = self.format in {"json", "jsonl"} or self.has_fields

        dumb = env.get("TERM") == "dumb" or not (
            (not self.on_terminal or terminal.enable_escapes(self._stdout))
            and (not self._stderr_is_tty or terminal.enable_escapes(self._stderr))
        )
        self._in_ci = identify_ci(env) != ""  # the CI system may read commands in what a job prints
        may_color = not env.get("NO_COLOR")
        forced = is_on(env, "FORCE_COLOR")
        self.color = self.on_terminal and may_color and (forced or not dumb)
        self._prose_color = self.color or (may_color and forced)
        self._links = self.on_terminal and may_color and not dumb
        self._stderr_color = may_color and (forced or (self._stderr_is_tty and not dumb))
        self.unicode = not dumb and terminal.locale_is_utf8(env)
        may_animate = not (dumb or is_on(env, "ACCESSIBLE") or is_on(env, "CI"))
        self.animates = may_animate and self._stderr_is_tty  # a line of stderr may be rewritten in place
        self.redraws = may_animate and self.on_terminal and self.format == "table"  # so may a table on stdout

    # Data

    def rows(
        self,
        pages: Iterable[Sequence[Mapping[str, Any]]],
        columns: Sequence[Column],
        *,
        key: str,
        empty: str = "nothing to show",
    ) -> None:
        """Write a list that arrives in pages; `key` is the path of the identifier, which `-q` prints and no table cuts.

        JSON Lines, tab-separated lines and identifiers are written page by page, in constant memory; a table and a JSON
        array when all pages have arrived, so that a failure leaves stdout empty.
        """
        if self._fields:
            pages, columns = self._fields.check(pages), self._fields.columns
            if self.format in {"json", "jsonl"}:
                pages = ([self._fields.select(item) for item in page] for page in pages)
        if self.format == "json":
            self.array(pages)
        elif self.format != "table":
            write = self._lines_writer(columns, key)
            for page in pages:
                self._write_text("".join(write(page)), json=self.format == "jsonl")
        elif items := [item for page in pages for item in page]:
            self._write_text(self.table(items, columns, key=key))
        else:
            self.info(empty)

    def table(self, items: Sequence[Mapping[str, Any]], columns: Sequence[Column], *, key: str) -> str:
        """Return items as the text of the table that `rows` writes on a terminal."""
        from dpx_cli.output import table

        return table.draw(self.cells(items, columns), columns, key=key, look=self.look())

    def item(self, item: Mapping[str, Any], columns: Sequence[Column], *, key: str) -> None:
        """Write one thing: titled lines on a terminal, one tab-separated row off it, a JSON object."""
        if self.format not in {"table", "json"}:
            self.rows([[item]], columns, key=key)
            return
        if self._fields:
            ((item,),) = self._fields.check([[item]])
            columns = self._fields.columns
        if self.format == "json":
            item = self._fields.select(item) if self._fields else item
            self._write_json(encoder(2 if self.on_terminal else None)(item) + "\n")
        else:
            from dpx_cli.output import table

            self._write_text(table.draw_one(self.cells([item], columns), columns, look=self.look()))

    def line(self, text: str) -> None:
        """Write one line of data, neutralized: a URL, a token, a line of prose."""
        self._write_text(neutralize(text) + "\n")

    def lines(self, texts: Iterable[str]) -> None:
        """Write several lines of data in one write, each neutralized."""
        self._write_text("".join([neutralize(text) + "\n" for text in texts]))

    def raw(self, data: bytes) -> None:
        """Write bytes as they are."""
        if data:
            with self.meanwhile():
                self.write_stdout(data)

    @staticmethod
    def cells(items: Iterable[Mapping[str, Any]], columns: Sequence[Column]) -> list[list[str]]:
        """Return items as a terminal shows them: for each a neutralized text per column."""
        ways = [(column.parts, column.show, column.missing) for column in columns]
        return [[_cell(get_path(item, path), show, missing) for path, show, missing in ways] for item in items]

    def _lines_writer(self, columns: Sequence[Column], key: str) -> Callable[[Sequence[Mapping[str, Any]]], list[str]]:
        """Return what writes each item of a page as one line: JSON, its identifier, or cells separated by tabs."""
        if self.format == "jsonl":
            encode = encoder(None)
            return lambda page: [encode(item) + "\n" for item in page]
        if self.format == "quiet":
            return lambda page: [_identifier(item, key) + "\n" for item in page]
        paths = [(column.parts, column.missing) for column in columns]
        return lambda page: [
            "\t".join([plain(get_path(item, path)) or missing for path, missing in paths]) + "\n" for item in page
        ]

    def array(self, pages: Iterable[Sequence[Mapping[str, Any]]]) -> None:
        """Write a list that arrives in pages as one JSON array."""
        indented = self.on_terminal
        encode = encoder(2 if indented else None)
        # Without the pages' own brackets. As bytes: in a text, one emoji makes every character four times as large.
        pieces = [self._encoded(encode(page)[1:-1].strip("\n"), json=True) for page in pages if page]
        first, between, last = (b"[\n", b",\n", b"\n]\n") if indented and pieces else (b"[", b",", b"]\n")
        self.document(first + between.join(pieces) + last)

    def _write_json(self, document: str) -> None:
        """Write a JSON document, or what `--jq` makes of it."""
        if self._filter is None:
            self._write_text(document, json=True)
            return
        results = self._filter.results(document)
        if self.on_terminal:
            results = map(neutralize, results)
        self._write_text("".join([f"{result}\n" for result in results]))

    def document(self, data: bytes) -> None:
        """Write a JSON document that is already encoded: as it is, or what `--jq` makes of it."""
        if self._filter is None:
            self.raw(data)
        else:
            self._write_json(data.decode())

    def _write_text(self, text: str, *, json: bool = False) -> None:
        self.raw(self._encoded(text, json=json))

    def _encoded(self, text: str, *, json: bool = False) -> bytes:
        if self._in_ci:
            text = without_commands(text, json=json)
        return text.encode("utf-8", "backslashreplace")

    def write_stdout(self, data: bytes) -> None:
        """Write to stdout as it is, also over what is drawn in place."""
        if self._stdout is None:
            raise Failed("Can't write: standard output is closed.")
        try:
            put(self._stdout, data)
        except BrokenPipeError:
            raise
        except (OSError, ValueError) as exc:
            if os.name == "nt" and getattr(exc, "errno", None) == errno.EINVAL:  # a closed pipe there
                raise BrokenPipeError from exc
            raise Failed(f"Can't write to standard output: {reason(exc)}.") from exc

    # Messages

    def note(self, text: str) -> None:
        """Write a note: `note: …`."""
        self._message(self.style("note:", _CYAN) + " " + neutralize(text))

    def warn(self, text: str) -> None:
        """Write a warning: `warning: …`."""
        self._message(self.style("warning:", _YELLOW) + " " + neutralize(text))

    def info(self, text: str) -> None:
        """Write a plain message, like what was done."""
        self._message(neutralize(text))

    def error(self, exc: DpxError) -> None:
        """Write an error: `error: …` and `hint: …`, or one JSON line under --json and --jsonl. Never raises."""
        if self.format in {"json", "jsonl"}:
            error = {name: getattr(exc, name) for name in ("code", "message", "hint", "status", "request")}
            error["message"] = " ".join([exc.message, *exc.details])
            self._message(encoder(None)({"error": error}), json=True)
            return
        lines = [f"{self.style('error:', _BOLD_RED)} {neutralize(exc.message)}", *map(neutralize, exc.details)]
        if exc.hint:
            lines.append(f"{self.style('hint:', _CYAN)} {neutralize(exc.hint)}")
        self._message("\n".join(lines))

    def style(self, text: str, sgr: str) -> str:
        """Return a text for stderr in a color (SGR parameters, like "31"), or as it is if stderr has no color."""
        return f"\x1b[{sgr}m{text}\x1b[0m" if self._stderr_color else text

    def annotate(self, command: str) -> None:
        """Write a workflow command for GitHub Actions, which reads both streams."""
        with self.meanwhile():
            self.write_stderr(neutralize(command) + "\n")

    def _message(self, text: str, *, json: bool = False) -> None:
        with self.meanwhile():
            self.write_stderr((without_commands(text, json=json) if self._in_ci else text) + "\n")

    def write_stderr(self, text: str) -> None:
        """Write to stderr as it is, for displays and prompts; text that can't be written is dropped."""
        if self._stderr is None:
            return
        with suppress(OSError, ValueError):
            put(self._stderr, text.encode("utf-8", "backslashreplace"))

    # Questions

    @property
    def can_ask(self) -> bool:
        """Whether someone can be asked: stdin and stderr are terminals, and neither DPX_NO_INPUT nor CI forbids it."""
        return (
            not is_on(self._env, "DPX_NO_INPUT" if self._env.get("DPX_NO_INPUT") else "CI")
            and self._stderr_is_tty
            and terminal.is_terminal(self.stdin)
        )

    def confirm(self, question: str) -> bool:
        """Ask until the answer is yes or no; an empty answer is no. Raise UsageError if the user can't be asked."""
        for _ in range(MAX_TRIES):
            answer = self._answer(f"{question} [y/N] ", question).strip().lower()
            if answer in {"y", "yes"}:
                return True
            if answer in {"", "n", "no"}:
                return False
            self.info("Answer y or n.")
        raise UsageError(f"No answer to: {question}")

    def ask(self, question: str) -> str:
        """Ask for one line, without the white space around it. Raise UsageError if the user can't be asked."""
        return self._answer(f"{question}: ", question).strip()

    def secret(self, question: str, *, again: str | None = None) -> str:
        """Ask for one line that is not shown; with `again`, ask that too, until both answers are the same."""
        for left in reversed(range(MAX_TRIES)):
            first = self._answer(f"{question}: ", question, hidden=True)
            if again is None or self._answer(f"{again}: ", again, hidden=True) == first:
                return first
            if left:
                self.info("The two don't match. Try again.")
        raise UsageError("The two don't match.")

    def keyboard(self, question: str) -> BinaryIO:
        """Return stdin. Raise UsageError if the user can't be asked."""
        if self.stdin is None or not self.can_ask:
            raise UsageError(f"Can't ask (not a terminal): {question}")
        return self.stdin

    def _answer(self, prompt: str, question: str, *, hidden: bool = False) -> str:
        from dpx_cli.output.raw_mode import raw_mode, read_line

        stdin = self.keyboard(question)
        ended = False
        # Echo is off before the prompt appears, so that nothing that is typed then is shown.
        with self.meanwhile(), raw_mode(stdin, keys=True) if hidden else nullcontext():
            self.write_stderr(neutralize(prompt))
            try:
                line = read_line(stdin, hidden=hidden)
                ended = line.endswith(b"\n") and (not hidden or os.name == "nt")  # getpass has written one there
            finally:
                if not ended:
                    # After Ctrl-C, Ctrl-D or a hidden Enter the cursor is still behind the prompt.
                    self.write_stderr("\n")
        if not line:
            raise UsageError(f"No answer to: {question}")
        try:
            return line.decode().removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError:
            raise UsageError(f"The answer is not UTF-8: {question}") from None

    def require_terminal(self) -> None:
        """Raise UsageError if the user can't be asked for confirmation."""
        if not self.can_ask:
            raise UsageError("Can't ask for confirmation (not a terminal).", hint="Pass --yes.")

    def require_yes(self, question: str, *, yes: bool) -> None:
        """Return if `--yes` was given or the user confirms. Raise UsageError otherwise."""
        if yes:
            return
        self.require_terminal()
        if not self.confirm(question):
            raise UsageError("Not confirmed; nothing was changed.")

    def require_typed(self, word: str, question: str) -> None:
        """Return if the user types a word. Raise UsageError otherwise."""
        self.require_terminal()
        if self.ask(question) != word:
            raise UsageError("The name doesn't match; nothing was changed.")

    # Input

    def read_input(self, file: str, what: str, *, limit: int = MAX_INPUT) -> bytes:
        """Read a file that the user named, or standard input for "-"; `what` names the content in messages.

        A wrong path may be endless: what is larger than the limit is a UsageError.
        """
        from dpx_cli.system import files

        data = self._read_stdin(what, limit) if file == "-" else files.read_bytes(file, what, limit + 1, pipes=True)
        if data is None:
            raise NotFound(f"No such file: {file}", hint="Check the path; - reads standard input.")
        if len(data) > limit:
            raise UsageError(f"{input_name(file)} is larger than {limit // 1024 // 1024} MiB.", hint="Check the path.")
        return data

    def _read_stdin(self, what: str, limit: int) -> bytes:
        if self.stdin is None:
            raise UsageError("Standard input is closed.", hint="Pass a file instead of -.")
        if terminal.is_terminal(self.stdin):
            self.note(f"Type {what}, then press Ctrl-D.")
            signals.wait_for_input(self.stdin)
        return self.stdin.read(limit + 1)

    # Size and look

    def size(self, *, stdout: bool = True) -> tuple[int, int]:
        """Return columns and lines of stdout's or stderr's terminal."""
        return terminal.size(self._env, self._stdout if stdout else self._stderr)

    def look(self) -> Look:
        """Return what the terminal can draw, for tables and help pages."""
        return Look(width=self.size()[0], color=self._prose_color, links=self._links, unicode=self.unicode)


def _cell(value: Any, show: Callable[[Any], str] | None, missing: str) -> str:
    if show is not None and value is not None:
        return neutralize(show(value))
    return plain(value, ", ") or missing


def _identifier(item: Mapping[str, Any], key: str) -> str:
    if text := plain(get_path(item, tuple(key.split(".")))):
        return text
    # The reader, like xargs, would take an empty line for an empty argument.
    raise InvalidResponse(f"A list item has no {key}.")


def put(stream: BinaryIO, data: bytes) -> None:
    """Write all of `data` and flush, waiting if the stream is a non-blocking pipe."""
    unwritten = memoryview(data)
    while True:
        try:
            if unwritten:
                stream.write(unwritten)
                unwritten = unwritten[len(unwritten) :]
            stream.flush()
        except BlockingIOError as exc:
            import select

            unwritten = unwritten[exc.characters_written :]
            select.select([], [stream], [])
        else:
            return


def _binary(stream: Any) -> BinaryIO | None:
    binary: BinaryIO | None = getattr(stream, "buffer", stream)
    return binary


def input_name(file: str) -> str:
    """Return how a message calls a file that may be "-"."""
    return "Standard input" if file == "-" else file
