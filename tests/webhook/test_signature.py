"""The signature itself, and the causes that `explain` finds."""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import json
import shutil
import subprocess
import urllib.parse
import zlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dpx_cli.webhook.explain import HINTS, explain, mismatch
from dpx_cli.webhook.signature import sign, verify

SECRET = b"s3cret"
BODY = b'{"event":"deployment.ready","deployment":{"id":"clm1abc","branch":"main"},"project":{"slug":"my-app"}}'

NODE_SAMPLE = """
const { createHmac } = require("crypto");
let pieces = [];
process.stdin.on("data", piece => pieces.push(piece));
process.stdin.on("end", () => {
  console.log("sha256=" + createHmac("sha256", process.argv[1]).update(Buffer.concat(pieces)).digest("hex"));
});
"""


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


def test_the_vector_of_rfc_4231() -> None:
    """The signature of RFC 4231's test case 2 is right."""
    digest = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert sign(b"what do ya want for nothing?", b"Jefe") == "sha256=" + digest


def test_a_vector_of_openssl() -> None:
    """The signature is what `openssl dgst -sha256 -hmac` prints."""
    digest = "99255d7c116a55fe4293d3aa89a16569bae084b34dc46b082ea3090b67c522a3"
    assert sign(b'{"a": 1, "b": [1,2]}', SECRET) == "sha256=" + digest


@pytest.mark.skipif(shutil.which("node") is None, reason="the reference's Node.js sample needs node")
@pytest.mark.parametrize("body", [BODY, b"", b"\xff\x00\r\n", "ü 🚀".encode()])
def test_node_signs_the_same(body: bytes) -> None:
    """The signature is what the reference's Node.js sample computes."""
    done = subprocess.run(["node", "-e", NODE_SAMPLE, "s3cret"], input=body, capture_output=True, check=True)
    assert done.stdout.decode().strip() == sign(body, SECRET)


@given(body=st.binary(), secret=st.binary(min_size=1))
@example(body=b"", secret=b"\xff")
def test_sign_is_the_reference_and_verifies(body: bytes, secret: bytes) -> None:
    """Any bytes are signed as the reference does, and verify."""
    assert sign(body, secret) == reference(body, secret)
    assert verify(body, secret, sign(body, secret).encode())
    assert not verify(body + b"x", secret, sign(body, secret).encode())


@given(signature=st.binary(max_size=200))
@example(signature="sha256=é".encode())
@example(signature=b"sha256=" + "ä".encode("latin-1") * 64)
@example(signature=b"\x00")
def test_any_bytes_for_a_signature_are_refused_without_a_crash(signature: bytes) -> None:
    """Any bytes can be given as a signature, also ones that aren't ASCII."""
    assert not verify(BODY, SECRET, signature)
    explain(BODY, SECRET, signature)


@given(body=st.binary(max_size=300), secret=st.binary(min_size=1, max_size=40))
def test_explain_takes_any_body_and_secret(body: bytes, secret: bytes) -> None:
    """`explain` takes any input and finds no cause for an unrelated digest."""
    findings = explain(body, secret, b"sha256=" + b"0" * 64)
    assert [cause for about, cause in findings if about != "body"] == []


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
    (b" " + BODY + b" \n\n", BODY, "white space at its ends"),
    (BODY.decode().encode("utf-16"), BODY, "UTF-16"),
    (b'{"a":"\xff"}', '{"a":"�"}'.encode(), "not UTF-8 had been replaced"),
]


@pytest.mark.parametrize(("body", "signed", "cause"), BODY_CASES)
def test_a_changed_body_is_named(body: bytes, signed: bytes, cause: str) -> None:
    """Changed newlines, line endings, BOM and encodings are named."""
    assert cause in causes(body, reference(signed, SECRET))


