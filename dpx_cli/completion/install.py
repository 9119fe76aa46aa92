"""Install a completion script where its shell looks for it, and uninstall it.

| shell | script | start-up file, in a marked block |
|---|---|---|
| bash | `$BASH_COMPLETION_USER_DIR/completions/dpx` | `~/.bashrc`, for a bash without the bash-completion package |
| zsh | `$XDG_DATA_HOME/zsh/site-functions/_dpx` | `$ZDOTDIR/.zshrc`, because zsh looks in no folder of the user |
| fish | `$XDG_CONFIG_HOME/fish/completions/dpx.fish` | |
| PowerShell | `$XDG_DATA_HOME/dpx/dpx.ps1` | `profile.ps1` of all hosts |

A file that dpx didn't write is left alone. Uninstalling restores the start-up file byte for byte.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dpx_cli import completion
from dpx_cli.errors import Failed, UsageError
from dpx_cli.system import files

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

BEGIN = "# >>> dpx completion >>>"
END = "# <<< dpx completion <<<"

SCRIPT_MODE = 0o644

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


class Place:
    """Where a shell's completion goes.

    Attributes:
        shell: which.
        script: the script's path.
        base: the folder above everything that dpx may create; folders below it are removed when they are empty.
        startup: the start-up file that gets a block; None if the shell needs none.
    """

    __slots__ = ("base", "script", "shell", "startup")

    def __init__(self, shell: str, base: str, below: str, startup: str | None) -> None:
        self.shell = shell
        self.base = base
        self.script = os.path.join(base, below)
        self.startup = startup

    @property
    def block(self) -> bytes:
        """The lines for the start-up file, with their marks and without a final newline."""
        quote = _quoted_for_powershell if self.shell == "powershell" else _quoted
        text = BLOCKS[self.shell].format(script=quote(self.script), folder=quote(os.path.dirname(self.script)))
        return f"{BEGIN}\n{text}\n{END}".encode()


def shell_of(given: str | None, env: Mapping[str, str]) -> str:
    """Return the shell to complete for: the given one, else that of $SHELL.

    Raises:
        UsageError: if neither names a shell that dpx completes for.
    """
    if given:
        return given
    name = os.path.basename(env.get("SHELL", "")).removesuffix(".exe")
    name = {"pwsh": "powershell", "": "powershell" if os.name == "nt" else ""}.get(name, name)
    if name not in completion.SHELLS:
        raise UsageError(
            f"dpx has no completion for {name}." if name else "No shell specified, and $SHELL is not set.",
            hint=f"Specify one of {', '.join(completion.SHELLS)}: dpx completion install SHELL",
        )
    return name


def place_of(shell: str, env: Mapping[str, str]) -> Place:
    """Return where the completion of one of `completion.SHELLS` goes.

    Raises:
        UsageError: if there is no home folder.
    """
    home = env.get("HOME") or os.path.expanduser("~")
    if not os.path.isabs(home):
        raise UsageError("This user has no home folder.", hint=f"To print the script, run: dpx completion {shell}")
    data = _absolute(env.get("XDG_DATA_HOME")) or os.path.join(home, ".local", "share")
    config = _absolute(env.get("XDG_CONFIG_HOME")) or os.path.join(home, ".config")
    if shell == "bash":
        startup = os.path.join(home, ".bashrc")
        if own := _absolute(env.get("BASH_COMPLETION_USER_DIR")):
            return Place(shell, own, os.path.join("completions", "dpx"), startup)
        return Place(shell, data, os.path.join("bash-completion", "completions", "dpx"), startup)
    if shell == "zsh":
        startup = os.path.join(_absolute(env.get("ZDOTDIR")) or home, ".zshrc")
        return Place(shell, data, os.path.join("zsh", "site-functions", "_dpx"), startup)
    if shell == "fish":
        return Place(shell, config, os.path.join("fish", "completions", "dpx.fish"), None)
    if os.name == "nt":  # pragma: no cover - Windows only
        import platformdirs

        startup = os.path.join(platformdirs.user_documents_dir(), "PowerShell", "profile.ps1")
        return Place(shell, platformdirs.user_data_dir("dpx", appauthor=False), "dpx.ps1", startup)
    startup = os.path.join(config, "powershell", "profile.ps1")
    return Place(shell, data, os.path.join("dpx", "dpx.ps1"), startup)


def install(shell: str, env: Mapping[str, str]) -> Iterator[str]:
    """Install the script; yield a sentence about each thing that was done.

    Raises:
        Failed: if a file can't be written, or there is a file at the script's path that dpx didn't write.
    """
    place = place_of(shell, env)
    script = completion.script(shell)
    before = files.read_bytes(place.script, "the completion script")
    if before is not None and not _is_ours(before):
        raise Failed(
            f"{place.script} was not written by dpx.", hint=f"Move it away, then run: dpx completion install {shell}"
        )
    startup = _content(place)  # fails on an unreadable start-up file before anything is written
    if before == script:
        yield f"{place.script} is up to date."
    else:
        files.write_whole(place.script, script, mode=SCRIPT_MODE)
        yield f"Wrote {place.script}."
    if place.startup is not None:
        after = _added(_without(startup or b""), place.block)
        if after != startup:
            files.write_whole(place.startup, after, mode=_mode(place.startup))
            yield f"Added a block to {place.startup}."
    yield f"Open a new {shell} to use it, or run: {_now(place)}"


def uninstall(shell: str, env: Mapping[str, str]) -> Iterator[str]:
    """Remove the script and the block; yield a sentence about each thing that was done.

    Raises:
        Failed: if a file can't be changed.
    """
    place = place_of(shell, env)
    startup = _content(place)
    before = files.read_bytes(place.script, "the completion script")
    done = False
    if before is not None and _is_ours(before):
        files.remove(place.script)
        _remove_empty(os.path.dirname(place.script), place.base)
        done = True
        yield f"Removed {place.script}."
    if place.startup is not None and startup is not None and (after := _without(startup)) != startup:
        if after:
            files.write_whole(place.startup, after, mode=_mode(place.startup))
        else:
            files.remove(os.path.realpath(place.startup))
        done = True
        yield f"Removed the block from {place.startup}."
    if not done:
        yield f"No completion is installed for {shell}."


def _content(place: Place) -> bytes | None:
    return None if place.startup is None else files.read_bytes(place.startup, "the shell's start-up file")


def _added(content: bytes, block: bytes) -> bytes:
    """Return a start-up file with the block at its end. `_without` can tell whether it ended in a newline."""
    if content and not content.endswith(b"\n"):
        return content + b"\n" + block
    return content + block + b"\n"


def _without(content: bytes) -> bytes:
    """Return a start-up file without the block, as it was before."""
    begin, end = BEGIN.encode(), END.encode()
    at = 0 if content.startswith(begin + b"\n") else content.find(b"\n" + begin + b"\n") + 1
    if not content.startswith(begin + b"\n", at):
        return content
    stop = content.find(b"\n" + end, at)
    if stop < 0:
        return content
    stop += 1 + len(end)
    if content.startswith(b"\n", stop):
        return content[:at] + content[stop + 1 :]
    return content[: max(at - 1, 0)] + content[stop:]


def _is_ours(script: bytes) -> bool:
    return completion.MARK.encode() in script[:400]


def _mode(path: str) -> int:
    """Return the permissions of a file; those of a new one if it doesn't exist."""
    try:
        return os.stat(path).st_mode & 0o777
    except OSError:
        return SCRIPT_MODE


def _remove_empty(folder: str, base: str) -> None:
    """Remove empty folders, from one upward, but never `base` itself."""
    while folder != base and folder.startswith(base):
        try:
            os.rmdir(folder)
        except OSError:
            return
        folder = os.path.dirname(folder)


def _now(place: Place) -> str:
    """Return the line that loads the script into a running shell."""
    quote = _quoted_for_powershell if place.shell == "powershell" else _quoted
    return f"{'.' if place.shell == 'powershell' else 'source'} {quote(place.script)}"


def _absolute(path: str | None) -> str:
    return path if path and os.path.isabs(path) else ""


def _quoted(text: str) -> str:
    from shlex import quote

    return quote(text)


def _quoted_for_powershell(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
