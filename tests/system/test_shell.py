"""Commands to paste: a real shell reads them as they were meant."""

from __future__ import annotations

import subprocess
import sys

import pytest

from dpx_cli.system import shell

WORDS = ["", "plain-1", "two words", "it's", "$HOME", "`id`", "a;b", "naïve", "*", "~", "new\nline", "--", "#x", "\\"]


@pytest.mark.posix
def test_a_posix_shell_reads_back_what_was_quoted() -> None:
    """Nothing is expanded."""
    line = f"printf '%s\\0' {shell.join(WORDS)}"
    assert subprocess.run(["sh", "-c", line], capture_output=True, check=True).stdout.decode().split("\0")[:-1] == WORDS


def test_windows_gets_double_quotes(monkeypatch: pytest.MonkeyPatch) -> None:
    """`cmd` doesn't know single ones."""
    monkeypatch.setattr(sys, "platform", "win32")
    assert shell.join(["a", "b c", 'say "x"']) == 'a "b c" "say \\"x\\""'


def test_a_command_carries_its_options_before_another_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """Options without a value are left out."""
    monkeypatch.setattr(sys, "platform", "linux")
    assert shell.command("deploy", "wait", "d1", project="acme/my shop", target=["preview"], profile="work") == (
        "dpx deploy wait d1 --project 'acme/my shop' --target preview --profile work"
    )
    assert shell.command("rehearse", "--", "make", org="acme") == "dpx rehearse --org acme -- make"
