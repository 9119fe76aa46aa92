"""The signature itself, and the causes that `explain` finds."""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import json
import urllib.parse
import zlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dpx_cli.webhook.explain import HINTS, explain, mismatch
from dpx_cli.webhook.signature import sign, verify

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = b"s3cret"
BODY = b'{"event":"deployment.ready","deployment":{"id":"clm1abc","branch":"main"},"project":{"slug":"my-app"}}'


def reference(body: bytes, secret: bytes) -> str:
    """The Python sample of the API reference."""
    return "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()


def causes(body: bytes, signature: str | bytes, secret: bytes = SECRET) -> str:
    """What `explain` says, in one line, of a signature that must not be valid."""
    given_bytes = signature.encode() if isinstance(signature, str) else signature
    assert not verify(body, secret, given_bytes)
    findings = explain(body, secret, given_bytes)
    assert all(about in HINTS for about, _ in findings)
    digest = reference(body, secret).removeprefix("sha256=")
    assert digest not in mismatch(findings)
    return "; ".join(cause for _, cause in findings)


def test_a_vector_of_openssl() -> None:
    """The signature is what `openssl dgst -sha256 -hmac` prints."""
    digest = "99255d7c116a55fe4293d3aa89a16569bae084b34dc46b082ea3090b67c522a3"
    assert sign(b'{"a": 1, "b": [1,2]}', SECRET) == "sha256=" + digest


@given(body=st.binary(), secret=st.binary(min_size=1))
@example(body=b"", secret=b"\xff")
def test_sign_is_the_reference_and_verifies(body: bytes, secret: bytes) -> None:
    """Any bytes are signed as the reference does, and verify."""
    assert sign(body, secret) == reference(body, secret)
    assert verify(body, secret, sign(body, secret).encode())
    assert not verify(body + b"x", secret, sign(body, secret).encode())


BODY_CASES = [
    (BODY + b"\n", BODY, "the body has a final newline that was not signed"),
    (BODY + b"\r\n", BODY, "the body has a final newline that was not signed"),
    (BODY, BODY + b"\n", "the signed body had a final newline that this one doesn't have"),
    (BODY, BODY + b"\r\n", "the signed body had a final newline that this one doesn't have"),
    (b"{\r\n}\r\n", b"{\n}\n", "CRLF line endings, but LF was signed"),
    (b"{\n}\n", b"{\r\n}\r\n", "LF line endings, but CRLF was signed"),
    (b"{\r\n}\r\n", b"{\n}", "CRLF line endings, but LF was signed; the body has a final newline"),
    (b"\xef\xbb\xbf" + BODY, BODY, "begins with a BOM"),
    (b"\xef\xbb\xbf" + BODY + b"\n", BODY, "begins with a BOM"),
    (
        b"\xef\xbb\xbf{\r\n}",
        b"{\n}",
        "begins with a BOM (byte order mark) that was not signed; the body has CRLF line endings",
    ),
    (BODY, b"\xef\xbb\xbf" + BODY, "began with a BOM"),
    (b" " + BODY + b" \n\n", BODY, "whitespace at its ends"),
    (BODY.decode().encode("utf-16"), BODY, "UTF-16"),
    (b'{"a":"\xff"}', '{"a":"�"}'.encode(), "not UTF-8 had been replaced"),
    ((b"x" * 1000 + b"\r\n") * 2000, (b"x" * 1000 + b"\n") * 2000, "CRLF line endings, but LF was signed"),
    (b"", BODY, "the body is empty"),
    (BODY, b"another body", ""),
]