DOCUMENT = {"b": "ü", "a": [1, 2.5, {"c": "<x> & a/b"}], "n": 1.0}
LAYOUT_CASES = [
    (json.dumps(DOCUMENT, ensure_ascii=False, separators=(",", ":")), "compact, without spaces, characters unescaped"),
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
    (
        json.dumps({**DOCUMENT, "n": 1}, ensure_ascii=False, separators=(",", ":")),
        "compact, without spaces, characters unescaped, whole numbers without a fraction",
    ),
]


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
@pytest.mark.parametrize("size", [65_535, 65_536, 65_537, 2_000_000])
def test_line_endings_of_a_large_body_are_named(newline: bytes, size: int) -> None:
    """Read in chunks, of which none may end between CR and LF."""
    lines = b"x" * 1000 + newline
    body = (lines * (size // len(lines) + 1))[: size - len(newline)] + newline
    other = body.replace(b"\r\n", b"\n") if newline == b"\r\n" else body.replace(b"\n", b"\r\n")
    assert "line endings" in causes(body, reference(other, SECRET))
    assert "line endings; the body has a final newline" in causes(
        body, reference(other.removesuffix(b"\n").removesuffix(b"\r"), SECRET)
    ).replace(", but LF was signed", "").replace(", but CRLF was signed", "")


@pytest.mark.parametrize(("signed", "layout"), LAYOUT_CASES)
@pytest.mark.parametrize("newline", ["", "\n"])
def test_json_written_anew_is_named(signed: str, layout: str, newline: str) -> None:
    """Re-serialized JSON is named, with the layout that was signed."""
    body = json.dumps(DOCUMENT, indent=1).encode()
    found = causes(body, reference((signed + newline).encode(), SECRET))
    assert "re-serialized" in found
    assert layout in found


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


@pytest.mark.parametrize(("body", "cause"), ENCODED_CASES)
@pytest.mark.parametrize("final", [b"", b"\n"])
def test_an_encoded_body_is_named(body: bytes, cause: str, final: bytes) -> None:
    """What proxies, queues, frameworks and logs do to a body is named, also where a newline was added before."""
    assert cause in causes(body, reference(TEXT + final, SECRET))


def test_a_body_in_windows_1252_of_a_browser_is_named() -> None:
    """Bytes that Windows-1252 leaves undefined are read as browsers read them."""
    body = "".join(
        bytes([byte]).decode("cp1252" if byte not in (0x81, 0x8D, 0x8F, 0x90, 0x9D) else "latin-1")
        for byte in "Ý”à".encode()
    )
    assert "Windows-1252" in causes(body.encode(), reference("Ý”à".encode(), SECRET))


@pytest.mark.parametrize(
    "body",
    [
        b"[" + b'"e30=",' * 100_000 + b"0]",
        json.dumps({str(number): "<&/>" * 10 for number in range(15_000)}).encode(),
        gzip.compress(b"\0" * 100_000_000, mtime=0),
        b"a=" * 300_000,
        b"\n" * 30_000_000,
    ],
)
def test_an_explanation_ends_in_time(body: bytes) -> None:
    """What takes long is given up: an attacker decides about bodies of invalid deliveries."""
    assert explain(body, SECRET, b"sha256=" + b"0" * 64) == []


SIGNATURE_CASES = [
    (lambda s: s.removeprefix("sha256="), "bare digest without `sha256=`"),
    (lambda s: s.replace("sha256", "sha1"), "named `sha1` instead of `sha256`"),
    (lambda s: s.replace("sha256", "sha512"), "named `sha512`"),
    (lambda s: s.replace("sha256", "SHA256"), "named `SHA256`"),
    (lambda s: s.replace("sha256=", "v1="), "named `v1`"),
    (lambda s: "sha256=" + s[7:].upper(), "hex digits are in upper case"),
    (lambda s: f" {s}", "white space around the signature"),
    (lambda s: f"{s}\n", "white space around the signature"),
    (lambda s: f'"{s}"', "quotes around the signature"),
    (lambda s: f"' {s}'", "quotes around the signature"),
    (lambda s: "sha256=" + base64.b64encode(bytes.fromhex(s[7:])).decode(), "in base64 instead of hex"),
]


@pytest.mark.parametrize(("change", "cause"), SIGNATURE_CASES)
def test_a_changed_signature_is_named(change: object, cause: str) -> None:
    """Another spelling of the right digest is named and not valid."""
    assert callable(change)
    found = causes(BODY, change(reference(BODY, SECRET)))
    assert cause in found
    assert "re-serialized" not in found


SECRET_CASES = [
    (b"s3cret\n", SECRET, "white space around the secret"),
    (b" s3cret", SECRET, "white space around the secret"),
    (b"s3cret\r\n", SECRET, "white space around the secret"),
    (b'"s3cret"', SECRET, "quotes around the secret"),
    (b"' s3cret'\n", SECRET, "white space around the secret and there are quotes around the secret"),
    (b"\xef\xbb\xbfs3cret", SECRET, "byte order mark"),
    (SECRET, b"s3cret\n", "signed with white space around the secret"),
    (SECRET, b'"s3cret"', "signed with quotes around the secret"),
]


@pytest.mark.parametrize(("ours", "theirs", "cause"), SECRET_CASES)
def test_a_changed_secret_is_named_and_never_shown(ours: bytes, theirs: bytes, cause: str) -> None:
    """Changes of the secret on either side are named, and the secret is not shown."""
    found = causes(BODY, reference(BODY, theirs), ours)
    assert cause in found
    assert "s3cret" not in found


def test_several_things_wrong_at_once_are_all_named() -> None:
    """Several mistakes at once are all named."""
    found = causes(BODY + b"\n", reference(BODY, SECRET)[7:].upper(), b"s3cret ")
    assert "upper case" in found
    assert "bare digest" in found
    assert "final newline" in found
    assert "white space around the secret" in found


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha224", "sha384", "sha512"])
@pytest.mark.parametrize("prefix", ["{}=", "sha256=", ""])
def test_another_algorithm_is_named(algorithm: str, prefix: str) -> None:
    """Another HMAC algorithm is named by its digest."""
    digest = hmac.new(SECRET, BODY, algorithm).hexdigest()
    assert f"HMAC-{algorithm.upper()}" in causes(BODY, prefix.format(algorithm) + digest)


def test_a_plain_hash_is_named() -> None:
    """A plain SHA-256 without the secret is named."""
    assert "without the secret" in causes(BODY, "sha256=" + hashlib.sha256(BODY).hexdigest())


@pytest.mark.parametrize(
    ("signature", "cause"),
    [
        ("", "the signature is empty"),
        (" \n", "the signature is empty"),
        ("sha256=abc", "3 hex digits instead of 64"),
        ("sha256=" + "0" * 63, "63 hex digits instead of 64"),
        ("sha256=", "not `sha256=` and 64 hex digits"),
        ("hello", "not `sha256=` and 64 hex digits"),
        ("sha1=" + "0" * 64, "named `sha1`"),
    ],
)
def test_what_is_no_signature_is_named(signature: str, cause: str) -> None:
    """A signature that has the wrong form is named."""
    assert cause in causes(BODY, signature)


def test_an_empty_body_is_named() -> None:
    """An empty body is named: it is often read twice by mistake."""
    assert "the body is empty" in causes(b"", reference(BODY, SECRET))


def test_a_wrong_secret_has_no_cause() -> None:
    """A wrong secret has no cause."""
    assert causes(BODY, reference(BODY, b"another")) == ""
    assert mismatch([]) == "The signature does not match."


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
    ],
)
def test_hostile_bodies_are_explained_without_a_crash(body: bytes) -> None:
    """Deep nesting, long numbers, lone surrogates, invalid JSON and large bodies don't crash `explain`."""
    assert causes(body, "sha256=" + "0" * 64) == ""
