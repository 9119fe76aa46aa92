"""Install a completion script where its shell looks for it, and uninstall it.

| shell | script | start-up file, in a marked block |
|---|---|---|
| bash | `$BASH_COMPLETION_USER_DIR/completions/dpx` | `~/.bashrc`; on macOS also the login shell's `~/.bash_profile` |
| zsh | `$XDG_DATA_HOME/zsh/site-functions/_dpx` | `$ZDOTDIR/.zshrc`, because zsh looks in no folder of the user |
| fish | `$XDG_CONFIG_HOME/fish/completions/dpx.fish` | |
| PowerShell | `$XDG_DATA_HOME/dpx/dpx.ps1` | `profile.ps1` of all hosts; on Windows also that of version 5.1 |

A file that dpx didn't write is left alone. Uninstalling restores the start-up file byte for byte.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from typing import TYPE_CHECKING, NamedTuple

from dpx_cli import completion
from dpx_cli.errors import Failed, UsageError
from dpx_cli.system import files

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

BEGIN = "# >>> dpx completion >>>"
END = "# <<< dpx completion <<<"

BLOCKS = {
    "bash": """\
# The bash-completion package finds the script by itself; these lines are for a bash without it.
if ! type _completion_loader >/dev/null 2>&1 && ! type _comp_load >/dev/null 2>&1 && [ -r {script} ]; then
  . {script}
fi""",
    "zsh": """\
fpath=({folder} $fpath)
if (( ! $+functions[compdef] )); then autoload -Uz compinit && compinit; fi
autoload -Uz _dpx && compdef _dpx dpx dpx-cli""",
    "powershell": "if (Test-Path -LiteralPath {script}) {{ . {script} }}",
}


class InstallTarget(NamedTuple):
    """Where a shell's completion goes: a script, of whose folders those below `base` are dpx's, and start-up files."""

    shell: str
    base: str
    below: str
    startups: Sequence[str] = ()

    @property
    def script(self) -> str:
        """The script's path."""
        return os.path.join(self.base, self.below)

    @property
    def block(self) -> bytes:
        """The lines for a start-up file, with their marks and without a final newline."""
        text = BLOCKS[self.shell].format(
            script=self.quote(self.script), folder=self.quote(os.path.dirname(self.script))
        )
        return f"{BEGIN}\n{text}\n{END}".encode()

    def quote(self, path: str) -> str:
        """Return a path quoted for the shell."""
        if self.shell != "powershell":
            return shlex.quote(path)
        local = os.environ.get("LOCALAPPDATA", "")
        if os.name == "nt" and local and path.startswith(local):  # pragma: no cover - Windows only
            # PowerShell 5.1 reads a profile without a byte-order mark as ANSI, and a user's name may not be ASCII.
            return f"([Environment]::GetFolderPath('LocalApplicationData') + '{path.removeprefix(local)}')"
        return "'" + path.replace("'", "''") + "'"


def resolve_shell(name: str | None, env: Mapping[str, str]) -> str:
    """Return the shell to complete for: the given one, else that of $SHELL."""
    if name:
        return name
    name = os.path.basename(env.get("SHELL", "")).removesuffix(".exe")
    name = {"pwsh": "powershell", "": "powershell" if os.name == "nt" else ""}.get(name, name)
    if name not in completion.SHELLS:
        raise UsageError(
            f"dpx has no completion for {name}." if name else "No shell specified, and $SHELL is not set.",
            hint=f"Specify one of {', '.join(completion.SHELLS)}: dpx completion install SHELL",
        )
    return name


