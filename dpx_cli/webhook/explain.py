"""Find out why a signature does not match: what was done to the body, the secret or the signature by accident.

A cause that is found here doesn't make a signature valid, and no digest is in the findings.
"""

from __future__ import annotations

import codecs
import contextlib
import hashlib
import hmac
import json
import re
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    # What it is about (a key of HINTS), and the cause in words.
    Finding = tuple[str, str]
    # A body that may have been signed, and how the one at hand differs from it.
    Candidate = tuple[bytes, tuple[Finding, ...]]

MAX_SECONDS = 1.0
MAX_COPIED = 8 * 1024 * 1024  # bytes of a body whose line endings are changed
MAX_DECODED = 1024 * 1024  # bytes of a body that is decoded or parsed; no delivery is larger
MAX_DEPTH = 3  # encodings inside each other
MAX_FIELDS = 40  # of a form

# What to do, by what the first finding is about.
HINTS = {
    "body": "Use the body byte for byte as it came, before anything parses, prints or edits it.",
    "secret": "Pass the secret exactly as the project's Integrations settings show it.",
    "signature": "Pass the value of X-Deploxa-Signature as it came: `sha256=` and 64 lowercase hex digits.",
    "": "Check that the secret is this project's, and that the body is exactly what arrived.",
}

BOM = b"\xef\xbb\xbf"
_ALGORITHMS = {32: "md5", 40: "sha1", 56: "sha224", 64: "sha256", 96: "sha384", 128: "sha512"}  # by hex digits
_HEX = re.compile(rb"[0-9A-Fa-f]+")
_NAMED = re.compile(rb"([A-Za-z][A-Za-z0-9_/-]{0,15})\s*[=:]\s*(.*)", re.DOTALL)
_BASE64 = re.compile(rb"[A-Za-z0-9+/_\s-]{16,}={0,2}\s*")
_FORM = re.compile(rb"[A-Za-z0-9_.%\[\]-]{1,100}=")
_SINGLE_BYTE = (("latin-1", "Latin-1"), ("cp1252", "Windows-1252"))
_LAYOUTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("compact, without spaces", {"separators": (",", ":")}),
    ("with a space after each comma and colon", {}),
    ("pretty-printed with 2 spaces", {"indent": 2}),
    ("pretty-printed with 4 spaces", {"indent": 4}),
    ("pretty-printed with tabs", {"indent": "\t"}),
)


def mismatch(findings: list[Finding]) -> str:
    """Return the findings in one sentence."""
    causes = "; ".join(cause for _, cause in findings)
    return "The signature does not match" + (f": {causes}." if causes else ".")


def hint(findings: list[Finding]) -> str:
    """Return what to do about the findings."""
    return HINTS[findings[0][0] if findings else ""]


def explain(body: bytes, secret: bytes, signature: bytes, seconds: float = MAX_SECONDS) -> list[Finding]:
    """Return why a signature does not match; an empty list if no cause is found within some seconds."""
    deadline = time.monotonic() + seconds
    notes: list[Finding] = [] if body else [("body", "the body is empty")]
    name, digest = _parse_signature(signature, notes)
    if digest is None:
        return notes
    algorithm = _ALGORITHMS[len(digest) * 2]
    if algorithm != "sha256":
        if hmac.digest(secret, body, algorithm) == digest:
            return [("signature", f"it is an HMAC-{algorithm.upper()}, but Deploxa signs with HMAC-SHA256")]
        return notes
    if not name:
        notes.append(("signature", "it is a bare digest without `sha256=`"))
    elif name != "sha256":
        notes.append(("signature", f"its algorithm is named `{name}` instead of `sha256`"))
    for original, key, changes in _guess(body, secret, deadline):
        if hmac.digest(key, original, "sha256") == digest:
            return [*notes, *changes] or [("signature", "it isn't written exactly as `sha256=` and the digest")]
        if time.monotonic() > deadline:
            break
    if hashlib.sha256(body).digest() == digest:
        return [("signature", "it is a plain SHA-256 of the body, without the secret"), *notes]
    return notes


def _parse_signature(signature: bytes, notes: list[Finding]) -> tuple[str, bytes | None]:
    """Return the name before the digest, and the digest, hex or base64; None without one. Note what is odd."""
    text = _strip(signature, "the signature", "signature", notes)
    name = ""
    if named := _NAMED.fullmatch(text):
        name, text = named[1].decode("ascii"), b"".join(named[2].split())  # a terminal may have wrapped it
    if _HEX.fullmatch(text):
        if len(text) in _ALGORITHMS:
            if text != text.lower():
                notes.append(("signature", "its hex digits are in uppercase"))
            return name, bytes.fromhex(text.decode("ascii"))
        notes.append(("signature", f"the signature has {len(text)} hex digits instead of 64"))
        return name, None
    digest = next((decoded for decoded, _ in _decode_base64(text)), b"")
    if len(digest) * 2 in _ALGORITHMS:
        notes.append(("signature", "its digest is in base64 instead of hex"))
        return name, digest
    is_empty = not signature.strip()
    notes.append(("signature", "the signature is " + ("empty" if is_empty else "not `sha256=` and 64 hex digits")))
    return name, None


