"""Boolean variables, and which CI system it is."""

from __future__ import annotations

import pytest

from dpx_cli.system.switches import identify_ci, is_on


@pytest.mark.parametrize(
    ("text", "on"),
    [
        *((text, True) for text in ("1", "true", "YES", "On", " 1 ", "maybe", "github")),
        *((text, False) for text in ("", "0", "false", "NO", "Off", " ")),
    ],
)
def test_booleans(text: str, *, on: bool) -> None:
    """Anything that isn't off is on; a variable that isn't set is off."""
    assert is_on({"X": text}, "X") is on
    assert is_on({}, "X") is False


@pytest.mark.parametrize(
    ("env", "system"),
    [
        ({}, ""),
        ({"CI": "false"}, ""),
        ({"CI": "true"}, "other"),
        ({"CI": "true", "GITHUB_ACTIONS": "true"}, "github"),
        ({"GITHUB_ACTIONS": "false", "GITLAB_CI": "true"}, "gitlab"),
        ({"TF_BUILD": "True"}, "azure"),
        ({"TEAMCITY_VERSION": "2026.1 (build 1)"}, "teamcity"),
    ],
)
def test_which_ci(env: dict[str, str], system: str) -> None:
    """Each sets a variable of its own; not all set CI."""
    assert identify_ci(env) == system
