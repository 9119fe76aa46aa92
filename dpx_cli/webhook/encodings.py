"""Undo what proxies, queues, frameworks and logs do to a body on the way: the original may be what was signed."""

from __future__ import annotations

import codecs
import contextlib
import json
import re
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Finding = tuple[str, str]
    Decoder = Callable[[bytes], Iterable[tuple[bytes, str]]]

MAX_SIZE = 1024 * 1024  # bytes of a body that is decoded; no delivery is larger
MAX_DEPTH = 3  # encodings inside each other
MAX_SOURCES = 60
MAX_FIELDS = 40  # strings of a JSON document that are looked at
MAX_LITERAL = 64 * 1024  # characters of a Python literal

_BASE64 = re.compile(rb"[A-Za-z0-9+/_\s-]{16,}={0,2}\s*")
_FORM = re.compile(rb"[A-Za-z0-9_.%\[\]-]{1,100}=")


def decode(body: bytes, deadline: float) -> Iterator[tuple[bytes, tuple[Finding, ...]]]:
    """Yield what a body may have been before something on the way encoded it, with what was done to it."""
    sources: list[tuple[bytes, tuple[Finding, ...]]] = [(body, ())]
    seen = {body}
    for source, notes in sources:
        if len(source) > MAX_SIZE or len(notes) >= MAX_DEPTH:
            continue
        for decoder in DECODERS:
            for original, note in decoder(source):
                if time.monotonic() > deadline or len(sources) > MAX_SOURCES:
                    return
                if original and original not in seen:
                    seen.add(original)
                    sources.append((original, (*notes, ("body", note))))
                    yield sources[-1]


def _decompress(body: bytes) -> Iterator[tuple[bytes, str]]:
    """Undo gzip and zlib."""
    import zlib

    if body[:2] == b"\x1f\x8b" or body[:1] == b"\x78":
        try:
            original = zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(body, MAX_SIZE)
        except zlib.error:
            return
        name = "gzip" if body.startswith(b"\x1f") else "zlib"
        yield original, f"the body is compressed with {name}, but its content was signed"


def _decode_base64(body: bytes) -> Iterator[tuple[bytes, str]]:
    """Undo base64, of either alphabet, in lines or with padding or not."""
    import binascii

    if _BASE64.fullmatch(body):
        text = b"".join(body.split()).translate(bytes.maketrans(b"-_", b"+/")).rstrip(b"=")
        try:
            original = binascii.a2b_base64(text + b"=" * (-len(text) % 4), strict_mode=True)
        except ValueError:
            return
        yield original, "the body is in base64, but the decoded bytes were signed"


def _find_strings(body: bytes) -> Iterator[tuple[bytes, str]]:
    """Undo JSON around the body: a string, a field of an event or a message, or Node.js's form of a Buffer."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return
    if isinstance(document, str):
        yield document.encode("utf-8", "surrogatepass"), "the body is a JSON string, but the text in it was signed"
        return
    if not isinstance(document, (dict, list)):
        return
    fields: list[tuple[str, Any]] = [("", document)]
    for name, value in fields:
        inside = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in inside:
            path = f"{name}.{key}" if name else str(key)
            if isinstance(item, str) and len(item) > 1:
                note = f"the signed body is in the field `{_shorten(path)}` of this JSON"
                yield item.encode("utf-8", "surrogatepass"), note
            elif isinstance(item, (dict, list)) and len(fields) < MAX_FIELDS:
                fields.append((path, item))
    numbers = document.get("data") if isinstance(document, dict) and document.get("type") == "Buffer" else document
    if isinstance(numbers, list) and all(type(number) is int and 0 <= number < 256 for number in numbers):  # noqa: PLR2004 - a byte
        yield bytes(numbers), "the body is a list of bytes in JSON, but the bytes themselves were signed"


def _parse_form(body: bytes) -> Iterator[tuple[bytes, str]]:
    """Undo a form, or percent-encoding."""
    from urllib.parse import parse_qsl, unquote_to_bytes

    if _FORM.match(body):
        try:
            fields = parse_qsl(body.strip().decode("latin-1"), errors="surrogateescape", max_num_fields=MAX_FIELDS)
        except ValueError:
            return
        for name, value in fields:
            note = f"the body is a form, but the value of its field `{_shorten(name)}` was signed"
            yield value.encode("utf-8", "surrogateescape"), note
    elif body[:1] == b"%":
        yield (
            unquote_to_bytes(body.replace(b"+", b" ")),
            "the body is percent-encoded, but the decoded bytes were signed",
        )


def _reread_text(body: bytes) -> Iterator[tuple[bytes, str]]:
    """Undo a text that was read in one encoding and written in another."""
    if body[:2] in (b"\xff\xfe", b"\xfe\xff"):
        yield (
            body.decode("utf-16", "replace").encode("utf-8", "replace"),
            "the body was saved as UTF-16, but UTF-8 was signed",
        )
    if body.isascii():
        return
    try:
        text = body.decode()
    except UnicodeDecodeError:
        for codec, name in (("latin-1", "Latin-1"), ("cp1252", "Windows-1252")):
            yield (
                body.decode(codec, "dpx-single-byte").encode(),
                f"the body was written as {name}, but UTF-8 was signed",
            )
        replaced = body.decode("utf-8", "replace").encode()
        yield replaced, "it was signed after its bytes that are not UTF-8 had been replaced"
        return
    for codec, name in (("latin-1", "Latin-1"), ("cp1252", "Windows-1252")):
        try:
            original = text.encode(codec, "dpx-single-byte")
        except ValueError:
            continue
        yield original, f"the body's UTF-8 was read as {name} and written as UTF-8 again"


def _unescape(body: bytes) -> Iterator[tuple[bytes, str]]:
    """Undo the escapes of logs and pages: JSON's, Python's and HTML's; and the headers of a whole request."""
    try:
        text = body.decode().strip()
    except UnicodeDecodeError:
        text = ""
    if '\\"' in text:
        with contextlib.suppress(ValueError):
            original = json.loads(f'"{text}"').encode("utf-8", "surrogatepass")
            yield original, "the body has a backslash before each quote"
    if text[-1:] in ("'", '"') and len(text) < MAX_LITERAL:
        import ast

        try:
            literal = ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            literal = None
        if isinstance(literal, (bytes, str)):
            original = literal if isinstance(literal, bytes) else literal.encode("utf-8", "surrogatepass")
            yield original, "the body is in quotes, as a program prints it"
    if "&quot;" in text or "&#" in text:
        import html

        yield html.unescape(text).encode("utf-8", "surrogatepass"), "the body is escaped for HTML"
    for blank in (b"\r\n\r\n", b"\n\n"):
        head, _, rest = body.partition(blank)
        if rest and b":" in head and not head.lstrip().startswith((b"{", b"[")):
            yield rest, "the body begins with HTTP headers"
            break


