"""`dpx completion`: the script's bytes, and what install and uninstall leave on the disk."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import program
import pytest
import shells

from dpx_cli import completion
from dpx_cli.completion import install

if TYPE_CHECKING:
    from tests.conftest import Program

SCRIPTS = Path(__file__).parents[2] / "completions"
WHERE = {
    "bash": ".local/share/bash-completion/completions/dpx",
    "zsh": ".local/share/zsh/site-functions/_dpx",
    "fish": ".config/fish/completions/dpx.fish",
    "powershell": ".local/share/dpx/dpx.ps1",
}
STARTUP = {"bash": ".bashrc", "zsh": ".zshrc", "powershell": ".config/powershell/profile.ps1"}


def tree(home: Path) -> dict[str, bytes]:
    """Every file and folder below a home, without the working directory that every test has there."""
    found = {str(path.relative_to(home)): path.read_bytes() if path.is_file() else b"" for path in home.rglob("*")}
    found.pop("work")
    return found


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_the_program_prints_the_bytes_of_the_file(dpx_offline: Program, shell: str) -> None:
    """So that a package may ship the file."""
    result = dpx_offline("completion", shell)
    assert (result.code, result.err) == (0, "")
    assert result.out.encode() == (SCRIPTS / completion.FILES[shell]).read_bytes()


@pytest.mark.posix
@pytest.mark.parametrize("shell", completion.SHELLS)
@pytest.mark.parametrize(
    "before", [None, b"", b"# mine\n", b"# mine, without an end", b"a\n\n\n", b"# \xff\xfe no text\n"]
)
def test_uninstall_gives_back_what_was_there(dpx_offline: Program, shell: str, before: bytes | None) -> None:
    """Byte for byte, also after installing twice; and a second uninstall finds nothing to do."""
    startup = dpx_offline.home / STARTUP.get(shell, ".config/unrelated")
    if before is not None:
        startup.parent.mkdir(parents=True, exist_ok=True)
        startup.write_bytes(before)
        startup.chmod(0o640)
    there = tree(dpx_offline.home)

    first = dpx_offline("completion", "install", shell)
    assert (first.code, first.out) == (0, "")
    script = dpx_offline.home / WHERE[shell]
    assert str(script) in first.err
    assert script.read_bytes() == completion.script(shell)
    installed = tree(dpx_offline.home)

    second = dpx_offline("completion", "install", shell)
    assert second.code == 0
    assert "up to date" in second.err
    assert tree(dpx_offline.home) == installed
    if before is not None:
        assert startup.stat().st_mode & 0o777 == 0o640

    removed = dpx_offline("completion", "uninstall", shell)
    assert (removed.code, removed.out) == (0, "")
    left = tree(dpx_offline.home)
    if before == b"":  # a start-up file that holds nothing is not missed
        there.pop(STARTUP.get(shell, ""), None)
    folders = {name for name in left if name not in there}
    assert {name: content for name, content in left.items() if name in there} == there
    assert all((dpx_offline.home / name).is_dir() for name in folders)
    assert not [
        name for name in folders if Path(name).name in {"completions", "bash-completion", "site-functions", "dpx"}
    ]

    again = dpx_offline("completion", "uninstall", shell)
    assert again.code == 0
    assert "No completion is installed" in again.err
    assert tree(dpx_offline.home) == left


@pytest.mark.posix
@pytest.mark.parametrize("shell", STARTUP)
def test_a_newer_block_takes_the_place_of_an_older_one(dpx_offline: Program, shell: str) -> None:
    """And what a person wrote around it stays."""
    startup = dpx_offline.home / STARTUP[shell]
    startup.parent.mkdir(parents=True, exist_ok=True)
    text = f"# before\r\n{install.BEGIN}\r\nan older block\r\n{install.END}\r\n# after\n"
    startup.write_bytes(text.encode() if shell == "powershell" else text.replace("\r", "").encode())
    assert dpx_offline("completion", "install", shell).code == 0
    text = startup.read_text(encoding="utf-8")
    assert text.count(install.BEGIN) == text.count(install.END) == 1
    assert "an older block" not in text
    assert dpx_offline("completion", "uninstall", shell).code == 0
    assert startup.read_text(encoding="utf-8") == "# before\n# after\n"


def test_a_block_without_its_end_is_left_alone(dpx_offline: Program) -> None:
    """Where it ends is unknown."""
    (dpx_offline.home / ".zshrc").write_text(f"{install.BEGIN}\nmy own lines\n", encoding="utf-8")
    assert dpx_offline("completion", "uninstall", "zsh").code == 0
    assert (dpx_offline.home / ".zshrc").read_text(encoding="utf-8") == f"{install.BEGIN}\nmy own lines\n"


def test_a_script_that_dpx_did_not_write_is_not_overwritten(dpx_offline: Program) -> None:
    """Nor removed; an older version's, known by its first lines, is replaced."""
    script = dpx_offline.home / WHERE["fish"]
    script.parent.mkdir(parents=True)
    script.write_text("# my own\n", encoding="utf-8")
    result = dpx_offline("completion", "install", "fish")
    assert result.code == 1
    assert re.fullmatch(r"error: .*dpx\.fish was not written by dpx\.\nhint: .*\n", result.err)
    assert dpx_offline("completion", "uninstall", "fish").code == 0
    assert script.read_text(encoding="utf-8") == "# my own\n"
    script.write_text(f"# {completion.MARK}\nold\n", encoding="utf-8")
    assert dpx_offline("completion", "install", "fish").code == 0
    assert script.read_bytes() == completion.script("fish")