def _strip(value: bytes, what: str, about: str, notes: list[Finding]) -> bytes:
    """Remove white space and quotes from both ends, and note what was removed."""
    spaces = quotes = False
    while True:
        spaces = spaces or value != value.strip()
        value = value.strip()
        if not (len(value) > 1 and value[:1] == value[-1:] and value[:1] in b"\"'`"):
            break
        quotes, value = True, value[1:-1]
    if spaces:
        notes.append((about, f"there is whitespace around {what}"))
    if quotes:
        notes.append((about, f"there are quotes around {what}"))
    return value


def _guess(body: bytes, secret: bytes, deadline: float) -> Iterator[tuple[bytes, bytes, tuple[Finding, ...]]]:
    """Yield (body, secret, what is different), the smallest changes first."""
    secrets = [(secret, ()), *[(key, (note,)) for key, note in _vary_secret(secret)]]
    for key, about_key in secrets:
        yield body, key, about_key
    sources: list[Candidate] = []
    for source, about in _decode(body, deadline):
        sources.append((source, about))
        for original, changes in _vary(source):
            yield original, secret, (*about, *changes)
    for key, about_key in secrets:
        for original, changes in _vary_ends(body):
            yield original, key, (*changes, *about_key)
    for source, about in sources:
        for text, layout in _serialize(source):
            changes = (*about, ("body", f"the JSON was re-serialized; it was signed {layout}"))
            yield text, secret, changes
            yield text + b"\n", secret, (*changes, ("body", "with a final newline"))


def _vary_secret(secret: bytes) -> Iterator[tuple[bytes, Finding]]:
    """Yield other secrets that the user may mean or the sender may have used."""
    notes: list[Finding] = []
    bare = _strip(secret.removeprefix(BOM), "the secret", "secret", notes)
    if secret.startswith(BOM):
        notes.append(("secret", "the secret begins with a byte order mark"))
    if notes and bare:
        yield bare, ("secret", " and ".join(text for _, text in notes))
    if secret.startswith(codecs.BOM_UTF16_LE):  # as PowerShell's > writes it
        yield secret.decode("utf-16", "replace").strip().encode(), ("secret", "the secret's file is UTF-16")
    for key in (secret + b"\n", secret + b"\r\n", secret + b" ", b" " + secret):
        yield key, ("secret", "it was signed with whitespace around the secret")
    for quote in (b'"', b"'"):
        yield quote + secret + quote, ("secret", "it was signed with quotes around the secret")


def _vary(body: bytes) -> Iterator[Candidate]:
    """Yield what editors, shells and text modes make of a body, each with and without a final newline."""
    yield from _vary_ends(body)
    if len(body) <= MAX_COPIED and b"\n" in body:
        lf = body.replace(b"\r\n", b"\n")
        if lf != body:
            yield from _vary_ends(lf, "the body has CRLF line endings, but LF was signed")
        yield from _vary_ends(lf.replace(b"\n", b"\r\n"), "the body has LF line endings, but CRLF was signed")
    if body.startswith(BOM):
        for original, notes in _vary(body[len(BOM) :]):
            yield original, (("body", "the body begins with a BOM (byte order mark) that was not signed"), *notes)
    else:
        yield BOM + body, (("body", "the signed body began with a BOM (byte order mark) that this one doesn't have"),)


def _vary_ends(body: bytes, note: str = "") -> Iterator[Candidate]:
    """Yield a body, and with its ends changed."""
    notes: tuple[Finding, ...] = (("body", note),) if note else ()
    yield body, notes
    if body.endswith(b"\n"):
        shorter = body.removesuffix(b"\n").removesuffix(b"\r")
        yield shorter, (*notes, ("body", "the body has a final newline that was not signed"))
    for newline in (b"\n", b"\r\n"):
        yield body + newline, (*notes, ("body", "the signed body had a final newline that this one doesn't have"))
    if body[:1].isspace() or body[-1:].isspace():
        yield body.strip(), (*notes, ("body", "the body has whitespace at its ends that was not signed"))


def _decode(body: bytes, deadline: float) -> Iterator[Candidate]:
    """Yield a body, and what it may have been before something on the way encoded it, with what was done to it."""
    sources: list[Candidate] = [(body, ())]
    seen = {body}
    for source, notes in sources:
        yield source, notes
        if len(source) > MAX_DECODED or len(notes) >= MAX_DEPTH:
            continue
        for decoder in (_decompress, _decode_base64, _find_strings, _parse_form, _reread, _unescape):
            for original, note in decoder(source):
                if time.monotonic() > deadline:
                    return
                if original not in seen:
                    seen.add(original)
                    sources.append((original, (*notes, ("body", note))))


