"""TLS: which certificates are trusted, at the least cost, and TLS inside TLS for https proxies.

Reading Debian's whole bundle takes three times as long as a bare interpreter. A directory of hashed certificates is
read lazily: one file, for the one authority that is needed.
"""

from __future__ import annotations

import os
import ssl
import sys
import time
from typing import TYPE_CHECKING, Any

from dpx_cli.errors import UsageError, reason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from _typeshed import WriteableBuffer

PLATFORM_STORES = ("darwin", "win32")  # platforms whose trusted certificates OpenSSL doesn't read by itself
RECORD = 16 * 1024  # bytes; the most that a TLS record carries


def source(env: Mapping[str, str]) -> tuple[str, str]:
    """Return what names the trusted certificates ("DPX_CA_BUNDLE", …, "system") and their path ("" without one)."""
    for variable in ("DPX_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        if path := env.get(variable):
            return variable, path
    if sys.platform in PLATFORM_STORES:
        return "system", ""
    paths = ssl.get_default_verify_paths()
    if paths.capath and _is_hashed(paths.capath):
        return "system", paths.capath
    return "system", paths.cafile or ""


def context(env: Mapping[str, str]) -> ssl.SSLContext:
    """Return a client's TLS context: certificates and host names are checked, TLS 1.2 or newer.

    Raises:
        UsageError: the named file or folder holds no certificate.
    """
    name, path = source(env)
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if path else _system_context()
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.set_alpn_protocols(["http/1.1"])
    try:
        if not path:
            pass
        elif os.path.isdir(path.partition(os.pathsep)[0]):
            # OpenSSL takes several folders in one text.
            if not any(map(_is_hashed, path.split(os.pathsep))):
                raise UsageError(f"{name} names a folder without hashed certificates: {path}", hint="Run: c_rehash")
            made.load_verify_locations(capath=path)
        else:
            made.load_verify_locations(cafile=path)
    except OSError as problem:  # ssl.SSLError is one
        raise UsageError(
            f"Can't read {name} as certificates: {path}: {reason(problem)}.", hint=f"Name a PEM file in {name}."
        ) from None
    return made


def _system_context() -> ssl.SSLContext:
    """Return a context that trusts what the operating system trusts."""
    if sys.platform in PLATFORM_STORES:
        # OpenSSL doesn't read the stores of macOS and Windows, where a company's own authority is.
        import truststore  # type: ignore[import-not-found, unused-ignore]  # installed on these platforms only

        made: ssl.SSLContext = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        return made
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.load_default_certs()
    if not made.cert_store_stats()["x509_ca"]:
        # A Linux without certificates, as in a minimal container; certifi comes with httpx.
        import certifi

        made.load_verify_locations(cafile=certifi.where())
    return made


def _is_hashed(folder: str) -> bool:
    """Return whether a folder holds certificates under their subject's hash ("5ed36f99.0"), as OpenSSL wants them."""
    try:
        with os.scandir(folder) as entries:
            return any(len(entry.name) == 10 and entry.name[8:] == ".0" for entry in entries)  # noqa: PLR2004 - see above
    except OSError:
        return False


class NestedTls:
    """A TLS connection inside another one, with the methods of a socket that `transport.py` calls.

    `SSLContext.wrap_socket` would take over the bare socket below the outer layer, so the inner layer runs over
    buffers in memory.

    Args:
        outer: the TLS connection to the proxy. Its timeout bounds the handshake.
        context: for the inner layer.
        host: the name that the inner certificate must have.
    """

    def __init__(self, outer: ssl.SSLSocket, context: ssl.SSLContext, host: str | bytes) -> None:
        self._outer = outer
        self._timeout = outer.gettimeout()
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._inner = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._run(self._inner.do_handshake)

    def settimeout(self, seconds: float | None) -> None:
        """Set the seconds that the next call may take; 0: it does not wait."""
        self._timeout = seconds

    def recv_into(self, buffer: WriteableBuffer) -> int:
        """Read into a buffer and return the number of bytes, 0 at the end."""
        try:
            return int(self._run(self._inner.read, len(memoryview(buffer)), buffer))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return 0

    def send(self, data: Any) -> int:
        """Send at least a part of some bytes and return its length."""
        return int(self._run(self._inner.write, memoryview(data)[:RECORD]))

    def close(self) -> None:
        """Close the connection to the proxy."""
        self._outer.close()

    def _run(self, step: Callable[..., Any], *arguments: Any) -> Any:
        """Run one step of the inner layer, and move bytes between it and the outer one until the step is done."""
        end = time.monotonic() + self._timeout if self._timeout else None
        while True:
            try:
                result = step(*arguments)
            except ssl.SSLWantReadError:
                self._flush(end)
                self._limit(end)
                received = self._outer.recv(RECORD)
                if received:
                    self._incoming.write(received)
                else:
                    self._incoming.write_eof()
            else:
                self._flush(end)
                return result

    def _flush(self, end: float | None) -> None:
        rest = memoryview(self._outgoing.read())
        while rest:
            self._limit(end)
            rest = rest[self._outer.send(rest) :]

    def _limit(self, end: float | None) -> None:
        """Give the outer layer what is left of the timeout."""
        left = self._timeout if end is None else end - time.monotonic()
        if end is not None and left is not None and left <= 0:
            raise TimeoutError("timed out")
        self._outer.settimeout(left)