@pytest.mark.posix
def test_places_follow_the_variables(dpx_offline: Program, tmp_path: Path) -> None:
    """As the shells themselves look for them; a relative one counts as not set, as everywhere."""
    at = {name: str(tmp_path / name) for name in ("data", "config", "zdot", "own")}
    env = {"XDG_DATA_HOME": at["data"], "XDG_CONFIG_HOME": at["config"], "ZDOTDIR": at["zdot"]}
    for shell in completion.SHELLS:
        assert dpx_offline("completion", "install", shell, env=env).code == 0
    assert dpx_offline("completion", "install", "bash", env={"BASH_COMPLETION_USER_DIR": at["own"]}).code == 0
    for path in (
        "data/bash-completion/completions/dpx",
        "data/zsh/site-functions/_dpx",
        "data/dpx/dpx.ps1",
        "config/fish/completions/dpx.fish",
        "config/powershell/profile.ps1",
        "zdot/.zshrc",
        "own/completions/dpx",
    ):
        assert (tmp_path / path).is_file(), path
    assert dpx_offline("completion", "install", "fish", env={"XDG_CONFIG_HOME": "relative"}).code == 0
    assert (dpx_offline.home / WHERE["fish"]).is_file()


@pytest.mark.posix
@pytest.mark.parametrize(
    ("value", "shell"),
    [("/bin/bash", "bash"), ("/usr/local/bin/fish", "fish"), ("zsh", "zsh"), ("/usr/bin/pwsh", "powershell")],
)
def test_the_shell_is_that_of_the_environment(dpx_offline: Program, value: str, shell: str) -> None:
    """Where none is named."""
    assert dpx_offline("completion", "install", env={"SHELL": value}).code == 0
    assert (dpx_offline.home / WHERE[shell]).is_file()


@pytest.mark.posix
@pytest.mark.parametrize("value", ["", "/bin/tcsh"])
def test_an_unknown_shell_is_a_usage_error(dpx_offline: Program, value: str) -> None:
    """With the ones that there are."""
    for verb in ("install", "uninstall"):
        result = dpx_offline("completion", verb, env={"SHELL": value})
        assert result.code == 2
        assert "bash, zsh, fish, powershell" in result.err
    assert tree(dpx_offline.home) == {}


def test_a_home_that_cannot_be_written_is_one_clear_line(dpx_offline: Program) -> None:
    """And nothing is left half done."""
    (dpx_offline.home / ".local").write_text("a file where a folder should be", encoding="utf-8")
    result = dpx_offline("completion", "install", "bash")
    assert result.code == 1
    assert result.err.startswith("error: Can't write ")
    assert not (dpx_offline.home / ".bashrc").exists()


@pytest.mark.posix
def test_a_linked_startup_file_stays_linked(dpx_offline: Program) -> None:
    """People keep them in a repository of dotfiles."""
    kept = dpx_offline.home / "dotfiles" / "zshrc"
    kept.parent.mkdir()
    kept.write_text("# mine\n", encoding="utf-8")
    (dpx_offline.home / ".zshrc").symlink_to(kept)
    assert dpx_offline("completion", "install", "zsh").code == 0
    assert (dpx_offline.home / ".zshrc").is_symlink()
    assert install.BEGIN in kept.read_text(encoding="utf-8")
    assert dpx_offline("completion", "uninstall", "zsh").code == 0
    assert kept.read_text(encoding="utf-8") == "# mine\n"


@pytest.mark.parametrize("shell", shells.NAMES)
@pytest.mark.parametrize("home", ["plain", "a 'home' of $HOME"])
def test_a_new_shell_completes_after_install(dpx_offline: Program, shell: str, home: str) -> None:
    """With the start-up files alone, and whatever the home folder is called."""
    if not shells.is_installed(shell):
        pytest.skip(f"{shell} is NOT INSTALLED: its installation is not tested")
    own = dpx_offline.home / home
    own.mkdir()
    # fish loads completions only for a command that it finds.
    path = os.pathsep.join([str(Path(program.PROGRAM[0]).parent), dpx_offline.env["PATH"]])
    env = {**dpx_offline.env, "HOME": str(own), "PATH": path}
    assert dpx_offline("completion", "install", shell, env={"HOME": str(own)}).code == 0
    load = {"bash": 'source "$HOME/.bashrc"', "zsh": 'source "$HOME/.zshrc"', "fish": ""}[shell]
    with shells.Shell(shell, env, dpx_offline.cwd, load) as started:
        assert started.line("dpx whoa") == "dpx whoami "
    assert dpx_offline("completion", "uninstall", shell, env={"HOME": str(own)}).code == 0
    load = 'test -f "$HOME/.bashrc" && . "$HOME/.bashrc"; true' if shell != "fish" else ""
    with shells.Shell(shell, env, dpx_offline.cwd, load) as started:
        assert started.line("dpx whoa") == "dpx whoa"


def test_zsh_completes_where_it_has_not_begun_to_complete(dpx_offline: Program) -> None:
    """A fresh account has no compinit in its .zshrc; the block brings it."""
    if not shells.is_installed("zsh"):
        pytest.skip("zsh is NOT INSTALLED: its installation is not tested")
    assert dpx_offline("completion", "install", "zsh").code == 0
    env = {**dpx_offline.env, "ZDOTDIR": str(dpx_offline.home)}
    with shells.Shell("zsh", env, dpx_offline.cwd, "", before='source "$HOME/.zshrc"') as started:
        assert started.line("dpx whoa") == "dpx whoami "
    assert os.path.exists(dpx_offline.home / ".zcompdump")