DECODERS: tuple[Decoder, ...] = (_decompress, _decode_base64, _find_strings, _parse_form, _reread_text, _unescape)


def _as_single_bytes(problem: UnicodeError) -> tuple[str | bytes, int]:
    """Read and write what Windows-1252 leaves undefined as browsers do: as the control character of that number."""
    if isinstance(problem, UnicodeDecodeError):
        return problem.object[problem.start : problem.end].decode("latin-1"), problem.end
    if isinstance(problem, UnicodeEncodeError):
        return problem.object[problem.start : problem.end].encode("latin-1"), problem.end
    raise problem


codecs.register_error("dpx-single-byte", _as_single_bytes)


def _shorten(name: str) -> str:
    return name if len(name) <= 40 else name[:40] + "…"  # noqa: PLR2004 - characters


def layouts(body: bytes) -> Iterator[tuple[bytes, str]]:
    """Yield the same JSON as other programs write it, with the layout in words; nothing if it isn't JSON."""
    if len(body) > MAX_SIZE:
        return
    try:
        documents = [(json.loads(body), "")]
        whole = json.loads(body, parse_float=_as_javascript)
        # 1.0 == 1, so comparing the documents would not tell whether a number is written in another way.
        if json.dumps(whole) != json.dumps(documents[0][0]):
            documents.append((whole, ", whole numbers without a fraction"))
        for document, numbers in documents:
            for sort, order in ((False, ""), (True, ", keys sorted")):
                for text, layout in (
                    *_written(document, sort=sort),
                    *_with_inner_spaces(document, sort=sort),
                ):
                    yield text.encode("utf-8", "surrogatepass"), layout + order + numbers
    except (ValueError, RecursionError):
        return  # not JSON, or nested too deeply


def _written(document: Any, *, sort: bool) -> Iterable[tuple[str, str]]:
    """Yield one document in the layouts of common JSON writers."""
    layouts: tuple[tuple[str, dict[str, Any]], ...] = (
        ("compact, without spaces", {"separators": (",", ":")}),
        ("with a space after each comma and colon", {}),
        ("pretty-printed with 2 spaces", {"indent": 2}),
        ("pretty-printed with 4 spaces", {"indent": 4}),
        ("pretty-printed with tabs", {"indent": "\t"}),
    )
    for layout, options in layouts:
        plain = json.dumps(document, ensure_ascii=False, sort_keys=sort, **options)
        escaped = json.dumps(document, ensure_ascii=True, sort_keys=sort, **options)
        if escaped == plain:
            yield plain, layout
        else:
            yield plain, layout + ", characters unescaped"
            yield escaped, layout + ", characters as \\u escapes"
        if options.get("separators"):
            slashes = escaped.replace("/", "\\/")
            if slashes != escaped:  # PHP's json_encode
                yield slashes, layout + ", slashes escaped"
            markup = plain
            for character in "<>&\u2028\u2029":  # Go's json.Marshal
                markup = markup.replace(character, f"\\u{ord(character):04x}")
            if markup != plain:
                yield markup, layout + ", <, > and & escaped"


def _with_inner_spaces(document: Any, *, sort: bool) -> Iterator[tuple[str, str]]:
    """Yield one document in one line with spaces inside braces, and inside brackets or not."""
    for colon in (": ", ":", " : "):
        for ascii_only in (False, True):
            # Strings in JSON hold no raw newline, so each newline is where a bracket or comma was.
            text = json.dumps(document, indent=0, separators=(",", colon), sort_keys=sort, ensure_ascii=ascii_only)
            for comma in (", ", ","):
                line = text.replace(",\n", comma)
                for brackets in (line, line.replace("[\n", "[").replace("\n]", "]")):
                    yield brackets.replace("\n", " "), "with spaces inside braces"


def _as_javascript(text: str) -> int | float:
    """Parse a number as JavaScript does, which writes 1.0 as 1."""
    number = float(text)
    return int(number) if number.is_integer() and abs(number) < 1e21 else number  # noqa: PLR2004 - above this JavaScript writes exponents