DOCUMENT = {"b": "ü", "a": [1, 2.5, {"c": "<x> & a/b"}], "n": 1}
LAYOUT_CASES = [
    (
        json.dumps(DOCUMENT, ensure_ascii=False, separators=(",", ":")),
        "re-serialized; it was signed compact, without spaces, characters unescaped",
    ),
    (json.dumps(DOCUMENT, separators=(",", ":")), "compact, without spaces, characters as \\u escapes"),
    (json.dumps(DOCUMENT), "with a space after each comma and colon"),
    (json.dumps(DOCUMENT, indent=2), "pretty-printed with 2 spaces"),
    (json.dumps(DOCUMENT, indent=4, ensure_ascii=False), "pretty-printed with 4 spaces"),
    (json.dumps(DOCUMENT, indent="\t"), "pretty-printed with tabs"),
    (json.dumps(DOCUMENT, sort_keys=True), "keys sorted"),
    (json.dumps(DOCUMENT, separators=(",", ":")).replace("/", "\\/"), "slashes escaped"),
    (
        json.dumps(DOCUMENT, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        .replace("<", "\\u003c")
        .replace(">", "\\u003e")
        .replace("&", "\\u0026"),
        "<, > and & escaped, keys sorted",
    ),
]


NOTE = '{"event":"deployment.ready","note":"café “x” €","url":"https://x"}'
TEXT = NOTE.encode()
ENCODED_CASES = [
    (base64.b64encode(TEXT), "in base64"),
    (base64.b64encode(TEXT).rstrip(b"="), "in base64"),
    (base64.encodebytes(TEXT) + b"\n", "in base64"),
    (base64.urlsafe_b64encode(TEXT), "in base64"),
    (
        base64.b64encode(gzip.compress(TEXT, mtime=0)),
        "in base64, but the decoded bytes were signed; the body is compressed",
    ),
    (gzip.compress(TEXT, mtime=0), "compressed"),
    (zlib.compress(TEXT), "compressed"),
    (json.dumps({"isBase64Encoded": True, "body": base64.b64encode(TEXT).decode()}).encode(), "in the field `body`"),
    (json.dumps({"isBase64Encoded": False, "body": NOTE}).encode(), "in the field `body`"),
    (json.dumps({"Records": [{"Sns": {"Message": NOTE}}]}).encode(), "in the field `Records.0.Sns.Message`"),
    (json.dumps({"type": "Buffer", "data": list(TEXT)}).encode(), "list of bytes"),
    (json.dumps(NOTE).encode(), "a JSON string"),
    (json.dumps(json.dumps(NOTE)).encode(), "a JSON string, but the text in it was signed; the body is a JSON string"),
    (json.dumps(NOTE)[1:-1].encode(), "a backslash before each quote"),
    (b"payload=" + urllib.parse.quote_plus(TEXT).encode(), "its field `payload`"),
    (b"a=1&payload=" + urllib.parse.quote(TEXT).encode() + b"\n", "its field `payload`"),
    (urllib.parse.quote(TEXT, safe="").encode(), "percent-encoded"),
    (TEXT.decode("latin-1").encode(), "read as Latin-1"),
    (
        TEXT.decode("latin-1").encode().decode("latin-1").encode(),
        "read as Latin-1 and written as UTF-8 again; the body's",
    ),
    (NOTE.encode("cp1252"), "written as Windows-1252"),
    (NOTE.encode("utf-16"), "UTF-16"),
]


@pytest.mark.parametrize(
    ("body", "signed", "cause"),
    [
        *BODY_CASES,
        *[(body, TEXT + final, cause) for body, cause in ENCODED_CASES for final in (b"", b"\n")],
        *[
            (json.dumps(DOCUMENT, indent=1).encode(), (text + final).encode(), layout)
            for text, layout in LAYOUT_CASES
            for final in ("", "\n")
        ],
    ],
)
def test_a_changed_body_is_named(body: bytes, signed: bytes, cause: str) -> None:
    """What editors, proxies, queues, frameworks and logs do to a body, also where a newline was added before."""
    assert cause in causes(body, reference(signed, SECRET))


@given(body=st.binary(max_size=300), secret=st.binary(min_size=1, max_size=40), signature=st.binary(max_size=200))
@example(BODY, SECRET, "sha256=é".encode())
@example(BODY, SECRET, b"sha256=" + "ä".encode("latin-1") * 64)
@example(BODY, SECRET, b"\x00")
@example(BODY, SECRET, b"sha256=" + b"0" * 64)
def test_explain_takes_anything(body: bytes, secret: bytes, signature: bytes) -> None:
    """Any bytes are refused without a crash, and there is no cause in the secret for an unrelated digest."""
    assert not verify(body, secret, signature)
    assert "secret" not in [about for about, _ in explain(body, secret, signature)]


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
        b"9" * 10_000,
        b'"\\ud800"',
        b"NaN",
        b"[1e999, -0.0, 1e400]",
        b"\xff\xfe\x00",
        b"x" * (1024 * 1024 + 1),
        b"[" + b'"e30=",' * 100_000 + b"0]",
        json.dumps({str(number): "<&/>" * 10 for number in range(15_000)}).encode(),
        gzip.compress(b"\0" * 100_000_000, mtime=0),
        b"a=" * 300_000,
        b"\n" * 30_000_000,
    ],
    ids=range(13),
)
def test_a_hostile_body_is_given_up(body: bytes) -> None:
    """Nothing crashes, and what takes long is given up: an attacker decides about bodies of invalid deliveries."""
    assert explain(body, SECRET, b"sha256=" + b"0" * 64) == []


