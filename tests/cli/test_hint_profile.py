"""Commands in hints carry the profile in force."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dpx_cli.cli.suggest import with_profile

if TYPE_CHECKING:
    from tests.conftest import Program


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        (
            "See dpx deploy get ID; try dpx deploy again ID -p docs",
            "See dpx deploy get ID --profile 'my work'; try dpx deploy again ID -p docs --profile 'my work'",
        ),
        (
            """Run: dpx deploy --branch 'fail/it'"'"'s x; y'""",
            """Run: dpx deploy --branch 'fail/it'"'"'s x; y' --profile 'my work'""",
        ),
        ("dpx auth login, or set DPX_TOKEN", "dpx auth login --profile 'my work', or set DPX_TOKEN"),
        ("Can't wait. Run: dpx deploy wait ID.", "Can't wait. Run: dpx deploy wait ID --profile 'my work'."),
        ("Run: dpx deploy list --status a,b", "Run: dpx deploy list --status a,b --profile 'my work'"),
        ("Run: dpx rehearse -p docs -- COMMAND", "Run: dpx rehearse -p docs --profile 'my work' -- COMMAND"),
        ("Run: dpx projects list --profile x", "Run: dpx projects list --profile x"),
        ("Run: dpx projects list --help", "Run: dpx projects list --help"),
        ("Run: dpx profile list", "Run: dpx profile list"),
        ("Wait for the other dpx to end, or end it.", "Wait for the other dpx to end, or end it."),
    ],
)
def test_commands_in_a_hint_get_the_profile(hint: str, expected: str) -> None:
    """Each command of a hint gets the quoted profile at its end, unless it has one or doesn't depend on it."""
    assert with_profile(hint, "my work") == expected


def test_a_failed_command_prints_the_profile_that_it_was_given(dpx: Program) -> None:
    """The profile of --profile or DPX_PROFILE is in the hint; the default one is not."""
    dpx("profile", "set", "work", "--api-url", dpx.env["DPX_API_URL"])
    wrong = ("deploy", "list", "--project", "nope")
    assert dpx(*wrong, "--profile", "work").err.endswith("Run: dpx projects list --profile work\n")
    assert dpx(*wrong, env={"DPX_PROFILE": "work"}).err.endswith("Run: dpx projects list --profile work\n")
    assert dpx(*wrong).err.endswith("Run: dpx projects list\n")
