"""TLS: which certificates are trusted, at the least cost."""

from __future__ import annotations

import os
import ssl
import sys
from typing import TYPE_CHECKING

from dpx_cli.errors import UsageError, reason

if TYPE_CHECKING:
    from collections.abc import Mapping

PLATFORM_STORES = ("darwin", "win32")  # platforms whose trusted certificates OpenSSL doesn't read by itself


def source(env: Mapping[str, str]) -> tuple[str, str]:
    """Return what names the trusted certificates ("DPX_CA_BUNDLE", …, "system") and their path ("" without one)."""
    for variable in ("DPX_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        if path := env.get(variable):
            return variable, path
    if sys.platform in PLATFORM_STORES:
        return "system", ""
    paths = ssl.get_default_verify_paths()
    # From hashed certificates one file is read; Debian's whole bundle takes three times as long as a bare interpreter.
    if paths.capath and _is_hashed(paths.capath):
        return "system", paths.capath
    return "system", paths.cafile or ""


def context(env: Mapping[str, str]) -> ssl.SSLContext:
    """Return a client's TLS context, which checks certificates and host names. Raise UsageError for a bad bundle."""
    name, path = source(env)
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if path else _system_context()
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.set_alpn_protocols(["http/1.1"])
    try:
        if os.path.isdir(path.partition(os.pathsep)[0]):
            # OpenSSL takes several folders in one text.
            if not any(map(_is_hashed, path.split(os.pathsep))):
                raise UsageError(f"{name} is a directory without hashed certificates: {path}", hint="Run: c_rehash")
            made.load_verify_locations(capath=path)
        elif path:
            made.load_verify_locations(cafile=path)
    except OSError as problem:  # ssl.SSLError is one
        message = f"Can't read {name} as certificates: {path}: {reason(problem)}."
        raise UsageError(message, hint=f"Set {name} to a PEM file.") from None
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