SIGNATURE_CASES = [
    (lambda s: s.removeprefix("sha256="), "bare digest without `sha256=`"),
    (lambda s: s.replace("sha256", "sha1"), "named `sha1` instead of `sha256`"),
    (lambda s: s.replace("sha256", "sha512"), "named `sha512`"),
    (lambda s: s.replace("sha256", "SHA256"), "named `SHA256`"),
    (lambda s: s.replace("sha256=", "v1="), "named `v1`"),
    (lambda s: "sha256=" + s[7:].upper(), "hex digits are in uppercase"),
    (lambda s: f" {s}", "whitespace around the signature"),
    (lambda s: f"{s}\n", "whitespace around the signature"),
    (lambda s: f'"{s}"', "quotes around the signature"),
    (lambda s: f"' {s}'", "quotes around the signature"),
    (lambda s: "sha256=" + base64.b64encode(bytes.fromhex(s[7:])).decode(), "in base64 instead of hex"),
    (lambda _: "sha256=" + hashlib.sha256(BODY).hexdigest(), "without the secret"),
    *[
        (lambda _, name=name: "sha256=" + hmac.new(SECRET, BODY, name).hexdigest(), f"HMAC-{name.upper()}")
        for name in ("md5", "sha1", "sha224", "sha384", "sha512")
    ],
    (lambda _: "", "the signature is empty"),
    (lambda _: " \n", "the signature is empty"),
    (lambda _: "sha256=abc", "3 hex digits instead of 64"),
    (lambda _: "sha256=" + "0" * 63, "63 hex digits instead of 64"),
    (lambda _: "sha256=", "not `sha256=` and 64 hex digits"),
    (lambda _: "hello", "not `sha256=` and 64 hex digits"),
    (lambda _: "sha1=" + "0" * 64, "named `sha1`"),
    (lambda s: s.replace("=", ":"), "written exactly as `sha256=`"),
    (lambda s: f"{s[:40]}\n{s[40:]}", "written exactly as `sha256=`"),
]


@pytest.mark.parametrize(("change", "cause"), SIGNATURE_CASES)
def test_a_changed_signature_is_named(change: Callable[[str], str], cause: str) -> None:
    """Another spelling of the right digest, another digest and no digest at all are named and not valid."""
    found = causes(BODY, change(reference(BODY, SECRET)))
    assert cause in found
    assert "re-serialized" not in found


SECRET_CASES = [
    (b"s3cret\n", SECRET, "whitespace around the secret"),
    (b" s3cret", SECRET, "whitespace around the secret"),
    (b"s3cret\r\n", SECRET, "whitespace around the secret"),
    (b'"s3cret"', SECRET, "quotes around the secret"),
    (b"' s3cret'\n", SECRET, "whitespace around the secret and there are quotes around the secret"),
    (b"\xef\xbb\xbfs3cret", SECRET, "byte order mark"),
    ("s3cret\r\n".encode("utf-16"), SECRET, "UTF-16"),
    (SECRET, b"s3cret\n", "signed with whitespace around the secret"),
    (SECRET, b'"s3cret"', "signed with quotes around the secret"),
]


@pytest.mark.parametrize(("ours", "theirs", "cause"), SECRET_CASES)
def test_a_changed_secret_is_named_and_never_shown(ours: bytes, theirs: bytes, cause: str) -> None:
    """Changes of the secret on either side are named, and the secret is not shown."""
    found = causes(BODY, reference(BODY, theirs), ours)
    assert cause in found
    assert "s3cret" not in found
    several = causes(BODY + b"\n", reference(BODY, theirs)[7:].upper(), ours)
    assert all(part in several for part in ("uppercase", "bare digest", "final newline", cause))
