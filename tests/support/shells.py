"""Real shells on a pseudo-terminal: type, press TAB, read what the command line has become or what is listed."""

from __future__ import annotations

import os
import re
import select
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

import program

if TYPE_CHECKING:
    from collections.abc import Mapping

SECONDS = 30  # no answer takes longer, however busy the machine
ESCAPES = re.compile(r"\x1b(?:\[[0-9;?<>=]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][A-Z0-9]|[=>78])")
NAMES = ("bash", "zsh", "fish")
SHOWN = r"<<(.*?)>>"

# Ctrl-G shows the command line between << and >> and empties it.
BASH = r"""
PS1='READY> ' PS2='' HISTFILE=
set -u
shopt -s failglob
bind 'set enable-bracketed-paste off'
bind 'set bell-style none'
bind 'set show-all-if-ambiguous on'
bind 'set page-completions off'
bind 'set completion-query-items 0'
show() { printf '<<%s>>\n' "$READLINE_LINE"; READLINE_LINE=; READLINE_POINT=0; }
bind -x '"\C-g": show'
"""
ZSH = r"""
PS1='READY> ' HISTFILE= LISTMAX=1000
unsetopt prompt_sp prompt_cr beep zle_bracketed_paste
zle_highlight=(none)
autoload -Uz compinit && compinit -u -d $HOME/.zcompdump
zstyle ':completion:*' list-prompt ''
show() { zle -I; print -r -- "<<$BUFFER>>"; BUFFER= }
zle -N show
bindkey -e
bindkey '^G' show
"""
FISH = r"""
function fish_prompt; echo -n 'READY> '; end
function fish_right_prompt; end
function fish_greeting; end
set -g fish_autosuggestion_enabled 0
set -g fish_color_command normal
function show; printf '\n<<%s>>\n' (commandline); commandline -r ''; commandline -f repaint; end
bind \cg show
"""


class Shell:
    """One interactive shell; `load` is a line that loads dpx's completion, run after `before` in its start-up file."""

    def __init__(self, name: str, env: Mapping[str, str], cwd: Path, load: str, before: str = "") -> None:
        self.name = name
        setup = {"bash": BASH, "zsh": ZSH, "fish": FISH}[name]
        rc = cwd / f"rc-{name}"
        rc.write_text(f"{before}\n{setup}\n{load}\n", encoding="utf-8")
        argv = {
            "bash": ["bash", "--noprofile", "--rcfile", str(rc), "-i"],
            "zsh": ["zsh", "-f", "-i"],
            "fish": ["fish", "--init-command", f"source {rc}", "-i"],
        }[name]
        if name == "fish":
            # Where this folder is missing, fish reads every man page of the machine first, in the background.
            data = Path(env.get("XDG_DATA_HOME") or Path(env["HOME"]) / ".local" / "share")
            (data / "fish" / "generated_completions").mkdir(parents=True, exist_ok=True)
        self._child, self._ours = program.start_on_terminal(argv, env=env, cwd=cwd, lines=60, columns=160)
        self.seen = ""
        if name == "zsh":  # -f keeps every start-up file out, the system's too
            os.write(self._ours, f"source {rc}\n".encode())
        self._wait_for("READY> ")
        # A shell that has drawn its prompt may still be setting up its terminal; it answers when it is done.
        self.line("echo ready", tab=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._child.send_signal(signal.SIGHUP)
        os.close(self._ours)
        try:
            self._child.wait(5)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()

    def line(self, typed: str, *, tab: bool = True) -> str:
        """What the command line is after some keys and a TAB."""
        self.seen = ""
        os.write(self._ours, typed.encode() + (b"\t" if tab else b"") + b"\x07")
        found = re.search(SHOWN, self._wait_for(SHOWN, pattern=True), re.DOTALL)
        assert found
        self._settle()
        return found[1]

    def listed(self, typed: str, wanted: str) -> str:
        """What the shell shows after some keys and a TAB, as soon as `wanted` is there; text without escapes."""
        self.seen = ""
        os.write(self._ours, typed.encode() + b"\t")
        self._wait_for(wanted)
        self._settle()
        shown = plain(self.seen)
        os.write(self._ours, b"\x07")
        self._wait_for(SHOWN, pattern=True)
        self._settle()
        return shown

    def run(self, command: str) -> str:
        """Run a command; gives what was shown."""
        self.seen = ""
        os.write(self._ours, f"{command}; echo DO''NE\n".encode())
        text = self._wait_for("DONE")
        self._settle()
        return text

    def _wait_for(self, wanted: str, *, pattern: bool = False) -> str:
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            text = plain(self.seen)
            if re.search(wanted if pattern else re.escape(wanted), text, re.DOTALL):
                return text
            self._read(0.1)
        raise AssertionError(f"{self.name} did not show {wanted!r}; it showed {self.seen!r}")

    def _settle(self, quiet: float = 0.15) -> None:
        """Read until the shell has been silent for a while."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end and self._read(quiet):
            pass

    def _read(self, seconds: float) -> bool:
        ready, _, _ = select.select([self._ours], [], [], seconds)
        if not ready:
            return False
        try:
            data = os.read(self._ours, 65536)
        except OSError:
            return False
        if b"\x1b[c" in data or b"\x1b[0c" in data:
            os.write(self._ours, b"\x1b[?62;c")  # newer fish asks what terminal it is on
        self.seen += data.decode("utf-8", "replace")
        return bool(data)


def plain(text: str) -> str:
    """What was shown, without escape sequences."""
    return ESCAPES.sub("", text).replace("\r", "")


def is_installed(name: str) -> bool:
    """Whether a shell is here."""
    return shutil.which(name) is not None
