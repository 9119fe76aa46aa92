"""Which certificates are trusted, at the least cost.

Reading Debian's whole bundle takes three times a bare interpreter; a directory of hashed certificates is read lazily,
one file for the one authority that is needed. Floor 1; neighbour: `transport.py`.
"""

from __future__ import annotations

import os
import ssl
from typing import TYPE_CHECKING

from dpx_cli.errors import UsageError, reason

if TYPE_CHECKING:
    from collections.abc import Mapping


def source(env: Mapping[str, str]) -> tuple[str, str]:
    """What names the trusted certificates ("DPX_CA_BUNDLE", …, "system") and their path ("" for no file or folder)."""
    for variable in ("DPX_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        if path := env.get(variable):
            return variable, path
    paths = ssl.get_default_verify_paths()
    if paths.capath and _is_hashed(paths.capath):
        return "system", paths.capath
    return "system", paths.cafile or ""


def context(env: Mapping[str, str]) -> ssl.SSLContext:
    """A client's TLS context: certificates and host names are checked, TLS 1.2 or newer.

    Raises:
        UsageError: where the named file or folder holds no certificate.
    """
    name, path = source(env)
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.set_alpn_protocols(["http/1.1"])
    try:
        if not path:
            _load_system(made)
        elif os.path.isdir(path.partition(os.pathsep)[0]):
            # OpenSSL takes several folders in one text.
            if not any(map(_is_hashed, path.split(os.pathsep))):
                raise UsageError(f"{name} names a folder without hashed certificates: {path}", hint="run: c_rehash")
            made.load_verify_locations(capath=path)
        else:
            made.load_verify_locations(cafile=path)
    except OSError as problem:  # ssl.SSLError is one
        raise UsageError(
            f"{name} cannot be read as certificates: {path}: {reason(problem)}",
            hint=f"name a PEM file in {name}",
        ) from None
    return made


def _load_system(made: ssl.SSLContext) -> None:
    made.load_default_certs()
    if not made.cert_store_stats()["x509_ca"]:
        # A Python of its own, as on macOS, has no store; certifi comes with httpx.
        import certifi

        made.load_verify_locations(cafile=certifi.where())


def _is_hashed(folder: str) -> bool:
    """Whether a folder holds certificates under their subject's hash ("5ed36f99.0"), as OpenSSL looks them up."""
    try:
        with os.scandir(folder) as entries:
            return any(len(entry.name) == 10 and entry.name[8:] == ".0" for entry in entries)  # noqa: PLR2004 - see above
    except OSError:
        return False
