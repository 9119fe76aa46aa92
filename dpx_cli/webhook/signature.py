"""Webhook signatures: sign, verify, and explain why a signature does not match.

`X-Deploxa-Signature` is `sha256=` and the lower-case hex digest of HMAC-SHA256(raw body, webhook secret). Everything
here is a pure function of bytes, since decoding loses what was signed.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX = b"sha256="
BOM = b"\xef\xbb\xbf"
MAX_SECONDS = 1.0  # for an explanation
MAX_DIGESTS = 8  # read from one value of the header

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
_CHUNK = 64 * 1024

Finding = tuple[str, str]
"""What it is about (a key of HINTS), and the cause in words."""


class Candidate(NamedTuple):
    """A body that may have been signed: a part of `source`, not copied, and how it differs from the body at hand.

    Attributes:
        source: most of it.
        notes: what is different.
        newline: the line ending that replaces those of the source; b"" for none.
        before: put before it.
        after: put after it.
    """

    source: bytes | memoryview
    notes: tuple[Finding, ...] = ()
    newline: bytes = b""
    before: bytes = b""
    after: bytes = b""

    def digest(self, secret: bytes) -> bytes:
        """Return its HMAC-SHA256."""
        made = hmac.new(secret, self.before, hashlib.sha256)
        for chunk in _chunks(self.source) if self.newline else (self.source,):
            made.update(_with_newlines(bytes(chunk), self.newline) if self.newline else chunk)
        made.update(self.after)
        return made.digest()


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


def hint(findings: list[Finding]) -> str:
    """Return what to do about the findings."""
    return HINTS[findings[0][0] if findings else ""]


def explain(body: bytes, secret: bytes, signature: bytes, seconds: float = MAX_SECONDS) -> list[Finding]:
    """Return why a signature does not match; an empty list if no cause is found within some seconds.

    Tries accidental changes to body, secret and signature: final newlines, line endings, BOM, encodings around the
    body, re-serialized JSON, white space and quotes, other spellings of the digest, other algorithms. A cause found
    here doesn't make the signature valid, and no digest is in the findings.
    """
    deadline = time.monotonic() + seconds
    claims = list(_claims(signature))
    wanted = {digest: notes for digest, algorithm, notes in reversed(claims) if algorithm == "sha256"}
    if wanted:
        for candidate, key, notes in _guesses(body, secret, deadline):
            about_signature = wanted.get(candidate.digest(key))
            if about_signature is not None:
                return [*about_signature, *candidate.notes, *notes]
            if time.monotonic() > deadline:
                break
        about_signature = wanted.get(hashlib.sha256(body).digest())
        if about_signature is not None:
            return [("signature", "it is a plain SHA-256 of the body, without the secret"), *about_signature]
    for digest, algorithm, about in claims:
        if algorithm != "sha256" and hmac.compare_digest(hmac.digest(secret, body, algorithm), digest):
            note = ("signature", f"it is an HMAC-{algorithm.upper()}, but Deploxa signs with HMAC-SHA256")
            return [note, *(other for other in about if "algorithm" not in other[1])]
    return _describe_input(body, signature, claims)


def _describe_input(body: bytes, signature: bytes, claims: list[tuple[bytes, str, list[Finding]]]) -> list[Finding]:
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
    for part in parts[:MAX_DIGESTS]:
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


def _guesses(body: bytes, secret: bytes, deadline: float) -> Iterator[tuple[Candidate, bytes, tuple[Finding, ...]]]:
    """Yield (body, secret, what is different in the secret), the smallest changes first."""
    from dpx_cli.webhook import encodings

    secrets = list(_secrets(secret))
    yield Candidate(body), secret, ()
    for key, note in secrets:
        yield Candidate(body), key, (note,)
    for candidate in _variants(body):
        yield candidate, secret, ()
    decoded = []
    for source, notes in encodings.decode(body, deadline):
        decoded.append((source, notes))
        for candidate in _variants(source):
            yield candidate._replace(notes=(*notes, *candidate.notes)), secret, ()
    for candidate in _ends(body):
        for key, note in secrets:
            yield candidate, key, (note,)
    for source, notes in [(body, ()), *decoded]:
        for text, layout in encodings.layouts(source):
            about = (*notes, ("body", f"the JSON was re-serialized; it was signed {layout}"))
            yield Candidate(text, about), secret, ()
            yield Candidate(text, (*about, ("body", "with a final newline")), after=b"\n"), secret, ()


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


def _variants(source: bytes) -> Iterator[Candidate]:
    """Yield what editors, shells and text modes make of a body, each with and without a final newline."""
    has_crlf, has_bom = b"\r\n" in source, source.startswith(BOM)
    view = memoryview(source)
    bases = [Candidate(view)]
    if has_crlf:
        note = ("body", "the body has CRLF line endings, but LF was signed")
        bases.append(Candidate(view, (note,), newline=b"\n"))
    if b"\n" in source:
        note = ("body", "the body has LF line endings, but CRLF was signed")
        bases.append(Candidate(view, (note,), newline=b"\r\n"))
    if has_bom:
        text = "the body begins with a BOM (byte order mark) that was not signed"
        bases.append(Candidate(view[len(BOM) :], (("body", text),)))
        if has_crlf:
            note = ("body", text + ", and has CRLF line endings, but LF was signed")
            bases.append(Candidate(view[len(BOM) :], (note,), newline=b"\n"))
    else:
        note = ("body", "the signed body began with a BOM (byte order mark) that this one lacks")
        bases.append(Candidate(view, (note,), before=BOM))
    for base in bases:
        yield base
        for end in _ends(base.source):
            yield base._replace(source=end.source, after=end.after, notes=(*base.notes, *end.notes))


def _ends(source: bytes | memoryview) -> Iterator[Candidate]:
    """Yield a body with its ends changed."""
    view = memoryview(source)
    size = len(view)
    if size and view[-1] == ord("\n"):
        cut = size - (2 if size > 1 and view[-2] == ord("\r") else 1)
        yield Candidate(view[:cut], (("body", "the body has a final newline that was not signed"),))
    for newline in (b"\n", b"\r\n"):
        yield Candidate(view, (("body", "the signed body had a final newline that this one lacks"),), after=newline)
    start, end = 0, size
    while start < end and view[start] in _BLANK:
        start += 1
    while end > start and view[end - 1] in _BLANK:
        end -= 1
    if (start, end) != (0, size):
        yield Candidate(view[start:end], (("body", "the body has white space at its ends that was not signed"),))


def _with_newlines(text: bytes, newline: bytes) -> bytes:
    lines = text.replace(b"\r\n", b"\n")
    return lines if newline == b"\n" else lines.replace(b"\n", newline)


def _chunks(source: bytes | memoryview) -> Iterator[memoryview]:
    """Yield a body in chunks, none of which ends between CR and LF."""
    view = memoryview(source)
    start = 0
    while start < len(view):
        end = min(start + _CHUNK, len(view))
        while end < len(view) and view[end - 1] == ord("\r"):
            end += 1
        yield view[start:end]
        start = end
