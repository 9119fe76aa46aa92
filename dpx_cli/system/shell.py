"""Commands to paste into a shell: what every hint shows."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

PLAIN = frozenset("@%+=:,./-_")  # besides letters and digits: marks that no shell gives a meaning to


def quote(word: str) -> str:
    """Return a word quoted for a POSIX shell; on Windows in double quotes, which cmd and PowerShell both read."""
    if word and word.isascii() and all(mark.isalnum() or mark in PLAIN for mark in word):
        return word
    if sys.platform == "win32":
        return '"' + word.replace('"', '\\"') + '"'
    return "'" + word.replace("'", "'\"'\"'") + "'"


def join(words: Sequence[str]) -> str:
    """Return words as one command line."""
    return " ".join(map(quote, words))


def command(
    *words: str,
    project: str | None = None,
    org: str | None = None,
    target: Sequence[str] | str = (),
    profile: str | None = None,
) -> str:
    """Return `dpx WORDS…` with the options that have a value, quoted: a command to paste.

    Use `Session.command` where there is a session: it adds the profile in force.
    """
    targets = [target] if isinstance(target, str) else target
    options = [
        ("--project", project),
        ("--org", org),
        *(("--target", name) for name in targets),
        ("--profile", profile),
    ]
    # Options stand before "--", behind which everything belongs to another command.
    split = words.index("--") if "--" in words else len(words)
    added = [word for flag, value in options if value is not None for word in (flag, value)]
    return join(["dpx", *words[:split], *added, *words[split:]])
