"""Webhook signatures: sign, verify, and explain why a signature does not match.

`X-Deploxa-Signature` is `sha256=` and the lower-case hex digest of HMAC-SHA256(raw body, webhook secret). Everything
here is a pure function of bytes, since decoding loses what was signed.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain
from typing import Any

PREFIX = b"sha256="
BOM = b"\xef\xbb\xbf"

# Larger bodies are only checked for changes that need no copy: newlines, BOM, white space. No delivery is larger.
MAX_EXPLAINED = 1024 * 1024

# What to do, by what a finding is about; "" is for no finding.
HINTS = {
    "body": "Use the body byte for byte as it came, before anything parses, prints or edits it.",
    "secret": "Pass the secret exactly as the project's Integrations settings show it.",
    "signature": "Pass the value of X-Deploxa-Signature as it came: `sha256=` and 64 lower-case hex digits.",
    "": "Check that the secret is this project's, and that the body is exactly what arrived.",
}

_WELL_FORMED = re.compile(rb"sha256=[0-9a-f]{64}")
_HEX = re.compile(rb"[0-9A-Fa-f]+")
_HEADER = re.compile(rb"\s*x-deploxa-signature\s*:\s*", re.IGNORECASE)
_NAMED = re.compile(rb"([A-Za-z][A-Za-z0-9_/-]{0,15})\s*[=:]\s*(.*)", re.DOTALL)
_SHA256_HEX = 64
_ALGORITHM_BY_HEX_DIGITS = {32: "md5", 40: "sha1", 56: "sha224", 64: "sha256", 96: "sha384", 128: "sha512"}
_QUOTES = b"\"'`"
_BLANK = b" \t\n\r\x0b\x0c"
_MAX_CLAIMS = 8  # signatures read from one value
_CHUNK = 64 * 1024

Finding = tuple[str, str]
"""What it is about (a key of HINTS), and the cause in words."""

Pieces = Iterable[bytes | memoryview]
"""A body in pieces: what is tried must not copy a large body."""


def sign(body: bytes, secret: bytes) -> str:
    """Return the value of `X-Deploxa-Signature` for a body.

    See "How it works" under "Webhook Signature Verification" in the API reference.
    """
    return "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()


def verify(body: bytes, secret: bytes, signature: bytes) -> bool:
    """Return whether the signature is exactly what `sign` returns, in constant time.

    As in the reference's samples the two texts are compared: upper-case hex, a bare digest or a space is invalid.
    """
    return hmac.compare_digest(sign(body, secret).encode(), signature)


def mismatch(findings: list[Finding]) -> str:
    """Return the findings in one sentence."""
    causes = "; ".join(cause for _, cause in findings)
    return "The signature does not match" + (f": {causes}." if causes else ".")


def explain(body: bytes, secret: bytes, signature: bytes) -> list[Finding]:
    """Return why a signature does not match; an empty list if no cause is found.

    Tries a fixed number of accidental changes to body, secret and signature: final newlines, line endings, BOM,
    re-serialized JSON, white space and quotes, other spellings of the digest, other algorithms. A cause found here
    doesn't make the signature valid, and no digest is in the findings.
    """
    claims = list(_claims(signature))
    wanted = {digest: notes for digest, algorithm, notes in reversed(claims) if algorithm == "sha256"}
    if wanted:
        for candidate, key, notes in _guesses(body, secret):
            found = wanted.get(_digest_of(candidate, key))
            if found is not None:
                return [*found, *notes]
        found = wanted.get(hashlib.sha256(body).digest())
        if found is not None:
            return [("signature", "it is a plain SHA-256 of the body, without the secret"), *found]
    for digest, algorithm, notes in claims:
        if algorithm != "sha256" and hmac.compare_digest(hmac.digest(secret, body, algorithm), digest):
            about = [("signature", f"it is an HMAC-{algorithm.upper()}, but Deploxa signs with HMAC-SHA256")]
            return [*about, *(note for note in notes if "algorithm" not in note[1])]
    return _what_is_odd(body, signature, claims)


def _what_is_odd(body: bytes, signature: bytes, claims: list[tuple[bytes, str, list[Finding]]]) -> list[Finding]:
    """Return what is wrong with the input itself; there may be other causes."""
    findings: list[Finding] = []
    if not signature.strip():
        findings.append(("signature", "the signature is empty"))
    elif not claims:
        digits = signature.removeprefix(PREFIX)
        if _HEX.fullmatch(digits):
            findings.append(("signature", f"the signature has {len(digits)} hex digits instead of {_SHA256_HEX}"))
        else:
            findings.append(("signature", "the signature is not `sha256=` and 64 hex digits"))
    elif not _WELL_FORMED.fullmatch(signature):
        findings.extend(claims[0][2])
    if not body:
        findings.append(("body", "the body is empty"))
    return findings


def _claims(signature: bytes) -> Iterator[tuple[bytes, str, list[Finding]]]:
    """Yield the digests in a signature: (digest, algorithm by its length, what is odd about it)."""
    notes: list[Finding] = []
    value = signature
    if header := _HEADER.match(value):
        notes.append(("signature", "the header's name is part of the signature"))
        value = value[header.end() :]
    value = _bare(value, "the signature", "signature", notes)
    parts = [part for part in re.split(rb"[\s,;]+", value) if part]
    if len(parts) > 1:
        notes.append(("signature", f"there are {len(parts)} signatures where one is expected"))
    for part in parts[:_MAX_CLAIMS]:
        own = list(notes)
        text = _bare(part, "the signature", "signature", own)
        name = ""
        if not text.startswith(PREFIX) and (named := _NAMED.fullmatch(text)):
            name, text = named[1].decode("ascii"), named[2]
        elif text.startswith(PREFIX):
            name, text = "sha256", text[len(PREFIX) :]
        digest = _digest(text, own)
        if digest is None:
            continue
        algorithm = _ALGORITHM_BY_HEX_DIGITS[len(digest) * 2]
        if not name:
            own.append(("signature", "it is a bare digest without `sha256=`"))
        elif name != "sha256":
            own.append(("signature", f"its algorithm is named `{name}` instead of `sha256`"))
        yield digest, algorithm, own


def _digest(text: bytes, notes: list[Finding]) -> bytes | None:
    """Parse one digest, hex or base64; None if it is neither."""
    if _HEX.fullmatch(text) and len(text) in _ALGORITHM_BY_HEX_DIGITS:
        if text != text.lower():
            notes.append(("signature", "its hex digits are in upper case"))
        return bytes.fromhex(text.decode("ascii"))
    decoded = _from_base64(text)
    if decoded is None or len(decoded) * 2 not in _ALGORITHM_BY_HEX_DIGITS:
        return None
    notes.append(("signature", "its digest is in base64 instead of hex"))
    return decoded


def _from_base64(text: bytes) -> bytes | None:
    """Decode base64 of either alphabet; None if it is invalid."""
    import binascii

    try:
        return binascii.a2b_base64(text.translate(bytes.maketrans(b"-_", b"+/")), strict_mode=True)
    except ValueError:
        return None


def _bare(value: bytes, what: str, about: str, notes: list[Finding]) -> bytes:
    """Remove white space and quotes from both ends, and note what was removed."""
    spaces = quotes = False
    while True:
        stripped = value.strip()
        if stripped != value:
            spaces, value = True, stripped
        if len(value) > 1 and value[:1] == value[-1:] and value[:1] in _QUOTES:
            quotes, value = True, value[1:-1]
        else:
            break
    if spaces:
        notes.append((about, f"there is white space around {what}"))
    if quotes:
        notes.append((about, f"there are quotes around {what}"))
    return value


def _digest_of(pieces: Pieces, key: bytes) -> bytes:
    made = hmac.new(key, digestmod=hashlib.sha256)
    for piece in pieces:
        made.update(piece)
    return made.digest()


def _guesses(body: bytes, secret: bytes) -> Iterator[tuple[Pieces, bytes, list[Finding]]]:
    """Yield (body, secret, what was changed), the smallest changes first."""
    secrets = list(_secrets(secret))
    yield (body,), secret, []
    for key, about_key in secrets:
        yield (body,), key, [about_key]
    for candidate, about_body in _bodies(body):
        yield candidate, secret, about_body
    for start, end, suffix, about_newline in _newlines(body):
        for key, about_key in secrets:
            yield (memoryview(body)[start:end], suffix), key, [about_newline, about_key]
    if len(body) > MAX_EXPLAINED:
        return
    for layout, words in _layouts(body):
        note: Finding = ("body", f"the JSON was re-serialized; it was signed {words}")
        yield (layout,), secret, [note]
        yield (layout, b"\n"), secret, [note, ("body", "with a final newline")]


def _secrets(secret: bytes) -> Iterator[tuple[bytes, Finding]]:
    """Yield other secrets that the user may mean or the sender may have used."""
    notes: list[Finding] = []
    bare = _bare(secret.removeprefix(BOM), "the secret", "secret", notes)
    if secret.startswith(BOM):
        notes.append(("secret", "the secret begins with a byte order mark"))
    if bare != secret and bare:
        yield bare, ("secret", " and ".join(text for _, text in notes))
    for key in (secret + b"\n", secret + b"\r\n", secret + b" ", b" " + secret):
        yield key, ("secret", "it was signed with white space around the secret")
    for quote in (b'"', b"'"):
        yield quote + secret + quote, ("secret", "it was signed with quotes around the secret")
    if _HEX.fullmatch(secret) and len(secret) % 2 == 0:
        yield bytes.fromhex(secret.decode("ascii")), ("secret", "it was signed with the secret decoded from hex")
    decoded = _from_base64(secret)
    if decoded:
        yield decoded, ("secret", "it was signed with the secret decoded from base64")


def _bodies(body: bytes) -> Iterator[tuple[Pieces, list[Finding]]]:
    """Yield bodies that editors, shells and text modes make of this one, each with and without a final newline."""
    for source, change, note in _encodings(body):
        view = memoryview(source)
        if note is not None:
            yield change(view), [note]
        for start, end, suffix, about in _newlines(source):
            yield chain(change(view[start:end]), (suffix,)), [about] if note is None else [note, about]


Transform = Callable[[memoryview], Pieces]


def _encodings(body: bytes) -> Iterator[tuple[bytes, Transform, Finding | None]]:
    """Yield (source, what is done to it, note): other line endings, BOM or encoding. The body itself comes first."""
    yield body, _as_is, None
    crlf = b"\r\n" in body
    if crlf:
        yield body, _to_lf, ("body", "the body has CRLF line endings, but LF was signed")
    if b"\n" in body:
        yield body, _to_crlf, ("body", "the body has LF line endings, but CRLF was signed")
    if body.startswith(BOM):
        note = "the body begins with a BOM (byte order mark) that was not signed"
        yield body, partial(_without_bom, _as_is), ("body", note)
        if crlf:
            note += ", and has CRLF line endings, but LF was signed"
            yield body, partial(_without_bom, _to_lf), ("body", note)
    else:
        yield body, _with_bom, ("body", "the signed body began with a BOM (byte order mark) that this one lacks")
    if len(body) > MAX_EXPLAINED:
        return
    if body[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = body.decode("utf-16", "replace").encode("utf-8", "replace")
        note = "the body was saved as UTF-16, but UTF-8 was signed"
        yield text, _as_is, ("body", note)
        yield text, _to_lf, ("body", note)
    replaced = body.decode("utf-8", "replace").encode("utf-8")
    if replaced != body:
        yield replaced, _as_is, ("body", "it was signed after its bytes that are not UTF-8 had been replaced")


def _as_is(view: memoryview) -> Pieces:
    return (view,)


def _with_bom(view: memoryview) -> Pieces:
    return (BOM, view)


def _without_bom(then: Transform, view: memoryview) -> Pieces:
    return then(view[len(BOM) :])


def _to_lf(view: memoryview) -> Pieces:
    for chunk in _chunks(view):
        yield chunk.replace(b"\r\n", b"\n")


def _to_crlf(view: memoryview) -> Pieces:
    for chunk in _to_lf(view):
        yield bytes(chunk).replace(b"\n", b"\r\n")


def _chunks(view: memoryview) -> Iterator[bytes]:
    """Yield a body in chunks, none of which ends between CR and LF."""
    start = 0
    while start < len(view):
        end = min(start + _CHUNK, len(view))
        while end < len(view) and view[end - 1] == ord("\r"):
            end += 1
        yield bytes(view[start:end])
        start = end


def _newlines(body: bytes) -> Iterator[tuple[int, int, bytes, Finding]]:
    """Yield the body with its ends changed, as (start, end, what follows, note)."""
    size = len(body)
    if body.endswith(b"\n"):
        cut = size - (2 if body.endswith(b"\r\n") else 1)
        yield 0, cut, b"", ("body", "the body has a final newline that was not signed")
    for newline in (b"\n", b"\r\n"):
        yield 0, size, newline, ("body", "the signed body had a final newline that this one lacks")
    start, end = 0, size
    while start < end and body[start] in _BLANK:
        start += 1
    while end > start and body[end - 1] in _BLANK:
        end -= 1
    if (start, end) != (0, size):
        yield start, end, b"", ("body", "the body has white space at its ends that was not signed")


def _layouts(body: bytes) -> Iterator[tuple[bytes, str]]:
    """Yield the same JSON as other programs write it, with the layout in words; nothing if it isn't JSON."""
    import json

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
    import json

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
    import json

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
