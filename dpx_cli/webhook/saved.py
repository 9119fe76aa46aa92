"""Deliveries kept on disk by `listen --save` and sent again by `replay`.

A delivery is two files: `0001-deployment.ready.body`, the bytes as they came, and `0001-deployment.ready.headers`,
one `Name: value` a line. Both can be read and edited by a person; an edited body no longer fits its signature.

Floor 1; neighbours: `deliver.py`, `listener.py`.
"""

from __future__ import annotations

import contextlib
import os
import re
from typing import TYPE_CHECKING

from dpx_cli.errors import NotFound
from dpx_cli.system import files
from dpx_cli.webhook.deliver import CARRIED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dpx_cli.webhook.deliver import Header

MOST_BYTES = 32 * 1024 * 1024  # of either file; a wrong path may lead to an endless one
BODY = ".body"
HEADERS = ".headers"

_KNOWN = {name.lower(): name for name in CARRIED}
_NUMBERED = re.compile(r"([0-9]{1,9})-")
_LONGEST_NAME = 40
_VALUE = re.compile(rb"[^\x00\r\n]*")


def save(folder: str, event: str, body: bytes, headers: Sequence[Header]) -> str:
    """Keep a delivery under the next free number.

    Args:
        folder: where; made (0700) if missing.
        event: for the file's name, in which only letters, digits, dots, `-` and `_` of it remain.
        body: as it came.
        headers: those to be sent with it again.

    Returns:
        The path of the body's file.

    Raises:
        Failed: a full disk, a read-only folder …
    """
    with files.locked(os.path.join(folder, ".deliveries")):
        stem = os.path.join(folder, f"{_highest(folder) + 1:04}-{_harmless(event)}")
        # The headers come last: who has them has a whole delivery.
        files.write_whole(stem + BODY, body)
        files.write_whole(stem + HEADERS, b"".join(b"%s: %s\n" % header for header in headers))
    return stem + BODY


def load(path: str) -> tuple[bytes, list[Header]]:
    """Read a delivery by the path of either of its files.

    Returns:
        The body, and the headers that a delivery may carry; others in the file are left out.

    Raises:
        NotFound: one of the two files is missing.
        Failed: a file cannot be read, or the headers make no sense.
    """
    stem = path.removesuffix(HEADERS).removesuffix(BODY)
    body_path = stem + BODY if stem != path else path
    body = _read(body_path, "the delivery's body")
    if body is None:
        raise NotFound(f"no such file: {body_path}", hint="keep deliveries with: dpx webhook listen --save DIR")
    text = _read(stem + HEADERS, "the delivery's headers")
    if text is None:
        raise NotFound(
            f"{body_path} has no headers beside it ({stem + HEADERS})",
            hint=f"sign and send it anew: dpx webhook send EVENT --to URL --data {body_path}",
        )
    headers: list[Header] = []
    for number, line in enumerate(text.split(b"\n"), 1):
        if not line.strip():
            continue
        name, colon, value = line.partition(b":")
        value = value.strip()
        if not colon or not _VALUE.fullmatch(value):
            raise files.damaged(stem + HEADERS, "the delivery's headers", f"line {number} is not `Name: value`")
        if known := _KNOWN.get(name.strip().lower()):
            headers.append((known, value))
    if not headers:
        raise files.damaged(stem + HEADERS, "the delivery's headers", "there are none")
    return body, headers


def _read(path: str, what: str) -> bytes | None:
    found = files.read_bytes(path, what, MOST_BYTES + 1)
    if found is not None and len(found) > MOST_BYTES:
        raise files.damaged(path, what, f"it is larger than {MOST_BYTES // 1024 // 1024} MiB")
    return found


def _highest(folder: str) -> int:
    """The highest number in use."""
    names: list[str] = []
    with contextlib.suppress(OSError):  # a folder that cannot be read says so when it is written to
        names = os.listdir(folder)
    return max((int(found[1]) for name in names if (found := _NUMBERED.match(name))), default=0)


def _harmless(event: str) -> str:
    """An event's name as a part of a file's name: it came from the network."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", event)[:_LONGEST_NAME]
    return re.sub(r"\.{2,}", "_", name).strip("._-") or "unknown"
