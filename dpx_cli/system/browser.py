"""Open a person's web browser."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from dpx_cli.system.switches import is_on

if TYPE_CHECKING:
    from collections.abc import Mapping


def open_url(url: str, env: Mapping[str, str]) -> bool:
    """Open a checked http(s) URL. Return False if there is no browser for it, as over ssh and in CI."""
    if is_on(env, "CI") or (env.get("SSH_CONNECTION") and not env.get("BROWSER")):
        return False
    if sys.platform.startswith("linux") and not any(
        env.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "WSL_DISTRO_NAME")
    ):
        # webbrowser would start a text browser in the terminal.
        return False
    import webbrowser

    from dpx_cli.system import child_env as children

    try:
        with children.without_secrets():
            return webbrowser.open(url)
    except (OSError, webbrowser.Error):
        return False
