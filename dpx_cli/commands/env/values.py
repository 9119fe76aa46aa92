"""Values to set: from the command line, a file, standard input or a hidden prompt. No error ever shows one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dpx_cli.commands.env.dotenv import EnvFile, is_utf16
from dpx_cli.errors import UsageError, exclusive
from dpx_cli.output.screen import input_name
from dpx_cli.reference import TARGETS, is_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dpx_cli.session import Session

MAX_BYTES = 4 * 1024 * 1024  # of a value or a file; no platform accepts more, and a wrong path may be endless
FORMS = "Pass KEY VALUE, or KEY=VALUE for each; or KEY with --stdin or --from-file FILE."
QUOTE = "Quote a value that has spaces."
MAY_BE_EMPTY = "Pass --allow-empty to set an empty value."


def check_key(key: str) -> str:
    """Return a variable's name. Raises UsageError if it isn't one; what follows "=" is not shown."""
    if is_key(key):
        return key
    name, equals, _ = key.partition("=")
    if equals:
        name = name if is_key(name) else "KEY"
        raise UsageError(f"Pass the key alone: {name}", hint="Only env set accepts KEY=VALUE.")
    raise UsageError(f"Invalid variable name: {key!r}", hint="Use letters, digits and _; don't begin with a digit.")


def check_value(key: str, value: str, *, allow_empty: bool) -> str:
    """Return a value. Raises UsageError, which doesn't show it, if it's empty or can't be an environment variable."""
    if not value and not allow_empty:
        raise UsageError(f"The value of {key} is empty.", hint=MAY_BE_EMPTY)
    if "\0" in value:
        raise UsageError(f"The value of {key} has a NUL character.", hint="Encode it first, for example as base64.")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise UsageError(f"The value of {key} is not UTF-8.", hint="Encode it first, for example as base64.") from None
    return value


def from_words(
    session: Session, words: Sequence[str], *, stdin: bool, from_file: str | None, allow_empty: bool
) -> dict[str, str]:
    """Return the variables to set: from the command line, or else from a file, standard input or a prompt."""
    must_read = stdin or from_file is not None
    if "=" in words[0]:
        if must_read:
            raise UsageError("--stdin and --from-file can't be used with KEY=VALUE.", hint=FORMS)
        return _pairs(words, allow_empty=allow_empty)
    if len(words) == 1 and not must_read and not is_key(words[0]):
        # In `dpx env set $KEY $VALUE` with an empty KEY, the one word is the value.
        raise UsageError("Not a valid variable name.", hint=FORMS)
    key = check_key(words[0])
    if len(words) > (1 if must_read else 2):
        message = f"The value of {key} is given twice." if must_read else f"Too many arguments after {key}."
        raise UsageError(message, hint=_target_hint(words[2:]) or f"{FORMS} {QUOTE}")
    if len(words) == 1:
        return {key: for_key(session, key, stdin=stdin, from_file=from_file, allow_empty=allow_empty)}
    return {key: check_value(key, words[1], allow_empty=allow_empty)}


def for_key(session: Session, key: str, *, stdin: bool, from_file: str | None, allow_empty: bool = False) -> str:
    """Return the value of one key: from `--stdin`, `--from-file` or a prompt. Raises UsageError without any of them."""
    if stdin or from_file is not None:
        value = _read(session, key, stdin=stdin, from_file=from_file)
    elif session.screen.can_ask:
        value = session.screen.secret(f"Value of {key}", again=f"Value of {key} again")
    else:
        raise UsageError("No value given.", hint="Pass --stdin or --from-file FILE.")
    return check_value(key, value, allow_empty=allow_empty)


def _read(session: Session, key: str, *, stdin: bool, from_file: str | None) -> str:
    """Return a value as the bytes of a file or of standard input are, without exactly one final newline."""
    exclusive(("--stdin", stdin), ("--from-file", from_file))
    screen = session.screen
    data = screen.read_input("-" if from_file is None else from_file, f"the value of {key}", limit=MAX_BYTES)
    if data.endswith(b"\n"):
        data = data[:-1].removesuffix(b"\r")
        screen.note(f"The final newline is not part of the value of {key}.")
    if is_utf16(data):
        raise UsageError(f"The value of {key} is UTF-16, not UTF-8.", hint="Save the file as UTF-8.")
    try:
        value = data.decode("utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"The value of {key} is not UTF-8.", hint="Encode it first, for example as base64.") from None
    if value.startswith("\ufeff"):
        screen.note(f"The value of {key} begins with a byte order mark (BOM), which is part of it.")
    return value


def from_env_file(session: Session, file: str) -> dict[str, str]:
    """Return the variables of a .env file. Raises UsageError if a line is bad or a key is repeated."""
    parsed = _read_file(session, file)
    if literal := parsed.references:
        named = f"value{'s' if len(literal) > 1 else ''} of {', '.join(literal)}"
        session.screen.note(f"${{…}} is not replaced: it stays as it is in the {named}.")
    if not parsed.values:
        session.screen.warn(f"{input_name(file)} has no variables; nothing was changed.")
    return parsed.values


def keys_of_file(session: Session, file: str) -> list[str]:
    """Return the keys of a .env or .env.example file. Raises UsageError if a line is bad."""
    parsed = _read_file(session, file, bare=True)
    for key, (first, second) in parsed.repeated.items():
        session.screen.warn(f"{input_name(file)} has {key} on lines {first} and {second}.")
    if not parsed.values:
        session.screen.warn(f"{input_name(file)} has no variables.")
    return list(parsed.values)


def _read_file(session: Session, file: str, *, bare: bool = False) -> EnvFile:
    name, equals, _ = file.partition("=")
    if equals and not os.path.lexists(file):
        name = name if is_key(name) else "KEY=VALUE"
        raise UsageError(f"Pass a file, not a variable: {name}", hint="Only env set accepts KEY=VALUE.")
    data = session.screen.read_input(file, "the variables", limit=MAX_BYTES)
    return EnvFile(data, input_name(file), bare=bare)


def _pairs(words: Sequence[str], *, allow_empty: bool) -> dict[str, str]:
    values: dict[str, str] = {}
    for number, word in enumerate(words, 1):
        key, equals, value = word.partition("=")
        if not equals:
            raise UsageError(f"Argument {number} is not KEY=VALUE.", hint=_target_hint([word]) or QUOTE)
        # Not shown unless it looks like a key: it may be a whole value in base64, as if KEY had been empty.
        if not value.strip("=") and not (is_key(key) and (allow_empty or (not value and key.isupper()))):
            raise UsageError(f"Argument {number} has no value.", hint=f"{FORMS} {MAY_BE_EMPTY}")
        if number > 1 and not is_key(key):
            # Not shown: it may be the rest of a value that was not quoted.
            raise UsageError(f"Argument {number} doesn't begin with a variable name.", hint=QUOTE)
        if check_key(key) in values:
            raise UsageError(f"{key} is given twice.", hint="Pass each key once.")
        values[key] = check_value(key, value, allow_empty=allow_empty)
    return values


def _target_hint(words: Sequence[str]) -> str | None:
    return f"Did you mean --target {words[0].lower()}?" if words and words[0].lower() in TARGETS else None
