"""Deliveries saved on disk by `listen --save` and sent again by `replay`.

A delivery is two files: `0001-deployment.ready.body`, the bytes as they came, and `0001-deployment.ready.headers`,
one `Name: value` per line. Both can be read and edited; an edited body no longer matches its signature.
"""

from __future__ import annotations

import os
import re
import shlex
from typing import TYPE_CHECKING

from dpx_cli.errors import NotFound
from dpx_cli.system import files
from dpx_cli.webhook.deliver import CARRIED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dpx_cli.system.loopback.guard import Header

MAX_BYTES = 32 * 1024 * 1024  # of either file; a wrong path may lead to an endless one
BODY = ".body"
HEADERS = ".headers"

_KNOWN = {name.lower(): name for name in CARRIED}
_NUMBERED = re.compile(r"([0-9]{1,9})-")
_MAX_NAME = 40


def prepare(folder: str) -> None:
    """Create the folder for deliveries. Raises Failed if nothing can be written there."""
    probe = os.path.join(folder, ".deliveries")
    files.write_whole(probe, b"")
    files.remove(probe)


def save(folder: str, event: str, body: bytes, headers: Sequence[Header]) -> str:
    """Save a delivery under the next free number, and return the path of the body's file.

    The folder is created (0700) if missing. Of the event's name only letters, digits, dots, `-` and `_` are used.
    """
    with files.locked(os.path.join(folder, ".deliveries")):
        highest = max(_list_numbered(folder), default=(0, ""))[0]
        stem = os.path.join(folder, f"{highest + 1:04}-{_harmless(event)}")
        # The headers are written last: a delivery that has them is complete.
        files.write_whole(stem + BODY, body)
        files.write_whole(stem + HEADERS, b"".join(b"%s: %s\n" % header for header in headers))
    return stem + BODY


def load(path: str) -> tuple[bytes, list[Header]]:
    """Read a delivery by the path of either of its files: the body, and the headers that a delivery may carry."""
    stem = path.removesuffix(HEADERS).removesuffix(BODY)
    body_path = stem + BODY if stem != path else path
    body = _read(body_path, "the delivery's body")
    if body is None:
        raise NotFound(f"No such file: {body_path}", hint="To save deliveries, run: dpx webhook listen --save DIR")
    text = _read(stem + HEADERS, "the delivery's headers")
    if text is None:
        raise NotFound(
            f"{body_path} has no headers file ({stem + HEADERS}).",
            hint=f"To sign and send it, run: dpx webhook send EVENT --to URL --data {shlex.quote(body_path)}",
        )
    headers: list[Header] = []
    for number, line in enumerate(text.split(b"\n"), 1):
        if not line.strip():
            continue
        name, colon, value = line.partition(b":")
        value = value.strip()
        if not colon or b"\r" in value or b"\0" in value:
            raise files.damaged(stem + HEADERS, "the delivery's headers", f"line {number} isn't `Name: value`")
        if known := _KNOWN.get(name.strip().lower()):
            headers.append((known, value))
    if not headers:
        raise files.damaged(stem + HEADERS, "the delivery's headers", "it is empty")
    return body, headers


def expand(names: Sequence[str]) -> tuple[list[str], bool]:
    """Return the paths of deliveries, each once, and whether several were asked for.

    The names are those of either file of a delivery, or of directories that `save` filled.
    """
    stems: dict[str, str] = {}
    several = len(names) > 1
    for name in names:
        paths = [name]
        if os.path.isdir(name):
            several = True
            paths = [os.path.join(name, file) for _, file in _list_numbered(name) if file.endswith(HEADERS)]
            if not paths:
                raise NotFound(f"No deliveries in {name}.", hint="To save some, run: dpx webhook listen --save DIR")
        for path in paths:
            stems.setdefault(path.removesuffix(HEADERS).removesuffix(BODY), path)
    return list(stems.values()), several


def _list_numbered(folder: str) -> list[tuple[int, str]]:
    """Return the names of a folder's files that begin with a number, in the numbers' order."""
    return sorted((int(number[1]), name) for name in os.listdir(folder) if (number := _NUMBERED.match(name)))


def _read(path: str, what: str) -> bytes | None:
    data = files.read_bytes(path, what, MAX_BYTES + 1)
    if data is not None and len(data) > MAX_BYTES:
        raise files.damaged(path, what, f"it is larger than {MAX_BYTES // 1024 // 1024} MiB")
    return data


def _harmless(event: str) -> str:
    """Return an event's name, which came from the network, as a part of a file's name."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", event)[:_MAX_NAME]
    return re.sub(r"\.{2,}", "_", name).strip("._-") or "unknown"