def find_target(shell: str, env: Mapping[str, str]) -> InstallTarget:
    """Return where the completion of one of `completion.SHELLS` goes."""
    home = env.get("HOME") or os.path.expanduser("~")
    if not os.path.isabs(home):
        raise UsageError("This user has no home directory.", hint=f"To print the script, run: dpx completion {shell}")
    data = _absolute(env.get("XDG_DATA_HOME")) or os.path.join(home, ".local", "share")
    config = _absolute(env.get("XDG_CONFIG_HOME")) or os.path.join(home, ".config")
    if shell == "bash":
        startups = [os.path.join(home, name) for name in _bash_startups(home)]
        if own := _absolute(env.get("BASH_COMPLETION_USER_DIR")):
            return InstallTarget(shell, own, os.path.join("completions", "dpx"), startups)
        return InstallTarget(shell, data, os.path.join("bash-completion", "completions", "dpx"), startups)
    if shell == "zsh":
        startup = os.path.join(_absolute(env.get("ZDOTDIR")) or home, ".zshrc")
        return InstallTarget(shell, data, os.path.join("zsh", "site-functions", "_dpx"), [startup])
    if shell == "fish":
        return InstallTarget(shell, config, os.path.join("fish", "completions", "dpx.fish"))
    if os.name == "nt":  # pragma: no cover - Windows only
        import platformdirs

        documents = platformdirs.user_documents_dir()
        startups = [os.path.join(documents, name, "profile.ps1") for name in ("PowerShell", "WindowsPowerShell")]
        return InstallTarget(shell, platformdirs.user_data_dir("dpx", appauthor=False), "dpx.ps1", startups)
    startup = os.path.join(config, "powershell", "profile.ps1")
    return InstallTarget(shell, data, os.path.join("dpx", "dpx.ps1"), [startup])


def _bash_startups(home: str) -> Sequence[str]:
    if sys.platform == "darwin":
        # A terminal starts login shells, which read the first of these files and not .bashrc.
        names = (".bash_profile", ".bash_login", ".profile")
        login = next((name for name in names if os.path.lexists(os.path.join(home, name))), names[0])
        return (".bashrc", login)
    return (".bashrc",)


def install(shell: str, env: Mapping[str, str]) -> Iterator[str]:
    """Install the script; yield a sentence about each thing that was done."""
    target = find_target(shell, env)
    script = completion.script(shell)
    before = files.read_bytes(target.script, "the completion script")
    if before is not None and not _is_ours(before):
        raise Failed(
            f"{target.script} was not written by dpx.",
            hint=f"Rename it, then run: dpx completion install {shell}",
        )
    contents = _read_startups(target)  # fails on an unreadable start-up file before anything is written
    if before == script:
        yield f"{target.script} is up to date."
    else:
        files.write_whole(target.script, script, mode=None)
        yield f"Wrote {target.script}."
    for path, content in contents.items():
        after = _added(_without(content or b""), target.block)
        if after != content:
            files.write_whole(path, after, mode=None)
            yield f"Added a block to {path}."
    load = "." if shell == "powershell" else "source"
    yield f"Open a new {shell} to use it, or run: {load} {target.quote(target.script)}"


def uninstall(shell: str, env: Mapping[str, str]) -> Iterator[str]:
    """Remove the script and the blocks; yield a sentence about each thing that was done."""
    target = find_target(shell, env)
    contents = _read_startups(target)
    before = files.read_bytes(target.script, "the completion script")
    done = before is not None and _is_ours(before)
    if done:
        files.remove(target.script)
        _remove_empty(os.path.dirname(target.script), target.base)
        yield f"Removed {target.script}."
    for path, content in contents.items():
        if content is None or (after := _without(content)) == content:
            continue
        if after:
            files.write_whole(path, after, mode=None)
        else:
            files.remove(os.path.realpath(path))
        done = True
        yield f"Removed the block from {path}."
    if not done:
        yield f"No completion is installed for {shell}."


def _read_startups(target: InstallTarget) -> dict[str, bytes | None]:
    return {path: files.read_bytes(path, "the shell's start-up file") for path in target.startups}


def _added(content: bytes, block: bytes) -> bytes:
    """Return a start-up file with the block at its end. `_without` can tell whether it ended in a newline."""
    if content and not content.endswith(b"\n"):
        return content + b"\n" + block
    return content + block + b"\n"


def _without(content: bytes) -> bytes:
    """Return a start-up file without the block, as it was before."""
    # An editor of Windows may have changed the ends of its lines.
    block = rf"^{BEGIN}\r?\n(?:.*?\n)?{END}(?P<newline>\r?\n)?".encode()
    found = re.search(block, content, re.DOTALL | re.MULTILINE)
    if found is None:
        return content
    before, after = content[: found.start()], content[found.end() :]
    return (before if found["newline"] else before.removesuffix(b"\n")) + after


def _is_ours(script: bytes) -> bool:
    return completion.MARK.encode() in script[:400]


def _remove_empty(folder: str, base: str) -> None:
    """Remove empty folders, from one upward, but never `base` itself."""
    while folder != base and folder.startswith(base):
        try:
            os.rmdir(folder)
        except OSError:
            return
        folder = os.path.dirname(folder)


def _absolute(path: str | None) -> str:
    return path if path and os.path.isabs(path) else ""