def _decompress(body: bytes) -> Iterator[tuple[bytes, str]]:
    import zlib

    with contextlib.suppress(zlib.error):
        original = zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(body, MAX_DECODED)
        yield original, "the body is compressed with gzip or zlib, but its content was signed"


def _decode_base64(body: bytes) -> Iterator[tuple[bytes, str]]:
    """Undo base64 of either alphabet, in lines or not, with padding or without."""
    import binascii

    if _BASE64.fullmatch(body):
        text = b"".join(body.split()).translate(bytes.maketrans(b"-_", b"+/")).rstrip(b"=")
        with contextlib.suppress(ValueError):
            original = binascii.a2b_base64(text + b"=" * (-len(text) % 4), strict_mode=True)
            yield original, "the body is in base64, but the decoded bytes were signed"


def _find_strings(body: bytes) -> Iterator[tuple[bytes, str]]:
    """Undo JSON around the body: a string, a field of an event or a message, or Node.js's form of a Buffer."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return
    if isinstance(document, str):
        yield _encode(document), "the body is a JSON string, but the text in it was signed"
    holders: list[tuple[str, Any]] = [("", document)]
    for name, holder in holders:
        if isinstance(holder, list) and holder and all(type(byte) is int and byte in range(256) for byte in holder):
            yield bytes(holder), "the body is a list of bytes in JSON, but the bytes themselves were signed"
            continue
        items = holder.items() if isinstance(holder, dict) else enumerate(holder) if isinstance(holder, list) else ()
        for key, value in items:
            path = f"{name}.{key}" if name else str(key)
            if isinstance(value, str) and len(value) > 1:
                yield _encode(value), f"the signed body is in the field `{path[:60]}` of this JSON"
            else:
                holders.append((path, value))


def _parse_form(body: bytes) -> Iterator[tuple[bytes, str]]:
    from urllib.parse import parse_qsl, unquote_to_bytes

    if body[:1] == b"%":
        original = unquote_to_bytes(body.replace(b"+", b" "))
        yield original, "the body is percent-encoded, but the decoded bytes were signed"
    elif _FORM.match(body):
        with contextlib.suppress(ValueError):
            text = body.strip().decode("latin-1")
            for name, value in parse_qsl(text, errors="surrogateescape", max_num_fields=MAX_FIELDS):
                note = f"the body is a form, but the value of its field `{name[:60]}` was signed"
                yield value.encode("utf-8", "surrogateescape"), note


def _reread(body: bytes) -> Iterator[tuple[bytes, str]]:
    """Undo a text that was read in one encoding and written in another."""
    if body[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        yield _encode(body.decode("utf-16", "replace")), "the body was saved as UTF-16, but UTF-8 was signed"
    if body.isascii():
        return
    for codec, name in _SINGLE_BYTE:
        with contextlib.suppress(ValueError):
            original = body.decode().encode(codec)
            yield original, f"the body's UTF-8 was read as {name} and written as UTF-8 again"
        with contextlib.suppress(ValueError):
            yield _encode(body.decode(codec)), f"the body was written as {name}, but UTF-8 was signed"
    yield _encode(body.decode(errors="replace")), "it was signed after its bytes that are not UTF-8 had been replaced"


def _unescape(body: bytes) -> Iterator[tuple[bytes, str]]:
    """Undo the escapes of a log."""
    if b'\\"' in body:
        with contextlib.suppress(ValueError):
            text = json.loads(b'"' + body.strip() + b'"')
            yield _encode(text), "the body has a backslash before each quote"


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _serialize(body: bytes) -> Iterator[tuple[bytes, str]]:
    """Yield the same JSON as other programs write it, with the layout in words; nothing if it isn't JSON."""
    if len(body) > MAX_DECODED:
        return
    with contextlib.suppress(ValueError, RecursionError):  # not JSON, or nested too deeply
        document = json.loads(body)
        for order, sort in (("", False), (", keys sorted", True)):
            for layout, options in _LAYOUTS:
                for text, characters in _escape(document, {**options, "sort_keys": sort}):
                    yield _encode(text), layout + characters + order


def _escape(document: Any, options: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield a document with its characters escaped as by Python, PHP and Go."""
    plain = json.dumps(document, ensure_ascii=False, **options)
    escaped = json.dumps(document, **options)
    yield plain, "" if plain == escaped else ", characters unescaped"
    if plain != escaped:
        yield escaped, ", characters as \\u escapes"
    if "separators" in options:
        yield escaped.replace("/", "\\/"), ", slashes escaped"
        for character in "<>&\u2028\u2029":
            plain = plain.replace(character, f"\\u{ord(character):04x}")
        yield plain, ", <, > and & escaped"
