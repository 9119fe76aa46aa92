"""Commands in hints carry the profile in force."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.conftest import Program


def test_a_failed_command_prints_the_profile_that_it_was_given(dpx: Program) -> None:
    """The profile of --profile or DPX_PROFILE is in the hint; the default one is not."""
    dpx("profile", "set", "work", "--api-url", dpx.env["DPX_API_URL"])
    wrong = ("deploy", "list", "--project", "nope")
    assert dpx(*wrong, "--profile", "work").err.endswith("Run: dpx projects list --profile work\n")
    assert dpx(*wrong, env={"DPX_PROFILE": "work"}).err.endswith("Run: dpx projects list --profile work\n")
    assert dpx(*wrong).err.endswith("Run: dpx projects list\n")
