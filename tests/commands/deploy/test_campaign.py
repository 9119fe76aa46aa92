"""The short form of the campaigns: random faults, signals, kills and inputs. The long form is a benchmark."""

from __future__ import annotations

from typing import TYPE_CHECKING

import campaign
import changing
import pytest

if TYPE_CHECKING:
    from pathlib import Path


def test_faulted_deploys_are_never_doubled_and_never_falsely_green() -> None:
    """Whatever happens to the list, the POST and the polls."""
    figures = campaign.Deploys(seed=7).run(100)
    assert (figures["deploys"], figures["duplicates"], figures["false greens"]) == (100, 0, 0), figures
    assert figures["exit 0"] > 10, figures
    assert figures["exit 11"] > 10, figures


def test_no_signal_is_lost_and_none_ends_a_deployment_silently(tmp_path: Path) -> None:
    """Whenever it comes."""
    figures = campaign.signals(12, tmp_path, seed=7)
    assert (figures["lost"], figures["silent"], figures["tracebacks"]) == (0, 0, 0), figures
    assert figures["after the POST"] > 0, figures


@pytest.mark.posix  # Windows has no SIGKILL
def test_a_killed_program_leaves_every_file_whole(tmp_path: Path) -> None:
    """Those before, or those after."""
    figures = campaign.kills(8, tmp_path, seed=7)
    assert figures["files"] >= figures["kills"], figures
    assert figures["torn"] == 0, figures


def test_no_input_is_a_traceback() -> None:
    """Of bodies, .env files, command lines, settings and texts."""
    figures = campaign.inputs(3000, seed=7)
    assert figures["tracebacks"] == 0, figures


def test_faulted_commands_change_nothing_twice_and_nothing_else(tmp_path: Path) -> None:
    """And their exit codes are true."""
    figures = changing.changes(3, tmp_path, seed=7)
    wrong = {name: count for name, count in figures.items() if not name.startswith("exit") and name != "runs" and count}
    assert (figures["runs"], wrong) == (3 * len(changing.COMMANDS), {}), figures
