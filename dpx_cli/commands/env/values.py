"""Values to set: from the command line, a file, standard input or a hidden prompt. No error ever shows one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.errors import UsageError
from dpx_cli.output.screen import input_name
from dpx_cli.reference import is_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dpx_cli.session import Session

MAX_BYTES = 4 * 1024 * 1024  # of a value or a file; no platform takes more, and a wrong path may be endless
FORMS = "Pass KEY VALUE, or KEY=VALUE for each; or KEY with --stdin or --from-file FILE."
QUOTE = "Quote a value that has spaces."
MAY_BE_EMPTY = "Pass --allow-empty to set an empty value."


def check_key(key: str) -> str:
    """Return a variable's name. Raises UsageError if it doesn't match the reference's [A-Za-z_][A-Za-z0-9_]*."""
    if not is_key(key):
        raise UsageError(f"Invalid variable name: {key!r}", hint="Use letters, digits and _; don't begin with a digit.")
    return key


def check_value(key: str, value: str) -> str:
    """Return a value. Raises UsageError, which doesn't show it, if it can't be sent as UTF-8."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise UsageError(f"The value of {key} is not UTF-8.", hint="Encode it first, for example as base64.") from None
    return value


def from_words(
    session: Session, words: Sequence[str], *, stdin: bool, from_file: str | None, allow_empty: bool
) -> dict[str, str]:
    """Return the variables to set: from the command line, or else from a file, standard input or a prompt.

    Args:
        session: the session.
        words: the arguments of `env set`; a word that may be a value is never shown.
        stdin: whether `--stdin` was given.
        from_file: the file of `--from-file`.
        allow_empty: whether `--allow-empty` was given.

    Raises:
        UsageError: if they don't fit together, or a name or value is invalid.
    """
    read = stdin or from_file is not None
    if "=" in words[0]:
        if read:
            raise UsageError("--stdin and --from-file take a KEY without =VALUE.", hint=FORMS)
        return _pairs(words, allow_empty=allow_empty)
    if len(words) == 1 and not read:
        # In `dpx env set $KEY $VALUE` with an empty KEY, the one word is the value.
        if not is_key(words[0]):
            raise UsageError("The only word given is no variable name.", hint=FORMS)
        if not session.screen.can_ask:
            raise UsageError("No value given.", hint=FORMS)
    key = check_key(words[0])
    if len(words) > (1 if read else 2):
        raise UsageError(
            f"The value of {key} is given twice." if read else f"Too many arguments after {key}.",
            hint=f"{FORMS} {QUOTE}",
        )
    if read:
        return {key: from_input(session, key, stdin=stdin, from_file=from_file, allow_empty=allow_empty)}
    return {key: check_value(key, words[1] if len(words) > 1 else _asked(session, allow_empty=allow_empty))}


def for_key(session: Session, key: str, *, stdin: bool, from_file: str | None) -> str:
    """Return the value of one key: from `--stdin`, `--from-file` or a prompt. Raises UsageError without any of them."""
    if stdin or from_file is not None:
        return from_input(session, key, stdin=stdin, from_file=from_file, allow_empty=False)
    if not session.screen.can_ask:
        raise UsageError("No value given.", hint="Pass --stdin or --from-file FILE.")
    return check_value(key, _asked(session, allow_empty=False))


def from_input(session: Session, key: str, *, stdin: bool, from_file: str | None, allow_empty: bool) -> str:
    """Return a value as the bytes of a file or of standard input are, without exactly one final newline.

    Raises:
        UsageError: if both are given, or the value is empty, too large or not UTF-8.
    """
    if stdin and from_file is not None:
        raise UsageError("--stdin and --from-file can't be used together.", hint="Pass one of them.")
    source = "-" if from_file is None else from_file
    data = session.screen.read_input(source, f"the value of {key}", limit=MAX_BYTES)
    for newline in (b"\r\n", b"\n"):
        if data.endswith(newline):
            data = data[: -len(newline)]
            session.screen.note(f"The final newline is not part of the value of {key}.")
            break
    if not data and not allow_empty:
        raise UsageError(f"The value of {key} is empty.", hint=MAY_BE_EMPTY)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"The value of {key} is not UTF-8.", hint="Encode it first, for example as base64.") from None


def from_env_file(session: Session, file: str) -> dict[str, str]:
    """Return the variables of a .env file. Raises UsageError, as `dotenv.parse` does."""
    from dpx_cli.commands.env import dotenv

    return dotenv.parse(session.screen.read_input(file, "the variables", limit=MAX_BYTES), input_name(file))


def keys_of_file(session: Session, file: str) -> list[str]:
    """Return the keys of a .env or .env.example file. Raises UsageError, as `dotenv.keys` does."""
    from dpx_cli.commands.env import dotenv

    return dotenv.keys(session.screen.read_input(file, "the variables", limit=MAX_BYTES), input_name(file))


def _asked(session: Session, *, allow_empty: bool) -> str:
    # The question doesn't name the key: the word may be a value (see `from_words`).
    value = session.screen.secret("Value of the variable", again="Value of the variable again")
    if not value and not allow_empty:
        raise UsageError("The value is empty.", hint=MAY_BE_EMPTY)
    return value


def _pairs(words: Sequence[str], *, allow_empty: bool) -> dict[str, str]:
    if len(words) == 1 and not allow_empty and _may_be_base64(words[0]):
        raise UsageError("The only word given may be a value in base64.", hint=f"{FORMS} {MAY_BE_EMPTY}")
    values: dict[str, str] = {}
    for number, word in enumerate(words, 1):
        key, equals, value = word.partition("=")
        if not equals:
            raise UsageError(f"Argument {number} is not KEY=VALUE.", hint=QUOTE)
        if (number > 1 or not value.strip("=")) and not is_key(key):
            # Not shown: it may be the rest of a value that was not quoted, or one in base64.
            raise UsageError(f"Argument {number} doesn't begin with a variable name.", hint=QUOTE)
        if check_key(key) in values:
            raise UsageError(f"{key} is given twice.", hint="Pass each key once.")
        values[key] = check_value(key, value)
    return values


def _may_be_base64(word: str) -> bool:
    """Return whether a word of the form KEY= may be a whole value in base64, as if KEY had been empty.

    Names of variables are in capitals, as a rule; base64 hardly ever is.
    """
    padding = len(word) - len(word.rstrip("="))
    if word.find("=") != len(word) - padding or (padding == 1 and word.isupper()):
        return False
    return padding > 1 or (len(word) % 4 == 0 and "_" not in word)
