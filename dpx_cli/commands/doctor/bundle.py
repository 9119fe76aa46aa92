"""The report of `dpx doctor --bundle`: versions, where settings come from, checks, and the requests that they made.

Nothing is recorded on disk for it beforehand. It contains no token, value, header, host of a proxy or home directory.
"""

from __future__ import annotations

import os
import platform
import ssl
from contextlib import suppress
from importlib import metadata
from typing import TYPE_CHECKING

from dpx_cli import __version__
from dpx_cli.config.settings import VARIABLES, split_origin
from dpx_cli.errors import DpxError
from dpx_cli.output.neutralize import neutralize
from dpx_cli.system import proxy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dpx_cli.commands.doctor.checks import Check
    from dpx_cli.session import Session


def write(session: Session, checks: Sequence[Check], requests: Sequence[str]) -> str:
    """Return the report's text."""
    packages = sorted(f"{each.name} {each.version}" for each in metadata.distributions())
    sections = {
        "Versions": [
            f"dpx {__version__}",
            f"Python {platform.python_version()} ({platform.python_implementation()})",
            f"{platform.system()} {platform.release()} {platform.machine()}",
            ssl.OPENSSL_VERSION,
            *packages,
        ],
        "Settings": _list_settings(session),
        "Checks": [f"{'ok' if check.ok else 'FAILED'}  {check.name}: {check.detail}" for check in checks],
        "Requests": requests,
    }
    lines = ["# dpx doctor --bundle"]
    for title, content in sections.items():
        lines += ["", f"## {title}", "", *content]
    return "".join(f"{neutralize(_redact(session, line))}\n" for line in lines)


def _list_settings(session: Session) -> list[str]:
    """Return each setting with its source, and no value but the API's URL."""
    env, settings = session.env, session.settings
    lines = [f"{name}: set" for name, *_ in VARIABLES if env.get(name)]
    try:
        profile = settings.profiles.get(settings.profile)
        source = "DPX_API_URL" if env.get("DPX_API_URL") else "profile" if profile.get("api_url") else "default"
        lines += [f"API URL: {settings.api_url} ({source})", f"read-only: {settings.read_only is not None}"]
        file = settings.reference_file
        return [*lines, f"project: {os.path.basename(file.path) if file else 'no file'}"]
    except DpxError as problem:
        return [*lines, f"not readable: {problem.message}"]


def _redact(session: Session, text: str) -> str:
    """Replace the home directory and the proxy's host."""
    homes = (session.env.get("HOME", ""), os.path.expanduser("~"))
    secrets = {home: "~" for home in homes if len(home) > 1}
    with suppress(DpxError):
        if used := proxy.find(session.env, *split_origin(session.settings.origin)):
            secrets[used.host] = "PROXY"
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, secrets[secret])
    return text
