"""Read boolean variables of the environment, and which CI system it is."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

OFF = ("", "0", "false", "no", "off")
# The CI systems that read commands in a job's log, or that dpx writes reports for, and a variable that each sets.
CI_SYSTEMS = (
    ("github", "GITHUB_ACTIONS"),
    ("gitlab", "GITLAB_CI"),
    ("azure", "TF_BUILD"),
    ("teamcity", "TEAMCITY_VERSION"),
)


def is_on(env: Mapping[str, str], name: str) -> bool:
    """Return whether a variable is set to anything but "", 0, false, no or off, in any case.

    A text that is neither on nor off is on: some CI systems set CI to their name, and a mistyped DPX_READ_ONLY should
    protect.
    """
    return env.get(name, "").strip().lower() not in OFF


def identify_ci(env: Mapping[str, str]) -> str:
    """Return the CI system: "github", "gitlab", "azure", "teamcity", "other", or "" outside of CI."""
    for system, variable in CI_SYSTEMS:
        if is_on(env, variable):
            return system
    return "other" if is_on(env, "CI") else ""
