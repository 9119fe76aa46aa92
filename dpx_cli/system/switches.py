"""Read boolean variables of the environment: DPX_READ_ONLY, DPX_NO_INPUT, CI, FORCE_COLOR and others."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

OFF = ("", "0", "false", "no", "off")


def is_on(env: Mapping[str, str], name: str) -> bool:
    """Return whether a variable is set to anything but "", 0, false, no or off, in any case.

    A text that is neither on nor off is on: some CI systems set CI to their name, and a mistyped DPX_READ_ONLY should
    protect.
    """
    return env.get(name, "").strip().lower() not in OFF
